// The interpreter's lock, released for the length of a native call.
//
// Taking it back while the interpreter is shutting down ends the thread (CPython 3.13 and older) by unwinding the stack
// from within, through C++ that does not expect it, and the process aborts. A thread that finds the interpreter shutting
// down therefore waits for the end of the process, as CPython does itself from 3.14 on.
#pragma once

#include <pybind11/pybind11.h>

#include <chrono>
#include <thread>

namespace chainrule::bindings {

class WithoutGil {
public:
    WithoutGil() : state_(PyEval_SaveThread()) {}
    ~WithoutGil() noexcept(false) { take(); }
    WithoutGil(const WithoutGil&) = delete;
    WithoutGil& operator=(const WithoutGil&) = delete;

    // Calls f with the lock, on the thread that made this object; f must not throw.
    template <class F>
    auto with_gil(F f) {
        take();
        const auto result = f();
        state_ = PyEval_SaveThread();
        return result;
    }

private:
    void take() {
#if PY_VERSION_HEX >= 0x030D0000
        const bool ending = Py_IsFinalizing();
#else
        const bool ending = _Py_IsFinalizing();
#endif
        while (ending) std::this_thread::sleep_for(std::chrono::hours(1));
        PyEval_RestoreThread(state_);
    }
    PyThreadState* state_;
};

}  // namespace chainrule::bindings

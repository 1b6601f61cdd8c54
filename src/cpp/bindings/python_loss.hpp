// A loss that is a Python function, called in the middle of a step by the thread that began it, which is the only one.
#pragma once

#include <exception>

#include "bindings/arrays.hpp"
#include "runtime/fpu.hpp"

namespace chainrule::bindings {

// function(prediction, target, gradient) returns the value and fills the gradient, all (rows, n_out); the arrays are its own.
// An exception is kept, and stops the training.
template <class T>
class PythonLoss {
public:
    PythonLoss(const py::object& f, WithoutGil& r, std::exception_ptr& e) : function_(f), released_(r), raised_(e) {}

    CustomLoss<T> loss() { return function_.is_none() ? CustomLoss<T>{} : CustomLoss<T>{call, this}; }

private:
    static bool call(void* self, std::ptrdiff_t rows, std::ptrdiff_t N, const T* A, std::ptrdiff_t lda, const T* Y,
                     std::ptrdiff_t ldy, T* dA, std::ptrdiff_t ldd, double& value) {
        auto& loss = *static_cast<PythonLoss*>(self);
        return loss.released_.with_gil([&] {
            const FlushToZero as_python_has_it(false);
            try {
                py::array_t<T> prediction({rows, N}), target({rows, N}), gradient({rows, N});
                for (std::ptrdiff_t r = 0; r < rows; ++r) {
                    std::copy_n(A + r * lda, N, prediction.mutable_data() + r * N);
                    std::copy_n(Y + r * ldy, N, target.mutable_data() + r * N);
                }
                value = py::cast<double>(loss.function_(prediction, target, gradient));
                for (std::ptrdiff_t r = 0; r < rows; ++r) std::copy_n(gradient.data() + r * N, N, dA + r * ldd);
                return true;
            } catch (...) {
                loss.raised_ = std::current_exception();
                return false;
            }
        });
    }

    const py::object& function_;
    WithoutGil& released_;
    std::exception_ptr& raised_;
};

}  // namespace chainrule::bindings

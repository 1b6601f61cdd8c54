// Arrays that are what they nearly always are: C-contiguous, aligned, of the dtype and the shape that is wanted. Whether
// they are is seen here in nanoseconds; what is wrong with others is for chainrule/native.py to say.
#pragma once

#include <pybind11/numpy.h>

#include <cstdint>
#include <initializer_list>
#include <optional>

namespace chainrule::bindings {

namespace py = pybind11;

// A negative length is any.
template <class T>
std::optional<py::array> plain_array(py::handle given, std::initializer_list<std::ptrdiff_t> shape) {
    // No static of our own: what makes it might hand the interpreter's lock to a thread that then waits for it to be made.
    if (!given || Py_TYPE(given.ptr()) != py::detail::npy_api::get().PyArray_Type_) return std::nullopt;
    auto a = py::reinterpret_borrow<py::array>(given);
    if (!(a.flags() & py::array::c_style) || a.ndim() != py::ssize_t(shape.size())) return std::nullopt;
    if (reinterpret_cast<std::uintptr_t>(a.data()) % alignof(T) != 0) return std::nullopt;
    if (a.dtype().ptr() != py::dtype::of<T>().ptr()) return std::nullopt;
    const py::ssize_t* length = a.shape();
    for (const std::ptrdiff_t wanted : shape)
        if (*length++ != wanted && wanted >= 0) return std::nullopt;
    return a;
}

// Whether any of the bytes of one are the other's.
inline bool overlap(const py::array& a, const py::array& b) {
    const auto begin = [](const py::array& x) { return reinterpret_cast<std::uintptr_t>(x.data()); };
    return begin(a) < begin(b) + std::uintptr_t(b.nbytes()) && begin(b) < begin(a) + std::uintptr_t(a.nbytes());
}

}  // namespace chainrule::bindings

// From NumPy arrays to pointers. chainrule/native.py has checked the arguments with texts made for people; what is
// checked here again guards memory: no array is ever read or written beyond its end.
#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <algorithm>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include "bindings/gil.hpp"
#include "model/loss.hpp"
#include "model/rule.hpp"

namespace chainrule::bindings {

namespace py = pybind11;

inline void require(bool holds, const char* what) {
    if (!holds) throw py::value_error(std::string("chainrule._core: ") + what);
}

inline bool is_float32(const py::array& a) { return a.dtype().equal(py::dtype::of<float>()); }

template <class T>
void require_dtype(const py::array& a) {
    require(a.dtype().equal(py::dtype::of<T>()), "an array has another dtype than the others");
}

template <class T>
void require_aligned(const py::array& a) {
    require(reinterpret_cast<std::uintptr_t>(a.data()) % alignof(T) == 0, "an array is not aligned");
}

// A 2-D array with contiguous rows.
template <class T>
struct Rows {
    const T* data;
    std::ptrdiff_t rows, columns, ld;
    explicit Rows(const py::array& a) {
        require_dtype<T>(a);
        require(a.ndim() == 2 && a.shape(1) > 0, "an array must have two dimensions and a column");
        constexpr std::ptrdiff_t size = sizeof(T);
        const bool one_row = a.shape(0) <= 1;
        const bool empty = a.shape(0) == 0;  // NumPy 2.4 gives it strides of 0
        require(empty || ((a.shape(1) == 1 || a.strides(1) == size) &&
                          (one_row || (a.strides(0) >= a.shape(1) * size && a.strides(0) % size == 0))),
                "an array must have contiguous rows");
        require_aligned<T>(a);
        data = static_cast<const T*>(a.data());
        rows = a.shape(0);
        columns = a.shape(1);
        ld = one_row ? columns : a.strides(0) / size;
    }
};

inline std::ptrdiff_t times(std::ptrdiff_t a, std::ptrdiff_t b) {
    std::ptrdiff_t product;
    require(!__builtin_mul_overflow(a, b, &product), "an array would be too large");
    return product;
}

template <class T>
T* contiguous(const py::array& a, std::ptrdiff_t size) {
    require_dtype<T>(a);
    require(a.size() == size && (a.flags() & py::array::c_style), "an array has the wrong size or is not contiguous");
    require_aligned<T>(a);
    return static_cast<T*>(const_cast<void*>(a.data()));
}

template <class T>
T* writable(const py::array& a, std::ptrdiff_t size) {
    require(a.writeable(), "an array is read-only");
    return contiguous<T>(a, size);
}

using Arrays = std::vector<py::array>;

template <class T>
Parameters<T> parameters(const Network& network, const Arrays& weights, const Arrays& biases, bool write) {
    Parameters<T> p;
    require(weights.size() == network.layers.size(), "wrong number of weights");
    require(biases.size() == (network.bias == BiasMode::none ? 0 : weights.size()), "wrong number of biases");
    for (std::size_t l = 0; l < weights.size(); ++l) {
        const Layer& layer = network.layers[l];
        const auto take = write ? writable<T> : contiguous<T>;
        p.weights.push_back(take(weights[l], times(layer.K, layer.N)));
        if (!biases.empty()) p.biases.push_back(take(biases[l], network.bias == BiasMode::layer ? 1 : layer.N));
    }
    return p;
}

template <class T>
Data<T> data(std::ptrdiff_t n_in, std::ptrdiff_t n_out, const py::array& X, const py::array& target,
             const py::object& weight = py::none()) {
    const Rows<T> x(X);
    require(x.columns == n_in && x.rows > 0, "X has the wrong shape");
    Data<T> d{x.rows, x.data, x.ld, nullptr, 0, nullptr};
    if (!weight.is_none()) d.weight = contiguous<T>(py::cast<py::array>(weight), x.rows);
    if (target.ndim() == 1) {
        const std::int64_t* given = contiguous<std::int64_t>(target, x.rows);
        const std::shared_ptr<std::int64_t[]> kept(new std::int64_t[static_cast<std::size_t>(x.rows)]);
        std::copy_n(given, x.rows, kept.get());
        d.kept = kept;
        d.labels = kept.get();
        for (std::ptrdiff_t r = 0; r < x.rows; ++r)
            require(d.labels[r] >= 0 && d.labels[r] < n_out, "a label is out of range");
    } else {
        const Rows<T> y(target);
        require(y.rows == x.rows && y.columns == n_out, "target has the wrong shape");
        d.Y = y.data;
        d.ldy = y.ld;
        for (std::ptrdiff_t r = 0; r < y.rows && !d.missing; ++r)
            d.missing = std::any_of(y.data + r * y.ld, y.data + r * y.ld + n_out, [](T v) { return v != v; });
    }
    return d;
}

// Numbers from Python as enumerators.
inline Activation activation_of(int kind) {
    require(kind >= 0 && kind < int(std::size(activation_names)), "unknown activation");
    return Activation(kind);
}

// A loss as chainrule/native.py has it: (kind, delta, label smoothing, levels, factors, function or None, margin),
// levels and factors for each output, or empty.
inline LossNumbers loss_of(const py::tuple& given, std::ptrdiff_t n_out) {
    require(given.size() == 7, "a loss has 7 entries");
    const int kind = py::cast<int>(given[0]);
    require(kind >= 0 && kind < int(std::size(loss_names)), "unknown loss");
    LossNumbers loss{Loss(kind),
                     py::cast<double>(given[1]),
                     py::cast<double>(given[2]),
                     py::cast<std::vector<double>>(given[3]),
                     py::cast<std::vector<double>>(given[4]),
                     py::cast<double>(given[6])};
    const auto fits = [&](const std::vector<double>& v) { return v.empty() || std::ptrdiff_t(v.size()) == n_out; };
    require(fits(loss.levels) && fits(loss.factors), "levels or factors of another number than the outputs");
    require(loss.loss != Loss::quantile || !loss.levels.empty(), "no levels");
    require((loss.loss == Loss::custom) == !given[5].is_none(), "a custom loss has a function, and no other has");
    return loss;
}

// A rule as chainrule/native.py has it: its kind, and its numbers in the order of `Rule` there.
inline RuleNumbers rule_of(int kind, const std::vector<double>& n) {
    require(kind >= 0 && kind < int(std::size(rule_names)), "unknown rule");
    require(n.size() == 18, "a rule has 18 numbers");
    return {RuleKind(kind), n[0],  n[1],  n[2] != 0, n[3],  n[4] != 0, n[5],  n[6],       n[7],      n[8],
            n[9],           n[10], n[11], n[12],     n[13], n[14],     n[15], n[16] != 0, n[17] != 0};
}

// One flag a layer; empty where no layer is given.
inline std::vector<bool> layers_among(const std::vector<std::size_t>& given, const Network& network) {
    std::vector<bool> flags(given.empty() ? 0 : network.layers.size());
    for (std::size_t layer : given) {
        require(layer < flags.size(), "no such layer");
        flags[layer] = true;
    }
    require(flags.empty() || std::find(flags.begin(), flags.end(), false) != flags.end(), "no layer is left");
    return flags;
}

// Calls f.operator()<float>() or <double>(), as the array is.
template <class F>
auto with_dtype(const py::array& a, F f) {
    if (is_float32(a)) return f.template operator()<float>();
    require_dtype<double>(a);
    return f.template operator()<double>();
}

// Each topic's functions, added to the module by module.cpp.
void bind_runtime(py::module_&);
void bind_random(py::module_&);
void bind_layers(py::module_&);
void bind_model(py::module_&);
void bind_training(py::module_&);
void bind_plan(py::module_&);
void bind_least_squares(py::module_&);
void bind_kept_pass(py::module_&);

}  // namespace chainrule::bindings

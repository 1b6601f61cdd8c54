// Single steps of the mathematics on plain arrays: activations, losses, the update.
#include <pybind11/stl.h>

#include "bindings/arrays.hpp"
#include "model/loss_of_rows.hpp"
#include "runtime/cpu.hpp"
#include "runtime/fpu.hpp"

namespace chainrule::bindings {
namespace {

// Elementwise work on arrays without gaps is done as one long row; softmax keeps its rows.
template <class T>
bool one_long_row(Activation kind, const Rows<T>& a) {
    return kind != Activation::softmax && a.ld == a.columns;
}

void activation(int kind, const py::array& Z, const py::array& out) {
    with_dtype(Z, [&]<class T>() {
        const Rows<T> z(Z);
        T* a = writable<T>(out, z.rows * z.columns);
        const WithoutGil released;
        FlushToZero ftz;
        const bool flat = one_long_row(activation_of(kind), z);
        const std::ptrdiff_t rows = flat ? 1 : z.rows, columns = flat ? z.rows * z.columns : z.columns;
        kernels<T>().activate(activation_of(kind), rows, columns, z.data, z.ld, a, z.columns);
    });
}

void activation_gradient(int kind, const py::array& A, const py::object& Z, const py::array& dA, const py::array& out) {
    with_dtype(A, [&]<class T>() {
        const Rows<T> a(A), d(dA);
        require(a.rows == d.rows && a.columns == d.columns, "A and dA differ in shape");
        T* dz = writable<T>(out, a.rows * a.columns);
        require(!Z.is_none() || !slope_needs_input(activation_of(kind)), "Z is needed");
        const Rows<T> z = Z.is_none() ? a : Rows<T>(py::cast<py::array>(Z));
        require(a.rows == z.rows && a.columns == z.columns, "A and Z differ in shape");
        const WithoutGil released;
        FlushToZero ftz;
        const bool flat = one_long_row(activation_of(kind), a) && d.ld == d.columns && z.ld == z.columns;
        const std::ptrdiff_t rows = flat ? 1 : a.rows, columns = flat ? a.rows * a.columns : a.columns;
        kernels<T>().activation_gradient(activation_of(kind), rows, columns, a.data, a.ld, z.data, z.ld, d.data, d.ld,
                                         dz, a.columns);
    });
}

}  // namespace

void bind_layers(py::module_& m) {
    m.def("activation", activation);
    m.def("activation_gradient", activation_gradient);
    m.def("loss_and_gradient",
          [](const py::tuple& loss, int kind, const py::array& Z, const py::array& target, const py::object& weight) {
              return with_dtype(Z, [&]<class T>() -> py::tuple {
                  require(Z.ndim() == 2, "Z must have two dimensions");
                  const std::ptrdiff_t N = Z.shape(1);
                  const Data<T> d = data<T>(N, N, Z, target, weight);
                  const LossNumbers numbers = loss_of(loss, N);
                  require(numbers.loss != Loss::custom, "not a loss that is computed here");
                  py::array_t<T> dZ({d.rows, N});
                  T* out = dZ.mutable_data();
                  double value;
                  {
                      const WithoutGil released;
                      FlushToZero ftz;
                      value = loss_of_rows(numbers, activation_of(kind), d, N, out);
                  }
                  return py::make_tuple(value, dZ);
              });
          });
    m.def("update", [](const py::array& w, const py::array& v, const py::array& g, double learning_rate,
                       double momentum, bool nesterov, double weight_decay) {
        with_dtype(w, [&]<class T>() {
            const std::ptrdiff_t n = w.size();
            T *weights = writable<T>(w, n), *velocity = writable<T>(v, n);
            const T* gradient = contiguous<T>(g, n);
            const WithoutGil released;
            FlushToZero ftz;
            kernels<T>().update(n, {T(learning_rate), T(momentum), T(weight_decay), nesterov}, weights, velocity,
                                gradient);
        });
    });
    m.def("apply_rule", [](const py::array& w, const py::object& v, const py::object& s, const py::array& g, int kind,
                           const std::vector<double>& numbers, const py::object&, std::uint64_t t) {
        const RuleNumbers rule = rule_of(kind, numbers);
        with_dtype(w, [&]<class T>() {
            const std::ptrdiff_t n = w.size();
            const auto optional = [&](const py::object& a) {
                return a.is_none() ? nullptr : writable<T>(py::cast<py::array>(a), n);
            };
            T *weights = writable<T>(w, n), *velocity = optional(v), *square = optional(s);
            const T* gradient = contiguous<T>(g, n);
            require(velocity || rule.kind == RuleKind::adagrad, "no velocity");
            require(square || !rule.has_square(), "no square");
            const WithoutGil released;
            FlushToZero ftz;
            kernels<T>().apply_rule(n, rule.at<T>(rule.learning_rate, t, 1, 1), weights, velocity, square, gradient);
        });
    });
}

}  // namespace chainrule::bindings

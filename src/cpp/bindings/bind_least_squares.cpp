// The normal equations of a small network, and their solution.
#include <pybind11/stl.h>

#include "bindings/arrays.hpp"
#include "model/least_squares.hpp"

namespace chainrule::bindings {
namespace {

double normal_equations(const Network& network, const Arrays& weights, const Arrays& biases, const py::array& X,
                        const py::array& target, const py::array& JTJ, const py::array& JTe, int n_threads) {
    return with_dtype(X, [&]<class T>() {
        const auto p = parameters<T>(network, weights, biases, false);
        const auto d = data<T>(network.n_in(), network.n_out(), X, target);
        require(network.layers.back().activation != Activation::softmax, "softmax has no normal equations");
        const std::ptrdiff_t P = n_parameters(network);
        T *matrix = writable<T>(JTJ, times(P, P)), *vector = writable<T>(JTe, P);
        const WithoutGil released;
        return chainrule::normal_equations<T>(network, p, d, matrix, vector, n_threads);
    });
}

bool damped_step(const py::array& H, const py::array& g, double damping, const py::array& out, int n_threads) {
    return with_dtype(H, [&]<class T>() {
        const Rows<T> h(H);
        require(h.rows == h.columns, "H is not square");
        const T* gradient = contiguous<T>(g, h.rows);
        T* step = writable<T>(out, h.rows);
        const WithoutGil released;
        return chainrule::damped_step<T>(h.rows, h.data, h.ld, gradient, T(damping), step, n_threads);
    });
}

}  // namespace

void bind_least_squares(py::module_& m) {
    m.def("normal_equations", normal_equations);
    m.def("damped_step", damped_step);
}

}  // namespace chainrule::bindings

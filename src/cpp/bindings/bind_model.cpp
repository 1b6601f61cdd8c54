// A network's shape, prediction and gradients.
#include <pybind11/stl.h>

#include <cmath>
#include <utility>

#include "bindings/plain_arrays.hpp"
#include "bindings/python_loss.hpp"
#include "model/predict.hpp"
#include "model/train.hpp"

namespace chainrule::bindings {
namespace {

Network make_network(const std::vector<std::ptrdiff_t>& sizes, const std::vector<int>& activations, int bias,
                     const std::vector<double>& dropout, double input_dropout, double input_noise) {
    require(sizes.size() >= 2 && activations.size() == sizes.size() - 1 && dropout.size() == sizes.size() - 2,
            "the lists of a network do not fit");
    Network network;
    require(bias >= 0 && bias <= int(BiasMode::layer), "unknown bias mode");
    for (double rate : dropout) require(rate >= 0 && rate < 1, "a dropout rate is out of range");
    require(input_dropout >= 0 && input_dropout < 1, "the dropout rate of the inputs is out of range");
    require(input_noise >= 0 && std::isfinite(input_noise), "the noise of the inputs is out of range");
    network.bias = BiasMode(bias);
    network.input_dropout = input_dropout;
    network.input_noise = input_noise;
    for (std::size_t l = 0; l + 1 < sizes.size(); ++l) {
        require(
            sizes[l] > 0 && sizes[l + 1] > 0 && std::max(sizes[l], sizes[l + 1]) < (std::ptrdiff_t(1) << 31) / 16 * 16,
            "a layer size is out of range");
        network.layers.push_back(
            {sizes[l], sizes[l + 1], activation_of(activations[l]), l < dropout.size() ? dropout[l] : 0.0});
    }
    return network;
}

void predict(const Network& network, const Arrays& weights, const Arrays& biases, const py::array& X,
             const py::array& out, int n_threads) {
    with_dtype(X, [&]<class T>() {
        const auto p = parameters<T>(network, weights, biases, false);
        const Rows<T> x(X);
        require(x.columns == network.n_in(), "X has the wrong shape");
        T* result = writable<T>(out, times(x.rows, network.n_out()));
        const WithoutGil released;
        chainrule::predict<T>(network, p, x.rows, x.data, x.ld, result, n_threads);
    });
}

// So many multiply-adds take some ten microseconds (as LONG in _predictor.pyx says); giving the interpreter's lock back and waiting for it may take longer.
constexpr double short_call = 250e3;

// The same with arguments nobody has checked, where all of them are plain: returns the outputs, in `out` unless that is
// None. Anything else is not touched, and None is returned.
template <class T>
py::object predict_plain_of(const Network& network, py::handle weights, py::handle biases, py::handle X, py::handle out,
                            int n_threads) {
    if (!PyList_CheckExact(weights.ptr()) || !PyList_CheckExact(biases.ptr())) return py::none();
    const auto w = py::reinterpret_borrow<py::list>(weights), b = py::reinterpret_borrow<py::list>(biases);
    if (w.size() != network.layers.size() || b.size() != (network.bias == BiasMode::none ? 0 : w.size()))
        return py::none();
    const auto x = plain_array<T>(X, {-1, network.n_in()});
    if (!x) return py::none();
    std::vector<py::array> held;  // alive until the end, whatever becomes of the lists
    held.reserve(2 * w.size());
    Parameters<T> p;
    for (std::size_t l = 0; l < w.size(); ++l) {
        const Layer& layer = network.layers[l];
        const auto take = [&](py::handle given, std::initializer_list<std::ptrdiff_t> shape, std::vector<T*>& to) {
            auto array = plain_array<T>(given, shape);
            if (!array) return false;
            to.push_back(static_cast<T*>(const_cast<void*>(array->data())));
            held.push_back(std::move(*array));
            return true;
        };
        if (!take(w[l], {layer.K, layer.N}, p.weights)) return py::none();
        if (b.size() > 0 && !take(b[l], {network.bias == BiasMode::layer ? 1 : layer.N}, p.biases)) return py::none();
    }
    const std::ptrdiff_t rows = x->shape(0);
    py::array result;
    if (out.is_none()) {
        result = py::array_t<T>({rows, network.n_out()});
    } else {
        const auto given = plain_array<T>(out, {rows, network.n_out()});
        if (!given || !given->writeable() || overlap(*given, *x)) return py::none();
        for (const py::array& array : held)
            if (overlap(*given, array)) return py::none();
        result = *given;
    }
    const T* from = static_cast<const T*>(x->data());
    T* to = static_cast<T*>(result.mutable_data());
    const auto work = [&] { chainrule::predict<T>(network, p, rows, from, network.n_in(), to, n_threads); };
    if (double(rows) * network.forward_work() < short_call) {
        work();
    } else {
        const WithoutGil released;  // not in an optional: an end of the thread has to pass its destructor (gil.hpp)
        work();
    }
    return result;
}

py::object predict_plain(const Network& network, py::handle weights, py::handle biases, py::handle X, py::handle out,
                         bool float32, int n_threads) {
    return float32 ? predict_plain_of<float>(network, weights, biases, X, out, n_threads)
                   : predict_plain_of<double>(network, weights, biases, X, out, n_threads);
}

double gradients(const Network& network, const Arrays& weights, const Arrays& biases, const py::array& X,
                 const py::array& target, const py::tuple& loss, const py::object& sample_weight, std::uint64_t seed,
                 std::uint64_t step, int n_threads, const Arrays& weight_gradients, const Arrays& bias_gradients) {
    return with_dtype(X, [&]<class T>() {
        const auto p = parameters<T>(network, weights, biases, false);
        const auto out = parameters<T>(network, weight_gradients, bias_gradients, true);
        const auto d = data<T>(network.n_in(), network.n_out(), X, target, sample_weight);
        const LossNumbers numbers = loss_of(loss, network.n_out());
        const py::object function = loss[5];
        std::exception_ptr raised;
        double value;
        {
            WithoutGil released;
            PythonLoss<T> custom(function, released, raised);
            value = chainrule::gradients<T>(network, p, d, numbers, custom.loss(), seed, step, n_threads, out);
        }
        if (raised) std::rethrow_exception(raised);
        return value;
    });
}

py::tuple matmul_gradients(const py::array& X, const py::array& W, const py::array& dZ, int n_threads) {
    return with_dtype(X, [&]<class T>() -> py::tuple {
        const Rows<T> x(X), w(W), d(dZ);
        require(x.columns == w.rows && d.columns == w.columns && d.rows == x.rows, "the shapes do not fit");
        const T* weights = contiguous<T>(W, w.rows * w.columns);
        py::array_t<T> dX({x.rows, x.columns}), dW({w.rows, w.columns}), db(w.columns);
        T *dx = dX.mutable_data(), *dw = dW.mutable_data(), *b = db.mutable_data();
        {
            const WithoutGil released;
            chainrule::matmul_gradients<T>(x.rows, x.columns, w.columns, x.data, x.ld, weights, d.data, d.ld, dx, dw, b,
                                           n_threads);
        }
        return py::make_tuple(dX, dW, db);
    });
}

}  // namespace

void bind_model(py::module_& m) {
    py::list activations, losses, rules;
    for (const char* name : activation_names) activations.append(name);
    for (const char* name : loss_names) losses.append(name);
    for (const char* name : rule_names) rules.append(name);
    m.attr("RULES") = py::tuple(rules);
    m.attr("ACTIVATIONS") = py::tuple(activations);
    m.attr("LOSSES") = py::tuple(losses);
    py::class_<Network>(m, "Network")
        .def(py::init(&make_network), py::arg("layer_sizes"), py::arg("activations"), py::arg("bias"),
             py::arg("dropout"), py::arg("input_dropout") = 0.0, py::arg("input_noise") = 0.0);
    m.def("predict", predict);
    m.def("predict_plain", predict_plain);
    m.def("gradients", gradients);
    m.def("matmul_gradients", matmul_gradients);
}

}  // namespace chainrule::bindings

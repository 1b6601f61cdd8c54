// Forward passes that are kept, and updates with gradients of the user's.
#include <pybind11/stl.h>

#include <array>
#include <variant>

#include "bindings/arrays.hpp"
#include "model/kept_pass.hpp"

namespace chainrule::bindings {
namespace {

// The Python side of a pass of either dtype; reference/kept.py has the twin.
class PythonPass {
    template <class F>
    auto visit(F f) const {
        return std::visit([&](const auto& pass) { return f(*pass); }, pass_);
    }
    template <class T, class F>
    static py::array filled(const KeptPass<T>& pass, std::ptrdiff_t columns, F fill) {
        py::array_t<T> result({pass.rows(), columns});
        T* out = result.mutable_data();
        const WithoutGil released;
        fill(out);
        return result;
    }

public:
    PythonPass(const Network& network, const Arrays& weights, const Arrays& biases, const py::array& X,
               std::uint64_t seed, std::uint64_t step, int n_threads) {
        with_dtype(X, [&]<class T>() {
            const auto p = parameters<T>(network, weights, biases, false);
            const Rows<T> x(X);
            require(x.columns == network.n_in() && x.rows > 0, "X has the wrong shape");
            const Data<T> rows{x.rows, x.data, x.ld, nullptr, 0, nullptr};
            const WithoutGil released;
            pass_ = std::make_unique<KeptPass<T>>(network, p, rows, seed, step, n_threads);
        });
    }

    py::array sums() const {
        return visit([]<class T>(KeptPass<T>& pass) {
            return filled<T>(pass, pass.network().n_out(), [&](T* out) { pass.sums(out); });
        });
    }
    py::array output() const {
        return visit([]<class T>(KeptPass<T>& pass) {
            return filled<T>(pass, pass.network().n_out(), [&](T* out) { pass.output(out); });
        });
    }
    py::array hidden(std::size_t layer) const {
        return visit([&]<class T>(KeptPass<T>& pass) {
            require(layer + 1 < pass.network().layers.size(), "no such hidden layer");
            return filled<T>(pass, pass.network().layers[layer].N, [&](T* out) { pass.hidden(layer, out); });
        });
    }
    py::tuple backward(const py::array& d, bool of_sums) const {
        return visit([&]<class T>(KeptPass<T>& pass) {
            const Network& network = pass.network();
            const T* from = contiguous<T>(d, times(pass.rows(), network.n_out()));
            Arrays weights, biases;
            for (const Layer& layer : network.layers) {
                weights.push_back(py::array_t<T>({layer.K, layer.N}));
                if (network.bias != BiasMode::none)
                    biases.push_back(py::array_t<T>(network.bias == BiasMode::layer ? 1 : layer.N));
            }
            const auto out = parameters<T>(network, weights, biases, true);
            {
                const WithoutGil released;
                pass.backward(from, of_sums, out);
            }
            return py::make_tuple(weights, biases);
        });
    }
    py::array input_gradients(const py::array& d, bool of_sums) const {
        return visit([&]<class T>(KeptPass<T>& pass) {
            const T* from = contiguous<T>(d, times(pass.rows(), pass.network().n_out()));
            return filled<T>(pass, pass.network().n_in(), [&](T* out) { pass.input_gradients(from, of_sums, out); });
        });
    }

private:
    std::variant<std::unique_ptr<KeptPass<float>>, std::unique_ptr<KeptPass<double>>> pass_;
};

bool apply_gradients(const Network& network, const py::object& state, const std::array<Arrays, 6>& arrays,
                     const Arrays& weight_gradients, const Arrays& bias_gradients, int kind,
                     const std::vector<double>& numbers, double learning_rate, const std::vector<std::size_t>& frozen,
                     int n_threads) {
    const std::uint64_t step = py::cast<std::uint64_t>(state.attr("step"));
    RuleNumbers rule = rule_of(kind, numbers);
    rule.learning_rate = learning_rate;
    const std::uint64_t t = step - py::cast<std::uint64_t>(state.attr("started")) + 1;
    const bool finite = with_dtype(arrays[0].at(0), [&]<class T>() {
        const auto p = parameters<T>(network, arrays[0], arrays[1], true);
        const auto v = parameters<T>(network, arrays[2], arrays[3], true);
        Parameters<T> s;
        if (rule.has_square()) s = parameters<T>(network, arrays[4], arrays[5], true);
        const auto g = parameters<T>(network, weight_gradients, bias_gradients, false);
        const auto flags = layers_among(frozen, network);
        const WithoutGil released;
        return chainrule::apply_gradients<T>(network, p, v, s, g, rule, t, flags, n_threads);
    });
    if (finite) state.attr("step") = step + 1;
    return finite;
}

}  // namespace

void bind_kept_pass(py::module_& m) {
    py::class_<PythonPass>(m, "KeptPass")
        .def(py::init<const Network&, const Arrays&, const Arrays&, const py::array&, std::uint64_t, std::uint64_t,
                      int>())
        .def("sums", &PythonPass::sums)
        .def("output", &PythonPass::output)
        .def("hidden", &PythonPass::hidden)
        .def("backward", &PythonPass::backward)
        .def("input_gradients", &PythonPass::input_gradients);
    m.def("apply_gradients", apply_gradients);
}

}  // namespace chainrule::bindings

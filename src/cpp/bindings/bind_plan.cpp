// Frozen networks: capsules that own a plan, and the table of functions by which other modules use them (plan_api.h).
#include <pybind11/stl.h>

#include <variant>

#include "bindings/arrays.hpp"
#include "bindings/plan_api.h"
#include "model/plan.hpp"

namespace chainrule::bindings {
namespace {

using AnyPlan = std::variant<Plan<float>, Plan<double>>;

const AnyPlan& plan_at(const void* plan) { return *static_cast<const AnyPlan*>(plan); }

const Network& network_of(const void* plan) {
    return std::visit([](const auto& p) -> const Network& { return p.network(); }, plan_at(plan));
}

template <class T>
int predict(const void* plan, std::ptrdiff_t rows, const T* x, T* out) noexcept {
    const auto* p = std::get_if<Plan<T>>(&plan_at(plan));
    if (!p || rows < 0) return -1;
    return p->predict(rows, x, out) ? 0 : -2;
}

constexpr chainrule_plan_api plan_api = {
    .version = CHAINRULE_PLAN_API_VERSION,
    .n_inputs = [](const void* plan) { return network_of(plan).n_in(); },
    .n_outputs = [](const void* plan) { return network_of(plan).n_out(); },
    .item_size = [](const void* plan) { return std::holds_alternative<Plan<float>>(plan_at(plan)) ? 4 : 8; },
    .work = [](const void* plan) { return network_of(plan).forward_work(); },
    .predict_float32 = predict<float>,
    .predict_float64 = predict<double>,
};

py::capsule make_plan(const Network& network, const Arrays& weights, const Arrays& biases) {
    require(!weights.empty(), "wrong number of weights");
    return with_dtype(weights[0], [&]<class T>() {
        const auto p = parameters<T>(network, weights, biases, false);
        auto made = std::make_unique<AnyPlan>(std::in_place_type<Plan<T>>, network, p);
        py::capsule capsule(made.get(), CHAINRULE_PLAN_NAME, [](PyObject* self) {
            delete static_cast<AnyPlan*>(PyCapsule_GetPointer(self, CHAINRULE_PLAN_NAME));
        });
        made.release();
        return capsule;
    });
}

// Weights and biases as they were when the plan was made, in new arrays.
py::tuple plan_parameters(const py::capsule& capsule) {
    require(std::string(capsule.name() ? capsule.name() : "") == CHAINRULE_PLAN_NAME, "not a plan");
    return std::visit(
        []<class T>(const Plan<T>& plan) {
            const Network& network = plan.network();
            Arrays weights, biases;
            for (const Layer& layer : network.layers) {
                weights.push_back(py::array_t<T>({layer.K, layer.N}));
                if (network.bias != BiasMode::none)
                    biases.push_back(py::array_t<T>(network.bias == BiasMode::layer ? 1 : layer.N));
            }
            plan.unpack(parameters<T>(network, weights, biases, true));
            return py::make_tuple(weights, biases);
        },
        plan_at(capsule.get_pointer()));
}

}  // namespace

void bind_plan(py::module_& m) {
    m.def("make_plan", make_plan);
    m.def("plan_parameters", plan_parameters);
    m.attr("plan_api") = py::capsule(&plan_api, CHAINRULE_PLAN_API_NAME);
}

}  // namespace chainrule::bindings

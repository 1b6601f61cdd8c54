// chainrule._core: the native core. Private; chainrule/native.py is its public face. One bind_*.cpp a topic.
#include "bindings/arrays.hpp"

PYBIND11_MODULE(_core, m, pybind11::mod_gil_not_used()) {
    using namespace chainrule::bindings;
    m.doc() = "The native core of chainrule; use chainrule.native.";
    bind_runtime(m);
    bind_random(m);
    bind_layers(m);
    bind_model(m);
    bind_training(m);
    bind_plan(m);
    bind_least_squares(m);
    bind_kept_pass(m);
}

// What this build is and what it runs on.
#include <dlfcn.h>

#include "bindings/arrays.hpp"
#include "runtime/cpu.hpp"
#include "runtime/team.hpp"

namespace chainrule::bindings {

static std::string openmp_runtime() {
    Dl_info info;
    const bool found = dladdr(reinterpret_cast<void*>(&omp_get_max_threads), &info) != 0 && info.dli_fname;
    return "OpenMP " + std::to_string(_OPENMP) + (found ? " (" + std::string(info.dli_fname) + ")" : "");
}

void bind_runtime(py::module_& m) {
    m.attr("__version__") = CHAINRULE_VERSION;
    m.def("config", [] {
        py::list available;
        for (InstructionSet set : available_instruction_sets()) available.append(name_of(set));
        py::dict d;
        d["version"] = CHAINRULE_VERSION;
        d["compiler"] = CHAINRULE_COMPILER;
        d["sanitizers"] = CHAINRULE_SANITIZERS;
        d["instruction_set"] = name_of(chosen_instruction_set());
        d["available_instruction_sets"] = available;
        d["openmp"] = openmp_runtime();
        d["threads"] = default_threads();
        return d;
    });
    m.def("resolve_threads", [](int n_threads, double work) { return resolve_threads(n_threads, work); },
          py::arg("n_threads"), py::arg("work"));
    chosen_instruction_set();  // a forced set that cannot run is an error at import
}

}  // namespace chainrule::bindings

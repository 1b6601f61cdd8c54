// What this build is and what it runs on.
#include <dlfcn.h>

#include <algorithm>
#include <chrono>

#include "bindings/arrays.hpp"
#include "runtime/cpu.hpp"
#include "runtime/team.hpp"

namespace chainrule::bindings {

static std::string openmp_runtime() {
    Dl_info info;
    const bool found = dladdr(reinterpret_cast<void*>(&omp_get_max_threads), &info) != 0 && info.dli_fname;
    return "OpenMP " + std::to_string(_OPENMP) + (found ? " (" + std::string(info.dli_fname) + ")" : "");
}

// Multiply-add peak in floating-point operations per second (two per multiply-add): the best of several rounds in which
// all threads run at once.
template <class T>
static double measure_peak(int threads) {
    constexpr std::ptrdiff_t rounds = 200000;
    const Kernels<T>& k = kernels<T>();
    double best = 0;
    for (int repeat = 0; repeat < 10; ++repeat) {
        double slowest = 0;
        run_team(threads, [&](int thread, int members, Barrier& barrier) {
            barrier.wait();
            const auto start = std::chrono::steady_clock::now();
            [[maybe_unused]] volatile T keep = k.multiply_adds(rounds);
            barrier.wait();
            const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
            if (thread == 0) slowest = took.count() / members;
        });
        best = std::max(best, 2.0 * 12 * double(k.lanes) * rounds / slowest);
    }
    return best;
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
    m.def(
        "resolve_threads", [](int n_threads, double work) { return resolve_threads(n_threads, work, work_of_a_step); },
        py::arg("n_threads"), py::arg("work"));
    m.def(
        "measure_peak",
        [](bool float64, int n_threads) {
            const int threads = resolve_threads(n_threads);
            const WithoutGil released;
            return float64 ? measure_peak<double>(threads) : measure_peak<float>(threads);
        },
        py::arg("float64") = false, py::arg("n_threads") = 1);
    chosen_instruction_set();  // a forced set that cannot run is an error at import
}

}  // namespace chainrule::bindings

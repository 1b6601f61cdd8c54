#include "runtime/cpu.hpp"

#include <cstdlib>
#include <stdexcept>

#if defined(__x86_64__)
#include <cpuid.h>
#endif

extern "C" {
extern const chainrule::Kernels<float> chainrule_kernels_f32_baseline;
extern const chainrule::Kernels<double> chainrule_kernels_f64_baseline;
#ifdef CHAINRULE_HAVE_AVX2
extern const chainrule::Kernels<float> chainrule_kernels_f32_avx2;
extern const chainrule::Kernels<double> chainrule_kernels_f64_avx2;
#endif
#ifdef CHAINRULE_HAVE_AVX512
extern const chainrule::Kernels<float> chainrule_kernels_f32_avx512;
extern const chainrule::Kernels<double> chainrule_kernels_f64_avx512;
#endif
}

namespace chainrule {
namespace {

constexpr InstructionSet all_sets[] = {InstructionSet::baseline, InstructionSet::avx2, InstructionSet::avx512};

bool built(InstructionSet set) {
    switch (set) {
        case InstructionSet::baseline: return true;
        case InstructionSet::avx2:
#ifdef CHAINRULE_HAVE_AVX2
            return true;
#else
            return false;
#endif
        case InstructionSet::avx512:
#ifdef CHAINRULE_HAVE_AVX512
            return true;
#else
            return false;
#endif
    }
    return false;
}

#if defined(__x86_64__)
// Register state that the operating system saves (XGETBV); a processor feature without it faults.
unsigned long long saved_state() {
    unsigned a = 0, b = 0, c = 0, d = 0;
    if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & bit_OSXSAVE)) return 0;
    unsigned low, high;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return (static_cast<unsigned long long>(high) << 32) | low;
}

bool supported(InstructionSet set) {
    if (set == InstructionSet::baseline) return true;
    unsigned a = 0, b = 0, c = 0, d = 0;
    if (!__get_cpuid(1, &a, &b, &c, &d)) return false;
    const bool fma = c & bit_FMA, avx = c & bit_AVX;
    if (!__get_cpuid_count(7, 0, &a, &b, &c, &d)) return false;
    constexpr unsigned long long ymm_state = 0x6, zmm_state = 0xe6;
    if (set == InstructionSet::avx2) return fma && avx && (b & bit_AVX2) && (saved_state() & ymm_state) == ymm_state;
    const unsigned needed = bit_AVX512F | bit_AVX512BW | bit_AVX512DQ | bit_AVX512VL;
    return fma && (b & needed) == needed && (saved_state() & zmm_state) == zmm_state;
}
#else
bool supported(InstructionSet set) { return set == InstructionSet::baseline; }
#endif

std::string names(const std::vector<InstructionSet>& sets) {
    std::string text;
    for (InstructionSet set : sets) text += (text.empty() ? "" : ", ") + std::string(name_of(set));
    return text;
}

InstructionSet choose() {
    const auto available = available_instruction_sets();
    const char* forced = std::getenv("CHAINRULE_FORCE_ISA");
    if (!forced || !*forced) return available.back();
    for (InstructionSet set : all_sets) {
        if (forced != std::string(name_of(set))) continue;
        const std::string what = "CHAINRULE_FORCE_ISA=" + std::string(forced);
        if (!built(set))
            throw std::runtime_error(what + ": this build of chainrule has no such kernels; it has " +
                                     names(available));
        if (!supported(set))
            throw std::runtime_error(what + ": this processor or operating system does not support it; available are " +
                                     names(available));
        return set;
    }
    throw std::runtime_error("CHAINRULE_FORCE_ISA=" + std::string(forced) + ": unknown instruction set; known are " +
                             names({std::begin(all_sets), std::end(all_sets)}));
}

}  // namespace

const char* name_of(InstructionSet set) {
    switch (set) {
        case InstructionSet::avx512: return "avx512";
        case InstructionSet::avx2: return "avx2";
        default: return "baseline";
    }
}

std::vector<InstructionSet> available_instruction_sets() {
    std::vector<InstructionSet> sets;
    for (InstructionSet set : all_sets)
        if (built(set) && supported(set)) sets.push_back(set);
    return sets;
}

InstructionSet chosen_instruction_set() {
    static const InstructionSet set = choose();
    return set;
}

template <>
const Kernels<float>& kernels<float>() {
    switch (chosen_instruction_set()) {
#ifdef CHAINRULE_HAVE_AVX512
        case InstructionSet::avx512: return chainrule_kernels_f32_avx512;
#endif
#ifdef CHAINRULE_HAVE_AVX2
        case InstructionSet::avx2: return chainrule_kernels_f32_avx2;
#endif
        default: return chainrule_kernels_f32_baseline;
    }
}

template <>
const Kernels<double>& kernels<double>() {
    switch (chosen_instruction_set()) {
#ifdef CHAINRULE_HAVE_AVX512
        case InstructionSet::avx512: return chainrule_kernels_f64_avx512;
#endif
#ifdef CHAINRULE_HAVE_AVX2
        case InstructionSet::avx2: return chainrule_kernels_f64_avx2;
#endif
        default: return chainrule_kernels_f64_baseline;
    }
}

}  // namespace chainrule

// Which instruction sets this build has and this machine can run, and the kernels chosen from them.
#pragma once

#include <string>
#include <vector>

#include "kernels/kernel_table.hpp"

namespace chainrule {

enum class InstructionSet { baseline, avx2, avx512 };

const char* name_of(InstructionSet);

// Built into this library and runnable here, best last.
std::vector<InstructionSet> available_instruction_sets();

// The best available one, or what CHAINRULE_FORCE_ISA names. Chosen once; throws std::runtime_error if the forced one
// is unknown, not built, or not supported by the processor and the operating system.
InstructionSet chosen_instruction_set();

template <class T>
const Kernels<T>& kernels();

}  // namespace chainrule

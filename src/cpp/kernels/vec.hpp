// The vector type of the instruction set that this object is compiled for (see CMakeLists.txt: each kernel source is
// compiled once per set). A new set is one more file with the same operations and one more line here.
#pragma once

#if defined(CHAINRULE_ISA_AVX512)
#include "vec_avx512.hpp"
#define CR_ISA avx512
#elif defined(CHAINRULE_ISA_AVX2)
#include "vec_avx2.hpp"
#define CR_ISA avx2
#elif defined(CHAINRULE_ISA_BASELINE)
#include "vec_baseline.hpp"
#define CR_ISA baseline
#else
#error "compile with -DCHAINRULE_ISA_BASELINE, _AVX2 or _AVX512"
#endif

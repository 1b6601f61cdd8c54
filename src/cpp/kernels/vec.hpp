// The vector type of the instruction set that this object is compiled for (see CMakeLists.txt: each kernel source is
// compiled once per set). A new set is one more file with the same operations and one more line here.
#pragma once

#if defined(CHAINRULE_ISA_AVX512)
#include "vec_avx512.hpp"
#define CR_ISA avx512
namespace {
using VecF32 = Avx512F32;
using VecF64 = Avx512F64;
}  // namespace
#elif defined(CHAINRULE_ISA_AVX2)
#include "vec_avx2.hpp"
#define CR_ISA avx2
namespace {
using VecF32 = Avx2F32;
using VecF64 = Avx2F64;
}  // namespace
#elif defined(CHAINRULE_ISA_BASELINE)
#include "vec_baseline.hpp"
#define CR_ISA baseline
namespace {
using VecF32 = BaselineF32;
using VecF64 = BaselineF64;
}  // namespace
#else
#error "compile with -DCHAINRULE_ISA_BASELINE, _AVX2 or _AVX512"
#endif

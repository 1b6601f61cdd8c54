// float64 kernels, compiled once per instruction set.
#include "vec.hpp"
#include "table.hpp"

CR_EXPORT_KERNELS(chainrule_kernels_f64_, VecF64)

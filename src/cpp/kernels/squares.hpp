// The squares of the numbers of each column, added in float64 from row to row: what training notes of the weights.
// Product and sum are rounded one after the other, also where they could be fused, so that the baseline has the same bits.
#pragma once

#include <stddef.h>

namespace {

// Columns beside each other whose sums stay in registers until the last row; what is left over in narrower steps.
template <ptrdiff_t width, class T>
void add_squares(ptrdiff_t rows, ptrdiff_t N, const T* X, ptrdiff_t ldx, double* out) {
    ptrdiff_t j = 0;
    for (; j + width <= N; j += width) {
        double sum[width] = {};
        for (ptrdiff_t r = 0; r < rows; ++r)
#pragma GCC unroll 32
            for (ptrdiff_t i = 0; i < width; ++i) {
                const double x = double(X[r * ldx + j + i]);
                sum[i] += x * x;
            }
        for (ptrdiff_t i = 0; i < width; ++i) out[j + i] = sum[i];
    }
    if constexpr (width > 1)
        if (j < N) add_squares<width / 2>(rows, N - j, X + j, ldx, out + j);
}

template <class V>
void column_squares(ptrdiff_t rows, ptrdiff_t N, const typename V::Scalar* X, ptrdiff_t ldx, double* out) {
    add_squares<2 * V::lanes>(rows, N, X, ldx, out);
}

}  // namespace

// What is looked at of the activations of each unit over some rows of a batch (model/health.hpp says what for). A column is
// one chain from row to row, and nothing is fused: all instruction sets have the same bits.
#pragma once

#include <stddef.h>

#include "tile.hpp"

namespace {

// Columns beside each other, what is left over in narrower steps. 256 rows of 138 columns of float take 15 us with AVX-512
// and 22 with AVX2, as the compiler makes vectors of the inner loop; unrolled, it sees branches in it, and takes 210.
template <ptrdiff_t width, class T>
void add_activity(ptrdiff_t rows, ptrdiff_t N, const T* A, ptrdiff_t lda, T low, T high, Activity<T> out) {
    ptrdiff_t j = 0;
    for (; j + width <= N; j += width) {
        double squares[width] = {}, around[width] = {}, around_squares[width] = {};
        T flat[width] = {}, active[width] = {}, last[width] = {};
        for (ptrdiff_t r = 0; r < rows; ++r) {
            const T* a = A + r * lda + j;
            const T row = T(r + 1);
            for (ptrdiff_t i = 0; i < width; ++i) {
                const double x = double(a[i]), d = x - double(A[j + i]);
                squares[i] += x * x;
                around[i] += d;
                around_squares[i] += d * d;
                flat[i] += a[i] < low ? T(1) : a[i] > high ? T(1) : T(0);
                active[i] += a[i] != 0 ? T(1) : T(0);
                last[i] = a[i] != 0 ? row : last[i];
            }
        }
        for (ptrdiff_t i = 0; i < width; ++i) {
            out.squares[j + i] = squares[i];
            out.around[j + i] = around[i];
            out.around_squares[j + i] = around_squares[i];
            out.flat[j + i] = flat[i];
            out.active[j + i] = active[i];
            out.last[j + i] = last[i];
        }
    }
    if constexpr (width > 1)
        if (j < N)
            add_activity<width / 2>(rows, N - j, A + j, lda, low, high,
                                    Activity<T>{out.squares + j, out.around + j, out.around_squares + j, out.flat + j,
                                                out.active + j, out.last + j});
}

template <class V>
void column_activity(ptrdiff_t rows, ptrdiff_t N, const typename V::Scalar* A, ptrdiff_t lda, typename V::Scalar low,
                     typename V::Scalar high, const Activity<typename V::Scalar>& out) {
    add_activity<2 * V::lanes>(rows, N, A, lda, low, high, out);
}

}  // namespace

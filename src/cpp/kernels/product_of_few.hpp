// The product's last columns where a layer has a few outputs. With lanes across them most would be idle: here they run
// across the rows of A, L by L numbers of which are transposed in registers, and a weight is broadcast. Each element still
// is one chain over k, so the bits are the same.
#pragma once

#include "tile.hpp"

namespace {

template <class V>
constexpr int few_columns = V::lanes < 8 ? V::lanes / 2 : 3;

template <class V>
struct ProductOfFew {
    using T = typename V::Scalar;
    static constexpr ptrdiff_t L = V::lanes;

    static __attribute__((noinline, noclone)) void store(const V (&z)[L], const Product<T>& p, ptrdiff_t row,
                                                         ptrdiff_t rows, ptrdiff_t column) {
        alignas(64) T of_rows[L * L];
#pragma GCC unroll 16
        for (int i = 0; i < L; ++i) z[i].store(of_rows + i * L);
        for (ptrdiff_t i = 0; i < rows; ++i) {
            V one[1][1] = {{V::load(of_rows + i * L)}};
            finish(one, p.C + (row + i) * p.ldc + column, p.ldc, p.epilogue,
                   p.other ? p.other + (row + i) * p.ldo + column : nullptr, p.ldo);
        }
    }

    template <int N>
    struct With {
        // sums[n] += a[i, k] * b[k, n] for the next L of k, or, unless `whole`, for those that are left; lane i is row i.
        template <bool whole>
        static CR_INLINE void accumulate(V (&sums)[N], const T* const (&a)[L], ptrdiff_t k, ptrdiff_t K, const T* b,
                                         ptrdiff_t ldb) {
            V x[L];
#pragma GCC unroll 16
            for (int i = 0; i < L; ++i) x[i] = whole ? V::load(a[i] + k) : V::load_first(a[i] + k, K - k);
            V::transpose(x);
#pragma GCC unroll 16
            for (int i = 0; i < L; ++i)
                if (whole || k + i < K)
#pragma GCC unroll 4
                    for (int n = 0; n < N; ++n) sums[n] = fma(x[i], V::set1(b[(k + i) * ldb + n]), sums[n]);
        }

        // Columns [column, column + N) of all rows.
        static __attribute__((noinline)) void run(const Product<T>& p, ptrdiff_t column) {
            const ptrdiff_t depth = (p.K + block - 1) / block * block, ldb = p.row_major ? p.row_major : L;
            const T* b = p.panels + column * (p.row_major ? 1 : depth);
            for (ptrdiff_t row = 0; row < p.rows; row += L) {
                const ptrdiff_t rows = p.rows - row < L ? p.rows - row : L;
                const T* a[L];  // beyond the last row: any will do
                for (ptrdiff_t i = 0; i < L; ++i) a[i] = p.A + (row + (i < rows ? i : 0)) * p.lda;
                V sums[N];
#pragma GCC unroll 4
                for (int n = 0; n < N; ++n) sums[n] = p.bias ? V::set1(p.bias[column + n]) : V::zero();
                ptrdiff_t k = 0;
                for (; k + L <= p.K; k += L) accumulate<true>(sums, a, k, p.K, b, ldb);
                if (k < p.K) accumulate<false>(sums, a, k, p.K, b, ldb);
                V z[L];
#pragma GCC unroll 16
                for (int i = 0; i < L; ++i) z[i] = i < N ? sums[i < N ? i : 0] : V::zero();
                V::transpose(z);
                store(z, p, row, rows, column);
            }
        }
    };
};

}  // namespace

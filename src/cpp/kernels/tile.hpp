// The register tile: `MR` rows by `NV` vectors of results stay in registers while k runs.
//
//   acc[m][n] = fma(a[m, k], b[k, n], acc[m][n])   k = 0, 1, ..., K-1
//
// One chain of fused multiply-adds per result element, in the order of k: that is what makes results independent of
// tile shape, vector width and threads. Lanes run across columns, never across k.
// Every loop over acc is fully unrolled: a compiler that indexes acc at run time keeps it in memory, at half the speed.
#pragma once

#include "kernel_table.hpp"

namespace {

using namespace chainrule;

// A distance that the compiler knows. With it each of the rows that a tile reads is an offset in the instruction; 14 rows
// at a distance known at run time need more registers than there are: 83 against 90 % of peak, first-level cache, AVX-512.
template <ptrdiff_t n>
struct Fixed {
    constexpr operator ptrdiff_t() const { return n; }
};
template <class Distance>
constexpr bool is_fixed = true;
template <>
constexpr bool is_fixed<ptrdiff_t> = false;

// Where a[m, k] stands: at a[m * lda + k] (rows of samples), or at a[k * lda + m] (their transpose, for dW; packed rows).
enum class Order { rows, columns };

// lda, ldb: ptrdiff_t or Fixed; what is not fixed is not contiguous, and of a column the next rows are fetched.
template <class V, int MR, int NV, Order order, class DistanceA, class DistanceB>
CR_INLINE void accumulate(V (&acc)[MR][NV], ptrdiff_t K, const typename V::Scalar* a, DistanceA lda,
                          const typename V::Scalar* b, DistanceB ldb) {
    constexpr bool rows_of_a = order == Order::rows;
    // Rows at a run-time distance: one pointer for three of them, as an address is a register and 1 or 2 (times 4) of another.
    constexpr int reach = 3, bases = rows_of_a ? (MR + reach - 1) / reach : 1;
    const typename V::Scalar* base[bases];
#pragma GCC unroll 8
    for (int i = 0; i < bases; ++i) {
        base[i] = a + i * reach * lda;
        if constexpr (rows_of_a) __asm__("" : "+r"(base[i]));  // the compiler is to keep them, not to add up others
    }
    for (ptrdiff_t k = 0; k < K; ++k) {
        V bk[NV];
#pragma GCC unroll 8
        for (int n = 0; n < NV; ++n) bk[n] = V::load(b + n * V::lanes);
#pragma GCC unroll 16
        for (int m = 0; m < MR; ++m) {
            V am = V::set1(rows_of_a ? base[m / reach][m % reach * lda] : base[0][m]);
#pragma GCC unroll 8
            for (int n = 0; n < NV; ++n) acc[m][n] = fma(am, bk[n], acc[m][n]);
        }
        if constexpr (!rows_of_a && !is_fixed<DistanceA>) {
            __builtin_prefetch(base[0] + 8 * lda);
            __builtin_prefetch(base[0] + 8 * lda + MR - 1);
        }
        if constexpr (!rows_of_a && !is_fixed<DistanceB>)
            for (int n = 0; n < NV; ++n) __builtin_prefetch(b + 8 * ldb + n * V::lanes);
#pragma GCC unroll 8
        for (int i = 0; i < bases; ++i) base[i] += rows_of_a ? 1 : ptrdiff_t(lda);
        b += ldb;
    }
}

// A function `F<MR>::run` for each MR up to a vector type's largest tile, to be chosen by a run-time row count.
template <class V>
constexpr int tile_rows = V::registers == 32                            ? 14
                          : V::lanes * sizeof(typename V::Scalar) == 32 ? 6
                                                                        : 4;

template <template <int> class F, int MR, class... Args>
CR_INLINE void run_tile(int rows, Args... args) {
    if constexpr (MR == 1) {
        F<1>::run(args...);
    } else {
        if (rows == MR) return F<MR>::run(args...);
        run_tile<F, MR - 1>(rows, args...);
    }
}

// Rows [0, n) in ceil(n / most) tiles whose heights differ by at most one: tile i is [edge(i), edge(i + 1)).
struct Tiles {
    ptrdiff_t n, count;
    CR_INLINE Tiles(ptrdiff_t n_, ptrdiff_t most) : n(n_), count((n_ + most - 1) / most) {}
    CR_INLINE ptrdiff_t edge(ptrdiff_t i) const { return i * (n / count) + (i < n % count ? i : n % count); }
};

}  // namespace

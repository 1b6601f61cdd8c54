// C (rows, N) = epilogue(bias + A (rows, K) W (K, N)), W in panels: the forward pass, and with transposed panels the
// backward pass to the layer before, dA = dZ W^T.
#pragma once

#include "tile.hpp"

namespace {

// Longer sums are cut evenly: a block of a panel (208 * 32 * 4 bytes = 26 KB) and a tile's part of A (14 * 208 * 4 bytes
// = 12 KB) are to stay in the first-level cache together. C keeps the sum meanwhile; storing and reloading it is exact.
// Measured on 512x2048x2048, AVX-512, 48 KB: 128 60 %, 192 75 %, 224 70 %, 256 61 %, 384 50 % of peak.
constexpr ptrdiff_t k_block = 208;
// So many panels at a time go through all of k: their part of C is to stay in the second-level cache meanwhile.
constexpr ptrdiff_t column_group = 8;

template <class V, int MR, int NV>
CR_INLINE void finish(V (&acc)[MR][NV], typename V::Scalar* c, ptrdiff_t ldc, Epilogue epilogue,
                      const typename V::Scalar* other, ptrdiff_t ldo) {
    constexpr ptrdiff_t L = V::lanes;
#define CR_FOR_EACH_RESULT(expression)                             \
    _Pragma("GCC unroll 16") for (int m = 0; m < MR; ++m) {        \
        _Pragma("GCC unroll 8") for (int n = 0; n < NV; ++n) {     \
            const ptrdiff_t at = n * L;                            \
            [[maybe_unused]] const auto* o = other + m * ldo + at; \
            V x = acc[m][n];                                       \
            (expression).store(c + m * ldc + at);                  \
        }                                                          \
    }
    if (epilogue == Epilogue::store) {
        CR_FOR_EACH_RESULT(x)
    } else if (epilogue == Epilogue::relu) {
        CR_FOR_EACH_RESULT(max(V::zero(), x))
    } else if (epilogue == Epilogue::relu_gradient) {
        // a product as everywhere else: an infinite dA is not hidden by a dead unit
        CR_FOR_EACH_RESULT(x * V::choose(less(V::zero(), V::load(o)), V::set1(1), V::zero()))
    } else {
        CR_FOR_EACH_RESULT(x * V::load(o))
    }
#undef CR_FOR_EACH_RESULT
}

// MR rows by NP panels (of two vectors each; NV = 1 for a last, narrow panel).
template <class V, int NP, int NV>
struct ProductTile {
    template <int MR>
    struct With {
        static __attribute__((noinline)) void run(const Product<typename V::Scalar>& p, ptrdiff_t row, ptrdiff_t column,
                                                  ptrdiff_t k, ptrdiff_t K, const typename V::Scalar* b, ptrdiff_t ldb,
                                                  ptrdiff_t panel_stride, Epilogue epilogue) {
            using T = typename V::Scalar;
            constexpr ptrdiff_t L = V::lanes;
            constexpr int W = NP * NV;
            T* c = p.C + row * p.ldc + column;
            V acc[MR][W];
            if (k > 0) {
#pragma GCC unroll 16
                for (int m = 0; m < MR; ++m)
#pragma GCC unroll 8
                    for (int n = 0; n < W; ++n) acc[m][n] = V::load(c + m * p.ldc + n * L);
            } else {
#pragma GCC unroll 8
                for (int n = 0; n < W; ++n) {
                    V init = p.bias ? V::load(p.bias + column + n * L) : V::zero();
#pragma GCC unroll 16
                    for (int m = 0; m < MR; ++m) acc[m][n] = init;
                }
            }
            const T* a = p.A + row * p.lda + k;
            if constexpr (NP == 1) {
                // The next tile's part of C, and what this one's epilogue reads: from further away than a tile can wait.
                const bool reads = epilogue == Epilogue::relu_gradient || epilogue == Epilogue::times;
#pragma GCC unroll 16
                for (int m = 0; m < MR; ++m)
#pragma GCC unroll 2
                    for (int n = 0; n < W; ++n) __builtin_prefetch(c + (MR + m) * p.ldc + n * L, 1);
                if (reads)
                    for (int m = 0; m < MR; ++m)
                        for (int n = 0; n < W; ++n) __builtin_prefetch(p.other + (row + m) * p.ldo + column + n * L);
                accumulate<V, MR, W, true>(acc, K, a, p.lda, b, ldb);
            } else {
                for (ptrdiff_t i = 0; i < K; ++i) {
#pragma GCC unroll 8
                    for (int m = 0; m < MR; ++m) {
                        V am = V::set1(a[m * p.lda + i]);
#pragma GCC unroll 8
                        for (int n = 0; n < W; ++n)
                            acc[m][n] = fma(am, V::load(b + (n / 2) * panel_stride + i * ldb + (n % 2) * L), acc[m][n]);
                    }
                }
            }
            finish(acc, c, p.ldc, epilogue, p.other ? p.other + row * p.ldo + column : nullptr, p.ldo);
        }
    };
};

template <class V>
struct ProductTiles {
    template <int MR>
    using Wide = typename ProductTile<V, 4, 2>::template With<MR>;
    template <int MR>
    using Full = typename ProductTile<V, 1, 2>::template With<MR>;
    template <int MR>
    using Narrow = typename ProductTile<V, 1, 1>::template With<MR>;
};

// K rows of W from row k on, the columns of the panel that starts at j, as that panel's block.
template <class V>
CR_INLINE void pack_block(const Product<typename V::Scalar>& p, ptrdiff_t k, ptrdiff_t K, ptrdiff_t j, ptrdiff_t width,
                          typename V::Scalar* to) {
    for (ptrdiff_t i = 0; i < K; ++i)
        for (ptrdiff_t c = 0; c < width; c += V::lanes)
            V::load_first(p.panels + (k + i) * p.row_major + j + c, p.N - j - c).store(to + i * width + c);
}

// The same where the memory holds W^T: L rows of it become L columns of the block.
template <class V>
CR_INLINE void pack_transposed_block(const Product<typename V::Scalar>& p, ptrdiff_t k, ptrdiff_t K, ptrdiff_t j,
                                     ptrdiff_t width, typename V::Scalar* to) {
    constexpr ptrdiff_t L = V::lanes;
    for (ptrdiff_t c = 0; c < width; c += L)
        for (ptrdiff_t i = 0; i < K; i += L) {
            V x[V::lanes];
#pragma GCC unroll 16
            for (ptrdiff_t t = 0; t < L; ++t) {
                const bool inside = j + c + t < p.N;
                x[t] = V::load_first(p.panels + (inside ? j + c + t : 0) * p.row_major + k + i, inside ? K - i : 0);
            }
            V::transpose(x);
#pragma GCC unroll 16
            for (ptrdiff_t t = 0; t < L; ++t)
                if (i + t < K) x[t].store(to + (i + t) * width + c);
        }
}

template <class V>
void product(const Product<typename V::Scalar>& p) {
    using T = typename V::Scalar;
    constexpr ptrdiff_t L = V::lanes, panel = 2 * L;
    constexpr int MR = tile_rows<V>;
    if (p.rows == 0) return;
    // Up to so many rows take four panels at once: two accumulators alone would wait for the adder.
    constexpr int few_rows = V::registers == 32 ? 3 : 1;
    const ptrdiff_t depth = (p.K + block - 1) / block * block;
    const Tiles tiles(p.rows, MR), cuts(p.K, k_block);
    alignas(64) T packed[k_block * panel];
    for (ptrdiff_t group = 0; group < p.N; group += column_group * panel) {
        const ptrdiff_t end = p.N < group + column_group * panel ? p.N : group + column_group * panel;
        for (ptrdiff_t cut = 0; cut < cuts.count; ++cut) {
            const ptrdiff_t k = cuts.edge(cut), K = cuts.edge(cut + 1) - k;
            const Epilogue epilogue = cut + 1 < cuts.count ? Epilogue::store : p.epilogue;
            ptrdiff_t j = group;
            if (p.rows <= few_rows && !p.transposed) {
                const T* b = p.row_major ? p.panels + k * p.row_major : p.panels + k * panel;
                const ptrdiff_t ldb = p.row_major ? p.row_major : panel, stride = p.row_major ? panel : panel * depth;
                for (; j + 4 * panel <= end; j += 4 * panel)
                    run_tile<ProductTiles<V>::template Wide, few_rows>(int(p.rows), p, ptrdiff_t(0), j, k, K,
                                                                       b + j / panel * stride, ldb, stride, epilogue);
            }
            for (; j < end; j += panel) {
                const bool narrow = p.N - j <= L;
                ptrdiff_t ldb = narrow ? L : panel;
                const T* b = p.panels + j * depth + k * ldb;
                if (p.transposed) {
                    pack_transposed_block<V>(p, k, K, j, ldb, packed);
                    b = packed;
                } else if (p.row_major && tiles.count == 1 && j + panel <= p.N) {  // used once: read where it lies
                    ldb = p.row_major;
                    b = p.panels + k * ldb + j;
                } else if (p.row_major) {
                    pack_block<V>(p, k, K, j, ldb, packed);
                    b = packed;
                }
                for (ptrdiff_t i = 0; i < tiles.count; ++i) {
                    const ptrdiff_t row = tiles.edge(i);
                    const int m = int(tiles.edge(i + 1) - row);
                    if (narrow)
                        run_tile<ProductTiles<V>::template Narrow, MR>(m, p, row, j, k, K, b, ldb, ptrdiff_t(0),
                                                                       epilogue);
                    else
                        run_tile<ProductTiles<V>::template Full, MR>(m, p, row, j, k, K, b, ldb, ptrdiff_t(0),
                                                                     epilogue);
                }
            }
        }
    }
}

}  // namespace

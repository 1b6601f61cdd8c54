// C (rows, N) = epilogue(bias + A (rows, K) W (K, N)), W in panels: the forward pass, and with transposed panels the
// backward pass to the layer before, dA = dZ W^T.
#pragma once

#include "operands.hpp"

namespace {

// Longer sums are cut evenly: a block of a panel (208 * 32 * 4 bytes = 26 KB) and a tile's part of A (14 * 208 * 4 bytes
// = 12 KB) are to stay in the first-level cache together. C keeps the sum meanwhile; storing and reloading it is exact.
// Measured on 512x2048x2048, AVX-512, 48 KB: 128 60 %, 192 75 %, 224 70 %, 256 61 %, 384 50 % of peak.
constexpr ptrdiff_t k_block = 208;
// So many panels at a time go through all of k: their part of C is to stay in the second-level cache meanwhile.
constexpr ptrdiff_t column_group = 8;

// The sums before k: what was stored of them, or, at their beginning, the bias.
template <class V, int MR, int NV>
CR_INLINE void begin(V (&acc)[MR][NV], const Product<typename V::Scalar>& p, const typename V::Scalar* c,
                     ptrdiff_t column, ptrdiff_t k) {
#pragma GCC unroll 8
    for (int n = 0; n < NV; ++n) {
        const ptrdiff_t at = n * V::lanes;
        const V init = k == 0 && p.bias ? V::load(p.bias + column + at) : V::zero();
#pragma GCC unroll 16
        for (int m = 0; m < MR; ++m) acc[m][n] = k > 0 ? V::load(c + m * p.ldc + at) : init;
    }
}

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

}  // namespace

#include "product_of_few.hpp"

namespace {

// MR rows by NP panels (of two vectors each; NV = 1 for a last, narrow panel); with `packed`, A is a tile of pack_rows.
template <class V, int NP, int NV, bool packed = false>
struct ProductTile {
    template <int MR>
    struct With {
        static __attribute__((noinline)) void run(const Product<typename V::Scalar>& p, ptrdiff_t row, ptrdiff_t column,
                                                  ptrdiff_t k, ptrdiff_t K, const typename V::Scalar* a,
                                                  const typename V::Scalar* b, ptrdiff_t ldb, ptrdiff_t panel_stride,
                                                  Epilogue epilogue) {
            using T = typename V::Scalar;
            constexpr ptrdiff_t L = V::lanes;
            constexpr int W = NP * NV;
            T* c = p.C + row * p.ldc + column;
            V acc[MR][W];
            begin(acc, p, c, column, k);
            if constexpr (NP == 1) {
                // The next tile's part of C, and what this one's epilogue reads: from further away than a tile can wait.
                const bool reads = epilogue == Epilogue::relu_gradient || epilogue == Epilogue::times;
                if (row + MR < p.rows) {  // rows beyond are another thread's, which would lose them
#pragma GCC unroll 16
                    for (int m = 0; m < MR; ++m)
#pragma GCC unroll 2
                        for (int n = 0; n < W; ++n) __builtin_prefetch(c + (MR + m) * p.ldc + n * L, 1);
                }
                if (reads)
                    for (int m = 0; m < MR; ++m)
                        for (int n = 0; n < W; ++n) __builtin_prefetch(p.other + (row + m) * p.ldo + column + n * L);
                if constexpr (packed)
                    accumulate<V, MR, W, Order::columns>(acc, K, a, Fixed<MR>(), b, Fixed<W * L>());
                else
                    accumulate<V, MR, W, Order::rows>(acc, K, a, p.lda, b, ldb);
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

// MR rows by a vector and a half: the last panel, where that is enough.
template <class V>
struct OneAndAHalf {
    template <int MR>
    struct With {
        using T = typename V::Scalar;
        using H = typename V::Half;
        static __attribute__((noinline)) void run(const Product<T>& p, ptrdiff_t row, ptrdiff_t column, ptrdiff_t k,
                                                  ptrdiff_t K, const T* a, const T* b, ptrdiff_t ldb,
                                                  Epilogue epilogue) {
            constexpr ptrdiff_t L = V::lanes;
            T* c = p.C + row * p.ldc + column;
            V acc[MR][1];
            H half[MR][1];
            begin(acc, p, c, column, k);
            begin(half, p, c + L, column + L, k);
            for (ptrdiff_t i = 0; i < K; ++i, ++a, b += ldb) {
                const V b0 = V::load(b);
                const H b1 = H::load(b + L);
#pragma GCC unroll 16
                for (int m = 0; m < MR; ++m) {
                    acc[m][0] = fma(V::set1(a[m * p.lda]), b0, acc[m][0]);
                    half[m][0] = fma(H::set1(a[m * p.lda]), b1, half[m][0]);
                }
            }
            const T* other = p.other ? p.other + row * p.ldo + column : nullptr;
            finish(acc, c, p.ldc, epilogue, other, p.ldo);
            finish(half, c + L, p.ldc, epilogue, other ? other + L : nullptr, p.ldo);
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
    using Packed = typename ProductTile<V, 1, 2, true>::template With<MR>;
    template <int MR>
    using Narrow = typename ProductTile<V, 1, 1>::template With<MR>;
    template <int MR>
    using Half = typename ProductTile<typename V::Half, 1, 1>::template With<MR>;
    template <int MR>
    using AndAHalf = typename OneAndAHalf<V>::template With<MR>;
};

template <class V>
void product_in_tiles(const Product<typename V::Scalar>& p) {
    using T = typename V::Scalar;
    constexpr ptrdiff_t L = V::lanes, H = V::Half::lanes, panel = 2 * L;
    constexpr int MR = tile_rows<V>;
    if (p.rows == 0) return;
    // Up to so many rows take four panels at once: two accumulators alone would wait for the adder.
    constexpr int few_rows = V::registers == 32 ? 3 : 1;
    const ptrdiff_t depth = (p.K + block - 1) / block * block;
    const Tiles tiles(p.rows, MR), cuts((p.K + L - 1) / L, k_block / L);  // cut between vectors of W^T
    const bool packs = p.scratch && tiles.count > 1;
    alignas(64) T packed[k_block * panel];
    for (ptrdiff_t group = 0; group < p.N; group += column_group * panel) {
        const ptrdiff_t end = p.N < group + column_group * panel ? p.N : group + column_group * panel;
        for (ptrdiff_t cut = 0; cut < cuts.count; ++cut) {
            const ptrdiff_t k = cuts.edge(cut) * L, K = (cut + 1 < cuts.count ? cuts.edge(cut + 1) * L : p.K) - k;
            const Epilogue epilogue = cut + 1 < cuts.count ? Epilogue::store : p.epilogue;
            T* const a_packed = p.scratch + k * p.rows;
            for (ptrdiff_t i = 0; packs && group == 0 && i < tiles.count; ++i)
                pack_rows<V>(tiles.edge(i + 1) - tiles.edge(i), K, p.A + tiles.edge(i) * p.lda + k, p.lda,
                             a_packed + tiles.edge(i) * K);
            ptrdiff_t j = group;
            if (p.rows <= few_rows && !p.transposed) {
                const T* b = p.row_major ? p.panels + k * p.row_major : p.panels + k * panel;
                const ptrdiff_t ldb = p.row_major ? p.row_major : panel, stride = p.row_major ? panel : panel * depth;
                for (; j + 4 * panel <= end; j += 4 * panel)
                    run_tile<ProductTiles<V>::template Wide, few_rows>(int(p.rows), p, ptrdiff_t(0), j, k, K, p.A + k,
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
                // The block that comes next is fetched in as many parts as this one has tiles.
                const bool same_cut = j + panel < end, same_group = same_cut || cut + 1 < cuts.count;
                const ptrdiff_t next_j = same_cut ? j + panel : same_group ? group : end;
                const ptrdiff_t next_k = same_cut ? k : same_group ? k + K : 0;
                const ptrdiff_t part = (K * panel * ptrdiff_t(sizeof(T)) / 64 + tiles.count - 1) / tiles.count;
                for (ptrdiff_t i = 0; i < tiles.count; ++i) {
                    const ptrdiff_t row = tiles.edge(i);
                    const int m = int(tiles.edge(i + 1) - row);
                    if (p.from_another_core && j == 0 && i + 1 < tiles.count)
                        fetch_rows<V>(tiles.edge(i + 2) - tiles.edge(i + 1), K, p.A + tiles.edge(i + 1) * p.lda + k,
                                      p.lda);
                    if (packs && !p.row_major) fetch_block<V>(p, next_k, next_j, i * part, (i + 1) * part);
                    const T* a = p.A + row * p.lda + k;
                    if constexpr (H < L) {
                        // Tiles of every height: what lies beyond the columns is to be written always or never.
                        const ptrdiff_t columns = p.N - j;
                        if (columns <= H) {
                            run_tile<ProductTiles<V>::template Half, MR>(m, p, row, j, k, K, a, b, ldb, ptrdiff_t(0),
                                                                         epilogue);
                            continue;
                        }
                        if (columns > L && columns <= L + H) {
                            run_tile<ProductTiles<V>::template AndAHalf, MR>(m, p, row, j, k, K, a, b, ldb, epilogue);
                            continue;
                        }
                    }
                    if (narrow)
                        run_tile<ProductTiles<V>::template Narrow, MR>(m, p, row, j, k, K, a, b, ldb, ptrdiff_t(0),
                                                                       epilogue);
                    else if (packs)
                        run_tile<ProductTiles<V>::template Packed, MR>(m, p, row, j, k, K, a_packed + row * K, b, ldb,
                                                                       ptrdiff_t(0), epilogue);
                    else
                        run_tile<ProductTiles<V>::template Full, MR>(m, p, row, j, k, K, a, b, ldb, ptrdiff_t(0),
                                                                     epilogue);
                }
            }
        }
    }
}

template <class V>
void product(const Product<typename V::Scalar>& p) {
    const ptrdiff_t last = (p.N - 1) / (2 * V::lanes) * 2 * V::lanes, few = p.N - last;
    if (few > few_columns<V> || p.rows < V::lanes / 2 || p.transposed) return product_in_tiles<V>(p);
    run_tile<ProductOfFew<V>::template With, few_columns<V>>(int(few), p, last);
    if (last == 0) return;
    Product<typename V::Scalar> others = p;
    others.N = last;
    product_in_tiles<V>(others);
}

}  // namespace

// dW = A^T dZ for a block of rows of one weight panel; the update happens while the sums still are in registers.
#pragma once

#include "panels.hpp"

namespace {

template <class V>
struct SgdVectors {
    V minus_rate, momentum, decay;
    bool nesterov;
    CR_INLINE explicit SgdVectors(const Sgd<typename V::Scalar>& s)
        : minus_rate(V::set1(-s.learning_rate)), momentum(V::set1(s.momentum)), decay(V::set1(s.weight_decay)),
          nesterov(s.nesterov) {}
    // v = mu*v - eta*(g + lambda*w); w + v, or w + mu*v - eta*g
    template <bool with_nesterov>
    CR_INLINE V apply(V w, V& v, V g) const {
        g = fma(decay, w, g);
        v = fma(minus_rate, g, momentum * v);
        return with_nesterov ? fma(minus_rate, g, fma(momentum, v, w)) : w + v;
    }
};

template <class V, int NV, bool packed>
struct WeightTile {
    template <int MR>
    struct With {
        using T = typename V::Scalar;

        template <bool nesterov>
        static CR_INLINE void update(V (&acc)[MR][NV], T* w, T* v, const SgdVectors<V>& sgd, V& check) {
            constexpr ptrdiff_t L = V::lanes;
            V checks[4] = {V::zero(), V::zero(), V::zero(), V::zero()};  // four chains, as one would set the pace
#pragma GCC unroll 16
            for (int m = 0; m < MR; ++m)
#pragma GCC unroll 2
                for (int n = 0; n < NV; ++n) {
                    const ptrdiff_t i = m * NV + n;
                    V vel = V::load(v + i * L);
                    V neu = sgd.template apply<nesterov>(V::load(w + i * L), vel, acc[m][n]);
                    vel.store(v + i * L);
                    neu.store(w + i * L);
                    checks[i % 4] = fma(neu, V::zero(), checks[i % 4]);  // 0, or NaN once a weight is not finite
                }
            check = check + ((checks[0] + checks[1]) + (checks[2] + checks[3]));
        }

        // Rows [r, r + rows) of the batch. `sums` holds what the rows before gave, and takes it where rows follow.
        static __attribute__((noinline)) void run(const WeightGradient<T>& p, const T* a, const T* dz, ptrdiff_t r,
                                                  ptrdiff_t rows, ptrdiff_t k, ptrdiff_t column, ptrdiff_t at, T* sums,
                                                  const SgdVectors<V>* sgd, V* check) {
            constexpr ptrdiff_t L = V::lanes;
            T* g = p.gradient ? p.gradient + k * p.N + column : nullptr;
            T *w = g ? nullptr : p.weights + at, *v = g ? nullptr : p.velocity + at;
            const bool more = r + rows < p.rows;
            if (!g && !more) {
#pragma GCC unroll 32
                for (int i = 0; i < MR * NV; ++i) {
                    __builtin_prefetch(w + i * L, 1);
                    __builtin_prefetch(v + i * L, 1);
                }
            }
            V acc[MR][NV];
#pragma GCC unroll 16
            for (int m = 0; m < MR; ++m)
#pragma GCC unroll 2
                for (int n = 0; n < NV; ++n) acc[m][n] = r == 0 ? V::zero() : V::load(sums + (m * NV + n) * L);
            if constexpr (packed)
                accumulate<V, MR, NV, Order::columns>(acc, rows, a, Fixed<MR>(), dz, p.ldz);
            else
                accumulate<V, MR, NV, Order::columns>(acc, rows, a, p.lda, dz, p.ldz);
            // The compiler is not to remember the addresses of the prefetches: it would spill them all.
            __asm__("" : "+r"(w), "+r"(v), "+r"(g));
            if (more) {
#pragma GCC unroll 16
                for (int m = 0; m < MR; ++m)
#pragma GCC unroll 2
                    for (int n = 0; n < NV; ++n) acc[m][n].store(sums + (m * NV + n) * L);
            } else if (g) {
#pragma GCC unroll 16
                for (int m = 0; m < MR; ++m)
#pragma GCC unroll 2
                    for (int n = 0; n < NV; ++n) acc[m][n].store_first(g + m * p.N + n * L, p.N - column - n * L);
            } else if (p.sums) {
#pragma GCC unroll 16
                for (int m = 0; m < MR; ++m)
#pragma GCC unroll 2
                    for (int n = 0; n < NV; ++n) acc[m][n].store(p.sums + at + (m * NV + n) * L);
            } else if (const SgdVectors<V> s = *sgd; s.nesterov) {
                update<true>(acc, w, v, s, *check);
            } else {
                update<false>(acc, w, v, s, *check);
            }
        }
    };
};

template <class V>
struct WeightTiles {
    template <int MR>
    using Full = typename WeightTile<V, 2, false>::template With<MR>;
    template <int MR>
    using Narrow = typename WeightTile<V, 1, false>::template With<MR>;
    template <int MR>
    using Packed = typename WeightTile<V, 2, true>::template With<MR>;
};

// Rows of the batch that pass the tiles of a block together: their part of A and dZ is to stay in the second-level cache
// (512 * (224 + 32) * 4 bytes = 512 KB). And rows of a panel that do: their sums wait in the first-level cache.
constexpr ptrdiff_t row_block = 512, sum_rows = most_packed_columns;

// Columns [k0, k1) of A, k1 - k0 <= sum_rows, as the tiles of weight_gradient read them: block of rows, tile, row.
template <class V>
void pack_columns(ptrdiff_t rows, ptrdiff_t columns, const typename V::Scalar* A, ptrdiff_t lda,
                  typename V::Scalar* to) {
    constexpr ptrdiff_t L = V::lanes;
    const Tiles tiles(columns, tile_rows<V>), blocks(rows, row_block);
    for (ptrdiff_t b = 0; b < blocks.count; ++b) {
        const ptrdiff_t r0 = blocks.edge(b), r1 = blocks.edge(b + 1);
        for (ptrdiff_t r = r0; r < r1; ++r) {
            for (ptrdiff_t k = 0; k < columns; k += 64 / ptrdiff_t(sizeof(typename V::Scalar)))
                __builtin_prefetch(A + (r + 8) * lda + k);  // each row in another page: nothing fetches it by itself
            for (ptrdiff_t i = 0; i < tiles.count; ++i) {
                const ptrdiff_t k = tiles.edge(i), m = tiles.edge(i + 1) - k;
                const auto* from = A + r * lda + k;
                auto* t = to + r0 * columns + k * (r1 - r0) + (r - r0) * m;
                // A whole vector reaches into the next row of the tile, which is written after this one; the last row's
                // would reach into the next tile. And A's last rows are not followed by a whole vector.
                for (ptrdiff_t c = 0; c < m; c += L)
                    if (r + L < r1)
                        V::load(from + c).store(t + c);
                    else
                        V::load_first(from + c, m - c).store_first(t + c, m - c);
            }
        }
    }
}

template <class V>
bool weight_gradient(const WeightGradient<typename V::Scalar>& p, ptrdiff_t panel_index, ptrdiff_t k0, ptrdiff_t k1) {
    using T = typename V::Scalar;
    constexpr ptrdiff_t L = V::lanes;
    constexpr int MR = tile_rows<V>;
    const ptrdiff_t depth = (p.K + block - 1) / block * block;
    const ptrdiff_t column = panel_index * 2 * L, width = panel_width<V>(p.N, column);
    const SgdVectors<V> sgd(p.sgd);
    V check = V::zero();
    const bool packed = p.packed && width > L;
    alignas(64) T sums[sum_rows * 2 * L];
    for (ptrdiff_t first = k0; first < k1; first += sum_rows) {
        const Tiles tiles(k1 - first < sum_rows ? k1 - first : sum_rows, MR), blocks(p.rows, row_block);
        for (ptrdiff_t b = 0; b < blocks.count; ++b) {
            const ptrdiff_t r = blocks.edge(b), rows = blocks.edge(b + 1) - r;
            for (ptrdiff_t i = 0; i < tiles.count; ++i) {
                const ptrdiff_t from = tiles.edge(i), k = first + from, at = column * depth + k * width;
                const int m = int(tiles.edge(i + 1) - from);
                const T *a = p.A + r * p.lda + k, *dz = p.dZ + r * p.ldz + column;
                T* const sums_of_tile = sums + from * width;
                if (packed)  // the next panel of dZ, in as many parts as there are tiles
                    for (ptrdiff_t n = rows * i / tiles.count; n < rows * (i + 1) / tiles.count; ++n)
                        for (ptrdiff_t c = 2 * L; c < 4 * L; c += 64 / ptrdiff_t(sizeof(T)))
                            __builtin_prefetch(dz + n * p.ldz + c, 0, 2);
                if (packed)
                    run_tile<WeightTiles<V>::template Packed, MR>(m, p, p.packed + r * (k1 - k0) + from * rows, dz, r,
                                                                  rows, k, column, at, sums_of_tile, &sgd, &check);
                else if (width == L)
                    run_tile<WeightTiles<V>::template Narrow, MR>(m, p, a, dz, r, rows, k, column, at, sums_of_tile,
                                                                  &sgd, &check);
                else
                    run_tile<WeightTiles<V>::template Full, MR>(m, p, a, dz, r, rows, k, column, at, sums_of_tile, &sgd,
                                                                &check);
            }
        }
    }
    if (!p.gradient && !p.sums && p.transposed) transpose_block<V>(p.K, p.N, column, k0, k1, p.weights, p.transposed);
    return !check.any_nonzero_or_nan();
}

// Four vectors at a time, as one alone would wait for the adder.
template <class V>
void column_sums(ptrdiff_t rows, ptrdiff_t N, const typename V::Scalar* dZ, ptrdiff_t ldz, typename V::Scalar* out) {
    constexpr ptrdiff_t L = V::lanes;
    ptrdiff_t j = 0;
    for (; j + 3 * L < N; j += 4 * L) {
        V a = V::zero(), b = V::zero(), c = V::zero(), d = V::zero();
        for (ptrdiff_t r = 0; r < rows; ++r) {
            const auto* z = dZ + r * ldz + j;
            a = a + V::load(z);
            b = b + V::load(z + L);
            c = c + V::load(z + 2 * L);
            d = d + V::load(z + 3 * L);
        }
        a.store(out + j);
        b.store(out + j + L);
        c.store(out + j + 2 * L);
        d.store(out + j + 3 * L);
    }
    for (; j < N; j += L) {
        V sum = V::zero();
        for (ptrdiff_t r = 0; r < rows; ++r) sum = sum + V::load(dZ + r * ldz + j);
        sum.store(out + j);
    }
}

// Plain arrays: biases, and the public function of the same name.
template <class V>
bool update(ptrdiff_t n, const Sgd<typename V::Scalar>& s, typename V::Scalar* w, typename V::Scalar* v,
            const typename V::Scalar* g) {
    const SgdVectors<V> sgd(s);
    V check = V::zero();
    for (ptrdiff_t i = 0; i < n; i += V::lanes) {
        V vel = V::load_first(v + i, n - i), old = V::load_first(w + i, n - i), grad = V::load_first(g + i, n - i);
        V neu = s.nesterov ? sgd.template apply<true>(old, vel, grad) : sgd.template apply<false>(old, vel, grad);
        vel.store_first(v + i, n - i);
        neu.store_first(w + i, n - i);
        check = fma(neu, V::zero(), check);
    }
    return !check.any_nonzero_or_nan();
}

}  // namespace

// dW = A^T dZ of a layer with a few outputs. With lanes across them most would be idle: here they run across the inputs,
// and a column of dZ is broadcast. Each element still is one chain over the rows of the batch, so the bits are the same.
#pragma once

#include "weights.hpp"

namespace {

// Outputs for which it pays, and vectors of inputs that pass the rows together: their sums, a vector of A for each and
// a broadcast stay in registers.
template <class V>
constexpr int few_outputs = V::lanes < 8 ? V::lanes / 2 : 4;
template <class V>
constexpr int inputs_together = V::registers == 32 ? 4 : 2;

template <class V>
struct FewOutputs {
    using T = typename V::Scalar;
    static constexpr ptrdiff_t L = V::lanes;
    static constexpr int together = inputs_together<V>;

    // Rows [k, k + rows) of the last N columns; acc[i] is the gradient of row k + i. Not inlined, and not made for each N:
    // that was a tenth of all kernels.
    static __attribute__((noinline, noclone)) void finish(V (&acc)[L][1], const WeightGradient<T>& p, ptrdiff_t N,
                                                          ptrdiff_t k, ptrdiff_t rows, const SgdVectors<V>& sgd,
                                                          V& check) {
        if (p.gradient) {
#pragma GCC unroll 16
            for (int i = 0; i < L; ++i)
                if (i < rows) acc[i][0].store_first(p.gradient + (k + i) * p.N + (p.N - N), N);
            return;
        }
        const ptrdiff_t depth = (p.K + block - 1) / block * block, at = (p.N - N) * depth + k * L;
        if (p.sums) {
#pragma GCC unroll 16
            for (int i = 0; i < L; ++i)
                if (i < rows) acc[i][0].store(p.sums + at + i * L);
            return;
        }
        T *w = p.weights + at, *v = p.velocity + at;
        using Tile = typename WeightTile<V, 1, false>::template With<V::lanes>;
        if (rows >= L)
            return sgd.nesterov ? Tile::template update<true>(acc, w, v, sgd, check)
                                : Tile::template update<false>(acc, w, v, sgd, check);
        alignas(64) T gradient[L * L];
#pragma GCC unroll 16
        for (int i = 0; i < L; ++i) acc[i][0].store(gradient + i * L);
        using Row = typename WeightTile<V, 1, false>::template With<1>;
        for (ptrdiff_t i = 0; i < rows; ++i) {
            V one[1][1] = {{V::load(gradient + i * L)}};
            if (sgd.nesterov)
                Row::template update<true>(one, w + i * L, v + i * L, sgd, check);
            else
                Row::template update<false>(one, w + i * L, v + i * L, sgd, check);
        }
    }

    template <int N>
    struct With {
        // sums[n][c]: inputs [k + c * L, k + (c + 1) * L), of which those from `end` on are not there to be read.
        template <bool whole>
        static CR_INLINE void accumulate(V (&sums)[N][together], const WeightGradient<T>& p, ptrdiff_t k,
                                         ptrdiff_t end) {
            const T *a = p.A + k, *dz = p.dZ + (p.N - N);
            for (ptrdiff_t r = 0; r < p.rows; ++r, a += p.lda, dz += p.ldz) {
                V inputs[together];
#pragma GCC unroll 4
                for (int c = 0; c < together; ++c)
                    inputs[c] = whole ? V::load(a + c * L) : V::load_first(a + c * L, end - k - c * L);
#pragma GCC unroll 4
                for (int n = 0; n < N; ++n) {
                    const V d = V::set1(dz[n]);
#pragma GCC unroll 4
                    for (int c = 0; c < together; ++c) sums[n][c] = fma(inputs[c], d, sums[n][c]);
                }
            }
        }

        static __attribute__((noinline)) void run(const WeightGradient<T>& p, ptrdiff_t k0, ptrdiff_t k1, V* check) {
            const SgdVectors<V> sgd(p.sgd);
            for (ptrdiff_t k = k0; k < k1; k += together * L) {
                V sums[N][together];
#pragma GCC unroll 4
                for (int n = 0; n < N; ++n)
#pragma GCC unroll 4
                    for (int c = 0; c < together; ++c) sums[n][c] = V::zero();
                if (k + together * L <= k1)
                    accumulate<true>(sums, p, k, k1);
                else
                    accumulate<false>(sums, p, k, k1);
#pragma GCC unroll 4
                for (int c = 0; c < together; ++c) {
                    const ptrdiff_t first = k + c * L;
                    if (first >= k1) break;
                    V x[V::lanes], acc[V::lanes][1];
#pragma GCC unroll 16
                    for (int i = 0; i < L; ++i) x[i] = i < N ? sums[i < N ? i : 0][c] : V::zero();
                    V::transpose(x);
#pragma GCC unroll 16
                    for (int i = 0; i < L; ++i) acc[i][0] = x[i];
                    finish(acc, p, N, first, k1 - first, sgd, *check);
                }
            }
        }
    };
};

// dW of any panel, by what suits its width.
template <class V>
bool panel_gradient(const WeightGradient<typename V::Scalar>& p, ptrdiff_t panel_index, ptrdiff_t k0, ptrdiff_t k1) {
    const ptrdiff_t column = panel_index * 2 * V::lanes;
    if (p.N - column > few_outputs<V>) return weight_gradient<V>(p, panel_index, k0, k1);
    V check = V::zero();
    run_tile<FewOutputs<V>::template With, few_outputs<V>>(int(p.N - column), p, k0, k1, &check);
    if (!p.gradient && !p.sums && p.transposed) transpose_block<V>(p.K, p.N, column, k0, k1, p.weights, p.transposed);
    return !check.any_nonzero_or_nan();
}

}  // namespace

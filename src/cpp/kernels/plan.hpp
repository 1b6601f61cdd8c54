// Rows through all layers of a network whose parameters do not change any more (a plan, see kernel_table.hpp).
//
// One row through a narrow layer is a chain of K multiply-adds that wait for each other, 4 cycles each, however many
// columns run beside it; one row through wide layers is the time it takes to read the weights. So all layers are one
// call, the weights are read once and in the order in which they lie, and rows go together in fours; two or three that are
// left are no more to read than one (784-512-256-10, Zen 4: 25 instead of 46 microseconds for two, 41 instead of 69 for
// three). Weights that do not quite fit the second-level cache are read in alternating directions: what was read last is
// what is still there. Measured on 784-512-256-10 (2.1 MB, cache of 2 MB): 33 to 23 microseconds a row; prefetching by
// 0.5 to 8 KB ahead brought nothing, nor did groups of 4 vectors. The operations on each element are those of product.hpp
// and activations.hpp, so the bits are the same.
#pragma once

#include "activations.hpp"

namespace {

// Calls body(first column, columns in whole vectors, where the group begins) for each group of a layer.
template <class V, class Body>
CR_INLINE void for_each_group(ptrdiff_t K, ptrdiff_t N, bool reversed, Body body) {
    constexpr ptrdiff_t L = V::lanes;
    const Tiles groups((N + L - 1) / L, plan_group);
    for (ptrdiff_t i = 0; i < groups.count; ++i) {
        const ptrdiff_t g = reversed ? groups.count - 1 - i : i;
        const ptrdiff_t j = groups.edge(g) * L;
        body(j, groups.edge(g + 1) * L - j, j * K);
    }
}

template <class V>
void pack_plan(ptrdiff_t K, ptrdiff_t N, const typename V::Scalar* W, ptrdiff_t ldw, typename V::Scalar* groups) {
    for_each_group<V>(K, N, false, [&](ptrdiff_t j, ptrdiff_t width, ptrdiff_t begin) {
        for (ptrdiff_t k = 0; k < K; ++k)
            for (ptrdiff_t c = 0; c < width; c += V::lanes)
                V::load_first(W + k * ldw + j + c, N - j - c).store(groups + begin + k * width + c);
    });
}

template <class V>
void unpack_plan(ptrdiff_t K, ptrdiff_t N, const typename V::Scalar* groups, typename V::Scalar* W, ptrdiff_t ldw) {
    for_each_group<V>(K, N, false, [&](ptrdiff_t j, ptrdiff_t width, ptrdiff_t begin) {
        for (ptrdiff_t k = 0; k < K; ++k)
            for (ptrdiff_t c = 0; c < width; c += V::lanes)
                V::load(groups + begin + k * width + c).store_first(W + k * ldw + j + c, N - j - c);
    });
}

// C (MR, NV vectors) = bias + A (MR, K) times columns of a group; `there` columns of C may be written.
template <class V, int MR>
struct PlanTile {
    template <int NV>
    struct Columns {
        using T = typename V::Scalar;
        static __attribute__((noinline)) void run(ptrdiff_t K, const T* a, ptrdiff_t lda, const T* b, ptrdiff_t ldb,
                                                  const T* bias, bool relu, T* c, ptrdiff_t ldc, ptrdiff_t there) {
            constexpr ptrdiff_t L = V::lanes;
            V acc[MR][NV];
#pragma GCC unroll 8
            for (int n = 0; n < NV; ++n)
#pragma GCC unroll 4
                for (int m = 0; m < MR; ++m) acc[m][n] = V::load(bias + n * L);
            accumulate<V, MR, NV, Order::rows>(acc, K, a, lda, b, ldb);
#pragma GCC unroll 4
            for (int m = 0; m < MR; ++m)
#pragma GCC unroll 8
                for (int n = 0; n < NV; ++n) {
                    const V z = relu ? Relu<V>::value(acc[m][n]) : acc[m][n];
                    if (there >= (n + 1) * L)
                        z.store(c + m * ldc + n * L);
                    else
                        z.store_first(c + m * ldc + n * L, there - n * L);
                }
        }
    };
};

template <class V, int MR>
CR_INLINE void plan_rows_together(const PlanRows<typename V::Scalar>& p, ptrdiff_t row, bool reversed) {
    using T = typename V::Scalar;
    constexpr ptrdiff_t L = V::lanes;
    // As many vectors as their accumulators leave room for in registers, at most a whole group.
    constexpr int room = MR == 1 ? plan_group : MR == 2 ? 8 : 4, most = V::registers == 32 || MR == 1 ? room : room / 2;
    const T* a = p.X + row * p.layers[0].K;
    ptrdiff_t lda = p.layers[0].K;
    for (ptrdiff_t l = 0; l < p.n_layers; ++l) {
        const PlanLayer<T>& layer = p.layers[l];
        const ptrdiff_t K = layer.K, N = layer.N;
        const bool last = l + 1 == p.n_layers, relu = layer.activation == Activation::relu;
        T* c = last ? p.out + row * N : p.scratch + l % 2 * MR * p.width;
        const ptrdiff_t ldc = last ? N : p.width, there = last ? N : (N + L - 1) / L * L;
        for_each_group<V>(K, N, reversed, [&](ptrdiff_t j, ptrdiff_t width, ptrdiff_t begin) {
            for (ptrdiff_t i = 0; i < width; i += most * L) {
                const ptrdiff_t vectors = (width - i) / L;
                run_tile<PlanTile<V, MR>::template Columns, most>(int(vectors < most ? vectors : most), K, a, lda,
                                                                  layer.weights + begin + i, width, layer.bias + j + i,
                                                                  relu, c + j + i, ldc, there - j - i);
            }
        });
        if (!relu && layer.activation != Activation::identity) activate<V>(layer.activation, MR, there, c, ldc, c, ldc);
        a = c;
        lda = ldc;
    }
}

template <class V>
void plan_rows(const PlanRows<typename V::Scalar>& p) {
    bool reversed = p.reversed;
    for (ptrdiff_t row = 0; row < p.rows; row += plan_rows_at_once, reversed ^= p.alternate) {
        static_assert(plan_rows_at_once == 4);
        switch (p.rows - row) {
            case 1: plan_rows_together<V, 1>(p, row, reversed); break;
            case 2: plan_rows_together<V, 2>(p, row, reversed); break;
            case 3: plan_rows_together<V, 3>(p, row, reversed); break;
            default: plan_rows_together<V, 4>(p, row, reversed);
        }
    }
}

}  // namespace

// Weights in panels (the layout is drawn in kernel_table.hpp): from row-major and back, and to panels of the transpose.
#pragma once

#include "tile.hpp"

namespace {

// Columns of a panel and where it starts: the last one is one vector wide if that is enough.
template <class V>
CR_INLINE ptrdiff_t panel_width(ptrdiff_t N, ptrdiff_t first_column) {
    return N - first_column <= V::lanes ? V::lanes : 2 * V::lanes;
}

// Panels that are copied together: a row of one is two cache lines, and the next row of W may be a page away.
constexpr ptrdiff_t panels_together = 8;

// f(k, column, at) for each vector of columns of each row of W; it stands `at` elements into the panels.
template <class V, class F>
CR_INLINE void for_each_vector_of_panels(ptrdiff_t K, ptrdiff_t N, F f) {
    constexpr ptrdiff_t L = V::lanes, together = panels_together * 2 * L;
    const ptrdiff_t depth = (K + block - 1) / block * block;
    for (ptrdiff_t first = 0; first < N; first += together)
        for (ptrdiff_t k = 0; k < K; ++k)
            for (ptrdiff_t j = first; j < N && j < first + together; j += 2 * L) {
                const ptrdiff_t width = panel_width<V>(N, j);
                for (ptrdiff_t c = 0; c < width; c += L) f(k, j + c, j * depth + k * width + c);
            }
}

template <class V>
void pack(ptrdiff_t K, ptrdiff_t N, const typename V::Scalar* W, ptrdiff_t ldw, typename V::Scalar* panels) {
    for_each_vector_of_panels<V>(K, N, [=](ptrdiff_t k, ptrdiff_t column, ptrdiff_t at) CR_LAMBDA {
        V::load_first(W + k * ldw + column, N - column).store(panels + at);
    });
}

template <class V>
void unpack(ptrdiff_t K, ptrdiff_t N, const typename V::Scalar* panels, typename V::Scalar* W, ptrdiff_t ldw) {
    for_each_vector_of_panels<V>(K, N, [=](ptrdiff_t k, ptrdiff_t column, ptrdiff_t at) CR_LAMBDA {
        V::load(panels + at).store_first(W + k * ldw + column, N - column);
    });
}

// Rows [k0, k1) and the columns of one panel of W, copied into the panels of W^T (k0 a multiple of 16).
template <class V>
CR_INLINE void transpose_block(ptrdiff_t K, ptrdiff_t N, ptrdiff_t first_column, ptrdiff_t k0, ptrdiff_t k1,
                               const typename V::Scalar* panels, typename V::Scalar* transposed) {
    constexpr ptrdiff_t L = V::lanes;
    const ptrdiff_t depth = (K + block - 1) / block * block, depth_t = (N + block - 1) / block * block;
    const ptrdiff_t width = panel_width<V>(N, first_column);
    for (ptrdiff_t k = k0; k < k1; k += L) {
        const ptrdiff_t panel_t = k / (2 * L) * (2 * L), width_t = panel_width<V>(K, panel_t);
        const auto* from = panels + first_column * depth + k * width;
        auto* to = transposed + panel_t * depth_t + first_column * width_t + (k - panel_t);
        for (ptrdiff_t c = 0; c < width && first_column + c < N; c += L) {
            V x[V::lanes];
#pragma GCC unroll 16
            for (int i = 0; i < L; ++i) x[i] = V::load(from + i * width + c);
            V::transpose(x);
#pragma GCC unroll 16
            for (int i = 0; i < L; ++i) x[i].store(to + (c + i) * width_t);
        }
    }
}

template <class V>
void transpose_panels(ptrdiff_t K, ptrdiff_t N, const typename V::Scalar* panels, typename V::Scalar* transposed) {
    for (ptrdiff_t column = 0; column < N; column += 2 * V::lanes)
        transpose_block<V>(K, N, column, 0, K, panels, transposed);
}

}  // namespace

// Weights in panels (the layout is drawn in kernel_table.hpp): from row-major and back, and to panels of the transpose.
#pragma once

#include "tile.hpp"

namespace {

// Columns of a panel and where it starts: the last one is one vector wide if that is enough.
template <class V>
CR_INLINE ptrdiff_t panel_width(ptrdiff_t N, ptrdiff_t first_column) {
    return N - first_column <= V::lanes ? V::lanes : 2 * V::lanes;
}

template <class V>
void pack(ptrdiff_t K, ptrdiff_t N, const typename V::Scalar* W, ptrdiff_t ldw, typename V::Scalar* panels) {
    constexpr ptrdiff_t L = V::lanes;
    const ptrdiff_t depth = (K + block - 1) / block * block;
    for (ptrdiff_t j = 0; j < N; j += 2 * L) {
        const ptrdiff_t width = panel_width<V>(N, j);
        auto* to = panels + j * depth;
        for (ptrdiff_t k = 0; k < K; ++k)
            for (ptrdiff_t c = 0; c < width; c += L)
                V::load_first(W + k * ldw + j + c, N - j - c).store(to + k * width + c);
    }
}

template <class V>
void unpack(ptrdiff_t K, ptrdiff_t N, const typename V::Scalar* panels, typename V::Scalar* W, ptrdiff_t ldw) {
    constexpr ptrdiff_t L = V::lanes;
    const ptrdiff_t depth = (K + block - 1) / block * block;
    for (ptrdiff_t j = 0; j < N; j += 2 * L) {
        const ptrdiff_t width = panel_width<V>(N, j);
        const auto* from = panels + j * depth;
        for (ptrdiff_t k = 0; k < K; ++k)
            for (ptrdiff_t c = 0; c < width; c += L)
                V::load(from + k * width + c).store_first(W + k * ldw + j + c, N - j - c);
    }
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

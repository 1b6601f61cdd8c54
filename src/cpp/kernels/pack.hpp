// Row-major weights (K, N) to panels and back (the layout is drawn in kernel_table.hpp).
#pragma once

#include "weights.hpp"

namespace {

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

}  // namespace

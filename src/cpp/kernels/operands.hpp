// What a product reads, brought into the order in which its tiles read it: blocks of W as panels, rows of A as tiles.
#pragma once

#include "tile.hpp"

namespace {

// K rows of W from row k on, the columns of the panel that starts at j, as that panel's block.
template <class V>
CR_INLINE void pack_block(const Product<typename V::Scalar>& p, ptrdiff_t k, ptrdiff_t K, ptrdiff_t j, ptrdiff_t width,
                          typename V::Scalar* to) {
    for (ptrdiff_t i = 0; i < K; ++i)
        for (ptrdiff_t c = 0; c < width; c += V::lanes)
            V::load_first(p.panels + (k + i) * p.row_major + j + c, p.N - j - c).store(to + i * width + c);
}

// The same where the memory holds W^T, row-major or in panels: L rows of it become L columns of the block.
template <class V>
CR_INLINE void pack_transposed_block(const Product<typename V::Scalar>& p, ptrdiff_t k, ptrdiff_t K, ptrdiff_t j,
                                     ptrdiff_t width, typename V::Scalar* to) {
    constexpr ptrdiff_t L = V::lanes, panel = 2 * L;
    const ptrdiff_t depth = (p.N + block - 1) / block * block;
    for (ptrdiff_t i = 0; i < K; i += L) {
        const ptrdiff_t first = (k + i) / panel * panel;  // column of the panel of W^T
        const ptrdiff_t ld = p.row_major ? p.row_major : p.K - first <= L ? L : panel;
        const auto* from = p.panels + (p.row_major ? k + i : first * depth + (k + i - first));
        for (ptrdiff_t c = 0; c < width; c += L) {
            V x[V::lanes];
            if (i + L <= K && j + c + L <= p.N) {
#pragma GCC unroll 16
                for (ptrdiff_t t = 0; t < L; ++t) x[t] = V::load(from + (j + c + t) * ld);
                V::transpose(x);
#pragma GCC unroll 16
                for (ptrdiff_t t = 0; t < L; ++t) x[t].store(to + (i + t) * width + c);
                continue;
            }
#pragma GCC unroll 16
            for (ptrdiff_t t = 0; t < L; ++t) {
                const bool inside = j + c + t < p.N;
                x[t] = V::load_first(from + (inside ? j + c + t : 0) * ld, inside ? p.K - k - i : 0);
            }
            V::transpose(x);
#pragma GCC unroll 16
            for (ptrdiff_t t = 0; t < L; ++t)
                if (i + t < K) x[t].store(to + (i + t) * width + c);
        }
    }
}

// Columns [k, k + K) of `rows` rows of A in the order in which a tile of that height reads them: to[k * rows + m]. Stores
// are whole vectors, so that up to a vector beyond the end is written too.
template <class V>
CR_INLINE void pack_rows(ptrdiff_t rows, ptrdiff_t K, const typename V::Scalar* a, ptrdiff_t lda,
                         typename V::Scalar* to) {
    constexpr ptrdiff_t L = V::lanes, parts = (tile_rows<V> + L - 1) / L;
    for (ptrdiff_t k = 0; k < K; k += L) {
        V x[parts][V::lanes];
#pragma GCC unroll 2
        for (ptrdiff_t part = 0; part < parts; ++part) {
#pragma GCC unroll 16
            for (ptrdiff_t m = 0; m < L; ++m) {  // rows beyond the last: any values will do
                const auto* from = a + (part * L + m < rows ? part * L + m : 0) * lda + k;
                x[part][m] = k + L <= K ? V::load(from) : V::load_first(from, K - k);
            }
            V::transpose(x[part]);
        }
        if (k + L <= K && parts == 1) {
#pragma GCC unroll 16
            for (ptrdiff_t i = 0; i < L; ++i) x[0][i].store(to + (k + i) * rows);
            continue;
        }
#pragma GCC unroll 16
        for (ptrdiff_t i = 0; i < L; ++i)
#pragma GCC unroll 2
            for (ptrdiff_t part = 0; part < parts; ++part)
                if (k + i < K && part * L < rows) x[part][i].store(to + (k + i) * rows + part * L);
    }
}

// Lines [l0, l1) of the block of panels that starts at row k and column j.
template <class V>
CR_INLINE void fetch_block(const Product<typename V::Scalar>& p, ptrdiff_t k, ptrdiff_t j, ptrdiff_t l0, ptrdiff_t l1) {
    constexpr ptrdiff_t panel = 2 * V::lanes, line = 64 / sizeof(typename V::Scalar), square = panel * panel / line;
    const ptrdiff_t depth = ((p.transposed ? p.N : p.K) + block - 1) / block * block;
    if (!p.transposed) {
        const auto* from = p.panels + j * depth + k * panel;
        for (ptrdiff_t l = l0; l < l1; ++l) __builtin_prefetch(from + l * line, 0, 2);
    } else {  // a square of each panel of W^T
        const auto* from = p.panels + k / panel * panel * depth + j * panel;
        for (ptrdiff_t l = l0; l < l1; ++l)
            __builtin_prefetch(from + l / square * panel * depth + l % square * line, 0, 2);
    }
}

// Rows that another core has written: each line of them is waited for as long as for memory.
template <class V>
CR_INLINE void fetch_rows(ptrdiff_t rows, ptrdiff_t K, const typename V::Scalar* A, ptrdiff_t lda) {
    for (ptrdiff_t r = 0; r < rows; ++r)
        for (ptrdiff_t k = 0; k < K; k += 64 / ptrdiff_t(sizeof(typename V::Scalar)))
            __builtin_prefetch(A + r * lda + k);
}

}  // namespace

// Cholesky's factors, block of columns after block of columns: what the columns before contribute is one matrix product.
#include <algorithm>
#include <cmath>
#include <vector>

#include "model/least_squares.hpp"
#include "model/workspace.hpp"
#include "runtime/cpu.hpp"
#include "runtime/team.hpp"

namespace chainrule {
namespace {

constexpr std::ptrdiff_t columns_at_once = 64;

// The lower triangle of a block on the diagonal becomes its factor; `upper` its transpose. False: not positive definite.
template <class T>
bool factor_diagonal(std::ptrdiff_t n, T* L, std::ptrdiff_t ld, T* upper) {
    for (std::ptrdiff_t j = 0; j < n; ++j) {
        T pivot = L[j * ld + j];
        for (std::ptrdiff_t t = 0; t < j; ++t) pivot -= L[j * ld + t] * L[j * ld + t];
        if (!(pivot > 0) || !std::isfinite(pivot)) return false;
        L[j * ld + j] = std::sqrt(pivot);
        for (std::ptrdiff_t i = j + 1; i < n; ++i) {
            T s = L[i * ld + j];
            for (std::ptrdiff_t t = 0; t < j; ++t) s -= L[i * ld + t] * L[j * ld + t];
            L[i * ld + j] = s / L[j * ld + j];
        }
        for (std::ptrdiff_t i = j; i < n; ++i) upper[j * columns_at_once + i] = L[i * ld + j];
    }
    return true;
}

// One row below the diagonal: x upper = row.
template <class T>
void solve_row(std::ptrdiff_t n, const T* upper, T* row) {
    for (std::ptrdiff_t t = 0; t < n; ++t) {
        const T x = row[t] / upper[t * columns_at_once + t];
        row[t] = x;
        for (std::ptrdiff_t c = t + 1; c < n; ++c) row[c] -= x * upper[t * columns_at_once + c];
    }
}

}  // namespace

template <class T>
bool damped_step(std::ptrdiff_t n, const T* H, std::ptrdiff_t ldh, const T* g, T damping, T* step, int n_threads) {
    const Kernels<T>& k = kernels<T>();
    const int threads = resolve_threads(n_threads, double(n) * double(n) * double(n) / 6, work_of_a_call);
    const std::ptrdiff_t ld = padded_width<T>(n), ldt = columns_at_once;
    Arena arena;
    arena.reserve<T>(n * ld);
    arena.reserve<T>(n * ldt);
    arena.reserve<T>(columns_at_once * columns_at_once);
    arena.allocate();
    T *L = arena.take<T>(n * ld), *before = arena.take<T>(n * ldt), *upper = arena.take<T>(columns_at_once * ldt);
    for (std::ptrdiff_t i = 0; i < n; ++i) {
        std::copy_n(H + i * ldh, i + 1, L + i * ld);
        L[i * ld + i] += damping;
    }
    bool definite = true;
    run_team(threads, [&](int thread, int members, Barrier& barrier) {
        for (std::ptrdiff_t j = 0; j < n; j += columns_at_once) {
            const std::ptrdiff_t width = std::min(columns_at_once, n - j), below = n - j;
            const std::ptrdiff_t r0 = j + below * thread / members, r1 = j + below * (thread + 1) / members;
            if (j > 0 && r0 < r1) {
                T* sums = before + r0 * ldt;
                k.product({.rows = r1 - r0,
                           .K = j,
                           .N = width,
                           .A = L + r0 * ld,
                           .lda = ld,
                           .panels = L + j * ld,
                           .row_major = ld,
                           .transposed = true,
                           .C = sums,
                           .ldc = ldt});
                barrier.wait();  // the rows from j on have been read
                for (std::ptrdiff_t r = r0; r < r1; ++r)
                    for (std::ptrdiff_t c = 0; c < width; ++c) L[r * ld + j + c] -= before[r * ldt + c];
            } else if (j > 0) {
                barrier.wait();
            }
            barrier.wait();
            if (thread == 0 && !factor_diagonal(width, L + j * ld + j, ld, upper)) definite = false;
            barrier.wait();
            if (!definite) break;
            for (std::ptrdiff_t r = std::max(r0, j + width); r < r1; ++r) solve_row(width, upper, L + r * ld + j);
            barrier.wait();
        }
    });
    if (!definite) return false;
    for (std::ptrdiff_t i = 0; i < n; ++i) {  // L u = -g
        T s = -g[i];
        for (std::ptrdiff_t t = 0; t < i; ++t) s -= L[i * ld + t] * step[t];
        step[i] = s / L[i * ld + i];
    }
    for (std::ptrdiff_t i = n - 1; i >= 0; --i) {  // L^T x = u, column after column of L^T
        step[i] /= L[i * ld + i];
        for (std::ptrdiff_t t = 0; t < i; ++t) step[t] -= L[i * ld + t] * step[i];
    }
    return true;
}

template bool damped_step<float>(std::ptrdiff_t, const float*, std::ptrdiff_t, const float*, float, float*, int);
template bool damped_step<double>(std::ptrdiff_t, const double*, std::ptrdiff_t, const double*, double, double*, int);

}  // namespace chainrule

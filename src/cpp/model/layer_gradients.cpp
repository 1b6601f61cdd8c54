#include <algorithm>

#include "model/predict.hpp"
#include "model/workspace.hpp"
#include "runtime/cpu.hpp"
#include "runtime/team.hpp"

namespace chainrule {
namespace {

// Many rows are packed for smaller layers than `is_large` has in training, where they are in the cache already. In
// milliseconds without and with, on two processors: 8192 rows of 784 x 128 43.6 and 38.7, 23.4 and 19.7; of 512 x 256 47
// and 34.5, 30 and 29.7; of 37 x 101 1.8 and 2.1; 2048 rows of 784 x 128 5.5 and 6.0. Beyond the most rows what is packed
// would be memory of the size of X.
constexpr std::ptrdiff_t many_rows = 4096, most_rows = 1 << 16, weights_of_many_rows = 1 << 16;

bool pays_to_pack(std::ptrdiff_t rows, std::ptrdiff_t K, std::ptrdiff_t N) {
    if (rows > most_rows) return false;
    return is_large({K, N, Activation::identity, 0}, rows) || (rows >= many_rows && K * N >= weights_of_many_rows);
}

}  // namespace

template <class T>
void matmul_gradients(std::ptrdiff_t rows, std::ptrdiff_t K, std::ptrdiff_t N, const T* X, std::ptrdiff_t ldx,
                      const T* W, const T* dZ, std::ptrdiff_t ldz, T* dX, T* dW, T* db, int n_threads) {
    const Kernels<T>& k = kernels<T>();
    const int threads = resolve_threads(n_threads, 2 * double(rows) * double(K) * double(N), work_of_a_call);
    if (rows == 0) {
        std::fill_n(dW, K * N, T(0));
        std::fill_n(db, N, T(0));
        return;
    }
    // Kernels load and store whole vectors: arrays whose rows are not made of them are copied.
    const bool whole_dZ = N % k.lanes == 0, whole_dX = K % k.lanes == 0;
    const std::ptrdiff_t pz = whole_dZ ? ldz : padded_width<T>(N), px = whole_dX ? K : padded_width<T>(K);
    // Operands are packed as in training, by each thread for itself.
    const bool large = pays_to_pack(rows, K, N);
    const std::ptrdiff_t room = large ? rows * std::max(N, most_packed_columns) + k.lanes : 0;
    Arena arena;
    T *copied_dZ, *copied_dX, *sums;
    std::vector<T*> scratch(static_cast<std::size_t>(threads));
    const auto parts = [&](auto&& part) {
        part(copied_dZ, whole_dZ ? 0 : rows * pz);
        part(copied_dX, whole_dX ? 0 : rows * px);
        part(sums, round_up(N, block));
        for (T*& part_of_thread : scratch) part(part_of_thread, room);
    };
    parts([&](T*&, std::ptrdiff_t count) { arena.reserve<T>(count); });
    arena.allocate(Arena::Contents::any);
    parts([&](T*& pointer, std::ptrdiff_t count) { pointer = arena.take<T>(count); });
    for (std::ptrdiff_t r = 0; r < rows && !whole_dZ; ++r) std::copy_n(dZ + r * ldz, N, copied_dZ + r * pz);
    const T* z = whole_dZ ? dZ : copied_dZ;
    T* x = whole_dX ? dX : copied_dX;

    const std::ptrdiff_t n_panels = (N + k.panel - 1) / k.panel;
    run_team(threads, [&](int thread, int members, Barrier&) {
        T* const packed = large ? scratch[static_cast<std::size_t>(thread)] : nullptr;
        const std::ptrdiff_t r0 = rows * thread / members, r1 = rows * (thread + 1) / members;
        k.product({.rows = r1 - r0,
                   .K = N,
                   .N = K,
                   .A = z + r0 * pz,
                   .lda = pz,
                   .panels = W,
                   .row_major = N,
                   .transposed = true,
                   .C = x + r0 * px,
                   .ldc = px,
                   .scratch = packed});
        for (std::ptrdiff_t r = r0; r < r1 && !whole_dX; ++r) std::copy_n(x + r * px, K, dX + r * K);
        const std::ptrdiff_t step = packed ? most_packed_columns : K;
        for (std::ptrdiff_t k0 = 0; k0 < K; k0 += step) {
            const std::ptrdiff_t k1 = std::min(k0 + step, K);
            if (packed) k.pack_columns(rows, k1 - k0, X + k0, ldx, packed);
            for (std::ptrdiff_t p = n_panels * thread / members; p < n_panels * (thread + 1) / members; ++p)
                k.weight_gradient({.rows = rows,
                                   .K = K,
                                   .N = N,
                                   .A = X,
                                   .lda = ldx,
                                   .dZ = z,
                                   .ldz = pz,
                                   .gradient = dW,
                                   .packed = packed},
                                  p, k0, k1);
        }
    });
    k.column_sums(rows, N, z, pz, sums);
    std::copy_n(sums, N, db);
}

template void matmul_gradients<float>(std::ptrdiff_t, std::ptrdiff_t, std::ptrdiff_t, const float*, std::ptrdiff_t,
                                      const float*, const float*, std::ptrdiff_t, float*, float*, float*, int);
template void matmul_gradients<double>(std::ptrdiff_t, std::ptrdiff_t, std::ptrdiff_t, const double*, std::ptrdiff_t,
                                       const double*, const double*, std::ptrdiff_t, double*, double*, double*, int);

}  // namespace chainrule

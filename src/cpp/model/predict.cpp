#include "model/predict.hpp"

#include <algorithm>

#include "model/workspace.hpp"
#include "runtime/cpu.hpp"
#include "runtime/team.hpp"

namespace chainrule {
namespace {

// A block's two activation buffers, as in workspace.cpp; but no fewer rows than that share a pass over the weights.
constexpr std::ptrdiff_t buffers_at_once = 256 << 10, fewest_rows_at_once = 112;

}  // namespace

template <class T>
void predict(const Network& network, const Parameters<T>& parameters, std::ptrdiff_t rows, const T* X,
             std::ptrdiff_t ldx, T* out, int n_threads) {
    if (rows == 0) return;
    const Kernels<T>& k = kernels<T>();
    const int threads = resolve_threads(n_threads, double(rows) * network.forward_work(), work_of_a_call);
    std::ptrdiff_t widest = 0;
    for (const Layer& layer : network.layers) widest = std::max(widest, padded_width<T>(layer.N));
    const std::ptrdiff_t each = (rows + threads - 1) / threads;
    const std::ptrdiff_t at_once =
        std::min(each, std::max(fewest_rows_at_once, buffers_at_once / (2 * widest * std::ptrdiff_t(sizeof(T)))));

    Arena arena;
    std::vector<T*> biases(network.layers.size()), scratch(2 * static_cast<std::size_t>(threads));
    const auto parts = [&](auto&& part) {
        if (network.bias != BiasMode::none)
            for (std::size_t l = 0; l < biases.size(); ++l) part(biases[l], round_up(network.layers[l].N, block));
        for (T*& buffer : scratch) part(buffer, at_once * widest);
    };
    parts([&](T*&, std::ptrdiff_t count) { arena.reserve<T>(count); });
    arena.allocate();
    parts([&](T*& pointer, std::ptrdiff_t count) { pointer = arena.take<T>(count); });
    for (std::size_t l = 0; l < biases.size(); ++l) {
        if (network.bias == BiasMode::layer)
            std::fill_n(biases[l], network.layers[l].N, parameters.biases[l][0]);
        else if (network.bias == BiasMode::unit)
            std::copy_n(parameters.biases[l], network.layers[l].N, biases[l]);
    }

    run_team(threads, [&](int thread, int members, Barrier&) {
        const std::ptrdiff_t end = rows * (thread + 1) / members;
        for (std::ptrdiff_t r = rows * thread / members; r < end; r += at_once) {
            const std::ptrdiff_t n = std::min(at_once, end - r);
            const T* A = X + r * ldx;
            std::ptrdiff_t lda = ldx;
            for (std::size_t l = 0; l < biases.size(); ++l) {
                const auto [K, N, activation, dropout] = network.layers[l];
                const bool last = l + 1 == biases.size(), straight = last && N % k.lanes == 0;
                T* C = straight ? out + r * N : scratch[2 * static_cast<std::size_t>(thread) + l % 2];
                const std::ptrdiff_t ldc = straight ? N : padded_width<T>(N);
                const Epilogue epilogue = activation == Activation::relu ? Epilogue::relu : Epilogue::store;
                k.product({.rows = n,
                           .K = K,
                           .N = N,
                           .A = A,
                           .lda = lda,
                           .panels = parameters.weights[l],
                           .row_major = N,
                           .bias = biases[l],
                           .C = C,
                           .ldc = ldc,
                           .epilogue = epilogue});
                if (epilogue != Epilogue::relu) k.activate(activation, n, N, C, ldc, C, ldc);
                if (last && !straight)
                    for (std::ptrdiff_t i = 0; i < n; ++i) std::copy_n(C + i * ldc, N, out + (r + i) * N);
                A = C;
                lda = ldc;
            }
        }
    });
}

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
    Arena arena;
    T *copied_dZ, *copied_dX, *sums;
    const auto parts = [&](auto&& part) {
        part(copied_dZ, whole_dZ ? 0 : rows * pz);
        part(copied_dX, whole_dX ? 0 : rows * px);
        part(sums, round_up(N, block));
    };
    parts([&](T*&, std::ptrdiff_t count) { arena.reserve<T>(count); });
    arena.allocate();
    parts([&](T*& pointer, std::ptrdiff_t count) { pointer = arena.take<T>(count); });
    for (std::ptrdiff_t r = 0; r < rows && !whole_dZ; ++r) std::copy_n(dZ + r * ldz, N, copied_dZ + r * pz);
    const T* z = whole_dZ ? dZ : copied_dZ;
    T* x = whole_dX ? dX : copied_dX;

    const std::ptrdiff_t n_panels = (N + k.panel - 1) / k.panel;
    run_team(threads, [&](int thread, int members, Barrier&) {
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
                   .ldc = px});
        for (std::ptrdiff_t r = r0; r < r1 && !whole_dX; ++r) std::copy_n(x + r * px, K, dX + r * K);
        for (std::ptrdiff_t p = n_panels * thread / members; p < n_panels * (thread + 1) / members; ++p)
            k.weight_gradient({.rows = rows, .K = K, .N = N, .A = X, .lda = ldx, .dZ = z, .ldz = pz, .gradient = dW}, p,
                              0, K);
    });
    k.column_sums(rows, N, z, pz, sums);
    std::copy_n(sums, N, db);
}

#define CR_INSTANTIATE(T)                                                                                              \
    template void predict<T>(const Network&, const Parameters<T>&, std::ptrdiff_t, const T*, std::ptrdiff_t, T*, int); \
    template void matmul_gradients<T>(std::ptrdiff_t, std::ptrdiff_t, std::ptrdiff_t, const T*, std::ptrdiff_t,        \
                                      const T*, const T*, std::ptrdiff_t, T*, T*, T*, int);
CR_INSTANTIATE(float)
CR_INSTANTIATE(double)
#undef CR_INSTANTIATE

}  // namespace chainrule

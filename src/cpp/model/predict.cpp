#include "model/predict.hpp"

#include <algorithm>
#include <atomic>

#include "model/workspace.hpp"
#include "runtime/cpu.hpp"
#include "runtime/spin.hpp"
#include "runtime/team.hpp"

namespace chainrule {
namespace {

// Measured in AVX-512 and float32, 48 KB and 2 MB of cache, in turns with the alternatives.
//
// A block's two activation buffers: 16 KB to 512 KB are the same on 32-64-64-1, 37-101-53-3 and 64-256-256-1.
constexpr std::ptrdiff_t buffers_at_once = 256 << 10;
// But no fewer rows than that share a pass over the weights: 784-512-256-10 takes 28.7 ms with 112 rows, 27.5 with 224,
// 27.4 with 448, 28.5 with 672.
constexpr std::ptrdiff_t fewest_rows_at_once = 224;
// A thread that starts late, or loses its processor, leaves blocks to the others: so many for each, if a block is no
// fewer than 112 rows, 8 tiles; fewer would read the weights too often (above).
constexpr std::ptrdiff_t blocks_of_a_thread = 4, fewest_rows_shared = 112;
// From so many rows on W is packed into panels first. 784-512-256-10: 13 % slower with 126 rows, 4 % with 252, 1 %
// faster with 504; 512-2048-2048-512: 14 % faster with 1,008, rows packed too; narrow networks do not care.
constexpr std::ptrdiff_t rows_that_pack = 448;
// From so many weights on A is packed for the tiles as well: 512x512 6 % faster, 512x256 2 %; but 64-256-256-1, relu,
// is 5 % slower with it, and layers of 128x128 as much.
constexpr std::ptrdiff_t weights_that_pack_rows = 1 << 17;
// Columns that a thread packs at a time, in panels.
constexpr std::ptrdiff_t panels_of_a_piece = 8;

// One call: its memory, and who does what. Threads take pieces of W to pack and then blocks of rows, whoever is there
// first; no row's result depends on its block.
template <class T>
class Prediction {
public:
    Prediction(const Network& network, const Parameters<T>& parameters, std::ptrdiff_t rows, const T* X,
               std::ptrdiff_t ldx, T* out, int n_threads);
    void run();

private:
    struct Piece {
        std::size_t layer;
        std::ptrdiff_t begin, end;  // columns
    };
    struct Scratch {
        T *A[2], *packed;
    };

    bool packs_rows(const Layer& layer) const { return packs_ && layer.K * layer.N >= weights_that_pack_rows; }
    // Where block b begins: at a whole tile.
    std::ptrdiff_t edge(std::ptrdiff_t b) const { return std::min(rows_, tiles_ * b / blocks_ * k_.tile_rows); }
    void take_memory();
    void pack();
    void pass(std::ptrdiff_t r0, std::ptrdiff_t r1, const Scratch& scratch) const;

    const Network& network_;
    const Parameters<T>& parameters_;
    const Kernels<T>& k_;
    const std::ptrdiff_t rows_, ldx_;
    const T* const X_;
    T* const out_;
    const int threads_;
    const bool packs_;
    std::ptrdiff_t tiles_, blocks_, widest_ = 0, deepest_ = 0;  // deepest: K of the layers that pack rows
    Arena arena_;
    std::vector<T*> panels_, biases_;
    std::vector<Scratch> scratch_;
    std::vector<Piece> pieces_;
    std::atomic<std::ptrdiff_t> next_piece_{0}, pieces_done_{0}, next_block_{0};
};

template <class T>
Prediction<T>::Prediction(const Network& network, const Parameters<T>& parameters, std::ptrdiff_t rows, const T* X,
                          std::ptrdiff_t ldx, T* out, int n_threads)
    : network_(network), parameters_(parameters), k_(kernels<T>()), rows_(rows), ldx_(ldx), X_(X), out_(out),
      threads_(resolve_threads(n_threads, double(rows) * network.forward_work(), work_of_a_call)),
      packs_(rows >= rows_that_pack), tiles_((rows + k_.tile_rows - 1) / k_.tile_rows), panels_(network.layers.size()),
      biases_(network.layers.size()), scratch_(static_cast<std::size_t>(threads_)) {
    for (const Layer& layer : network.layers) {
        widest_ = std::max(widest_, padded_width<T>(layer.N));
        if (packs_rows(layer)) deepest_ = std::max(deepest_, layer.K);
    }
    std::ptrdiff_t at_once = std::max(fewest_rows_at_once, buffers_at_once / (2 * widest_ * std::ptrdiff_t(sizeof(T))));
    if (threads_ > 1) at_once = std::min(at_once, std::max(fewest_rows_shared, rows / (blocks_of_a_thread * threads_)));
    blocks_ = std::min(tiles_, round_up((rows + at_once - 1) / at_once, threads_));
    take_memory();
    const std::ptrdiff_t step = panels_of_a_piece * k_.panel;
    for (std::size_t l = 0; packs_ && l < panels_.size(); ++l)
        for (std::ptrdiff_t j = 0, N = network.layers[l].N; j < N; j += step)
            pieces_.push_back({l, j, std::min(j + step, N)});
}

template <class T>
void Prediction<T>::take_memory() {
    const std::ptrdiff_t at_once = (tiles_ + blocks_ - 1) / blocks_ * k_.tile_rows;
    const auto parts = [&](auto&& part) {
        for (std::size_t l = 0; l < biases_.size(); ++l) {
            const Layer& layer = network_.layers[l];
            if (network_.bias != BiasMode::none) part(biases_[l], round_up(layer.N, block));
            if (packs_) part(panels_[l], panel_size(k_, layer.K, layer.N));
        }
        for (Scratch& scratch : scratch_) {
            for (T*& buffer : scratch.A) part(buffer, at_once * widest_);
            if (deepest_ > 0) part(scratch.packed, at_once * deepest_ + k_.lanes);
        }
    };
    parts([&](T*&, std::ptrdiff_t count) { arena_.reserve<T>(count); });
    arena_.allocate(Arena::Contents::any);
    parts([&](T*& pointer, std::ptrdiff_t count) { pointer = arena_.take<T>(count); });
    for (std::size_t l = 0; network_.bias != BiasMode::none && l < biases_.size(); ++l) {
        const std::ptrdiff_t N = network_.layers[l].N, size = round_up(N, block);
        const T* from = parameters_.biases[l];
        std::fill_n(biases_[l], size, network_.bias == BiasMode::layer ? from[0] : T(0));
        if (network_.bias == BiasMode::unit) std::copy_n(from, N, biases_[l]);
    }
}

// Returns when all of W is packed. A thread that comes late finds nothing left, and nobody waits for it.
template <class T>
void Prediction<T>::pack() {
    const std::ptrdiff_t count = static_cast<std::ptrdiff_t>(pieces_.size());
    for (std::ptrdiff_t i; (i = next_piece_.fetch_add(1)) < count;) {
        const auto [l, begin, end] = pieces_[static_cast<std::size_t>(i)];
        const std::ptrdiff_t K = network_.layers[l].K, N = network_.layers[l].N;
        k_.pack(K, end - begin, parameters_.weights[l] + begin, N, panels_[l] + begin * round_up(K, block));
        if (pieces_done_.fetch_add(1) + 1 == count) pieces_done_.notify_all();
    }
    // It is a matter of microseconds: who sleeps takes longer to wake.
    for (int i = 0; i < most_spins && pieces_done_.load() < count; ++i) relax();
    for (std::ptrdiff_t done; (done = pieces_done_.load()) < count;) pieces_done_.wait(done);
}

template <class T>
void Prediction<T>::pass(std::ptrdiff_t r0, std::ptrdiff_t r1, const Scratch& scratch) const {
    const T* A = X_ + r0 * ldx_;
    std::ptrdiff_t lda = ldx_;
    for (std::size_t l = 0; l < biases_.size(); ++l) {
        const Layer& layer = network_.layers[l];
        const std::ptrdiff_t N = layer.N;
        const bool last = l + 1 == biases_.size();
        // Products store whole vectors; what is not made of them comes to `out` by the activation, element by element.
        const bool straight = last && N % k_.lanes == 0, relu = layer.activation == Activation::relu;
        T* const to = last ? out_ + r0 * N : scratch.A[l % 2];
        T* const C = straight ? to : scratch.A[l % 2];
        const std::ptrdiff_t ldto = last ? N : padded_width<T>(N), ldc = straight ? N : padded_width<T>(N);
        k_.product({.rows = r1 - r0,
                    .K = layer.K,
                    .N = N,
                    .A = A,
                    .lda = lda,
                    .panels = packs_ ? panels_[l] : parameters_.weights[l],
                    .row_major = packs_ ? 0 : N,
                    .bias = biases_[l],
                    .C = C,
                    .ldc = ldc,
                    .epilogue = relu ? Epilogue::relu : Epilogue::store,
                    .scratch = packs_rows(layer) ? scratch.packed : nullptr});
        k_.activate(relu ? Activation::identity : layer.activation, r1 - r0, N, C, ldc, to, ldto);
        A = to;
        lda = ldto;
    }
}

template <class T>
void Prediction<T>::run() {
    run_team(threads_, [&](int thread, int, Barrier&) {
        if (packs_) pack();
        for (std::ptrdiff_t b; (b = next_block_.fetch_add(1)) < blocks_;)
            pass(edge(b), edge(b + 1), scratch_[static_cast<std::size_t>(thread)]);
    });
}

}  // namespace

template <class T>
void predict(const Network& network, const Parameters<T>& parameters, std::ptrdiff_t rows, const T* X,
             std::ptrdiff_t ldx, T* out, int n_threads) {
    if (rows > 0) Prediction<T>(network, parameters, rows, X, ldx, out, n_threads).run();
}

template void predict<float>(const Network&, const Parameters<float>&, std::ptrdiff_t, const float*, std::ptrdiff_t,
                             float*, int);
template void predict<double>(const Network&, const Parameters<double>&, std::ptrdiff_t, const double*, std::ptrdiff_t,
                              double*, int);

}  // namespace chainrule

// All memory of a training run, computed and taken before the first step.
#pragma once

#include <vector>

#include "model/rule.hpp"
#include "runtime/buffer.hpp"

namespace chainrule {

inline std::ptrdiff_t round_up(std::ptrdiff_t n, std::ptrdiff_t multiple) {
    return (n + multiple - 1) / multiple * multiple;
}

// Elements of a weight matrix (K, N) as panels.
template <class T>
std::ptrdiff_t panel_size(const Kernels<T>& k, std::ptrdiff_t K, std::ptrdiff_t N) {
    return round_up(K, block) * round_up(N, k.lanes);
}

// Elements from one row of a padded buffer to the next. Strides that are multiples of 1 KB would crowd into a few sets
// of the cache when a column is walked.
template <class T>
std::ptrdiff_t padded_width(std::ptrdiff_t n) {
    const std::ptrdiff_t ld = round_up(n, block);
    return ld * static_cast<std::ptrdiff_t>(sizeof(T)) % 1024 == 0 ? ld + block : ld;
}

// Weights that do not stay in the second-level cache: A is packed for the tiles that read it, and there is no copy of W^T:
// to write it each step costs more than to transpose blocks of W as the backward pass comes by. Half as many, where the
// batch is tall: 500-1500-10 takes 204 and then 182 ms an epoch with batches of 1,024, 784-800-800-10 377 and 346 with 512; with
// 128 it is the same on one thread and 4 % slower on two, with 16 5 and 45 %.
constexpr std::ptrdiff_t large_weights = 1 << 20, tall_batch = 512;
inline bool is_large(const Layer& layer, std::ptrdiff_t batch) {
    return layer.K * layer.N >= (batch < tall_batch ? large_weights : large_weights / 2);
}

template <class T>
struct LayerMemory {
    T *weights, *velocity, *transposed;       // panels; transposed null for the first layer and large ones
    T *bias, *bias_velocity, *bias_gradient;  // N, padded; null without bias
    T *square, *sums, *bias_square;           // what a rule remembers second, and dW, in panels; null without need
    T* gradient;                              // (K, N) row-major, not ours; null in training
    T *A, *dZ;                                // (batch, ld): outputs, dLoss/dZ
    T* slope;                                 // (batch, ld): f'(z) times dropout mask; null where it comes from A
    T* custom;                                // (batch, ld): dLoss/dA from elsewhere; null but for the last layer then
    std::ptrdiff_t ld;
};

// What not every training run needs room for.
struct Extras {
    bool row_weights = false, custom_loss = false;
    bool input_gradient = false, given_gradients = false;  // room for that of the rows, and for those of the parameters
};

template <class T>
class Workspace {
public:
    // With `gradients` they are written there, and nothing is updated. Throws std::bad_alloc.
    Workspace(const Network& network, std::ptrdiff_t batch, int threads, const RuleNumbers& rule = {},
              const Parameters<T>* gradients = nullptr, Extras extras = {});
    // Takes no memory, and has pointers to none: only counts.
    struct Counted {};
    Workspace(const Network& network, std::ptrdiff_t batch, int threads, Counted, const RuleNumbers& rule = {},
              const Parameters<T>* gradients = nullptr, Extras extras = {});

    // Plain arrays to panels and back: the part of thread `thread` of `members`, who share the columns of large layers.
    // Lists that are empty are left away.
    void pack(const Parameters<T>& parameters, const Parameters<T>& velocities, const Parameters<T>& squares,
              int thread = 0, int members = 1);
    void unpack(const Parameters<T>& parameters, const Parameters<T>& velocities, const Parameters<T>& squares,
                int thread = 0, int members = 1) const;

    std::size_t bytes() const { return arena_.bytes(); }

    const Network& network;
    const Kernels<T>& kernels;
    std::ptrdiff_t batch, rows_at_once;  // rows that pass all layers together
    std::vector<LayerMemory<T>> layers;
    T *X, *Y;   // (batch, ld): the batch gathered
    T* weight;  // (batch): of its rows, or null
    T* dX;      // (batch, ldx): dLoss/dX, or null
    std::ptrdiff_t ldx, ldy;
    double* row_loss;
    std::vector<T*> masks;    // a thread's dropout multipliers, or noise
    std::vector<T*> scratch;  // a thread's room for what kernels pack, where a layer is large

private:
    // Calls part(pointer, elements, whether it is wanted) for all memory, always in the same order.
    template <class Part>
    void for_each_part(const RuleNumbers& rule, const Parameters<T>* gradients, Extras extras, Part&& part);

    Arena arena_;
};

}  // namespace chainrule

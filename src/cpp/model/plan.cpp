#include "model/plan.hpp"

#include <algorithm>
#include <cstdlib>

#include "model/workspace.hpp"
#include "runtime/cpu.hpp"
#include "runtime/fpu.hpp"

namespace chainrule {
namespace {

// Scratch on the stack: little where little will do, since compilers may be told to touch every page of an array.
// Two rows of 4,096 numbers in float64 fit the larger one.
constexpr std::size_t little = 4 << 10, most_on_stack = 64 << 10;

// More weights than that may not stay in the second-level cache from call to call.
constexpr std::size_t weights_that_stay = 1 << 20;
// The direction of this thread's next call of such a plan: the cache is that of its core.
thread_local bool next_reversed = false;

}  // namespace

template <class T>
Plan<T>::Plan(const Network& net, const Parameters<T>& parameters)
    : network_(net), kernels_(kernels<T>()), layers_(net.layers.size()), width_(block) {
    for (std::size_t l = 0; l + 1 < layers_.size(); ++l)
        width_ = std::max(width_, padded_width<T>(network_.layers[l].N));
    std::vector<T*> weights(layers_.size()), biases(layers_.size());
    const auto parts = [&](auto&& part) {
        for (std::size_t l = 0; l < layers_.size(); ++l) {
            part(weights[l], network_.layers[l].K * round_up(network_.layers[l].N, kernels_.lanes));
            part(biases[l], round_up(network_.layers[l].N, block));
        }
    };
    parts([&](T*&, std::ptrdiff_t count) { arena_.reserve<T>(count); });
    arena_.allocate();
    parts([&](T*& pointer, std::ptrdiff_t count) { pointer = arena_.take<T>(count); });
    alternate_ = network_.forward_work() * sizeof(T) > weights_that_stay;
    for (std::size_t l = 0; l < layers_.size(); ++l) {
        const auto [K, N, activation, dropout] = network_.layers[l];
        kernels_.pack_plan(K, N, parameters.weights[l], N, weights[l]);
        if (network_.bias == BiasMode::layer)
            std::fill_n(biases[l], N, parameters.biases[l][0]);
        else if (network_.bias == BiasMode::unit)
            std::copy_n(parameters.biases[l], N, biases[l]);
        layers_[l] = {K, N, activation, weights[l], biases[l]};
    }
}

template <class T>
void Plan<T>::unpack(const Parameters<T>& parameters) const {
    for (std::size_t l = 0; l < layers_.size(); ++l) {
        const PlanLayer<T>& layer = layers_[l];
        kernels_.unpack_plan(layer.K, layer.N, layer.weights, parameters.weights[l], layer.N);
        if (network_.bias != BiasMode::none)
            std::copy_n(layer.bias, network_.bias == BiasMode::layer ? 1 : layer.N, parameters.biases[l]);
    }
}

template <class T>
void Plan<T>::run(std::ptrdiff_t rows, const T* X, T* out, void* scratch) const noexcept {
    const FlushToZero ftz;
    const bool reversed = alternate_ && next_reversed;
    if (alternate_) next_reversed = !reversed;
    kernels_.plan_rows({.layers = layers_.data(),
                        .n_layers = static_cast<std::ptrdiff_t>(layers_.size()),
                        .rows = rows,
                        .X = X,
                        .out = out,
                        .scratch = static_cast<T*>(scratch),
                        .width = width_,
                        .alternate = alternate_,
                        .reversed = reversed});
}

template <class T>
template <std::size_t bytes>
__attribute__((noinline)) void Plan<T>::on_stack(std::ptrdiff_t rows, const T* X, T* out) const noexcept {
    alignas(64) unsigned char scratch[bytes];
    run(rows, X, out, scratch);
}

template <class T>
bool Plan<T>::predict(std::ptrdiff_t rows, const T* X, T* out) const noexcept {
    const std::size_t needed = 2 * sizeof(T) * static_cast<std::size_t>(std::min(rows, plan_rows_at_once) * width_);
    if (needed <= little) {
        on_stack<little>(rows, X, out);
    } else if (needed <= most_on_stack) {
        on_stack<most_on_stack>(rows, X, out);
    } else {
        void* scratch = std::aligned_alloc(64, (needed + 63) / 64 * 64);
        if (!scratch) return false;
        run(rows, X, out, scratch);
        std::free(scratch);
    }
    return true;
}

template class Plan<float>;
template class Plan<double>;

}  // namespace chainrule

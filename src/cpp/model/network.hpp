// The shape of a network and the plain arrays its parameters live in between calls.
#pragma once

#include <cstdint>
#include <vector>

#include "kernels/kernel_table.hpp"

namespace chainrule {

enum class BiasMode : int { none, unit, layer };  // no bias, one per neuron, one for all neurons of a layer

struct Layer {
    std::ptrdiff_t K, N;    // inputs and outputs
    Activation activation;  // of its outputs
    double dropout;         // rate at which its outputs are dropped in training; 0 for the last layer
};

struct Network {
    std::vector<Layer> layers;
    BiasMode bias;

    std::ptrdiff_t n_in() const { return layers.front().K; }
    std::ptrdiff_t n_out() const { return layers.back().N; }
    std::ptrdiff_t n_layers() const { return static_cast<std::ptrdiff_t>(layers.size()); }
    bool has_dropout() const;
    // Multiply-adds of one row through all layers, forward only.
    double forward_work() const;
    // Forward, backward and weight gradient; no gradient is taken with respect to the input.
    double training_work() const;
};

// Row-major (K, N) weights and (N) or (1) biases of each layer; biases empty without bias.
template <class T>
struct Parameters {
    std::vector<T*> weights, biases;
};

// Rows to learn from: X (rows, n_in) with either targets Y (rows, n_out) or class labels (rows).
template <class T>
struct Data {
    std::ptrdiff_t rows;
    const T* X;
    std::ptrdiff_t ldx;  // elements from one row to the next
    const T* Y;
    std::ptrdiff_t ldy;
    const std::int64_t* labels;
};

// Where dropout masks and permutations come from.
struct RandomSource {
    std::uint64_t seed;
    static constexpr std::uint32_t permutation_stream = 2u << 24;
    static constexpr std::uint32_t dropout_stream = 3u << 24;  // + layer
};

// The order of rows in an epoch: rows sorted by their random words.
void permutation(const Kernels<float>& kernels, std::ptrdiff_t n, std::uint64_t seed, std::uint64_t epoch,
                 std::int64_t* order);

}  // namespace chainrule

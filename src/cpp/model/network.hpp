// The shape of a network and the plain arrays its parameters live in between calls.
#pragma once

#include <cstdint>
#include <memory>
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
    // In training: the rate at which inputs are dropped, and the deviation of the noise that is added to them before.
    double input_dropout = 0, input_noise = 0;

    bool disturbs_inputs() const { return input_dropout > 0 || input_noise > 0; }
    std::ptrdiff_t n_in() const { return layers.front().K; }
    std::ptrdiff_t n_out() const { return layers.back().N; }
    std::ptrdiff_t n_layers() const { return static_cast<std::ptrdiff_t>(layers.size()); }
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
    const T* weight = nullptr;  // (rows) of the rows, or null: all count the same
    bool missing = false;       // whether some of Y is NaN
    std::shared_ptr<const std::int64_t[]>
        kept{};  // the labels are a checked copy: Python may write into its own meanwhile
};

// Streams of random words: permutations, dropout masks (+ layer), those of the inputs, and their noise.
constexpr std::uint32_t permutation_stream = 2u << 24, dropout_stream = 3u << 24, input_dropout_stream = 4u << 24,
                        input_noise_stream = 5u << 24;

// What the dropout kernel compares words with: below it they drop.
inline std::uint64_t dropout_threshold(double rate) { return static_cast<std::uint64_t>(rate * 4294967296.0); }

// The order of n rows in an epoch: rows sorted by their random words. Takes its memory once.
class Shuffler {
public:
    Shuffler(const Kernels<float>& kernels, std::ptrdiff_t n);
    void operator()(std::uint64_t seed, std::uint64_t epoch, std::int64_t* order);

private:
    struct Entry {
        std::uint32_t word, row;
    };
    const Kernels<float>& kernels_;
    std::vector<std::uint32_t> words_;
    std::vector<Entry> from_, to_;
    std::vector<std::size_t> start_;
};

}  // namespace chainrule

// Batch size 1 on networks at most 16 wide: kernels/tiny.hpp does many steps at a call, and they are looked at together.
#pragma once

#include <algorithm>
#include <utility>

#include "model/epochs.hpp"
#include "runtime/buffer.hpp"
#include "runtime/cpu.hpp"
#include "runtime/fpu.hpp"

namespace chainrule {

constexpr std::ptrdiff_t tiny_widest = block, tiny_deepest = 8;

inline bool tiny_fits(const Network& network, std::ptrdiff_t batch) {
    if (batch != 1 || network.n_layers() > tiny_deepest || network.disturbs_inputs()) return false;
    for (const Layer& layer : network.layers)
        if (layer.K > tiny_widest || layer.N > tiny_widest || layer.dropout > 0 || slope_needs_input(layer.activation))
            return false;
    return true;
}

// Of weights, their transpose, biases, and the velocity of each.
template <class T>
std::size_t tiny_bytes(const Network& network) {
    std::size_t rows = 0;
    for (const Layer& layer : network.layers) rows += 2 * static_cast<std::size_t>(layer.K + layer.N + 1);
    return rows * static_cast<std::size_t>(block) * sizeof(T);
}

// Whether the rows and the loss are such as the kernel for tiny networks takes.
template <class T>
bool tiny_learns(const LossNumbers& loss, const Data<T>& data) {
    return loss.is_plain() && !data.weight && !data.missing;
}

template <class T>
class TinyRunner : public Runner<T> {
public:
    explicit TinyRunner(const TrainRequest<T>& request) : request_(request) {
        const auto parts = [&](auto&& part) {
            for (std::size_t l = 0; l < layers_.size(); ++l) {
                const Layer& shape = request.network->layers[l];
                TinyLayer<T>& m = layers_[l];
                m.K = shape.K;
                m.N = shape.N;
                m.activation = shape.activation;
                m.only_transposed = l > 0 && m.N == 1;  // one row instead of K
                part(m.weights, m.K * block);
                part(m.velocity, m.K * block);
                part(m.transposed, m.N * block);
                part(m.transposed_velocity, m.N * block);
                part(m.bias, block);
                part(m.bias_velocity, block);
            }
        };
        layers_.resize(request.network->layers.size());
        parts([&](T*&, std::ptrdiff_t count) { arena_.reserve<T>(count); });
        arena_.allocate();
        parts([&](T*& pointer, std::ptrdiff_t count) { pointer = arena_.take<T>(count); });
    }

    void pack() override {
        for (std::size_t l = 0; l < layers_.size(); ++l) {
            TinyLayer<T>& m = layers_[l];
            copy_in(m, request_.parameters.weights[l], m.weights, m.transposed);
            copy_in(m, request_.velocities.weights[l], m.velocity, m.transposed_velocity);
            if (request_.network->bias == BiasMode::none) continue;
            const bool one = request_.network->bias == BiasMode::layer;
            std::fill_n(m.bias, block, T(0));
            std::fill_n(m.bias_velocity, block, T(0));
            for (std::ptrdiff_t j = 0; j < m.N; ++j) {
                m.bias[j] = request_.parameters.biases[l][one ? 0 : j];
                m.bias_velocity[j] = request_.velocities.biases[l][one ? 0 : j];
            }
        }
    }

    void unpack() override { give(request_.parameters, request_.velocities); }

    // To other plain arrays.
    void give(const Parameters<T>& parameters, const Parameters<T>& velocities) const {
        for (std::size_t l = 0; l < layers_.size(); ++l) {
            const TinyLayer<T>& m = layers_[l];
            for (std::ptrdiff_t k = 0; k < m.K; ++k)
                for (std::ptrdiff_t j = 0; j < m.N; ++j) {
                    const std::ptrdiff_t at = m.only_transposed ? j * block + k : k * block + j;
                    parameters.weights[l][k * m.N + j] = (m.only_transposed ? m.transposed : m.weights)[at];
                    velocities.weights[l][k * m.N + j] = (m.only_transposed ? m.transposed_velocity : m.velocity)[at];
                }
            if (request_.network->bias == BiasMode::none) continue;
            const std::ptrdiff_t n = request_.network->bias == BiasMode::layer ? 1 : m.N;
            std::copy(m.bias, m.bias + n, parameters.biases[l]);
            std::copy(m.bias_velocity, m.bias_velocity + n, velocities.biases[l]);
        }
    }

    bool steps(Course& course, std::uint64_t, std::ptrdiff_t count, std::ptrdiff_t& done,
               typename Runner<T>::Between between) override {
        double losses[most_at_once];
        const std::ptrdiff_t at_once = each_ ? 1 : most_at_once;
        while (done < count) {
            const std::ptrdiff_t n = std::min(at_once, count - done);
            const Tiny<T> call{layers_.data(),
                               static_cast<std::ptrdiff_t>(layers_.size()),
                               request_.loss.loss,
                               static_cast<int>(request_.network->bias),
                               request_.rule.template sgd<T>(request_.rule.learning_rate, 1),
                               request_.data.X,
                               request_.data.ldx,
                               request_.data.Y,
                               request_.data.ldy,
                               request_.data.labels,
                               course.order + done,
                               losses};
            run(call, n);
            double sum = course.epoch_loss;
            bool all = true;
            for (std::ptrdiff_t i = 0; i < n; ++i) {
                sum += losses[i];
                all &= is_finite(losses[i]);
            }
            if (!all || (n == at_once && !finite())) {
                if (!each_) done += n;
                return false;
            }
            course.epoch_loss = sum;
            course.weight_done += double(n);
            done += n;
            if (between.call(between.context, done)) break;
        }
        return true;
    }

    // A weight that is not finite stays so, as it goes into its own update; and so does a bias.
    bool finite() const override {
        bool all = true;
        for (const TinyLayer<T>& m : layers_) {
            const std::ptrdiff_t size = (m.only_transposed ? m.N : m.K) * block;
            for (std::ptrdiff_t i = 0; i < size; ++i)
                all &= is_finite((m.only_transposed ? m.transposed : m.weights)[i]);
            for (std::ptrdiff_t i = 0; i < block; ++i) all &= is_finite(m.bias[i]);
        }
        return all;
    }
    bool look_at_each_step() override { return !std::exchange(each_, true); }

private:
    static constexpr std::ptrdiff_t most_at_once = 512;  // some tens of microseconds

    static bool is_finite(auto x) { return x - x == 0; }

    static void run(const Tiny<T>& call, std::ptrdiff_t n) {
        FlushToZero ftz;  // not while somebody is asked
        kernels<T>().tiny_steps(call, n);
    }

    // All of it, as a step that was not finite may have left NaN where there is only padding.
    static void copy_in(const TinyLayer<T>& m, const T* from, T* rows, T* columns) {
        std::fill_n(rows, m.K * block, T(0));
        std::fill_n(columns, m.N * block, T(0));
        for (std::ptrdiff_t k = 0; k < m.K; ++k)
            for (std::ptrdiff_t j = 0; j < m.N; ++j) rows[k * block + j] = columns[j * block + k] = from[k * m.N + j];
    }

    const TrainRequest<T>& request_;
    Arena arena_;
    std::vector<TinyLayer<T>> layers_;
    bool each_ = false;  // look at each step
};

}  // namespace chainrule

// How gradients become updates: the numbers of an optimizer, and what they are at one step.
#pragma once

#include <cstdint>
#include <limits>

#include "model/network.hpp"

namespace chainrule {

struct RuleNumbers {
    RuleKind kind = RuleKind::sgd;
    double learning_rate = 0, momentum = 0;
    bool nesterov = false;
    double weight_decay = 0;
    bool decoupled = false;
    double beta1 = 0, beta2 = 0, epsilon = 0, eta_minus = 0, eta_plus = 0, smallest = 0, largest = 0, l1 = 0;
    double clip_value = std::numeric_limits<double>::infinity(), clip_norm = clip_value, max_norm = clip_value;
    bool decay_per_batch = false;  // the weight decay is divided by the weight of the batch
    bool raw_epsilon = false;      // Adam's epsilon is added before the root is that of a mean

    // The weight decay in a batch of so many rows, or of rows with weights of that sum.
    double decay_of(double batch_weight) const {
        if (!decay_per_batch) return weight_decay;
        return batch_weight > 0 ? weight_decay / batch_weight : 0;
    }

    // Gradient descent with momentum and weight decay alone: done where the gradient still is in registers.
    bool is_plain() const {
        return kind == RuleKind::sgd && l1 == 0 && !limited(clip_value) && !limited(clip_norm) && !limited(max_norm);
    }
    bool clips_norm() const { return limited(clip_norm); }
    bool limits_norm() const { return limited(max_norm); }
    bool has_square() const { return kind != RuleKind::sgd; }

    template <class T>
    Sgd<T> sgd(double rate, double batch_weight) const {
        return {T(rate), T(momentum), T(decay_of(batch_weight)), nesterov};
    }
    // At the t-th step of this rule, t from 1 on; `scale` is that of the gradient.
    template <class T>
    Rule<T> at(double rate, std::uint64_t t, double scale, double batch_weight) const;

private:
    static bool limited(double limit) { return limit < std::numeric_limits<double>::infinity(); }
};

// The same for biases, which no penalty of weights concerns.
template <class T>
Rule<T> of_biases(Rule<T> rule) {
    rule.decay = rule.l1 = 0;
    rule.shrink = 1;
    return rule;
}

// The learning rates of steps to come, where they are not all the same: `call` fills `out` with those of steps step,
// step + 1, ... and returns how many it could give, at most `count`; 0 where training is to stop. Null: constant.
struct Rates {
    std::ptrdiff_t (*call)(void* context, std::uint64_t step, std::ptrdiff_t count, double* out) = nullptr;
    void* context = nullptr;
};

}  // namespace chainrule

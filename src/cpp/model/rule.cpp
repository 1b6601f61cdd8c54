#include "model/rule.hpp"

#include <cmath>

namespace chainrule {
namespace {

// x^n by squaring: the same bits on every system, which those of the C library need not be.
double power(double x, std::uint64_t n) {
    double product = 1;
    for (; n > 0; n /= 2, x *= x)
        if (n % 2) product *= x;
    return product;
}

}  // namespace

template <class T>
Rule<T> RuleNumbers::at(double rate, std::uint64_t t, double scale, double batch_weight) const {
    const bool adam = kind == RuleKind::adam;
    const double root = adam ? 1 / std::sqrt(1 - power(beta2, t)) : 1;
    return {.kind = kind,
            .rate = T(adam ? rate / (1 - power(beta1, t)) : rate),
            .momentum = T(momentum),
            .decay = T(decoupled ? 0 : decay_of(batch_weight)),
            .shrink = T(decoupled ? 1 - rate * weight_decay : 1),
            .l1 = T(l1),
            .beta1 = T(beta1),
            .one_minus_beta1 = T(1 - beta1),
            .beta2 = T(beta2),
            .one_minus_beta2 = T(1 - beta2),
            .epsilon = T(raw_epsilon ? epsilon * root : epsilon),
            .root = T(root),
            .eta_minus = T(eta_minus),
            .eta_plus = T(eta_plus),
            .smallest = T(smallest),
            .largest = T(largest),
            .limit = T(clip_value),
            .scale = T(scale),
            .nesterov = nesterov};
}

template Rule<float> RuleNumbers::at<float>(double, std::uint64_t, double, double) const;
template Rule<double> RuleNumbers::at<double>(double, std::uint64_t, double, double) const;

}  // namespace chainrule

// The names that cross the border between the kernels and everything above them, as numbers: a number is the name's place
// in the list below it. Python gets the lists from the bindings.
#pragma once

#include <stddef.h>

namespace chainrule {

enum class Activation : int {
    identity,
    sigmoid,
    tanh,
    relu,
    leaky_relu,
    softmax,
    step,
    elu,
    selu,
    softplus,
    softsign,
    hard_sigmoid,
    exponential,
    gelu,
    gelu_tanh,
    silu,
    mish
};
constexpr const char* activation_names[] = {
    "identity", "sigmoid",  "tanh",         "relu",        "leaky_relu", "softmax",   "step", "elu", "selu",
    "softplus", "softsign", "hard_sigmoid", "exponential", "gelu",       "gelu_tanh", "silu", "mish"};

// Whether f'(z) cannot be computed from the output f(z): those from gelu on.
static constexpr bool slope_needs_input(Activation kind) { return kind >= Activation::gelu; }

enum class Loss : int {
    half_squared_error,
    mean_squared_error,
    cross_entropy,
    binary_cross_entropy,
    mean_absolute_error,
    huber,
    log_cosh,
    quantile,
    poisson,
    hinge,
    custom  // computed by somebody else
};
constexpr const char* loss_names[] = {"half_squared_error",
                                      "mean_squared_error",
                                      "cross_entropy",
                                      "binary_cross_entropy",
                                      "mean_absolute_error",
                                      "huber",
                                      "log_cosh",
                                      "quantile",
                                      "poisson",
                                      "hinge",
                                      "custom"};

// Whether the loss of a row is the mean over its outputs, not the sum.
static constexpr bool is_mean_over_outputs(Loss loss) {
    return loss == Loss::mean_squared_error || (loss >= Loss::mean_absolute_error && loss <= Loss::poisson);
}

enum class RuleKind : int { sgd, adam, rmsprop, adagrad, rprop };
constexpr const char* rule_names[] = {"sgd", "adam", "rmsprop", "adagrad", "rprop"};

// What makes dLoss/dA of the sum over a batch that of the mean: 2 of the square and the counts the mean goes over. `total`
// is the number of rows, or the sum of their weights; 0 where there is none.
template <class T>
static constexpr T gradient_scale(Loss loss, double total, ptrdiff_t n_out) {
    if (total == 0) return T(0);
    if (!is_mean_over_outputs(loss)) return T(1) / T(total);
    return T(loss == Loss::mean_squared_error ? 2 : 1) / (T(total) * T(n_out));
}

constexpr double leaky_relu_slope = 0.01;
constexpr double selu_scale = 1.0507009873554805, selu_alpha = 1.6732632423543772;

}  // namespace chainrule

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

enum class Loss : int { half_squared_error, mean_squared_error, cross_entropy, binary_cross_entropy };
constexpr const char* loss_names[] = {"half_squared_error", "mean_squared_error", "cross_entropy",
                                      "binary_cross_entropy"};

enum class RuleKind : int { sgd, adam, rmsprop, adagrad, rprop };
constexpr const char* rule_names[] = {"sgd", "adam", "rmsprop", "adagrad", "rprop"};

// What makes dLoss/dA of the sum over a batch that of the mean: 2 of the square and the counts the mean goes over.
template <class T>
static constexpr T gradient_scale(Loss loss, ptrdiff_t rows, ptrdiff_t n_out) {
    return loss == Loss::mean_squared_error ? T(2) / (T(rows) * T(n_out)) : T(1) / T(rows);
}

constexpr double leaky_relu_slope = 0.01;
constexpr double selu_scale = 1.0507009873554805, selu_alpha = 1.6732632423543772;

}  // namespace chainrule

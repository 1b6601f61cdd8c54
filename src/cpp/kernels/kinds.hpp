// The names that cross the border between the kernels and everything above them, as numbers.
// The Python side has the same lists (chainrule/_network.py); the bindings translate.
#pragma once

namespace chainrule {

enum class Activation : int { identity, sigmoid, tanh, relu, leaky_relu, softmax, step };

enum class Loss : int { half_squared_error, mean_squared_error, cross_entropy, binary_cross_entropy };

constexpr double leaky_relu_slope = 0.01;

}  // namespace chainrule

// The names that cross the border between the kernels and everything above them, as numbers: a number is the name's place
// in the list below it. Python gets the lists from the bindings.
#pragma once

namespace chainrule {

enum class Activation : int { identity, sigmoid, tanh, relu, leaky_relu, softmax, step };
constexpr const char* activation_names[] = {"identity", "sigmoid", "tanh", "relu", "leaky_relu", "softmax", "step"};

enum class Loss : int { half_squared_error, mean_squared_error, cross_entropy, binary_cross_entropy };
constexpr const char* loss_names[] = {"half_squared_error", "mean_squared_error", "cross_entropy",
                                      "binary_cross_entropy"};

constexpr double leaky_relu_slope = 0.01;

}  // namespace chainrule

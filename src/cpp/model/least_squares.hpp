// The normal equations of a small network, and their solution: see chainrule.reference.least_squares.
#pragma once

#include "model/network.hpp"

namespace chainrule {

// JTJ (P, P) and JTe (P), P the number of parameters: layer by layer, weights before biases. Returns the sum of e^2.
template <class T>
double normal_equations(const Network& network, const Parameters<T>& parameters, const Data<T>& data, T* JTJ, T* JTe,
                        int n_threads);

// Weights and biases together.
std::ptrdiff_t n_parameters(const Network& network);

// step (n) with (H + damping I) step = -g; ldh elements from one row of H to the next. False where the matrix is not
// positive definite.
template <class T>
bool damped_step(std::ptrdiff_t n, const T* H, std::ptrdiff_t ldh, const T* g, T damping, T* step, int n_threads);

}  // namespace chainrule

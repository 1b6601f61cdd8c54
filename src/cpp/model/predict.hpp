// Forward only: blocks of rows pass all layers while they are in cache; X is read where it lies.
#pragma once

#include "model/network.hpp"

namespace chainrule {

// out (rows, n_out) = the network's outputs for X (rows, n_in), row-major; ldx elements from one row of X to the next.
template <class T>
void predict(const Network& network, const Parameters<T>& parameters, std::ptrdiff_t rows, const T* X,
             std::ptrdiff_t ldx, T* out, int n_threads);

// For one layer of weights: dX = dZ W^T, dW = X^T dZ, db = sum over rows of dZ.
template <class T>
void matmul_gradients(std::ptrdiff_t rows, std::ptrdiff_t K, std::ptrdiff_t N, const T* X, std::ptrdiff_t ldx,
                      const T* W, const T* dZ, std::ptrdiff_t ldz, T* dX, T* dW, T* db, int n_threads);

}  // namespace chainrule

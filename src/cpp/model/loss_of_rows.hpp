// The loss of rows whose weighted sums are known.
#pragma once

#include "model/loss.hpp"

namespace chainrule {

// `d.X` are the weighted sums of the output layer, (rows, N). The derivatives by them go to dZ, (rows, N).
template <class T>
double loss_of_rows(const LossNumbers& numbers, Activation kind, const Data<T>& d, std::ptrdiff_t N, T* dZ);

}  // namespace chainrule

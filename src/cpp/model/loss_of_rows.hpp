// The loss of rows whose weighted sums are known, and of rows that a network predicts first.
#pragma once

#include "model/loss.hpp"

namespace chainrule {

// `d.X` are the weighted sums of the output layer, (rows, N). The derivatives by them go to dZ, (rows, N).
template <class T>
double loss_of_rows(const LossNumbers& numbers, Activation kind, const Data<T>& d, std::ptrdiff_t N, T* dZ);

// The loss of a network's prediction for the same rows, to be measured as often as its parameters change: the bits are
// those of `predict` and `loss_of_rows`. All memory is taken when it is made.
template <class T>
class Validation {
public:
    Validation(const Network& network, const Data<T>& data, const LossNumbers& loss, int n_threads);
    double measure(const Parameters<T>& parameters);

private:
    Network sums_;  // without the output activation, which the loss looks at itself
    Activation output_;
    Data<T> data_;
    LossNumbers loss_;
    int n_threads_;
    std::vector<T> Z_, dZ_;
};

}  // namespace chainrule

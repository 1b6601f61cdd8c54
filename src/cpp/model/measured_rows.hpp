// Rows that are measured after each epoch of training: their loss, and how many of them are classified right.
#pragma once

#include "model/loss.hpp"

namespace chainrule {

// The prediction is one without dropout and noise; the bits are those of `predict`, of `loss_of_rows` and of the activation
// of those sums. All memory is taken when it is made, but for what is found.
template <class T>
class MeasuredRows {
public:
    // `classes`, of each row, or null: then how many are right is not asked for.
    MeasuredRows(const Network& network, const Data<T>& data, const LossNumbers& loss, bool wants_loss,
                 const std::int64_t* classes, int n_threads);
    // Appends what is found.
    void measure(const Parameters<T>& parameters);

    std::vector<double> losses, accuracies;

private:
    double accuracy();

    Network sums_;  // without the output activation, which the loss looks at itself
    Activation output_;
    Data<T> data_;
    LossNumbers loss_;
    bool wants_loss_;
    const std::int64_t* classes_;
    int n_threads_;
    std::vector<T> Z_, dZ_;
};

}  // namespace chainrule

// What a training run minimises: a loss and its numbers, weights of outputs, or a function of somebody else's.
#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

#include "model/network.hpp"

namespace chainrule {

struct LossNumbers {
    Loss loss = Loss::half_squared_error;
    double delta = 1, label_smoothing = 0;
    std::vector<double> levels, factors;  // one for each output, or none
    double margin = 0;                    // of a cross-entropy: no probability is nearer to 0 and 1, in its value

    // What the kernel for tiny networks has too: all entries count, and targets are used as they are.
    bool is_plain() const {
        return loss <= Loss::binary_cross_entropy && label_smoothing == 0 && factors.empty() && margin == 0;
    }
};

// A loss that is computed elsewhere: from the activations A and the targets Y of all rows of a batch, both (rows, N), its
// value and dA. False where it failed; then nothing more is done with this batch. Null: none.
template <class T>
struct CustomLoss {
    bool (*call)(void* context, std::ptrdiff_t rows, std::ptrdiff_t N, const T* A, std::ptrdiff_t lda, const T* Y,
                 std::ptrdiff_t ldy, T* dA, std::ptrdiff_t ldd, double& value) = nullptr;
    void* context = nullptr;
};

// A loss as the kernels take it, with the memory of its numbers.
template <class T>
class TypedLoss {
public:
    TypedLoss(const LossNumbers& numbers, std::ptrdiff_t n_out, bool missing)
        : levels_(numbers.levels.begin(), numbers.levels.end()),
          factors_(numbers.factors.begin(), numbers.factors.end()) {
        objective_ = {numbers.loss, T(numbers.delta), levels_.empty() ? nullptr : levels_.data(),
                      factors_.empty() ? nullptr : factors_.data(), missing};
        if (numbers.margin > 0) {
            objective_.least = T(-std::log1p(-numbers.margin));
            objective_.most = T(-std::log(numbers.margin));
        }
        if (numbers.label_smoothing > 0) {
            const double among = numbers.loss == Loss::cross_entropy ? double(n_out) : 2;
            kept_ = T(1 - numbers.label_smoothing);
            added_ = T(numbers.label_smoothing / among);
        }
    }
    TypedLoss(const TypedLoss&) = delete;
    TypedLoss& operator=(const TypedLoss&) = delete;

    const Objective<T>& objective() const { return objective_; }
    bool smooths() const { return added_ > 0; }
    void smooth(std::ptrdiff_t N, T* y) const {
        for (std::ptrdiff_t j = 0; j < N; ++j) y[j] = kept_ * y[j] + added_;
    }
    // One row of targets; nothing where there are none.
    void target(const Data<T>& data, std::ptrdiff_t row, std::ptrdiff_t N, T* y) const {
        if (data.labels) {
            std::fill(y, y + N, T(0));
            y[data.labels[row]] = 1;
        } else if (data.Y) {
            std::copy_n(data.Y + row * data.ldy, N, y);
        }
        if (smooths()) smooth(N, y);
    }

private:
    std::vector<T> levels_, factors_;
    Objective<T> objective_;
    T kept_ = 1, added_ = 0;
};

// Of rows order[0], order[1], ... (null: 0, 1, ...): their number, or the sum of their weights.
template <class T>
double total_weight(const Data<T>& data, const std::int64_t* order, std::ptrdiff_t rows) {
    if (!data.weight) return double(rows);
    double sum = 0;
    for (std::ptrdiff_t r = 0; r < rows; ++r) sum += double(data.weight[order ? order[r] : r]);
    return sum;
}

}  // namespace chainrule

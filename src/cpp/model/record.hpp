// What a caller may want to know of each step: the loss of its batch, and the squares of all weights before its update.
#pragma once

#include "model/workspace.hpp"

namespace chainrule {

// An entry for each step of a call, in memory of the caller's; no pointers: nothing is noted.
struct StepRecord {
    double *losses = nullptr, *weight_squares = nullptr;  // OUT (count), or null
    std::ptrdiff_t count = 0;
    std::uint64_t begin = 0;  // the number of the first step, ever

    bool wanted() const { return losses != nullptr; }
    void put(std::uint64_t step, double loss, double squares) const {
        losses[step - begin] = loss;
        weight_squares[step - begin] = squares;
    }
    // Nothing is known of the steps from number `end` on, which are not done.
    void cut(std::uint64_t end) const;
};

// The sum of the squares of all weights, which lie in panels, in float64. Neither threads nor widths of panels, which
// differ between instruction sets, change its bits: a column's squares are added from row to row, as many rows at a time
// as one part has, and then the sums of all columns in their order. What fills a panel up is not looked at.
template <class T>
class WeightSquares {
public:
    explicit WeightSquares(const Workspace<T>& workspace);
    // The thread's share of the sums; the weights are read, and there is no barrier.
    void add(int thread, int members);
    // After all threads have added theirs.
    double total() const;

private:
    struct Part {  // some rows of a panel
        const T* weights;
        std::ptrdiff_t rows, width, columns, sums;
    };
    const Kernels<T>& kernels_;
    std::vector<Part> parts_;
    std::vector<double> sums_;
};

}  // namespace chainrule

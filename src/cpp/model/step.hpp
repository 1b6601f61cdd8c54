// One training step in two phases with a barrier after each:
//
//   rows phase      a thread owns rows of the batch: it gathers them and takes them forward through all layers, through
//                   the loss, and back through all layers, leaving A and dZ of every layer
//   weights phase   a thread owns blocks of weights: for each it sums dW over all rows and updates at once
//
// No thread ever adds to what another has, so there is nothing to reduce, and the bits do not depend on the team.
#pragma once

#include "model/workspace.hpp"

namespace chainrule {

template <class T>
struct StepRequest {
    const Data<T>* data;
    const std::int64_t* order;  // row numbers of the batch, or null: rows 0, 1, ...
    std::ptrdiff_t rows;        // of this batch
    Loss loss;
    std::uint64_t seed, step;  // of the dropout masks
};

// A block of rows of a weight panel, or (panel < 0) a layer's biases.
struct WeightUnit {
    std::ptrdiff_t layer, panel, k0, k1;
    double work;
};

template <class T>
class Step {
public:
    Step(Workspace<T>& workspace, Loss loss, const Sgd<T>& sgd);

    // Thread `thread` of `members`; all rows of [rows * thread / members, rows * (thread + 1) / members).
    void rows_phase(const StepRequest<T>& request, int thread, int members);
    // The units of thread `thread`. Between them the rows that this thread will gather for `next` (null: none) are fetched
    // into the cache. Returns false if an updated parameter is not finite.
    bool weights_phase(std::ptrdiff_t rows, int thread, int members, const StepRequest<T>* next);

private:
    // The units of a thread: consecutive ones, of about equal work.
    std::size_t first_unit(int thread, int members) const;
    void fetch(const StepRequest<T>& request, std::ptrdiff_t r0, std::ptrdiff_t r1) const;
    void gather(const StepRequest<T>& request, std::ptrdiff_t r0, std::ptrdiff_t r1);
    void forward(const StepRequest<T>& request, std::ptrdiff_t r0, std::ptrdiff_t r1, T* mask, T* scratch);
    void backward(std::ptrdiff_t r0, std::ptrdiff_t r1, T* scratch);
    bool bias_unit(std::ptrdiff_t layer, std::ptrdiff_t rows);

    Workspace<T>& w_;
    Loss loss_;
    Sgd<T> sgd_;
    std::vector<WeightUnit> units_;
    double total_work_ = 0;
};

}  // namespace chainrule

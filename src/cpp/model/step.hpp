// One training step in two phases with a barrier after each:
//
//   passes          the rows of the batch go forward through all layers, through the loss, and back, leaving A and dZ of
//                   every layer. A thread owns rows, which need nothing of other threads; or, in small nets whose weights
//                   would otherwise travel between the cores at each step, columns of every hidden layer (columns.cpp)
//   weights phase   a thread owns blocks of weights: for each it sums dW over all rows and updates at once
//
// No thread ever adds to what another has, so there is nothing to reduce, and the bits do not depend on the team.
#pragma once

#include "model/columns.hpp"
#include "model/loss.hpp"
#include "runtime/team.hpp"

namespace chainrule {

template <class T>
struct StepRequest {
    const Data<T>* data;
    const std::int64_t* order;  // row numbers of the batch, or null: rows 0, 1, ...
    std::ptrdiff_t rows;        // of this batch
    double weight;              // of them: their number, or the sum of their weights
    std::uint64_t seed, step;   // of the dropout masks and the noise
    double learning_rate = 0;
    std::uint64_t t = 1;  // steps of this rule, from 1 on
};

// A block of rows of a weight panel, or (panel < 0) a layer's biases.
struct WeightUnit {
    std::ptrdiff_t layer, panel, k0, k1;
    double work;
    std::ptrdiff_t squares;  // where those of its columns are in `squares_`
};

template <class T>
class Step {
public:
    // Of layers that are `frozen` (empty: none) no gradients are formed, and nothing is updated.
    Step(Workspace<T>& workspace, const TypedLoss<T>& loss, const CustomLoss<T>& custom, const RuleNumbers& rule,
         const std::vector<bool>& frozen = {});

    // The part of thread `thread` of `members`; the barrier is met inside where columns are owned, and not at the end.
    void passes(const StepRequest<T>& request, int thread, int members, Barrier& barrier);
    // The units of thread `thread`. Between them the rows that this thread will gather for `next` (null: none) are fetched
    // into the cache. The barrier is met inside where all gradients are to be known before the first update. Returns false
    // if an updated parameter is not finite.
    bool weights_phase(const StepRequest<T>& request, int thread, int members, const StepRequest<T>* next,
                       Barrier& barrier);
    // The same rows in two halves, for gradients from elsewhere: up to the weighted sums of the last layer, and from the dZ
    // of the last layer on. There is no barrier in them.
    void forward_rows(const StepRequest<T>& request, int thread, int members);
    void backward_rows(std::ptrdiff_t rows, int thread, int members);
    // The gradient of the rows that were given, from the dZ of the first layer, for the thread's rows of a batch.
    void input_gradient(const StepRequest<T>& request, int thread, int members);
    // The update alone, with the gradients that are in `sums` and `bias_gradient` of the workspace.
    bool update_all(const StepRequest<T>& request, int thread, int members, Barrier& barrier);
    // Whether a custom loss failed in `passes`. With such a loss the team is one thread.
    bool failed() const { return failed_; }

private:
    // Some rows and some columns of a layer's outputs.
    struct Part {
        std::ptrdiff_t r0, r1, c0, c1;
        bool elsewhere;  // what they are computed from was computed on other cores
    };
    Part rows_of(std::ptrdiff_t r0, std::ptrdiff_t r1, std::size_t layer) const;

    // Calls pass(r0, r1) for the thread's rows, as many at once as stay in the cache.
    template <class Pass>
    void each_block(std::ptrdiff_t rows, int thread, int members, Pass&& pass) const;
    void go_forward(const StepRequest<T>& request, std::ptrdiff_t r0, std::ptrdiff_t r1, int thread);
    void go_back(std::ptrdiff_t r0, std::ptrdiff_t r1, int thread);
    void rows_pass(const StepRequest<T>& request, int thread, int members);
    void columns_pass(const StepRequest<T>& request, int thread, int members, Barrier& barrier);

    // The units of a thread: consecutive ones, of about equal work; or those of its columns.
    std::size_t first_unit(int thread, int members) const;
    bool owns(std::size_t unit, int thread, int members) const;
    void fetch(const StepRequest<T>& request, std::ptrdiff_t r0, std::ptrdiff_t r1) const;
    void gather(const StepRequest<T>& request, std::ptrdiff_t r0, std::ptrdiff_t r1);
    void disturb(const StepRequest<T>& request, std::ptrdiff_t r0, std::ptrdiff_t r1, T* numbers);
    void forward(const StepRequest<T>& request, std::size_t l, const Part& part, int thread);
    void drop(const StepRequest<T>& request, std::size_t l, const Part& part, T* mask);
    void output(const StepRequest<T>& request, std::ptrdiff_t r0, std::ptrdiff_t r1);
    void custom_output(const StepRequest<T>& request);
    void backward(std::size_t l, const Part& part, int thread);
    void bias_gradient(std::ptrdiff_t layer, std::ptrdiff_t rows, const Columns& mine);
    bool weight_unit(const WeightUnit& unit, std::ptrdiff_t rows, const Sgd<T>& sgd, T* packed);

    // Where the rule is not plain gradient descent: update.cpp.
    struct Range {
        std::ptrdiff_t at, count;
    };
    Range range(const WeightUnit& unit) const;
    bool update_plainly(const WeightUnit& unit, const Sgd<T>& sgd);
    bool update_unit(const WeightUnit& unit, const Rule<T>& rule);
    bool update_biases(std::ptrdiff_t layer, const Columns& mine, const Rule<T>& rule);
    void add_squares(std::size_t unit);
    double clip_scale() const;
    bool late_update(const StepRequest<T>& request, int thread, int members, Barrier& barrier);

    Workspace<T>& w_;
    const TypedLoss<T>& loss_;
    CustomLoss<T> custom_;
    bool failed_ = false;
    RuleNumbers rule_;
    std::vector<bool> frozen_;
    std::size_t lowest_ = 0;         // layer that is not frozen: further back nothing goes
    std::vector<WeightUnit> units_;  // of layers that are not
    std::vector<double> squares_;    // sums of those of the gradient, by columns, where the norm of all is limited
    double total_work_ = 0;
};

template <class T>
template <class Pass>
void Step<T>::each_block(std::ptrdiff_t rows, int thread, int members, Pass&& pass) const {
    const std::ptrdiff_t begin = rows * thread / members, end = rows * (thread + 1) / members;
    const std::ptrdiff_t blocks = (end - begin + w_.rows_at_once - 1) / w_.rows_at_once;
    for (std::ptrdiff_t b = 0; b < blocks; ++b)
        pass(begin + (end - begin) * b / blocks, begin + (end - begin) * (b + 1) / blocks);
}

}  // namespace chainrule

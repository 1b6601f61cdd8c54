// Whole epochs without leaving native code.
#pragma once

#include "model/health.hpp"
#include "model/measured_rows.hpp"
#include "model/record.hpp"
#include "model/rule.hpp"

namespace chainrule {

enum class Stop { finished, asked, not_finite };

struct TrainProgress {
    std::uint64_t epoch;           // whole epochs done, ever
    std::uint64_t step;            // updates done, ever
    std::ptrdiff_t step_in_epoch;  // updates done in the unfinished epoch
};

// Called on the thread that called train_epochs, every 50 ms or so and, with every_epoch, after the last step of each
// epoch before it is counted; true to stop.
struct Poll {
    bool (*call)(void* context, std::uint64_t epoch, std::ptrdiff_t steps_done, std::ptrdiff_t steps_per_epoch,
                 double mean_loss);
    bool (*interrupted)(void* context);  // asked as often, while steps are run again that were counted before
    void* context;
    bool every_epoch;
    // After every step, with the arrays up to date: what is written into them then counts.
    bool every_step = false;
};

template <class T>
struct TrainRequest {
    const Network* network;
    Parameters<T> parameters, velocities, squares;  // INOUT; no squares where the rule has none
    Data<T> data;
    LossNumbers loss;
    CustomLoss<T> custom;
    RuleNumbers rule;
    Rates rates;
    std::uint64_t started;  // steps done when the rule began
    std::ptrdiff_t batch_size;
    bool shuffle;
    std::uint64_t seed;
    std::ptrdiff_t epochs;
    int n_threads;  // 0: default
    Poll poll;
    std::vector<bool> frozen{};         // layers that do not learn; empty: none
    std::vector<std::int64_t> order{};  // the rows of each epoch, as many as there are; empty: as they lie, or shuffled
    StepRecord record{};
    HealthRecord health{};
    std::vector<MeasuredRows<T>>* measured = nullptr;  // after each epoch, or null; OUT: what was found is in them
};

// Runs `epochs` more epochs from `progress`, which counts along. A mean row loss is appended for each whole epoch.
// The arrays hold the state after the last step that progress counts, whatever the return value; for `not_finite` that
// is the step before the one whose loss or update was not finite. `record` and `health` may have entries of later
// steps and epochs: cut them.
template <class T>
Stop train_epochs(const TrainRequest<T>& request, TrainProgress& progress, std::vector<double>& losses);

// Loss and gradients of one batch of all rows, with the dropout masks and the noise of that step. Both are without
// meaning where a custom loss failed.
template <class T>
double gradients(const Network& network, const Parameters<T>& parameters, const Data<T>& data, const LossNumbers& loss,
                 const CustomLoss<T>& custom, std::uint64_t seed, std::uint64_t step, int n_threads,
                 const Parameters<T>& out);

}  // namespace chainrule

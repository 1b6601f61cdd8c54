// Any network, any batch size: batches in panels, a team of threads, two barriers a step (see step.hpp).
#pragma once

#include <atomic>
#include <cmath>

#include "model/epochs.hpp"
#include "model/step.hpp"
#include "runtime/team.hpp"

namespace chainrule {

template <class T>
class GeneralRunner : public Runner<T> {
public:
    explicit GeneralRunner(const TrainRequest<T>& request)
        : request_(request), batch_(std::min(request.batch_size, request.data.rows)),
          threads_(resolve_threads(request.n_threads, double(batch_) * request.network->training_work())),
          memory_(*request.network, batch_, threads_, false), step_(memory_, request.loss, request.sgd) {}

    void pack() override { memory_.pack(request_.parameters, request_.velocities); }
    void unpack() override { memory_.unpack(request_.parameters, request_.velocities); }

    bool steps(Course& course, std::uint64_t step, std::ptrdiff_t first, std::ptrdiff_t count, std::ptrdiff_t& done,
               typename Runner<T>::Between between) override {
        std::atomic<bool> spoiled{false}, stop{false};
        run_team(threads_, [&](int thread, int members, Barrier& barrier) {
            const std::size_t unit = step_.first_unit(thread, members),
                              last_unit = step_.first_unit(thread + 1, members);
            for (std::ptrdiff_t s = first; s < first + count; ++s) {
                const std::ptrdiff_t rows = std::min(batch_, request_.data.rows - s * batch_);
                const StepRequest<T> batch{&request_.data, course.order.data() + s * batch_, rows, request_.loss,
                                           request_.seed,  step + std::uint64_t(s - first)};
                step_.rows_phase(batch, thread, members);
                barrier.wait();
                if (!step_.weights_phase(rows, unit, last_unit)) spoiled.store(true, std::memory_order_relaxed);
                if (thread == 0) {
                    double loss = 0;
                    for (std::ptrdiff_t r = 0; r < rows; ++r) loss += memory_.row_loss[r];
                    if (!std::isfinite(loss)) spoiled.store(true, std::memory_order_relaxed);
                    course.epoch_loss += loss;
                    course.rows_done += rows;
                    if (between.call(between.context, s - first + 1)) stop.store(true, std::memory_order_relaxed);
                }
                barrier.wait();
                if (spoiled.load(std::memory_order_relaxed)) break;
                if (thread == 0) done = s - first + 1;
                if (stop.load(std::memory_order_relaxed)) break;
            }
        });
        return !spoiled.load();
    }

private:
    const TrainRequest<T>& request_;
    std::ptrdiff_t batch_;
    int threads_;
    Workspace<T> memory_;
    Step<T> step_;
};

}  // namespace chainrule

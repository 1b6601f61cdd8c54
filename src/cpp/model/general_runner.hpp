// Any network, any batch size: batches in panels, a team of threads, two barriers a step (see step.hpp).
#pragma once

#include <atomic>
#include <chrono>
#include <cmath>
#include <optional>

#include "model/epochs.hpp"
#include "model/step.hpp"
#include "runtime/team.hpp"
#include "runtime/remembered_choice.hpp"

namespace chainrule {

template <class T>
class GeneralRunner : public Runner<T> {
public:
    explicit GeneralRunner(const TrainRequest<T>& request)
        : request_(request), batch_(std::min(request.batch_size, request.data.rows)),
          threads_(request.custom.call
                       ? 1  // it is called in the middle of a step
                       : resolve_threads(request.n_threads, double(batch_) * request.network->training_work(),
                                         work_of_a_step)),
          memory_(*request.network, batch_, threads_, request.rule, nullptr,
                  {.row_weights = request.data.weight != nullptr, .custom_loss = request.custom.call != nullptr}),
          loss_(request.loss, request.network->n_out(), request.data.missing),
          step_(memory_, loss_, request.custom, request.rule, request.frozen),
          choice_(remembered_choice(CallKind::step, threads_, work())) {
        if (request.record.wanted()) squares_.emplace(memory_);
        if (request.health.wanted())
            meter_.emplace(memory_, request.health, MeasuredSteps(*request.network, request.data.rows, batch_),
                           request.frozen, request.rule.is_plain());
    }
    ~GeneralRunner() override { remembered_choice(CallKind::step, threads_, work()) = choice_; }

    void pack() override {
        run_team(copying_threads(), [&](int thread, int members, Barrier&) {
            memory_.pack(request_.parameters, request_.velocities, request_.squares, thread, members);
        });
    }
    void unpack() override {
        run_team(copying_threads(), [&](int thread, int members, Barrier&) {
            memory_.unpack(request_.parameters, request_.velocities, request_.squares, thread, members);
        });
    }

    bool steps(Course& course, std::uint64_t step, std::ptrdiff_t count, std::ptrdiff_t& done,
               typename Runner<T>::Between between) override {
        bool finite = true, stop = false;
        const bool looks = meter_ && done < count && meter_->measures(step + std::uint64_t(done));
        while (finite && !stop && done < count) {
            std::ptrdiff_t most = request_.poll.every_step ? 1 : count - done;
            bool measured = false;  // such a step is a piece of its own
            if (looks) {
                const std::ptrdiff_t before = meter_->steps.next(done) - done;
                measured = before == 0;
                most = measured ? 1 : std::min(most, before);
            }
            auto piece = choice_.next(most);
            if (request_.rates.call) {
                piece.steps = std::min(piece.steps, rates_from(step + std::uint64_t(done), count - done));
                course.stopped = piece.steps == 0;
                if (course.stopped) break;
            }
            if (measured) meter_->begin();
            finite = run(course, step + std::uint64_t(done), done, piece, done, measured);
            if (measured) meter_->end();
            if (measured == (looks && measured_steps_count())) choice_.took(seconds_of_a_step_);
            stop = finite && (course.stopped || between.call(between.context, done));
        }
        return finite;
    }

private:
    // Small layers are copied sooner than a team is awake.
    int copying_threads() const {
        for (const Layer& layer : request_.network->layers)
            if (is_large(layer, batch_)) return threads_;
        return 1;
    }

    // What is measured takes longer, and is no guide to the choice of the team; but where an epoch has two steps, one is, and
    // the other may have only a few rows.
    bool measured_steps_count() const { return meter_->steps.in_epoch <= 2; }

    using Clock = std::chrono::steady_clock;
    static double since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }
    static constexpr double longest_piece = 0.05;  // seconds until somebody may ask to stop

    double work() const { return double(batch_) * request_.network->training_work(); }

    // Has the rates of steps from `step` on at hand; returns of how many, at most `wanted`.
    std::ptrdiff_t rates_from(std::uint64_t step, std::ptrdiff_t wanted) {
        if (step < rates_begin_ || step >= rates_begin_ + std::uint64_t(rates_count_)) {
            rates_.resize(rates_at_once);
            rates_begin_ = step;
            rates_count_ =
                request_.rates.call(request_.rates.context, step, std::min(wanted, rates_at_once), rates_.data());
        }
        return std::min(wanted, rates_count_ - std::ptrdiff_t(step - rates_begin_));
    }
    double rate_of(std::uint64_t step) const {
        return request_.rates.call ? rates_[std::size_t(step - rates_begin_)] : request_.rule.learning_rate;
    }

    // Consecutive steps on one team, until the piece is done or its time is up; false where a step was not finite, which
    // then is not counted in `done`. Nothing is called back from here: Python code may fork, and a fork in the middle of
    // a team leaves a child that waits for threads it does not have.
    bool run(Course& course, std::uint64_t step, std::ptrdiff_t first, TeamChoice::Piece piece, std::ptrdiff_t& done,
             bool measured) {
        const Clock::time_point start = Clock::now();
        Clock::time_point begun = start;  // the steps that count for the choice of the team
        std::ptrdiff_t counted = 0;
        std::atomic<bool> spoiled{false}, late{false};
        run_team(piece.threads, [&](int thread, int members, Barrier& barrier) {
            const auto batch_of = [&](std::ptrdiff_t s) {
                const std::ptrdiff_t row = (first + s) * batch_, rows = std::min(batch_, request_.data.rows - row);
                const std::int64_t* order = course.order + row;
                return StepRequest<T>{.data = &request_.data,
                                      .order = order,
                                      .rows = rows,
                                      .weight = total_weight(request_.data, order, rows),
                                      .seed = request_.seed,
                                      .step = step + std::uint64_t(s),
                                      .learning_rate = rate_of(step + std::uint64_t(s)),
                                      .t = step + std::uint64_t(s) - request_.started + 1};
            };
            for (std::ptrdiff_t s = 0; s < piece.steps; ++s) {
                const StepRequest<T> batch = batch_of(s);
                const bool more = s + 1 < piece.steps;
                const StepRequest<T> next = more ? batch_of(s + 1) : batch;
                step_.passes(batch, thread, members, barrier);
                if (squares_) squares_->add(thread, members);
                barrier.wait();
                if (step_.failed()) {  // alone, then
                    course.stopped = true;
                    break;
                }
                if (measured) {
                    meter_->look(batch.rows, thread, members);
                    barrier.wait();
                }
                if (!step_.weights_phase(batch, thread, members, more ? &next : nullptr, barrier))
                    spoiled.store(true, std::memory_order_relaxed);
                if (thread == 0) {
                    double loss = 0;
                    for (std::ptrdiff_t r = 0; r < batch.rows; ++r) loss += memory_.row_loss[r];
                    if (!std::isfinite(loss)) spoiled.store(true, std::memory_order_relaxed);
                    course.epoch_loss += loss;
                    course.weight_done += batch.weight;
                    if (squares_)
                        request_.record.put(batch.step, batch.weight > 0 ? loss / batch.weight : 0, squares_->total());
                    const bool slow = members > 1 && s > 0 && since(begun) > piece.seconds;
                    if (slow || since(start) > longest_piece) late.store(true, std::memory_order_relaxed);
                }
                barrier.wait();
                if (spoiled.load(std::memory_order_relaxed)) break;
                if (measured) {
                    meter_->changes(thread, members);
                    barrier.wait();
                    if (thread == 0) meter_->note(batch.step, batch.rows);
                }
                if (thread == 0) {
                    ++done;
                    ++counted;
                    if (members > 1 && s == 0) begun = Clock::now(), counted = 0;
                }
                if (late.load(std::memory_order_relaxed)) break;
            }
        });
        seconds_of_a_step_ = since(counted > 0 ? begun : start) / double(std::max<std::ptrdiff_t>(counted, 1));
        return !spoiled.load();
    }

    const TrainRequest<T>& request_;
    std::ptrdiff_t batch_;
    int threads_;
    Workspace<T> memory_;
    TypedLoss<T> loss_;
    Step<T> step_;
    TeamChoice choice_;
    std::optional<WeightSquares<T>> squares_;  // where they are to be recorded
    std::optional<HealthMeter<T>> meter_;      // where it is
    double seconds_of_a_step_ = 0;
    static constexpr std::ptrdiff_t rates_at_once = 1024;
    std::vector<double> rates_;  // of the steps from rates_begin_ on
    std::uint64_t rates_begin_ = 0;
    std::ptrdiff_t rates_count_ = 0;
};

}  // namespace chainrule

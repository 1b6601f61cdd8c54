#include "model/train.hpp"

#include <chrono>
#include <exception>
#include <memory>
#include <new>
#include <numeric>

#include "model/measured_tiny_runner.hpp"

namespace chainrule {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::chrono::milliseconds poll_interval{50};

// The plain arrays are brought up to date after at least so many steps; they are what is gone back to when a step is
// not finite, and copying them costs about a step.
constexpr std::ptrdiff_t steps_between_copies = 64;

// The poll of the epoch under way, asked at most every poll_interval, or after every step.
template <class T>
struct Asker {
    const Poll& poll;
    Runner<T>& runner;
    const Course& course;
    const TrainProgress& begun;  // the epoch
    TrainProgress& copied;       // what the plain arrays hold
    std::ptrdiff_t steps_per_epoch;
    Clock::time_point& last;
    bool stopped = false;

    static bool between(void* self, std::ptrdiff_t done) {
        Asker& asker = *static_cast<Asker*>(self);
        const bool at_end = done == asker.steps_per_epoch;
        if (at_end && !asker.poll.every_epoch) return false;  // asked once the epoch is counted
        const auto now = Clock::now();
        if (!at_end && !asker.poll.every_step && now - asker.last < poll_interval) return false;
        asker.last = now;
        if (asker.poll.every_step) {
            asker.runner.unpack();
            asker.copied = {asker.begun.epoch, asker.begun.step + std::uint64_t(done), done};
        }
        asker.stopped =
            asker.poll.call(asker.poll.context, asker.begun.epoch, done, asker.steps_per_epoch, asker.mean_loss());
        if (asker.poll.every_step) asker.runner.pack();
        return asker.stopped;
    }
    double mean_loss() const { return course.weight_done > 0 ? course.epoch_loss / course.weight_done : 0; }
};

template <class T>
void begin_epoch(const TrainRequest<T>& request, std::uint64_t epoch, Course& course) {
    course.epoch_loss = 0;
    course.weight_done = 0;
    if (request.shuffle && request.order.empty())
        course.shuffler(request.seed, epoch, course.drawn.data());
    else
        std::iota(course.drawn.begin(), course.drawn.end(), std::int64_t(0));
}

// From the state in the plain arrays, as it was at `at`, to the step that is not finite, the one `steps` steps into epoch
// `to` or, with a runner that has not looked at each, one before that: the same bits as before. `at` counts along. Where
// somebody interrupts, the arrays hold the state at `at` then. Where other steps are finite now than before, the data were
// changed meanwhile: the arrays stay as they are, and so does `at`.
template <class T>
Stop replay(const TrainRequest<T>& request, Runner<T>& runner, Course& course, TrainProgress& at, std::uint64_t to,
            std::ptrdiff_t steps, std::ptrdiff_t steps_per_epoch) {
    struct Listener {
        const Poll& poll;
        Clock::time_point last = Clock::now();
        bool stopped = false;
        static bool between(void* self, std::ptrdiff_t) {
            Listener& l = *static_cast<Listener*>(self);
            if (Clock::now() - l.last < poll_interval) return false;
            l.last = Clock::now();
            return l.stopped = l.poll.interrupted(l.poll.context);
        }
    } listener{request.poll};
    TrainProgress reached = at;
    bool found = !runner.look_at_each_step();
    runner.pack();
    for (;;) {
        begin_epoch(request, reached.epoch, course);
        std::ptrdiff_t done = 0;
        const std::ptrdiff_t wanted = reached.epoch < to ? steps_per_epoch : steps;
        if (!runner.steps(course, reached.step, wanted, done, {Listener::between, &listener})) {
            if (found) return Stop::not_finite;
            found = true;
            to = reached.epoch;
            steps = done;
            reached = at;
            runner.pack();
            continue;
        }
        reached.step += std::uint64_t(done);
        if (listener.stopped || course.stopped || reached.epoch == to) {
            reached.step_in_epoch = done;
            break;
        }
        ++reached.epoch;
    }
    const bool asked = listener.stopped || course.stopped;
    if (!asked && !found) return Stop::not_finite;
    runner.unpack();
    at = reached;
    return asked ? Stop::asked : Stop::not_finite;
}

}  // namespace

template <class T>
Stop train_epochs(const TrainRequest<T>& request, TrainProgress& progress, std::vector<double>& losses) {
    std::unique_ptr<Runner<T>> runner;
    if (!request.record.wanted() && request.rule.is_plain() && !request.rates.call && request.frozen.empty() &&
        tiny_learns(request.loss, request.data) &&
        tiny_fits(*request.network, std::min(request.batch_size, request.data.rows)))
        if (request.health.wanted())
            runner = std::make_unique<MeasuredTinyRunner<T>>(request);
        else
            runner = std::make_unique<TinyRunner<T>>(request);
    else
        runner = std::make_unique<GeneralRunner<T>>(request);
    const std::ptrdiff_t steps_per_epoch = (request.data.rows + request.batch_size - 1) / request.batch_size;
    auto last_asked = Clock::now();
    Course course(request.data.rows, request.order);
    progress.step_in_epoch = 0;
    if (request.poll.every_step) runner->look_at_each_step();
    TrainProgress copied = progress;  // what the plain arrays hold
    runner->pack();
    for (std::ptrdiff_t e = 0; e < request.epochs; ++e) {
        std::ptrdiff_t done = 0;
        bool finite;
        const TrainProgress begun = progress;
        Asker<T> asker{request.poll, *runner, course, begun, copied, steps_per_epoch, last_asked};
        try {
            if (losses.size() == losses.capacity()) losses.reserve(2 * losses.size() + 64);
            begin_epoch(request, progress.epoch, course);
            finite = runner->steps(course, progress.step, steps_per_epoch, done, {Asker<T>::between, &asker});
        } catch (const std::exception&) {  // no memory, no thread to be had: back to what the plain arrays hold
            losses.resize(losses.size() - (progress.epoch - copied.epoch));
            progress = copied;
            throw;
        }
        progress.step += std::uint64_t(done);
        const bool within = asker.stopped || course.stopped;  // before the epoch was counted
        bool stop = within;
        if (finite && !stop && !request.poll.every_epoch && Clock::now() - last_asked >= poll_interval) {
            last_asked = Clock::now();
            stop = request.poll.interrupted(request.poll.context);
        }
        const bool copy = stop || request.poll.every_step || e + 1 == request.epochs || request.measured ||
                          progress.step - copied.step >= std::uint64_t(steps_between_copies);
        // With every_step each step was looked at, and the arrays hold the one before.
        if (!finite || (copy && !request.poll.every_step && !runner->finite())) {
            Stop why = Stop::not_finite;
            if (!request.poll.every_step)
                why = replay(request, *runner, course, copied, progress.epoch, done, steps_per_epoch);
            losses.resize(losses.size() - (progress.epoch - copied.epoch));
            progress = copied;
            return why;
        }
        if (within) {
            progress.step_in_epoch = done;
        } else {
            losses.push_back(asker.mean_loss());
            ++progress.epoch;
        }
        if (copy) {
            runner->unpack();
            copied = progress;
        }
        if (request.measured && !within)
            for (MeasuredRows<T>& rows : *request.measured) rows.measure(request.parameters);
        if (stop) return Stop::asked;
    }
    return Stop::finished;
}

template <class T>
double gradients(const Network& network, const Parameters<T>& parameters, const Data<T>& data, const LossNumbers& loss,
                 const CustomLoss<T>& custom, std::uint64_t seed, std::uint64_t step, int n_threads,
                 const Parameters<T>& out) {
    const double work = double(data.rows) * network.training_work();
    const int threads = custom.call ? 1 : resolve_threads(n_threads, work, work_of_a_call);
    Workspace<T> memory(network, data.rows, threads, {}, &out,
                        {.row_weights = data.weight != nullptr, .custom_loss = custom.call != nullptr});
    memory.pack(parameters, {}, {});
    const TypedLoss<T> typed(loss, network.n_out(), data.missing);
    Step<T> one(memory, typed, custom, {});
    const double weight = total_weight(data, nullptr, data.rows);
    const StepRequest<T> request{&data, nullptr, data.rows, weight, seed, step};
    with_choice(CallKind::gradients, threads, work, [&](int n) {
        run_team(n, [&](int thread, int members, Barrier& barrier) {
            one.passes(request, thread, members, barrier);
            barrier.wait();
            if (one.failed()) return;  // alone, then
            one.weights_phase(request, thread, members, nullptr, barrier);
        });
    });
    for (std::size_t l = 0; l < out.biases.size(); ++l)
        std::copy_n(memory.layers[l].bias_gradient, network.bias == BiasMode::layer ? 1 : network.layers[l].N,
                    out.biases[l]);
    double sum = 0;
    for (std::ptrdiff_t r = 0; r < data.rows; ++r) sum += memory.row_loss[r];
    return weight > 0 ? sum / weight : 0;
}

template Stop train_epochs<float>(const TrainRequest<float>&, TrainProgress&, std::vector<double>&);
template Stop train_epochs<double>(const TrainRequest<double>&, TrainProgress&, std::vector<double>&);
template double gradients<float>(const Network&, const Parameters<float>&, const Data<float>&, const LossNumbers&,
                                 const CustomLoss<float>&, std::uint64_t, std::uint64_t, int, const Parameters<float>&);
template double gradients<double>(const Network&, const Parameters<double>&, const Data<double>&, const LossNumbers&,
                                  const CustomLoss<double>&, std::uint64_t, std::uint64_t, int,
                                  const Parameters<double>&);

}  // namespace chainrule

// Losses of other rows that are measured after each epoch: the bits of a call for each epoch, whatever the threads, in
// arrays that are no longer than what may be read.
#include <algorithm>

#include "training.hpp"

namespace tests {
namespace {

template <class T>
struct Held {  // rows to measure, and what was
    Validation<T> validation;
    std::vector<double> losses;

    Held(const Network& network, const Rows<T>& rows, const LossNumbers& loss, int threads)
        : validation(network, rows.data(), loss, threads) {}
    void measured_by(TrainRequest<T>& request) {
        request.validation = &validation;
        request.validated = &losses;
    }
};

template <class T>
void validated_run(const Shape& shape, std::ptrdiff_t rows, std::ptrdiff_t batch, std::ptrdiff_t others,
                   const LossNumbers& loss, bool labels, bool missing, End end) {
    begin_case("validation, %s, rows %td, batch %td, others %td, loss %d, end %d", shape.text().c_str(), rows, batch,
               others, int(loss.loss), int(end));
    const Rows<T> data(shape, rows, end, 1, labels), held_out(shape, others, end, 3, labels, true, missing);
    const std::ptrdiff_t epochs = 3;
    const auto prepare = [&](Run<T>& run, int threads) {
        run.request.loss = loss;
        run.request.rule = {.kind = RuleKind(0), .learning_rate = 0.01, .momentum = 0.5};
        run.request.batch_size = batch;
        run.request.n_threads = threads;
    };
    Run<T> without(shape, data, end), by_epochs(shape, data, end);
    Held<T> one_by_one(without.network, held_out, loss, 1);
    prepare(without, 1);
    prepare(by_epochs, 1);
    without.request.epochs = epochs;
    expect(without.go() == Stop::finished, "training did not come to its end");
    for (std::ptrdiff_t e = 0; e < epochs; ++e) {
        expect(by_epochs.go() == Stop::finished, "an epoch did not come to its end");
        one_by_one.losses.push_back(one_by_one.validation.measure(by_epochs.parameters.pointers()));
    }
    for (int threads : {1, 2, 3}) {
        Run<T> run(shape, data, end);
        Held<T> held(run.network, held_out, loss, threads);
        prepare(run, threads);
        held.measured_by(run.request);
        run.request.epochs = epochs;
        expect(run.go() == Stop::finished, "training did not come to its end");
        expect(run.parameters == without.parameters && run.losses == without.losses,
               "training has other bits where rows are measured");
        expect(held.losses == one_by_one.losses, "other losses than of epochs one by one");
        expect(std::all_of(held.losses.begin(), held.losses.end(), [](double x) { return std::isfinite(x); }),
               "a loss that is not finite");
        expect(held.losses.front() != held.losses.back(), "the same loss after each epoch");
    }
    add_answers(one_by_one.losses.data(), epochs);
}

// The epoch that is not finite, or in the middle of which somebody stops, is not measured.
template <class T>
void epochs_that_are_not_finished(End end) {
    const Shape shape{{3, 8, 2}, Activation::relu};
    const Rows<T> data(shape, 40, end);
    for (const std::ptrdiff_t batch : {1, 4}) {
        begin_case("validation of a run that is not finite, batch %td, end %d", batch, int(end));
        Run<T> run(shape, data, end);
        Held<T> held(run.network, data, {}, 2);
        held.measured_by(run.request);
        run.request.rule = {.kind = RuleKind(0), .learning_rate = 8};
        run.request.batch_size = batch;
        run.request.epochs = 5000;
        expect(run.go() == Stop::not_finite, "training came to its end");
        expect(held.losses.size() == run.losses.size() && run.progress.epoch == run.losses.size(),
               "other epochs are measured than were finished");

        begin_case("validation of a run that is stopped, batch %td, end %d", batch, int(end));
        Run<T> stopped(shape, data, end);
        Held<T> before(stopped.network, data, {}, 2);
        before.measured_by(stopped.request);
        stopped.request.rule = {.kind = RuleKind(0), .learning_rate = 0.001};
        stopped.request.batch_size = batch;
        stopped.request.epochs = 6;
        stopped.request.poll.every_epoch = stopped.request.poll.every_step = true;
        stopped.request.poll.call = [](void*, std::uint64_t epoch, std::ptrdiff_t done, std::ptrdiff_t, double) {
            return epoch == 2 && done == 3;
        };
        expect(stopped.go() == Stop::asked && stopped.progress.step_in_epoch == 3, "training was not stopped");
        expect(before.losses.size() == 2 && stopped.losses.size() == 2, "two epochs were finished");
    }
}

}  // namespace

template <class T>
void test_validation(const Options&) {
    Shape classes{{7, 33, 3}, Activation::sigmoid, Activation::softmax};
    classes.dropout = 0.25;
    LossNumbers smooth, squares;
    smooth.loss = Loss::cross_entropy;
    smooth.label_smoothing = 0.1;
    squares.loss = Loss::mean_squared_error;
    for (End end : both_ends) {
        for (const std::ptrdiff_t others : {4, 63, 65}) {
            validated_run<T>({{3, 8, 2}, Activation::relu}, 20, 1, others, {}, false, false, end);
            validated_run<T>({{5, 40, 2}, Activation::gelu, Activation::tanh}, 20, 6, others, squares, false, true,
                             end);
            validated_run<T>(classes, 20, 6, others, smooth, true, false, end);
        }
        validated_run<T>({{9, 16, 2}, Activation::relu, Activation::identity, BiasMode::layer}, 20, 20, 600, {}, false,
                         false, end);
        epochs_that_are_not_finished<T>(end);
    }
}

template void test_validation<float>(const Options&);
template void test_validation<double>(const Options&);

}  // namespace tests

// Rows whose loss and accuracy are measured after each epoch: the bits of a call for each epoch, whatever the threads, in
// arrays that are no longer than what may be read.
#include <algorithm>

#include "model/predict.hpp"
#include "training.hpp"

namespace tests {
namespace {

template <class T>
struct Held {  // rows to measure: with their loss and accuracy, and with one of them alone
    Guarded<std::int64_t> classes;
    std::vector<MeasuredRows<T>> rows;

    Held(const Network& network, const Rows<T>& held_out, const LossNumbers& loss, int threads, End end)
        : classes(held_out.data().rows, end) {
        const Data<T> data = held_out.data();
        for (std::ptrdiff_t r = 0; r < data.rows; ++r) classes[r] = r % std::max<std::ptrdiff_t>(network.n_out(), 2);
        rows.emplace_back(network, data, loss, true, classes, threads);
        rows.emplace_back(network, data, loss, true, nullptr, threads);
        rows.emplace_back(network, data, loss, false, classes, threads);
    }
    const std::vector<double>& losses() const { return rows[0].losses; }
    const std::vector<double>& accuracies() const { return rows[0].accuracies; }
    void expect_the_same_apart() const {
        expect(rows[1].losses == losses() && rows[2].accuracies == accuracies(), "other numbers of one alone");
        expect(rows[1].accuracies.empty() && rows[2].losses.empty(), "something that was not asked for");
    }
};

// The share of rows with the right class, from predictions.
template <class T>
double accuracy_of(const Network& network, const Parameters<T>& parameters, const Data<T>& data,
                   const std::int64_t* classes) {
    const std::ptrdiff_t N = network.n_out();
    std::vector<T> A(std::size_t(data.rows * N));
    predict(network, parameters, data.rows, data.X, data.ldx, A.data(), 1);
    std::ptrdiff_t right = 0;
    for (std::ptrdiff_t r = 0; r < data.rows; ++r) {
        const T* a = A.data() + r * N;
        std::ptrdiff_t best = 0;
        for (std::ptrdiff_t j = 1; j < N; ++j)
            if (a[j] > a[best]) best = j;
        right += classes[r] == (N == 1 ? std::ptrdiff_t(a[0] >= T(0.5)) : best);
    }
    return double(right) / double(data.rows);
}

template <class T>
void measured_run(const Shape& shape, std::ptrdiff_t rows, std::ptrdiff_t batch, std::ptrdiff_t others,
                  const LossNumbers& loss, bool labels, bool missing, End end) {
    begin_case("measured rows, %s, rows %td, batch %td, others %td, loss %d, end %d", shape.text().c_str(), rows, batch,
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
    Held<T> one_by_one(without.network, held_out, loss, 1, end);
    prepare(without, 1);
    prepare(by_epochs, 1);
    without.request.epochs = epochs;
    expect(without.go() == Stop::finished, "training did not come to its end");
    for (std::ptrdiff_t e = 0; e < epochs; ++e) {
        expect(by_epochs.go() == Stop::finished, "an epoch did not come to its end");
        const Parameters<T> now = by_epochs.parameters.pointers();
        for (MeasuredRows<T>& one : one_by_one.rows) one.measure(now);
        expect(
            one_by_one.accuracies().back() == accuracy_of(by_epochs.network, now, held_out.data(), one_by_one.classes),
            "another accuracy than that of the prediction");
    }
    one_by_one.expect_the_same_apart();
    for (int threads : {1, 2, 3}) {
        Run<T> run(shape, data, end);
        Held<T> held(run.network, held_out, loss, threads, end);
        prepare(run, threads);
        run.request.measured = &held.rows;
        run.request.epochs = epochs;
        expect(run.go() == Stop::finished, "training did not come to its end");
        expect(run.parameters == without.parameters && run.losses == without.losses,
               "training has other bits where rows are measured");
        held.expect_the_same_apart();
        const std::vector<double>& losses = held.losses();
        expect(losses == one_by_one.losses() && held.accuracies() == one_by_one.accuracies(),
               "other numbers than of epochs one by one");
        expect(std::all_of(losses.begin(), losses.end(), [](double x) { return std::isfinite(x); }),
               "a loss that is not finite");
        expect(losses.front() != losses.back(), "the same loss after each epoch");
    }
    add_answers(one_by_one.losses().data(), epochs);
    add_answers(one_by_one.accuracies().data(), epochs);
}

// The epoch that is not finite, or in the middle of which somebody stops, is not measured.
template <class T>
void epochs_that_are_not_finished(End end) {
    const Shape shape{{3, 8, 2}, Activation::relu};
    const Rows<T> data(shape, 40, end);
    for (const std::ptrdiff_t batch : {1, 4}) {
        begin_case("measured rows of a run that is not finite, batch %td, end %d", batch, int(end));
        Run<T> run(shape, data, end);
        Held<T> held(run.network, data, {}, 2, end);
        run.request.measured = &held.rows;
        run.request.rule = {.kind = RuleKind(0), .learning_rate = 8};
        run.request.batch_size = batch;
        run.request.epochs = 5000;
        expect(run.go() == Stop::not_finite, "training came to its end");
        expect(held.losses().size() == run.losses.size() && run.progress.epoch == run.losses.size(),
               "other epochs are measured than were finished");

        begin_case("measured rows of a run that is stopped, batch %td, end %d", batch, int(end));
        Run<T> stopped(shape, data, end);
        Held<T> before(stopped.network, data, {}, 2, end);
        stopped.request.measured = &before.rows;
        stopped.request.rule = {.kind = RuleKind(0), .learning_rate = 0.001};
        stopped.request.batch_size = batch;
        stopped.request.epochs = 6;
        stopped.request.poll.every_epoch = stopped.request.poll.every_step = true;
        stopped.request.poll.call = [](void*, std::uint64_t epoch, std::ptrdiff_t done, std::ptrdiff_t, double) {
            return epoch == 2 && done == 3;
        };
        expect(stopped.go() == Stop::asked && stopped.progress.step_in_epoch == 3, "training was not stopped");
        expect(before.losses().size() == 2 && before.accuracies().size() == 2 && stopped.losses.size() == 2,
               "two epochs were finished");
    }
}

}  // namespace

template <class T>
void test_measured_rows(const Options&) {
    Shape classes{{7, 33, 3}, Activation::sigmoid, Activation::softmax};
    classes.dropout = 0.25;
    LossNumbers smooth, squares;
    smooth.loss = Loss::cross_entropy;
    smooth.label_smoothing = 0.1;
    squares.loss = Loss::mean_squared_error;
    for (End end : both_ends) {
        for (const std::ptrdiff_t others : {4, 63, 65}) {
            measured_run<T>({{3, 8, 2}, Activation::relu}, 20, 1, others, {}, false, false, end);
            measured_run<T>({{5, 40, 2}, Activation::gelu, Activation::tanh}, 20, 6, others, squares, false, true, end);
            measured_run<T>(classes, 20, 6, others, smooth, true, false, end);
            measured_run<T>({{4, 9, 1}, Activation::tanh, Activation::sigmoid}, 20, 5, others, squares, false, false,
                            end);
        }
        measured_run<T>({{9, 16, 2}, Activation::relu, Activation::identity, BiasMode::layer}, 20, 20, 600, {}, false,
                        false, end);
        epochs_that_are_not_finished<T>(end);
    }
}

template void test_measured_rows<float>(const Options&);
template void test_measured_rows<double>(const Options&);

}  // namespace tests

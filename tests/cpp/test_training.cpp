// Gradients and training: against paper where it can be written down, and by every way, whose bits are to be the same on
// one, two and three threads.
#include <algorithm>
#include <cstring>

#include "model/choices.hpp"
#include "training.hpp"

namespace tests {
namespace {

template <class T>
void gradient(const Shape& shape, std::ptrdiff_t rows, Loss loss, bool labels, bool weights, End end, bool on_paper) {
    begin_case("%s, %s, rows %td, labels %d, weights %d, end %d", shape.text().c_str(), loss_names[int(loss)], rows,
               labels, weights, int(end));
    const Network network = shape.network();
    const Arrays<T> parameters(network, end, 1);
    const Rows<T> data(shape, rows, end, 1, labels, weights);
    LossNumbers numbers;
    numbers.loss = loss;
    Arrays<T> first(network, end, 2);
    double value = 0;
    for (int threads : {1, 2, 3}) {
        const Arrays<T> found(network, end, 3);
        const double other =
            gradients<T>(network, parameters.pointers(), data.data(), numbers, {}, 7, 3, threads, found.pointers());
        if (threads == 1) {
            value = other;
            first = Arrays<T>(found, end);
        }
        expect(found == first && other == value, "other bits on several threads");
    }
    first.add_to_answers();
    if (!on_paper) return;
    const OnPaper paper = gradients_on_paper(shape, as_on_paper(parameters), data, loss, 0, rows);
    const std::ptrdiff_t roundings = 2 * roundings_of(shape, rows);  // there and back
    if (!is_near(T(value), paper.loss, roundings)) fail_far("loss", 0, 0, value, paper.loss);
    compare("gradient", first, paper, roundings);
}

// Adam and the like want two arrays; limits and schedules go their own ways through a step.
RuleNumbers rule_of(int kind) {
    RuleNumbers rule{.kind = RuleKind(kind % 5), .learning_rate = 0.01, .momentum = 0.9, .nesterov = kind % 2 == 1};
    rule.beta1 = 0.9;
    rule.beta2 = 0.99;
    rule.epsilon = 1e-8;
    rule.eta_minus = 0.5;
    rule.eta_plus = 1.2;
    rule.smallest = 1e-6;
    rule.largest = 1;
    rule.weight_decay = kind >= 5 ? 0.01 : 0;
    rule.l1 = kind >= 5 ? 0.001 : 0;
    if (kind >= 5) rule.clip_norm = 0.5;
    if (kind >= 10) rule.max_norm = 1.5, rule.clip_value = 0.125;
    return rule;
}

template <class T>
void trains(const Shape& shape, std::ptrdiff_t rows, std::ptrdiff_t batch, const RuleNumbers& rule,
            const LossNumbers& loss, bool labels, bool weights, bool missing, End end, std::ptrdiff_t epochs = 2) {
    begin_case("%s, %s, rule %d, rows %td, batch %td, labels %d, weights %d, missing %d, end %d", shape.text().c_str(),
               loss_names[int(loss.loss)], int(rule.kind), rows, batch, labels, weights, missing, int(end));
    const Rows<T> data(shape, rows, end, 2, labels, weights, missing);
    Run<T> first(shape, data, end);
    const std::ptrdiff_t steps = epochs * ((rows + batch - 1) / batch);
    std::vector<double> noted;
    for (int threads : {1, 2, 3}) {
        Run<T> run(shape, data, end);
        const Guarded<double> step_losses(steps, end), weight_squares(steps, end);
        if (threads > 1) run.request.record = {step_losses, weight_squares, steps, 0};  // the one without gets the same
        run.request.rule = rule;
        run.request.loss = loss;
        run.request.batch_size = batch;
        run.request.epochs = epochs;
        run.request.n_threads = threads;
        expect(run.go() == Stop::finished, "training did not come to its end");
        expect(run.progress.epoch == std::uint64_t(epochs) && run.losses.size() == std::size_t(epochs), "wrong counts");
        if (threads == 1) first.take(run, end);
        expect(run.parameters == first.parameters && run.velocities == first.velocities && run.losses == first.losses,
               "other bits on several threads");
        if (threads == 1) continue;
        std::vector<double> now = step_losses.copy();
        for (std::ptrdiff_t i = 0; i < steps; ++i) now.push_back(weight_squares[i]);
        expect(threads == 2 || now == noted, "other bits are noted on several threads");
        noted = now;
    }
    add_answers(noted.data(), std::ptrdiff_t(noted.size()));
    first.parameters.add_to_answers();
    add_answers(first.losses.data(), std::ptrdiff_t(first.losses.size()));
}

// One step of gradient descent over all rows takes the gradient's multiple from the parameters.
template <class T>
void one_step(const Shape& shape, std::ptrdiff_t rows, End end) {
    begin_case("one step, %s, rows %td, end %d", shape.text().c_str(), rows, int(end));
    const Rows<T> data(shape, rows, end);
    Run<T> run(shape, data, end);
    const OnPaper before = as_on_paper(run.parameters);
    run.request.rule = {.learning_rate = 0.125};
    run.request.batch_size = rows;
    run.request.epochs = 1;
    run.request.shuffle = false;
    expect(run.go() == Stop::finished, "training did not come to its end");
    OnPaper wanted = gradients_on_paper(shape, before, data, run.request.loss.loss, 0, rows);
    const auto step = [](std::vector<Real>& g, const std::vector<Real>& w) {
        for (std::size_t i = 0; i < g.size(); ++i) g[i] = w[i] - g[i] * Real(0.125L);
    };
    for (std::size_t l = 0; l < wanted.weights.size(); ++l) step(wanted.weights[l], before.weights[l]);
    for (std::size_t l = 0; l < wanted.biases.size(); ++l) step(wanted.biases[l], before.biases[l]);
    compare("parameter", run.parameters, wanted, 2 * roundings_of(shape, rows) + 4);
    if (!is_near(T(run.losses[0]), wanted.loss, 2 * roundings_of(shape, rows)))
        fail_far("loss", 0, 0, run.losses[0], wanted.loss);
}

}  // namespace

template <class T>
void test_network_gradients(const Options& options) {
    for (End end : both_ends)
        for (std::ptrdiff_t N : widths(options))
            for (std::ptrdiff_t rows : {1, 7, 20})
                for (BiasMode bias : {BiasMode::none, BiasMode::unit, BiasMode::layer}) {
                    const bool odd = rows % 2;
                    gradient<T>({{N, 9, 5}, Activation::tanh, Activation::identity, bias}, rows,
                                Loss::half_squared_error, false, odd && rows > 1, end, true);
                    gradient<T>({{4, N, 3}, Activation::gelu, Activation::softmax, bias}, rows, Loss::cross_entropy,
                                true, false, end, true);
                    gradient<T>({{3, 17, N}, Activation::sigmoid, Activation::softplus, bias}, rows,
                                Loss::mean_squared_error, odd, !odd, end, true);
                }
    for (End end : both_ends) {
        Shape disturbed{{21, 40, 20, 3}, Activation::relu, Activation::softmax};
        disturbed.dropout = 0.25;
        disturbed.input_noise = 0.5;
        disturbed.input_dropout = 0.1;
        gradient<T>(disturbed, 33, Loss::cross_entropy, true, true, end, false);
        gradient<T>({{21, 40, 3}, Activation::relu, Activation::softmax}, 700, Loss::cross_entropy, true, false, end,
                    false);
    }
}

template <class T>
void test_training(const Options& options) {
    LossNumbers squares, entropy;
    entropy.loss = Loss::cross_entropy;
    for (End end : both_ends) {
        for (std::ptrdiff_t N : widths(options))
            for (std::ptrdiff_t rows : {1, 6, 29}) {
                one_step<T>({{3, N, 2}}, rows, end);
                one_step<T>({{N, 5, N}, Activation::softplus}, rows, end);
            }
        for (int rule = 0; rule < 15; ++rule) {
            trains<T>({{5, 17, 33, 3}, Activation::relu, Activation::softmax}, 23, 7, rule_of(rule), entropy, true,
                      rule % 3 == 1, false, end);
            trains<T>({{33, 9, 1}, Activation::silu, Activation::identity, BiasMode(rule % 3)}, 40, 16, rule_of(rule),
                      squares, false, false, rule % 4 == 1, end);
        }
        for (int kind = 0; kind < int(Loss::custom); ++kind) {
            LossNumbers loss;
            loss.loss = Loss(kind);
            loss.delta = 0.5;
            if (loss.loss == Loss::quantile) loss.levels = {0.1, 0.5, 0.9};
            if (kind % 2) loss.factors = {1, 0.5, 2};
            if (loss.loss == Loss::cross_entropy) loss.label_smoothing = 0.1;
            Shape shape{{7, 12, 3}, Activation::elu, Activation::identity};
            if (loss.loss == Loss::cross_entropy) shape.output = Activation::softmax;
            if (loss.loss == Loss::binary_cross_entropy) shape.output = Activation::sigmoid;
            if (loss.loss == Loss::poisson) shape.output = Activation::exponential;
            shape.dropout = 0.25;
            shape.input_dropout = 0.125;
            trains<T>(shape, 19, 8, rule_of(0), loss, false, kind % 2 == 0, kind > int(Loss::cross_entropy), end);
        }
        // Threads own columns; rows pass in several blocks; layers that are packed, and tall batches of them.
        const Shape by_columns{{130, 128, 128, 3}, Activation::tanh, Activation::softmax};
        expect(choices<T>(by_columns.network(), 9, 2, entropy, rule_of(0), true, false).by_columns,
               "columns are not owned");
        for (int rule : {0, 1, 6, 11})
            trains<T>(by_columns, 27, 9, rule_of(rule), entropy, true, rule == 6, false, end, 1);
        Shape dropped = by_columns;
        dropped.dropout = 0.5;
        trains<T>(dropped, 18, 9, rule_of(0), entropy, true, false, false, end, 1);
        trains<T>({{9, 70, 2}, Activation::relu}, 1500, 1300, rule_of(0), squares, false, false, false, end, 1);
        trains<T>({{1025, 1030, 3}, Activation::relu}, 17, 17, rule_of(1), squares, false, false, false, end, 1);
        if (options.quick) continue;
        trains<T>({{7, 1030, 1025, 3}, Activation::relu}, 40, 20, rule_of(6), squares, false, false, false, end, 1);
        trains<T>({{700, 800, 700, 2}, Activation::relu}, 530, 520, rule_of(0), squares, false, false, false, end, 1);
    }
}

template void test_network_gradients<float>(const Options&);
template void test_network_gradients<double>(const Options&);
template void test_training<float>(const Options&);
template void test_training<double>(const Options&);

}  // namespace tests

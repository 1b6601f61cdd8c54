// The health of the layers: what the kernel finds of each unit, and records of training by every way, whose bits are to be
// the same on one, two and three threads and not to change those of training.
#include <algorithm>
#include <cmath>

#include "training.hpp"

namespace tests {
namespace {

template <class T>
void activity(std::ptrdiff_t rows, std::ptrdiff_t N, std::ptrdiff_t gap, End end) {
    begin_case("activity, rows %td, N %td, gap %td, end %d", rows, N, gap, int(end));
    const std::ptrdiff_t ld = N + gap;
    std::vector<T> x = Numbers(std::uint64_t(rows * 100 + N)).some<T>(rows * N, T(2));
    for (T& one : x) one = std::fabs(one) < T(0.5) ? T(0) : one;
    for (std::ptrdiff_t r = 0; r < rows && N > 1; ++r) x[std::size_t(r * N + 1)] = 0;
    const Guarded<T> A(x, rows, N, ld, end);
    const Guarded<double> squares(N, end), around(N, end), around_squares(N, end);
    const Guarded<T> flat(N, end), active(N, end), last(N, end);
    const T low = T(-0.75), high = T(1.25);
    kernels<T>().column_activity(rows, N, A, ld, low, high, {squares, around, around_squares, flat, active, last});
    for (std::ptrdiff_t j = 0; j < N; ++j) {
        Real square, sum, sum_of_squares;
        std::ptrdiff_t n_flat = 0, n_active = 0, last_row = 0;
        for (std::ptrdiff_t r = 0; r < rows; ++r) {
            const T a = x[std::size_t(r * N + j)];
            const Real number(a), off = number - Real(x[std::size_t(j)]);
            square = square + number * number;
            sum = sum + off;
            sum_of_squares = sum_of_squares + off * off;
            n_flat += a < low || a > high;
            n_active += a < 0 || a > 0;
            if (a < 0 || a > 0) last_row = r + 1;
        }
        expect_near("square", 0, j, squares[j], square, rows + 1);
        expect_near("sum around the first row", 0, j, around[j], sum, rows + 1);
        expect_near("square around the first row", 0, j, around_squares[j], sum_of_squares, rows + 3);
        expect(flat[j] == T(n_flat) && active[j] == T(n_active) && last[j] == T(last_row), "a wrong count");
    }
}

struct Found {
    std::vector<double> values;
    std::vector<std::int64_t> quiet;
    bool operator==(const Found&) const = default;
};

template <class T>
void health(const Shape& shape, std::ptrdiff_t rows, std::ptrdiff_t batch, const RuleNumbers& rule, bool labels,
            const std::vector<bool>& frozen, End end) {
    begin_case("health, %s, rule %d, rows %td, batch %td, labels %d, frozen %d, end %d", shape.text().c_str(),
               int(rule.kind), rows, batch, labels, !frozen.empty(), int(end));
    const Rows<T> data(shape, rows, end, 2, labels);
    Run<T> without(shape, data, end);
    Found first;
    const std::ptrdiff_t epochs = 2, layers = without.network.n_layers(), size = epochs * layers * health_columns;
    std::ptrdiff_t hidden = 0;
    for (const Layer& layer : without.network.layers) hidden += layer.N;
    hidden -= without.network.n_out();
    for (int threads : {0, 1, 2, 3}) {  // 0: without
        Run<T> run(shape, data, end);
        const Guarded<double> values(size, end);
        const Guarded<std::int64_t> quiet(hidden, end, 0);
        if (threads > 0) run.request.health = {values, quiet, epochs, layers, 0};
        run.request.rule = rule;
        if (labels) run.request.loss.loss = Loss::cross_entropy;
        run.request.batch_size = batch;
        run.request.epochs = epochs;
        run.request.n_threads = std::max(threads, 1);
        run.request.frozen = frozen;
        expect(run.go() == Stop::finished, "training did not come to its end");
        if (threads == 0) without.take(run, end);
        expect(run.parameters == without.parameters && run.velocities == without.velocities &&
                   run.losses == without.losses,
               "training has other bits where its health is asked for");
        if (threads == 0) continue;
        Found found{values.copy(), quiet.copy()};
        for (std::ptrdiff_t i = 0; i < size; ++i) {
            double& value = found.values[std::size_t(i)];
            const bool single = i % health_columns == 1 && std::min(rows, batch) == 1;
            expect(single ? std::isnan(value) : value >= 0 && std::isfinite(value), "a wrong number");
            if (single) value = 0;  // of whatever sign
        }
        run.request.health.cut(1);
        expect(std::isnan(values[size / 2]) && std::isnan(values[size - 1]) && !std::isnan(values[size / 2 - 1]),
               "the record is cut elsewhere");
        if (threads == 1) first = found;
        expect(found == first, "other health on several threads");
    }
    Run<T> some(shape, data, end);  // of the two epochs the second is measured
    const Guarded<double> values(size, end);
    const Guarded<std::int64_t> quiet(hidden, end, 0);
    const Guarded<std::uint8_t> measured(epochs, end, 0);
    measured[1] = 1;
    some.request.health = {values, quiet, epochs, layers, 0, measured};
    some.request.rule = rule;
    if (labels) some.request.loss.loss = Loss::cross_entropy;
    some.request.batch_size = batch;
    some.request.epochs = epochs;
    some.request.n_threads = 2;
    some.request.frozen = frozen;
    expect(some.go() == Stop::finished && some.parameters == without.parameters,
           "other bits where an epoch is not measured");
    some.request.health.cut(epochs);
    for (std::ptrdiff_t i = 0; i < size; ++i)
        expect(
            i < size / 2 ? std::isnan(values[i]) : std::isnan(values[i]) || values[i] == first.values[std::size_t(i)],
            "another record where an epoch is not measured");
    add_answers(first.values.data(), size);
    add_answers(first.quiet.data(), hidden);
    without.parameters.add_to_answers();
}

}  // namespace

template <class T>
void test_health(const Options& options) {
    RuleNumbers plain{.kind = RuleKind(0), .learning_rate = 0.01, .momentum = 0.9, .nesterov = true};
    RuleNumbers limited = plain;
    limited.clip_norm = 0.5;
    limited.max_norm = 1.5;
    limited.l1 = 0.001;
    for (End end : both_ends) {
        for (std::ptrdiff_t N : widths(options))
            for (std::ptrdiff_t rows : {1, 5, 64})
                for (std::ptrdiff_t gap : {0, 3}) activity<T>(rows, N, gap, end);
        for (BiasMode bias : {BiasMode::none, BiasMode::unit, BiasMode::layer}) {
            health<T>({{3, 8, 2}, Activation::relu, Activation::identity, bias}, 70, 1, plain, false, {}, end);
            health<T>({{7, 16, 5, 3}, Activation::sigmoid, Activation::softmax, bias}, 40, 1, plain, true, {}, end);
        }
        Shape dropped{{21, 70, 33, 3}, Activation::sigmoid, Activation::softmax};
        dropped.dropout = 0.25;
        dropped.input_dropout = 0.125;
        for (const RuleNumbers& rule : {plain, limited})
            for (const std::vector<bool>& frozen :
                 {std::vector<bool>{}, {true, false, false}, std::vector<bool>{false, true, false}}) {
                health<T>(dropped, 75, 7, rule, true, frozen, end);
                health<T>({{130, 128, 128, 3}, Activation::tanh, Activation::softmax}, 27, 9, rule, true, frozen, end);
            }
        health<T>({{9, 33, 2}, Activation::relu}, 300, 290, plain, false, {}, end);
        health<T>({{1025, 1030, 3}, Activation::relu}, 17, 17, plain, false, {}, end);
    }
}

template void test_health<float>(const Options&);
template void test_health<double>(const Options&);

}  // namespace tests

// What goes in and out of a training run beside numbers: callbacks that stop it, learning rates, a loss of one's own, steps
// that are not finite; and the row-by-row way, which has the general way's bits.
#include <algorithm>

#include "training.hpp"

namespace tests {
namespace {

const Shape small{{5, 16, 7, 3}, Activation::tanh, Activation::identity};

template <class T>
void is_stopped_by_its_callback(int threads, End end) {
    begin_case("stopped, threads %d, end %d", threads, int(end));
    const Rows<T> data(small, 50, end);
    Run<T> whole(small, data, end), part(small, data, end);
    for (Run<T>* run : {&whole, &part}) {
        run->request.rule = {.learning_rate = 0.01, .momentum = 0.5};
        run->request.batch_size = 9;
        run->request.epochs = 3;
        run->request.n_threads = threads;
    }
    int asked = 0;
    part.request.poll = {[](void* count, std::uint64_t, std::ptrdiff_t, std::ptrdiff_t, double) {
                             return ++*static_cast<int*>(count) == 2;
                         },
                         [](void*) { return false; }, &asked, true};
    expect(whole.go() == Stop::finished, "training did not come to its end");
    expect(part.go() == Stop::asked, "nobody was asked");
    expect(part.losses.size() == part.progress.epoch && part.progress.epoch <= 2, "wrong counts");
    // The rest: a step that was done is not done again.
    part.request.poll = whole.request.poll;
    expect(part.progress.step == part.progress.epoch * 6 + std::uint64_t(part.progress.step_in_epoch), "lost steps");
    add_answers(whole.losses.data(), std::ptrdiff_t(whole.losses.size()));
}

template <class T>
void follows_its_learning_rates(int threads, End end) {
    begin_case("rates, threads %d, end %d", threads, int(end));
    const Rows<T> data(small, 20, end);
    Run<T> constant(small, data, end), given(small, data, end), ended(small, data, end);
    for (Run<T>* run : {&constant, &given, &ended}) {
        run->request.rule = {.learning_rate = 0.03, .momentum = 0.5};
        run->request.batch_size = 3;
        run->request.epochs = 4;
        run->request.n_threads = threads;
    }
    given.request.rates.call = [](void*, std::uint64_t, std::ptrdiff_t count, double* out) {
        const std::ptrdiff_t some = std::min<std::ptrdiff_t>(count, 5);
        std::fill_n(out, some, 0.03);
        return some;
    };
    ended.request.rates.call = [](void*, std::uint64_t step, std::ptrdiff_t, double* out) {
        *out = 0.03;
        return std::ptrdiff_t(step < 10);
    };
    expect(constant.go() == Stop::finished && given.go() == Stop::finished, "training did not come to its end");
    expect(constant.parameters == given.parameters, "the same rates, one after the other, give other bits");
    expect(ended.go() == Stop::asked && ended.progress.step == 10, "training went on without a learning rate");
    constant.parameters.add_to_answers();
}

// The squared error once more, as somebody's own.
template <class T>
bool own_loss(void* calls, std::ptrdiff_t rows, std::ptrdiff_t N, const T* A, std::ptrdiff_t lda, const T* Y,
              std::ptrdiff_t ldy, T* dA, std::ptrdiff_t ldd, double& value) {
    value = 0;
    for (std::ptrdiff_t r = 0; r < rows; ++r)
        for (std::ptrdiff_t j = 0; j < N; ++j) {
            const T e = A[r * lda + j] - Y[r * ldy + j];
            value += double(e) * double(e) / 2 / double(rows);
            dA[r * ldd + j] = e * (T(1) / T(rows));
        }
    return ++*static_cast<int*>(calls) != 8;
}

template <class T>
void asks_a_loss_of_ones_own(End end) {
    begin_case("a loss of one's own, end %d", int(end));
    const Rows<T> data(small, 21, end);
    Run<T> built_in(small, data, end), own(small, data, end);
    int calls = 0;
    for (Run<T>* run : {&built_in, &own}) {
        run->request.rule = {.learning_rate = 0.01};
        run->request.batch_size = 3;
        run->request.n_threads = 2;
    }
    own.request.loss.loss = Loss::custom;
    own.request.custom = {own_loss<T>, &calls};
    expect(built_in.go() == Stop::finished && own.go() == Stop::finished, "training did not come to its end");
    expect(built_in.parameters == own.parameters, "a loss of one's own gives other bits than the same one built in");
    expect(own.go() == Stop::asked && own.progress.step == 7, "a loss that failed did not end the training");
}

template <class T>
void goes_back_before_what_is_not_finite(const Shape& shape, std::ptrdiff_t batch, int threads, End end) {
    begin_case("not finite, %s, batch %td, threads %d, end %d", shape.text().c_str(), batch, threads, int(end));
    const std::ptrdiff_t rows = 300, bad = 150;
    const Rows<T> good(shape, rows, end), spoiled(shape, rows, end);
    spoiled.X[bad * spoiled.ldx] = std::numeric_limits<T>::infinity();
    Run<T> until(shape, good, end), run(shape, spoiled, end);
    for (Run<T>* one : {&until, &run}) {
        one->request.rule = {.learning_rate = 0.001, .momentum = 0.5};
        one->request.batch_size = batch;
        one->request.shuffle = false;
        one->request.n_threads = threads;
    }
    until.request.data.rows = bad / batch * batch;
    expect(until.go() == Stop::finished, "training did not come to its end");
    expect(run.go() == Stop::not_finite, "an infinite input was not noticed");
    expect(run.progress.step == std::uint64_t(bad / batch), "the step that is not finite was not found");
    expect(run.parameters == until.parameters && run.velocities == until.velocities,
           "the state is not that before the step");
    run.parameters.add_to_answers();
}

// Rates from a callback are for the general way: the same ones, to be compared with row by row.
std::ptrdiff_t same_rate(void*, std::uint64_t, std::ptrdiff_t count, double* out) {
    std::fill_n(out, count, 0.02);
    return count;
}

template <class T>
void row_by_row(const Shape& shape, Loss loss, bool labels, bool nesterov, End end) {
    begin_case("row by row, %s, %s, labels %d, end %d", shape.text().c_str(), loss_names[int(loss)], labels, int(end));
    const Rows<T> data(shape, 40, end, 1, labels);
    Run<T> tiny(shape, data, end), general(shape, data, end);
    for (Run<T>* run : {&tiny, &general}) {
        run->request.rule = {.learning_rate = 0.02, .momentum = 0.9, .nesterov = nesterov, .weight_decay = 0.01};
        run->request.loss.loss = loss;
        run->request.epochs = 2;
    }
    general.request.rates.call = same_rate;
    expect(tiny.go() == Stop::finished && general.go() == Stop::finished, "training did not come to its end");
    expect(tiny.parameters == general.parameters && tiny.velocities == general.velocities, "row by row has other bits");
    expect(tiny.losses == general.losses, "row by row has another loss");
    tiny.parameters.add_to_answers();
    // The first step, on paper.
    Run<T> one(shape, data, end);
    const OnPaper before = as_on_paper(one.parameters);
    one.request.data.rows = 1;
    one.request.rule = {.learning_rate = 0.125};
    one.request.loss.loss = loss;
    expect(one.go() == Stop::finished, "training did not come to its end");
    if (loss == Loss::binary_cross_entropy) return;
    OnPaper wanted = gradients_on_paper(shape, before, data, loss, 0, 1);
    for (auto* lists : {&wanted.weights, &wanted.biases})
        for (std::size_t l = 0; l < lists->size(); ++l)
            for (std::size_t i = 0; i < (*lists)[l].size(); ++i) {
                const auto& from = lists == &wanted.weights ? before.weights : before.biases;
                (*lists)[l][i] = from[l][i] - (*lists)[l][i] * Real(0.125L);
            }
    compare("parameter", one.parameters, wanted, 2 * roundings_of(shape, 1));
}

}  // namespace

template <class T>
void test_ends_of_training(const Options&) {
    for (End end : both_ends) {
        for (int threads : {1, 2, 3}) {
            is_stopped_by_its_callback<T>(threads, end);
            follows_its_learning_rates<T>(threads, end);
            goes_back_before_what_is_not_finite<T>(small, 7, threads, end);
        }
        goes_back_before_what_is_not_finite<T>(small, 1, 1, end);
        goes_back_before_what_is_not_finite<T>({{17, 5, 3}, Activation::gelu}, 1, 1, end);
        asks_a_loss_of_ones_own<T>(end);
    }
}

template <class T>
void test_tiny_steps(const Options&) {
    constexpr Activation kinds[] = {Activation::sigmoid,  Activation::tanh,         Activation::relu,
                                    Activation::softplus, Activation::softsign,     Activation::elu,
                                    Activation::selu,     Activation::hard_sigmoid, Activation::leaky_relu};
    for (End end : both_ends)
        for (std::ptrdiff_t N : {1, 2, 3, 4, 7, 8, 9, 15, 16}) {
            const Activation kind = kinds[N % 9];
            for (BiasMode bias : {BiasMode::none, BiasMode::unit, BiasMode::layer}) {
                row_by_row<T>({{N, 5, N}, kind, Activation::identity, bias}, Loss::half_squared_error, false, N % 2,
                              end);
                row_by_row<T>({{3, N, 2}, kind, Activation::softmax, bias}, Loss::cross_entropy, true, N % 2, end);
            }
            row_by_row<T>({{2, N, N, 1}, kind, Activation::tanh}, Loss::mean_squared_error, false, true, end);
            row_by_row<T>({{N, 16, 3}, kind, Activation::sigmoid}, Loss::binary_cross_entropy, false, false, end);
        }
}

template void test_ends_of_training<float>(const Options&);
template void test_ends_of_training<double>(const Options&);
template void test_tiny_steps<float>(const Options&);
template void test_tiny_steps<double>(const Options&);

}  // namespace tests

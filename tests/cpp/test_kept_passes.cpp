// Passes that are kept, and updates with gradients that are given: the bits of gradients and of training.
#include "model/kept_pass.hpp"
#include "training.hpp"

namespace tests {
namespace {

// Half the squared error of outputs that are their sums: its derivative is known outside.
template <class T>
void goes_back(const Shape& shape, std::ptrdiff_t rows, End end) {
    begin_case("kept, %s, rows %td, end %d", shape.text().c_str(), rows, int(end));
    const Network network = shape.network();
    const Arrays<T> parameters(network, end, 1);
    const Rows<T> data(shape, rows, end, 1);
    const Arrays<T> wanted(network, end, 2);
    gradients<T>(network, parameters.pointers(), data.data(), {}, {}, 7, 3, 1, wanted.pointers());
    const std::ptrdiff_t n_out = network.n_out();
    Guarded<T> first(rows * network.n_in(), end);
    for (int threads : {1, 2, 3}) {
        KeptPass<T> pass(network, parameters.pointers(), data.data(), 7, 3, threads);
        const Guarded<T> outputs(rows * n_out, end), sums(rows * n_out, end), d(rows * n_out, end);
        pass.output(outputs);
        pass.sums(sums);
        expect(std::equal(sums.data(), sums + sums.size(), outputs.data()), "outputs are not the sums");
        for (std::size_t l = 0; l + 1 < network.layers.size(); ++l) {
            const Guarded<T> hidden(rows * network.layers[l].N, end);
            pass.hidden(l, hidden);
            add_answers(hidden.data(), hidden.size());
        }
        for (std::ptrdiff_t i = 0; i < d.size(); ++i)
            d[i] = (outputs[i] - data.Y[i / n_out * data.ldy + i % n_out]) * (T(1) / T(rows));
        for (bool of_sums : {true, false}) {
            const Arrays<T> found(network, end, 3);
            pass.backward(d, of_sums, found.pointers());
            expect(found == wanted, "other bits than those of gradients");
            const Guarded<T> dX(rows * network.n_in(), end);
            pass.input_gradients(d, of_sums, dX);
            if (threads == 1 && of_sums) std::copy_n(dX.data(), dX.size(), first.data());
            expect(std::equal(dX.data(), dX + dX.size(), first.data()), "other input gradients on several threads");
        }
        if (network.layers.size() > 1 || shape.input_dropout > 0) continue;
        for (std::ptrdiff_t r = 0; r < rows; ++r)  // on paper
            for (std::ptrdiff_t k = 0; k < network.n_in(); ++k) {
                Real sum = 0;
                for (std::ptrdiff_t j = 0; j < n_out; ++j)
                    sum = sum + Real(d[r * n_out + j]) * Real(parameters.weights[0][k * n_out + j]);
                expect_near("input gradient", r, k, first[r * network.n_in() + k], sum, n_out + 1);
            }
    }
    wanted.add_to_answers();
    add_answers(first.data(), first.size());
}

template <class T>
void updates(const Shape& shape, std::ptrdiff_t rows, const RuleNumbers& rule, const std::vector<bool>& frozen,
             End end) {
    begin_case("update, %s, rule %d, rows %td, end %d", shape.text().c_str(), int(rule.kind), rows, int(end));
    const Rows<T> data(shape, rows, end);
    Run<T> trained(shape, data, end);
    trained.request.rule = rule;
    trained.request.batch_size = rows;
    trained.request.shuffle = false;
    trained.request.seed = 7;
    trained.request.frozen = frozen;
    expect(trained.go() == Stop::finished, "training did not come to its end");
    for (int threads : {1, 2, 3}) {
        Run<T> given(shape, data, end);
        Arrays<T> found(given.network, end, 3);
        gradients<T>(given.network, given.parameters.pointers(), data.data(), {}, {}, 7, 0, 1, found.pointers());
        for (std::size_t l = 0; l < frozen.size(); ++l) {
            if (!frozen[l]) continue;
            found.weights[l].fill(0);
            if (!found.biases.empty()) found.biases[l].fill(0);
        }
        expect(apply_gradients<T>(given.network, given.parameters.pointers(), given.velocities.pointers(),
                                  rule.has_square() ? given.squares.pointers() : Parameters<T>{}, found.pointers(),
                                  rule, 1, frozen, threads),
               "not finite");
        expect(given.parameters == trained.parameters && given.velocities == trained.velocities,
               "other bits than training");
    }
    trained.parameters.add_to_answers();
}

}  // namespace

template <class T>
void test_kept_passes(const Options& options) {
    RuleNumbers plain{.learning_rate = 0.125, .momentum = 0.5, .weight_decay = 0.01}, adam = plain, limited = plain;
    adam.kind = RuleKind::adam;
    adam.beta1 = 0.9;
    adam.beta2 = 0.99;
    adam.epsilon = 1e-8;
    limited.clip_norm = 0.05;
    limited.max_norm = 0.5;
    for (End end : both_ends) {
        for (std::ptrdiff_t N : widths(options)) {
            for (std::ptrdiff_t rows : {1, 7, 20}) {
                goes_back<T>({{N, 5}}, rows, end);
                goes_back<T>({{9, N}}, rows, end);
                goes_back<T>({{N, 17, 3}, Activation::gelu}, rows, end);
                goes_back<T>({{3, N, 9, N}, Activation::relu, Activation::identity, BiasMode(rows % 3)}, rows, end);
            }
            for (const RuleNumbers& rule : {plain, adam, limited}) {
                updates<T>({{N, 9, 5}}, 6, rule, {}, end);
                updates<T>({{4, N, 3}, Activation::relu, Activation::identity, BiasMode::layer}, 6, rule, {true, false},
                           end);
                updates<T>({{3, 17, N}, Activation::tanh, Activation::identity, BiasMode::none}, 6, rule, {false, true},
                           end);
            }
        }
        Shape disturbed{{21, 40, 20, 3}, Activation::tanh};
        disturbed.dropout = disturbed.input_dropout = 0.25;
        disturbed.input_noise = 0.5;
        goes_back<T>(disturbed, 33, end);
        goes_back<T>({{1025, 1030, 3}, Activation::relu}, 17, end);
        updates<T>({{130, 128, 128, 3}}, 9, limited, {true, false, false}, end);
        updates<T>({{1025, 1030, 3}}, 5, adam, {}, end);
    }
}

template void test_kept_passes<float>(const Options&);
template void test_kept_passes<double>(const Options&);

}  // namespace tests

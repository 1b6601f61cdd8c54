// Plans: single rows through all layers, by the kernel's own table and as a `Plan`, whose bits are those of `predict`.
#include <algorithm>
#include <thread>

#include "model/plan.hpp"
#include "model/predict.hpp"
#include "networks.hpp"

namespace tests {
namespace {

// The kernel with memory that ends where it may end at the latest.
template <class T>
void kernel_alone(const Shape& shape, std::ptrdiff_t rows, bool reversed, End end) {
    begin_case("kernel, %s, rows %td, reversed %d, end %d", shape.text().c_str(), rows, reversed, int(end));
    const Kernels<T>& k = kernels<T>();
    const Network network = shape.network();
    const Arrays<T> parameters(network, end, 1);
    const Rows<T> data(shape, rows, end);
    std::vector<Guarded<T>> groups, biases;
    std::vector<PlanLayer<T>> layers;
    std::ptrdiff_t width = 0;
    for (std::size_t l = 0; l < network.layers.size(); ++l) {
        const auto [K, N, activation, dropout] = network.layers[l];
        groups.emplace_back(K * up(N, k.lanes), end);
        biases.emplace_back(up(N, k.lanes), end, T(0));
        k.pack_plan(K, N, parameters.weights[l], N, groups.back());
        if (shape.bias == BiasMode::unit) std::copy_n(parameters.biases[l].data(), N, biases.back().data());
        layers.push_back({K, N, activation, groups.back(), biases.back()});
        if (l + 1 < network.layers.size()) width = std::max(width, up(N, k.lanes));
    }
    const Guarded<T> out(rows * network.n_out(), end), scratch(2 * std::min(rows, plan_rows_at_once) * width, end);
    k.plan_rows({.layers = layers.data(),
                 .n_layers = network.n_layers(),
                 .rows = rows,
                 .X = data.X,
                 .out = out,
                 .scratch = scratch,
                 .width = width,
                 .alternate = true,
                 .reversed = reversed});
    const OnPaper paper = as_on_paper(parameters);
    for (std::ptrdiff_t r = 0; r < rows; ++r) {
        const T* x = data.x.data() + r * network.n_in();
        const std::vector<Real> wanted = outputs_on_paper(shape, paper, std::vector<Real>(x, x + network.n_in()));
        for (std::ptrdiff_t j = 0; j < network.n_out(); ++j)
            expect_near("output", r, j, out[r * network.n_out() + j], wanted[std::size_t(j)], roundings_of(shape, 0));
    }
}

template <class T>
void whole_plan(const Shape& shape, std::ptrdiff_t rows, End end) {
    begin_case("plan, %s, rows %td, end %d", shape.text().c_str(), rows, int(end));
    const Network network = shape.network();
    const Arrays<T> parameters(network, end, 2), back(network, end, 3);
    const Rows<T> data(shape, rows, end);
    const Guarded<T> out(rows * network.n_out(), end), other(rows * network.n_out(), end);
    const Plan<T> plan(network, parameters.pointers());
    plan.unpack(back.pointers());
    expect(back == parameters, "the plan does not give its parameters back");
    predict(network, parameters.pointers(), rows, data.X.data(), network.n_in(), out.data(), 1);
    std::thread beside([&] { plan.predict(rows, data.X, other); });  // at once, in another thread
    const Guarded<T> mine(rows * network.n_out(), end);
    expect(plan.predict(rows, data.X, mine), "a plan could not predict");
    beside.join();
    expect(std::equal(out.data(), out + out.size(), other.data()), "a plan has other bits than predict");
    expect(std::equal(out.data(), out + out.size(), mine.data()), "a plan has other bits than predict");
    add_answers(out.data(), out.size());
}

}  // namespace

template <class T>
void test_plans(const Options& options) {
    for (End end : both_ends)
        for (std::ptrdiff_t N : widths(options))
            for (std::ptrdiff_t rows : {1, 3, 4, 9}) {
                kernel_alone<T>({{N, 2 * N + 1, 7, N}, Activation::tanh}, rows, rows == 3, end);
                kernel_alone<T>({{5, N}, Activation::relu, Activation::softmax, BiasMode::none}, rows, true, end);
                whole_plan<T>({{3, N, 17, 2}, Activation::gelu, Activation::sigmoid, BiasMode::layer}, rows, end);
                whole_plan<T>({{N, 5, N}, Activation::relu, Activation::identity}, rows, end);
            }
    for (End end : both_ends) {
        whole_plan<T>({{5, 300, 3}, Activation::silu}, 5, end);    // several groups, more than a little scratch
        whole_plan<T>({{2, 9000, 2}, Activation::relu}, 4, end);   // scratch that is too large for the stack
        whole_plan<T>({{300, 900, 1}, Activation::relu}, 2, end);  // alternating directions in float32 and float64
    }
}

template void test_plans<float>(const Options&);
template void test_plans<double>(const Options&);

}  // namespace tests

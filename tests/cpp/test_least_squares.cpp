// The normal equations of small networks, and their damped solution.
#include "model/least_squares.hpp"
#include "networks.hpp"

namespace tests {
namespace {

// J^T J and J^T e on paper: a row of J is the gradient of half the squared error of one row whose targets differ from its
// outputs in one place, and there by 1.
template <class T>
struct Equations {
    std::vector<Real> JTJ, JTe;

    Equations(const Shape& shape, const Arrays<T>& parameters, const Rows<T>& data, std::size_t P)
        : JTJ(P * P), JTe(P) {
        const OnPaper paper = as_on_paper(parameters);
        const std::size_t n_in = std::size_t(shape.sizes.front()), n_out = std::size_t(shape.sizes.back());
        for (std::ptrdiff_t r = 0; r < data.rows; ++r) {
            const T* x = data.x.data() + r * std::ptrdiff_t(n_in);
            const std::vector<Real> a = outputs_on_paper(shape, paper, std::vector<Real>(x, x + n_in));
            Rows<T> one(shape, 1, End::rear);
            one.x.assign(x, x + n_in);
            for (std::size_t o = 0; o < n_out; ++o) {
                for (std::size_t j = 0; j < n_out; ++j) one.y[j] = T(a[j].value - (j == o));
                const OnPaper g = gradients_on_paper(shape, paper, one, Loss::half_squared_error, 0, 1);
                std::vector<Real> row;
                for (std::size_t l = 0; l < g.weights.size(); ++l) {
                    row.insert(row.end(), g.weights[l].begin(), g.weights[l].end());
                    if (!g.biases.empty()) row.insert(row.end(), g.biases[l].begin(), g.biases[l].end());
                }
                const Real e = a[o] - Real(data.y[std::size_t(r) * n_out + o]);
                for (std::size_t i = 0; i < P; ++i) {
                    JTe[i] = JTe[i] + row[i] * e;
                    for (std::size_t k = 0; k < P; ++k) JTJ[i * P + k] = JTJ[i * P + k] + row[i] * row[k];
                }
            }
        }
    }
};

template <class T>
void equations(const Shape& shape, std::ptrdiff_t rows, End end, bool on_paper) {
    begin_case("%s, rows %td, end %d", shape.text().c_str(), rows, int(end));
    const Network network = shape.network();
    const Arrays<T> parameters(network, end, 1);
    const Rows<T> data(shape, rows, end, 1);
    const std::ptrdiff_t P = n_parameters(network);
    std::vector<T> first, first_e;
    for (int threads : {1, 2, 3}) {
        const Guarded<T> JTJ(P * P, end), JTe(P, end);
        normal_equations<T>(network, parameters.pointers(), data.data(), JTJ, JTe, threads);
        if (threads == 1) first = JTJ.copy(), first_e = JTe.copy();
        expect(first == JTJ.copy() && first_e == JTe.copy(), "other bits on several threads");
    }
    add_answers(first.data(), P * P);
    add_answers(first_e.data(), P);
    if (!on_paper) return;
    const Equations<T> wanted(shape, parameters, data, std::size_t(P));
    const std::ptrdiff_t roundings = 4 * roundings_of(shape, rows * network.n_out());
    for (std::ptrdiff_t i = 0; i < P; ++i) {
        if (!is_near(first_e[std::size_t(i)], wanted.JTe[std::size_t(i)], roundings))
            fail_far("JTe", 0, i, first_e[std::size_t(i)], wanted.JTe[std::size_t(i)]);
        for (std::ptrdiff_t k = 0; k < P; ++k)
            if (const std::size_t at = std::size_t(i * P + k); !is_near(first[at], wanted.JTJ[at], roundings))
                fail_far("JTJ", i, k, first[at], wanted.JTJ[at]);
    }
}

// What is left of the equations is no more than the roundings of Cholesky's factors leave.
template <class T>
void solution(std::ptrdiff_t n, std::ptrdiff_t gap, End end) {
    begin_case("solution, n %td, gap %td, end %d", n, gap, int(end));
    const std::ptrdiff_t ldh = n + gap;
    const std::vector<T> J = Numbers(std::uint64_t(n)).some<T>(n * n);
    std::vector<T> h(J.size());
    for (std::ptrdiff_t i = 0; i < n; ++i)
        for (std::ptrdiff_t k = 0; k < n; ++k) {
            long double sum = 0;
            for (std::ptrdiff_t t = 0; t < n; ++t)
                sum += static_cast<long double>(J[std::size_t(t * n + i)]) * J[std::size_t(t * n + k)];
            h[std::size_t(i * n + k)] = T(sum / n);
        }
    const Guarded<T> H(h, n, n, ldh, end), g(Numbers(7).some<T>(n), end);
    const T damping = T(0.5);
    std::vector<T> first;
    for (int threads : {1, 2, 3}) {
        const Guarded<T> step(n, end);
        expect(damped_step<T>(n, H, ldh, g, damping, step, threads), "the matrix is positive definite");
        if (threads == 1) first = step.copy();
        expect(first == step.copy(), "other bits on several threads");
    }
    for (std::ptrdiff_t i = 0; i < n; ++i) {
        long double left = g[i] + static_cast<long double>(damping) * first[std::size_t(i)], size = std::fabs(g[i]);
        const auto diagonal = [&](std::ptrdiff_t t) {
            return static_cast<long double>(h[std::size_t(t * n + t)]) + damping;
        };
        for (std::ptrdiff_t k = 0; k < n; ++k) {
            left += static_cast<long double>(h[std::size_t(i * n + k)]) * first[std::size_t(k)];
            size += std::sqrt(diagonal(i) * diagonal(k)) * std::fabs(first[std::size_t(k)]);
        }
        if (std::fabs(left) > 2 * static_cast<long double>(3 * n + 8) * rounding<T> * size)
            fail_far("left", 0, i, left, Real(0, size));
    }
    const Guarded<T> step(n, end), minus(std::vector<T>(h.size(), T(-1)), n, n, ldh, end);
    expect(!damped_step<T>(n, minus, ldh, g, damping, step, 2), "the matrix is not positive definite");
}

}  // namespace

template <class T>
void test_least_squares(const Options& options) {
    for (End end : both_ends) {
        for (std::ptrdiff_t N : {1, 3, 8})
            for (BiasMode bias : {BiasMode::none, BiasMode::unit, BiasMode::layer}) {
                equations<T>({{N, 3, 2}, Activation::tanh, Activation::identity, bias}, 5, end, true);
                equations<T>({{2, N, 1}, Activation::gelu, Activation::sigmoid, bias}, 7, end, true);
            }
        equations<T>({{3, 9, 2}}, 700, end, false);  // several blocks of rows
        for (std::ptrdiff_t n : widths(options)) solution<T>(n, n % 2 * 3, end);
        solution<T>(131, 0, end);
    }
}

template void test_least_squares<float>(const Options&);
template void test_least_squares<double>(const Options&);

}  // namespace tests

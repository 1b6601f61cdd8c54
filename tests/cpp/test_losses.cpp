// Output layer: activation, loss of each row, and its derivative by the weighted sums.
#include "cases.hpp"
#include "formulas.hpp"

namespace tests {
namespace {

// What of a loss is given beside targets.
struct Extras {
    bool factors, missing, row_weights;
};
constexpr Extras all_extras[] = {
    {false, false, false}, {true, false, false}, {false, true, false}, {false, false, true}, {true, true, true}};

template <class T>
struct Case {
    Loss loss;
    Activation kind;
    std::ptrdiff_t rows, N;
    Extras extras;
    std::vector<T> z, y, factors, levels, weights;
    const Kernels<T>& k = kernels<T>();

    Case(Loss loss_, Activation kind_, std::ptrdiff_t rows_, std::ptrdiff_t N_, Extras extras_)
        : loss(loss_), kind(kind_), rows(rows_), N(N_), extras(extras_) {
        Numbers numbers(std::uint64_t(rows * 1000 + N));
        z = numbers.some<T>(rows * N, T(3));
        y = numbers.some<T>(rows * N);
        factors = numbers.some<T>(N);
        levels = numbers.some<T>(N);
        weights = numbers.some<T>(rows);
        const bool of_classes = loss == Loss::cross_entropy || loss == Loss::binary_cross_entropy ||
                                loss == Loss::poisson || loss == Loss::hinge;
        for (T& x : y) x = of_classes ? (x + 1) / 2 : x;
        if (loss == Loss::hinge)
            for (T& x : y) x = std::round(x);
        for (T& x : factors) x = x < T(-0.5) ? T(0) : x + 1;
        for (T& x : levels) x = (x + 1) / 2;
        for (T& x : weights) x = x < T(-0.5) ? T(0) : x + 1;
        if (loss == Loss::cross_entropy) factors.clear();
        if (extras.missing)  // an entry each row; with the cross-entropy that is the row
            for (std::ptrdiff_t r = 0; r < rows; r += loss == Loss::cross_entropy ? 2 : 1)
                y[std::size_t(r * N + r % N)] = std::numeric_limits<T>::quiet_NaN();
    }

    bool is_there(T target) const { return target == target; }
    long double parameter(std::ptrdiff_t j) const { return loss == Loss::quantile ? levels[std::size_t(j)] : T(0.75); }
    // e, which may be small beside what it is the difference of.
    static Real difference(long double a, long double b) { return Real(a) - Real(b); }

    void run(std::ptrdiff_t gap, End end) const {
        begin_case("%s of %s, rows %td, N %td, factors %d, missing %d, weights %d, gap %td, end %d",
                   loss_names[int(loss)], activation_names[int(kind)], rows, N, extras.factors, extras.missing,
                   extras.row_weights, gap, int(end));
        const std::ptrdiff_t ld = N + gap;
        const Guarded<T> a(z, rows, N, ld, end, T(7)), target(y, rows, N, ld, end), dZ((rows - 1) * ld + N, end, T(7));
        const Guarded<T> f(factors, end), p(levels, end), w(weights, end);
        const Guarded<double> row_loss(rows, end);
        const bool weighted = extras.factors && !factors.empty();
        const T scale = T(0.25);
        k.output_loss(
            {loss, T(0.75), loss == Loss::quantile ? p.data() : nullptr, weighted ? f.data() : nullptr, extras.missing},
            kind, rows, N, scale, extras.row_weights ? w.data() : nullptr, a, ld, target, ld, dZ, ld, row_loss);
        for (std::ptrdiff_t r = 0; r < rows; ++r) {
            const T weight = extras.row_weights ? weights[std::size_t(r)] : T(1);
            compare_row(r, z.data() + r * N, y.data() + r * N, a + r * ld, dZ + r * ld, row_loss[r], scale, weight,
                        weighted);
        }
    }

    void compare_row(std::ptrdiff_t r, const T* sums, const T* targets, const T* a, const T* dZ, double row_loss,
                     T scale, T weight, bool weighted) const {
        std::vector<long double> output(static_cast<std::size_t>(N)), dA(output.size());
        std::vector<Real> wanted(output.size());
        long double most = sums[0], sum = 0;
        for (std::ptrdiff_t j = 0; j < N; ++j) most = std::max(most, static_cast<long double>(sums[j]));
        for (std::ptrdiff_t j = 0; j < N; ++j) sum += std::exp(sums[j] - most);
        bool whole = true;
        Real value;
        long double dot = 0, dot_size = 0;
        for (std::ptrdiff_t j = 0; j < N; ++j) {
            const std::size_t i = std::size_t(j);
            output[i] = kind == Activation::softmax ? std::exp(sums[j] - most) / sum : activated(kind, sums[j]);
            whole &= is_there(targets[j]);
            const long double factor = !is_there(targets[j]) ? 0
                                       : weighted            ? factors[i]
                                                             : T(1),
                              y_ = factor ? targets[j] : 0;
            const long double l = entry_loss(loss, output[i], y_, parameter(j));
            // Its terms: a and y, their logarithms, and the squares that differences of them become.
            const long double size =
                3 + std::fabs(output[i]) + std::fabs(static_cast<long double>(sums[j])) + std::log(sum) + std::fabs(y_);
            if (factor != 0) value = value + Real(factor * l, factor * (std::fabs(l) + size * size));
            dA[i] = factor * entry_slope(loss, output[i], y_, parameter(j));
            dot += output[i] * dA[i];
            dot_size += output[i] * (std::fabs(dA[i]) + size);
        }
        for (std::ptrdiff_t j = 0; j < N; ++j) {
            const std::size_t i = std::size_t(j);
            const long double y_ = is_there(targets[j]) ? targets[j] : 0;
            const bool matched =
                loss == Loss::cross_entropy || loss == Loss::binary_cross_entropy || loss == Loss::poisson;
            const long double factor = !is_there(targets[j]) ? 0 : weighted ? factors[i] : T(1);
            long double d = factor * (output[i] - y_), size = factor * (std::fabs(output[i]) + std::fabs(y_) + 1);
            if (!matched && kind == Activation::softmax) {
                d = output[i] * (dA[i] - dot);
                size = output[i] * (std::fabs(dA[i]) + dot_size + 4);
            } else if (!matched) {
                d = dA[i] * slope(kind, sums[j]);
                size = factor * 4 * (1 + std::fabs(output[i]) + std::fabs(y_)) * (1 + std::fabs(slope(kind, sums[j])));
            }
            wanted[i] = Real(d, size);
        }
        const bool counts = weight != 0 && !(loss == Loss::cross_entropy && !whole);
        const std::ptrdiff_t roundings = N + 24;
        for (std::ptrdiff_t j = 0; j < N; ++j)
            expect_near("dZ", r, j, dZ[j], counts ? wanted[std::size_t(j)] * Real(scale * weight) : Real(0), roundings);
        if (is_mean_over_outputs(loss)) value = value * Real(1.0L / N);
        const Real want = counts ? value * Real(weight) : Real(0);
        expect_near("loss", r, 0, T(row_loss), want, roundings);
        for (std::ptrdiff_t j = 0; j < N; ++j)
            expect_near("output", r, j, a[j], Real(output[std::size_t(j)], 1 + std::fabs(output[std::size_t(j)])),
                        N + 16);
    }
};

// The outputs that a loss is made for, and what else goes with it.
std::vector<Activation> outputs_of(Loss loss) {
    switch (loss) {
        case Loss::cross_entropy: return {Activation::softmax};
        case Loss::binary_cross_entropy: return {Activation::sigmoid};
        case Loss::poisson: return {Activation::exponential};
        default: return {Activation::identity, Activation::tanh, Activation::softmax, Activation::gelu};
    }
}

}  // namespace

template <class T>
void test_losses(const Options& options) {
    for (int loss = 0; loss < int(Loss::custom); ++loss)
        for (Activation kind : outputs_of(Loss(loss)))
            for (std::ptrdiff_t N : widths(options))
                for (const Extras& extras : all_extras)
                    for (End end : both_ends)
                        Case<T>(Loss(loss), kind, 5, N, extras).run(end == End::rear ? 0 : 3, end);
}

template void test_losses<float>(const Options&);
template void test_losses<double>(const Options&);

}  // namespace tests

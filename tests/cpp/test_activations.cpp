// Activations and their slopes, in place and elsewhere, with dropout.
#include "cases.hpp"
#include "formulas.hpp"

namespace tests {
namespace {

template <class T>
long double unit(long double x) {  // in the last place
    const int exponent = std::max(std::ilogb(x), std::numeric_limits<T>::min_exponent - 1);
    return std::ldexp(1.0L, exponent - std::numeric_limits<T>::digits + 1);
}

template <class T>
struct Case {
    Activation kind;
    std::ptrdiff_t rows, N;
    std::vector<T> z, d, mask;
    const Kernels<T>& k = kernels<T>();
    bool softmax = kind == Activation::softmax;

    Case(Activation kind_, std::ptrdiff_t rows_, std::ptrdiff_t N_) : kind(kind_), rows(rows_), N(N_) {
        Numbers numbers(std::uint64_t(rows * 1000 + N));
        z = numbers.some<T>(rows * N, T(5));
        d = numbers.some<T>(rows * N);
        mask = numbers.some<T>(rows * N);
        for (T& m : mask) m = m > 0 ? T(1.25) : T(0);
    }

    std::size_t at(std::ptrdiff_t r, std::ptrdiff_t j) const { return std::size_t(r * N + j); }
    Real softmax_of(std::ptrdiff_t r, std::ptrdiff_t j) const {
        long double most = z[at(r, 0)], sum = 0;
        for (std::ptrdiff_t i = 0; i < N; ++i) most = std::max(most, static_cast<long double>(z[at(r, i)]));
        for (std::ptrdiff_t i = 0; i < N; ++i) sum += std::exp(z[at(r, i)] - most);
        return std::exp(z[at(r, j)] - most) / sum;
    }
    void expect_output(std::ptrdiff_t r, std::ptrdiff_t j, T a) const {
        if (softmax) return expect_near("softmax", r, j, a, softmax_of(r, j), N + 8);
        add_answers(&a, 1);
        const long double x = z[at(r, j)], want = activated(kind, x);
        if (std::fabs(a - want) > static_cast<long double>(units(kind, x)) * unit<T>(want)) {
            begin_case("%s(%.17Lg), rows %td, N %td", activation_names[int(kind)], x, rows, N);
            fail_far("value", r, j, static_cast<long double>(a), Real(want));
        }
    }
    // From the output: four roundings of numbers up to 2. From the input: kernels/README.md, and what the judge is off by.
    void expect_slope(std::ptrdiff_t r, std::ptrdiff_t j, T found, T a, T factor) const {
        add_answers(&found, 1);
        const bool from_input = slope_needs_input(kind);
        const long double s = from_input ? slope(kind, z[at(r, j)]) : slope_from_output(kind, a);
        const long double of_input = sizeof(T) == 4 ? 2.5e-7L : judge_is_exact() ? 5e-16L : 1e-14L;
        const long double error = from_input ? of_input : 8 * rounding<T> * (1 + std::fabs(s));
        if (std::fabs(found - s * factor) > error * std::fabs(factor) + std::numeric_limits<T>::min())
            fail_far("slope", r, j, static_cast<long double>(found), Real(s * factor));
    }

    void run(std::ptrdiff_t gap, End end) const {
        begin_case("%s, rows %td, N %td, gap %td, end %d", activation_names[int(kind)], rows, N, gap, int(end));
        const std::ptrdiff_t ld = N + gap;
        const Guarded<T> sums(z, rows, N, ld, end, T(7)), elsewhere((rows - 1) * ld + N, end, T(7)), in_place(z, end);
        k.activate(kind, rows, N, sums, ld, elsewhere, ld);
        k.activate(kind, rows, N, in_place, N, in_place, N);
        for (std::ptrdiff_t r = 0; r < rows; ++r) {
            for (std::ptrdiff_t j = 0; j < N; ++j) {
                expect_output(r, j, elsewhere[r * ld + j]);
                expect(in_place[r * N + j] == elsewhere[r * ld + j], "in place there is another result");
            }
            for (std::ptrdiff_t j = N; j < ld && r + 1 < rows; ++j)
                expect(elsewhere[r * ld + j] == 7, "gaps were written");
        }
        const Guarded<T> dA(d, rows, N, ld, end), dZ((rows - 1) * ld + N, end, T(7));
        k.activation_gradient(kind, rows, N, elsewhere, ld, slope_needs_input(kind) ? sums.data() : nullptr, ld, dA, ld,
                              dZ, ld);
        for (std::ptrdiff_t r = 0; r < rows; ++r) {
            Real dot;
            for (std::ptrdiff_t i = 0; softmax && i < N; ++i)
                dot = dot + Real(elsewhere[r * ld + i]) * Real(d[at(r, i)]);
            for (std::ptrdiff_t j = 0; j < N; ++j) {
                const T a = elsewhere[r * ld + j];
                if (softmax)
                    expect_near("dZ", r, j, dZ[r * ld + j], Real(a) * (Real(d[at(r, j)]) - dot), N + 4);
                else
                    expect_slope(r, j, dZ[r * ld + j], a, d[at(r, j)]);
            }
        }
        if (!softmax) with_slope(ld, elsewhere, end);
    }

    void with_slope(std::ptrdiff_t ld, const T* outputs, End end) const {
        const Guarded<T> a(z, rows, N, ld, end), s((rows - 1) * ld + N, end, T(7));
        k.activate_with_slope(kind, rows, N, a, ld, s, ld);
        for (std::ptrdiff_t r = 0; r < rows; ++r)
            for (std::ptrdiff_t j = 0; j < N; ++j) {
                expect(a[r * ld + j] == outputs[r * ld + j], "with its slope the output is another");
                expect_slope(r, j, s[r * ld + j], a[r * ld + j], T(1));
            }
        const Guarded<T> m(mask, end);
        const std::vector<T> before = s.copy();
        k.dropout(kind, rows, N, a, ld, m, s, ld);
        for (std::ptrdiff_t r = 0; r < rows; ++r)
            for (std::ptrdiff_t j = 0; j < N; ++j) {
                expect(a[r * ld + j] == outputs[r * ld + j] * mask[at(r, j)], "an output was dropped wrongly");
                expect(s[r * ld + j] == before[std::size_t(r * ld + j)] * mask[at(r, j)],
                       "a slope was dropped wrongly");
            }
    }
};

}  // namespace

template <class T>
void test_activations(const Options& options) {
    for (int kind = 0; kind < activation_count; ++kind)
        for (std::ptrdiff_t rows : {1, 3})
            for (std::ptrdiff_t N : widths(options))
                for (End end : both_ends) Case<T>(Activation(kind), rows, N).run(rows == 1 ? 0 : 2, end);
}

template void test_activations<float>(const Options&);
template void test_activations<double>(const Options&);

}  // namespace tests

// Updates of plain arrays: gradient descent with momentum, and every other rule.
#include "cases.hpp"

namespace tests {
namespace {

template <class T>
struct Arrays {
    std::vector<T> w, v, s, g;
    explicit Arrays(std::ptrdiff_t n) {
        Numbers numbers(std::uint64_t(n) + 1);
        w = numbers.some<T>(n);
        v = numbers.some<T>(n);
        s = numbers.some<T>(n);
        g = numbers.some<T>(n);
        for (T& x : s) x = x * x + T(0.01);
    }
};

template <class T>
void gradient_descent(std::ptrdiff_t n, bool nesterov, End end) {
    begin_case("n %td, nesterov %d, end %d", n, nesterov, int(end));
    const Arrays<T> from(n);
    const Guarded<T> w(from.w, end), v(from.v, end), g(from.g, end);
    // No powers of two: their products are exact, and would hide whether they are fused.
    const Sgd<T> sgd{T(0.11), T(0.7), T(0.06), nesterov};
    expect(kernels<T>().update(n, sgd, w, v, g), "finite numbers were not taken for such");
    for (std::ptrdiff_t i = 0; i < n; ++i) {
        const Real old(from.w[std::size_t(i)]), gradient = Real(from.g[std::size_t(i)]) + Real(sgd.weight_decay) * old;
        const Real pull = Real(-sgd.learning_rate) * gradient;
        const Real velocity = Real(sgd.momentum) * Real(from.v[std::size_t(i)]) + pull;
        expect_near("velocity", 0, i, v[i], velocity, 4);
        expect_near("weight", 0, i, w[i], nesterov ? old + Real(sgd.momentum) * velocity + pull : old + velocity, 6);
    }
    for (std::ptrdiff_t i = 0; i < n; i += 5) {  // one that is not finite is seen wherever it is
        const T before = g[i];
        g[i] = i % 2 ? std::numeric_limits<T>::quiet_NaN() : std::numeric_limits<T>::infinity();
        const Guarded<T> w2(from.w, end), v2(from.v, end);
        expect(!kernels<T>().update(n, sgd, w2, v2, g), "an update that is not finite was not seen");
        g[i] = before;
    }
}

template <class T>
Rule<T> rule_of(RuleKind kind, bool nesterov, bool limits) {
    return {.kind = kind,
            .rate = T(0.11),
            .momentum = T(0.7),
            .decay = T(limits ? 0.06 : 0),
            .shrink = T(limits ? 0.9 : 1),
            .l1 = T(limits ? 0.03 : 0),
            .beta1 = T(0.9),
            .one_minus_beta1 = T(0.1),
            .beta2 = T(0.95),
            .one_minus_beta2 = T(0.05),
            .epsilon = T(0x1p-20),
            .root = T(1.6),
            .eta_minus = T(0.5),
            .eta_plus = T(1.2),
            .smallest = T(0x1p-10),
            .largest = T(0.25),
            .limit = limits ? T(0.45) : std::numeric_limits<T>::infinity(),
            .scale = T(limits ? 0.6 : 1),
            .nesterov = nesterov};
}

Real quotient(const Real& a, long double b) { return {a.value / b, a.size / b}; }  // b > 0
long double sign(long double x) { return x > 0 ? 1 : x < 0 ? -1 : 0; }

struct State {
    Real w, v, s;
};

// rules.hpp, written once more.
template <class T>
State after(const Rule<T>& r, Real w, Real v, Real s, Real g) {
    const long double limit = r.limit;
    g = Real(std::fmin(limit, std::fmax(-limit, g.value))) * Real(r.scale);
    g = g + Real(r.l1 * sign(w.value)) + Real(r.decay) * w;
    switch (r.kind) {
        case RuleKind::adam:
            v = Real(r.beta1) * v + Real(r.one_minus_beta1) * g;
            s = Real(r.beta2) * s + Real(r.one_minus_beta2) * Real(g.value * g.value);
            w = Real(r.shrink) * w - quotient(Real(r.rate) * v, std::sqrt(s.value) * r.root + r.epsilon);
            break;
        case RuleKind::rmsprop:
            s = Real(r.beta2) * s + Real(r.one_minus_beta2) * g * g;
            v = Real(r.momentum) * v + quotient(g, std::sqrt(s.value) + r.epsilon);
            w = w - Real(r.rate) * v;
            break;
        case RuleKind::adagrad:
            s = s + g * g;
            w = w - quotient(Real(r.rate) * g, std::sqrt(s.value) + r.epsilon);
            break;
        case RuleKind::rprop: {
            const long double same = sign(g.value) * sign(v.value), begun = s.value > 0 ? s.value : r.rate;
            const long double factor = same > 0 ? r.eta_plus : same < 0 ? r.eta_minus : 1;
            s = Real(std::fmax(r.smallest, std::fmin(static_cast<long double>(r.largest), begun * factor)));
            v = same < 0 ? Real(0) : g;
            w = w - Real(sign(v.value)) * s;
            break;
        }
        default: {
            const Real pull = Real(-r.rate) * g;
            v = Real(r.momentum) * v + pull;
            w = r.nesterov ? w + Real(r.momentum) * v + pull : w + v;
        }
    }
    return {w, v, s};
}

template <class T>
void any_rule(std::ptrdiff_t n, const Rule<T>& rule, End end) {
    begin_case("n %td, rule %s, nesterov %d, limit %g, end %d", n, rule_names[int(rule.kind)], rule.nesterov,
               double(rule.limit), int(end));
    const Arrays<T> from(n);
    const Guarded<T> w(from.w, end), v(from.v, end), s(from.s, end), g(from.g, end);
    T* const square = rule.kind == RuleKind::sgd ? nullptr : s.data();
    T* const velocity = rule.kind == RuleKind::adagrad ? nullptr : v.data();
    expect(kernels<T>().apply_rule(n, rule, w, velocity, square, g), "finite numbers were not taken for such");
    constexpr std::ptrdiff_t roundings = 16;  // a root, a quotient and the sums before, each with its operands
    for (std::ptrdiff_t i = 0; i < n; ++i) {
        const std::size_t at = std::size_t(i);
        const State want = after(rule, Real(from.w[at]), Real(from.v[at]), Real(from.s[at]), Real(from.g[at]));
        expect_near("weight", 0, i, w[i], want.w, roundings);
        if (velocity) expect_near("velocity", 0, i, v[i], want.v, roundings);
        if (square) expect_near("square", 0, i, s[i], want.s, roundings);
    }
    g[n - 1] = std::numeric_limits<T>::quiet_NaN();
    expect(!kernels<T>().apply_rule(n, rule, w, velocity, square, g), "a gradient that is not finite was not seen");
}

}  // namespace

template <class T>
void test_updates(const Options& options) {
    for (std::ptrdiff_t n : widths(options))
        for (End end : both_ends)
            for (bool variant : {false, true}) {
                gradient_descent<T>(n, variant, end);
                for (RuleKind kind :
                     {RuleKind::sgd, RuleKind::adam, RuleKind::rmsprop, RuleKind::adagrad, RuleKind::rprop})
                    for (bool limits : {false, true}) any_rule<T>(n, rule_of<T>(kind, variant, limits), end);
            }
}

template void test_updates<float>(const Options&);
template void test_updates<double>(const Options&);

}  // namespace tests

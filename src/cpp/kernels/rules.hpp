// Updates that remember more than a velocity, and the limits of gradients and weights: elementwise, after the gradient of a
// block of weights is known and while it is in cache. Plain gradient descent does not come here (weights.hpp, tiny.hpp).
//
//   adam      v = beta1 v + (1-beta1) g;  s = beta2 s + (1-beta2) g^2;  w -= rate v / (sqrt(s) root + epsilon)
//   rmsprop   s = beta2 s + (1-beta2) g^2;  v = momentum v + g / (sqrt(s) + epsilon);  w -= rate v
//   adagrad   s = s + g^2;  w -= rate g / (sqrt(s) + epsilon)
//   rprop     s = s times eta_plus or eta_minus, by the sign of g v;  w -= sign(g) s, v = g, g = 0 where the sign changed
// with g = clipped gradient + l1 sign(w) + decay w, and w = shrink w before.
#pragma once

#include "panels.hpp"
#include "weights.hpp"

namespace {

template <class V>
CR_INLINE V sign_of(V x) {
    const V one = V::set1(1), zero = V::zero();
    return V::choose(less(zero, x), one, V::choose(less(x, zero), V::set1(-1), zero));
}

template <class V>
struct RuleVectors {
    using T = typename V::Scalar;
    const Rule<T>& r;
    V rate, momentum, decay, shrink, l1, beta1, rest1, beta2, rest2, epsilon, root, limit, scale;
    CR_INLINE explicit RuleVectors(const Rule<T>& rule)
        : r(rule), rate(V::set1(rule.rate)), momentum(V::set1(rule.momentum)), decay(V::set1(rule.decay)),
          shrink(V::set1(rule.shrink)), l1(V::set1(rule.l1)), beta1(V::set1(rule.beta1)),
          rest1(V::set1(rule.one_minus_beta1)), beta2(V::set1(rule.beta2)), rest2(V::set1(rule.one_minus_beta2)),
          epsilon(V::set1(rule.epsilon)), root(V::set1(rule.root)), limit(V::set1(rule.limit)),
          scale(V::set1(rule.scale)) {}

    // NaN stays NaN: it is the second operand of max and min.
    CR_INLINE V clipped(V g) const { return max(V::zero() - limit, min(limit, g)) * scale; }

    template <RuleKind kind>
    CR_INLINE V apply(V w, V& v, V& s, V g) const {
        g = fma(decay, w, fma(l1, sign_of(w), g));
        if constexpr (kind == RuleKind::sgd) {
            v = fnma(rate, g, momentum * v);
            return r.nesterov ? fnma(rate, g, fma(momentum, v, w)) : w + v;
        }
        if constexpr (kind == RuleKind::adam) {
            v = fma(rest1, g, beta1 * v);
            s = fma(rest2 * g, g, beta2 * s);
            return fnma(rate, v / fma(s.sqrt(), root, epsilon), shrink * w);
        }
        if constexpr (kind == RuleKind::rmsprop) {
            s = fma(rest2 * g, g, beta2 * s);
            v = fma(momentum, v, g / (s.sqrt() + epsilon));
            return fnma(rate, v, w);
        }
        if constexpr (kind == RuleKind::adagrad) {
            s = fma(g, g, s);
            return fnma(rate, g / (s.sqrt() + epsilon), w);
        }
        if constexpr (kind == RuleKind::rprop) {
            const V same = sign_of(g) * sign_of(v);
            const V begun = V::choose(at_most(s, V::zero()), rate, s);
            const V factor = V::choose(less(V::zero(), same), V::set1(r.eta_plus),
                                       V::choose(less(same, V::zero()), V::set1(r.eta_minus), V::set1(1)));
            s = max(V::set1(r.smallest), min(V::set1(r.largest), begun * factor));
            v = V::choose(less(same, V::zero()), V::zero(), g);
            return fnma(sign_of(v), s, w);
        }
    }
};

template <class V, RuleKind kind>
__attribute__((noinline)) bool apply_kind(ptrdiff_t n, const Rule<typename V::Scalar>& rule, typename V::Scalar* w,
                                          typename V::Scalar* v, typename V::Scalar* s, const typename V::Scalar* g) {
    const RuleVectors<V> vectors(rule);
    V check = V::zero();
    for_each_vector<V>(n, [&](ptrdiff_t i, ptrdiff_t left) CR_LAMBDA {
        const V gradient = V::load_first(g + i, left);
        V velocity = v ? V::load_first(v + i, left) : V::zero(), square = s ? V::load_first(s + i, left) : V::zero();
        const V neu =
            vectors.template apply<kind>(V::load_first(w + i, left), velocity, square, vectors.clipped(gradient));
        if (v) velocity.store_first(v + i, left);
        if (s) square.store_first(s + i, left);
        neu.store_first(w + i, left);
        check = fma(neu + square, V::zero(), fma(gradient, V::zero(), check));  // NaN once one of them is not finite
    });
    return !check.any_nonzero_or_nan();
}

template <class V>
bool apply_rule(ptrdiff_t n, const Rule<typename V::Scalar>& rule, typename V::Scalar* w, typename V::Scalar* v,
                typename V::Scalar* s, const typename V::Scalar* g) {
    switch (rule.kind) {
        case RuleKind::adam: return apply_kind<V, RuleKind::adam>(n, rule, w, v, s, g);
        case RuleKind::rmsprop: return apply_kind<V, RuleKind::rmsprop>(n, rule, w, v, s, g);
        case RuleKind::adagrad: return apply_kind<V, RuleKind::adagrad>(n, rule, w, v, s, g);
        case RuleKind::rprop: return apply_kind<V, RuleKind::rprop>(n, rule, w, v, s, g);
        default: return apply_kind<V, RuleKind::sgd>(n, rule, w, v, s, g);
    }
}

template <class V>
void transpose_part(ptrdiff_t K, ptrdiff_t N, ptrdiff_t panel_index, ptrdiff_t k0, ptrdiff_t k1,
                    const typename V::Scalar* panels, typename V::Scalar* transposed) {
    transpose_block<V>(K, N, panel_index * 2 * V::lanes, k0, k1, panels, transposed);
}

// Columns of a panel that are longer than `most` become that long. A column's squares are added from its first row on.
template <class V>
void limit_norms(ptrdiff_t K, ptrdiff_t N, ptrdiff_t panel_index, typename V::Scalar most, typename V::Scalar* weights,
                 typename V::Scalar* transposed) {
    constexpr ptrdiff_t L = V::lanes;
    const ptrdiff_t column = panel_index * 2 * L, width = panel_width<V>(N, column);
    const ptrdiff_t depth = (K + block - 1) / block * block;
    for (ptrdiff_t c = 0; c < width; c += L) {
        auto* w = weights + column * depth + c;
        V sum = V::zero();
        for (ptrdiff_t k = 0; k < K; ++k) sum = fma(V::load(w + k * width), V::load(w + k * width), sum);
        const V length = sum.sqrt(), limit = V::set1(most);
        const V factor = V::choose(less(limit, length), limit / length, V::set1(1));
        for (ptrdiff_t k = 0; k < K; ++k) (V::load(w + k * width) * factor).store(w + k * width);
    }
    if (transposed) transpose_block<V>(K, N, column, 0, K, weights, transposed);
}

}  // namespace

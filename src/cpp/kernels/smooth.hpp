// More activations. Those whose slope is no function of their output have slope_at(z) instead of slope(a).
//
//   elu, selu        z, or alpha (e^z - 1) where z < 0 (selu: times a scale)
//   softplus         log(1 + e^z) = max(z, 0) + log(1 + e^-|z|)
//   softsign         z / (1 + |z|)
//   hard_sigmoid     min(max(z + 3, 0), 6) / 6
//   gelu, gelu_tanh, silu, mish    z g(z) for a gate g from 0 to 1, with the slope g + z g'
#pragma once

#include "logarithm.hpp"

namespace {

// e^x - 1 for x <= 0: nothing cancels near 0.
template <class V>
CR_INLINE V expm1_negative(V x) {
    using C = ExpConstants<typename V::Scalar>;
    Reduced<V, C> e(max(V::set1(C::lowest), x));
    return fma(e.power, expm1_rest(e.rest), e.power - V::set1(1));
}

// What an activation says of its slope.
struct FromOutput {
    static constexpr bool from_output = true;
};
struct FromInput {
    static constexpr bool from_output = false;
};

template <class V>
struct Elu : FromOutput {
    static CR_INLINE V value(V z) { return V::choose(less(z, V::zero()), expm1_negative(min(V::zero(), z)), z); }
    static CR_INLINE V slope(V a) { return V::choose(less(a, V::zero()), a + V::set1(1), V::set1(1)); }
};

template <class V>
struct Selu : FromOutput {
    static constexpr double below = selu_scale * selu_alpha;
    static CR_INLINE V value(V z) {
        const V e = V::set1(below) * expm1_negative(min(V::zero(), z));
        return V::choose(less(z, V::zero()), e, V::set1(selu_scale) * z);
    }
    static CR_INLINE V slope(V a) { return V::choose(less(V::zero(), a), V::set1(selu_scale), a + V::set1(below)); }
};

template <class V>
struct Softplus : FromOutput {
    static CR_INLINE V value(V z) { return max(V::zero(), z) + log1p_unit(exp_negative(V::zero() - z.abs())); }
    static CR_INLINE V slope(V a) { return V::zero() - expm1_negative(V::zero() - a); }  // 1 - e^-a
};

template <class V>
struct Softsign : FromOutput {
    static CR_INLINE V value(V z) {
        const V size = min(V::set1(1e30), z.abs());  // infinity over infinity would be NaN
        return (size / (V::set1(1) + size)).with_sign_of(z);
    }
    static CR_INLINE V slope(V a) {
        const V rest = V::set1(1) - a.abs();
        return rest * rest;
    }
};

template <class V>
struct HardSigmoid : FromOutput {
    static CR_INLINE V value(V z) { return min(V::set1(6), max(V::zero(), z + V::set1(3))) / V::set1(6); }
    static CR_INLINE V slope(V a) {
        const V inside = V::choose(less(a, V::set1(1)), V::set1(1.0 / 6), V::zero());
        return V::choose(less(V::zero(), a), inside, V::zero());
    }
};

// Beyond these limits a gate is 0 or 1 and its slope 0: z times that is to be no infinity times 0.
template <class V>
CR_INLINE V not_below(V z, double limit) {
    return max(V::set1(-limit), z);
}
template <class V>
CR_INLINE V within(V z, double limit) {
    return min(V::set1(limit), not_below(z, limit));
}

template <class V>
struct Silu : FromInput {
    static constexpr double limit = sizeof(typename V::Scalar) == 4 ? 200 : 1000;
    static CR_INLINE V value(V z) {
        z = not_below(z, limit);
        return z * sigmoid(z);
    }
    static CR_INLINE V slope_at(V z) {
        z = within(z, limit);
        const V g = sigmoid(z);
        return fma(z * g, V::set1(1) - g, g);
    }
};

// g = sigmoid(2 u), u = sqrt(2/pi) (z + 0.044715 z^3), which is (1 + tanh u) / 2
template <class V>
struct GeluTanh : FromInput {
    static constexpr double limit = 30, twice = 1.5957691216057308, cubic = 0.044715;
    static CR_INLINE V gate(V z) {
        const V inside = within(z, limit);
        return sigmoid(V::set1(twice) * fma(V::set1(cubic) * inside * inside, inside, inside));
    }
    static CR_INLINE V value(V z) {
        z = not_below(z, limit);
        return z * gate(z);
    }
    static CR_INLINE V slope_at(V z) {
        z = within(z, limit);
        const V g = gate(z), twice_u = V::set1(twice) * fma(V::set1(3 * cubic) * z, z, V::set1(1));  // its derivative
        return fma(z * g * (V::set1(1) - g), twice_u, g);
    }
};

// The normal distribution at z: density p and cumulated P. With x = |z|, P(-x) = p(x) R(x), where Mills' ratio R is
// smooth: no digits are lost far out, where P is small.
template <class V>
struct Normal {
    V density, cumulated;
    explicit CR_INLINE Normal(V z) {
        using C = NormalConstants<typename V::Scalar>;
        const V x = min(V::set1(C::limit), z.abs()), square = x * x, half = V::set1(0.5);
        const V lost = V::fused ? fms(x, x, square) : V::zero();  // of the square, when it was rounded
        density = V::set1(0.398942280401432678) * exp_negative(V::zero() - half * square);
        density = fnma(half * lost, density, density);
        const V t = V::set1(C::k) / (V::set1(C::k) + x);
        const V tail = density * t * polynomial(C::ratio, t + t - V::set1(1));
        cumulated = V::choose(less(z, V::zero()), tail, V::set1(1) - tail);
    }
};

template <class V>
struct Gelu : FromInput {
    static constexpr double limit = 40;
    static CR_INLINE V value(V z) {
        z = not_below(z, limit);
        return z * Normal<V>(z).cumulated;
    }
    static CR_INLINE V slope_at(V z) {
        z = within(z, limit);
        const Normal<V> n(z);
        return fma(z, n.density, n.cumulated);
    }
};

// g = tanh(log(1 + e^z)) = n / (n + 2) for n = e^z (e^z + 2), by u = e^-|z|
template <class V>
struct Mish : FromInput {
    static constexpr double limit = sizeof(typename V::Scalar) == 4 ? 200 : 1000;
    V u, numerator, rest;  // g = numerator / (numerator + rest)
    explicit CR_INLINE Mish(V z) : u(exp_negative(V::zero() - z.abs())) {
        const V two = V::set1(2);
        numerator = V::choose(less(z, V::zero()), u * (u + two), fma(two, u, V::set1(1)));
        rest = two * V::choose(less(z, V::zero()), V::set1(1), u * u);
    }
    static CR_INLINE V value(V z) {
        z = not_below(z, limit);
        const Mish m(z);
        return z * (m.numerator / (m.numerator + m.rest));
    }
    static CR_INLINE V slope_at(V z) {
        z = within(z, limit);
        const Mish m(z);
        const V sum = m.numerator + m.rest, g = m.numerator / sum, one = V::set1(1);
        const V s = V::choose(less(z, V::zero()), m.u, one) / (one + m.u);  // sigmoid(z)
        return fma(z * s, (m.rest / sum) * (one + g), g);                   // g' = (1 - g)(1 + g) s
    }
};

// The slope of an activation, given both its input and its output.
template <class F, class V>
CR_INLINE V slope_of(V z, V a) {
    if constexpr (F::from_output)
        return F::slope(a);
    else
        return F::slope_at(z);
}

}  // namespace

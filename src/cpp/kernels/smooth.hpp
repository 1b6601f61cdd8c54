// More activations. Those whose slope is no function of their output have slope_at(z) instead of slope(a).
//
//   elu, selu        z, or alpha (e^z - 1) where z < 0 (selu: times a scale)
//   softplus         log(1 + e^z) = max(z, 0) + log(1 + e^-|z|)
//   softsign         z / (1 + |z|)
//   hard_sigmoid     min(max(z + 3, 0), 6) / 6
//   exponential      e^z
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
    static CR_INLINE V value(V z) {
        const V e = exp_negative(V::zero() - z.abs());
        const V log = V::choose(less(e, V::set1(1e-30)), e, log1p_unit(e));  // which would halve the smallest number
        return max(V::zero(), z) + log;
    }
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

template <class V>
struct Exponential : FromOutput {
    static CR_INLINE V value(V z) { return exponential(z); }
    static CR_INLINE V slope(V a) { return a; }
};

// Gates. Far out a gate is 0 or 1 and its slope 0, and z is limited, so that nothing is an infinity times 0.
template <class V>
CR_INLINE V not_below(V z, double limit) {
    return max(V::set1(-limit), z);
}
template <class V>
CR_INLINE V within(V z, double limit) {
    return min(V::set1(limit), not_below(z, limit));
}

// sigmoid(x) and 1 - sigmoid(x), to the last digits of both: with e = e^-x they are 1 / (1 + e) and e / (1 + e).
template <class V>
struct SigmoidGate {
    using C = ExpConstants<typename V::Scalar>;
    static constexpr double limit = -C::lowest;
    V open, shut;
    explicit CR_INLINE SigmoidGate(V x) {
        const Reduced<V, C, true> e(within(x, limit));
        const V p = expm1_rest(e.rest) + V::set1(1), part = V::set1(1) / fma(p, e.power, V::set1(1));
        open = V::choose(less(x, V::set1(C::lowest)), V::zero(), part);
        shut = p * e.power * part;
    }
};

template <class V>
struct Silu : FromInput {
    static constexpr double limit = SigmoidGate<V>::limit;
    static CR_INLINE V value(V z) { return not_below(z, limit) * SigmoidGate<V>(z).open; }
    static CR_INLINE V slope_at(V z) {
        const SigmoidGate<V> g(z);
        return fma(within(z, limit) * g.open, g.shut, g.open);
    }
};

// g = sigmoid(2 u), u = sqrt(2/pi) (z + 0.044715 z^3), which is (1 + tanh u) / 2
template <class V>
struct GeluTanh : FromInput {
    static constexpr double limit = 30, twice = 1.5957691216057308, cubic = 0.044715;
    static CR_INLINE SigmoidGate<V> gate(V z) {
        z = within(z, limit);
        return SigmoidGate<V>(V::set1(twice) * fma(V::set1(cubic) * z * z, z, z));
    }
    static CR_INLINE V value(V z) { return not_below(z, limit) * gate(z).open; }
    static CR_INLINE V slope_at(V z) {
        const SigmoidGate<V> g = gate(z);
        z = within(z, limit);
        const V steep = V::set1(twice) * fma(V::set1(3 * cubic) * z, z, V::set1(1));  // the derivative of 2 u
        return fma(z * g.open * g.shut, steep, g.open);
    }
};

// The normal distribution at z: density p and cumulated P. With x = |z|, P(-x) = p(x) R(x), where Mills' ratio R is
// smooth: no digits are lost far out, where P is small. Nor in the density, to which the rounding of x^2 is added.
template <class V>
struct Normal {
    V density, cumulated;
    explicit CR_INLINE Normal(V z) {
        using C = NormalConstants<typename V::Scalar>;
        const V x = min(V::set1(C::limit), z.abs()), square = x * x, half = V::set1(0.5);
        density = V::set1(0.398942280401432678) * exp_negative(V::zero() - half * square);
        const V more = half * lost(x, square);
        if constexpr (V::fused)
            density = fnma(more, density, density);
        else  // where more times the density may be below the smallest number
            density = density * (V::set1(1) - more);
        const V t = V::set1(C::k) / (V::set1(C::k) + x);
        const V tail = density * t * polynomial(C::ratio, t + t - V::set1(1));
        cumulated = V::choose(less(z, V::zero()), tail, V::set1(1) - tail);
    }
    // x^2 less its rounded value. Without fma: x in two halves, whose products are exact (T. J. Dekker, 1971).
    static CR_INLINE V lost(V x, V square) {
        if constexpr (V::fused) return fms(x, x, square);
        const V c = V::set1(sizeof(typename V::Scalar) == 4 ? 4097 : 134217729) * x, high = c - (c - x), low = x - high;
        return ((high * high - square) + (high + high) * low) + low * low;
    }
};

template <class V>
struct Gelu : FromInput {
    static constexpr double limit = 40;
    static CR_INLINE V value(V z) { return not_below(z, limit) * Normal<V>(z).cumulated; }
    static CR_INLINE V slope_at(V z) {
        const Normal<V> n(z);
        return fma(within(z, limit), n.density, n.cumulated);
    }
};

// g = tanh(log(1 + e^z)) = n / (n + 2) for n = e^z (e^z + 2), by u = e^-|z|
template <class V>
struct Mish : FromInput {
    static constexpr double limit = SigmoidGate<V>::limit;
    V u, open, shut;  // g and 1 - g
    explicit CR_INLINE Mish(V z) : u(exp_negative(V::zero() - z.abs())) {
        const V one = V::set1(1), two = V::set1(2);
        const auto below = less(z, V::zero());
        const V numerator = V::choose(below, u * (u + two), fma(two, u, one));
        const V rest = two * V::choose(below, one, u * u), part = one / (numerator + rest);
        open = numerator * part;
        shut = rest * part;
    }
    static CR_INLINE V value(V z) { return not_below(z, limit) * Mish(z).open; }
    static CR_INLINE V slope_at(V z) {
        const Mish g(z);
        const V one = V::set1(1), s = V::choose(less(z, V::zero()), g.u, one) / (one + g.u);  // sigmoid(z)
        return fma(within(z, limit) * s, g.shut * (one + g.open), g.open);                    // g' = (1 - g)(1 + g) s
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

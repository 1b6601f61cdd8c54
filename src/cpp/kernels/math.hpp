// exp, sigmoid and tanh on vectors: the same operations in the same order at every vector width. Where the constants
// come from and what the errors are stands in README.md, "Elementwise functions"; the constants are fitted by
// tools/minimax.py.
//
// Results below the smallest normal number become 0: every native call runs with flush-to-zero (runtime/fpu.hpp).
#pragma once

#include "constants.hpp"

namespace {

// c0 + c1 x + c2 x^2 + ...: pairs side by side, then a chain in x^2, half as long as Horner's.
template <class V, int n>
CR_INLINE V polynomial(const typename V::Scalar (&c)[n], V x) {
    const V squared = x * x;
    V sum = V::set1(c[n - 1]);
    if constexpr (n % 2 == 0) sum = fma(sum, x, V::set1(c[n - 2]));
#pragma GCC unroll 16
    for (int i = (n - 1) / 2 * 2 - 2; i >= 0; i -= 2) sum = fma(sum, squared, fma(V::set1(c[i + 1]), x, V::set1(c[i])));
    return sum;
}

// x = n unit + rest. Adding 1.5 * 2^23 (2^52) rounds x / unit to the whole number n; the bias, added with it, makes the
// lowest bits of the sum those of the exponent of 2^n. `negated`: of -x, without a subtraction before it.
template <class V, class C, bool negated = false>
struct Reduced {
    V shifted, power, rest;
    explicit CR_INLINE Reduced(V x) {
        using Round = Rounding<typename V::Scalar>;
        const V whole = V::set1(Round::whole_and_bias), per_unit = V::set1(C::per_unit), unit = V::set1(C::unit_high);
        shifted = negated ? fnma(x, per_unit, whole) : fma(x, per_unit, whole);
        V n = shifted - whole;
        power = shifted.to_exponent();
        rest = negated ? fnms(n, unit, x) : fnma(n, unit, x);
        if constexpr (C::unit_low != 0) rest = fnma(n, V::set1(C::unit_low), rest);
    }
};

// e^r - 1, |r| <= ln(2)/2
template <class V>
CR_INLINE V expm1_rest(V r) {
    return fma(polynomial(ExpConstants<typename V::Scalar>::tail, r), r * r, r);
}

// e^x for x <= 0
template <class V>
CR_INLINE V exp_negative(V x) {
    using C = ExpConstants<typename V::Scalar>;
    Reduced<V, C> e(x);
    return V::choose(less(x, V::set1(C::lowest)), V::zero(), (expm1_rest(e.rest) + V::set1(1)) * e.power);
}

// e^x for any x. 2^128 (2^1024) is no number, but e^x may be one with such an n: above 0 half the power is taken, twice.
template <class V>
CR_INLINE V exponential(V x) {
    using C = ExpConstants<typename V::Scalar>;
    Reduced<V, C> e(min(V::set1(C::infinite), x));
    const V one = V::set1(1), above = V::choose(less(V::zero(), x), one, V::zero());
    const V half = (expm1_rest(e.rest) + one) * (e.shifted - above).to_exponent();
    return V::choose(less(x, V::set1(C::lowest)), V::zero(), half * (one + above));
}

// 1 / (1 + e^-x): nothing cancels on either side, e^-x does not overflow where the result is a normal number, and beyond
// `lost` it does not change the 1.
template <class V>
CR_INLINE V sigmoid(V x) {
    using C = ExpConstants<typename V::Scalar>;
    Reduced<V, C, true> e(min(V::set1(C::lost), x));
    V s = V::set1(1) / fma(expm1_rest(e.rest) + V::set1(1), e.power, V::set1(1));
    return V::choose(less(x, V::set1(C::lowest)), V::zero(), s);
}

// With x = n ln(2)/2 + h and D = h / tanh h, e^(2x) = p (D + h) / (D - h) for p = 2^n, and
//   tanh x = (e^(2x) - 1) / (e^(2x) + 1) = ((p + 1) h - (1 - p) D) / ((p + 1) D - (1 - p) h).
// For p = 1 that is h / D: nothing cancels near 0, and -0 stays -0. Where p + 1 is p the two are equal: 1.
template <class V>
CR_INLINE V tanh(V x) {
    using C = TanhConstants<typename V::Scalar>;
    Reduced<V, C> e(max(V::set1(-C::is_one), min(V::set1(C::is_one), x)));
    const V h = e.rest, squared = h * h, s = polynomial(C::even, squared);
    const V less = V::set1(1) - e.power, more = V::set1(1) + e.power;
    if constexpr (V::fused) {
        const V D = fma(s, squared, V::set1(1));
        return fnma(less, D, more * h) / fms(more, D, less * h);
    } else {  // D - 1 in the place of D, and the small terms first: a product is rounded here before it is added
        const V rest = s * squared;
        return ((more * h - less * rest) - less) / ((more * rest - less * h) + more);
    }
}

}  // namespace

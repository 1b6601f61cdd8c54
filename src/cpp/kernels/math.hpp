// exp, tanh, sigmoid and log(1 + x) on vectors, log on scalars: the same operations in the same order at every vector width.
//
// Range reduction x = n ln 2 + r, |r| <= ln(2)/2, and e^x = 2^n (1 + (e^r - 1)). n comes from adding and
// subtracting 1.5 * 2^23 (2^52), which rounds to the nearest whole number without an instruction of its own.
// Results below the smallest normal number become 0: every native call runs with flush-to-zero (runtime/fpu.hpp).
#pragma once

#include <stdint.h>
#include <string.h>

namespace {

template <class T>
struct ExpConstants;

// Polynomial: S. L. Moshier, Cephes library, expf.c: e^r = 1 + r + r^2 P(r).
template <>
struct ExpConstants<float> {
    static constexpr float round = 12582912.0f;  // 1.5 * 2^23
    static constexpr float log2e = 1.44269504088896341f;
    static constexpr float ln2_high = 0.693359375f, ln2_low = -2.12194440e-4f;
    static constexpr float lowest = -87.33f;  // e^x is a normal number down to here
    static constexpr float tanh_is_one = 10.0f;
    static constexpr int terms = 6;
    static constexpr float P[terms] = {1.9875691500e-4f, 1.3981999507e-3f, 8.3334519073e-3f,
                                       4.1665795894e-2f, 1.6666665459e-1f, 5.0000001201e-1f};
};

// Polynomial: Taylor series of e^r to r^13; the next term is below 4.2e-18.
template <>
struct ExpConstants<double> {
    static constexpr double round = 6755399441055744.0;  // 1.5 * 2^52
    static constexpr double log2e = 1.44269504088896340736;
    static constexpr double ln2_high = 6.93145751953125e-1, ln2_low = 1.42860682030941723212e-6;
    static constexpr double lowest = -708.39;
    static constexpr double tanh_is_one = 20.0;
    static constexpr int terms = 12;
    static constexpr double P[terms] = {1.0 / 6227020800.0, 1.0 / 479001600.0, 1.0 / 39916800.0, 1.0 / 3628800.0,
                                        1.0 / 362880.0,     1.0 / 40320.0,     1.0 / 5040.0,     1.0 / 720.0,
                                        1.0 / 120.0,        1.0 / 24.0,        1.0 / 6.0,        0.5};
};

// n and e^r - 1 of e^x = 2^n (1 + (e^r - 1))
template <class V>
CR_INLINE void reduce_exp(V x, V& n, V& expm1_r) {
    using C = ExpConstants<typename V::Scalar>;
    n = fma(x, V::set1(C::log2e), V::set1(C::round)) - V::set1(C::round);
    V r = fnma(n, V::set1(C::ln2_high), x);
    r = fnma(n, V::set1(C::ln2_low), r);
    V p = V::set1(C::P[0]);
#pragma GCC unroll 16
    for (int i = 1; i < C::terms; ++i) p = fma(p, r, V::set1(C::P[i]));
    expm1_r = fma(p * r, r, r);
}

// e^x for x <= 0
template <class V>
CR_INLINE V exp_negative(V x) {
    constexpr auto lowest = ExpConstants<typename V::Scalar>::lowest;
    V n, t;
    reduce_exp(max(V::set1(lowest), x), n, t);
    V power = V::power_of_two(n);
    return V::choose(less(x, V::set1(lowest)), V::zero(), fma(power, t, power));
}

// sigmoid(x) = 1 / (1 + e^-x), with e^-|x| so that nothing overflows and small results keep their digits
template <class V>
CR_INLINE V sigmoid(V x) {
    V e = exp_negative(V::zero() - x.abs());
    V one = V::set1(1);
    return V::choose(less(x, V::zero()), e, one) / (one + e);
}

// tanh(|x|) = m / (m + 2), m = e^(2|x|) - 1 = 2^n (e^r - 1) + (2^n - 1): no cancellation near 0
template <class V>
CR_INLINE V tanh(V x) {
    using C = ExpConstants<typename V::Scalar>;
    V a = min(V::set1(C::tanh_is_one), x.abs());
    V n, t;
    reduce_exp(a + a, n, t);
    V power = V::power_of_two(n);
    V m = fma(power, t, power - V::set1(1));
    return (m / (m + V::set1(2))).with_sign_of(x);
}

// 2 atanh(s) = 2 (s + s^3/3 + s^5/5 + ...). For |s| <= 1/3 the 18 terms up to s^35 leave less than 1e-18 of it, and the
// 8 terms up to s^15 less than 2e-9, a fortieth of a rounding in float32.
CR_INLINE double twice_atanh(double s) {
    double q = s * s, sum = 1.0 / 35.0;
#pragma GCC unroll 18
    for (int k = 33; k >= 1; k -= 2) sum = sum * q + 1.0 / k;
    return 2 * s * sum;
}

// log(1 + e) = 2 atanh(e / (2 + e)), 0 <= e <= 1
template <class V>
CR_INLINE V log1p_unit(V e) {
    using T = typename V::Scalar;
    constexpr int last = sizeof(T) == 4 ? 15 : 35;
    const V s = e / (V::set1(2) + e), q = s * s;
    V sum = V::set1(T(1) / T(last));
#pragma GCC unroll 18
    for (int k = last - 2; k >= 1; k -= 2) sum = fma(sum, q, V::set1(T(1) / T(k)));
    return (s + s) * sum;
}

// x = 2^k m, m in [sqrt(1/2), sqrt(2)); log x = k ln 2 + 2 atanh((m - 1) / (m + 1))
CR_INLINE double natural_log(double x) {
    if (!(x > 0)) return x == 0 ? -__builtin_inf() : __builtin_nan("");
    if (x == __builtin_inf()) return x;
    int64_t bits, k;
    memcpy(&bits, &x, 8);
    k = ((bits - 0x3fe6a09e667f3bcd) >> 52);
    bits -= k << 52;
    double m;
    memcpy(&m, &bits, 8);
    return double(k) * 6.93145751953125e-1 + (twice_atanh((m - 1) / (m + 1)) + double(k) * 1.42860682030941723212e-6);
}

}  // namespace

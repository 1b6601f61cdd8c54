// log(1 + x) on vectors, log on scalars: the same operations in the same order at every vector width. Both are
//   2 atanh(s) = 2 s (1 + s^2/3 + s^4/5 + ...).
#pragma once

#include <stdint.h>
#include <string.h>

#include "math.hpp"

namespace {

// The first n coefficients of atanh(s) / s, a series in s^2
template <class T, int n>
struct AtanhSeries {
    T c[n];
    constexpr AtanhSeries() : c{} {
        for (int k = 0; k < n; ++k) c[k] = T(1) / T(2 * k + 1);
    }
};

// log(1 + e) = 2 atanh(e / (2 + e)), 0 <= e <= 1. For s <= 1/3 the 18 terms up to s^35 leave less than 1e-18 of it, and the
// 8 terms up to s^15 less than 2e-9, a fortieth of a rounding in float32.
template <class V>
CR_INLINE V log1p_unit(V e) {
    using T = typename V::Scalar;
    static constexpr AtanhSeries<T, sizeof(T) == 4 ? 8 : 18> series;
    const V s = e / (V::set1(2) + e);
    return (s + s) * polynomial(series.c, s * s);
}

// x = 2^k m, m in [sqrt(1/2), sqrt(2)); log x = k ln 2 + 2 atanh((m - 1) / (m + 1)). For s <= 0.1716 the 12 terms up to
// s^23 leave less than 1e-19; in two chains, as they are all that a short row of softmax waits for.
CR_INLINE double natural_log(double x) {
    if (!(x > 0)) return x == 0 ? -__builtin_inf() : __builtin_nan("");
    if (x == __builtin_inf()) return x;
    int64_t bits, k;
    memcpy(&bits, &x, 8);
    k = ((bits - 0x3fe6a09e667f3bcd) >> 52);
    bits -= k << 52;
    double m;
    memcpy(&m, &bits, 8);
    static constexpr AtanhSeries<double, 12> series;
    const double s = (m - 1) / (m + 1), q = s * s, qq = q * q;
    double even = series.c[10], odd = series.c[11];
#pragma GCC unroll 5
    for (int i = 8; i >= 0; i -= 2) {
        even = even * qq + series.c[i];
        odd = odd * qq + series.c[i + 1];
    }
    return double(k) * 6.93145751953125e-1 + (2 * s * (even + q * odd) + double(k) * 1.42860682030941723212e-6);
}

}  // namespace

// Normal numbers from random words, by the quantile of their distribution: M. J. Wichura, "Algorithm AS241: the percentage
// points of the normal distribution", Applied Statistics 37 (1988), routine PPND16. Every operation is that of
// chainrule/_normal.py, in its order and in double precision: only + - * /, square roots and exponents, nothing fused, so
// that the bits are the same on every instruction set, with fused multiply-add or without, and those of the reference.
//
// A word r stands for u = (r + 0.5) / 2^32. The least u is 2^-33, where sqrt(-log u) is 4.8: the far tail of AS241, which
// begins at 5, is never reached.
#pragma once

#include "philox.hpp"

namespace {

struct Ratio {
    double over[8], under[8];  // coefficients from the constant term up
};

constexpr Ratio normal_center = {
    {3.3871328727963666080e0, 1.3314166789178437745e2, 1.9715909503065514427e3, 1.3731693765509461125e4,
     4.5921953931549871457e4, 6.7265770927008700853e4, 3.3430575583588128105e4, 2.5090809287301226727e3},
    {1.0, 4.2313330701600911252e1, 6.8718700749205790830e2, 5.3941960214247511077e3, 2.1213794301586595867e4,
     3.9307895800092710610e4, 2.8729085735721942674e4, 5.2264952788528545610e3}};
constexpr Ratio normal_tail = {
    {1.42343711074968357734e0, 4.63033784615654529590e0, 5.76949722146069140550e0, 3.64784832476320460504e0,
     1.27045825245236838258e0, 2.41780725177450611770e-1, 2.27238449892691845833e-2, 7.74545014278341407640e-4},
    {1.0, 2.05319162663775882187e0, 1.67638483018380384940e0, 6.89767334985100004550e-1, 1.48103976427480074590e-1,
     1.51986665636164571966e-2, 5.47593808499534494600e-4, 1.05075007164441684324e-9}};
constexpr double atanh_terms[] = {1.0 / 3,  1.0 / 5,  1.0 / 7,  1.0 / 9,  1.0 / 11,
                                  1.0 / 13, 1.0 / 15, 1.0 / 17, 1.0 / 19, 1.0 / 21};
constexpr double ln2_high = 2977044471.0 * 0x1p-32, ln2_low = 1.9082149292705877e-10;

// c0 + c1 x + c2 x^2 + ...
template <int n>
CR_INLINE double horner(const double (&c)[n], double x) {
    double value = c[n - 1];
#pragma GCC unroll 16
    for (int i = n - 2; i >= 0; --i) value = value * x + c[i];
    return value;
}

CR_INLINE double ratio_at(const Ratio& r, double x) { return horner(r.over, x) / horner(r.under, x); }

// log x of a positive normal number: x = m 2^e with sqrt(1/2) <= m < sqrt(2), and log m = 2 atanh((m - 1) / (m + 1)).
CR_INLINE double log_as_reference(double x) {
    int64_t bits;
    memcpy(&bits, &x, 8);
    const int32_t e = int32_t(bits >> 52) - 1022;
    bits = (bits & 0x000fffffffffffff) | 0x3fe0000000000000;
    double m;  // of [1/2, 1)
    memcpy(&m, &bits, 8);
    const bool low = m < 0.7071067811865476;
    m = low ? 2.0 * m : m;
    const double power = double(low ? e - 1 : e);
    const double s = (m - 1.0) / (m + 1.0), squared = s * s;
    return (2.0 * s + power * ln2_high) + (2.0 * s * squared * horner(atanh_terms, squared) + power * ln2_low);
}

// z (64) OUT. Plain loops of fixed lengths, which compilers turn into vector code; the tails, 15 % of all, are collected
// before their logarithms are taken.
__attribute__((noinline)) void normal_numbers(const uint32_t* words, double* z) {
    double u[philox_block], tails[philox_block + philox_lanes];
    int32_t places[philox_block];
    for (int k = 0; k < philox_block; ++k) u[k] = (double(words[k]) + 0.5) * 0x1p-32;
    for (int k = 0; k < philox_block; ++k) {
        const double q = u[k] - 0.5;
        z[k] = q * ratio_at(normal_center, 0.180625 - q * q);
    }
    int count = 0;
    for (int k = 0; k < philox_block; ++k) {
        places[count] = k;
        tails[count] = u[k];
        count += __builtin_fabs(u[k] - 0.5) > 0.425;
    }
    for (int i = 0; i < philox_lanes; ++i) tails[count + i] = 0.25;  // up to whole vectors, of no use
    for (int t = 0; t < count; t += philox_lanes)
        for (int i = t; i < t + philox_lanes; ++i) {
            const double rest = 1.0 - tails[i];
            const double r = __builtin_sqrt(-log_as_reference(tails[i] < rest ? tails[i] : rest));
            tails[i] = __builtin_copysign(ratio_at(normal_tail, r - 1.6), tails[i] - 0.5);
        }
    for (int t = 0; t < count; ++t) z[places[t]] = tails[t];
}

template <class T>
void gaussian_noise(uint64_t seed, uint32_t stream, uint64_t step, uint64_t start, ptrdiff_t count, T* out) {
    uint32_t words[philox_block] = {};
    double z[philox_block];
    for (ptrdiff_t i = 0; i < count;) {
        const ptrdiff_t left = count - i, whole = philox_block - ptrdiff_t((start + uint64_t(i)) % philox_block);
        const ptrdiff_t n = left < whole ? left : whole;
        random_words(seed, stream, step, start + uint64_t(i), n, words);
        normal_numbers(words, z);
        for (ptrdiff_t k = 0; k < n; ++k) out[i + k] = T(z[k]);
        i += n;
    }
}

}  // namespace

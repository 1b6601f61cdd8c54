// Sixteen floats or eight doubles in an AVX-512 register. Same operations, same order of lanes, in every vec_*.hpp.
#pragma once

#include "vec_avx2.hpp"

namespace {

struct Avx512F32 {
    using Scalar = float;
    using Mask = __mmask16;
    using Half =
        Avx2F32;  // for columns that fill no more: half the time where a register goes through the adder in two parts
    static constexpr int lanes = 16;
    static constexpr int registers = 32;
    static constexpr bool fused = true;  // fma rounds once
    __m512 r;

    static CR_INLINE Avx512F32 load(const float* p) { return {_mm512_loadu_ps(p)}; }
    static CR_INLINE Avx512F32 load_first(const float* p, ptrdiff_t n) { return {_mm512_maskz_loadu_ps(first(n), p)}; }
    static CR_INLINE Avx512F32 set1(float x) { return {_mm512_set1_ps(x)}; }
    static CR_INLINE Avx512F32 zero() { return {_mm512_setzero_ps()}; }
    static CR_INLINE Mask first(ptrdiff_t n) {
        return n >= lanes ? Mask(0xffff) : n <= 0 ? Mask(0) : Mask((1u << n) - 1);
    }
    CR_INLINE void store(float* p) const { _mm512_storeu_ps(p, r); }
    CR_INLINE void store_first(float* p, ptrdiff_t n) const { _mm512_mask_storeu_ps(p, first(n), r); }

    friend CR_INLINE Avx512F32 operator+(Avx512F32 a, Avx512F32 b) { return {_mm512_add_ps(a.r, b.r)}; }
    friend CR_INLINE Avx512F32 operator-(Avx512F32 a, Avx512F32 b) { return {_mm512_sub_ps(a.r, b.r)}; }
    friend CR_INLINE Avx512F32 operator*(Avx512F32 a, Avx512F32 b) { return {_mm512_mul_ps(a.r, b.r)}; }
    friend CR_INLINE Avx512F32 operator/(Avx512F32 a, Avx512F32 b) { return {_mm512_div_ps(a.r, b.r)}; }
    // a*b + c, a*b - c, c - a*b and -c - a*b, one rounding
    friend CR_INLINE Avx512F32 fma(Avx512F32 a, Avx512F32 b, Avx512F32 c) { return {_mm512_fmadd_ps(a.r, b.r, c.r)}; }
    friend CR_INLINE Avx512F32 fms(Avx512F32 a, Avx512F32 b, Avx512F32 c) { return {_mm512_fmsub_ps(a.r, b.r, c.r)}; }
    friend CR_INLINE Avx512F32 fnma(Avx512F32 a, Avx512F32 b, Avx512F32 c) { return {_mm512_fnmadd_ps(a.r, b.r, c.r)}; }
    friend CR_INLINE Avx512F32 fnms(Avx512F32 a, Avx512F32 b, Avx512F32 c) { return {_mm512_fnmsub_ps(a.r, b.r, c.r)}; }
    // a > b ? a : b and a < b ? a : b: the second operand where one is NaN
    friend CR_INLINE Avx512F32 max(Avx512F32 a, Avx512F32 b) { return {_mm512_max_ps(a.r, b.r)}; }
    friend CR_INLINE Avx512F32 min(Avx512F32 a, Avx512F32 b) { return {_mm512_min_ps(a.r, b.r)}; }
    friend CR_INLINE Mask less(Avx512F32 a, Avx512F32 b) { return _mm512_cmp_ps_mask(a.r, b.r, _CMP_LT_OQ); }
    friend CR_INLINE Mask at_most(Avx512F32 a, Avx512F32 b) { return _mm512_cmp_ps_mask(a.r, b.r, _CMP_LE_OQ); }
    static CR_INLINE Avx512F32 choose(Mask m, Avx512F32 a, Avx512F32 b) { return {_mm512_mask_blend_ps(m, b.r, a.r)}; }
    CR_INLINE Avx512F32 sqrt() const { return {_mm512_sqrt_ps(r)}; }
    CR_INLINE Avx512F32 abs() const { return {_mm512_abs_ps(r)}; }
    CR_INLINE Avx512F32 with_sign_of(Avx512F32 s) const {  // *this must not be negative
        return {_mm512_or_ps(r, _mm512_and_ps(s.r, _mm512_set1_ps(-0.0f)))};
    }
    // The lowest bits become those of the exponent, the others 0: see `Reduced` in math.hpp
    CR_INLINE Avx512F32 to_exponent() const {
        return {_mm512_castsi512_ps(_mm512_slli_epi32(_mm512_castps_si512(r), 23))};
    }
    // Lane i receives lane i + half, for the lanes below half.
    template <int half>
    CR_INLINE Avx512F32 halves_swapped() const {
        if constexpr (half == 8) return {_mm512_shuffle_f32x4(r, r, 0x4e)};
        if constexpr (half == 4) return {_mm512_shuffle_f32x4(r, r, 0xb1)};
        if constexpr (half == 2) return {_mm512_permute_ps(r, 0x4e)};
        if constexpr (half == 1) return {_mm512_permute_ps(r, 0xb1)};
    }
    CR_INLINE bool any_nonzero_or_nan() const { return _mm512_cmp_ps_mask(r, _mm512_setzero_ps(), _CMP_NEQ_UQ) != 0; }
    static CR_INLINE void transpose(Avx512F32 (&x)[16]) {
        __m512 t[16];
#pragma GCC unroll 16
        for (int i = 0; i < 16; i += 2) {
            t[i] = _mm512_unpacklo_ps(x[i].r, x[i + 1].r);
            t[i + 1] = _mm512_unpackhi_ps(x[i].r, x[i + 1].r);
        }
        __m512 u[16];
#pragma GCC unroll 16
        for (int i = 0; i < 16; i += 4) {
            u[i] = _mm512_shuffle_ps(t[i], t[i + 2], 0x44);
            u[i + 1] = _mm512_shuffle_ps(t[i], t[i + 2], 0xee);
            u[i + 2] = _mm512_shuffle_ps(t[i + 1], t[i + 3], 0x44);
            u[i + 3] = _mm512_shuffle_ps(t[i + 1], t[i + 3], 0xee);
        }
        // u[4g+c] holds column c of each 128-bit part, rows 4g..4g+3
#pragma GCC unroll 4
        for (int c = 0; c < 4; ++c) {
            __m512 a = _mm512_shuffle_f32x4(u[c], u[c + 4], 0x88);
            __m512 b = _mm512_shuffle_f32x4(u[c], u[c + 4], 0xdd);
            __m512 d = _mm512_shuffle_f32x4(u[c + 8], u[c + 12], 0x88);
            __m512 e = _mm512_shuffle_f32x4(u[c + 8], u[c + 12], 0xdd);
            x[c].r = _mm512_shuffle_f32x4(a, d, 0x88);
            x[c + 8].r = _mm512_shuffle_f32x4(a, d, 0xdd);
            x[c + 4].r = _mm512_shuffle_f32x4(b, e, 0x88);
            x[c + 12].r = _mm512_shuffle_f32x4(b, e, 0xdd);
        }
    }
};

struct Avx512F64 {
    using Scalar = double;
    using Mask = __mmask8;
    using Half = Avx512F64;  // none: four columns are few (product_of_few.hpp), and twelve not worth the code
    static constexpr int lanes = 8;
    static constexpr int registers = 32;
    static constexpr bool fused = true;  // fma rounds once
    __m512d r;

    static CR_INLINE Avx512F64 load(const double* p) { return {_mm512_loadu_pd(p)}; }
    static CR_INLINE Avx512F64 load_first(const double* p, ptrdiff_t n) { return {_mm512_maskz_loadu_pd(first(n), p)}; }
    static CR_INLINE Avx512F64 set1(double x) { return {_mm512_set1_pd(x)}; }
    static CR_INLINE Avx512F64 zero() { return {_mm512_setzero_pd()}; }
    static CR_INLINE Mask first(ptrdiff_t n) {
        return n >= lanes ? Mask(0xff) : n <= 0 ? Mask(0) : Mask((1u << n) - 1);
    }
    CR_INLINE void store(double* p) const { _mm512_storeu_pd(p, r); }
    CR_INLINE void store_first(double* p, ptrdiff_t n) const { _mm512_mask_storeu_pd(p, first(n), r); }

    friend CR_INLINE Avx512F64 operator+(Avx512F64 a, Avx512F64 b) { return {_mm512_add_pd(a.r, b.r)}; }
    friend CR_INLINE Avx512F64 operator-(Avx512F64 a, Avx512F64 b) { return {_mm512_sub_pd(a.r, b.r)}; }
    friend CR_INLINE Avx512F64 operator*(Avx512F64 a, Avx512F64 b) { return {_mm512_mul_pd(a.r, b.r)}; }
    friend CR_INLINE Avx512F64 operator/(Avx512F64 a, Avx512F64 b) { return {_mm512_div_pd(a.r, b.r)}; }
    friend CR_INLINE Avx512F64 fma(Avx512F64 a, Avx512F64 b, Avx512F64 c) { return {_mm512_fmadd_pd(a.r, b.r, c.r)}; }
    friend CR_INLINE Avx512F64 fms(Avx512F64 a, Avx512F64 b, Avx512F64 c) { return {_mm512_fmsub_pd(a.r, b.r, c.r)}; }
    friend CR_INLINE Avx512F64 fnma(Avx512F64 a, Avx512F64 b, Avx512F64 c) { return {_mm512_fnmadd_pd(a.r, b.r, c.r)}; }
    friend CR_INLINE Avx512F64 fnms(Avx512F64 a, Avx512F64 b, Avx512F64 c) { return {_mm512_fnmsub_pd(a.r, b.r, c.r)}; }
    friend CR_INLINE Avx512F64 max(Avx512F64 a, Avx512F64 b) { return {_mm512_max_pd(a.r, b.r)}; }
    friend CR_INLINE Avx512F64 min(Avx512F64 a, Avx512F64 b) { return {_mm512_min_pd(a.r, b.r)}; }
    friend CR_INLINE Mask less(Avx512F64 a, Avx512F64 b) { return _mm512_cmp_pd_mask(a.r, b.r, _CMP_LT_OQ); }
    friend CR_INLINE Mask at_most(Avx512F64 a, Avx512F64 b) { return _mm512_cmp_pd_mask(a.r, b.r, _CMP_LE_OQ); }
    static CR_INLINE Avx512F64 choose(Mask m, Avx512F64 a, Avx512F64 b) { return {_mm512_mask_blend_pd(m, b.r, a.r)}; }
    CR_INLINE Avx512F64 sqrt() const { return {_mm512_sqrt_pd(r)}; }
    CR_INLINE Avx512F64 abs() const { return {_mm512_abs_pd(r)}; }
    CR_INLINE Avx512F64 with_sign_of(Avx512F64 s) const {
        return {_mm512_or_pd(r, _mm512_and_pd(s.r, _mm512_set1_pd(-0.0)))};
    }
    CR_INLINE Avx512F64 to_exponent() const {
        return {_mm512_castsi512_pd(_mm512_slli_epi64(_mm512_castpd_si512(r), 52))};
    }
    template <int half>
    CR_INLINE Avx512F64 halves_swapped() const {
        if constexpr (half == 4) return {_mm512_shuffle_f64x2(r, r, 0x4e)};
        if constexpr (half == 2) return {_mm512_shuffle_f64x2(r, r, 0xb1)};
        if constexpr (half == 1) return {_mm512_permute_pd(r, 0x55)};
    }
    CR_INLINE bool any_nonzero_or_nan() const { return _mm512_cmp_pd_mask(r, _mm512_setzero_pd(), _CMP_NEQ_UQ) != 0; }
    static CR_INLINE void transpose(Avx512F64 (&x)[8]) {
        __m512d t[8];
#pragma GCC unroll 8
        for (int i = 0; i < 8; i += 2) {
            t[i] = _mm512_unpacklo_pd(x[i].r, x[i + 1].r);
            t[i + 1] = _mm512_unpackhi_pd(x[i].r, x[i + 1].r);
        }
        // t[2g+c] holds column c of each 128-bit part, rows 2g, 2g+1
#pragma GCC unroll 2
        for (int c = 0; c < 2; ++c) {
            __m512d a = _mm512_shuffle_f64x2(t[c], t[c + 2], 0x88);
            __m512d b = _mm512_shuffle_f64x2(t[c], t[c + 2], 0xdd);
            __m512d d = _mm512_shuffle_f64x2(t[c + 4], t[c + 6], 0x88);
            __m512d e = _mm512_shuffle_f64x2(t[c + 4], t[c + 6], 0xdd);
            x[c].r = _mm512_shuffle_f64x2(a, d, 0x88);
            x[c + 4].r = _mm512_shuffle_f64x2(a, d, 0xdd);
            x[c + 2].r = _mm512_shuffle_f64x2(b, e, 0x88);
            x[c + 6].r = _mm512_shuffle_f64x2(b, e, 0xdd);
        }
    }
};

}  // namespace

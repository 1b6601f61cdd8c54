// Eight floats or four doubles in an AVX2 register, with fused multiply-add. The operations are explained in vec_avx512.hpp.
#pragma once

#include <immintrin.h>
#include <stddef.h>

#define CR_INLINE inline __attribute__((always_inline))

namespace {

alignas(32) constexpr int first_mask_table[16] = {-1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0};

struct Avx2F32 {
    using Scalar = float;
    using Mask = __m256;
    using Half = Avx2F32;  // none: four lanes take as long as eight
    static constexpr int lanes = 8;
    static constexpr int registers = 16;
    static constexpr bool fused = true;  // fma rounds once
    __m256 r;

    static CR_INLINE __m256i first_bits(ptrdiff_t n) {
        n = n < 0 ? 0 : n > lanes ? lanes : n;
        return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(first_mask_table + 8 - n));
    }
    static CR_INLINE Avx2F32 load(const float* p) { return {_mm256_loadu_ps(p)}; }
    static CR_INLINE Avx2F32 load_first(const float* p, ptrdiff_t n) { return {_mm256_maskload_ps(p, first_bits(n))}; }
    static CR_INLINE Avx2F32 set1(float x) { return {_mm256_set1_ps(x)}; }
    static CR_INLINE Avx2F32 zero() { return {_mm256_setzero_ps()}; }
    static CR_INLINE Mask first(ptrdiff_t n) { return _mm256_castsi256_ps(first_bits(n)); }
    CR_INLINE void store(float* p) const { _mm256_storeu_ps(p, r); }
    CR_INLINE void store_first(float* p, ptrdiff_t n) const { _mm256_maskstore_ps(p, first_bits(n), r); }

    friend CR_INLINE Avx2F32 operator+(Avx2F32 a, Avx2F32 b) { return {_mm256_add_ps(a.r, b.r)}; }
    friend CR_INLINE Avx2F32 operator-(Avx2F32 a, Avx2F32 b) { return {_mm256_sub_ps(a.r, b.r)}; }
    friend CR_INLINE Avx2F32 operator*(Avx2F32 a, Avx2F32 b) { return {_mm256_mul_ps(a.r, b.r)}; }
    friend CR_INLINE Avx2F32 operator/(Avx2F32 a, Avx2F32 b) { return {_mm256_div_ps(a.r, b.r)}; }
    friend CR_INLINE Avx2F32 fma(Avx2F32 a, Avx2F32 b, Avx2F32 c) { return {_mm256_fmadd_ps(a.r, b.r, c.r)}; }
    friend CR_INLINE Avx2F32 fms(Avx2F32 a, Avx2F32 b, Avx2F32 c) { return {_mm256_fmsub_ps(a.r, b.r, c.r)}; }
    friend CR_INLINE Avx2F32 fnma(Avx2F32 a, Avx2F32 b, Avx2F32 c) { return {_mm256_fnmadd_ps(a.r, b.r, c.r)}; }
    friend CR_INLINE Avx2F32 fnms(Avx2F32 a, Avx2F32 b, Avx2F32 c) { return {_mm256_fnmsub_ps(a.r, b.r, c.r)}; }
    friend CR_INLINE Avx2F32 max(Avx2F32 a, Avx2F32 b) { return {_mm256_max_ps(a.r, b.r)}; }
    friend CR_INLINE Avx2F32 min(Avx2F32 a, Avx2F32 b) { return {_mm256_min_ps(a.r, b.r)}; }
    friend CR_INLINE Mask less(Avx2F32 a, Avx2F32 b) { return _mm256_cmp_ps(a.r, b.r, _CMP_LT_OQ); }
    friend CR_INLINE Mask at_most(Avx2F32 a, Avx2F32 b) { return _mm256_cmp_ps(a.r, b.r, _CMP_LE_OQ); }
    static CR_INLINE Avx2F32 choose(Mask m, Avx2F32 a, Avx2F32 b) { return {_mm256_blendv_ps(b.r, a.r, m)}; }
    CR_INLINE Avx2F32 sqrt() const { return {_mm256_sqrt_ps(r)}; }
    CR_INLINE Avx2F32 abs() const { return {_mm256_andnot_ps(_mm256_set1_ps(-0.0f), r)}; }
    CR_INLINE Avx2F32 with_sign_of(Avx2F32 s) const {
        return {_mm256_or_ps(r, _mm256_and_ps(s.r, _mm256_set1_ps(-0.0f)))};
    }
    CR_INLINE Avx2F32 to_exponent() const {
        return {_mm256_castsi256_ps(_mm256_slli_epi32(_mm256_castps_si256(r), 23))};
    }
    template <int half>
    CR_INLINE Avx2F32 halves_swapped() const {
        if constexpr (half == 4) return {_mm256_permute2f128_ps(r, r, 1)};
        if constexpr (half == 2) return {_mm256_permute_ps(r, 0x4e)};
        if constexpr (half == 1) return {_mm256_permute_ps(r, 0xb1)};
    }
    CR_INLINE bool any_nonzero_or_nan() const {
        return _mm256_movemask_ps(_mm256_cmp_ps(r, _mm256_setzero_ps(), _CMP_NEQ_UQ)) != 0;
    }
    static CR_INLINE void transpose(Avx2F32 (&x)[8]) {
        __m256 t[8], u[8];
#pragma GCC unroll 8
        for (int i = 0; i < 8; i += 2) {
            t[i] = _mm256_unpacklo_ps(x[i].r, x[i + 1].r);
            t[i + 1] = _mm256_unpackhi_ps(x[i].r, x[i + 1].r);
        }
#pragma GCC unroll 8
        for (int i = 0; i < 8; i += 4) {
            u[i] = _mm256_shuffle_ps(t[i], t[i + 2], 0x44);
            u[i + 1] = _mm256_shuffle_ps(t[i], t[i + 2], 0xee);
            u[i + 2] = _mm256_shuffle_ps(t[i + 1], t[i + 3], 0x44);
            u[i + 3] = _mm256_shuffle_ps(t[i + 1], t[i + 3], 0xee);
        }
#pragma GCC unroll 4
        for (int c = 0; c < 4; ++c) {
            x[c].r = _mm256_permute2f128_ps(u[c], u[c + 4], 0x20);
            x[c + 4].r = _mm256_permute2f128_ps(u[c], u[c + 4], 0x31);
        }
    }
};

struct Avx2F64 {
    using Scalar = double;
    using Mask = __m256d;
    using Half = Avx2F64;
    static constexpr int lanes = 4;
    static constexpr int registers = 16;
    static constexpr bool fused = true;  // fma rounds once
    __m256d r;

    static CR_INLINE __m256i first_bits(ptrdiff_t n) {
        n = n < 0 ? 0 : n > lanes ? lanes : n;
        return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(first_mask_table + 8 - 2 * n));
    }
    static CR_INLINE Avx2F64 load(const double* p) { return {_mm256_loadu_pd(p)}; }
    static CR_INLINE Avx2F64 load_first(const double* p, ptrdiff_t n) { return {_mm256_maskload_pd(p, first_bits(n))}; }
    static CR_INLINE Avx2F64 set1(double x) { return {_mm256_set1_pd(x)}; }
    static CR_INLINE Avx2F64 zero() { return {_mm256_setzero_pd()}; }
    static CR_INLINE Mask first(ptrdiff_t n) { return _mm256_castsi256_pd(first_bits(n)); }
    CR_INLINE void store(double* p) const { _mm256_storeu_pd(p, r); }
    CR_INLINE void store_first(double* p, ptrdiff_t n) const { _mm256_maskstore_pd(p, first_bits(n), r); }

    friend CR_INLINE Avx2F64 operator+(Avx2F64 a, Avx2F64 b) { return {_mm256_add_pd(a.r, b.r)}; }
    friend CR_INLINE Avx2F64 operator-(Avx2F64 a, Avx2F64 b) { return {_mm256_sub_pd(a.r, b.r)}; }
    friend CR_INLINE Avx2F64 operator*(Avx2F64 a, Avx2F64 b) { return {_mm256_mul_pd(a.r, b.r)}; }
    friend CR_INLINE Avx2F64 operator/(Avx2F64 a, Avx2F64 b) { return {_mm256_div_pd(a.r, b.r)}; }
    friend CR_INLINE Avx2F64 fma(Avx2F64 a, Avx2F64 b, Avx2F64 c) { return {_mm256_fmadd_pd(a.r, b.r, c.r)}; }
    friend CR_INLINE Avx2F64 fms(Avx2F64 a, Avx2F64 b, Avx2F64 c) { return {_mm256_fmsub_pd(a.r, b.r, c.r)}; }
    friend CR_INLINE Avx2F64 fnma(Avx2F64 a, Avx2F64 b, Avx2F64 c) { return {_mm256_fnmadd_pd(a.r, b.r, c.r)}; }
    friend CR_INLINE Avx2F64 fnms(Avx2F64 a, Avx2F64 b, Avx2F64 c) { return {_mm256_fnmsub_pd(a.r, b.r, c.r)}; }
    friend CR_INLINE Avx2F64 max(Avx2F64 a, Avx2F64 b) { return {_mm256_max_pd(a.r, b.r)}; }
    friend CR_INLINE Avx2F64 min(Avx2F64 a, Avx2F64 b) { return {_mm256_min_pd(a.r, b.r)}; }
    friend CR_INLINE Mask less(Avx2F64 a, Avx2F64 b) { return _mm256_cmp_pd(a.r, b.r, _CMP_LT_OQ); }
    friend CR_INLINE Mask at_most(Avx2F64 a, Avx2F64 b) { return _mm256_cmp_pd(a.r, b.r, _CMP_LE_OQ); }
    static CR_INLINE Avx2F64 choose(Mask m, Avx2F64 a, Avx2F64 b) { return {_mm256_blendv_pd(b.r, a.r, m)}; }
    CR_INLINE Avx2F64 sqrt() const { return {_mm256_sqrt_pd(r)}; }
    CR_INLINE Avx2F64 abs() const { return {_mm256_andnot_pd(_mm256_set1_pd(-0.0), r)}; }
    CR_INLINE Avx2F64 with_sign_of(Avx2F64 s) const {
        return {_mm256_or_pd(r, _mm256_and_pd(s.r, _mm256_set1_pd(-0.0)))};
    }
    CR_INLINE Avx2F64 to_exponent() const {
        return {_mm256_castsi256_pd(_mm256_slli_epi64(_mm256_castpd_si256(r), 52))};
    }
    template <int half>
    CR_INLINE Avx2F64 halves_swapped() const {
        if constexpr (half == 2) return {_mm256_permute2f128_pd(r, r, 1)};
        if constexpr (half == 1) return {_mm256_permute_pd(r, 5)};
    }
    CR_INLINE bool any_nonzero_or_nan() const {
        return _mm256_movemask_pd(_mm256_cmp_pd(r, _mm256_setzero_pd(), _CMP_NEQ_UQ)) != 0;
    }
    static CR_INLINE void transpose(Avx2F64 (&x)[4]) {
        __m256d a = _mm256_unpacklo_pd(x[0].r, x[1].r), b = _mm256_unpackhi_pd(x[0].r, x[1].r);
        __m256d c = _mm256_unpacklo_pd(x[2].r, x[3].r), d = _mm256_unpackhi_pd(x[2].r, x[3].r);
        x[0].r = _mm256_permute2f128_pd(a, c, 0x20);
        x[1].r = _mm256_permute2f128_pd(b, d, 0x20);
        x[2].r = _mm256_permute2f128_pd(a, c, 0x31);
        x[3].r = _mm256_permute2f128_pd(b, d, 0x31);
    }
};

}  // namespace

// Four floats or two doubles with what every processor has (GCC and clang vector extensions: SSE2 on x86-64, plain code
// elsewhere). No fused multiply-add: correct, but rounded differently from the other instruction sets.
// The operations are explained in vec_avx512.hpp.
#pragma once

#include <stddef.h>
#include <stdint.h>

#define CR_INLINE inline __attribute__((always_inline))

namespace {

template <class T, class Bits, int n_lanes, int mantissa_bits>
struct BaselineVec {
    using Scalar = T;
    typedef T Register __attribute__((vector_size(n_lanes * sizeof(T))));
    typedef Bits Mask __attribute__((vector_size(n_lanes * sizeof(T))));
    typedef T Unaligned __attribute__((vector_size(n_lanes * sizeof(T)), aligned(sizeof(T)), may_alias));
    using Half = BaselineVec;  // none
    static constexpr int lanes = n_lanes;
    static constexpr int registers = 16;
    static constexpr bool fused = false;  // fma rounds once
    Register r;

    static CR_INLINE BaselineVec load(const T* p) { return {*reinterpret_cast<const Unaligned*>(p)}; }
    static CR_INLINE BaselineVec load_first(const T* p, ptrdiff_t n) {
        BaselineVec x = zero();
        for (int i = 0; i < lanes && i < n; ++i) x.r[i] = p[i];
        return x;
    }
    static CR_INLINE BaselineVec set1(T x) { return {Register{} + x}; }
    static CR_INLINE BaselineVec zero() { return {Register{}}; }
    static CR_INLINE Mask first(ptrdiff_t n) {
        Mask m{};
        for (int i = 0; i < lanes && i < n; ++i) m[i] = -1;
        return m;
    }
    CR_INLINE void store(T* p) const { *reinterpret_cast<Unaligned*>(p) = r; }
    CR_INLINE void store_first(T* p, ptrdiff_t n) const {
        for (int i = 0; i < lanes && i < n; ++i) p[i] = r[i];
    }

    friend CR_INLINE BaselineVec operator+(BaselineVec a, BaselineVec b) { return {a.r + b.r}; }
    friend CR_INLINE BaselineVec operator-(BaselineVec a, BaselineVec b) { return {a.r - b.r}; }
    friend CR_INLINE BaselineVec operator*(BaselineVec a, BaselineVec b) { return {a.r * b.r}; }
    friend CR_INLINE BaselineVec operator/(BaselineVec a, BaselineVec b) { return {a.r / b.r}; }
    friend CR_INLINE BaselineVec fma(BaselineVec a, BaselineVec b, BaselineVec c) { return {a.r * b.r + c.r}; }
    friend CR_INLINE BaselineVec fms(BaselineVec a, BaselineVec b, BaselineVec c) { return {a.r * b.r - c.r}; }
    friend CR_INLINE BaselineVec fnma(BaselineVec a, BaselineVec b, BaselineVec c) { return {c.r - a.r * b.r}; }
    friend CR_INLINE BaselineVec fnms(BaselineVec a, BaselineVec b, BaselineVec c) { return {-(a.r * b.r) - c.r}; }
    friend CR_INLINE BaselineVec max(BaselineVec a, BaselineVec b) { return choose(a.r > b.r, a, b); }
    friend CR_INLINE BaselineVec min(BaselineVec a, BaselineVec b) { return choose(a.r < b.r, a, b); }
    friend CR_INLINE Mask less(BaselineVec a, BaselineVec b) { return a.r < b.r; }
    friend CR_INLINE Mask at_most(BaselineVec a, BaselineVec b) { return a.r <= b.r; }
    static CR_INLINE BaselineVec choose(Mask m, BaselineVec a, BaselineVec b) {
        return {(Register)((m & (Mask)a.r) | (~m & (Mask)b.r))};
    }
    static CR_INLINE Mask sign_bit() { return Mask{} + (Bits(1) << (8 * sizeof(T) - 1)); }
    CR_INLINE BaselineVec sqrt() const {
        BaselineVec x;
        for (int i = 0; i < lanes; ++i)
            x.r[i] = sizeof(T) == 4 ? T(__builtin_sqrtf(float(r[i]))) : T(__builtin_sqrt(r[i]));
        return x;
    }
    CR_INLINE BaselineVec abs() const { return {(Register)((Mask)r & ~sign_bit())}; }
    CR_INLINE BaselineVec with_sign_of(BaselineVec s) const { return {(Register)((Mask)r | ((Mask)s.r & sign_bit()))}; }
    CR_INLINE BaselineVec to_exponent() const { return {(Register)((Mask)r << mantissa_bits)}; }
    template <int half>
    CR_INLINE BaselineVec halves_swapped() const {
        BaselineVec x = *this;
        for (int i = 0; i < half; ++i) x.r[i] = r[i + half];
        return x;
    }
    CR_INLINE bool any_nonzero_or_nan() const {
        bool any = false;
        for (int i = 0; i < lanes; ++i) any |= !(r[i] == 0);
        return any;
    }
    static CR_INLINE void transpose(BaselineVec (&x)[n_lanes]) {
        for (int i = 0; i < lanes; ++i)
            for (int j = i + 1; j < lanes; ++j) {
                T t = x[i].r[j];
                x[i].r[j] = x[j].r[i];
                x[j].r[i] = t;
            }
    }
};

using BaselineF32 = BaselineVec<float, int32_t, 4, 23>;
using BaselineF64 = BaselineVec<double, int64_t, 2, 52>;

}  // namespace

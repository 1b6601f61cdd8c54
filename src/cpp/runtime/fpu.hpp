// Flush-to-zero for the length of a native call, on the thread that runs it; the caller's setting comes back after.
// Subnormal numbers make x86 twenty to thirty times slower, and gradients of a trained network underflow often.
#pragma once

#if defined(__SSE2__)
#include <xmmintrin.h>
#endif

namespace chainrule {

// With `flush` false the opposite, for the length of a call of somebody else's code from within.
class FlushToZero {
#if defined(__SSE2__)
    static constexpr unsigned results_and_operands = 0x8040;  // FTZ and DAZ
    unsigned before_ = _mm_getcsr();

public:
    explicit FlushToZero(bool flush = true) {
        _mm_setcsr(flush ? before_ | results_and_operands : before_ & ~results_and_operands);
    }
    ~FlushToZero() { _mm_setcsr(before_); }
#elif defined(__aarch64__)
    unsigned long before_;

public:
    explicit FlushToZero(bool flush = true) {
        __asm__ volatile("mrs %0, fpcr" : "=r"(before_));
        __asm__ volatile("msr fpcr, %0" ::"r"(flush ? before_ | (1ul << 24) : before_ & ~(1ul << 24)));
    }
    ~FlushToZero() { __asm__ volatile("msr fpcr, %0" ::"r"(before_)); }
#else
public:
    explicit FlushToZero(bool = true) {}
#endif
    FlushToZero(const FlushToZero&) = delete;
    FlushToZero& operator=(const FlushToZero&) = delete;
};

}  // namespace chainrule

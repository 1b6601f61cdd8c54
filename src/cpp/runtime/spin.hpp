// Waiting for another thread that will be there in a moment.
#pragma once

namespace chainrule {

// About 50 microseconds; longer waits should sleep.
constexpr int most_spins = 2000;

inline void relax() {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

}  // namespace chainrule

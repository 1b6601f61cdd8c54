#include "runtime/buffer.hpp"

#include <cstdlib>
#include <cstring>
#include <new>

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace chainrule {

// Large memory starts at a huge page: weight gradients walk columns of wide row-major arrays, one page a row, and run
// out of address translations with 4 KB pages.
void Arena::allocate() {
    constexpr std::size_t huge = std::size_t(2) << 20;
    const std::size_t alignment = total_ >= huge ? huge : 64;
    total_ = (total_ + alignment - 1) / alignment * alignment + line;
    total_ = (total_ + alignment - 1) / alignment * alignment;
    memory_ = std::aligned_alloc(alignment, total_);
    if (!memory_) throw std::bad_alloc();
#if defined(__linux__) && defined(MADV_HUGEPAGE)
    if (alignment == huge) (void)madvise(memory_, total_, MADV_HUGEPAGE);
#endif
    std::memset(memory_, 0, total_);
}

Arena::~Arena() { std::free(memory_); }

}  // namespace chainrule

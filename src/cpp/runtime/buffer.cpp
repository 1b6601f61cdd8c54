#include "runtime/buffer.hpp"

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <new>

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace chainrule {

// Large memory starts at a huge page: weight gradients walk columns of wide row-major arrays, one page a row, and run
// out of address translations with 4 KB pages. It comes from the system as zeros, which need not be written once more.
void Arena::allocate(Contents contents) {
    constexpr std::size_t huge = std::size_t(2) << 20;
    total_ += line;
#if defined(__linux__) && defined(MADV_HUGEPAGE)
    if (contents == Contents::zeros && total_ >= huge) {
        mapped_ = (total_ + huge - 1) / huge * huge + huge;  // room to start at a huge page
        void* memory = mmap(nullptr, mapped_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (memory == MAP_FAILED) throw std::bad_alloc();
        mapping_ = memory;
        const auto start = (reinterpret_cast<std::uintptr_t>(memory) + huge - 1) / huge * huge;
        memory_ = reinterpret_cast<void*>(start);
        (void)madvise(memory_, mapped_ - huge, MADV_HUGEPAGE);
        return;
    }
#endif
    total_ = (total_ + line - 1) / line * line;
    memory_ = std::aligned_alloc(line, total_);
    if (!memory_) throw std::bad_alloc();
    if (contents == Contents::zeros) std::memset(memory_, 0, total_);
}

Arena::~Arena() {
#if defined(__linux__) && defined(MADV_HUGEPAGE)
    if (mapping_) {
        munmap(mapping_, mapped_);
        return;
    }
#endif
    std::free(memory_);
}

}  // namespace chainrule

#include "guarded.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <map>
#include <new>

#include "check.hpp"

#if __has_include(<valgrind/memcheck.h>)
#include <valgrind/memcheck.h>
#define CR_UNDEFINED(p, n) (void)VALGRIND_MAKE_MEM_UNDEFINED(p, n)
#define CR_DEFINED(p, n) (void)VALGRIND_MAKE_MEM_DEFINED(p, n)
#define CR_NO_ACCESS(p, n) (void)VALGRIND_MAKE_MEM_NOACCESS(p, n)
#else
#define CR_UNDEFINED(p, n) (void)(p), (void)(n)
#define CR_DEFINED(p, n) (void)(p), (void)(n)
#define CR_NO_ACCESS(p, n) (void)(p), (void)(n)
#endif
#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(p, n) (void)(p), (void)(n)
#define ASAN_UNPOISON_MEMORY_REGION(p, n) (void)(p), (void)(n)
#endif

namespace tests {
namespace {

constexpr unsigned char untouched = 0xa5;

std::size_t page() {
    static const auto size = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
    return size;
}

// Mappings that are free again, by the room between their guard pages: mapping anew took most of the time.
std::map<std::size_t, std::vector<unsigned char*>>& free_mappings() {
    static std::map<std::size_t, std::vector<unsigned char*>> all;
    return all;
}

unsigned char* map(std::size_t room) {
    std::vector<unsigned char*>& known = free_mappings()[room];
    if (!known.empty()) {
        unsigned char* start = known.back();
        known.pop_back();
        return start;
    }
    void* memory = mmap(nullptr, room + 2 * page(), PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) throw std::bad_alloc();
    unsigned char* start = static_cast<unsigned char*>(memory) + page();
    if (mprotect(start, room, PROT_READ | PROT_WRITE) != 0) throw std::bad_alloc();
    return start;
}

}  // namespace

Pages::Pages(std::size_t bytes, End end)
    : size_(bytes), room_((bytes + page() - 1) / page() * page() + (bytes == 0 ? page() : 0)), start_(map(room_)),
      bytes_(end == End::front ? start_ : start_ + room_ - size_) {
    const auto before = static_cast<std::size_t>(bytes_ - start_), after = room_ - size_ - before;
    std::memset(start_, untouched, before);
    std::memset(bytes_, 0xff, size_);  // NaN in float and double
    std::memset(bytes_ + size_, untouched, after);
    CR_UNDEFINED(bytes_, size_);
    CR_NO_ACCESS(start_, before);
    CR_NO_ACCESS(bytes_ + size_, after);
    ASAN_POISON_MEMORY_REGION(start_, before);
    ASAN_POISON_MEMORY_REGION(bytes_ + size_, after);
}

Pages::~Pages() {
    if (!start_) return;
    ASAN_UNPOISON_MEMORY_REGION(start_, room_);
    CR_DEFINED(start_, room_);
    bool same = true;
    for (const unsigned char* p = start_; p < bytes_; ++p) same &= *p == untouched;
    for (const unsigned char* p = bytes_ + size_; p < start_ + room_; ++p) same &= *p == untouched;
    if (!same) fail("something was written beyond an array");
    free_mappings()[room_].push_back(start_);
}

}  // namespace tests

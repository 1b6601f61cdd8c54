// Memory aligned for vectors, released at the end of its owner.
#pragma once

#include <cstddef>
#include <vector>

namespace chainrule {

// Hands out parts of one allocation: first `reserve` every part, then `allocate`, then take the parts in the same order.
// Throws std::bad_alloc where the memory is not to be had.
class Arena {
public:
    Arena() = default;
    ~Arena();
    Arena(const Arena&) = delete;
    Arena& operator=(const Arena&) = delete;

    template <class T>
    void reserve(std::ptrdiff_t count) {
        total_ += rounded(count, sizeof(T));
    }
    // `any`: for what a call writes before it reads. It is not touched here, and comes from the heap at any size,
    // which keeps its pages from call to call.
    enum class Contents { zeros, any };
    void allocate(Contents contents = Contents::zeros);
    std::size_t bytes() const { return total_; }
    template <class T>
    T* take(std::ptrdiff_t count) {
        T* part = reinterpret_cast<T*>(static_cast<char*>(memory_) + used_);
        used_ += rounded(count, sizeof(T));
        return part;
    }

private:
    static constexpr std::size_t line = 64;
    // One line of slack after each part: a vector load may reach past the last element.
    static std::size_t rounded(std::ptrdiff_t count, std::size_t size) {
        return (static_cast<std::size_t>(count) * size + line - 1) / line * line + line;
    }
    void *memory_ = nullptr, *mapping_ = nullptr;
    std::size_t total_ = 0, used_ = 0, mapped_ = 0;
};

}  // namespace chainrule

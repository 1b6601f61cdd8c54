// Memory that ends where the process's does: a page that nobody may touch lies before its first byte and one after its
// last, with the elements pushed against one of them. What is left between elements and the other page is watched too.
#pragma once

#include <cstddef>
#include <cstring>
#include <utility>
#include <vector>

namespace tests {

enum class End { front, rear };  // the page that the elements touch
constexpr End both_ends[] = {End::front, End::rear};

class Pages {
public:
    Pages(std::size_t bytes, End end);
    ~Pages();
    Pages(const Pages&) = delete;
    Pages& operator=(const Pages&) = delete;
    Pages(Pages&& other) noexcept
        : size_(other.size_), room_(other.room_), start_(std::exchange(other.start_, nullptr)), bytes_(other.bytes_) {}
    void* bytes() const { return bytes_; }

private:
    std::size_t size_, room_;  // of the elements; of the pages they lie in
    unsigned char *start_, *bytes_;
};

template <class T>
class Guarded {
public:
    // Not initialised: NaN, and undefined for valgrind.
    Guarded(std::ptrdiff_t count, End end) : pages_(static_cast<std::size_t>(count) * sizeof(T), end), count_(count) {}
    Guarded(std::ptrdiff_t count, End end, T value) : Guarded(count, end) { fill(value); }
    Guarded(const std::vector<T>& from, End end) : Guarded(static_cast<std::ptrdiff_t>(from.size()), end) {
        if (count_ > 0) std::memcpy(data(), from.data(), from.size() * sizeof(T));
    }
    // Rows of a matrix without gaps, `ld` apart and no longer than they are at the end; `gap` between them.
    Guarded(const std::vector<T>& from, std::ptrdiff_t rows, std::ptrdiff_t N, std::ptrdiff_t ld, End end, T gap = 0)
        : Guarded(rows > 0 ? (rows - 1) * ld + N : 0, end, gap) {
        for (std::ptrdiff_t r = 0; r < rows; ++r)
            std::memcpy(data() + r * ld, from.data() + r * N, static_cast<std::size_t>(N) * sizeof(T));
    }

    T* data() const { return static_cast<T*>(pages_.bytes()); }
    operator T*() const { return data(); }
    std::ptrdiff_t size() const { return count_; }
    void fill(T value) {
        for (std::ptrdiff_t i = 0; i < count_; ++i) data()[i] = value;
    }
    std::vector<T> copy() const { return std::vector<T>(data(), data() + count_); }

private:
    Pages pages_;
    std::ptrdiff_t count_;
};

}  // namespace tests

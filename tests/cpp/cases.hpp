// What all groups share: which instruction set they run with, sizes around the widths of vectors, numbers to compute with.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "check.hpp"
#include "guarded.hpp"
#include "runtime/cpu.hpp"

namespace tests {

using namespace chainrule;

struct Options {
    bool quick = false;  // fewer sizes, for where each takes long
    std::string set;
    std::string only;  // groups whose name has that in it
};

// Sizes around the widths of vectors: 2 to 16 lanes, panels of two vectors.
inline const std::vector<std::ptrdiff_t>& widths(const Options& options) {
    static const std::vector<std::ptrdiff_t> all = {1, 3, 7, 8, 9, 15, 16, 17, 31, 32, 33, 64, 65};
    static const std::vector<std::ptrdiff_t> some = {1, 3, 8, 15, 17, 33};
    return options.quick ? some : all;
}
// Numbers of rows: one, around tiles of 4, 6 and 14 rows, and more than two tiles.
inline const std::vector<std::ptrdiff_t>& heights(const Options& options) {
    static const std::vector<std::ptrdiff_t> all = {1, 2, 3, 4, 5, 7, 13, 15, 29};
    static const std::vector<std::ptrdiff_t> some = {1, 3, 5, 15};
    return options.quick ? some : all;
}

// Numbers of (-1, 1), the same for both types.
class Numbers {
public:
    explicit Numbers(std::uint64_t seed) : state_(seed) {}
    std::uint64_t word() {  // G. L. Steele et al., "Fast splittable pseudorandom number generators", 2014
        std::uint64_t z = (state_ += 0x9e3779b97f4a7c15);
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
        z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
        return z ^ (z >> 31);
    }
    float next() { return float(double(word() >> 40) * 0x1p-23 - 1 + 0x1p-24); }
    template <class T>
    std::vector<T> some(std::ptrdiff_t count, T scale = 1) {
        std::vector<T> x(static_cast<std::size_t>(count));
        for (T& one : x) one = scale * T(next());
        return x;
    }

private:
    std::uint64_t state_;
};

inline std::ptrdiff_t up(std::ptrdiff_t n, std::ptrdiff_t multiple) { return (n + multiple - 1) / multiple * multiple; }

template <class T>
constexpr const char* type_name = sizeof(T) == 4 ? "float32" : "float64";

// Room that a kernel which stores whole vectors needs for (rows, N).
inline std::ptrdiff_t padded(std::ptrdiff_t rows, std::ptrdiff_t N, std::ptrdiff_t ld, std::ptrdiff_t lanes) {
    return rows > 0 ? (rows - 1) * ld + up(N, lanes) : 0;
}

// One group of each file, for each type.
template <class T>
void test_products(const Options&);
template <class T>
void test_weight_gradients(const Options&);
template <class T>
void test_panels(const Options&);
template <class T>
void test_updates(const Options&);
template <class T>
void test_activations(const Options&);
template <class T>
void test_losses(const Options&);
template <class T>
void test_random_numbers(const Options&);
template <class T>
void test_plans(const Options&);
template <class T>
void test_huge_strides(const Options&);
template <class T>
void test_prediction(const Options&);
template <class T>
void test_layer_gradients(const Options&);
template <class T>
void test_network_gradients(const Options&);
template <class T>
void test_training(const Options&);
template <class T>
void test_ends_of_training(const Options&);
template <class T>
void test_tiny_steps(const Options&);
template <class T>
void test_team_choices(const Options&);
template <class T>
void test_kept_passes(const Options&);
template <class T>
void test_least_squares(const Options&);
template <class T>
void test_health(const Options&);
template <class T>
void test_measured_rows(const Options&);

}  // namespace tests

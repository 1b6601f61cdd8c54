// Groups of cases: each says how many there were, what failed, and a digest of the bits of all answers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>

#include "real.hpp"

namespace tests {

// For guard pages. Not with sanitizers, which say more themselves.
void name_the_case_of_a_crash();
// Ends the group before it, if any.
void begin_group(const std::string& name);
// Names what is under way, for messages; printf's format.
void begin_case(const char* format, ...) __attribute__((format(printf, 1, 2)));
void fail(const std::string& what);
void expect(bool condition, const char* what);
// Returns 0 if nothing failed.
int end_groups();

// The bits of a number go into the digest of the group, which is to be the same for AVX2 and AVX-512.
void add_bits(const void* bytes, std::size_t count);
template <class T>
void add_answers(const T* x, std::ptrdiff_t count) {
    add_bits(x, static_cast<std::size_t>(count) * sizeof(T));
}

template <class T>
constexpr long double rounding = std::numeric_limits<T>::epsilon() / 2;

// Whether `got` can have come of the terms of `want` by so many roundings. The wanted number is rounded too, where a long
// double is no wider than a double (valgrind), and results below the smallest normal number are 0.
template <class T>
bool is_near(T got, const Real& want, std::ptrdiff_t roundings) {
    const long double apart = std::fabs(static_cast<long double>(got) - want.value);
    return apart <= 2 * static_cast<long double>(roundings) * rounding<T> * want.size + std::numeric_limits<T>::min();
}

void fail_far(const char* what, std::ptrdiff_t i, std::ptrdiff_t j, long double got, const Real& want);

template <class T>
void expect_near(const char* what, std::ptrdiff_t i, std::ptrdiff_t j, T got, const Real& want,
                 std::ptrdiff_t roundings) {
    add_answers(&got, 1);
    if (!is_near(got, want, roundings)) fail_far(what, i, j, static_cast<long double>(got), want);
}

}  // namespace tests

// A number beside the size of what it was summed from: a rounding on the way moves the result by at most a unit of that
// size, whatever cancels. So a bound for an answer is how many roundings its terms went through, times `size`.
#pragma once

#include <cmath>

namespace tests {

struct Real {
    long double value = 0, size = 0;

    Real() = default;
    Real(long double v) : value(v), size(std::fabs(v)) {}
    Real(long double v, long double s) : value(v), size(s) {}

    friend Real operator+(const Real& a, const Real& b) { return {a.value + b.value, a.size + b.size}; }
    friend Real operator-(const Real& a, const Real& b) { return {a.value - b.value, a.size + b.size}; }
    friend Real operator*(const Real& a, const Real& b) { return {a.value * b.value, a.size * b.size}; }
    // f of a number: f's own roundings, and what those of the number become.
    Real mapped(long double f, long double slope) const { return {f, std::fabs(f) + std::fabs(slope) * size}; }
};

}  // namespace tests

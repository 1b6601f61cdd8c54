// What the processor can do: multiply-adds in registers and nothing else. Benchmarks state speeds as fractions of it.
#pragma once

#include "tile.hpp"

namespace {

constexpr int peak_chains = 12;  // enough independent sums to fill two units with a latency of four or five cycles

// `rounds` times peak_chains vectors of multiply-adds; the result only keeps the compiler from dropping them.
template <class V>
typename V::Scalar multiply_adds(ptrdiff_t rounds) {
    V sum[peak_chains];
    for (int i = 0; i < peak_chains; ++i) sum[i] = V::set1(typename V::Scalar(i));
    const V factor = V::set1(typename V::Scalar(0.999)), term = V::set1(typename V::Scalar(0.001));
    for (ptrdiff_t r = 0; r < rounds; ++r)
#pragma GCC unroll 12
        for (int i = 0; i < peak_chains; ++i) sum[i] = fma(sum[i], factor, term);
    V total = V::zero();
    for (int i = 0; i < peak_chains; ++i) total = total + sum[i];
    typename V::Scalar lanes[V::lanes];
    total.store(lanes);
    return lanes[0];
}

}  // namespace

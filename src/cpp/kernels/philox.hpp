// Counter-based random numbers: Philox4x32-10, J. K. Salmon et al., "Parallel random numbers: as easy as 1, 2, 3",
// SC 2011. A word is a function of (seed, stream, step, position) and of nothing else, so any thread may make any part.
//
// Position p: block b = p / 64, word w = (p % 64) / 16, lane = p % 16; it is output w of the counter
// (16 b + lane, stream, step low, step high) under the key (seed low, seed high).
#pragma once

#include <stdint.h>
#include <string.h>

#include "tile.hpp"

namespace {

constexpr int philox_lanes = 16, philox_block = 64;

// 64 words; plain loops over sixteen lanes, which compilers turn into vector code.
CR_INLINE void philox64(uint64_t seed, uint32_t stream, uint64_t step, uint64_t block_index, uint32_t* out) {
    uint32_t c0[philox_lanes], c1[philox_lanes], c2[philox_lanes], c3[philox_lanes];
    for (int i = 0; i < philox_lanes; ++i) {
        c0[i] = uint32_t(block_index) * philox_lanes + uint32_t(i);
        c1[i] = stream;
        c2[i] = uint32_t(step);
        c3[i] = uint32_t(step >> 32);
    }
    uint32_t k0 = uint32_t(seed), k1 = uint32_t(seed >> 32);
    for (int round = 0; round < 10; ++round) {
        for (int i = 0; i < philox_lanes; ++i) {
            const uint64_t p0 = uint64_t(0xD2511F53u) * c0[i], p1 = uint64_t(0xCD9E8D57u) * c2[i];
            c0[i] = uint32_t(p1 >> 32) ^ c1[i] ^ k0;
            c1[i] = uint32_t(p1);
            c2[i] = uint32_t(p0 >> 32) ^ c3[i] ^ k1;
            c3[i] = uint32_t(p0);
        }
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    memcpy(out, c0, sizeof c0);
    memcpy(out + 16, c1, sizeof c1);
    memcpy(out + 32, c2, sizeof c2);
    memcpy(out + 48, c3, sizeof c3);
}

// use(index from 0, words, n): the words of positions [start, start + count), in pieces of at most 64
template <class Use>
CR_INLINE void for_random_words(uint64_t seed, uint32_t stream, uint64_t step, uint64_t start, ptrdiff_t count,
                                Use use) {
    uint32_t words[philox_block];
    for (ptrdiff_t i = 0; i < count;) {
        const uint64_t p = start + uint64_t(i);
        const ptrdiff_t skip = ptrdiff_t(p % philox_block);
        const ptrdiff_t n = philox_block - skip < count - i ? philox_block - skip : count - i;
        philox64(seed, stream, step, p / philox_block, words);
        use(i, words + skip, n);
        i += n;
    }
}

void random_words(uint64_t seed, uint32_t stream, uint64_t step, uint64_t start, ptrdiff_t count, uint32_t* out) {
    for_random_words(seed, stream, step, start, count, [&](ptrdiff_t i, const uint32_t* words, ptrdiff_t n) {
        for (ptrdiff_t k = 0; k < n; ++k) out[i + k] = words[k];
    });
}

// A unit is kept (times scale = 1 / (1 - rate)) where its word reaches the threshold floor(rate 2^32).
template <class T>
void dropout_mask(uint64_t seed, uint32_t stream, uint64_t step, uint64_t start, ptrdiff_t count, uint64_t threshold,
                  T scale, T* out) {
    const uint32_t least = uint32_t(threshold);
    for_random_words(seed, stream, step, start, count, [&](ptrdiff_t i, const uint32_t* words, ptrdiff_t n) {
        for (ptrdiff_t k = 0; k < n; ++k) out[i + k] = words[k] >= least ? scale : T(0);
    });
}

}  // namespace

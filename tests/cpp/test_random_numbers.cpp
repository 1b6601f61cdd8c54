// Random words by the text of the paper, and what is made of them.
#include "cases.hpp"

namespace tests {
namespace {

// Philox4x32-10 of J. K. Salmon et al., SC 2011: word `w` of the counter (c0, c1, c2, c3) under the key.
std::uint32_t philox(std::uint32_t c0, std::uint32_t c1, std::uint32_t c2, std::uint32_t c3, std::uint64_t key, int w) {
    std::uint32_t c[4] = {c0, c1, c2, c3}, k0 = std::uint32_t(key), k1 = std::uint32_t(key >> 32);
    for (int round = 0; round < 10; ++round) {
        const std::uint64_t a = std::uint64_t(0xD2511F53) * c[0], b = std::uint64_t(0xCD9E8D57) * c[2];
        const std::uint32_t next[4] = {std::uint32_t(b >> 32) ^ c[1] ^ k0, std::uint32_t(b),
                                       std::uint32_t(a >> 32) ^ c[3] ^ k1, std::uint32_t(a)};
        for (int i = 0; i < 4; ++i) c[i] = next[i];
        k0 += 0x9E3779B9;
        k1 += 0xBB67AE85;
    }
    return c[w];
}

std::uint32_t word_at(std::uint64_t seed, std::uint32_t stream, std::uint64_t step, std::uint64_t p) {
    return philox(std::uint32_t(16 * (p / 64) + p % 16), stream, std::uint32_t(step), std::uint32_t(step >> 32), seed,
                  int(p % 64 / 16));
}

template <class T>
void stretch(std::uint64_t start, std::ptrdiff_t count, End end) {
    begin_case("%td from %llu on, end %d", count, static_cast<unsigned long long>(start), int(end));
    const Kernels<T>& k = kernels<T>();
    const std::uint64_t seed = 0x123456789abcdef0, step = 0x100000003, threshold = 0x60000000;
    const std::uint32_t stream = 3u << 24;
    const Guarded<std::uint32_t> words(count, end);
    const Guarded<T> mask(count, end), noise(count, end);
    k.random_words(seed, stream, step, start, count, words);
    k.dropout_mask(seed, stream, step, start, count, threshold, T(1.6), mask);
    k.gaussian_noise(seed, stream, step, start, count, noise);
    for (std::ptrdiff_t i = 0; i < count; ++i) {
        const std::uint32_t word = word_at(seed, stream, step, start + std::uint64_t(i));
        expect(words[i] == word, "another word than in the paper");
        expect(mask[i] == (word >= threshold ? T(1.6) : T(0)), "the mask does not follow the word");
        // The share of normal numbers below z is what the word stands for; z and it are rounded.
        const long double z = noise[i], below = std::erfc(-z / std::sqrt(2.0L)) / 2, u = (word + 0.5L) / 0x1p32L;
        const long double density = std::exp(-z * z / 2) / 2.5L;
        const long double error = 4 * rounding<T> * std::fabs(z) * density + 0x1p-50L * (u + density);
        expect(std::fabs(below - u) <= error, "not the normal number of the word");
    }
    add_answers(words.data(), count);
    add_answers(mask.data(), count);
    add_answers(noise.data(), count);
}

}  // namespace

template <class T>
void test_random_numbers(const Options& options) {
    for (std::uint64_t start :
         {std::uint64_t(0), std::uint64_t(63), std::uint64_t(1) << 31, (std::uint64_t(1) << 33) - 5})
        for (std::ptrdiff_t count : widths(options))
            for (End end : both_ends) stretch<T>(start, count, end);
    for (End end : both_ends) stretch<T>(7, 200, end);
}

template void test_random_numbers<float>(const Options&);
template void test_random_numbers<double>(const Options&);

}  // namespace tests

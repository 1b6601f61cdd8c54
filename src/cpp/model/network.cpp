#include "model/network.hpp"

#include <algorithm>
#include <numeric>

namespace chainrule {

bool Network::has_dropout() const {
    for (const Layer& layer : layers)
        if (layer.dropout > 0) return true;
    return false;
}

double Network::forward_work() const {
    double work = 0;
    for (const Layer& layer : layers) work += double(layer.K) * double(layer.N);
    return work;
}

double Network::training_work() const {
    return 3 * forward_work() - double(layers.front().K) * double(layers.front().N);
}

// A stable radix sort of the words, eleven bits a pass; words and row numbers travel together.
void permutation(const Kernels<float>& kernels, std::ptrdiff_t n, std::uint64_t seed, std::uint64_t epoch,
                 std::int64_t* order) {
    struct Entry {
        std::uint32_t word, row;
    };
    constexpr int bits = 11, buckets = 1 << bits;
    const std::size_t count = static_cast<std::size_t>(n);
    std::vector<std::uint32_t> words(count);
    kernels.random_words(seed, RandomSource::permutation_stream, epoch, 0, n, words.data());
    std::vector<Entry> from(count), to(count);
    for (std::size_t i = 0; i < count; ++i) from[i] = {words[i], static_cast<std::uint32_t>(i)};
    std::vector<std::size_t> start(buckets);
    for (int shift = 0; shift < 32; shift += bits) {
        std::fill(start.begin(), start.end(), 0);
        for (const Entry& e : from) ++start[(e.word >> shift) & (buckets - 1)];
        std::exclusive_scan(start.begin(), start.end(), start.begin(), std::size_t(0));
        for (const Entry& e : from) to[start[(e.word >> shift) & (buckets - 1)]++] = e;
        from.swap(to);
    }
    for (std::size_t i = 0; i < count; ++i) order[i] = from[i].row;
}

}  // namespace chainrule

#include "model/network.hpp"

#include <algorithm>
#include <numeric>

namespace chainrule {

double Network::forward_work() const {
    double work = 0;
    for (const Layer& layer : layers) work += double(layer.K) * double(layer.N);
    return work;
}

double Network::training_work() const {
    return 3 * forward_work() - double(layers.front().K) * double(layers.front().N);
}

namespace {

constexpr int digit_bits = 11, digits = 1 << digit_bits;

}  // namespace

Shuffler::Shuffler(const Kernels<float>& kernels, std::ptrdiff_t n)
    : kernels_(kernels), words_(static_cast<std::size_t>(n)), from_(words_.size()), to_(words_.size()), start_(digits) {
}

// A stable radix sort of the words, eleven bits a pass; words and row numbers travel together.
void Shuffler::operator()(std::uint64_t seed, std::uint64_t epoch, std::int64_t* order) {
    const std::size_t count = words_.size();
    kernels_.random_words(seed, permutation_stream, epoch, 0, static_cast<std::ptrdiff_t>(count), words_.data());
    for (std::size_t i = 0; i < count; ++i) from_[i] = {words_[i], static_cast<std::uint32_t>(i)};
    for (int shift = 0; shift < 32; shift += digit_bits) {
        std::fill(start_.begin(), start_.end(), 0);
        for (const Entry& e : from_) ++start_[(e.word >> shift) & (digits - 1)];
        std::exclusive_scan(start_.begin(), start_.end(), start_.begin(), std::size_t(0));
        for (const Entry& e : from_) to_[start_[(e.word >> shift) & (digits - 1)]++] = e;
        from_.swap(to_);
    }
    for (std::size_t i = 0; i < count; ++i) order[i] = from_[i].row;
}

}  // namespace chainrule

#include "model/record.hpp"

#include <algorithm>
#include <limits>

namespace chainrule {
namespace {

constexpr std::ptrdiff_t rows_of_part = 128;

}  // namespace

void StepRecord::cut(std::uint64_t end) const {
    const std::ptrdiff_t done = std::min(std::ptrdiff_t(end - begin), count);
    for (double* array : {losses, weight_squares})
        if (array) std::fill(array + done, array + count, std::numeric_limits<double>::quiet_NaN());
}

template <class T>
WeightSquares<T>::WeightSquares(const Workspace<T>& w) : kernels_(w.kernels) {
    std::ptrdiff_t sums = 0;
    for (std::size_t l = 0; l < w.layers.size(); ++l) {
        const Layer& layer = w.network.layers[l];
        const std::ptrdiff_t pieces = (layer.K + rows_of_part - 1) / rows_of_part, panel = w.kernels.panel;
        for (std::ptrdiff_t column = 0; column < layer.N; column += panel) {
            const std::ptrdiff_t columns = std::min(layer.N - column, panel);
            const std::ptrdiff_t width = columns <= w.kernels.lanes ? w.kernels.lanes : panel;
            for (std::ptrdiff_t i = 0; i < pieces; ++i) {
                const std::ptrdiff_t k = i * rows_of_part;
                parts_.push_back({w.layers[l].weights + column * round_up(layer.K, block) + k * width,
                                  std::min(rows_of_part, layer.K - k), width, columns, sums + i * layer.N + column});
            }
        }
        sums += pieces * layer.N;
    }
    sums_.resize(static_cast<std::size_t>(sums));
}

template <class T>
void WeightSquares<T>::add(int thread, int members) {
    const auto edge = [&](int i) { return parts_.size() * std::size_t(i) / std::size_t(members); };
    for (std::size_t i = edge(thread); i < edge(thread + 1); ++i) {
        const Part& part = parts_[i];
        kernels_.column_squares(part.rows, part.columns, part.weights, part.width, sums_.data() + part.sums);
    }
}

// In sixteen chains, as one would wait for the adder.
template <class T>
double WeightSquares<T>::total() const {
    constexpr std::size_t chains = 16;
    double sum[chains] = {}, total = 0;
    std::size_t i = 0;
    for (; i + chains <= sums_.size(); i += chains)
        for (std::size_t j = 0; j < chains; ++j) sum[j] += sums_[i + j];
    for (std::size_t j = 0; i + j < sums_.size(); ++j) sum[j] += sums_[i + j];
    for (double part : sum) total += part;
    return total;
}

template class WeightSquares<float>;
template class WeightSquares<double>;

}  // namespace chainrule

#include "model/health.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace chainrule {
namespace {

constexpr std::ptrdiff_t rows_of_part = 128, columns_of_units = 64;

struct FlatEnds {
    double low, high;
};
FlatEnds flat_ends(Activation activation) {
    switch (activation) {
        case Activation::sigmoid:
        case Activation::hard_sigmoid:
        case Activation::softmax: return {0.01, 0.99};
        case Activation::tanh:
        case Activation::softsign: return {-0.99, 0.99};
        default: return {-std::numeric_limits<double>::infinity(), std::numeric_limits<double>::infinity()};
    }
}

}  // namespace

void HealthRecord::cut(std::ptrdiff_t done) const {
    const std::ptrdiff_t size = layers * health_columns;
    for (std::ptrdiff_t epoch = 0; epoch < epochs && values; ++epoch)
        if (epoch >= done || !measures(epoch))
            std::fill_n(values + epoch * size, size, std::numeric_limits<double>::quiet_NaN());
}

template <class T>
HealthMeter<T>::HealthMeter(Workspace<T>& w, const HealthRecord& record, const MeasuredSteps& measured,
                            const std::vector<bool>& frozen, bool plain)
    : steps(measured), w_(w), record_(record), plain_(plain), layers_(w.layers.size()) {
    std::ptrdiff_t units = 0, sums = 0;
    bool below = true;  // the lowest layer that learns
    for (std::size_t l = 0; l < layers_.size(); ++l) {
        const Layer& layer = w.network.layers[l];
        LayerMeter& m = layers_[l];
        const T factor = T(1 / (1 - layer.dropout));
        const FlatEnds ends = flat_ends(layer.activation);
        m.low = T(ends.low) * factor;
        m.high = T(ends.high) * factor;
        m.learns = frozen.empty() || !frozen[l];
        below &= !m.learns;
        m.has_delta = !below;
        m.units = units;
        for (std::ptrdiff_t j = 0; j < layer.N; j += columns_of_units)
            units_.push_back({l, j, std::min(columns_of_units, layer.N - j)});
        units += layer.N;
        m.sums = sums;
        const std::ptrdiff_t pieces = (layer.K + rows_of_part - 1) / rows_of_part, panel = w.kernels.panel;
        for (std::ptrdiff_t column = 0; column < layer.N; column += panel) {
            const std::ptrdiff_t columns = std::min(layer.N - column, panel);
            const std::ptrdiff_t width = columns <= w.kernels.lanes ? w.kernels.lanes : panel;
            for (std::ptrdiff_t i = 0; i < pieces; ++i) {
                const std::ptrdiff_t k = i * rows_of_part;
                parts_.push_back({l, column * round_up(layer.K, block) + k * width, std::min(rows_of_part, layer.K - k),
                                  width, columns, sums + i * layer.N + column});
            }
        }
        sums += pieces * layer.N;
        m.end = sums;
    }
    active_.resize(static_cast<std::size_t>(units));
    const auto parts = [&](auto&& part) {
        for (double** numbers : {&activity_.squares, &activity_.around, &activity_.around_squares, &delta_squares_})
            part(*numbers, units);
        for (T** numbers : {&activity_.flat, &activity_.active, &activity_.last}) part(*numbers, units);
        for (double** numbers : {&weights_, &gradients_, &updates_}) part(*numbers, sums);
        for (std::size_t l = 0; l < layers_.size(); ++l) {
            const std::ptrdiff_t size = panel_size(w.kernels, w.network.layers[l].K, w.network.layers[l].N);
            part(layers_[l].before, layers_[l].learns ? size : 0);
            part(layers_[l].dW, layers_[l].learns && plain ? size : 0);
        }
    };
    parts([&]<class U>(U*&, std::ptrdiff_t count) { arena_.reserve<U>(count); });
    arena_.allocate(Arena::Contents::any);
    parts([&]<class U>(U*& pointer, std::ptrdiff_t count) { pointer = arena_.take<U>(count); });
}

// Plain gradient descent updates the weights while dW is in registers, but where there is room for it.
template <class T>
void HealthMeter<T>::begin() {
    for (std::size_t l = 0; l < layers_.size() && plain_; ++l)
        if (layers_[l].learns) w_.layers[l].sums = layers_[l].dW;
}

template <class T>
void HealthMeter<T>::end() {
    for (std::size_t l = 0; l < layers_.size() && plain_; ++l) w_.layers[l].sums = nullptr;
}

template <class T>
void HealthMeter<T>::look(std::ptrdiff_t rows, int thread, int members) {
    const std::ptrdiff_t looked_at = std::min(rows, most_rows_looked_at), apart = rows / looked_at;
    const auto edge = [&](std::size_t n, int t) { return n * std::size_t(t) / std::size_t(members); };
    for (std::size_t i = edge(units_.size(), thread); i < edge(units_.size(), thread + 1); ++i) {
        const auto [l, begin, count] = units_[i];
        const LayerMeter& m = layers_[l];
        const LayerMemory<T>& from = w_.layers[l];
        const std::ptrdiff_t to = m.units + begin;
        w_.kernels.column_activity(looked_at, count, from.A + begin, apart * from.ld, m.low, m.high,
                                   {activity_.squares + to, activity_.around + to, activity_.around_squares + to,
                                    activity_.flat + to, activity_.active + to, activity_.last + to});
        if (m.has_delta)
            w_.kernels.column_squares(looked_at, count, from.dZ + begin, apart * from.ld, delta_squares_ + to);
    }
    for (std::size_t i = edge(parts_.size(), thread); i < edge(parts_.size(), thread + 1); ++i) {
        const Part& part = parts_[i];
        const T* weights = w_.layers[part.layer].weights + part.at;
        if (layers_[part.layer].learns)
            std::copy_n(weights, part.rows * part.width, layers_[part.layer].before + part.at);
        w_.kernels.column_squares(part.rows, part.columns, weights, part.width, weights_ + part.sums);
    }
}

template <class T>
void HealthMeter<T>::changes(int thread, int members) {
    const auto edge = [&](int t) { return parts_.size() * std::size_t(t) / std::size_t(members); };
    for (std::size_t i = edge(thread); i < edge(thread + 1); ++i) {
        const Part& part = parts_[i];
        if (!layers_[part.layer].learns) continue;
        const LayerMemory<T>& m = w_.layers[part.layer];
        w_.kernels.column_squares(part.rows, part.columns, m.sums + part.at, part.width, gradients_ + part.sums);
        const T* after = m.weights + part.at;
        T* change = layers_[part.layer].before + part.at;
        for (std::ptrdiff_t k = 0; k < part.rows * part.width; ++k) change[k] = after[k] - change[k];
        w_.kernels.column_squares(part.rows, part.columns, change, part.width, updates_ + part.sums);
    }
}

template <class T>
typename HealthMeter<T>::Values HealthMeter<T>::of_layer(std::size_t l, std::ptrdiff_t looked_at,
                                                         std::ptrdiff_t rows) const {
    const LayerMeter& m = layers_[l];
    const std::ptrdiff_t N = w_.network.layers[l].N;
    const double n = double(looked_at), entries = n * double(N);
    double squares = 0, variance = 0, flat = 0, active = 0, delta = 0;
    for (std::ptrdiff_t j = m.units; j < m.units + N; ++j) {
        const double mean = activity_.around[j] / n;
        squares += activity_.squares[j];
        variance += std::max(activity_.around_squares[j] / n - mean * mean, 0.0);
        flat += double(activity_.flat[j]);
        active += double(activity_.active[j]);
        if (m.has_delta) delta += delta_squares_[j];
    }
    double left = entries;  // by dropout, which makes zeros
    if (w_.network.layers[l].dropout > 0) {
        if (m.low > 0) flat -= entries - active;
        left = active;
    }
    double weights = 0, gradients = 0, updates = 0;
    for (std::ptrdiff_t i = m.sums; i < m.end; ++i) {
        weights += weights_[i];
        if (m.learns) gradients += gradients_[i], updates += updates_[i];
    }
    return {std::sqrt(squares / entries),
            looked_at > 1 ? std::sqrt(variance / double(N)) : std::numeric_limits<double>::quiet_NaN(),
            0,
            left > 0 ? flat / left : 0,
            std::sqrt(delta / entries) * double(rows),
            std::sqrt(gradients),
            std::sqrt(weights),
            std::sqrt(updates)};
}

// The share of the units that were 0 in all of the epoch.
template <class T>
double HealthMeter<T>::dead(std::size_t l) const {
    const auto begin = active_.begin() + layers_[l].units, end = begin + w_.network.layers[l].N;
    return double(std::count(begin, end, false)) / double(w_.network.layers[l].N);
}

template <class T>
void HealthMeter<T>::note(std::uint64_t step, std::ptrdiff_t rows) {
    const std::ptrdiff_t looked_at = std::min(rows, most_rows_looked_at);
    const std::ptrdiff_t epoch = epoch_of(step);
    const std::ptrdiff_t at = static_cast<std::ptrdiff_t>(step - record_.begin) - epoch * steps.in_epoch;
    if (steps.is_first(at)) {
        std::fill(active_.begin(), active_.end(), false);
        for (LayerMeter& m : layers_) m.total = {};
    }
    for (std::size_t i = 0; i < active_.size(); ++i)
        if (activity_.last[i] > 0) active_[i] = true;
    // Steps that are run again, to find one that is not finite, were counted before.
    for (std::ptrdiff_t i = 0; i < layers_.back().units && step >= noted_; ++i) {
        const auto last = static_cast<std::int64_t>(activity_.last[i]);
        record_.quiet[i] = last > 0 ? looked_at - last : record_.quiet[i] + looked_at;
    }
    noted_ = std::max(noted_, step + 1);
    for (std::size_t l = 0; l < layers_.size(); ++l) {
        const Values values = of_layer(l, looked_at, rows);
        for (std::size_t i = 0; i < values.size(); ++i) layers_[l].total[i] += values[i];
        if (!steps.is_last(at)) continue;
        double* to = record_.values + (epoch * record_.layers + std::ptrdiff_t(l)) * health_columns;
        for (std::size_t i = 0; i < values.size(); ++i) to[i] = layers_[l].total[i] / double(steps.count);
        to[2] = dead(l);
    }
}

template class HealthMeter<float>;
template class HealthMeter<double>;

}  // namespace chainrule

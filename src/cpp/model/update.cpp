// The update of the weights where it is not plain gradient descent. The gradient of a unit is left in panels of its own, and
// the update follows while it is in cache; with a limit of the norm of all gradients there is a barrier between the two.
#include <algorithm>
#include <cmath>

#include "model/step.hpp"

namespace chainrule {
namespace {

// The length of the whole gradient is that plus this in the divisor, as in other libraries.
constexpr double norm_epsilon = 1e-6;

// Adds the squares of a column to `sum`, each cut off at `limit` first; NaN is found by the update.
template <class T>
void add_row_of_squares(const T* x, std::ptrdiff_t n, double limit, double* sum) {
    for (std::ptrdiff_t j = 0; j < n; ++j) {
        const double size = std::fabs(double(x[j])), cut = size < limit ? size : limit;
        sum[j] += cut * cut;
    }
}

}  // namespace

// Where a unit's numbers are in the panels of its layer, and how many.
template <class T>
typename Step<T>::Range Step<T>::range(const WeightUnit& unit) const {
    const Layer& layer = w_.network.layers[static_cast<std::size_t>(unit.layer)];
    const std::ptrdiff_t column = unit.panel * w_.kernels.panel;
    const std::ptrdiff_t width = layer.N - column <= w_.kernels.lanes ? w_.kernels.lanes : w_.kernels.panel;
    return {column * round_up(layer.K, block) + unit.k0 * width, (unit.k1 - unit.k0) * width};
}

// Plain gradient descent with sums that were kept: the bits of the update in registers.
template <class T>
bool Step<T>::update_plainly(const WeightUnit& unit, const Sgd<T>& sgd) {
    const LayerMemory<T>& m = w_.layers[static_cast<std::size_t>(unit.layer)];
    const auto [at, n] = range(unit);
    return w_.kernels.update(n, sgd, m.weights + at, m.velocity + at, m.sums + at);
}

template <class T>
bool Step<T>::update_unit(const WeightUnit& unit, const Rule<T>& rule) {
    const Layer& layer = w_.network.layers[static_cast<std::size_t>(unit.layer)];
    const LayerMemory<T>& m = w_.layers[static_cast<std::size_t>(unit.layer)];
    const auto [at, n] = range(unit);
    const bool finite = w_.kernels.apply_rule(n, rule, m.weights + at, m.velocity + at,
                                              m.square ? m.square + at : nullptr, m.sums + at);
    if (m.transposed)
        w_.kernels.transpose_part(layer.K, layer.N, unit.panel, unit.k0, unit.k1, m.weights, m.transposed);
    return finite;
}

template <class T>
bool Step<T>::update_biases(std::ptrdiff_t l, const Columns& mine, const Rule<T>& rule) {
    const LayerMemory<T>& m = w_.layers[static_cast<std::size_t>(l)];
    return w_.kernels.apply_rule(mine.end - mine.begin, of_biases(rule), m.bias + mine.begin,
                                 m.bias_velocity + mine.begin, m.bias_square ? m.bias_square + mine.begin : nullptr,
                                 m.bias_gradient + mine.begin);
}

// What all gradients are multiplied by. Each thread adds the squares of all columns, layer by layer, in their order:
// widths of panels, which differ between instruction sets, and threads do not matter.
template <class T>
double Step<T>::clip_scale() const {
    double sum = 0;
    for (const double column : squares_) sum += column;
    for (std::size_t l = 0; w_.network.bias != BiasMode::none && l < w_.layers.size(); ++l) {
        const std::ptrdiff_t n = w_.network.bias == BiasMode::layer ? 1 : w_.network.layers[l].N;
        for (std::ptrdiff_t j = 0; j < n && !frozen_[l]; ++j)
            add_row_of_squares(w_.layers[l].bias_gradient + j, 1, rule_.clip_value, &sum);
    }
    const double scale = rule_.clip_norm / (std::sqrt(sum) + norm_epsilon);
    return scale < 1 ? scale : 1;
}

template <class T>
void Step<T>::add_squares(std::size_t i) {
    const WeightUnit& unit = units_[i];
    const std::size_t l = static_cast<std::size_t>(unit.layer);
    const auto [at, count] = range(unit);
    const std::ptrdiff_t width = count / (unit.k1 - unit.k0);
    const std::ptrdiff_t columns = std::min(width, w_.network.layers[l].N - unit.panel * w_.kernels.panel);
    double* sums = squares_.data() + unit.squares;
    std::fill_n(sums, columns, 0.0);
    for (std::ptrdiff_t k = 0; k < unit.k1 - unit.k0; ++k)
        add_row_of_squares(w_.layers[l].sums + at + k * width, columns, rule_.clip_value, sums);
}

template <class T>
bool Step<T>::update_all(const StepRequest<T>& request, int thread, int members, Barrier& barrier) {
    const bool plain = rule_.is_plain(), at_once = !plain && !rule_.clips_norm();
    const Sgd<T> sgd = rule_.template sgd<T>(request.learning_rate, request.weight);
    Sgd<T> without_decay = sgd;
    without_decay.weight_decay = 0;
    const Rule<T> rule =
        at_once ? rule_.template at<T>(request.learning_rate, request.t, 1, request.weight) : Rule<T>{};
    bool finite = true;
    for (std::size_t i = first_unit(thread, members); i < first_unit(thread + 1, members); ++i) {
        const WeightUnit& unit = units_[i];
        const LayerMemory<T>& m = w_.layers[static_cast<std::size_t>(unit.layer)];
        const Columns all{0, w_.network.layers[static_cast<std::size_t>(unit.layer)].N};
        if (plain && unit.panel < 0) {
            finite &= w_.kernels.update(all.end, without_decay, m.bias, m.bias_velocity, m.bias_gradient);
        } else if (plain) {
            finite &= update_plainly(unit, sgd);
        } else if (at_once) {
            finite &= unit.panel < 0 ? update_biases(unit.layer, all, rule) : update_unit(unit, rule);
        } else if (unit.panel >= 0) {
            add_squares(i);
        }
    }
    return plain ? finite : finite & late_update(request, thread, members, barrier);
}

// The update after all gradients are known, and the limit of the units' weights after all updates.
template <class T>
bool Step<T>::late_update(const StepRequest<T>& request, int thread, int members, Barrier& barrier) {
    bool finite = true;
    if (rule_.clips_norm()) {
        barrier.wait();
        const Rule<T> rule = rule_.template at<T>(request.learning_rate, request.t, clip_scale(), request.weight);
        const bool columns = own_columns(w_, members);
        const std::size_t last = columns ? units_.size() : first_unit(thread + 1, members);
        for (std::size_t i = columns ? 0 : first_unit(thread, members); i < last; ++i) {
            const WeightUnit& unit = units_[i];
            const std::ptrdiff_t N = w_.network.layers[static_cast<std::size_t>(unit.layer)].N;
            if (unit.panel >= 0) {
                if (!columns || owns(i, thread, members)) finite &= update_unit(unit, rule);
                continue;
            }
            const Columns mine = columns ? bias_columns(w_, unit.layer, thread, members) : Columns{0, N};
            if (mine.begin < mine.end) finite &= update_biases(unit.layer, mine, rule);
        }
    }
    if (rule_.limits_norm()) {
        barrier.wait();
        std::ptrdiff_t i = 0;
        for (const WeightUnit& unit : units_) {
            if (unit.panel < 0 || unit.k0 > 0 || i++ % members != thread) continue;
            const Layer& layer = w_.network.layers[static_cast<std::size_t>(unit.layer)];
            const LayerMemory<T>& m = w_.layers[static_cast<std::size_t>(unit.layer)];
            w_.kernels.limit_norms(layer.K, layer.N, unit.panel, T(rule_.max_norm), m.weights, m.transposed);
        }
    }
    return finite;
}

#define CR_INSTANTIATE(T)                                                                 \
    template Step<T>::Range Step<T>::range(const WeightUnit&) const;                      \
    template bool Step<T>::update_plainly(const WeightUnit&, const Sgd<T>&);              \
    template bool Step<T>::update_unit(const WeightUnit&, const Rule<T>&);                \
    template bool Step<T>::update_biases(std::ptrdiff_t, const Columns&, const Rule<T>&); \
    template double Step<T>::clip_scale() const;                                          \
    template void Step<T>::add_squares(std::size_t);                                      \
    template bool Step<T>::update_all(const StepRequest<T>&, int, int, Barrier&);         \
    template bool Step<T>::late_update(const StepRequest<T>&, int, int, Barrier&);
CR_INSTANTIATE(float)
CR_INSTANTIATE(double)

}  // namespace chainrule

#include "model/step.hpp"

#include <algorithm>

#include "model/columns.hpp"

namespace chainrule {
namespace {

// Rows of a weight panel that one unit takes: 112 = 8 tiles of 14 = 7 blocks of 16, so that nothing is cut.
// While they pass all panels their columns of A stay in the second-level cache, and dZ is read once for each unit:
// large layers, whose dZ does not stay there, take twice as many.
constexpr std::ptrdiff_t unit_rows = 112;

}  // namespace

template <class T>
Step<T>::Step(Workspace<T>& workspace, const TypedLoss<T>& loss, const CustomLoss<T>& custom, const RuleNumbers& rule,
              const std::vector<bool>& frozen)
    : w_(workspace), loss_(loss), custom_(custom), rule_(rule), frozen_(frozen) {
    frozen_.resize(w_.layers.size());
    while (lowest_ + 1 < w_.layers.size() && frozen_[lowest_]) ++lowest_;
    std::ptrdiff_t squares = 0;
    for (std::ptrdiff_t l = 0; l < w_.network.n_layers(); ++l) {
        const Layer& layer = w_.network.layers[static_cast<std::size_t>(l)];
        const std::ptrdiff_t panel = w_.kernels.panel, lanes = w_.kernels.lanes;
        const std::ptrdiff_t most = is_large(layer, w_.batch) ? 2 * unit_rows : unit_rows;
        const std::ptrdiff_t pieces = (layer.K + most - 1) / most;
        const std::ptrdiff_t piece = round_up((layer.K + pieces - 1) / pieces, block);
        for (std::ptrdiff_t k = 0; k < layer.K && !frozen_[static_cast<std::size_t>(l)]; k += piece)
            for (std::ptrdiff_t p = 0; p * panel < layer.N; ++p) {
                const std::ptrdiff_t end = std::min(k + piece, layer.K);
                units_.push_back({l, p, k, end, double(end - k) * double(layer.N - p * panel <= lanes ? lanes : panel),
                                  squares + k / piece * layer.N + p * panel});
            }
        squares += pieces * layer.N;
        if (w_.network.bias != BiasMode::none && !frozen_[static_cast<std::size_t>(l)])
            units_.push_back({l, -1, 0, 0, double(round_up(layer.N, lanes)), 0});
    }
    for (const WeightUnit& unit : units_) total_work_ += unit.work;
    if (rule_.clips_norm()) squares_.resize(static_cast<std::size_t>(squares));
}

template <class T>
std::size_t Step<T>::first_unit(int thread, int members) const {
    double before = 0;
    const double share = total_work_ * thread / members;
    for (std::size_t i = 0; i < units_.size(); ++i) {
        if (before + units_[i].work / 2 > share) return thread == 0 ? 0 : i;
        before += units_[i].work;
    }
    return thread == 0 ? 0 : units_.size();
}

template <class T>
void Step<T>::gather(const StepRequest<T>& request, std::ptrdiff_t r0, std::ptrdiff_t r1) {
    const Data<T>& data = *request.data;
    const std::ptrdiff_t n_in = w_.network.n_in(), n_out = w_.network.n_out();
    for (std::ptrdiff_t r = r0; r < r1; ++r) {
        const std::ptrdiff_t row = request.order ? static_cast<std::ptrdiff_t>(request.order[r]) : r;
        std::copy_n(data.X + row * data.ldx, n_in, w_.X + r * w_.ldx);
        loss_.target(data, row, n_out, w_.Y + r * w_.ldy);
        if (w_.weight) w_.weight[r] = data.weight[row];
    }
}

// Noise and dropout of gathered rows. The numbers of all rows of a batch are one sequence.
template <class T>
void Step<T>::disturb(const StepRequest<T>& request, std::ptrdiff_t r0, std::ptrdiff_t r1, T* numbers) {
    const std::ptrdiff_t n_in = w_.network.n_in(), count = (r1 - r0) * n_in;
    const auto start = static_cast<std::uint64_t>(r0 * n_in);
    const auto each = [&](auto change) {
        for (std::ptrdiff_t r = r0; r < r1; ++r)
            for (std::ptrdiff_t k = 0; k < n_in; ++k) change(w_.X[r * w_.ldx + k], numbers[(r - r0) * n_in + k]);
    };
    if (w_.network.input_noise > 0) {
        const T deviation = T(w_.network.input_noise);
        w_.kernels.gaussian_noise(request.seed, input_noise_stream, request.step, start, count, numbers);
        each([=](T& x, T z) { x += deviation * z; });
    }
    if (const double rate = w_.network.input_dropout; rate > 0) {
        w_.kernels.dropout_mask(request.seed, input_dropout_stream, request.step, start, count, dropout_threshold(rate),
                                T(1 / (1 - rate)), numbers);
        each([](T& x, T factor) { x *= factor; });
    }
}

template <class T>
typename Step<T>::Part Step<T>::rows_of(std::ptrdiff_t r0, std::ptrdiff_t r1, std::size_t layer) const {
    return {r0, r1, 0, w_.network.layers[layer].N, false};
}

// Part of a layer's outputs: activations of a hidden layer, weighted sums of the last.
template <class T>
void Step<T>::forward(const StepRequest<T>& request, std::size_t l, const Part& part, int thread) {
    const auto [r0, r1, c0, c1, elsewhere] = part;
    const std::size_t last = w_.layers.size() - 1;
    const Layer& layer = w_.network.layers[l];
    const LayerMemory<T>& m = w_.layers[l];
    const std::ptrdiff_t lda = l ? w_.layers[l - 1].ld : w_.ldx;
    T* out = m.A + r0 * m.ld + c0;
    const bool relu = layer.activation == Activation::relu && l < last;
    w_.kernels.product({.rows = r1 - r0,
                        .K = layer.K,
                        .N = c1 - c0,
                        .A = (l ? w_.layers[l - 1].A : w_.X) + r0 * lda,
                        .lda = lda,
                        .panels = m.weights + c0 * round_up(layer.K, block),
                        .bias = m.bias ? m.bias + c0 : nullptr,
                        .C = out,
                        .ldc = m.ld,
                        .epilogue = relu ? Epilogue::relu : Epilogue::store,
                        .scratch = is_large(layer, w_.batch) ? w_.scratch[static_cast<std::size_t>(thread)] : nullptr,
                        .from_another_core = elsewhere});
    if (l == last) return;
    if (slope_needs_input(layer.activation))
        w_.kernels.activate_with_slope(layer.activation, r1 - r0, c1 - c0, out, m.ld, m.slope + r0 * m.ld + c0, m.ld);
    else if (!relu)
        w_.kernels.activate(layer.activation, r1 - r0, c1 - c0, out, m.ld, out, m.ld);
    if (layer.dropout > 0) drop(request, l, part, w_.masks[static_cast<std::size_t>(thread)]);
}

template <class T>
void Step<T>::drop(const StepRequest<T>& request, std::size_t l, const Part& part, T* mask) {
    const auto [r0, r1, c0, c1, elsewhere] = part;
    const Layer& layer = w_.network.layers[l];
    const LayerMemory<T>& m = w_.layers[l];
    const bool whole = c1 - c0 == layer.N;  // then the words of all rows are one sequence
    const std::ptrdiff_t at_once = whole ? r1 - r0 : 1;
    for (std::ptrdiff_t r = r0; r < r1; r += at_once) {
        T* out = m.A + r * m.ld + c0;
        w_.kernels.dropout_mask(request.seed, dropout_stream + static_cast<std::uint32_t>(l), request.step,
                                static_cast<std::uint64_t>(r * layer.N + c0), at_once * (c1 - c0),
                                dropout_threshold(layer.dropout), T(1 / (1 - layer.dropout)), mask);
        w_.kernels.dropout(layer.activation, at_once, c1 - c0, out, m.ld, mask, m.slope + r * m.ld + c0, m.ld);
    }
}

template <class T>
void Step<T>::output(const StepRequest<T>& request, std::ptrdiff_t r0, std::ptrdiff_t r1) {
    const LayerMemory<T>& m = w_.layers.back();
    const Layer& layer = w_.network.layers.back();
    const T scale = gradient_scale<T>(loss_.objective().loss, request.weight, layer.N);
    w_.kernels.output_loss(loss_.objective(), layer.activation, r1 - r0, layer.N, scale,
                           w_.weight ? w_.weight + r0 : nullptr, m.A + r0 * m.ld, m.ld, w_.Y + r0 * w_.ldy, w_.ldy,
                           m.dZ + r0 * m.ld, m.ld, w_.row_loss + r0);
}

// The same where the loss is computed elsewhere. The slope of the output activation waits in dZ, but for softmax.
template <class T>
void Step<T>::custom_output(const StepRequest<T>& request) {
    const LayerMemory<T>& m = w_.layers.back();
    const Layer& layer = w_.network.layers.back();
    const bool softmax = layer.activation == Activation::softmax;
    if (softmax)
        w_.kernels.activate(layer.activation, request.rows, layer.N, m.A, m.ld, m.A, m.ld);
    else
        w_.kernels.activate_with_slope(layer.activation, request.rows, layer.N, m.A, m.ld, m.dZ, m.ld);
    double value = 0;
    failed_ = !custom_.call(custom_.context, request.rows, layer.N, m.A, m.ld, w_.Y, w_.ldy, m.custom, m.ld, value);
    if (failed_) return;
    std::fill_n(w_.row_loss, request.rows, value);  // their mean is the loss
    if (softmax)
        w_.kernels.activation_gradient(layer.activation, request.rows, layer.N, m.A, m.ld, nullptr, 0, m.custom, m.ld,
                                       m.dZ, m.ld);
    else
        for (std::ptrdiff_t r = 0; r < request.rows; ++r)
            for (std::ptrdiff_t j = 0; j < layer.N; ++j) m.dZ[r * m.ld + j] *= m.custom[r * m.ld + j];
}

// dA of layer l-1 = dZ of layer l times W^T, and dZ = dA f'(z) of it; `part` is of layer l-1.
template <class T>
void Step<T>::backward(std::size_t l, const Part& part, int thread) {
    const auto [r0, r1, c0, c1, elsewhere] = part;
    const Layer& layer = w_.network.layers[l];
    const Activation activation = w_.network.layers[l - 1].activation;
    const LayerMemory<T>&from = w_.layers[l], &to = w_.layers[l - 1];
    const std::ptrdiff_t at = r0 * to.ld + c0;
    T* dZ = to.dZ + at;
    const T* A = to.A + at;
    const bool relu = activation == Activation::relu && !to.slope;
    const Epilogue epilogue = to.slope ? Epilogue::times : relu ? Epilogue::relu_gradient : Epilogue::store;
    w_.kernels.product({.rows = r1 - r0,
                        .K = layer.N,
                        .N = c1 - c0,
                        .A = from.dZ + r0 * from.ld,
                        .lda = from.ld,
                        .panels = from.transposed ? from.transposed + c0 * round_up(layer.N, block) : from.weights,
                        .transposed = !from.transposed,  // a large layer, of which all columns are wanted
                        .C = dZ,
                        .ldc = to.ld,
                        .epilogue = epilogue,
                        .other = to.slope ? to.slope + at : A,
                        .ldo = to.ld,
                        .scratch = is_large(layer, w_.batch) ? w_.scratch[static_cast<std::size_t>(thread)] : nullptr,
                        .from_another_core = elsewhere});
    if (epilogue == Epilogue::store && activation != Activation::identity)
        w_.kernels.activation_gradient(activation, r1 - r0, c1 - c0, A, to.ld, nullptr, 0, dZ, to.ld, dZ, to.ld);
}

template <class T>
void Step<T>::go_forward(const StepRequest<T>& request, std::ptrdiff_t r0, std::ptrdiff_t r1, int thread) {
    gather(request, r0, r1);
    if (w_.network.disturbs_inputs()) disturb(request, r0, r1, w_.masks[static_cast<std::size_t>(thread)]);
    for (std::size_t l = 0; l < w_.layers.size(); ++l) forward(request, l, rows_of(r0, r1, l), thread);
}

template <class T>
void Step<T>::go_back(std::ptrdiff_t r0, std::ptrdiff_t r1, int thread) {
    for (std::size_t l = w_.layers.size() - 1; l > lowest_; --l) backward(l, rows_of(r0, r1, l - 1), thread);
}

template <class T>
void Step<T>::rows_pass(const StepRequest<T>& request, int thread, int members) {
    const auto forward = [&](std::ptrdiff_t r0, std::ptrdiff_t r1) { go_forward(request, r0, r1, thread); };
    const auto back = [&](std::ptrdiff_t r0, std::ptrdiff_t r1) { go_back(r0, r1, thread); };
    if (custom_.call) {  // it wants the outputs of all rows
        each_block(request.rows, thread, members, forward);
        if (request.rows * thread / members < request.rows * (thread + 1) / members) custom_output(request);
        if (!failed_) each_block(request.rows, thread, members, back);
        return;
    }
    each_block(request.rows, thread, members, [&](std::ptrdiff_t r0, std::ptrdiff_t r1) {
        forward(r0, r1);
        output(request, r0, r1);
        back(r0, r1);
    });
}

template <class T>
void Step<T>::forward_rows(const StepRequest<T>& request, int thread, int members) {
    each_block(request.rows, thread, members,
               [&](std::ptrdiff_t r0, std::ptrdiff_t r1) { go_forward(request, r0, r1, thread); });
}

template <class T>
void Step<T>::backward_rows(std::ptrdiff_t rows, int thread, int members) {
    each_block(rows, thread, members, [&](std::ptrdiff_t r0, std::ptrdiff_t r1) { go_back(r0, r1, thread); });
}

template <class T>
void Step<T>::passes(const StepRequest<T>& request, int thread, int members, Barrier& barrier) {
    if (own_columns(w_, members))
        columns_pass(request, thread, members, barrier);
    else
        rows_pass(request, thread, members);
}

// All columns are mine where the layer has one bias.
template <class T>
void Step<T>::bias_gradient(std::ptrdiff_t l, std::ptrdiff_t rows, const Columns& mine) {
    const LayerMemory<T>& m = w_.layers[static_cast<std::size_t>(l)];
    const std::ptrdiff_t n = mine.end - mine.begin;
    T* gradient = m.bias_gradient + mine.begin;
    w_.kernels.column_sums(rows, n, m.dZ + mine.begin, m.ld, gradient);
    if (w_.network.bias == BiasMode::layer) {
        T sum = 0;
        for (std::ptrdiff_t j = 0; j < n; ++j) sum += gradient[j];
        std::fill(gradient, gradient + n, sum);
    }
}

template <class T>
void Step<T>::fetch(const StepRequest<T>& request, std::ptrdiff_t r0, std::ptrdiff_t r1) const {
    constexpr std::ptrdiff_t line = 64 / static_cast<std::ptrdiff_t>(sizeof(T));
    for (std::ptrdiff_t r = r0; r < r1; ++r) {
        const T* row = request.data->X + static_cast<std::ptrdiff_t>(request.order[r]) * request.data->ldx;
        for (std::ptrdiff_t k = 0; k < w_.network.n_in(); k += line) __builtin_prefetch(row + k, 0, 2);
    }
}

// `packed`: what pack_columns made of its columns of A, or null.
template <class T>
bool Step<T>::weight_unit(const WeightUnit& unit, std::ptrdiff_t rows, const Sgd<T>& sgd, T* packed) {
    const std::size_t l = static_cast<std::size_t>(unit.layer);
    const Layer& layer = w_.network.layers[l];
    const LayerMemory<T>& m = w_.layers[l];
    return w_.kernels.weight_gradient({.rows = rows,
                                       .K = layer.K,
                                       .N = layer.N,
                                       .A = l ? w_.layers[l - 1].A : w_.X,
                                       .lda = l ? w_.layers[l - 1].ld : w_.ldx,
                                       .dZ = m.dZ,
                                       .ldz = m.ld,
                                       .gradient = m.gradient,
                                       .sums = m.sums,
                                       .weights = m.weights,
                                       .velocity = m.velocity,
                                       .transposed = m.transposed,
                                       .sgd = sgd,
                                       .packed = packed},
                                      unit.panel, unit.k0, unit.k1);
}

template <class T>
bool Step<T>::weights_phase(const StepRequest<T>& request, int thread, int members, const StepRequest<T>* next,
                            Barrier& barrier) {
    const std::ptrdiff_t rows = request.rows;
    const Sgd<T> sgd = rule_.template sgd<T>(request.learning_rate, request.weight);
    Sgd<T> without_decay = sgd;
    without_decay.weight_decay = 0;
    const bool plain = rule_.is_plain(), at_once = !plain && !rule_.clips_norm();
    const Rule<T> rule =
        at_once ? rule_.template at<T>(request.learning_rate, request.t, 1, request.weight) : Rule<T>{};
    const bool columns = own_columns(w_, members);
    const std::size_t first = columns ? 0 : first_unit(thread, members);
    const std::size_t last = columns ? units_.size() : first_unit(thread + 1, members);
    const std::ptrdiff_t begin = next ? next->rows * thread / members : 0;
    const std::ptrdiff_t count = next ? next->rows * (thread + 1) / members - begin : 0;
    const auto share = [&](std::size_t i) {
        return begin + count * std::ptrdiff_t(i - first) / std::ptrdiff_t(last - first);
    };
    bool finite = true;
    const WeightUnit* before = nullptr;
    for (std::size_t i = first; i < last; ++i) {
        if (next) fetch(*next, share(i), share(i + 1));
        const WeightUnit& unit = units_[i];
        const Layer& layer = w_.network.layers[static_cast<std::size_t>(unit.layer)];
        if (unit.panel < 0) {
            const Columns mine = columns ? bias_columns(w_, unit.layer, thread, members) : Columns{0, layer.N};
            if (mine.begin == mine.end) continue;
            const LayerMemory<T>& m = w_.layers[static_cast<std::size_t>(unit.layer)];
            bias_gradient(unit.layer, rows, mine);
            if (plain && !m.gradient)
                finite &= w_.kernels.update(mine.end - mine.begin, without_decay, m.bias + mine.begin,
                                            m.bias_velocity + mine.begin, m.bias_gradient + mine.begin);
            else if (at_once)
                finite &= update_biases(unit.layer, mine, rule);
            continue;
        }
        if (columns && !owns(i, thread, members)) continue;
        T* const packed = is_large(layer, w_.batch) ? w_.scratch[static_cast<std::size_t>(thread)] : nullptr;
        if (packed && (!before || before->k0 != unit.k0 || before->layer != unit.layer)) {
            const std::size_t l = static_cast<std::size_t>(unit.layer);
            const T* A = l ? w_.layers[l - 1].A : w_.X;
            w_.kernels.pack_columns(rows, unit.k1 - unit.k0, A + unit.k0, l ? w_.layers[l - 1].ld : w_.ldx, packed);
        }
        finite &= weight_unit(unit, rows, sgd, packed);
        if (at_once)
            finite &= update_unit(unit, rule);
        else if (!plain)
            add_squares(i);
        else if (const LayerMemory<T>& m = w_.layers[static_cast<std::size_t>(unit.layer)]; m.sums && !m.gradient) {
            finite &= update_plainly(unit, sgd);
            if (m.transposed)
                w_.kernels.transpose_part(layer.K, layer.N, unit.panel, unit.k0, unit.k1, m.weights, m.transposed);
        }
        before = &unit;
    }
    return plain ? finite : finite & late_update(request, thread, members, barrier);
}

template class Step<float>;
template class Step<double>;

}  // namespace chainrule

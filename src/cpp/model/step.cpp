#include "model/step.hpp"

#include <algorithm>
#include <cmath>

namespace chainrule {
namespace {

// Rows of a weight panel that one unit takes: 112 = 8 tiles of 14 = 7 blocks of 16, so that nothing is cut.
// While they pass all panels their columns of A stay in the second-level cache, and dZ is read once for each unit:
// large layers, whose dZ does not stay there, take twice as many.
constexpr std::ptrdiff_t unit_rows = 112;

}  // namespace

template <class T>
Step<T>::Step(Workspace<T>& workspace, Loss loss, const Sgd<T>& sgd) : w_(workspace), loss_(loss), sgd_(sgd) {
    for (std::ptrdiff_t l = 0; l < w_.network.n_layers(); ++l) {
        const Layer& layer = w_.network.layers[static_cast<std::size_t>(l)];
        const std::ptrdiff_t panel = w_.kernels.panel, lanes = w_.kernels.lanes;
        const std::ptrdiff_t most = is_large(layer) ? 2 * unit_rows : unit_rows;
        const std::ptrdiff_t pieces = (layer.K + most - 1) / most;
        const std::ptrdiff_t piece = round_up((layer.K + pieces - 1) / pieces, block);
        for (std::ptrdiff_t k = 0; k < layer.K; k += piece)
            for (std::ptrdiff_t p = 0; p * panel < layer.N; ++p) {
                const std::ptrdiff_t end = std::min(k + piece, layer.K);
                units_.push_back(
                    {l, p, k, end, double(end - k) * double(layer.N - p * panel <= lanes ? lanes : panel)});
            }
        if (w_.network.bias != BiasMode::none) units_.push_back({l, -1, 0, 0, double(round_up(layer.N, lanes))});
    }
    for (const WeightUnit& unit : units_) total_work_ += unit.work;
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
        T* y = w_.Y + r * w_.ldy;
        if (data.labels) {
            std::fill(y, y + n_out, T(0));
            y[data.labels[row]] = 1;
        } else {
            std::copy_n(data.Y + row * data.ldy, n_out, y);
        }
    }
}

template <class T>
void Step<T>::forward(const StepRequest<T>& request, std::ptrdiff_t r0, std::ptrdiff_t r1, T* mask, T* scratch) {
    const T* A = w_.X + r0 * w_.ldx;
    std::ptrdiff_t lda = w_.ldx;
    const std::size_t last = w_.layers.size() - 1;
    for (std::size_t l = 0; l <= last; ++l) {
        const Layer& layer = w_.network.layers[l];
        LayerMemory<T>& m = w_.layers[l];
        T* out = m.A + r0 * m.ld;
        const bool relu = layer.activation == Activation::relu && l < last;
        w_.kernels.product({.rows = r1 - r0,
                            .K = layer.K,
                            .N = layer.N,
                            .A = A,
                            .lda = lda,
                            .panels = m.weights,
                            .bias = m.bias,
                            .C = out,
                            .ldc = m.ld,
                            .epilogue = relu ? Epilogue::relu : Epilogue::store,
                            .scratch = is_large(layer) ? scratch : nullptr});
        if (l < last) {
            if (!relu) w_.kernels.activate(layer.activation, r1 - r0, layer.N, out, m.ld, out, m.ld);
            if (layer.dropout > 0) {
                const auto threshold = static_cast<std::uint64_t>(std::floor(layer.dropout * 4294967296.0));
                w_.kernels.dropout_mask(request.seed, dropout_stream + static_cast<std::uint32_t>(l), request.step,
                                        static_cast<std::uint64_t>(r0 * layer.N), (r1 - r0) * layer.N, threshold,
                                        T(1 / (1 - layer.dropout)), mask);
                w_.kernels.dropout(layer.activation, r1 - r0, layer.N, out, m.ld, mask, m.slope + r0 * m.ld, m.ld);
            }
        }
        A = out;
        lda = m.ld;
    }
    LayerMemory<T>& m = w_.layers[last];
    const Layer& layer = w_.network.layers[last];
    const T scale = gradient_scale<T>(loss_, request.rows, layer.N);
    w_.kernels.output_loss(loss_, layer.activation, r1 - r0, layer.N, scale, m.A + r0 * m.ld, m.ld, w_.Y + r0 * w_.ldy,
                           w_.ldy, m.dZ + r0 * m.ld, m.ld, w_.row_loss + r0);
}

// dA of layer l-1 = dZ of layer l times W^T, and dZ = dA f'(z) of it.
template <class T>
void Step<T>::backward(std::ptrdiff_t r0, std::ptrdiff_t r1, T* scratch) {
    for (std::size_t l = w_.layers.size() - 1; l > 0; --l) {
        const Layer& layer = w_.network.layers[l];
        const Activation activation = w_.network.layers[l - 1].activation;
        const LayerMemory<T>&from = w_.layers[l], &to = w_.layers[l - 1];
        T* dZ = to.dZ + r0 * to.ld;
        const T* A = to.A + r0 * to.ld;
        const bool relu = activation == Activation::relu && !to.slope;
        const Epilogue epilogue = to.slope ? Epilogue::times : relu ? Epilogue::relu_gradient : Epilogue::store;
        w_.kernels.product({.rows = r1 - r0,
                            .K = layer.N,
                            .N = layer.K,
                            .A = from.dZ + r0 * from.ld,
                            .lda = from.ld,
                            .panels = from.transposed ? from.transposed : from.weights,
                            .transposed = !from.transposed,
                            .C = dZ,
                            .ldc = to.ld,
                            .epilogue = epilogue,
                            .other = to.slope ? to.slope + r0 * to.ld : A,
                            .ldo = to.ld,
                            .scratch = is_large(layer) ? scratch : nullptr});
        if (epilogue == Epilogue::store && activation != Activation::identity)
            w_.kernels.activation_gradient(activation, r1 - r0, layer.K, A, to.ld, dZ, to.ld, dZ, to.ld);
    }
}

template <class T>
void Step<T>::rows_phase(const StepRequest<T>& request, int thread, int members) {
    const std::ptrdiff_t begin = request.rows * thread / members, end = request.rows * (thread + 1) / members;
    if (begin == end) return;
    const std::size_t t = static_cast<std::size_t>(thread);
    const std::ptrdiff_t blocks = (end - begin + w_.rows_at_once - 1) / w_.rows_at_once;
    for (std::ptrdiff_t b = 0; b < blocks; ++b) {
        const std::ptrdiff_t r0 = begin + (end - begin) * b / blocks, r1 = begin + (end - begin) * (b + 1) / blocks;
        gather(request, r0, r1);
        forward(request, r0, r1, w_.masks[t], w_.scratch[t]);
        backward(r0, r1, w_.scratch[t]);
    }
}

template <class T>
bool Step<T>::bias_unit(std::ptrdiff_t l, std::ptrdiff_t rows) {
    const LayerMemory<T>& m = w_.layers[static_cast<std::size_t>(l)];
    const std::ptrdiff_t N = w_.network.layers[static_cast<std::size_t>(l)].N;
    w_.kernels.column_sums(rows, N, m.dZ, m.ld, m.bias_gradient);
    if (w_.network.bias == BiasMode::layer) {
        T sum = 0;
        for (std::ptrdiff_t j = 0; j < N; ++j) sum += m.bias_gradient[j];
        std::fill(m.bias_gradient, m.bias_gradient + N, sum);
    }
    if (m.gradient) return true;
    Sgd<T> without_decay = sgd_;
    without_decay.weight_decay = 0;
    return w_.kernels.update(N, without_decay, m.bias, m.bias_velocity, m.bias_gradient);
}

template <class T>
void Step<T>::fetch(const StepRequest<T>& request, std::ptrdiff_t r0, std::ptrdiff_t r1) const {
    constexpr std::ptrdiff_t line = 64 / static_cast<std::ptrdiff_t>(sizeof(T));
    for (std::ptrdiff_t r = r0; r < r1; ++r) {
        const T* row = request.data->X + static_cast<std::ptrdiff_t>(request.order[r]) * request.data->ldx;
        for (std::ptrdiff_t k = 0; k < w_.network.n_in(); k += line) __builtin_prefetch(row + k, 0, 2);
    }
}

template <class T>
bool Step<T>::weights_phase(std::ptrdiff_t rows, int thread, int members, const StepRequest<T>* next) {
    const std::size_t first = first_unit(thread, members), last = first_unit(thread + 1, members);
    const std::ptrdiff_t begin = next ? next->rows * thread / members : 0;
    const std::ptrdiff_t count = next ? next->rows * (thread + 1) / members - begin : 0;
    const auto share = [&](std::size_t i) {
        return begin + count * std::ptrdiff_t(i - first) / std::ptrdiff_t(last - first);
    };
    bool finite = true;
    for (std::size_t i = first; i < last; ++i) {
        if (next) fetch(*next, share(i), share(i + 1));
        const WeightUnit& unit = units_[i];
        if (unit.panel < 0) {
            finite &= bias_unit(unit.layer, rows);
            continue;
        }
        const std::size_t l = static_cast<std::size_t>(unit.layer);
        const Layer& layer = w_.network.layers[l];
        const LayerMemory<T>& m = w_.layers[l];
        const T* A = l ? w_.layers[l - 1].A : w_.X;
        const std::ptrdiff_t lda = l ? w_.layers[l - 1].ld : w_.ldx;
        T* const scratch = is_large(layer) ? w_.scratch[static_cast<std::size_t>(thread)] : nullptr;
        if (scratch && (i == first || units_[i - 1].k0 != unit.k0 || units_[i - 1].layer != unit.layer))
            w_.kernels.pack_columns(rows, unit.k1 - unit.k0, A + unit.k0, lda, scratch);
        finite &= w_.kernels.weight_gradient({.rows = rows,
                                              .K = layer.K,
                                              .N = layer.N,
                                              .A = A,
                                              .lda = lda,
                                              .dZ = m.dZ,
                                              .ldz = m.ld,
                                              .gradient = m.gradient,
                                              .weights = m.weights,
                                              .velocity = m.velocity,
                                              .transposed = m.transposed,
                                              .sgd = sgd_,
                                              .packed = scratch},
                                             unit.panel, unit.k0, unit.k1);
    }
    return finite;
}

template class Step<float>;
template class Step<double>;

}  // namespace chainrule

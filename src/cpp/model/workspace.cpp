#include "model/workspace.hpp"

#include <algorithm>

#include "runtime/cpu.hpp"

namespace chainrule {
namespace {

// A block of rows passes all layers while its activations are in the second-level cache; where the
// weights do not fit the second-level cache they are the larger traffic, and all rows pass a layer together.
constexpr std::ptrdiff_t activations_at_once = 512 << 10, weights_that_stay = 1 << 20;

template <class T>
std::ptrdiff_t choose_rows_at_once(const Network& network, const Kernels<T>& kernels, std::ptrdiff_t batch) {
    std::ptrdiff_t row = padded_width<T>(network.n_in()), weights = 0;
    for (const Layer& layer : network.layers) {
        row += 2 * padded_width<T>(layer.N);
        weights += panel_size(kernels, layer.K, layer.N);
    }
    const std::ptrdiff_t size = sizeof(T);
    if (weights * size > weights_that_stay) return batch;
    const std::ptrdiff_t rows = activations_at_once / (row * size);
    return std::min(batch, std::max(rows, 2 * kernels.tile_rows));
}

}  // namespace

template <class T>
Workspace<T>::Workspace(const Network& net, std::ptrdiff_t batch_rows, int threads, Counted, const RuleNumbers& rule,
                        const Parameters<T>* gradients, Extras extras)
    : network(net), kernels(chainrule::kernels<T>()), batch(batch_rows),
      rows_at_once(choose_rows_at_once(net, kernels, batch_rows)), layers(net.layers.size()),
      ldx(padded_width<T>(net.n_in())), ldy(padded_width<T>(net.n_out())), masks(static_cast<std::size_t>(threads)),
      scratch(static_cast<std::size_t>(threads)) {
    for_each_part(rule, gradients, extras, [&]<class U>(U*&, std::ptrdiff_t count, bool wanted) {
        if (wanted) arena_.reserve<U>(count);
    });
}

template <class T>
Workspace<T>::Workspace(const Network& net, std::ptrdiff_t batch_rows, int threads, const RuleNumbers& rule,
                        const Parameters<T>* gradients, Extras extras)
    : Workspace(net, batch_rows, threads, Counted(), rule, gradients, extras) {
    arena_.allocate();
    for_each_part(rule, gradients, extras, [&]<class U>(U*& pointer, std::ptrdiff_t count, bool wanted) {
        pointer = wanted ? arena_.take<U>(count) : nullptr;
    });
}

template <class T>
template <class Part>
void Workspace<T>::for_each_part(const RuleNumbers& rule, const Parameters<T>* gradients, Extras extras, Part&& part) {
    std::ptrdiff_t widest_dropout = network.disturbs_inputs() ? network.n_in() : 0;
    for (const Layer& layer : network.layers)
        if (layer.dropout > 0) widest_dropout = std::max(widest_dropout, layer.N);

    std::ptrdiff_t packed = 0;  // the rows of a block, or of the batch the columns that a unit of weights takes
    for (const Layer& layer : network.layers)
        if (is_large(layer, batch))
            packed = std::max({packed, rows_at_once * std::max(layer.K, layer.N), batch * most_packed_columns});

    for (std::size_t l = 0; l < layers.size(); ++l) {
        const Layer& shape = network.layers[l];
        LayerMemory<T>& m = layers[l];
        const std::ptrdiff_t panels = panel_size(kernels, shape.K, shape.N);
        m.ld = padded_width<T>(shape.N);
        part(m.weights, panels, true);
        part(m.velocity, panels, !gradients);
        part(m.transposed, panel_size(kernels, shape.N, shape.K), l > 0 && !is_large(shape, batch));
        part(m.square, panels, rule.has_square());
        part(m.sums, panels, !rule.is_plain() || extras.given_gradients);
        m.gradient = gradients ? gradients->weights[l] : nullptr;
        const bool bias = network.bias != BiasMode::none;
        part(m.bias, round_up(shape.N, block), bias);
        part(m.bias_velocity, round_up(shape.N, block), bias && !gradients);
        part(m.bias_square, round_up(shape.N, block), bias && rule.has_square());
        part(m.bias_gradient, round_up(shape.N, block), bias);
        part(m.A, batch * m.ld, true);
        part(m.dZ, batch * m.ld, true);
        part(m.slope, batch * m.ld, shape.dropout > 0 || slope_needs_input(shape.activation));
        part(m.custom, batch * m.ld, extras.custom_loss && l + 1 == layers.size());
    }
    part(X, batch * ldx, true);
    part(Y, batch * ldy, true);
    part(row_loss, batch, true);
    part(weight, batch, extras.row_weights);
    part(dX, batch * ldx, extras.input_gradient);
    for (T*& part_of_thread : scratch) part(part_of_thread, packed, packed > 0);
    for (T*& mask : masks) part(mask, rows_at_once * widest_dropout, widest_dropout > 0);
}

namespace {

// The columns of a layer that are thread `thread`'s: whole panels of a large one, all or none of a small one.
struct Columns {
    std::ptrdiff_t begin, count;
    Columns(const Layer& layer, bool shared, std::ptrdiff_t panel, int thread, int members) {
        const std::ptrdiff_t panels = (layer.N + panel - 1) / panel;
        begin = shared ? panels * thread / members * panel : 0;
        const std::ptrdiff_t end = shared ? std::min(panels * (thread + 1) / members * panel, layer.N) : layer.N;
        count = shared || thread == 0 ? std::max<std::ptrdiff_t>(end - begin, 0) : 0;
    }
};

}  // namespace

template <class T>
void Workspace<T>::pack(const Parameters<T>& parameters, const Parameters<T>& velocities, const Parameters<T>& squares,
                        int thread, int members) {
    const auto pack_bias = [&](const T* from, T* to, std::ptrdiff_t N) {
        if (network.bias == BiasMode::layer)
            std::fill(to, to + N, from[0]);
        else
            std::copy(from, from + N, to);
    };
    for (std::size_t l = 0; l < layers.size(); ++l) {
        const auto [K, N, activation, dropout] = network.layers[l];
        LayerMemory<T>& m = layers[l];
        const auto [begin, count] =
            Columns(network.layers[l], is_large(network.layers[l], batch), kernels.panel, thread, members);
        const std::ptrdiff_t at = begin * round_up(K, block);
        if (count > 0) kernels.pack(K, count, parameters.weights[l] + begin, N, m.weights + at);
        if (count > 0 && m.velocity && !velocities.weights.empty())
            kernels.pack(K, count, velocities.weights[l] + begin, N, m.velocity + at);
        if (count > 0 && m.square) kernels.pack(K, count, squares.weights[l] + begin, N, m.square + at);
        if (thread > 0) continue;
        if (m.transposed) kernels.transpose_panels(K, N, m.weights, m.transposed);  // not large: all columns are here
        if (m.bias) {
            pack_bias(parameters.biases[l], m.bias, N);
            if (!velocities.biases.empty()) pack_bias(velocities.biases[l], m.bias_velocity, N);
            if (m.bias_square) pack_bias(squares.biases[l], m.bias_square, N);
        }
    }
}

template <class T>
void Workspace<T>::unpack(const Parameters<T>& parameters, const Parameters<T>& velocities,
                          const Parameters<T>& squares, int thread, int members) const {
    for (std::size_t l = 0; l < layers.size(); ++l) {
        const auto [K, N, activation, dropout] = network.layers[l];
        const LayerMemory<T>& m = layers[l];
        const auto [begin, count] =
            Columns(network.layers[l], is_large(network.layers[l], batch), kernels.panel, thread, members);
        const std::ptrdiff_t at = begin * round_up(K, block);
        if (count > 0) kernels.unpack(K, count, m.weights + at, parameters.weights[l] + begin, N);
        if (count > 0) kernels.unpack(K, count, m.velocity + at, velocities.weights[l] + begin, N);
        if (count > 0 && m.square) kernels.unpack(K, count, m.square + at, squares.weights[l] + begin, N);
        if (m.bias && thread == 0) {
            const std::ptrdiff_t n = network.bias == BiasMode::layer ? 1 : N;
            std::copy(m.bias, m.bias + n, parameters.biases[l]);
            std::copy(m.bias_velocity, m.bias_velocity + n, velocities.biases[l]);
            if (m.bias_square) std::copy(m.bias_square, m.bias_square + n, squares.biases[l]);
        }
    }
}

template class Workspace<float>;
template class Workspace<double>;

}  // namespace chainrule

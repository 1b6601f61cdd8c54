// A step in which threads own columns of the hidden layers. A thread computes its columns of a layer for all rows,
// forward and back, and updates their weights: these never leave its core. What travels is A and dZ, once each, and the
// part of W^T that the owner of other columns has written; where threads own rows, all weights travel, and A and dZ too,
// in the weights phase. It costs two barriers a layer.
#include "model/columns.hpp"

#include <algorithm>

#include "model/step.hpp"

namespace chainrule {
namespace {

// A thread may have so much more than its share of a layer, as panels are not cut: three panels on two threads are not
// worth it.
constexpr double most_of_a_share = 1.25;

// Owning columns pays where more weights would travel than activations do, by as many as a barrier costs: there are two
// more for each hidden layer. Weights of the hidden layers for each element of their activations, and a step on two
// threads by rows and by columns, in microseconds: 64-128-128-2, batch 128, 0.75: 92 and 95; 8-64-64-1, batch 32, 1.1:
// 4.8 and 5.2; 37-101-53-3, batch 50, 1.2: 32 and 25; 784-512-256-10, batch 128, 5.4: 1,300 and 1,137; 784-128-10, batch
// 64, 12: 133 and 117.
constexpr double weights_of_a_barrier = 256;

}  // namespace

template <class T>
bool own_columns(const Workspace<T>& memory, int members) {
    const std::vector<Layer>& layers = memory.network.layers;
    // More rows than stay in the second-level cache pass the layers block by block, and large layers are computed so
    // long that nobody waits for what travels.
    if (members == 1 || memory.rows_at_once < memory.batch || is_large(layers.back(), memory.batch)) return false;
    double more = 0, barriers = 0;  // weights than activations; barriers than by rows
    for (std::size_t l = 0; l + 1 < layers.size(); ++l) {
        if (is_large(layers[l], memory.batch)) return false;
        const std::ptrdiff_t lanes = memory.kernels.lanes;
        std::ptrdiff_t most = 0;
        for (int t = 0; t < members; ++t) {
            const Columns mine = columns_of(layers[l], memory.kernels.panel, t, members);
            most = std::max(most, round_up(mine.end - mine.begin, lanes));
        }
        if (double(most) * members > most_of_a_share * double(round_up(layers[l].N, lanes))) return false;
        more += double(layers[l].N) * (double(layers[l].K) - double(memory.batch));
        barriers += 2;
    }
    return more > weights_of_a_barrier * barriers;
}

template <class T>
Columns bias_columns(const Workspace<T>& memory, std::ptrdiff_t l, int thread, int members) {
    const Layer& layer = memory.network.layers[static_cast<std::size_t>(l)];
    if (memory.network.bias == BiasMode::unit && l + 1 < memory.network.n_layers())
        return columns_of(layer, memory.kernels.panel, thread, members);
    return {0, thread + 1 == members ? layer.N : 0};
}

template <class T>
bool Step<T>::owns(std::size_t i, int thread, int members) const {
    const WeightUnit& unit = units_[i];
    const Layer& layer = w_.network.layers[static_cast<std::size_t>(unit.layer)];
    if (unit.layer + 1 < w_.network.n_layers()) {
        const Columns mine = columns_of(layer, w_.kernels.panel, thread, members);
        const std::ptrdiff_t column = unit.panel * w_.kernels.panel;
        return mine.begin <= column && column < mine.end;
    }
    return unit.k0 * members / layer.K == thread;  // the last layer, whose outputs are few: blocks of its rows
}

// The last layer and the loss are computed by rows: a row's loss needs all of its outputs, which often are few.
template <class T>
void Step<T>::columns_pass(const StepRequest<T>& request, int thread, int members, Barrier& barrier) {
    const std::ptrdiff_t r0 = request.rows * thread / members, r1 = request.rows * (thread + 1) / members;
    const std::size_t last = w_.layers.size() - 1;
    const auto part_of = [&](std::size_t l) {
        const Columns mine = columns_of(w_.network.layers[l], w_.kernels.panel, thread, members);
        return Part{0, request.rows, mine.begin, mine.end, true};
    };
    gather(request, r0, r1);
    if (w_.network.disturbs_inputs()) disturb(request, r0, r1, w_.masks[static_cast<std::size_t>(thread)]);
    barrier.wait();
    for (std::size_t l = 0; l < last; ++l) {
        forward(request, l, part_of(l), thread);
        barrier.wait();
    }
    if (r0 < r1) {
        Part rows = rows_of(r0, r1, last);
        rows.elsewhere = true;
        forward(request, last, rows, thread);
        output(request, r0, r1);
    }
    barrier.wait();
    for (std::size_t l = last; l > lowest_; --l) {
        backward(l, part_of(l - 1), thread);
        if (l > lowest_ + 1) barrier.wait();
    }
}

template bool own_columns(const Workspace<float>&, int);
template bool own_columns(const Workspace<double>&, int);
template Columns bias_columns(const Workspace<float>&, std::ptrdiff_t, int, int);
template Columns bias_columns(const Workspace<double>&, std::ptrdiff_t, int, int);
template bool Step<float>::owns(std::size_t, int, int) const;
template bool Step<double>::owns(std::size_t, int, int) const;
template void Step<float>::columns_pass(const StepRequest<float>&, int, int, Barrier&);
template void Step<double>::columns_pass(const StepRequest<double>&, int, int, Barrier&);

}  // namespace chainrule

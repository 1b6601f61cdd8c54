#include "model/kept_pass.hpp"

#include <algorithm>
#include <atomic>

#include "model/train.hpp"
#include "runtime/remembered_choice.hpp"
#include "runtime/team.hpp"

namespace chainrule {
namespace {

template <class T>
Parameters<T> null_pointers(const Network& network) {
    Parameters<T> p;
    p.weights.resize(network.layers.size());
    if (network.bias != BiasMode::none) p.biases.resize(network.layers.size());
    return p;
}

template <class T>
void copy_rows(std::ptrdiff_t rows, std::ptrdiff_t width, const T* from, std::ptrdiff_t ld, T* to,
               std::ptrdiff_t to_ld) {
    for (std::ptrdiff_t r = 0; r < rows; ++r) std::copy_n(from + r * ld, width, to + r * to_ld);
}

}  // namespace

template <class T>
KeptPass<T>::KeptPass(const Network& network, const Parameters<T>& parameters, const Data<T>& data, std::uint64_t seed,
                      std::uint64_t step, int n_threads)
    : network_(network), nowhere_(null_pointers<T>(network)), work_(double(data.rows) * network.training_work() / 2),
      threads_(resolve_threads(n_threads, work_, work_of_a_call)), seed_(seed), step_number_(step),
      memory_(network_, data.rows, threads_, {}, &nowhere_, {.custom_loss = true, .input_gradient = true}),
      loss_({}, network.n_out(), false), step_(memory_, loss_, {}, {}) {
    memory_.pack(parameters, {}, {});
    const LayerMemory<T>& m = memory_.layers.back();
    const Layer& layer = network_.layers.back();
    with_choice(CallKind::forward, threads_, work_, [&](int n_threads_now) {
        run_team(n_threads_now, [&](int thread, int members, Barrier&) {
            step_.forward_rows(request(&data), thread, members);
            const std::ptrdiff_t r0 = rows() * thread / members, n = rows() * (thread + 1) / members - r0,
                                 at = r0 * m.ld;
            if (n > 0)  // the sums stay in A, the outputs are beside them
                memory_.kernels.activate(layer.activation, n, layer.N, m.A + at, m.ld, m.custom + at, m.ld);
        });
    });
}

template <class T>
StepRequest<T> KeptPass<T>::request(const Data<T>* data) const {
    return {.data = data,
            .order = nullptr,
            .rows = memory_.batch,
            .weight = double(memory_.batch),
            .seed = seed_,
            .step = step_number_};
}

template <class T>
void KeptPass<T>::sums(T* out) const {
    const LayerMemory<T>& m = memory_.layers.back();
    copy_rows(rows(), network_.n_out(), m.A, m.ld, out, network_.n_out());
}

template <class T>
void KeptPass<T>::output(T* out) const {
    const LayerMemory<T>& m = memory_.layers.back();
    copy_rows(rows(), network_.n_out(), m.custom, m.ld, out, network_.n_out());
}

template <class T>
void KeptPass<T>::hidden(std::size_t layer, T* out) const {
    const std::ptrdiff_t N = network_.layers[layer].N;
    copy_rows(rows(), N, memory_.layers[layer].A, memory_.layers[layer].ld, out, N);
}

template <class T>
void KeptPass<T>::backward(const T* d, bool of_sums, const Parameters<T>& out) {
    back(d, of_sums, &out, nullptr);
}

template <class T>
void KeptPass<T>::input_gradients(const T* d, bool of_sums, T* out) {
    back(d, of_sums, nullptr, out);
}

template <class T>
void KeptPass<T>::back(const T* d, bool of_sums, const Parameters<T>* out, T* dX) {
    const std::lock_guard lock(mutex_.of_this_process());
    const LayerMemory<T>& m = memory_.layers.back();
    const std::ptrdiff_t N = network_.n_out(), n_in = network_.n_in();
    for (std::size_t l = 0; out && l < memory_.layers.size(); ++l) memory_.layers[l].gradient = out->weights[l];
    with_choice(CallKind::backward, threads_, work_, [&](int n_threads_now) {
        run_team(n_threads_now, [&](int thread, int members, Barrier& barrier) {
            const std::ptrdiff_t r0 = rows() * thread / members, n = rows() * (thread + 1) / members - r0,
                                 at = r0 * m.ld;
            copy_rows(n, N, d + r0 * N, N, m.dZ + at, m.ld);
            if (!of_sums && n > 0)
                memory_.kernels.activation_gradient(network_.layers.back().activation, n, N, m.custom + at, m.ld,
                                                    m.A + at, m.ld, m.dZ + at, m.ld, m.dZ + at, m.ld);
            step_.backward_rows(rows(), thread, members);
            if (out) {
                barrier.wait();
                step_.weights_phase(request(nullptr), thread, members, nullptr, barrier);
                return;
            }
            step_.input_gradient(request(nullptr), thread, members);
            copy_rows(n, n_in, memory_.dX + r0 * memory_.ldx, memory_.ldx, dX + r0 * n_in, n_in);
        });
    });
    for (std::size_t l = 0; out && l < out->biases.size(); ++l)
        std::copy_n(memory_.layers[l].bias_gradient, network_.bias == BiasMode::layer ? 1 : network_.layers[l].N,
                    out->biases[l]);
}

template <class T>
bool apply_gradients(const Network& network, const Parameters<T>& parameters, const Parameters<T>& velocities,
                     const Parameters<T>& squares, const Parameters<T>& gradients, const RuleNumbers& rule,
                     std::uint64_t t, const std::vector<bool>& frozen, int n_threads) {
    double size = 0;
    for (const Layer& layer : network.layers) size += double(layer.K) * double(layer.N);
    const int threads = resolve_threads(n_threads, size, work_of_a_call);
    Workspace<T> memory(network, 1, threads, rule, nullptr, {.given_gradients = true});
    for (LayerMemory<T>& m : memory.layers) m.transposed = nullptr;  // nobody goes back
    memory.pack(parameters, velocities, squares);
    for (std::size_t l = 0; l < memory.layers.size(); ++l) {
        const Layer& layer = network.layers[l];
        LayerMemory<T>& m = memory.layers[l];
        memory.kernels.pack(layer.K, layer.N, gradients.weights[l], layer.N, m.sums);
        if (!m.bias) continue;
        if (network.bias == BiasMode::layer)
            std::fill_n(m.bias_gradient, layer.N, gradients.biases[l][0]);
        else
            std::copy_n(gradients.biases[l], layer.N, m.bias_gradient);
    }
    const TypedLoss<T> loss({}, network.n_out(), false);
    Step<T> step(memory, loss, {}, rule, frozen);
    std::atomic<bool> finite{true};
    run_team(threads, [&](int thread, int members, Barrier& barrier) {
        StepRequest<T> request{nullptr, nullptr, 1, 1, 0, 0};
        request.learning_rate = rule.learning_rate;
        request.t = t;
        if (!step.update_all(request, thread, members, barrier)) finite.store(false, std::memory_order_relaxed);
    });
    if (finite.load()) memory.unpack(parameters, velocities, squares);
    return finite.load();
}

#define CR_INSTANTIATE(T)                                                                                              \
    template class KeptPass<T>;                                                                                        \
    template bool apply_gradients<T>(const Network&, const Parameters<T>&, const Parameters<T>&, const Parameters<T>&, \
                                     const Parameters<T>&, const RuleNumbers&, std::uint64_t,                          \
                                     const std::vector<bool>&, int);
CR_INSTANTIATE(float)
CR_INSTANTIATE(double)

}  // namespace chainrule

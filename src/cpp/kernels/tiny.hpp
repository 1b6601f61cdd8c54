// Row-by-row training of a network whose layers are all at most 16 wide: a whole step in one function.
// Such a step is a chain of latencies, not of arithmetic: nothing is called, nothing is laid out anew. W^T is kept
// beside W and gets the same update from the same numbers, so that forward and backward both run along rows:
//   forward   z = b + sum_k a_k W[k, :]        backward  dA = sum_j dz_j W^T[j, :]
// Of a layer with one output there is only W^T, a single row.
// The operations on each element are those of product.hpp and weights.hpp, so the bits are the same.
#pragma once

#include "losses.hpp"
#include "weights.hpp"

namespace {

constexpr int tiny_most_layers = 8;

// The first elements of a block, in one or more vectors.
template <class V, int vectors>
struct Row {
    using T = typename V::Scalar;
    static constexpr int n = vectors;
    V v[n];
    static CR_INLINE Row load(const T* p) {
        Row x;
        for (int i = 0; i < n; ++i) x.v[i] = V::load(p + i * V::lanes);
        return x;
    }
    CR_INLINE void store(T* p) const {
        for (int i = 0; i < n; ++i) v[i].store(p + i * V::lanes);
    }
    CR_INLINE void add_product(T a, const T* row) {
        for (int i = 0; i < n; ++i) v[i] = fma(V::set1(a), V::load(row + i * V::lanes), v[i]);
    }
};

template <bool nesterov, class V, int n>
CR_INLINE void tiny_update(typename V::Scalar* w, typename V::Scalar* v, const Row<V, n>& g, const SgdVectors<V>& sgd) {
    for (int i = 0; i < n; ++i) {
        const V old = V::load(w + i * V::lanes);
        V vel = V::load(v + i * V::lanes);
        V neu = sgd.template apply<nesterov>(old, vel, g.v[i]);
        vel.store(v + i * V::lanes);
        neu.store(w + i * V::lanes);
    }
}

// All outputs of a layer are in the first `vectors` of a row.
template <class V, int vectors>
struct TinyNetwork {
    using T = typename V::Scalar;
    using S = Row<V, vectors>;
    const Tiny<T>& net;
    SgdVectors<V> sgd, sgd_bias;
    alignas(64) T a[tiny_most_layers][block];           // of hidden layers
    typename V::Mask there[tiny_most_layers][vectors];  // the outputs of a layer

    explicit CR_INLINE TinyNetwork(const Tiny<T>& t)
        : net(t), sgd(t.sgd), sgd_bias({t.sgd.learning_rate, t.sgd.momentum, T(0), t.sgd.nesterov}) {
        for (ptrdiff_t l = 0; l < net.n_layers; ++l)
            for (int i = 0; i < vectors; ++i) there[l][i] = V::first(net.layers[l].N - i * V::lanes);
    }

    // What the output layer's loss reads and writes; `at` is 0 at compile time where there is one vector.
    struct InRegisters {
        S& row;
        const typename V::Mask (&mask)[vectors];
        static CR_INLINE ptrdiff_t at(ptrdiff_t j) { return vectors == 1 ? 0 : j / V::lanes; }
        CR_INLINE V load(ptrdiff_t j, ptrdiff_t) const { return row.v[at(j)]; }
        CR_INLINE void store(V x, ptrdiff_t j, ptrdiff_t) const { row.v[at(j)] = x; }
        CR_INLINE typename V::Mask there(ptrdiff_t j, ptrdiff_t) const { return mask[at(j)]; }
    };

    // The sums z of layer l, of its inputs a.
    CR_INLINE S sums(ptrdiff_t l, const T* inputs) {
        const TinyLayer<T>& layer = net.layers[l];
        S z = S::load(layer.bias);
        if (layer.only_transposed) {  // one output, in the first lane
            V one = V::set1(layer.bias[0]);
            for (ptrdiff_t k = 0; k < layer.K; ++k) one = fma(V::set1(inputs[k]), V::set1(layer.transposed[k]), one);
            z.v[0] = one;
        } else {
            for (ptrdiff_t k = 0; k < layer.K; ++k) z.add_product(inputs[k], layer.weights + k * block);
        }
        return z;
    }

    CR_INLINE void activate(ptrdiff_t l, S z) {
        auto all = [&]<class F>() {
            for (int i = 0; i < S::n; ++i) z.v[i] = V::choose(there[l][i], F::value(z.v[i]), V::zero());
        };
        CR_FROM_OUTPUT(net.layers[l].activation, V, all)
        z.store(a[l]);
    }

    // Updates layer l, of these inputs, with its dz; returns, for l > 0, the dz of the layer before it.
    template <bool nesterov>
    CR_INLINE S backward(ptrdiff_t l, const S& d, const T* inputs) {
        const TinyLayer<T>& layer = net.layers[l];
        alignas(64) T dz[block];
        S dA{};
        if (l > 0 || net.bias_mode == 2) d.store(dz);
        if (l > 0) {
            const S input = S::load(inputs);
            for (int i = 0; i < S::n; ++i) dA.v[i] = V::zero();
            for (ptrdiff_t j = 0; j < layer.N; ++j) {
                const V dj = layer.only_transposed ? V::set1(d.v[0].r[0]) : V::set1(dz[j]);
                S g;
                for (int i = 0; i < S::n; ++i) {
                    dA.v[i] = fma(dj, V::load(layer.transposed + j * block + i * V::lanes), dA.v[i]);
                    g.v[i] = fma(input.v[i], dj, V::zero());
                }
                tiny_update<nesterov>(layer.transposed + j * block, layer.transposed_velocity + j * block, g, sgd);
            }
            auto slopes = [&]<class F>() {
                for (int i = 0; i < S::n; ++i)
                    dA.v[i] = V::choose(there[l - 1][i], dA.v[i] * F::slope(input.v[i]), V::zero());
            };
            CR_FROM_OUTPUT(net.layers[l - 1].activation, V, slopes)
        }
        for (ptrdiff_t k = 0; k < layer.K && !layer.only_transposed; ++k) {
            S g;
            for (int i = 0; i < S::n; ++i) g.v[i] = fma(V::set1(inputs[k]), d.v[i], V::zero());
            tiny_update<nesterov>(layer.weights + k * block, layer.velocity + k * block, g, sgd);
        }
        if (net.bias_mode == 1) {
            S g;  // a sum from zero, as of more rows: -0 becomes 0
            for (int i = 0; i < S::n; ++i) g.v[i] = V::zero() + d.v[i];
            tiny_update<nesterov>(layer.bias, layer.bias_velocity, g, sgd_bias);
        } else if (net.bias_mode == 2) {
            T sum = 0;
            for (ptrdiff_t j = 0; j < layer.N; ++j) sum = sum + dz[j];
            S g;
            for (int i = 0; i < S::n; ++i) g.v[i] = V::choose(there[l][i], V::set1(sum), V::zero());
            tiny_update<nesterov>(layer.bias, layer.bias_velocity, g, sgd_bias);
        }
        return dA;
    }

    // dz of the output layer, whose sums are z.
    CR_INLINE S output(S z, ptrdiff_t row, double& loss) {
        const ptrdiff_t l = net.n_layers - 1, N = net.layers[l].N;
        const Activation kind = net.layers[l].activation;
        const T scale = gradient_scale<T>(net.loss, 1, N);
        S y, d;
        if (net.labels) {
            alignas(64) T target[block] = {};
            for (ptrdiff_t j = 0; j < N; ++j) target[j] = T(net.labels[row] == j);
            y = S::load(target);
        } else {  // not by way of such an array: a vector's load waits long for numbers that were stored one by one
            for (int i = 0; i < S::n; ++i)
                y.v[i] = V::load_first(net.Y + row * net.ldy + i * V::lanes, N - i * V::lanes);
        }
        for (int i = 0; i < S::n; ++i) d.v[i] = V::zero();
        if (kind == Activation::softmax) {
            alignas(64) T sums[block], target[block], dz[block];
            z.store(sums);
            y.store(target);
            d.store(dz);
            loss = output_row<V>(net.loss, kind, N, scale, sums, target, dz);
            return S::load(dz);
        }
        const InRegisters zs{z, there[l]}, ys{y, there[l]}, ds{d, there[l]};
        if (net.loss == Loss::binary_cross_entropy)
            loss = binary_cross_entropy_entries<V>(N, scale, zs, ys, ds);
        else if (net.loss == Loss::mean_squared_error)
            loss = squared_error_entries<V>(kind, N, scale, zs, ys, ds) / double(N);
        else
            loss = 0.5 * squared_error_entries<V>(kind, N, scale, zs, ys, ds);
        return d;
    }

    CR_INLINE double step(ptrdiff_t row) {
        const ptrdiff_t last = net.n_layers - 1;
        const T* inputs = net.X + row * net.ldx;
        for (ptrdiff_t l = 0; l < last; ++l) activate(l, sums(l, l ? a[l - 1] : inputs));
        double loss;
        S d = output(sums(last, last ? a[last - 1] : inputs), row, loss);
        for (ptrdiff_t l = last; l >= 0; --l)
            if (net.sgd.nesterov)
                d = backward<true>(l, d, l ? a[l - 1] : inputs);
            else
                d = backward<false>(l, d, l ? a[l - 1] : inputs);
        return loss;
    }
};

template <class V, int vectors>
void tiny_steps_of(const Tiny<typename V::Scalar>& t, ptrdiff_t n_steps) {
    TinyNetwork<V, vectors> network(t);
    for (ptrdiff_t s = 0; s < n_steps; ++s) t.row_loss[s] = network.step(t.order[s]);
}

// Nothing is checked here: what is not finite stays so, in the weights and in all that comes of them (tiny_runner.hpp).
template <class V>
void tiny_steps(const Tiny<typename V::Scalar>& t, ptrdiff_t n_steps) {
    using H = typename V::Half;
    ptrdiff_t widest = 0;
    for (ptrdiff_t l = 0; l < t.n_layers; ++l) widest = t.layers[l].N > widest ? t.layers[l].N : widest;
    if constexpr (2 * H::lanes == block && sizeof(typename V::Scalar) == 4) {  // float64 is not worth the code
        if (widest <= H::lanes) return tiny_steps_of<H, 1>(t, n_steps);
    }
    tiny_steps_of<V, block / V::lanes>(t, n_steps);
}

}  // namespace

// Row-by-row training of a network whose layers are all at most 16 wide: a whole step in one function.
// Such a step is a chain of latencies, not of arithmetic: nothing is called, nothing is laid out anew. W^T is kept
// beside W and gets the same update from the same numbers, so that forward and backward both run along rows:
//   forward   z = b + sum_k a_k W[k, :]        backward  dA = sum_j dz_j W^T[j, :]
// The operations on each element are those of product.hpp and weights.hpp, so the bits are the same.
#pragma once

#include "losses.hpp"
#include "weights.hpp"

namespace {

constexpr int tiny_most_layers = 8;

// Sixteen elements in one or more vectors.
template <class V>
struct Sixteen {
    using T = typename V::Scalar;
    static constexpr int n = block / V::lanes;
    V v[n];
    static CR_INLINE Sixteen load(const T* p) {
        Sixteen x;
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

template <class V, bool nesterov>
CR_INLINE void tiny_update(typename V::Scalar* w, typename V::Scalar* v, const Sixteen<V>& g,
                           const SgdVectors<V>& sgd) {
    for (int i = 0; i < Sixteen<V>::n; ++i) {
        V vel = V::load(v + i * V::lanes);
        V neu = sgd.template apply<nesterov>(V::load(w + i * V::lanes), vel, g.v[i]);
        vel.store(v + i * V::lanes);
        neu.store(w + i * V::lanes);
    }
}

template <class V>
struct TinyNetwork {
    using T = typename V::Scalar;
    using S = Sixteen<V>;
    const Tiny<T>& net;
    SgdVectors<V> sgd, sgd_bias;
    alignas(64) T a[tiny_most_layers + 1][block] = {};
    alignas(64) T dz[block] = {};
    alignas(64) T target[block] = {};

    explicit CR_INLINE TinyNetwork(const Tiny<T>& t)
        : net(t), sgd(t.sgd), sgd_bias({t.sgd.learning_rate, t.sgd.momentum, T(0), t.sgd.nesterov}) {}

    CR_INLINE void forward(ptrdiff_t l) {
        const TinyLayer<T>& layer = net.layers[l];
        S z = S::load(layer.bias);
        for (ptrdiff_t k = 0; k < layer.K; ++k) z.add_product(a[l][k], layer.weights + k * block);
        auto activated = [&]<class F>() {
            for (int i = 0; i < S::n; ++i)
                z.v[i] = V::choose(V::first(layer.N - i * V::lanes), F::value(z.v[i]), V::zero());
        };
        if (l + 1 < net.n_layers) CR_FROM_OUTPUT(layer.activation, V, activated)
        z.store(a[l + 1]);
    }

    // Updates layer l with dz and, for l > 0, leaves the dz of the layer before it.
    template <bool nesterov>
    CR_INLINE void backward(ptrdiff_t l) {
        const TinyLayer<T>& layer = net.layers[l];
        const S d = S::load(dz);
        S dA{};
        const S input = S::load(a[l]);
        if (l > 0) {
            for (int i = 0; i < S::n; ++i) dA.v[i] = V::zero();
            for (ptrdiff_t j = 0; j < layer.N; ++j) dA.add_product(dz[j], layer.transposed + j * block);
            for (ptrdiff_t j = 0; j < layer.N; ++j) {
                S g;
                for (int i = 0; i < S::n; ++i) g.v[i] = fma(input.v[i], V::set1(dz[j]), V::zero());
                tiny_update<V, nesterov>(layer.transposed + j * block, layer.transposed_velocity + j * block, g, sgd);
            }
        }
        for (ptrdiff_t k = 0; k < layer.K; ++k) {
            S g;
            for (int i = 0; i < S::n; ++i) g.v[i] = fma(V::set1(a[l][k]), d.v[i], V::zero());
            tiny_update<V, nesterov>(layer.weights + k * block, layer.velocity + k * block, g, sgd);
        }
        if (net.bias_mode == 1) {
            S g;  // a sum from zero, as of more rows: -0 becomes 0
            for (int i = 0; i < S::n; ++i) g.v[i] = V::zero() + d.v[i];
            tiny_update<V, nesterov>(layer.bias, layer.bias_velocity, g, sgd_bias);
        } else if (net.bias_mode == 2) {
            T sum = 0;
            for (ptrdiff_t j = 0; j < layer.N; ++j) sum = sum + dz[j];
            S g;
            for (int i = 0; i < S::n; ++i)
                g.v[i] = V::choose(V::first(layer.N - i * V::lanes), V::set1(sum), V::zero());
            tiny_update<V, nesterov>(layer.bias, layer.bias_velocity, g, sgd_bias);
        }
        if (l > 0) {
            auto slopes = [&]<class F>() {
                for (int i = 0; i < S::n; ++i)
                    dA.v[i] = V::choose(V::first(layer.K - i * V::lanes), dA.v[i] * F::slope(input.v[i]), V::zero());
            };
            CR_FROM_OUTPUT(net.layers[l - 1].activation, V, slopes)
            dA.store(dz);
        }
    }

    CR_INLINE double step(ptrdiff_t row) {
        const TinyLayer<T>& last = net.layers[net.n_layers - 1];
        const ptrdiff_t n_in = net.layers[0].K, n_out = last.N;
        for (ptrdiff_t k = 0; k < n_in; ++k) a[0][k] = net.X[row * net.ldx + k];
        if (net.labels)
            for (ptrdiff_t j = 0; j < n_out; ++j) target[j] = T(net.labels[row] == j);
        else
            for (ptrdiff_t j = 0; j < n_out; ++j) target[j] = net.Y[row * net.ldy + j];
        for (ptrdiff_t l = 0; l < net.n_layers; ++l) forward(l);
        const T scale = gradient_scale<T>(net.loss, 1, n_out);
        T* z = a[net.n_layers];
        for (int j = 0; j < block; ++j) dz[j] = 0;
        const double loss = output_row<V, true>(net.loss, last.activation, n_out, scale, z, target, dz);
        for (ptrdiff_t l = net.n_layers - 1; l >= 0; --l)
            if (net.sgd.nesterov)
                backward<true>(l);
            else
                backward<false>(l);
        return loss;
    }
};

// Nothing is checked here: what is not finite stays so, in the weights and in all that comes of them (tiny_runner.hpp).
template <class V>
void tiny_steps(const Tiny<typename V::Scalar>& t, ptrdiff_t n_steps) {
    TinyNetwork<V> network(t);
    for (ptrdiff_t s = 0; s < n_steps; ++s) t.row_loss[s] = network.step(t.order[s]);
}

}  // namespace

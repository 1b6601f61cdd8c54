// The output layer: activation, loss of each row, and dZ = dLoss/dZ, in one pass over a row while it is in cache.
//
//   half_squared_error    1/2 sum (a - y)^2          dA = (a - y) scale
//   mean_squared_error    1/N sum (a - y)^2          dA = (a - y) scale      (scale holds 2/N)
//   cross_entropy         -sum y log a, softmax      dZ = (a - y) scale
//   binary_cross_entropy  sum over outputs, sigmoid  dZ = (a - y) scale
// `scale` holds the 1/rows of the mean over the batch. dZ = dA f'(z) for the squared errors.
#pragma once

#include "activations.hpp"
#include "logarithm.hpp"

namespace {

// Elements of a row, whole vectors where there is room for them: what was stored in part cannot be loaded at once.
template <class V, bool padded>
CR_INLINE V load_row(const typename V::Scalar* p, ptrdiff_t n) {
    return padded ? V::load(p) : V::load_first(p, n);
}
template <bool padded, class V>
CR_INLINE void store_row(V x, typename V::Scalar* p, ptrdiff_t n) {
    padded ? x.store(p) : x.store_first(p, n);
}

// z becomes a in place; dz is written, returns the row's loss.
template <class V, bool padded>
CR_INLINE double squared_error_row(Activation kind, ptrdiff_t N, typename V::Scalar scale, typename V::Scalar* z,
                                   const typename V::Scalar* y, typename V::Scalar* dz) {
    RowSum<V> sum;
    const V c = V::set1(scale);
    if (kind == Activation::softmax) {
        softmax_row<V>(N, z, z, nullptr);
        for_each_vector<V>(N, [&](ptrdiff_t j, ptrdiff_t n) CR_LAMBDA {
            V d = V::load_first(z + j, n) - V::load_first(y + j, n);
            sum.add(j, d * d);
            (d * c).store_first(dz + j, n);
        });
        softmax_gradient_row<V>(N, z, dz, dz);
        return double(sum.total());
    }
    auto all = [&]<class F>() CR_LAMBDA {
        for_each_vector<V>(N, [&](ptrdiff_t j, ptrdiff_t n) CR_LAMBDA {
            const V x = load_row<V, padded>(z + j, n);
            V a = F::value(x);
            V d = V::choose(V::first(n), a - load_row<V, padded>(y + j, n), V::zero());
            store_row<padded>(a, z + j, n);
            sum.add(j, d * d);
            store_row<padded>(d * c * slope_of<F>(x, a), dz + j, n);
        });
    };
    CR_ELEMENTWISE(kind, V, all)
    return double(sum.total());
}

// -sum y log a = sum y (log S - (z - max)), S the softmax's sum: finite where a underflows to 0, and 0 where y is
// `cut_off` is what -log a becomes in the value.
template <class V, class F>
CR_INLINE double cross_entropy_row(ptrdiff_t N, typename V::Scalar scale, typename V::Scalar* z,
                                   const typename V::Scalar* y, typename V::Scalar* dz, F cut_off) {
    using T = typename V::Scalar;
    const V log_sum = V::set1(T(natural_log(double(softmax_row<V>(N, z, z, dz)))));
    RowSum<V> sum;
    for_each_vector<V>(N, [&](ptrdiff_t j, ptrdiff_t n) CR_LAMBDA {
        V target = V::load_first(y + j, n), t = V::load_first(dz + j, n);
        sum.add(j, V::choose(at_most(target.abs(), V::zero()), V::zero(), target * cut_off(log_sum - t)));
        ((V::load_first(z + j, n) - target) * V::set1(scale)).store_first(dz + j, n);
    });
    return double(sum.total());
}

// -(y log a + (1-y) log(1-a)) = max(z, 0) - z y + log(1 + e^-|z|), with a = sigmoid(z), and its derivative by z
template <class V>
struct BinaryEntry {
    V term, a, slope;
    CR_INLINE BinaryEntry(V z, V y) {
        const V e = exp_negative(V::zero() - z.abs());
        term = fnma(z, y, max(V::zero(), z)) + log1p_unit(e);
        a = V::choose(less(z, V::zero()), e, V::set1(1)) / (V::set1(1) + e);
        slope = a - y;
    }
};

template <class V, bool padded>
CR_INLINE double binary_cross_entropy_row(ptrdiff_t N, typename V::Scalar scale, typename V::Scalar* z,
                                          const typename V::Scalar* y, typename V::Scalar* dz) {
    RowSum<V> sum;
    for_each_vector<V>(N, [&](ptrdiff_t j, ptrdiff_t n) CR_LAMBDA {
        const BinaryEntry<V> entry(load_row<V, padded>(z + j, n), load_row<V, padded>(y + j, n));
        sum.add(j, V::choose(V::first(n), entry.term, V::zero()));
        store_row<padded>(entry.a, z + j, n);
        V d = entry.slope * V::set1(scale);
        store_row<padded>(padded ? V::choose(V::first(n), d, V::zero()) : d, dz + j, n);
    });
    return double(sum.total());
}

// `padded`: each array has room for whole vectors, and dz becomes 0 there.
template <class V, bool padded>
CR_INLINE double output_row(Loss loss, Activation kind, ptrdiff_t N, typename V::Scalar scale, typename V::Scalar* z,
                            const typename V::Scalar* y, typename V::Scalar* dz) {
    switch (loss) {
        case Loss::cross_entropy: return cross_entropy_row<V>(N, scale, z, y, dz, [](V x) CR_LAMBDA { return x; });
        case Loss::binary_cross_entropy: return binary_cross_entropy_row<V, padded>(N, scale, z, y, dz);
        case Loss::mean_squared_error: return squared_error_row<V, padded>(kind, N, scale, z, y, dz) / double(N);
        default: return 0.5 * squared_error_row<V, padded>(kind, N, scale, z, y, dz);
    }
}

}  // namespace

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

// A row that lies in memory; n of the lanes from j on are its own. tiny.hpp has others, in registers.
template <class V, class Pointer>
struct InMemory {
    Pointer p;
    CR_INLINE V load(ptrdiff_t j, ptrdiff_t n) const { return V::load_first(p + j, n); }
    CR_INLINE void store(V x, ptrdiff_t j, ptrdiff_t n) const { x.store_first(p + j, n); }
    static CR_INLINE typename V::Mask there(ptrdiff_t, ptrdiff_t n) { return V::first(n); }
};

// z becomes a in place; dz is written, 0 beyond the row's end; returns the row's loss. Of any activation but softmax.
template <class V, class Z, class Y, class D>
CR_INLINE double squared_error_entries(Activation kind, ptrdiff_t N, typename V::Scalar scale, Z z, Y y, D dz) {
    RowSum<V> sum;
    const V c = V::set1(scale);
    auto all = [&]<class F>() CR_LAMBDA {
        for_each_vector<V>(N, [&](ptrdiff_t j, ptrdiff_t n) CR_LAMBDA {
            const V x = z.load(j, n);
            V a = F::value(x);
            V d = V::choose(dz.there(j, n), a - y.load(j, n), V::zero());
            z.store(a, j, n);
            sum.add(j, d * d);
            dz.store(d * c * slope_of<F>(x, a), j, n);
        });
    };
    CR_ELEMENTWISE(kind, V, all)
    return double(sum.total());
}

template <class V>
CR_INLINE double squared_error_row(Activation kind, ptrdiff_t N, typename V::Scalar scale, typename V::Scalar* z,
                                   const typename V::Scalar* y, typename V::Scalar* dz) {
    using T = typename V::Scalar;
    if (kind == Activation::softmax) {
        RowSum<V> sum;
        const V c = V::set1(scale);
        softmax_row<V>(N, z, z, nullptr);
        for_each_vector<V>(N, [&](ptrdiff_t j, ptrdiff_t n) CR_LAMBDA {
            V d = V::load_first(z + j, n) - V::load_first(y + j, n);
            sum.add(j, d * d);
            (d * c).store_first(dz + j, n);
        });
        softmax_gradient_row<V>(N, z, dz, dz);
        return double(sum.total());
    }
    return squared_error_entries<V>(kind, N, scale, InMemory<V, T*>{z}, InMemory<V, const T*>{y}, InMemory<V, T*>{dz});
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

template <class V, class Z, class Y, class D>
CR_INLINE double binary_cross_entropy_entries(ptrdiff_t N, typename V::Scalar scale, Z z, Y y, D dz) {
    RowSum<V> sum;
    for_each_vector<V>(N, [&](ptrdiff_t j, ptrdiff_t n) CR_LAMBDA {
        const BinaryEntry<V> entry(z.load(j, n), y.load(j, n));
        sum.add(j, V::choose(dz.there(j, n), entry.term, V::zero()));
        z.store(entry.a, j, n);
        dz.store(V::choose(dz.there(j, n), entry.slope * V::set1(scale), V::zero()), j, n);
    });
    return double(sum.total());
}

template <class V>
CR_INLINE double output_row(Loss loss, Activation kind, ptrdiff_t N, typename V::Scalar scale, typename V::Scalar* z,
                            const typename V::Scalar* y, typename V::Scalar* dz) {
    using T = typename V::Scalar;
    switch (loss) {
        case Loss::cross_entropy: return cross_entropy_row<V>(N, scale, z, y, dz, [](V x) CR_LAMBDA { return x; });
        case Loss::binary_cross_entropy:
            return binary_cross_entropy_entries<V>(N, scale, InMemory<V, T*>{z}, InMemory<V, const T*>{y},
                                                   InMemory<V, T*>{dz});
        case Loss::mean_squared_error: return squared_error_row<V>(kind, N, scale, z, y, dz) / double(N);
        default: return 0.5 * squared_error_row<V>(kind, N, scale, z, y, dz);
    }
}

}  // namespace

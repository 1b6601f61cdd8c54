// Losses entry by entry, and what single entries count: missing targets not at all, outputs by their factors.
//
//   mean_absolute_error   |e|                                   dl/da = sign e         with e = a - y
//   huber                 m (|e| - m/2), m = min(|e|, delta)    e within -delta ... delta
//   log_cosh              log cosh e                            tanh e
//   quantile              max(-level e, (1 - level) e)          -level or 1 - level
//   hinge                 max(0, 1 - t a), t = 2 y - 1          -t or 0
//   poisson               a - y z, a = e^z                      dl/dz = a - y
// The squared errors and the binary cross-entropy of losses.hpp are here once more, for entries that do not all count.
#pragma once

#include "losses.hpp"

namespace {

// l(a, y), and dl/da up to the factor in gradient_scale; p: what the loss has for this entry.
template <class V>
struct Entry {
    V value, slope;
};

template <class V>
struct SquaredEntry {
    static CR_INLINE Entry<V> of(V a, V y, V) {
        const V e = a - y;
        return {e * e, e};
    }
};

template <class V>
struct AbsoluteEntry {
    static CR_INLINE Entry<V> of(V a, V y, V) {
        const V e = a - y, none = V::zero() * e;  // NaN stays NaN
        const V above = V::choose(less(V::zero(), e), V::set1(1), none);
        return {e.abs(), V::choose(less(e, V::zero()), V::set1(-1), above)};
    }
};

template <class V>
struct HuberEntry {
    static CR_INLINE Entry<V> of(V a, V y, V delta) {
        const V e = a - y, size = e.abs(), inside = min(delta, size);
        return {inside * fnma(V::set1(0.5), inside, size), inside.with_sign_of(e)};
    }
};

// Near 0 cosh e - 1 = (1 - u)^2 / (2 u) with u = e^-|e|; farther out |e| + log(1 + e^-2|e|) - log 2.
template <class V>
struct LogCoshEntry {
    static CR_INLINE Entry<V> of(V a, V y, V) {
        const V e = a - y, size = e.abs(), one = V::set1(1), inside = min(one, size);
        const V q = expm1_negative(V::zero() - inside);
        const V near = log1p_unit(q * q / (V::set1(2) * (one + q)));
        const V far = size + log1p_unit(exp_negative(V::zero() - size - size)) - V::set1(0.6931471805599453);
        return {V::choose(less(size, one), near, far), tanh(e)};
    }
};

template <class V>
struct QuantileEntry {
    static CR_INLINE Entry<V> of(V a, V y, V level) {
        const V e = a - y, rest = V::set1(1) - level, none = V::zero() * e;  // NaN stays NaN
        const V below = V::choose(less(V::zero(), e), rest, none);
        return {max(V::zero() - level * e, rest * e), V::choose(less(e, V::zero()), V::zero() - level, below)};
    }
};

template <class V>
struct HingeEntry {
    static CR_INLINE Entry<V> of(V a, V y, V) {
        const V t = y + y - V::set1(1), slack = fnma(t, a, V::set1(1));
        const V none = V::choose(at_most(slack, V::zero()), V::zero(), slack);  // NaN stays NaN
        return {max(V::zero(), slack), V::choose(less(V::zero(), slack), V::zero() - t, none)};
    }
};

// What entry j counts: its output's factor, 0 where its target is missing.
template <class V>
CR_INLINE V entry_factor(const Objective<typename V::Scalar>& o, V y, ptrdiff_t j, ptrdiff_t n) {
    const V factor = o.factors ? V::load_first(o.factors + j, n) : V::set1(1);
    return V::choose(at_most(y, y), factor, V::zero());
}

// -log of a probability, as it is with one that is not too near to 0 and 1; NaN stays NaN.
template <class V>
CR_INLINE V cut_off(const Objective<typename V::Scalar>& o, V x) {
    return o.most > 0 ? min(V::set1(o.most), max(V::set1(o.least), x)) : x;
}

// 0 where the factor is, whatever x is there.
template <class V>
CR_INLINE V counted(V factor, V x) {
    return V::choose(less(V::zero(), factor), x, V::zero());
}

// a: activations; dz holds f'(z) and becomes dLoss/dz; returns the row's loss, a sum.
template <class V, class L>
double entries_row(const Objective<typename V::Scalar>& o, ptrdiff_t N, typename V::Scalar scale,
                   const typename V::Scalar* a, const typename V::Scalar* y, typename V::Scalar* dz) {
    RowSum<V> sum;
    for_each_vector<V>(N, [&](ptrdiff_t j, ptrdiff_t n) CR_LAMBDA {
        const V target = V::load_first(y + j, n), c = entry_factor(o, target, j, n);
        const V p = o.levels ? V::load_first(o.levels + j, n) : V::set1(o.delta);
        const Entry<V> e = L::of(V::load_first(a + j, n), target, p);
        sum.add(j, V::choose(V::first(n), counted(c, e.value * c), V::zero()));
        counted(c, e.slope * (c * V::set1(scale)) * V::load_first(dz + j, n)).store_first(dz + j, n);
    });
    return double(sum.total());
}

template <class V>
double binary_entries_row(const Objective<typename V::Scalar>& o, ptrdiff_t N, typename V::Scalar scale,
                          typename V::Scalar* z, const typename V::Scalar* y, typename V::Scalar* dz) {
    RowSum<V> sum;
    for_each_vector<V>(N, [&](ptrdiff_t j, ptrdiff_t n) CR_LAMBDA {
        const V target = V::load_first(y + j, n), c = entry_factor(o, target, j, n);
        const BinaryEntry<V> e(V::load_first(z + j, n), target);
        sum.add(j, V::choose(V::first(n), counted(c, cut_off(o, e.term) * c), V::zero()));
        e.a.store_first(z + j, n);
        counted(c, e.slope * (c * V::set1(scale))).store_first(dz + j, n);
    });
    return double(sum.total());
}

template <class V>
double poisson_row(const Objective<typename V::Scalar>& o, Activation kind, ptrdiff_t N, typename V::Scalar scale,
                   typename V::Scalar* z, const typename V::Scalar* y, typename V::Scalar* dz) {
    RowSum<V> sum;
    for_each_vector<V>(N, [&](ptrdiff_t j, ptrdiff_t n) CR_LAMBDA {  // dz keeps y z meanwhile
        const V target = V::load_first(y + j, n), yz = target * V::load_first(z + j, n);
        V::choose(at_most(target.abs(), V::zero()), V::zero(), yz).store_first(dz + j, n);
    });
    activate<V>(kind, 1, N, z, N, z, N);
    for_each_vector<V>(N, [&](ptrdiff_t j, ptrdiff_t n) CR_LAMBDA {
        const V target = V::load_first(y + j, n), c = entry_factor(o, target, j, n), a = V::load_first(z + j, n);
        sum.add(j, V::choose(V::first(n), counted(c, (a - V::load_first(dz + j, n)) * c), V::zero()));
        counted(c, (a - target) * (c * V::set1(scale))).store_first(dz + j, n);
    });
    return double(sum.total());
}

template <class T>
CR_INLINE bool any_missing(ptrdiff_t N, const T* y) {
    for (ptrdiff_t j = 0; j < N; ++j)
        if (!(y[j] == y[j])) return true;
    return false;
}

// The loss of a row where not all is as output_row has it.
template <class V>
double entry_row(const Objective<typename V::Scalar>& o, Activation kind, ptrdiff_t N, typename V::Scalar scale,
                 typename V::Scalar* z, const typename V::Scalar* y, typename V::Scalar* dz) {
    switch (o.loss) {
        case Loss::cross_entropy:
            if (!any_missing(N, y))
                return cross_entropy_row<V>(N, scale, z, y, dz, [&](V x) CR_LAMBDA { return cut_off(o, x); });
            softmax_row<V>(N, z, z, nullptr);
            for (ptrdiff_t j = 0; j < N; ++j) dz[j] = 0;
            return 0;
        case Loss::binary_cross_entropy: return binary_entries_row<V>(o, N, scale, z, y, dz);
        case Loss::poisson: return poisson_row<V>(o, kind, N, scale, z, y, dz) / double(N);
        default: break;
    }
    if (kind == Activation::softmax) {
        softmax_row<V>(N, z, z, nullptr);
        for (ptrdiff_t j = 0; j < N; ++j) dz[j] = 1;
    } else {
        activate_with_slope<V>(kind, 1, N, z, N, dz, N);
    }
    double sum = 0;
    switch (o.loss) {
        case Loss::mean_absolute_error: sum = entries_row<V, AbsoluteEntry<V>>(o, N, scale, z, y, dz); break;
        case Loss::huber: sum = entries_row<V, HuberEntry<V>>(o, N, scale, z, y, dz); break;
        case Loss::log_cosh: sum = entries_row<V, LogCoshEntry<V>>(o, N, scale, z, y, dz); break;
        case Loss::quantile: sum = entries_row<V, QuantileEntry<V>>(o, N, scale, z, y, dz); break;
        case Loss::hinge: sum = entries_row<V, HingeEntry<V>>(o, N, scale, z, y, dz); break;
        default: sum = entries_row<V, SquaredEntry<V>>(o, N, scale, z, y, dz); break;
    }
    if (kind == Activation::softmax) softmax_gradient_row<V>(N, z, dz, dz);
    if (o.loss == Loss::half_squared_error) return 0.5 * sum;
    return is_mean_over_outputs(o.loss) ? sum / double(N) : sum;
}

template <class V>
void output_loss(const Objective<typename V::Scalar>& o, Activation kind, ptrdiff_t rows, ptrdiff_t N,
                 typename V::Scalar scale, const typename V::Scalar* row_weight, typename V::Scalar* Z, ptrdiff_t ldz,
                 const typename V::Scalar* Y, ptrdiff_t ldy, typename V::Scalar* dZ, ptrdiff_t ldd, double* row_loss) {
    const bool plain = o.loss <= Loss::binary_cross_entropy && !o.factors && !o.missing && !(o.most > 0);
    for (ptrdiff_t r = 0; r < rows; ++r) {
        typename V::Scalar *z = Z + r * ldz, *dz = dZ + r * ldd, c = row_weight ? scale * row_weight[r] : scale;
        const typename V::Scalar* y = Y + r * ldy;
        const double loss = plain ? output_row<V>(o.loss, kind, N, c, z, y, dz) : entry_row<V>(o, kind, N, c, z, y, dz);
        const double weight = row_weight ? double(row_weight[r]) : 1;
        row_loss[r] = weight == 0 ? 0 : loss * weight;
        if (weight == 0)
            for (ptrdiff_t j = 0; j < N; ++j) dz[j] = 0;
    }
}

}  // namespace

// Activations and their derivatives. A new one is a struct here or in smooth.hpp, a name in kinds.hpp and a line in
// CR_FROM_OUTPUT or CR_ELEMENTWISE.
//
//   value(z) = f(z)          slope(a) = f'(z), from the output a = f(z), or slope_at(z)
#pragma once

#include "smooth.hpp"
#include "tile.hpp"

namespace {

template <class V>
struct Identity : FromOutput {
    static CR_INLINE V value(V z) { return z; }
    static CR_INLINE V slope(V) { return V::set1(1); }
};

template <class V>
struct Sigmoid : FromOutput {
    static CR_INLINE V value(V z) { return sigmoid(z); }
    static CR_INLINE V slope(V a) { return fnma(a, a, a); }  // a (1 - a)
};

template <class V>
struct Tanh : FromOutput {
    static CR_INLINE V value(V z) { return tanh(z); }
    static CR_INLINE V slope(V a) { return fnma(a, a, V::set1(1)); }  // 1 - a^2
};

template <class V>
struct Relu : FromOutput {
    static CR_INLINE V value(V z) { return max(V::zero(), z); }  // NaN stays NaN
    static CR_INLINE V slope(V a) { return V::choose(less(V::zero(), a), V::set1(1), V::zero()); }
};

template <class V>
struct LeakyRelu : FromOutput {
    static CR_INLINE V value(V z) { return V::choose(less(z, V::zero()), z * V::set1(leaky_relu_slope), z); }
    static CR_INLINE V slope(V a) { return V::choose(less(V::zero(), a), V::set1(1), V::set1(leaky_relu_slope)); }
};

template <class V>
struct Step : FromOutput {
    static CR_INLINE V value(V z) { return V::choose(at_most(V::zero(), z), V::set1(1), V::zero()); }
    static CR_INLINE V slope(V) { return V::zero(); }
};

// An outlined lambda would load its pointers anew after each store, and keep sums in memory.
#define CR_LAMBDA __attribute__((always_inline))

// Cases of a switch that call `f.template operator()<Struct<V>>()` for the activations whose slope comes from the output.
#define CR_FROM_OUTPUT_CASES(V, f)                                                 \
    case Activation::sigmoid: f.template operator()<Sigmoid<V>>(); break;          \
    case Activation::tanh: f.template operator()<Tanh<V>>(); break;                \
    case Activation::relu: f.template operator()<Relu<V>>(); break;                \
    case Activation::leaky_relu: f.template operator()<LeakyRelu<V>>(); break;     \
    case Activation::step: f.template operator()<Step<V>>(); break;                \
    case Activation::elu: f.template operator()<Elu<V>>(); break;                  \
    case Activation::selu: f.template operator()<Selu<V>>(); break;                \
    case Activation::softplus: f.template operator()<Softplus<V>>(); break;        \
    case Activation::softsign: f.template operator()<Softsign<V>>(); break;        \
    case Activation::hard_sigmoid: f.template operator()<HardSigmoid<V>>(); break; \
    case Activation::exponential: f.template operator()<Exponential<V>>(); break;

// And for those whose slope comes from the input.
#define CR_FROM_INPUT_CASES(V, f)                                            \
    case Activation::gelu: f.template operator()<Gelu<V>>(); break;          \
    case Activation::gelu_tanh: f.template operator()<GeluTanh<V>>(); break; \
    case Activation::silu: f.template operator()<Silu<V>>(); break;          \
    case Activation::mish: f.template operator()<Mish<V>>(); break;

#define CR_FROM_OUTPUT(kind, V, f)                            \
    switch (kind) {                                           \
        CR_FROM_OUTPUT_CASES(V, f)                            \
        default: f.template operator()<Identity<V>>(); break; \
    }

// The same for any elementwise activation; softmax is treated by its callers.
#define CR_ELEMENTWISE(kind, V, f)                            \
    switch (kind) {                                           \
        CR_FROM_OUTPUT_CASES(V, f)                            \
        CR_FROM_INPUT_CASES(V, f)                             \
        default: f.template operator()<Identity<V>>(); break; \
    }

// body(j, n): vectors at j = 0, lanes, ...; n = how many of the lanes are real (all but at the end of a row)
template <class V, class Body>
CR_INLINE void for_each_vector(ptrdiff_t N, Body body) {
    ptrdiff_t j = 0;
    for (; j + V::lanes <= N; j += V::lanes) body(j, ptrdiff_t(V::lanes));
    if (j < N) body(j, N - j);
}

// All lanes made one by f, the upper half with the lower each time. Through memory a softmax of ten took twice as long.
template <int half, class V, class F>
CR_INLINE typename V::Scalar folded(V x, F f) {
    if constexpr (half == 0)
        return x.r[0];
    else
        return folded<half / 2>(f(x, x.template halves_swapped<half>()), f);
}

// Sum over a row in one order at every vector width: sixteen partial sums, element j in sum j % 16, then halves added.
template <class V>
struct RowSum {
    static constexpr int parts = block / V::lanes;
    V part[parts];
    CR_INLINE RowSum() {
        for (int i = 0; i < parts; ++i) part[i] = V::zero();
    }
    CR_INLINE void add(ptrdiff_t j, V x) {
        if constexpr (parts == 1)
            part[0] = part[0] + x;
        else {
            const int at = int(j / V::lanes) % parts;
#pragma GCC unroll 8
            for (int i = 0; i < parts; ++i)
                if (i == at) part[i] = part[i] + x;
        }
    }
    CR_INLINE typename V::Scalar total() const {
        V sum[parts];
        for (int i = 0; i < parts; ++i) sum[i] = part[i];
#pragma GCC unroll 4
        for (int half = parts / 2; half > 0; half /= 2)
#pragma GCC unroll 8
            for (int i = 0; i < half; ++i) sum[i] = sum[i] + sum[i + half];
        return folded<V::lanes / 2>(sum[0], [](V a, V b) CR_LAMBDA { return a + b; });
    }
};

// The row's largest element: in any order the same, so in four that do not wait for each other.
template <class V>
CR_INLINE typename V::Scalar row_max(ptrdiff_t N, const typename V::Scalar* z) {
    constexpr int side_by_side = 4;
    V most = V::set1(z[0]);
    ptrdiff_t done = 0;
    if (N >= side_by_side * V::lanes) {
        V part[side_by_side] = {most, most, most, most};
        for (; done + side_by_side * V::lanes <= N; done += side_by_side * V::lanes)
#pragma GCC unroll 4
            for (int i = 0; i < side_by_side; ++i) part[i] = max(V::load(z + done + i * V::lanes), part[i]);
        most = max(max(part[0], part[1]), max(part[2], part[3]));
    }
    for_each_vector<V>(N - done, [&](ptrdiff_t j, ptrdiff_t n) CR_LAMBDA {
        V x = V::load_first(z + done + j, n);
        most = max(V::choose(V::first(n), x, most), most);
    });
    return folded<V::lanes / 2>(most, [](V a, V b) CR_LAMBDA { return max(b, a); });
}

// a_j = e^(z_j - max z) / sum. Returns that sum; t receives z - max where it is wanted. a and t may be z.
// The division is one per row: the product with the reciprocal, and with what that leaves of the quotient.
template <class V>
CR_INLINE typename V::Scalar softmax_row(ptrdiff_t N, const typename V::Scalar* z, typename V::Scalar* a,
                                         typename V::Scalar* t) {
    const V most = V::set1(row_max<V>(N, z));
    RowSum<V> sum;
    for_each_vector<V>(N, [&](ptrdiff_t j, ptrdiff_t n) CR_LAMBDA {
        V x = V::load_first(z + j, n) - most;
        V e = V::choose(V::first(n), exp_negative(x), V::zero());
        if (t) x.store_first(t + j, n);
        e.store_first(a + j, n);
        sum.add(j, e);
    });
    const auto total = sum.total();
    const V divisor = V::set1(total), r = V::set1(1 / total);
    for_each_vector<V>(N, [&](ptrdiff_t j, ptrdiff_t n) CR_LAMBDA {
        V e = V::load_first(a + j, n), q = e * r;
        if constexpr (V::fused)
            q = fnma(fms(q, divisor, e), r, q);
        else  // a product that is rounded leaves nothing to correct by
            q = e / divisor;
        q.store_first(a + j, n);
    });
    return total;
}

// dZ_j = a_j (dA_j - sum_i a_i dA_i)
template <class V>
CR_INLINE void softmax_gradient_row(ptrdiff_t N, const typename V::Scalar* a, const typename V::Scalar* dA,
                                    typename V::Scalar* dZ) {
    RowSum<V> sum;
    for_each_vector<V>(
        N, [&](ptrdiff_t j, ptrdiff_t n) CR_LAMBDA { sum.add(j, V::load_first(a + j, n) * V::load_first(dA + j, n)); });
    const V dot = V::set1(sum.total());
    for_each_vector<V>(N, [&](ptrdiff_t j, ptrdiff_t n) CR_LAMBDA {
        (V::load_first(a + j, n) * (V::load_first(dA + j, n) - dot)).store_first(dZ + j, n);
    });
}

template <class V>
void activate(Activation kind, ptrdiff_t rows, ptrdiff_t N, const typename V::Scalar* Z, ptrdiff_t ldz,
              typename V::Scalar* A, ptrdiff_t lda) {
    if (kind == Activation::softmax) {
        for (ptrdiff_t r = 0; r < rows; ++r) softmax_row<V>(N, Z + r * ldz, A + r * lda, nullptr);
        return;
    }
    if (kind == Activation::identity && Z == A) return;
    auto all = [&]<class F>() CR_LAMBDA {
        for (ptrdiff_t r = 0; r < rows; ++r)
            for_each_vector<V>(N, [&](ptrdiff_t j, ptrdiff_t n) CR_LAMBDA {
                F::value(V::load_first(Z + r * ldz + j, n)).store_first(A + r * lda + j, n);
            });
    };
    CR_ELEMENTWISE(kind, V, all)
}

// Z is read where the slope needs it, and may be null else.
template <class V>
void activation_gradient(Activation kind, ptrdiff_t rows, ptrdiff_t N, const typename V::Scalar* A, ptrdiff_t lda,
                         const typename V::Scalar* Z, ptrdiff_t ldz, const typename V::Scalar* dA, ptrdiff_t ldd,
                         typename V::Scalar* dZ, ptrdiff_t ldo) {
    if (kind == Activation::softmax) {
        for (ptrdiff_t r = 0; r < rows; ++r) softmax_gradient_row<V>(N, A + r * lda, dA + r * ldd, dZ + r * ldo);
        return;
    }
    auto all = [&]<class F>() CR_LAMBDA {
        const auto* from = F::from_output ? A : Z;
        const ptrdiff_t ld = F::from_output ? lda : ldz;
        for (ptrdiff_t r = 0; r < rows; ++r)
            for_each_vector<V>(N, [&](ptrdiff_t j, ptrdiff_t n) CR_LAMBDA {
                V d = V::load_first(dA + r * ldd + j, n), x = V::load_first(from + r * ld + j, n);
                (d * slope_of<F>(x, x)).store_first(dZ + r * ldo + j, n);
            });
    };
    CR_ELEMENTWISE(kind, V, all)
}

// Z becomes A in place, and leaves its slope.
template <class V>
void activate_with_slope(Activation kind, ptrdiff_t rows, ptrdiff_t N, typename V::Scalar* Z, ptrdiff_t ldz,
                         typename V::Scalar* slope, ptrdiff_t lds) {
    auto all = [&]<class F>() CR_LAMBDA {
        for (ptrdiff_t r = 0; r < rows; ++r)
            for_each_vector<V>(N, [&](ptrdiff_t j, ptrdiff_t n) CR_LAMBDA {
                const V z = V::load_first(Z + r * ldz + j, n), a = F::value(z);
                slope_of<F>(z, a).store_first(slope + r * lds + j, n);
                a.store_first(Z + r * ldz + j, n);
            });
    };
    CR_ELEMENTWISE(kind, V, all)
}

// Where the slope needs the input it is there already, and gets the mask only.
template <class V>
void dropout(Activation kind, ptrdiff_t rows, ptrdiff_t N, typename V::Scalar* A, ptrdiff_t lda,
             const typename V::Scalar* mask, typename V::Scalar* slope, ptrdiff_t lds) {
    const bool there = slope_needs_input(kind);
    auto all = [&]<class F>() CR_LAMBDA {
        for (ptrdiff_t r = 0; r < rows; ++r)
            for_each_vector<V>(N, [&](ptrdiff_t j, ptrdiff_t n) CR_LAMBDA {
                V a = V::load_first(A + r * lda + j, n), m = V::load_first(mask + r * N + j, n);
                V s = there ? V::load_first(slope + r * lds + j, n) : F::slope(a);
                (s * m).store_first(slope + r * lds + j, n);
                (a * m).store_first(A + r * lda + j, n);
            });
    };
    CR_FROM_OUTPUT(kind, V, all)
}

}  // namespace

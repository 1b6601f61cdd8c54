// What a kernel file exports: one constant table of function pointers per instruction set and dtype.
//
// Shapes, once for all kernels (rows = samples, row-major, `ld` = elements from one row to the next):
//   A (rows, K)   activations that go into a layer         W (K, N)   weights
//   Z (rows, N)   weighted sums, Z = A W + b               dZ (rows, N) dLoss/dZ
// Buffers that kernels WRITE are padded: each row has room up to the next multiple of `lanes`.
//
// Panels. Weights are kept as panels of `panel` = 2 * lanes columns: panel p holds columns
// [p*panel, (p+1)*panel) as (depth, panel) contiguous, depth = K rounded up to 16; a last panel of at
// most `lanes` columns is only `lanes` wide. Everything beyond K and N is zero and stays zero.
// Transposed panels are the same of W^T (N, K): what dA = dZ W^T wants.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "kinds.hpp"

namespace chainrule {

constexpr ptrdiff_t block = 16;                 // rows of a panel come in this granularity; also the lanes of a row sum
constexpr ptrdiff_t most_packed_columns = 224;  // of A, for dW at a time

enum class Epilogue : int { store, relu, relu_gradient, times };

// C (rows, N) = epilogue(init + A (rows, K) * panels (K, N)); init is `bias` (padded) or zero.
template <class T>
struct Product {
    ptrdiff_t rows, K, N;
    const T* A;  // IN
    ptrdiff_t lda;
    const T* panels;          // IN: W in panels, or row-major if row_major > 0
    ptrdiff_t row_major = 0;  // elements from one row of W to the next, or 0: panels
    bool transposed = false;  // what is there is W^T (N, K)
    const T* bias = nullptr;  // IN, or null: 0
    T* C;                     // OUT
    ptrdiff_t ldc;
    Epilogue epilogue = Epilogue::store;
    const T* other = nullptr;  // IN: layer outputs for relu_gradient, factors for times; same shape as C
    ptrdiff_t ldo = 0;
    // Room for rows * K elements and a vector more, where A is put in the order of its use, and panels are fetched ahead;
    // or null. It pays where there are many columns.
    T* scratch = nullptr;
    bool from_another_core = false;  // A: its rows are fetched ahead
};

template <class T>
struct Sgd {
    T learning_rate, momentum, weight_decay;
    bool nesterov;
};

// The numbers of any other update, for one step; the formulas stand in rules.hpp.
template <class T>
struct Rule {
    RuleKind kind;
    T rate, momentum;
    T decay, shrink, l1;  // added to the gradient: decay w and l1 sign(w); w becomes shrink w before
    T beta1, one_minus_beta1, beta2, one_minus_beta2, epsilon;
    T root;  // of Adam: what makes sqrt(s) that of a mean over the steps there were
    T eta_minus, eta_plus, smallest, largest;
    T limit, scale;  // gradients are cut off at -limit and limit, and then multiplied
    bool nesterov;
};

// Rows [k0, k1) of one panel of dW = A^T dZ, either stored to `gradient` or applied to weights and velocity.
template <class T>
struct WeightGradient {
    ptrdiff_t rows, K, N;
    const T* A;  // IN (rows, K)
    ptrdiff_t lda;
    const T* dZ;  // IN (rows, N)
    ptrdiff_t ldz;
    T* gradient = nullptr;    // OUT (K, N) row-major, or null: update instead
    T* sums = nullptr;        // OUT panels, instead of the update, or null
    T* weights = nullptr;     // INOUT panels
    T* velocity = nullptr;    // INOUT panels
    T* transposed = nullptr;  // OUT panels of W^T, or null (first layer)
    Sgd<T> sgd = {};
    const T* packed = nullptr;  // IN: what pack_columns made of columns [k0, k1) of A, or null
};

// A loss with its numbers; the formulas stand in losses.hpp and entry_losses.hpp.
template <class T>
struct Objective {
    Loss loss = Loss::half_squared_error;
    T delta = 1;                 // of huber
    const T* levels = nullptr;   // IN (N,): of quantile
    const T* factors = nullptr;  // IN (N,): of the outputs, or null: 1
    bool missing = false;        // whether targets may be NaN: these do not count
    T least = 0, most = 0;       // of a cross-entropy: between these is -log of a probability, if most > 0
};

// One mini-batch row (or a few) through a whole small network, forward, backward and update.
template <class T>
struct TinyLayer {
    ptrdiff_t K, N;
    Activation activation;
    bool only_transposed;    // weights and velocity are not read and not kept up to date
    T* weights;              // INOUT (K, 16)
    T* velocity;             // INOUT (K, 16)
    T* transposed;           // INOUT (N, 16): W^T
    T* transposed_velocity;  // INOUT (N, 16)
    T* bias;                 // INOUT (16)
    T* bias_velocity;        // INOUT (16)
};

template <class T>
struct Tiny {
    const TinyLayer<T>* layers;
    ptrdiff_t n_layers;
    Loss loss;
    int bias_mode;  // 0 none, 1 one per neuron, 2 one per layer
    Sgd<T> sgd;
    const T* X;  // IN (any, n_in)
    ptrdiff_t ldx;
    const T* Y;  // IN (any, n_out) or null
    ptrdiff_t ldy;
    const int64_t* labels;
    const int64_t* order;  // IN row numbers, one step each
    double* row_loss;      // OUT one per step
};

// A plan: a network whose parameters do not change any more, laid out for predictions of single rows.
// A layer's columns are cut evenly into groups of at most `plan_group` vectors; a group is (K, its width) contiguous,
// so that a row reads all weights from first to last. Columns beyond N, up to a whole vector, are zero.
constexpr ptrdiff_t plan_group = 8;
// So many rows at most pass through the layers together.
constexpr ptrdiff_t plan_rows_at_once = 4;

template <class T>
struct PlanLayer {
    ptrdiff_t K, N;
    Activation activation;
    const T* weights;  // IN groups
    const T* bias;     // IN (N, padded); zeros without bias
};

template <class T>
struct PlanRows {
    const PlanLayer<T>* layers;
    ptrdiff_t n_layers;
    ptrdiff_t rows;
    const T* X;       // IN (rows, n_in) without gaps
    T* out;           // OUT (rows, n_out) without gaps or padding
    T* scratch;       // (2, min(rows, plan_rows_at_once), width)
    ptrdiff_t width;  // no less than any N but the last, padded
    bool alternate;   // whether every pass over the weights goes the other way than the one before
    bool reversed;    // whether the first goes from the last column to the first
};

// Of each of N units over the rows that are looked at.
template <class T>
struct Activity {
    double *squares, *around,
        *around_squares;      // OUT (N): sums of a^2, of a less that of the first row, and of its square
    T *flat, *active, *last;  // OUT (N): how many are below or above two ends, or are not 0; the last row, from 1 on,
                              // that is not 0, or 0
};

template <class T>
struct Kernels {
    const char* name;
    ptrdiff_t lanes;      // elements of a vector
    ptrdiff_t panel;      // columns of a weight panel
    ptrdiff_t tile_rows;  // rows of the largest register tile

    void (*product)(const Product<T>&);
    // Returns false if an updated weight is not finite.
    bool (*weight_gradient)(const WeightGradient<T>&, ptrdiff_t panel_index, ptrdiff_t k0, ptrdiff_t k1);
    // Columns of A (rows, at most most_packed_columns), and a vector more, in the order in which weight_gradient reads them.
    void (*pack_columns)(ptrdiff_t rows, ptrdiff_t columns, const T* A, ptrdiff_t lda, T* to);
    // out (N, padded) = sum over rows of dZ, row after row.
    void (*column_sums)(ptrdiff_t rows, ptrdiff_t N, const T* dZ, ptrdiff_t ldz, T* out);
    // out (N) = sum over rows of the squares of X, row after row, in float64; out is not padded.
    void (*column_squares)(ptrdiff_t rows, ptrdiff_t N, const T* X, ptrdiff_t ldx, double* out);
    // The activity of the columns of A, whose ends are `low` and `high`; nothing is padded.
    void (*column_activity)(ptrdiff_t rows, ptrdiff_t N, const T* A, ptrdiff_t lda, T low, T high,
                            const Activity<T>& out);
    // v = mu*v - eta*g, w += v (Nesterov: w += mu*v - eta*g); false if a new weight is not finite.
    bool (*update)(ptrdiff_t n, const Sgd<T>&, T* w, T* v, const T* g);

    // Any rule on n numbers and what is remembered of each (v, s; null where the rule has none); false if a gradient or
    // anything new is not finite.
    bool (*apply_rule)(ptrdiff_t n, const Rule<T>&, T* w, T* v, T* s, const T* g);
    // Rows [k0, k1) of one panel of W to the panels of W^T.
    void (*transpose_part)(ptrdiff_t K, ptrdiff_t N, ptrdiff_t panel_index, ptrdiff_t k0, ptrdiff_t k1, const T* panels,
                           T* transposed);
    // Shortens the columns of one panel that are longer than `most`; transposed may be null.
    void (*limit_norms)(ptrdiff_t K, ptrdiff_t N, ptrdiff_t panel_index, T most, T* weights, T* transposed);

    void (*activate)(Activation, ptrdiff_t rows, ptrdiff_t N, const T* Z, ptrdiff_t ldz, T* A, ptrdiff_t lda);
    // dZ = dA * f'(z), from the outputs A, or from Z where slope_needs_input (else null).
    void (*activation_gradient)(Activation, ptrdiff_t rows, ptrdiff_t N, const T* A, ptrdiff_t lda, const T* Z,
                                ptrdiff_t ldz, const T* dA, ptrdiff_t ldd, T* dZ, ptrdiff_t ldo);
    // Z becomes A in place; slope = f'(z).
    void (*activate_with_slope)(Activation, ptrdiff_t rows, ptrdiff_t N, T* Z, ptrdiff_t ldz, T* slope, ptrdiff_t lds);
    // A *= mask; slope = f'(z) * mask, or *= mask where slope_needs_input. The mask is flat, (rows, N) without padding.
    void (*dropout)(Activation, ptrdiff_t rows, ptrdiff_t N, T* A, ptrdiff_t lda, const T* mask, T* slope,
                    ptrdiff_t lds);
    // Z in, activations out in the same place; dZ = dLoss/dZ; row_loss per row. row_weight: a factor for each row, or null.
    void (*output_loss)(const Objective<T>&, Activation, ptrdiff_t rows, ptrdiff_t N, T scale, const T* row_weight,
                        T* Z, ptrdiff_t ldz, const T* Y, ptrdiff_t ldy, T* dZ, ptrdiff_t ldd, double* row_loss);

    // Row-major (K, ld) to panels and back; to transposed panels of it.
    void (*pack)(ptrdiff_t K, ptrdiff_t N, const T* W, ptrdiff_t ldw, T* panels);
    void (*unpack)(ptrdiff_t K, ptrdiff_t N, const T* panels, T* W, ptrdiff_t ldw);
    void (*transpose_panels)(ptrdiff_t K, ptrdiff_t N, const T* panels, T* transposed);

    // count multipliers (0 or scale) from position `start` of a random stream.
    void (*dropout_mask)(uint64_t seed, uint32_t stream, uint64_t step, uint64_t start, ptrdiff_t count,
                         uint64_t threshold, T scale, T* out);
    // count normal numbers of mean 0 and variance 1 from position `start` of a random stream.
    void (*gaussian_noise)(uint64_t seed, uint32_t stream, uint64_t step, uint64_t start, ptrdiff_t count, T* out);
    void (*random_words)(uint64_t seed, uint32_t stream, uint64_t step, uint64_t start, ptrdiff_t count, uint32_t* out);

    // Steps of batch size 1 through a network whose layers are all at most 16 wide. They go on where something is not
    // finite any more.
    void (*tiny_steps)(const Tiny<T>&, ptrdiff_t n_steps);

    // Row-major (K, ld) to the groups of a plan and back, and rows through all layers of one.
    void (*pack_plan)(ptrdiff_t K, ptrdiff_t N, const T* W, ptrdiff_t ldw, T* groups);
    void (*unpack_plan)(ptrdiff_t K, ptrdiff_t N, const T* groups, T* W, ptrdiff_t ldw);
    void (*plan_rows)(const PlanRows<T>&);

    // For benchmarks: rounds * 12 * lanes multiply-adds in registers.
    T (*multiply_adds)(ptrdiff_t rounds);
};

}  // namespace chainrule

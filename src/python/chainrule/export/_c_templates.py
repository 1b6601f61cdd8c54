"""The parts of the C header that `to_c` writes. ``@name@`` stands for the prefix of its names, ``@REAL@`` for the type of
the network, ``@f@`` for the letter behind its functions and constants.
"""

from __future__ import annotations

HEAD = """\
/* A neural network in C99, written by chainrule @version@. Any number of threads may use it at once: nothing is written but
 * the outputs and the stack (about @stack@ bytes of it).
 *
 *     @IN@ inputs[@NAME@_N_INPUTS];
 *     @OUT@ outputs[@NAME@_N_OUTPUTS];
 *     @name@_predict(inputs, outputs);
 *
 * @scaling@
 *
 * @name@_self_test() predicts the @n_rows@ stored test vectors and returns the largest error; it should be at most
 * @NAME@_ERROR_BOUND. The stored predictions are those of the @core@ core of chainrule. @NAME@_MEASURED_ERROR
 * is what NumPy gives with the operations of this file in the same order and types.
 *
 * With @NAME@_FMA defined, each product and sum is one fused multiply-add, and weighted sums have the very bits of the
 * native core; use it where the processor has such an instruction. Do not compile with -ffast-math.
 */
#ifndef @NAME@_H
#define @NAME@_H

#include <math.h>
#include <stddef.h>

#define @NAME@_N_INPUTS @n_in@
#define @NAME@_N_OUTPUTS @n_out@
#define @NAME@_N_TEST_VECTORS @n_rows@
#define @NAME@_MEASURED_ERROR @error@
#define @NAME@_ERROR_BOUND @bound@

/* Z = X W + b for one row: x (n_in), w (n_in, n_out), z (n_out). b_step is 1 with a bias for each output, 0 with one for all. */
static inline void @name@_layer(const @REAL@ *x, const @REAL@ *w, const @REAL@ *b, size_t b_step, size_t n_in,
                                size_t n_out, @REAL@ *z) {
    for (size_t j = 0; j < n_out; ++j) z[j] = b[j * b_step];
    for (size_t i = 0; i < n_in; ++i, w += n_out)
        for (size_t j = 0; j < n_out; ++j) {
#ifdef @NAME@_FMA
            z[j] = fma@f@(x[i], w[j], z[j]);
#else
            z[j] += x[i] * w[j];
#endif
        }
}
"""

NAME_FUNCTION = """
/* The name of a column, from 0 on, in UTF-8. */
static inline const char *@name@_@what@_name(size_t i) {
    static const char *const names[] = {
@names@
    };
    return names[i];
}
"""

PREDICT = """
/* One row: inputs (@NAME@_N_INPUTS) -> outputs (@NAME@_N_OUTPUTS), which may be the same memory. */
static inline void @name@_predict(const @IN@ *inputs, @OUT@ *outputs) {
@constants@
    @REAL@ a[@width@], z[@width@];
@body@
}

/* Rows that lie one after the other. Outputs must not lie over inputs. */
static inline void @name@_predict_rows(size_t n_rows, const @IN@ *inputs, @OUT@ *outputs) {
    for (size_t r = 0; r < n_rows; ++r)
        @name@_predict(inputs + r * @NAME@_N_INPUTS, outputs + r * @NAME@_N_OUTPUTS);
}

/* The largest absolute difference from the stored predictions. */
static inline double @name@_self_test(void) {
@vectors@
    double largest = 0.0;
    for (size_t r = 0; r < @NAME@_N_TEST_VECTORS; ++r) {
        @OUT@ outputs[@NAME@_N_OUTPUTS];
        @name@_predict(test_inputs + r * @NAME@_N_INPUTS, outputs);
        for (size_t j = 0; j < @NAME@_N_OUTPUTS; ++j) {
            const double found = (double)outputs[j];
            const double expected = (double)test_outputs[r * @NAME@_N_OUTPUTS + j];
            double error = 0.0;
            if (isnan(found) || isnan(expected))
                error = isnan(found) && isnan(expected) ? 0.0 : (double)INFINITY;
            else if (found < expected || found > expected)
                error = fabs(found - expected);
            if (error > largest) largest = error;
        }
    }
    return largest;
}

#endif
"""

SCALAR = "\nstatic inline @REAL@ @name@_{activation}(@REAL@ z) {{{body}}}\n"

NEEDS = {"gelu_tanh": ("sigmoid",), "silu": ("sigmoid",), "mish": ("softplus",)}
"""Which functions an activation calls."""

ACTIVATIONS = {
    "sigmoid": """
    const @REAL@ e = exp@f@(-fabs@f@(z)); /* never above 1 */
    return (z >= 0 ? 1 : e) / (1 + e);
""",
    "tanh": " return tanh@f@(z); ",
    "relu": " return z < 0 ? 0 : z; ",
    "leaky_relu": " return z < 0 ? @leaky_slope@ * z : z; ",
    "elu": " return z < 0 ? expm1@f@(z) : z; ",
    "selu": " return z < 0 ? @selu_below@ * expm1@f@(z) : @selu_scale@ * z; ",
    "softplus": " return (z > 0 ? z : 0) + log1p@f@(exp@f@(-fabs@f@(z))); ",
    "softsign": """
    const @REAL@ size = fabs@f@(z);
    if (size > @huge@) return z > 0 ? 1 : -1; /* infinity too */
    return z / (1 + size);
""",
    "hard_sigmoid": """
    const @REAL@ t = z + 3;
    return (t < 0 ? 0 : t > 6 ? 6 : t) / 6;
""",
    "exponential": " return exp@f@(z); ",
    "step": " return z >= 0 ? 1 : 0; ",
    # Gates: minus infinity times 0 is 0 here.
    "gelu": """
    const @REAL@ g = erfc@f@(z * @minus_root_half@) / 2;
    return g > 0 || isnan(g) ? z * g : 0;
""",
    "gelu_tanh": """
    const @REAL@ g = @name@_sigmoid(@twice@ * (z + @cubic@ * z * z * z));
    return g > 0 || isnan(g) ? z * g : 0;
""",
    "silu": """
    const @REAL@ g = @name@_sigmoid(z);
    return g > 0 || isnan(g) ? z * g : 0;
""",
    "mish": """
    const @REAL@ g = tanh@f@(@name@_softplus(z));
    return g > 0 || isnan(g) ? z * g : 0;
""",
}
"""Bodies of the functions of one number; identity needs none, and softmax is of a row."""

SOFTMAX = """
static inline void @name@_softmax(@REAL@ *z, size_t n) {
    @REAL@ largest = z[0], sum = 0;
    for (size_t j = 1; j < n; ++j)
        if (z[j] > largest || isnan(z[j])) largest = z[j];
    for (size_t j = 0; j < n; ++j) {
        z[j] = exp@f@(z[j] - largest); /* never above 1 */
        sum += z[j];
    }
    for (size_t j = 0; j < n; ++j) z[j] /= sum;
}
"""

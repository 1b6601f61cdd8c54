/* What chainrule._core gives to the Cython modules, so that there is one copy of the kernels: a table of functions, in
 * the capsule `_core.plan_api`. Plain C. Private: made for modules of the same version; others use
 * chainrule.cython_api.
 *
 * A plan is the pointer in a capsule that `_core.make_plan` returns, valid while that capsule lives. All of these
 * functions may be called without the interpreter's lock and by many threads at once. */
#ifndef CHAINRULE_PLAN_API_H
#define CHAINRULE_PLAN_API_H

#include <stddef.h>

#define CHAINRULE_PLAN_API_VERSION 1 /* a module of another version refuses the table */
#define CHAINRULE_PLAN_API_NAME "chainrule._core.plan_api"
#define CHAINRULE_PLAN_NAME "chainrule._core.plan"

typedef struct {
    int version;
    ptrdiff_t (*n_inputs)(const void* plan);
    ptrdiff_t (*n_outputs)(const void* plan);
    int (*item_size)(const void* plan); /* 4: float32, 8: float64 */
    double (*work)(const void* plan);   /* multiply-adds of a row */

    /* out (rows, n_outputs) = outputs for x (rows, n_inputs), both without gaps and apart from each other. 0, or
     * -1: the plan is of the other dtype, or rows is negative; -2: no memory for a network of very wide layers. */
    int (*predict_float32)(const void* plan, ptrdiff_t rows, const float* x, float* out);
    int (*predict_float64)(const void* plan, ptrdiff_t rows, const double* x, double* out);
} chainrule_plan_api;

#endif

# The table of functions that chainrule._core gives (src/cpp/bindings/plan_api.h), for the Cython modules here.

from cpython.pycapsule cimport PyCapsule_GetPointer

cdef extern from "bindings/plan_api.h" nogil:
    const char *PLAN_API_NAME "CHAINRULE_PLAN_API_NAME"
    const char *PLAN_NAME "CHAINRULE_PLAN_NAME"
    int PLAN_API_VERSION "CHAINRULE_PLAN_API_VERSION"
    ctypedef struct PlanApi "chainrule_plan_api":
        int version
        ptrdiff_t (*n_inputs)(const void *plan) noexcept nogil
        ptrdiff_t (*n_outputs)(const void *plan) noexcept nogil
        int (*item_size)(const void *plan) noexcept nogil
        double (*work)(const void *plan) noexcept nogil
        int (*predict_float32)(const void *plan, ptrdiff_t rows, const float *x, float *out) noexcept nogil
        int (*predict_float64)(const void *plan, ptrdiff_t rows, const double *x, double *out) noexcept nogil


cdef inline const PlanApi *load_plan_api() except NULL:
    """Return the table; ImportError if the compiled core is of another version than this module."""
    from chainrule.native import _core  # which has looked at its version

    cdef const PlanApi *api = <const PlanApi *> PyCapsule_GetPointer(_core.plan_api, PLAN_API_NAME)
    if api.version != PLAN_API_VERSION:
        raise ImportError(
            f"the compiled core has version {api.version} of the table of functions, but this module needs "
            f"{PLAN_API_VERSION}; install chainrule again"
        )
    return api

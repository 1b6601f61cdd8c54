# cython: language_level=3, freethreading_compatible=True
"""Predictions without the interpreter: functions for Cython (``cimport``), ``scipy.LowLevelCallable``, Numba, ctypes.

The C functions are in ``cython_api.pxd`` and, by name, in ``__pyx_capi__``, where ``scipy.LowLevelCallable.from_cython``
and ``numba.extending.get_cython_function_address`` find them (`address` has an example). Each takes a *handle*: a pointer
into a `Predictor` of the native core, valid as long as that predictor is alive. Handles may be used by many threads at
once.

====================  ==============================================================================================
handle                The handle of a predictor; with the interpreter's lock. TypeError for anything else.
n_inputs, n_outputs   Numbers of features and of outputs.
item_size             4 for a predictor of float32, 8 for one of float64.
predict_float32,      ``out`` (rows, n_outputs) = outputs for ``x`` (rows, n_inputs), both row after row without gaps,
predict_float64       apart from each other: the bits of `MLP.predict`. Returns 0; -1 for a predictor of the other dtype
                      or negative rows, -2 where there is no memory for hidden layers wider than about 4,000 units.
function_of_one       The output as a function of one number: ``double (double, void *)``, for ``scipy.integrate.quad``.
function_of_many      The output as a function of n numbers: ``double (int, double *, void *)``, for
                      ``scipy.integrate.nquad``. Both give NaN without a handle, or if the network has another number of
                      inputs or more than one output. For float32, arguments are rounded to it, and there are at most
                      1,024 of them.
====================  ==============================================================================================

>>> from scipy import LowLevelCallable, integrate
>>> import chainrule as cr
>>> from chainrule import cython_api
>>> predictor = cr.MLP([1, 16, 1], activation="tanh", dtype="float64", seed=0).predictor()
>>> f = LowLevelCallable.from_cython(cython_api, "function_of_one", cython_api.capsule(predictor))
>>> abs(integrate.quad(f, -1, 1)[0]) < 1e-12  # odd, as tanh is and biases are zero at first
True
"""

from cpython.pycapsule cimport (
    PyCapsule_GetContext, PyCapsule_GetPointer, PyCapsule_New, PyCapsule_SetContext, PyCapsule_SetDestructor
)
from cpython.ref cimport Py_DECREF, Py_INCREF, PyObject
from libc.math cimport NAN
from libc.stdint cimport uintptr_t

from chainrule._plan_api cimport PLAN_NAME, PlanApi, load_plan_api

from ._predictor import NativePredictor

__all__ = ["address", "capsule"]

cdef const PlanApi *api = load_plan_api()

cdef enum:
    MOST_CONVERTED = 1024  # numbers, on the stack

cdef const char *CAPSULE = "chainrule.cython_api.handle"


cdef const void *handle(object predictor) except NULL:
    if type(predictor) is not NativePredictor:
        raise TypeError(
            "predictor must be a Predictor of the native core, as MLP.predictor() returns, but it is "
            f"{predictor!r} ({type(predictor).__name__})"
        )
    return PyCapsule_GetPointer(predictor.plan, PLAN_NAME)


cdef Py_ssize_t n_inputs(const void *handle) noexcept nogil:
    return api.n_inputs(handle) if handle != NULL else -1


cdef Py_ssize_t n_outputs(const void *handle) noexcept nogil:
    return api.n_outputs(handle) if handle != NULL else -1


cdef int item_size(const void *handle) noexcept nogil:
    return api.item_size(handle) if handle != NULL else -1


cdef int predict_float32(const void *handle, Py_ssize_t rows, const float *x, float *out) noexcept nogil:
    return api.predict_float32(handle, rows, x, out) if handle != NULL else -1


cdef int predict_float64(const void *handle, Py_ssize_t rows, const double *x, double *out) noexcept nogil:
    return api.predict_float64(handle, rows, x, out) if handle != NULL else -1


cdef double function_of_one(double x, void *handle) noexcept nogil:
    return function_of_many(1, &x, handle)


cdef double function_of_many(int n, double *x, void *handle) noexcept nogil:
    cdef double out
    cdef float out_float32
    cdef float[MOST_CONVERTED] converted
    cdef int i, status
    if handle == NULL or n != api.n_inputs(handle) or api.n_outputs(handle) != 1:
        return NAN
    if api.item_size(handle) == sizeof(double):
        status = api.predict_float64(handle, 1, x, &out)
        return out if status == 0 else NAN
    if n > MOST_CONVERTED:
        return NAN
    for i in range(n):
        converted[i] = <float> x[i]
    status = api.predict_float32(handle, 1, converted, &out_float32)
    return out_float32 if status == 0 else NAN


cdef void _release(object made) noexcept:
    Py_DECREF(<object> <PyObject *> PyCapsule_GetContext(made))


def capsule(predictor):
    """Return the handle of a predictor in a PyCapsule that keeps the predictor alive.

    As ``user_data`` of a ``scipy.LowLevelCallable`` it goes to `function_of_one` or `function_of_many`.

    Parameters
    ----------
    predictor : Predictor
        Of the native core.

    Raises
    ------
    TypeError
        If it is something else.
    """
    made = PyCapsule_New(<void *> handle(predictor), CAPSULE, NULL)
    Py_INCREF(predictor)
    PyCapsule_SetContext(made, <void *> predictor)
    PyCapsule_SetDestructor(made, _release)
    return made


def address(predictor):
    """Return the handle of a predictor as an int, for ctypes and Numba; keep the predictor alive meanwhile.

    Parameters
    ----------
    predictor : Predictor
        Of the native core.

    Raises
    ------
    TypeError
        If it is something else.

    Examples
    --------
    Numba compiles calls of a C function that ctypes declares; ``nogil`` lets other threads run meanwhile. The rows
    must have the dtype of the predictor and no gaps.

    >>> import ctypes
    >>> import numba
    >>> import numpy as np
    >>> from numba.extending import get_cython_function_address
    >>> import chainrule as cr
    >>> from chainrule import cython_api
    >>> pointer = ctypes.c_void_p
    >>> signature = ctypes.CFUNCTYPE(ctypes.c_int, pointer, ctypes.c_ssize_t, pointer, pointer)
    >>> c_predict = signature(get_cython_function_address("chainrule.cython_api", "predict_float64"))
    >>> @numba.njit(nogil=True)
    ... def predict_one_by_one(handle, X, out):
    ...     failed = 0
    ...     for i in range(len(X)):
    ...         failed += c_predict(handle, 1, X[i].ctypes, out[i].ctypes) != 0
    ...     return failed
    >>> model = cr.MLP([4, 20, 2], dtype="float64", seed=0)
    >>> predictor = model.predictor()
    >>> X, out = np.linspace(-1, 1, 24).reshape(6, 4), np.empty((6, 2))
    >>> predict_one_by_one(cython_api.address(predictor), X, out)
    0
    >>> bool((out == model.predict(X)).all())
    True
    """
    return <uintptr_t> handle(predictor)

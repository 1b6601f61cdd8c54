# cython: language_level=3, freethreading_compatible=True
"""The native predictor. What is checked here is checked fast; whatever is not as it should be goes to `_checks_rows`,
which says what is wrong, or (for a subclass of ndarray) that nothing is."""

cimport cython
cimport numpy as cnp
from cpython.pycapsule cimport PyCapsule_GetPointer

from chainrule._plan_api cimport PLAN_NAME, PlanApi, load_plan_api

from ._checks_rows import check_row, check_row_out
from .native import _core
from .predictor import description, freeze

cnp.import_array()

cdef const PlanApi *api = load_plan_api()

# Multiply-adds from which on the interpreter's lock is released: some ten microseconds. Giving it back and waiting for
# it again can take longer than a shorter call.
cdef double LONG = 250e3


@cython.final
cdef class NativePredictor:
    """A predictor of the native core; see `chainrule.predictor.Predictor`."""

    cdef readonly object network
    cdef readonly Py_ssize_t n_inputs
    cdef readonly Py_ssize_t n_outputs
    cdef readonly object plan  # the capsule that owns what `_plan` points to
    cdef const void *_plan
    cdef int _type_num
    cdef double _work
    cdef object __weakref__

    def __cinit__(self, network, plan):
        self._plan = PyCapsule_GetPointer(plan, PLAN_NAME)
        self.network, self.plan = network, plan
        self.n_inputs, self.n_outputs = api.n_inputs(self._plan), api.n_outputs(self._plan)
        made_of = (self.n_inputs, self.n_outputs, api.item_size(self._plan))
        if made_of != (network.n_in, network.n_out, network.numpy_dtype.itemsize):
            raise ValueError("network must be that of the plan, but it is another")
        self._type_num = cnp.NPY_FLOAT if api.item_size(self._plan) == 4 else cnp.NPY_DOUBLE
        self._work = api.work(self._plan)

    @property
    def dtype(self):
        """``"float32"`` or ``"float64"``."""
        return self.network.dtype

    def __call__(self, x, out=None):
        """Return the outputs for x; see `chainrule.predictor.Predictor.__call__`."""
        cdef cnp.ndarray row, result
        cdef cnp.npy_intp shape[2]
        row = x if self._is_row(x) else check_row(x, self.n_inputs, self.network.numpy_dtype)
        cdef int ndim = cnp.PyArray_NDIM(row)
        cdef Py_ssize_t rows = 1 if ndim == 1 else cnp.PyArray_DIM(row, 0)
        if out is None:
            shape[0] = rows
            shape[ndim - 1] = self.n_outputs
            out = result = cnp.PyArray_SimpleNew(ndim, shape, self._type_num)
        else:
            result = out if self._is_result(out, row) else check_row_out(out, row, self.n_outputs)
        cdef const void *data = cnp.PyArray_DATA(row)
        cdef void *to = cnp.PyArray_DATA(result)
        cdef int status
        if rows * self._work < LONG:
            status = self._predict(rows, data, to)
        else:
            with nogil:
                status = self._predict(rows, data, to)
        if status != 0:
            raise MemoryError("no memory for the hidden layers of a prediction")
        return out

    cdef inline int _predict(self, Py_ssize_t rows, const void *x, void *out) noexcept nogil:
        if self._type_num == cnp.NPY_FLOAT:
            return api.predict_float32(self._plan, rows, <const float *> x, <float *> out)
        return api.predict_float64(self._plan, rows, <const double *> x, <double *> out)

    cdef inline bint _is_row(self, object x) noexcept:
        """Whether x is all that it must be, as nearly always."""
        if not cnp.PyArray_CheckExact(x):
            return False
        cdef cnp.ndarray a = <cnp.ndarray> x
        cdef int ndim = cnp.PyArray_NDIM(a)
        return (
            cnp.PyArray_TYPE(a) == self._type_num
            and cnp.PyArray_ISCARRAY_RO(a)
            and (ndim == 1 or ndim == 2)
            and cnp.PyArray_DIM(a, ndim - 1) == self.n_inputs
        )

    cdef inline bint _is_result(self, object out, cnp.ndarray row) noexcept:
        """Whether out is all that it must be."""
        if not cnp.PyArray_CheckExact(out):
            return False
        cdef cnp.ndarray a = <cnp.ndarray> out
        cdef int ndim = cnp.PyArray_NDIM(row)
        cdef const char *x_begin = <const char *> cnp.PyArray_DATA(row)
        cdef const char *begin = <const char *> cnp.PyArray_DATA(a)
        return (
            cnp.PyArray_TYPE(a) == self._type_num
            and cnp.PyArray_ISCARRAY(a)
            and cnp.PyArray_NDIM(a) == ndim
            and cnp.PyArray_DIM(a, ndim - 1) == self.n_outputs
            and (ndim == 1 or cnp.PyArray_DIM(a, 0) == cnp.PyArray_DIM(row, 0))
            and (begin + cnp.PyArray_NBYTES(a) <= x_begin or x_begin + cnp.PyArray_NBYTES(row) <= begin)
        )

    def __repr__(self):
        return description(self, "native")

    def __reduce__(self):
        return freeze, (self.network, *_core.plan_parameters(self.plan))

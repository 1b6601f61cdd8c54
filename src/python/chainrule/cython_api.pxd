# Predictions from Cython, C or compiled Python code, without the interpreter's lock:
#
#     from chainrule cimport cython_api
#     cdef const void *handle = cython_api.handle(predictor)      # with the lock; keep the predictor alive
#     cython_api.predict_float64(handle, 1, x, out)               # without it, from any thread
#
# Free functions of C types alone: a module compiled against this file compares these signatures as text when it is
# imported, so they do not change. tests/cython_api_signatures.txt keeps them. What each does stands in cython_api.pyx.

cdef const void *handle(object predictor) except NULL

cdef Py_ssize_t n_inputs(const void *handle) noexcept nogil
cdef Py_ssize_t n_outputs(const void *handle) noexcept nogil
cdef int item_size(const void *handle) noexcept nogil

cdef int predict_float32(const void *handle, Py_ssize_t rows, const float *x, float *out) noexcept nogil
cdef int predict_float64(const void *handle, Py_ssize_t rows, const double *x, double *out) noexcept nogil

cdef double function_of_one(double x, void *handle) noexcept nogil
cdef double function_of_many(int n, double *x, void *handle) noexcept nogil

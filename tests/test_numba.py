"""Predictions from compiled Python: the C functions of `chainrule.cython_api` in Numba's nopython mode."""

from __future__ import annotations

import ctypes
import threading

import chainrule as cr
import numpy as np
import pytest

numba = pytest.importorskip("numba", reason="Numba is not installed")

ONE_INSTRUCTION_SET_WILL_DO = True  # what is tested is the way to the kernels, which is the same for all

DOUBLE, INT, SIZE, POINTER = ctypes.c_double, ctypes.c_int, ctypes.c_ssize_t, ctypes.c_void_p
CALLS = 1_000_000_000
"""So many that a thread which holds the interpreter's lock meanwhile gives up after a quarter of a minute."""


@pytest.fixture
def api(native):
    from chainrule import cython_api

    return cython_api


def declared(name, result, *arguments):
    """A C function as Numba finds it by its name, and as ctypes declares it, which Numba can call."""
    from numba.extending import get_cython_function_address

    return ctypes.CFUNCTYPE(result, *arguments)(get_cython_function_address("chainrule.cython_api", name))


def compiled_predict(dtype):
    """A compiled function that predicts so many rows at a time, one such block after another."""
    predict = declared(f"predict_{dtype}", INT, POINTER, SIZE, POINTER, POINTER)

    @numba.njit(nogil=True)
    def predict_all(handle, X, out, rows):
        failed = 0
        for first in range(0, len(X), rows):
            x, to = X[first : first + rows], out[first : first + rows]
            failed += predict(handle, len(x), x.ctypes, to.ctypes) != 0
        return failed

    return predict_all


def network_and_rows(dtype, rows=11):
    model = cr.MLP([7, 33, 3], activation="tanh", output_activation="softmax", dtype=dtype, seed=0)
    return model, np.random.default_rng(0).normal(size=(rows, 7)).astype(dtype)


@pytest.mark.parametrize("rows", [1, 4, 11])
def test_a_compiled_loop_gives_the_bits_of_predict(api, dtype, rows):
    model, X = network_and_rows(dtype)
    predictor, out = model.predictor(), np.full((13, 3), 99, dtype)
    predict = compiled_predict(dtype)
    assert predict(api.address(predictor), X, out[1:-1], rows) == 0
    assert predict.nopython_signatures
    np.testing.assert_array_equal(out[1:-1], model.predict(X))
    assert (out[[0, -1]] == 99).all()


def test_the_other_dtype_is_refused_by_a_status(api, dtype):
    model, X = network_and_rows(dtype)
    predictor, out = model.predictor(), np.full((11, 3), 99, dtype)
    other = {"float32": "float64", "float64": "float32"}[dtype]
    assert compiled_predict(other)(api.address(predictor), X, out, 1) == 11
    assert (out == 99).all()


def test_compiled_code_asks_for_the_sizes_and_for_a_function_of_one_number(api, dtype):
    n_inputs, n_outputs = (declared(name, SIZE, POINTER) for name in ("n_inputs", "n_outputs"))
    item_size, function = (
        declared("item_size", INT, POINTER),
        declared("function_of_one", DOUBLE, DOUBLE, POINTER),
    )

    @numba.njit
    def ask(handle):
        return n_inputs(handle), n_outputs(handle), item_size(handle)

    @numba.njit
    def values(x, handle):
        found = np.empty(len(x))
        for i in range(len(x)):
            found[i] = function(x[i], handle)
        return found

    model, X = network_and_rows(dtype)
    assert ask(api.address(predictor := model.predictor())) == (7, 3, X.itemsize)
    assert np.isnan(values(np.ones(1), api.address(predictor))).all()
    line = cr.MLP([1, 16, 1], activation="tanh", dtype=dtype, seed=0)
    x = np.linspace(-1, 1, 9)  # the same numbers in both dtypes
    found = values(x, api.address(predictor := line.predictor()))
    np.testing.assert_array_equal(found, line.predict(x.astype(dtype)[:, None])[:, 0])


def test_threads_may_call_one_handle_at_once(api, dtype):
    model, X = network_and_rows(dtype, 2000)
    predictor, predict, expected = model.predictor(), compiled_predict(dtype), model.predict(X)
    results = [np.zeros_like(expected) for _ in range(4)]
    arguments = [(api.address(predictor), X, out, 1) for out in results]
    threads = [threading.Thread(target=predict, args=some) for some in arguments]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(300)
    for out in results:
        np.testing.assert_array_equal(out, expected)


def test_python_goes_on_while_compiled_code_predicts(api):
    """A thread predicts until another, which needs the interpreter's lock, tells it to stop."""
    predict = declared("predict_float64", INT, POINTER, SIZE, POINTER, POINTER)

    @numba.njit(nogil=True)
    def predict_until_told(handle, x, out, state, calls):
        for _ in range(calls):
            state[0] = 1
            predict(handle, 1, x.ctypes, out.ctypes)
            if state[1]:
                return True
        return False

    predictor, state, stopped = cr.MLP([1, 1], dtype="float64", seed=0).predictor(), np.zeros(2, "i8"), []
    arguments = (api.address(predictor), np.ones(1), np.zeros(1), state)
    predict_until_told(*arguments, 0)  # compiles
    thread = threading.Thread(target=lambda: stopped.append(predict_until_told(*arguments, CALLS)))
    thread.start()
    while thread.is_alive() and not state[0]:
        thread.join(0.001)
    state[1] = 1
    thread.join(300)
    assert stopped == [True]

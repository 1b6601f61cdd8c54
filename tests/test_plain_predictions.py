"""Predictions whose arguments the compiled core checks itself: the same bits, and whatever is odd is left to the others."""

from __future__ import annotations

import chainrule as cr
import numpy as np
import pytest
from array_cases import guarded
from chainrule._network import Network
from processes import run_python


@pytest.fixture
def core(native):
    return native._core


def parts(native, dtype, sizes=(5, 7, 2), bias="unit", activations=("tanh", "identity"), rows=6):
    """A network, its weights, its biases and rows for it."""
    rng = np.random.default_rng(len(sizes))
    network = Network(sizes, activations, bias, (0.0,) * (len(sizes) - 2), dtype, 0.0, 0.0)
    weights, biases = (
        [rng.normal(size=shape).astype(dtype) for shape in shapes]
        for shapes in (network.weight_shapes, network.bias_shapes)
    )
    return network, weights, biases, rng.normal(size=(rows, sizes[0])).astype(dtype)


def plain(native, network, weights, biases, X, out=None, n_threads=1):
    compiled = native._compiled(network)
    return native._core.predict_plain(
        compiled, weights, biases, X, out, network.dtype == "float32", n_threads
    )


@pytest.mark.parametrize("bias", ["unit", "layer", None])
@pytest.mark.parametrize("rows", [0, 1, 2, 40, 1000])
def test_the_bits_are_those_of_arguments_that_were_checked(native, dtype, bias, rows):
    for sizes, activations in (
        ((5, 7, 2), ("tanh", "softmax")),
        ((3, 1), ("sigmoid",)),
        ((300, 64, 70, 5), ("relu",) * 3),
    ):
        network, weights, biases, X = parts(native, dtype, sizes, bias, activations, rows)
        expected = np.empty((rows, sizes[-1]), dtype)
        native.forward_checked(network, weights, biases, X, expected, 1)
        made = plain(native, network, weights, biases, X)
        assert (type(made), made.dtype, made.shape) == (np.ndarray, dtype, expected.shape)
        np.testing.assert_array_equal(made, expected)
        out, whole = guarded(expected.shape, dtype)
        assert plain(native, network, weights, biases, X, out, 2) is out
        np.testing.assert_array_equal(out, expected)
        assert (whole[[0, -1]] == 99).all()
        assert native.forward(network, weights, biases, X, out=out) is out


class Subclass(np.ndarray):
    """Not to be read past its methods."""


def misaligned(array):
    """The same numbers, a byte off."""
    raw = np.zeros(array.nbytes + 1, np.uint8)
    moved = raw[1:].view(array.dtype).reshape(array.shape)
    moved[...] = array
    return moved


CHANGES = {
    "X is a list": lambda X: X.tolist(),
    "X is None": lambda X: None,
    "X is a number": lambda X: 1.0,
    "X has one dimension": lambda X: X[0],
    "X has three": lambda X: X[None],
    "X has another width": lambda X: X[:, :-1].copy(),
    "X has no column": lambda X: X[:, :0].copy(),
    "X is in columns": np.asfortranarray,
    "X is every second row": lambda X: X[::2],
    "X is part of another": lambda X: np.hstack([X, X])[:, : X.shape[1]],
    "X is backwards": lambda X: X[::-1],
    "X is of another dtype": lambda X: X.astype("float64" if X.dtype == "float32" else "float32"),
    "X is of whole numbers": lambda X: X.astype(int),
    "X is in the other order of bytes": lambda X: X.astype(X.dtype.newbyteorder()),
    "X is misaligned": misaligned,
    "X is a subclass": lambda X: X.view(Subclass),
    "X is masked": np.ma.masked_array,
}


@pytest.mark.parametrize("name", CHANGES)
def test_rows_that_are_not_plain_are_left_to_the_checks(native, dtype, name):
    network, weights, biases, X = parts(native, dtype)
    assert plain(native, network, weights, biases, CHANGES[name](X)) is None


@pytest.mark.parametrize("name", CHANGES)
@pytest.mark.parametrize("where", ["weights", "biases"])
def test_so_are_parameters(native, dtype, name, where):
    network, *lists, X = parts(native, dtype)
    changed = lists[where == "biases"]
    before, changed[1] = changed[1], CHANGES[name](changed[1].reshape(-1, 2)) if where == "weights" else None
    assert plain(native, network, *lists, X) is None
    for odd in (tuple(changed), changed[:1], [*changed, before], None, 3, np.ones(3)):
        given = [odd if i == (where == "biases") else part for i, part in enumerate(lists)]
        assert plain(native, network, *given, X) is None


def test_so_is_a_result_that_does_not_fit(native, dtype):
    network, weights, biases, X = parts(native, dtype, sizes=(4, 4, 4), rows=4)
    read_only = np.zeros((4, 4), dtype)
    read_only.flags.writeable = False
    several = np.zeros((9, 4), dtype)
    odd = {
        "read-only": read_only, "a row": np.zeros(4, dtype), "too tall": np.zeros((5, 4), dtype),
        "too wide": np.zeros((4, 5), dtype), "columns": np.zeros((4, 4), dtype, order="F"),
        "strided": several[::2][:4], "misaligned": misaligned(np.zeros((4, 4), dtype)), "a list": [[0.0] * 4] * 4,
        "of whole numbers": np.zeros((4, 4), int), "X": X, "a weight": weights[1],
    }  # fmt: skip
    kept = {name: np.array(value) for name, value in odd.items()}
    for name, value in odd.items():
        assert plain(native, network, weights, biases, X, value) is None, name
        np.testing.assert_array_equal(value, kept[name], err_msg=name)
    whole = np.zeros((3, 4, 4), dtype)
    weights[0], whole[0] = whole[0], weights[0]
    assert (
        plain(native, network, weights, biases, X, whole.reshape(12, 4)[1:5]) is None
    )  # one number in common
    assert plain(native, network, weights, biases, X, whole[1]) is not None
    biases[0] = whole[2, 3]
    assert plain(native, network, weights, biases, X, whole[2]) is None


def test_what_is_refused_is_refused_in_the_same_words(backend):
    model = cr.MLP([4, 3, 2], seed=0)
    X = np.zeros((2, 4), "f4")
    for out, text in (
        (X[:, :2], "out must be C-contiguous"),
        (np.zeros((2, 3), "f4"), r"out must have shape \(2, 2\), but its shape is \(2, 3\)"),
        (model.weights[1][:2], r"out must not overlap weights\[1\]"),
    ):
        with pytest.raises(ValueError, match=text):
            model.predict(X, out=out)
    for n_threads, error in ((0, ValueError), (-1, ValueError), (True, TypeError), (1.5, TypeError)):
        with pytest.raises(error, match="n_threads"):
            model.predict(X, n_threads=n_threads)
    model.weights[0] = model.weights[0][:, :2]
    with pytest.raises(ValueError, match=r"weights\[0\]"):
        model.predict(X)


def test_a_network_may_be_given_more_threads_than_an_int_holds(native, dtype):
    network, weights, biases, X = parts(native, dtype)
    expected = native.forward(network, weights, biases, X)
    np.testing.assert_array_equal(native.forward(network, weights, biases, X, n_threads=2**40), expected)


def test_the_first_prediction_of_a_process_may_be_that_of_several_threads(native):
    """What the core makes at its first prediction must not be waited for with the interpreter's lock."""
    for _ in range(8):
        run_python("""
import threading
import numpy as np
import chainrule as cr
model, X, go = cr.MLP([4, 8, 3], seed=0), np.ones((5, 4), "f4"), threading.Barrier(4)
def predict():
    go.wait()
    model.predict(X)
threads = [threading.Thread(target=predict) for _ in range(4)]
for thread in threads: thread.start()
for thread in threads: thread.join()
""", timeout=60)  # fmt: skip


def test_a_process_may_end_while_threads_predict(native):
    for _ in range(4):
        run_python("""
import threading, time
import numpy as np
import chainrule as cr
model, X = cr.MLP([64, 256, 64], seed=0), np.random.default_rng(0).normal(size=(4000, 64)).astype("f4")
model.predict(X)
def predict():
    while True: model.predict(X)
for _ in range(4): threading.Thread(target=predict, daemon=True).start()
end = time.perf_counter() + 0.5
while time.perf_counter() < end: pass
""", timeout=60)  # fmt: skip

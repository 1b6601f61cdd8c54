"""It does not matter how the inputs lie in memory, and nothing but the result is read or written."""

from __future__ import annotations

import numpy as np
import pytest
from array_cases import LAYOUTS, guarded, whole_numbers
from chainrule._network import Network, TrainingState
from test_train_epochs import sgd

SHAPES = [(1, 1, 1), (1, 5, 3), (2, 3, 5), (7, 16, 17), (40, 33, 64)]


def bits(result):
    """A result as bytes, for comparison."""
    if isinstance(result, (tuple, list)):
        return [bits(part) for part in result]
    return np.asarray(result).tobytes()


def results(core, lay, X, W, dZ, Y):
    """What every function makes of data that lie so."""
    network, loss = Network((*W.shape,), ("tanh",), None, (), X.dtype.name), "half_squared_error"
    yield core.matmul_bias(lay(X), W, activation="tanh")
    yield core.matmul_gradients(lay(X), W, lay(dZ))
    yield core.activation("tanh", lay(X))
    yield core.activation("softmax", lay(X))
    yield core.activation_gradient("sigmoid", lay(X), lay(X))
    yield core.activation_gradient("softmax", lay(X), lay(X))
    yield core.activation_gradient("gelu", X, X, Z=lay(X))
    yield core.activation_gradient("gelu", lay(X), lay(X), Z=X)
    yield core.loss_and_gradient(loss, lay(dZ), lay(Y))
    yield core.loss_and_gradient("cross_entropy", lay(dZ), lay(abs(Y)), output_activation="softmax")
    yield core.forward(network, [W], [], lay(X))
    yield core.gradients(network, [W], [], lay(X), lay(Y), loss=loss)
    state = TrainingState.start([W.copy()], [])
    core.train_epochs(
        network, state, lay(X), lay(Y), loss=loss, optimizer=sgd(0.01), batch_size=3, shuffle=True, seed=0,
        epochs=2,
    )  # fmt: skip
    yield state.losses, state.weights


@pytest.mark.parametrize("layout", LAYOUTS)
def test_it_does_not_matter_how_the_inputs_lie(core, dtype, layout):
    rng = np.random.default_rng(4)
    for rows, K, N in SHAPES:
        given = [whole_numbers(rng, shape, dtype) for shape in ((rows, K), (K, N), (rows, N), (rows, N))]
        copies = [array.copy() for array in given]
        made = results(core, LAYOUTS[layout], *given), results(core, np.ascontiguousarray, *given)
        for i, (actual, expected) in enumerate(zip(*made, strict=True)):
            assert bits(actual) == bits(expected), (i, rows, K, N)
        assert bits(given) == bits(copies)


def test_labels_may_be_strided_and_read_only(core, dtype):
    rng = np.random.default_rng(5)
    Z, labels = rng.normal(size=(9, 5)).astype(dtype), rng.integers(0, 5, 18)
    strided, copy = labels[::2], labels[::2].copy()
    copy.flags.writeable = False
    one_hot = np.eye(5, dtype=dtype)[copy]
    for loss, name in (("cross_entropy", "softmax"), ("mean_squared_error", "tanh")):
        expected = bits(core.loss_and_gradient(loss, Z, one_hot, output_activation=name))
        assert bits(core.loss_and_gradient(loss, Z, strided, output_activation=name)) == expected
        assert bits(core.loss_and_gradient(loss, Z, copy, output_activation=name)) == expected


def test_a_result_is_written_where_asked_and_nowhere_else(core, dtype):
    rng = np.random.default_rng(6)
    for rows, K, N in SHAPES:
        X, W = rng.normal(size=(rows, K)).astype(dtype), rng.normal(size=(K, N)).astype(dtype)
        network = Network((K, N), ("sigmoid",), None, (), dtype)
        for make in (
            lambda out, X=X, W=W: core.matmul_bias(X, W, activation="sigmoid", out=out),
            lambda out, X=X, W=W, network=network: core.forward(network, [W], [], X, out=out),
            lambda out, Z=X @ W: core.activation("softmax", Z, out=out),
            lambda out, Z=X @ W: core.activation_gradient("tanh", Z, Z, out=out),
        ):
            out, whole = guarded((rows, N), dtype)
            assert make(out) is out
            assert bits(out) == bits(make(None))
            assert (whole[[0, -1]] == 99).all()


def test_no_rows_give_no_rows(core, dtype):
    X, W, dZ = np.ones((0, 3), dtype), np.ones((3, 2), dtype), np.ones((0, 2), dtype)
    assert core.matmul_bias(X, W).shape == (0, 2)
    assert core.forward(Network((3, 2), ("tanh",), None, (), dtype), [W], [], X).shape == (0, 2)
    assert core.activation("softmax", X).shape == (0, 3)
    dX, dW, db = core.matmul_gradients(X, W, dZ)
    assert dX.shape == (0, 3)
    np.testing.assert_array_equal(dW, np.zeros((3, 2)))
    np.testing.assert_array_equal(db, np.zeros(2))

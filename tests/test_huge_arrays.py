"""Arrays of more than 2^31 elements: places in them are counted in 64 bits, and what has no room is refused.

The memory of an array of zeros that nobody has written is not there: all its pages are one page of zeros.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import chainrule
import numpy as np
import pytest
from chainrule import MLP, SGD, Trainer

ONE_INSTRUCTION_SET_WILL_DO = True

WIDTH, ROWS = 2**11 + 1, 2**20 + 1
STEP = 2**17  # rows of the strided view: its last one begins beyond element 2^31


@pytest.fixture(scope="module")
def huge() -> Iterator[np.ndarray]:
    """More than 2^31 zeros, but for a few rows: the first, one beyond element 2^31, those of the view, and the last."""
    try:
        array = np.zeros((ROWS, WIDTH), np.float32)
    except MemoryError:
        pytest.skip("no addresses for 8 GB")
    rng = np.random.default_rng(0)
    for row in {*range(0, ROWS, STEP), 2**31 // WIDTH + 1, ROWS - 1}:
        array[row] = rng.standard_normal(WIDTH).astype(np.float32)
    yield array
    del array


def test_every_row_of_more_than_2_to_the_31_elements_is_predicted(
    huge: np.ndarray, native: ModuleType
) -> None:
    assert huge.size > 2**31
    model = MLP([WIDTH, 1], seed=0)
    model.biases[0][:] = 0.5
    prediction = model.predict(huge)[:, 0]
    written = np.flatnonzero(huge[:, 0])
    assert written[-1] == ROWS - 1
    assert np.array_equal(prediction[written], model.predict(huge[written])[:, 0])
    others = np.ones(ROWS, bool)
    others[written] = False
    assert (prediction[others] == 0.5).all()


@pytest.mark.skipif(
    os.environ.get("CHAINRULE_HUGE_ARRAYS") != "1", reason="takes a minute: CHAINRULE_HUGE_ARRAYS=1"
)
def test_training_reads_every_row_of_more_than_2_to_the_31_elements(
    huge: np.ndarray, native: ModuleType
) -> None:
    target = np.zeros((ROWS, 1), np.float32)
    target[-1] = 1
    model = MLP([WIDTH, 1], initializer="zeros", seed=0)
    trainer = Trainer(model, loss="half_squared_error", optimizer=SGD(1.0), batch_size=2**14, shuffle=False)
    history = trainer.fit(huge, target)
    # Of the last batch, which is the last row alone: 1/2 (0 - 1)^2 over all rows; before it nothing is to be learnt.
    assert history.loss == [0.5 / ROWS]
    assert np.array_equal(model.weights[0][:, 0], huge[-1])


def far_apart(huge: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Inputs and targets whose rows are 2^28 elements apart; no copy is made of such."""
    X, target = huge[::STEP], huge[::STEP, 7:10]
    assert (len(X) - 1) * X.strides[0] // X.itemsize >= 2**31
    return X, target


def calls(core: ModuleType, X: np.ndarray, target: np.ndarray) -> dict[str, Callable[[], Any]]:
    """Every public function that takes data arrays, with the arrays these are."""
    rng = np.random.default_rng(1)
    W = rng.standard_normal((X.shape[1], target.shape[1])).astype(np.float32)
    model = MLP([X.shape[1], 5, target.shape[1]], seed=0)

    def trainer() -> Trainer:
        fresh = MLP([X.shape[1], 5, target.shape[1]], seed=0)
        return Trainer(fresh, loss="half_squared_error", optimizer=SGD(1e-4), batch_size=4)

    def fitted() -> list[np.ndarray]:
        one = trainer()
        one.fit(X, target, validation_data=(X, target))
        return one.model.weights

    return {
        "predict": lambda: model.predict(X),
        "fit": fitted,
        "train_on_batch": lambda: trainer().train_on_batch(X, target),
        "gradients": lambda: trainer().gradients(X, target)[0],
        "evaluate": lambda: trainer().evaluate(X, target),
        "activation": lambda: core.activation("tanh", X),
        "activation_gradient": lambda: core.activation_gradient("tanh", X, X),
        "matmul_bias": lambda: core.matmul_bias(X, W, None),
        "matmul_gradients": lambda: core.matmul_gradients(X, W, target),
        "loss_and_gradient": lambda: core.loss_and_gradient("half_squared_error", target, target),
    }


def test_rows_that_are_2_to_the_28_elements_apart_give_what_their_copies_give(
    huge: np.ndarray, core: ModuleType
) -> None:
    X, target = far_apart(huge)
    with chainrule.backend("native" if core.__name__.endswith("native") else "reference"):
        wanted = calls(core, X.copy(), target.copy())
        for name, call in calls(core, X, target).items():
            found, expected = call(), wanted[name]()
            pairs = (
                zip(found, expected, strict=True) if isinstance(found, (tuple, list)) else [(found, expected)]
            )
            assert all(np.array_equal(a, b) for a, b in pairs), name


def test_an_array_that_would_have_to_be_copied_and_has_no_room_is_refused(core: ModuleType) -> None:
    X = np.broadcast_to(np.ones((1, 8), np.float32), (2**40, 8))
    target = np.broadcast_to(np.ones((1, 3), np.float32), (2**40, 3))
    with chainrule.backend("native" if core.__name__.endswith("native") else "reference"):
        for name, call in calls(core, X, target).items():
            with pytest.raises(MemoryError):
                print(name, call())


def test_a_row_that_is_broadcast_may_be_predicted_many_times(core: ModuleType) -> None:
    row = np.arange(1, 9, dtype=np.float32)
    with chainrule.backend("native" if core.__name__.endswith("native") else "reference"):
        model = MLP([8, 3], seed=0)
        many = model.predict(np.broadcast_to(row, (1000, 8)))
        one = np.repeat(model.predict(row[np.newaxis]), 1000, axis=0)
    if core.__name__.endswith("native"):
        assert np.array_equal(many, one)
    else:  # NumPy's products of one row and of many may round otherwise: 9 terms
        np.testing.assert_allclose(many, one, rtol=9 * np.finfo(np.float32).eps, atol=1e-6)


def test_a_batch_may_be_said_to_be_larger_than_any_array(backend: str) -> None:
    X = np.ones((3, 2), np.float32)
    trainer = Trainer(MLP([2, 1], seed=0), loss="mean_squared_error", optimizer=SGD(0.1), batch_size=2**40)
    trainer.fit(X, X[:, :1])
    assert trainer.step == 1


def test_orders_of_2_to_the_32_rows_are_refused(native: ModuleType) -> None:
    with pytest.raises((ValueError, MemoryError)):
        native.permutation(2**32, seed=0, epoch=0)

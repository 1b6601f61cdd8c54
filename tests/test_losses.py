"""The losses as functions of the prediction."""

from __future__ import annotations

import math
from typing import Any

import chainrule as cr
import numpy as np
import pytest
from chainrule import losses
from chainrule._network import LOSSES

PAIRS = {"half_squared_error": "tanh", "mean_squared_error": "identity", "cross_entropy": "softmax",
         "binary_cross_entropy": "sigmoid"}  # fmt: skip


def test_there_is_a_function_for_each_loss() -> None:
    assert tuple(losses.FUNCTIONS) == LOSSES


def test_values_by_hand() -> None:
    a, y = [[0.2, 0.8], [0.5, 0.5]], [[0.0, 1.0], [1.0, 0.0]]
    assert losses.half_squared_error(a, y)[0] == pytest.approx((0.04 + 0.04 + 0.25 + 0.25) / 4)
    assert losses.mean_squared_error(a, y)[0] == pytest.approx((0.04 + 0.04 + 0.25 + 0.25) / 4)
    assert losses.half_squared_error([[1.0]], [[3.0]])[0] == 2.0
    assert losses.mean_squared_error([[1.0]], [[3.0]])[0] == 4.0
    assert losses.cross_entropy(a, y)[0] == pytest.approx(-(math.log(0.8) + math.log(0.5)) / 2)
    assert losses.binary_cross_entropy(a, y)[0] == pytest.approx(-(2 * math.log(0.8) + 2 * math.log(0.5)) / 2)
    assert losses.cross_entropy(a, [1, 0])[0] == losses.cross_entropy(a, y)[0]


@pytest.mark.parametrize("name", LOSSES)
def test_the_gradient_is_that_of_the_value(name: str) -> None:
    loss, rng = losses.FUNCTIONS[name], np.random.default_rng(0)
    a = rng.uniform(0.1, 0.9, (4, 3))
    y = np.eye(3)[rng.integers(0, 3, 4)] if name == "cross_entropy" else rng.uniform(0, 1, (4, 3))
    gradient = loss(a, y)[1]
    for i in np.ndindex(a.shape):
        step = np.zeros_like(a)
        step[i] = 1e-6
        slope = (loss(a + step, y)[0] - loss(a - step, y)[0]) / 2e-6
        assert gradient[i] == pytest.approx(slope, rel=1e-7, abs=1e-9)


@pytest.mark.parametrize("name", LOSSES)
def test_they_agree_with_what_training_computes(backend: str, dtype: str, name: str) -> None:
    rng = np.random.default_rng(1)
    model = cr.MLP([3, 4], output_activation=PAIRS[name], dtype=dtype, seed=0)
    X, labels = rng.standard_normal((6, 3)).astype(dtype), rng.integers(0, 4, 6)
    trainer = cr.Trainer(model, loss=name)
    value, gradient = losses.FUNCTIONS[name](model.predict(X), labels)
    assert value == pytest.approx(
        trainer.evaluate(X, labels)["loss"], rel=1e-5 if dtype == "float32" else 1e-12
    )
    with cr.backend(backend):
        from chainrule.backend import core

        dZ = core().activation_gradient(PAIRS[name], model.predict(X), gradient)
    found = trainer.gradients(X, labels)
    np.testing.assert_allclose(
        X.T @ dZ, found.weights[0], rtol=1e-4 if dtype == "float32" else 1e-10, atol=1e-6
    )


@pytest.mark.parametrize("name", LOSSES)
def test_the_gradient_has_the_shape_and_dtype_of_the_prediction(name: str, dtype: str) -> None:
    a = np.full((3, 2), 0.5, dtype)
    value, gradient = losses.FUNCTIONS[name](a, [0, 1, 1])
    assert type(value) is float
    assert gradient.shape == a.shape
    assert gradient.dtype == dtype
    assert losses.FUNCTIONS[name](a.astype(a.dtype.newbyteorder(">")), [0, 1, 1])[0] == value
    assert losses.FUNCTIONS[name]([[0, 1], [1, 0]], [[0, 1], [1, 0]])[0] == 0


def test_certain_predictions_cost_nothing_or_everything() -> None:
    sure = [[1.0, 0.0]]
    value, gradient = losses.cross_entropy(sure, [0])
    assert value == 0
    assert gradient.tolist() == [[-1.0, 0.0]]
    assert losses.cross_entropy(sure, [1])[0] == math.inf
    assert losses.binary_cross_entropy(sure, [[1.0, 0.0]])[0] == 0
    assert losses.binary_cross_entropy(sure, [[0.0, 0.0]])[0] == math.inf


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize(
    ("prediction", "target", "text"),
    [
        ([0.5, 0.5], [1, 0], "prediction must have 2 dimensions"),
        (np.zeros((0, 2)), [], "prediction must have at least one row"),
        ([["a", "b"]], [1], "prediction must hold real numbers"),
        ([[0.5, 0.5]], [1, 0], "target has 2 rows"),
        ([[0.5, 0.5]], [[1, 0, 0]], "target has 3 columns, but prediction has 2 outputs"),
        ([[0.5, 0.5]], [2], "target must hold labels from 0 to 1"),
        ([[0.5, 0.5]], [[np.nan, 0.5]], r"target\[0, 0\] is nan"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(name: str, prediction: Any, target: Any, text: str) -> None:
    with pytest.raises((ValueError, TypeError), match=f"^{text}"):
        losses.FUNCTIONS[name](prediction, target)


@pytest.mark.parametrize("name", ["cross_entropy", "binary_cross_entropy"])
def test_the_cross_entropies_want_probabilities(name: str) -> None:
    loss = losses.FUNCTIONS[name]
    with pytest.raises(ValueError, match=r"^prediction must hold probabilities"):
        loss([[1.5, -0.5]], [[1.0, 0.0]])
    with pytest.raises(ValueError, match=r"^prediction must hold probabilities"):
        loss([[np.nan, 0.5]], [[1.0, 0.0]])
    with pytest.raises(ValueError, match=r"^target\[0, 1\] is -1"):
        loss([[0.5, 0.5]], [[2.0, -1.0]] if name == "cross_entropy" else [[1.0, -1.0]])

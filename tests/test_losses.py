"""The losses as functions of the prediction."""

from __future__ import annotations

import math
import pickle
from typing import Any

import chainrule as cr
import numpy as np
import pytest
from chainrule import losses
from chainrule._losses import LOSSES
from chainrule.losses import find_loss

PAIRS = {"half_squared_error": "tanh", "mean_squared_error": "identity", "cross_entropy": "softmax",
         "binary_cross_entropy": "sigmoid", "poisson": "exponential"}  # fmt: skip
"""The output activation of a loss, where it is not identity."""


def make_target(name: str, rng: np.random.Generator, shape: tuple[int, int]) -> Any:
    """Return targets of the kind that a loss is for."""
    if name == "cross_entropy":
        return np.eye(shape[1])[rng.integers(0, shape[1], shape[0])]
    if name == "hinge":
        return rng.integers(0, 2, shape)
    return rng.poisson(2, shape) if name == "poisson" else rng.uniform(0, 1, shape)


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
    y = make_target(name, rng, (4, 3))
    gradient = loss(a, y)[1]
    for i in np.ndindex(a.shape):
        step = np.zeros_like(a)
        step[i] = 1e-6
        slope = (loss(a + step, y)[0] - loss(a - step, y)[0]) / 2e-6
        assert gradient[i] == pytest.approx(slope, rel=1e-7, abs=1e-9)


@pytest.mark.parametrize("name", LOSSES)
def test_they_agree_with_what_training_computes(backend: str, dtype: str, name: str) -> None:
    rng = np.random.default_rng(1)
    output = PAIRS.get(name, "identity")
    model = cr.MLP([3, 4], output_activation=output, dtype=dtype, seed=0)
    X, y = rng.standard_normal((6, 3)).astype(dtype), make_target(name, rng, (6, 4)).astype(dtype)
    trainer = cr.Trainer(model, loss=name)
    value, gradient = losses.FUNCTIONS[name](model.predict(X), y)
    assert value == pytest.approx(trainer.evaluate(X, y)["loss"], rel=1e-5 if dtype == "float32" else 1e-12)
    with cr.backend(backend):
        from chainrule.backend import core

        dZ = core().activation_gradient(output, model.predict(X), gradient)
    found = trainer.gradients(X, y)
    np.testing.assert_allclose(
        X.T @ dZ, found.weights[0], rtol=1e-4 if dtype == "float32" else 1e-10, atol=1e-6
    )


@pytest.mark.parametrize("name", LOSSES)
def test_the_gradient_has_the_shape_and_dtype_of_the_prediction(name: str, dtype: str) -> None:
    a = np.full((3, 2), 0.5, dtype)
    y = [0, 1, 1] if name != "quantile" else [[1, 0], [0, 1], [0, 1]]
    value, gradient = losses.FUNCTIONS[name](a, y)
    assert type(value) is float
    assert gradient.shape == a.shape
    assert gradient.dtype == dtype
    assert losses.FUNCTIONS[name](a.astype(a.dtype.newbyteorder(">")), y)[0] == value


@pytest.mark.parametrize("name", [name for name in LOSSES if name not in ("poisson", "hinge")])
def test_the_right_prediction_costs_nothing(name: str) -> None:
    assert losses.FUNCTIONS[name]([[0, 1], [1, 0]], [[0, 1], [1, 0]])[0] == 0


def test_more_values_by_hand() -> None:
    a, y = [[0.0, 3.0], [-1.0, 5.0]], [[0.5, 1.0], [-1.0, 8.0]]  # errors -0.5, 2, 0, -3
    assert losses.mean_absolute_error(a, y)[0] == pytest.approx((0.5 + 2 + 0 + 3) / 4)
    assert losses.huber(a, y)[0] == pytest.approx((0.125 + 1.5 + 0 + 2.5) / 4)
    assert losses.huber(a, y, delta=2)[0] == losses.Huber(2)(a, y)[0] == pytest.approx((0.125 + 2 + 4) / 4)
    assert losses.log_cosh(a, y)[0] == pytest.approx(sum(math.log(math.cosh(e)) for e in (0.5, 2, 3)) / 4)
    assert losses.quantile(a, y)[0] == pytest.approx(losses.mean_absolute_error(a, y)[0] / 2)
    assert losses.quantile(a, y, [0.9, 0.1])[0] == pytest.approx((0.45 + 1.8 + 0 + 0.3) / 4)
    assert losses.Quantile(0.9)([[1.0, 2.0]], [[3.0]])[0] == pytest.approx((1.8 + 0.9) / 2)
    assert losses.poisson([[2.0, 0.5]], [[3, 0]])[0] == pytest.approx((2 - 3 * math.log(2) + 0.5) / 2)
    assert losses.hinge([[0.3, -2.0], [-0.5, 2.0]], [[1, 0], [1, 1]])[0] == pytest.approx((0.7 + 1.5) / 2)
    assert losses.hinge([[0.3, -2.0], [-0.5, 2.0]], [0, 1])[0] == pytest.approx((0.7 + 0.5) / 2)


def test_label_smoothing_by_hand() -> None:
    a = [[0.7, 0.2, 0.1]]
    smooth = losses.CrossEntropy(label_smoothing=0.3)(a, [0])
    plain = losses.cross_entropy(a, [[0.8, 0.1, 0.1]])
    assert smooth[0] == pytest.approx(plain[0])
    np.testing.assert_allclose(smooth[1], plain[1])
    binary = losses.BinaryCrossEntropy(label_smoothing=0.2)(a, [[1, 0, 0]])
    assert binary[0] == pytest.approx(losses.binary_cross_entropy(a, [[0.9, 0.1, 0.1]])[0])
    assert losses.CrossEntropy()(a, [1])[0] == losses.cross_entropy(a, [1])[0]


def test_small_errors_keep_their_digits_in_log_cosh(core: Any) -> None:
    for dtype in ("float32", "float64"):
        e = np.array([[1e-4, 3e-3, 0.1, 0.99, 1.01, 5, 80]], dtype)
        exact = [math.log1p(2 * math.sinh(float(x) / 2) ** 2) for x in e[0]]
        for x, value in zip(e[0], exact, strict=True):
            found = core.loss_and_gradient("log_cosh", np.full((1, 1), x), np.zeros((1, 1), dtype))[0]
            assert found == pytest.approx(value, rel=8 * float(np.finfo(dtype).eps)), x


def test_losses_say_what_they_are_and_can_be_pickled() -> None:
    for loss in (
        losses.Huber(2),
        losses.Quantile([0.1, 0.9]),
        losses.CrossEntropy(0.1),
        losses.BinaryCrossEntropy(0.2),
    ):
        assert pickle.loads(pickle.dumps(loss)) == loss
        assert eval(repr(loss), vars(losses)) == loss
        assert find_loss(loss) is loss
    assert find_loss(losses.huber) == find_loss("huber") == "huber"
    assert losses.Quantile(np.float32(0.5)).levels == losses.Quantile(np.array(0.5)).levels == (0.5,)


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: losses.Huber(0), "delta must be greater than 0, but it is 0.0"),
        (lambda: losses.Huber("a"), "delta must be a real number"),
        (lambda: losses.huber([[1.0]], [[1.0]], delta=-1), "delta must be finite and at least 0"),
        (lambda: losses.Quantile([]), "levels must have at least 1 entry"),
        (
            lambda: losses.Quantile([0.5, 1.0]),
            r"levels\[1\] must be greater than 0 and less than 1, but it is 1.0",
        ),
        (lambda: losses.Quantile(0.0), "levels must be greater than 0 and less than 1, but it is 0.0"),
        (
            lambda: losses.Quantile(1),
            "levels must be .*, but it is 1; it is the share of the targets that lie below",
        ),
        (lambda: losses.Quantile(np.array("a")), "levels must be a real number"),
        (lambda: losses.Quantile("0.5"), "levels must be a real number"),
        (
            lambda: losses.quantile([[1.0]], [[1.0]], levels=[0.1, 0.2, 0.3]),
            "levels has 3 entries, but the number of out",
        ),
        (lambda: losses.CrossEntropy(1.0), "label_smoothing must be at least 0 and less than 1"),
        (lambda: losses.BinaryCrossEntropy(True), "label_smoothing must be a real number"),
        (lambda: losses.poisson([[-1.0]], [[1.0]]), "prediction must hold numbers of at least 0 for poisson"),
        (
            lambda: losses.poisson([[1.0]], [[-1.0]]),
            r"target\[0, 0\] is -1.0, but poisson needs targets at least 0",
        ),
        (lambda: losses.hinge([[1.0]], [[-1.0]]), r"target\[0, 0\] is -1.0, but hinge needs targets 0 or 1"),
    ],
)
def test_numbers_that_do_not_fit_are_refused(make: Any, text: str) -> None:
    with pytest.raises((ValueError, TypeError), match=f"^{text}"):
        make()


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
    if name == "quantile" and target == [2]:
        assert losses.quantile(prediction, target)[0] == 0.75  # no labels: the target of both outputs
        return
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

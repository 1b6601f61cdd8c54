"""Metrics against hand-made numbers and against scikit-learn."""

from __future__ import annotations

import functools
import pickle
from typing import Any

import chainrule as cr
import numpy as np
import pytest
from chainrule import metrics
from chainrule.metrics import find_metrics, measure

ALL = [*metrics.METRICS.values(), metrics.top_k_accuracy(1)]


def test_accuracy_of_classes() -> None:
    prediction = np.array([[0.1, 0.7, 0.2], [0.5, 0.3, 0.2], [0.2, 0.2, 0.6], [0.4, 0.4, 0.2]])
    assert metrics.accuracy([1, 0, 0, 0], prediction) == 0.75
    assert metrics.accuracy(np.eye(3)[[1, 0, 0, 0]], prediction) == 0.75
    assert metrics.accuracy(np.array([1, 0, 0, 1], "uint8"), prediction.astype("float32")) == 0.5


def test_accuracy_of_one_output() -> None:
    prediction = [[0.2], [0.5], [0.7], [0.49]]
    assert metrics.accuracy([0, 1, 1, 1], prediction) == 0.75
    assert metrics.accuracy([[False], [True], [False], [False]], prediction) == 0.75
    with pytest.raises(ValueError, match=r"^y_true must hold 0 or 1 .* of one output; for a quantity use"):
        metrics.accuracy([0, 1, 2, 1], prediction)


def test_accuracy_of_several_labels_in_a_row_asks_for_all_of_them() -> None:
    y = np.array([[1, 0, 1], [0, 0, 0], [0, 1, 0], [1, 1, 1]])
    prediction = np.array([[0.9, 0.1, 0.5], [0.4, 0.3, 0.2], [0.8, 0.9, 0.1], [0.6, 0.7, np.nan]])
    assert metrics.accuracy(y, prediction) == 0.5
    assert metrics.accuracy(y.astype(bool), prediction) == 0.5
    assert metrics.accuracy(y[2:3], prediction[2:3]) == 1.0  # one label: the class of the largest
    assert metrics.accuracy(y * 0.5, prediction) == metrics.top_k_accuracy(1)(
        y * 0.5, prediction
    )  # shares, not labels


@pytest.mark.parametrize(("output", "loss"), [("sigmoid", "binary_cross_entropy"), ("tanh", "hinge")])
def test_accuracy_of_several_labels_is_that_of_scikit_learn(backend: str, output: str, loss: str) -> None:
    sk = pytest.importorskip("sklearn.metrics", reason="compares with scikit-learn")
    rng = np.random.default_rng(0)
    X = rng.standard_normal((80, 4)).astype("f4")
    y = (X[:, :3] + rng.normal(0, 0.5, (80, 3)) > 0).astype("f4")
    model = cr.MLP([4, 3], output_activation=output, seed=1)
    trainer = cr.Trainer(model, loss=loss, optimizer=cr.Adam(0.05))
    history = trainer.fit(X, y, epochs=20, metrics=["accuracy"], validation_data=(X[::2], y[::2]))
    said = model.predict(X) >= (0.5 if output == "sigmoid" else 0)
    assert 0.3 < sk.accuracy_score(y, said) < 1
    assert history.metrics["accuracy"][-1] == sk.accuracy_score(y, said)
    assert history.validation_metrics["accuracy"][-1] == sk.accuracy_score(y[::2], said[::2])
    assert trainer.evaluate(X, y, metrics=["accuracy"])["accuracy"] == sk.accuracy_score(y, said)


def test_a_row_with_nan_is_wrong() -> None:
    prediction = np.array([[np.nan, 0.1], [0.9, 0.1]])
    assert metrics.accuracy([0, 0], prediction) == 0.5
    assert metrics.accuracy([0, 0], [[np.nan], [0.1]]) == 0.5


def test_errors_of_numbers() -> None:
    y, prediction = [[1, 2], [3, 4]], [[1, 0], [0, 4]]
    assert metrics.mean_squared_error(y, prediction) == (4 + 9) / 4
    assert metrics.mean_absolute_error(y, prediction) == (2 + 3) / 4
    assert metrics.mean_squared_error([1, 2, 4], [[1], [1], [1]]) == 10 / 3
    assert metrics.mean_squared_error([1, 0], [[0.5, 0.5], [0.5, 0.5]]) == 0.25


def test_r2_is_one_for_the_truth_and_zero_for_the_mean() -> None:
    y = np.array([1.0, 2.0, 6.0])
    assert metrics.r2(y, y[:, None]) == 1.0
    assert metrics.r2(y, np.full((3, 1), 3.0)) == 0.0
    assert metrics.r2([2, 2], [[2.0], [2.0]]) == 1.0
    assert metrics.r2([2, 2], [[2.0], [2.5]]) == 0.0
    assert metrics.r2([0.1] * 3, [[0.2]] * 3) == 0.0


@pytest.mark.parametrize("outputs", [1, 2, 5])
def test_they_agree_with_scikit_learn(outputs: int) -> None:
    sk = pytest.importorskip("sklearn.metrics", reason="compares with scikit-learn")
    rng = np.random.default_rng(outputs)
    y, prediction = rng.standard_normal((50, outputs)), rng.standard_normal((50, outputs))
    assert metrics.mean_squared_error(y, prediction) == pytest.approx(
        sk.mean_squared_error(y, prediction), rel=1e-12
    )
    assert metrics.mean_absolute_error(y, prediction) == pytest.approx(
        sk.mean_absolute_error(y, prediction), rel=1e-12
    )
    assert metrics.r2(y, prediction) == pytest.approx(sk.r2_score(y, prediction), rel=1e-12)
    if outputs > 1:
        labels = rng.integers(0, outputs, 50)
        assert metrics.accuracy(labels, prediction) == sk.accuracy_score(labels, prediction.argmax(axis=1))


def test_sums_are_formed_in_float64() -> None:
    error = np.full((200_000, 1), 1e-3, "float32")
    exact = float(np.float32(1e-3)) ** 2
    assert metrics.mean_squared_error(np.zeros(200_000, "float32"), error) == pytest.approx(exact, rel=1e-12)


@pytest.mark.parametrize("metric", ALL)
@pytest.mark.parametrize(
    ("y_true", "prediction", "text"),
    [
        ([0, 1], [0.0, 1.0], "prediction must have 2 dimensions"),
        ([0, 1], np.zeros((0, 2)), "prediction must have at least one row"),
        ([0, 1, 0], [[0.0, 1.0], [1.0, 0.0]], "y_true has 3 rows"),
        ([[0, 1, 0], [1, 0, 0]], [[0.0, 1.0], [1.0, 0.0]], "y_true has 3 columns"),
        ([0, 2], [[0.0, 1.0], [1.0, 0.0]], r"y_true must hold labels from 0 to 1, but y_true\[1\] is 2"),
        (None, [[0.0, 1.0], [1.0, 0.0]], "y_true must be an array"),
        ([0, 1], "ab", "prediction must be an array"),
        ([0, 1], [["a"], ["b"]], "prediction must hold real numbers"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(metric: Any, y_true: Any, prediction: Any, text: str) -> None:
    with pytest.raises((ValueError, TypeError), match=f"^{text}"):
        metric(y_true, prediction)


def own(y_true: Any, prediction: Any) -> float:
    assert y_true.dtype == np.int64
    assert y_true.shape == (6,)
    assert prediction.shape == (6, 3)
    return 0.25


def test_functions_of_ones_own_are_metrics_too(backend: str, dtype: str) -> None:
    X, y = np.zeros((6, 2), dtype), np.array([0, 1, 2, 0, 1, 2], "uint8")
    trainer = cr.Trainer(
        cr.MLP([2, 3], output_activation="softmax", dtype=dtype, seed=0), loss="cross_entropy"
    )
    history = trainer.fit(X, y, epochs=2, metrics=[own, "accuracy"], validation_data=(X, y))
    assert history.metrics["own"] == history.validation_metrics["own"] == [0.25, 0.25]
    assert list(history.metrics) == ["own", "accuracy"]


def refuses(y_true: Any, prediction: Any) -> float:
    raise ZeroDivisionError("of my own")


@pytest.mark.parametrize(
    ("metric", "where", "error", "text"),
    [
        ("accuracy", "y", ValueError, "y_true must hold 0 or 1 for the accuracy of one output"),
        ("accuracy", "validation", ValueError, "y_true must hold 0 or 1 for the accuracy of one output"),
        ("f1", "validation", ValueError, "y_true must hold 0 or 1 for the f1 of one output"),
        ("top_2_accuracy", "y", ValueError, "top_2_accuracy needs more than 2 outputs"),
        ("roc_auc", "y", ValueError, "y_true must hold classes"),
        (lambda y, p: "high", "y", TypeError, "the result of the metric <lambda> must be a real number"),
        (refuses, "y", ZeroDivisionError, "of my own"),
    ],
)
def test_a_metric_that_does_not_fit_is_refused_before_training(
    backend: str, metric: Any, where: str, error: Any, text: str
) -> None:
    """In the last row alone: all rows are looked at."""
    X, zeros = np.ones((50, 2), "float32"), np.zeros(50, "float32")
    y = np.where(np.arange(50) == 49, 7.5, 0).astype("float32")
    trainer = cr.Trainer(cr.MLP([2, 1], seed=0), loss="mean_squared_error")
    before = pickle.dumps(trainer)
    data = {"y": (y, None), "validation": (zeros, (X, y))}[where]
    with pytest.raises(error, match=f"^{text}"):
        trainer.fit(X, data[0], epochs=3, validation_data=data[1], metrics=[metric])
    assert pickle.dumps(trainer) == before
    assert trainer.step == 0


def test_the_name_of_a_metric_is_that_of_the_function() -> None:
    assert list(find_metrics([own, "r2"])) == ["own", "r2"]
    assert list(find_metrics((functools.partial(own),))) == ["partial"]


@pytest.mark.parametrize("result", ["high", None, [1.0], True, 1j, np.array([1.0, 2.0])])
def test_a_metric_must_return_a_number(result: Any) -> None:
    with pytest.raises(TypeError, match=r"^the result of the metric odd must be a real number"):
        measure({"odd": lambda y, p: result}, np.zeros(1), np.zeros((1, 1)))


@pytest.mark.parametrize("result", [1, 0.5, np.float32(0.5), np.int8(1), float("nan"), np.float64("inf")])
def test_any_real_number_will_do(result: Any) -> None:
    found = measure({"m": lambda y, p: result}, np.zeros(1), np.zeros((1, 1)))["m"]
    assert type(found) is float
    np.testing.assert_equal(found, float(result))

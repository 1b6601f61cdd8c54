"""Measures of a prediction: functions of (y_true, prediction) that return a float.

``prediction`` has shape (rows, n_out). ``y_true`` is what `Trainer` takes as y: numbers (rows, n_out), for one output
also (rows,), or integer class labels (rows,). `Trainer.fit` and `Trainer.evaluate` take these functions, their names,
or functions of your own, which get class labels as int64 (rows,) and numbers as (rows, n_out).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ._checks_arrays import check_data
from ._checks_layers import check_rows
from ._checks_values import check_choice, check_real, check_sequence, describe
from ._network import Array
from .inputs import as_array
from .targets import as_target, one_hot

Metric = Callable[[Any, Any], float]


def accuracy(y_true: Any, prediction: Any) -> float:
    """Return the share of rows whose class is predicted: from 0 to 1.

    With several outputs the class is the column of the largest value (of the first one, if several are equal), in
    the prediction and in a ``y_true`` with columns. With one output it is whether the value is at least 0.5, and
    ``y_true`` holds 0 or 1. A row with NaN counts as wrong.

    Parameters
    ----------
    y_true : array-like, shape (rows,) or (rows, n_out)
    prediction : array-like, shape (rows, n_out)

    Raises
    ------
    TypeError, ValueError
        If the arrays are not of this kind or do not fit each other.
    """
    y, p = _arrays(y_true, prediction)
    if p.shape[1] > 1:
        correct = p.argmax(axis=1) == (y if y.ndim == 1 else y.argmax(axis=1))
    else:
        if not ((y == 0) | (y == 1)).all():
            raise ValueError(
                "y_true must hold 0 or 1 for the accuracy of one output; for a quantity use another metric"
            )
        correct = ((p >= 0.5) == (y == 1))[:, 0]
    return float(np.mean(correct & ~np.isnan(p).any(axis=1)))


def mean_squared_error(y_true: Any, prediction: Any) -> float:
    """Return ``(y - p)^2`` averaged over rows and outputs, in the unit of y squared.

    Parameters
    ----------
    y_true : array-like, shape (rows,) or (rows, n_out)
    prediction : array-like, shape (rows, n_out)

    Raises
    ------
    TypeError, ValueError
        If the arrays are not of this kind or do not fit each other.
    """
    return float(np.mean(_error(y_true, prediction)[1] ** 2))


def mean_absolute_error(y_true: Any, prediction: Any) -> float:
    """Return ``|y - p|`` averaged over rows and outputs, in the unit of y.

    Parameters
    ----------
    y_true : array-like, shape (rows,) or (rows, n_out)
    prediction : array-like, shape (rows, n_out)

    Raises
    ------
    TypeError, ValueError
        If the arrays are not of this kind or do not fit each other.
    """
    return float(np.mean(np.abs(_error(y_true, prediction)[1])))


def r2(y_true: Any, prediction: Any) -> float:
    """Return the coefficient of determination ``1 - sum (y - p)^2 / sum (y - mean y)^2``, averaged over outputs.

    1 is a perfect prediction; 0 that of the mean; there is no lower limit. An output whose y is constant counts 1 if
    it is predicted exactly, else 0 (as in scikit-learn).

    Parameters
    ----------
    y_true : array-like, shape (rows,) or (rows, n_out)
    prediction : array-like, shape (rows, n_out)

    Raises
    ------
    TypeError, ValueError
        If the arrays are not of this kind or do not fit each other.
    """
    y, error = _error(y_true, prediction)
    residual = (error**2).sum(axis=0)
    total = ((y - y.mean(axis=0)) ** 2).sum(axis=0)
    varies = (y != y[0]).any(axis=0)  # total may be a rounding error
    scores = np.where(
        varies, 1.0 - residual / np.where(varies, total, 1.0), (residual == 0).astype(np.float64)
    )
    return float(scores.mean())


METRICS: dict[str, Metric] = {
    function.__name__: function for function in (accuracy, mean_squared_error, mean_absolute_error, r2)
}


def find_metrics(metrics: Any) -> dict[str, Metric]:
    """Return the metrics by name, from a list of names and functions."""
    found: dict[str, Metric] = {}
    for i, metric in enumerate(check_sequence(metrics, "metrics")):
        if callable(metric):
            name = getattr(metric, "__name__", type(metric).__name__)
        elif isinstance(metric, str):
            name = check_choice(metric, f"metrics[{i}]", tuple(METRICS))
            metric = METRICS[name]
        else:
            raise TypeError(f"metrics[{i}] must be a name or a function, but it is {describe(metric)}")
        if name in found or name == "loss":
            raise ValueError(f"metrics[{i}] has the name {name}, which is taken; names must differ")
        found[name] = metric
    return found


def measure(metrics: Mapping[str, Metric], y_true: Array, prediction: Array) -> dict[str, float]:
    """Return the value of each metric."""
    return {
        name: _number(metric(y_true, prediction), f"the result of the metric {name}")
        for name, metric in metrics.items()
    }


def _number(value: Any, name: str) -> float:
    if isinstance(value, (float, np.floating)):
        return float(value)  # NaN and infinity are results too
    return check_real(value, name, -np.inf)


def _arrays(y_true: Any, prediction: Any) -> tuple[Array, Array]:
    p = check_data(as_array(prediction, "prediction").astype(np.float64), "prediction", "(rows, n_out)")
    check_rows(p, "prediction")
    return as_target(y_true, p.shape[1], "float64", "", "y_true", len(p)), p


def _error(y_true: Any, prediction: Any) -> tuple[Array, Array]:
    """Return y_true and its distance from the prediction, in float64."""
    y, p = _arrays(y_true, prediction)
    y = one_hot(y, p.shape[1], np.float64)
    return y, y - p

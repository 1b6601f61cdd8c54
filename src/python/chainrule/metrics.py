"""Measures of a prediction: functions of (y_true, prediction) that return a float.

``prediction`` has shape (rows, n_out). ``y_true`` is what `Trainer` takes as y: numbers (rows, n_out), for one output
also (rows,), or integer class labels (rows,). `Trainer.fit` and `Trainer.evaluate` take these functions, their names,
or functions of your own, which get class labels as int64 (rows,) and numbers as (rows, n_out).

==============================================================  =======================================================
of quantities                                                   mean_squared_error (mse), root_mean_squared_error
                                                                (rmse), mean_absolute_error (mae), r2
of classes                                                      accuracy, top_5_accuracy (any number: top_k_accuracy)
of classes, computed by scikit-learn (the extra ``sklearn``)    balanced_accuracy; of two classes precision, recall,
                                                                f1; of any number precision_macro, recall_macro,
                                                                f1_macro
of probabilities and scores                                     log_loss; roc_auc (scikit-learn)
==============================================================  =======================================================

Of the errors and log_loss less is better, of all others more; `chainrule.EarlyStopping` knows that.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ._checks_values import check_real, check_sequence, describe
from ._class_metrics import (
    _TopKAccuracy,
    balanced_accuracy,
    f1,
    f1_macro,
    log_loss,
    precision,
    precision_macro,
    recall,
    recall_macro,
    roc_auc,
    top_k_accuracy,
)
from ._metric_arrays import (
    has_several_labels,
    true_and_predicted_classes,
    truth_and_error,
    truth_and_prediction,
)
from ._network import Array

__all__ = [
    "METRICS",
    "accuracy",
    "balanced_accuracy",
    "f1",
    "f1_macro",
    "log_loss",
    "mean_absolute_error",
    "mean_squared_error",
    "precision",
    "precision_macro",
    "r2",
    "recall",
    "recall_macro",
    "roc_auc",
    "root_mean_squared_error",
    "top_k_accuracy",
]

Metric = Callable[[Any, Any], float]


def accuracy(y_true: Any, prediction: Any) -> float:
    """Return the share of rows whose class is predicted: from 0 to 1.

    With several outputs the class is the column of the largest value (of the first one, if several are equal), in
    the prediction and in a ``y_true`` with columns. With one output it is whether the value is at least 0.5, and
    ``y_true`` holds 0 or 1. A row with NaN counts as wrong.

    Where a row of ``y_true`` has none or several labels (columns of 0 and 1, not one 1 in each row), each output is for
    itself, yes if at least 0.5, and a row is right if all of its outputs are: what scikit-learn's accuracy_score says of
    ``prediction >= 0.5``.

    Parameters
    ----------
    y_true : array-like, shape (rows,) or (rows, n_out)
    prediction : array-like, shape (rows, n_out)

    Raises
    ------
    TypeError, ValueError
        If the arrays are not of this kind or do not fit each other.
    """
    y, p = truth_and_prediction(y_true, prediction)
    if has_several_labels(y):
        return float(np.mean(((p >= 0.5) == (y == 1)).all(axis=1) & ~np.isnan(p).any(axis=1)))
    y, predicted, nan = true_and_predicted_classes(y, p, "accuracy")
    return float(np.mean((predicted == y) & ~nan))


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
    return float(np.mean(truth_and_error(y_true, prediction)[1] ** 2))


def root_mean_squared_error(y_true: Any, prediction: Any) -> float:
    """Return the square root of `mean_squared_error`, in the unit of y.

    Parameters
    ----------
    y_true : array-like, shape (rows,) or (rows, n_out)
    prediction : array-like, shape (rows, n_out)

    Raises
    ------
    TypeError, ValueError
        If the arrays are not of this kind or do not fit each other.
    """
    return math.sqrt(mean_squared_error(y_true, prediction))


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
    return float(np.mean(np.abs(truth_and_error(y_true, prediction)[1])))


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
    y, error = truth_and_error(y_true, prediction)
    residual = (error**2).sum(axis=0)
    total = ((y - y.mean(axis=0)) ** 2).sum(axis=0)
    varies = (y != y[0]).any(axis=0)  # total may be a rounding error
    scores = np.where(
        varies, 1.0 - residual / np.where(varies, total, 1.0), (residual == 0).astype(np.float64)
    )
    return float(scores.mean())


_HIGHER_IS_BETTER = (
    accuracy,
    balanced_accuracy,
    precision,
    precision_macro,
    recall,
    recall_macro,
    f1,
    f1_macro,
    roc_auc,
    r2,
)
_LOWER_IS_BETTER = (mean_squared_error, root_mean_squared_error, mean_absolute_error, log_loss)

METRICS: dict[str, Metric] = {
    **{function.__name__: function for function in (*_HIGHER_IS_BETTER, *_LOWER_IS_BETTER)},
    "mse": mean_squared_error,
    "rmse": root_mean_squared_error,
    "mae": mean_absolute_error,
}
"""The metrics by name; those of `top_k_accuracy` are made from theirs."""

_TOP_K = r"top_([1-9][0-9]{0,8})_accuracy"


def direction(metric: Metric) -> str | None:
    """Return ``"max"`` if more of this metric is better, ``"min"`` if less is; None for a function of one's own."""
    if isinstance(metric, _TopKAccuracy) or any(metric is known for known in _HIGHER_IS_BETTER):
        return "max"
    return "min" if any(metric is known for known in _LOWER_IS_BETTER) else None


def is_known(name: str) -> bool:
    """Return whether a metric is known by that name."""
    return name in METRICS or re.fullmatch(_TOP_K, name) is not None


def find_metrics(metrics: Any) -> dict[str, Metric]:
    """Return the metrics by name, from a list of names and functions."""
    found: dict[str, Metric] = {}
    for i, metric in enumerate(check_sequence(metrics, "metrics")):
        if callable(metric):
            name = getattr(metric, "__name__", type(metric).__name__)
        elif isinstance(metric, str):
            name, metric = metric, named_metric(metric, f"metrics[{i}]")
        else:
            raise TypeError(f"metrics[{i}] must be a name or a function, but it is {describe(metric)}")
        if name in found or name == "loss":
            raise ValueError(f"metrics[{i}] has the name {name}, which is taken; names must differ")
        found[name] = metric
    return found


def named_metric(name: str, argument: str) -> Metric:
    """Return the metric of that name, or raise ValueError; ``argument`` is what errors call it."""
    top = re.fullmatch(_TOP_K, name)
    if top:
        return top_k_accuracy(int(top[1]))
    if name in METRICS:
        return METRICS[name]
    known = f"{', '.join(METRICS)}, or top_5_accuracy with any number"
    raise ValueError(f"{argument} must be one of {known}, but it is {name!r}")


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

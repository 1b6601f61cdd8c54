"""The metrics of classifiers beyond accuracy; `chainrule.metrics` has them all.

The class of a row is what it is for `chainrule.metrics.accuracy`. What NumPy does in a few lines is done here;
scikit-learn, the optional dependency of the extra ``sklearn``, computes the others.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np

from ._checks_values import check_int
from ._metric_arrays import (
    has_several_labels,
    refuse_several_labels,
    true_and_predicted_classes,
    truth_and_prediction,
)
from ._network import Array
from .targets import one_hot


def balanced_accuracy(y_true: Any, prediction: Any) -> float:
    """Return the mean, over the classes in ``y_true``, of the share of their rows that is predicted: from 0 to 1.

    Unlike the accuracy it gives a rare class the weight of a frequent one. NaN if the prediction has a NaN.
    Computed by scikit-learn.

    Parameters
    ----------
    y_true : array-like, shape (rows,) or (rows, n_out)
        As for `chainrule.metrics.accuracy`.
    prediction : array-like, shape (rows, n_out)

    Raises
    ------
    TypeError, ValueError
        If the arrays are not of this kind or do not fit each other.
    ImportError
        If scikit-learn is not installed.

    Examples
    --------
    >>> balanced_accuracy([0, 0, 1, 1, 1], [[0.1], [0.2], [0.7], [0.9], [0.3]])  # all of class 0, 2/3 of class 1
    0.8333333333333333
    """
    found = _classes(y_true, prediction, "balanced_accuracy")
    if found is None:
        return math.nan
    return _averaged("recall", "balanced_accuracy", *found, np.unique(found[0]))


def top_k_accuracy(k: int) -> Callable[[Any, Any], float]:
    """Return the metric: the share of rows whose class is among the ``k`` largest outputs, from 0 to 1.

    Of equal outputs the first counts as the larger, so that ``top_k_accuracy(1)`` is the accuracy of classes. A row with
    NaN counts as wrong. As a metric of `Trainer` it may also be given as the text ``"top_5_accuracy"``.

    Parameters
    ----------
    k : int
        At least 1, and less than the number of outputs.

    Raises
    ------
    TypeError, ValueError
        If `k` is not such a number. What is returned raises them as `chainrule.metrics.accuracy` does.

    Examples
    --------
    >>> top_k_accuracy(2)([2, 0], [[0.5, 0.2, 0.3], [0.1, 0.6, 0.3]])
    0.5
    """
    return _TopKAccuracy(check_int(k, "k", 1))


@dataclass(frozen=True)
class _TopKAccuracy:
    """A metric: see `top_k_accuracy`."""

    k: int

    @property
    def __name__(self) -> str:
        return f"top_{self.k}_accuracy"

    def __call__(self, y_true: Any, prediction: Any) -> float:
        y, p = truth_and_prediction(y_true, prediction)
        n_out = p.shape[1]
        if self.k >= n_out:
            raise ValueError(
                f"{self.__name__} needs more than {self.k} outputs, but the prediction has {n_out}"
            )
        refuse_several_labels(y, self.__name__)
        labels = (y if y.ndim == 1 else y.argmax(axis=1))[:, np.newaxis]
        own = np.take_along_axis(p, labels, axis=1)
        ahead = (p > own) | ((p == own) & (np.arange(n_out) < labels))
        return float(np.mean((ahead.sum(axis=1) < self.k) & ~np.isnan(p).any(axis=1)))


def precision(y_true: Any, prediction: Any) -> float:
    """Return, for two classes, the share of the rows predicted as class 1 that are of class 1.

    0 if no row is predicted as class 1; NaN if the prediction has a NaN. Computed by scikit-learn.

    Parameters
    ----------
    y_true : array-like, shape (rows,) or (rows, n_out)
        As for `chainrule.metrics.accuracy`, with one or two outputs.
    prediction : array-like, shape (rows, n_out)

    Raises
    ------
    TypeError, ValueError
        If the arrays are not of this kind or do not fit each other, or have more than two classes.
    ImportError
        If scikit-learn is not installed.
    """
    return _binary("precision", y_true, prediction)


def recall(y_true: Any, prediction: Any) -> float:
    """Return, for two classes, the share of the rows of class 1 that are predicted as class 1.

    0 if no row is of class 1; NaN if the prediction has a NaN. Computed by scikit-learn.

    Parameters
    ----------
    y_true : array-like, shape (rows,) or (rows, n_out)
        As for `chainrule.metrics.accuracy`, with one or two outputs.
    prediction : array-like, shape (rows, n_out)

    Raises
    ------
    TypeError, ValueError
        If the arrays are not of this kind or do not fit each other, or have more than two classes.
    ImportError
        If scikit-learn is not installed.
    """
    return _binary("recall", y_true, prediction)


def f1(y_true: Any, prediction: Any) -> float:
    """Return, for two classes, the harmonic mean ``2 P R / (P + R)`` of `precision` P and `recall` R of class 1.

    0 if no row is of class 1 or predicted as such; NaN if the prediction has a NaN. Computed by scikit-learn.

    Parameters
    ----------
    y_true : array-like, shape (rows,) or (rows, n_out)
        As for `chainrule.metrics.accuracy`, with one or two outputs.
    prediction : array-like, shape (rows, n_out)

    Raises
    ------
    TypeError, ValueError
        If the arrays are not of this kind or do not fit each other, or have more than two classes.
    ImportError
        If scikit-learn is not installed.

    Examples
    --------
    >>> f1([0, 1, 1, 1], [[0.2], [0.9], [0.8], [0.1]])
    0.8
    """
    return _binary("f1", y_true, prediction)


def precision_macro(y_true: Any, prediction: Any) -> float:
    """Return the mean of the precisions of all classes, true or predicted, each as `precision` has it for class 1.

    Where rows have none or several labels, each output is a class of its own, predicted if at least 0.5.

    Parameters
    ----------
    y_true : array-like, shape (rows,) or (rows, n_out)
        As for `chainrule.metrics.accuracy`.
    prediction : array-like, shape (rows, n_out)

    Raises
    ------
    TypeError, ValueError
        If the arrays are not of this kind or do not fit each other.
    ImportError
        If scikit-learn is not installed.
    """
    return _macro("precision", y_true, prediction)


def recall_macro(y_true: Any, prediction: Any) -> float:
    """Return the mean of the recalls of all classes, true or predicted, each as `recall` has it for class 1.

    Where rows have none or several labels, each output is a class of its own, predicted if at least 0.5.

    Parameters
    ----------
    y_true : array-like, shape (rows,) or (rows, n_out)
        As for `chainrule.metrics.accuracy`.
    prediction : array-like, shape (rows, n_out)

    Raises
    ------
    TypeError, ValueError
        If the arrays are not of this kind or do not fit each other.
    ImportError
        If scikit-learn is not installed.
    """
    return _macro("recall", y_true, prediction)


def f1_macro(y_true: Any, prediction: Any) -> float:
    """Return the mean of the F1 scores of all classes, true or predicted, each as `f1` has it for class 1.

    Parameters
    ----------
    y_true : array-like, shape (rows,) or (rows, n_out)
        As for `chainrule.metrics.accuracy`.
    prediction : array-like, shape (rows, n_out)

    Raises
    ------
    TypeError, ValueError
        If the arrays are not of this kind or do not fit each other.
    ImportError
        If scikit-learn is not installed.
    """
    return _macro("f1", y_true, prediction)


def roc_auc(y_true: Any, prediction: Any) -> float:
    """Return the area under the ROC curve: how often a row of class 1 has a higher score than one of class 0.

    The score is the output, or with two outputs the second. With more outputs it is the mean over them, each column
    against the rest. 0.5 is chance. NaN if the prediction is not finite. Computed by scikit-learn.

    Parameters
    ----------
    y_true : array-like, shape (rows,) or (rows, n_out)
        Class labels, or columns of 0 and 1. Each class must have a row, and there must be rows of others.
    prediction : array-like, shape (rows, n_out)

    Raises
    ------
    TypeError, ValueError
        If the arrays are not of this kind or do not fit each other.
    ImportError
        If scikit-learn is not installed.

    References
    ----------
    Fawcett, "An introduction to ROC analysis", Pattern Recognition Letters 27, 2006.

    Examples
    --------
    >>> roc_auc([0, 0, 1, 1], [[0.1], [0.6], [0.4], [0.8]])
    0.75
    """
    y, p = truth_and_prediction(y_true, prediction)
    y = one_hot(y, p.shape[1], np.float64)
    if p.shape[1] == 2:
        y, p = y[:, 1:], p[:, 1:]
    if not ((y == 0) | (y == 1)).all():
        raise ValueError("y_true must hold classes, or columns of 0 and 1, for roc_auc")
    constant = (y == y[0]).all(axis=0)
    if constant.any():
        which = "both classes" if y.shape[1] == 1 else f"class {int(constant.argmax())} and of others"
        raise ValueError(f"roc_auc needs rows of {which} in y_true, but all are the same")
    score = _sklearn("roc_auc").roc_auc_score
    return float(score(y, p, average="macro")) if np.isfinite(p).all() else math.nan


def log_loss(y_true: Any, prediction: Any) -> float:
    """Return ``-sum_j y_j log p_j`` averaged over rows; with one output ``-(y log p + (1 - y) log(1 - p))``.

    Of the probabilities of a softmax or a sigmoid output. They are kept away from 0 and 1 by the relative rounding of
    their dtype, so that a wrong certainty stays finite (as in scikit-learn). NaN if one of them is.

    Parameters
    ----------
    y_true : array-like, shape (rows,) or (rows, n_out)
        As for `chainrule.metrics.accuracy`, or probabilities.
    prediction : array-like, shape (rows, n_out)
        From 0 to 1; several outputs sum to 1 in each row.

    Raises
    ------
    TypeError, ValueError
        If the arrays are not of this kind or do not fit each other.

    Examples
    --------
    >>> log_loss([1, 0], [[0.5], [0.5]])  # log 2
    0.6931471805599453
    """
    single = getattr(prediction, "dtype", None) == np.float32
    eps = float(np.finfo(np.float32 if single else np.float64).eps)
    y, p = truth_and_prediction(y_true, prediction)
    y = one_hot(y, p.shape[1], np.float64)
    if np.isnan(p).any():
        return math.nan
    for array, name in ((p, "prediction"), (y, "y_true")):
        if (array < 0).any() or (array > 1).any():
            raise ValueError(
                f"{name} must hold probabilities from 0 to 1 for log_loss, as of a softmax or a sigmoid output"
            )
    if p.shape[1] == 1:
        y, p = np.hstack([1 - y, y]), np.hstack([1 - p, p])
    elif (np.abs(p.sum(axis=1) - 1) > math.sqrt(eps)).any():
        raise ValueError(
            "prediction must hold probabilities that sum to 1 in each row (softmax) for log_loss of several outputs"
        )
    return float(-(y * np.log(np.clip(p, eps, 1 - eps))).sum() / len(p))


# Inside ------------------------------------------------------------------------------------------------------------


def _sklearn(name: str) -> Any:
    """Return scikit-learn's module of metrics."""
    try:
        return import_module("sklearn.metrics")
    except ImportError as error:
        raise ImportError(
            f"the metric {name} is computed by scikit-learn, which cannot be imported ({error}); install it with "
            "pip install chainrule[sklearn]"
        ) from error


def _classes(y_true: Any, prediction: Any, name: str) -> tuple[Array, Array] | None:
    """Return the classes of truth and prediction; None if the prediction has a NaN, which is of no class."""
    y, predicted, nan = true_and_predicted_classes(y_true, prediction, name)
    return None if nan.any() else (y, predicted)


def _averaged(score: str, name: str, y: Array, predicted: Array, labels: Any) -> float:
    """Return the mean of scikit-learn's score of each of the labels; None for those that occur."""
    function = getattr(_sklearn(name), f"{score}_score")
    return float(function(y, predicted, labels=labels, average="macro", zero_division=0.0))


def _binary(score: str, y_true: Any, prediction: Any) -> float:
    found = _classes(y_true, prediction, score)
    n_out = np.shape(prediction)[1]
    if n_out > 2:
        raise ValueError(
            f"{score} is for two classes, but the prediction has {n_out} outputs; use {score}_macro"
        )
    return math.nan if found is None else _averaged(score, score, *found, [1])


def _macro(score: str, y_true: Any, prediction: Any) -> float:
    y, p = truth_and_prediction(y_true, prediction)
    if has_several_labels(y):  # each output is a yes or a no of its own
        return math.nan if np.isnan(p).any() else _averaged(score, f"{score}_macro", y == 1, p >= 0.5, None)
    found = _classes(y_true, prediction, f"{score}_macro")
    return math.nan if found is None else _averaged(score, f"{score}_macro", *found, None)

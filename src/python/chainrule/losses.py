"""The losses, as functions of the prediction: the value, and its derivative with respect to the prediction.

`Trainer` takes one of these functions or its name, or an object where a loss has numbers of its own (`Huber`, `Quantile`,
`CrossEntropy` and `BinaryCrossEntropy` with label smoothing), or any function of yours with the same arguments and results,
which is called once a batch. In training the output activation and the loss are one step (see ``loss_and_gradient`` of
`chainrule.reference`), which for the cross-entropies is more accurate than the two apart.

====================  =================================================  ==================================
loss                  for                                                output activation
====================  =================================================  ==================================
half_squared_error    quantities                                         any
mean_squared_error    quantities                                         any
mean_absolute_error   quantities; targets far off count less             any but softmax
huber, log_cosh       the same, and smooth near 0                        any but softmax
quantile              medians, intervals                                 any but softmax
poisson               counts                                             exponential
cross_entropy         one of several classes                             softmax
binary_cross_entropy  yes or no, of one output or of several             sigmoid
hinge                 the same by largest margin; no probabilities       identity or tanh
====================  =================================================  ==================================

In all of them a is the prediction and y the target, both of shape (rows, n_out); integer class labels of shape
(rows,) stand for 1 in the column of the label and 0 elsewhere. Sums are formed in float64.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ._checks_arrays import check_data
from ._checks_layers import check_rows
from ._losses import CUSTOM, LossRule, check_loss_number, loss_rule
from ._network import Array
from ._parametric_losses import BinaryCrossEntropy, CrossEntropy, Huber, Quantile
from .inputs import as_array, as_dtype
from .targets import as_target, one_hot

__all__ = [
    "BinaryCrossEntropy",
    "CrossEntropy",
    "Huber",
    "Quantile",
    "binary_cross_entropy",
    "cross_entropy",
    "half_squared_error",
    "hinge",
    "huber",
    "log_cosh",
    "mean_absolute_error",
    "mean_squared_error",
    "poisson",
    "quantile",
]


def half_squared_error(prediction: Any, target: Any) -> tuple[float, Array]:
    """Return ``1/2 sum_j (a_j - y_j)^2``, averaged over the rows, and its gradient ``(a - y) / rows``.

    Parameters
    ----------
    prediction, target : array-like, shape (rows, n_out)

    Returns
    -------
    value : float
    gradient : ndarray, shape (rows, n_out)

    Raises
    ------
    TypeError, ValueError
        If the arrays are not of this kind or do not fit each other.
    """
    a, y = _arrays(prediction, target)
    error = a - y
    return _sum(error * error) / (2 * len(a)), error / len(a)


def mean_squared_error(prediction: Any, target: Any) -> tuple[float, Array]:
    """Return ``(a - y)^2`` averaged over rows and outputs, and its gradient ``2 (a - y) / (rows n_out)``.

    Parameters
    ----------
    prediction, target : array-like, shape (rows, n_out)

    Returns
    -------
    value : float
    gradient : ndarray, shape (rows, n_out)

    Raises
    ------
    TypeError, ValueError
        If the arrays are not of this kind or do not fit each other.
    """
    a, y = _arrays(prediction, target)
    error = a - y
    return _sum(error * error) / a.size, error * (2 / a.size)


def cross_entropy(prediction: Any, target: Any) -> tuple[float, Array]:
    """Return ``-sum_j y_j log a_j``, averaged over the rows, and its gradient ``-y / (a rows)``.

    A target of 0 adds nothing, whatever the prediction. Used with a softmax output.

    Parameters
    ----------
    prediction : array-like, shape (rows, n_out)
        Probabilities.
    target : array-like, shape (rows, n_out) or (rows,)
        Not negative, with a sum of 1 in each row; or class labels.

    Returns
    -------
    value : float
    gradient : ndarray, shape (rows, n_out)

    Raises
    ------
    TypeError, ValueError
        If the arrays are not of this kind or do not fit each other.
    """
    a, y = _arrays(prediction, target, "cross_entropy")
    return -_sum(_times_log(y, a)) / len(a), -_quotient(y, a) / len(a)


def binary_cross_entropy(prediction: Any, target: Any) -> tuple[float, Array]:
    """Return ``-sum_j (y_j log a_j + (1 - y_j) log(1 - a_j))``, averaged over the rows, and its gradient.

    The gradient is ``((1 - y) / (1 - a) - y / a) / rows``. Used with sigmoid outputs.

    Parameters
    ----------
    prediction : array-like, shape (rows, n_out)
        Probabilities.
    target : array-like, shape (rows, n_out) or (rows,)
        From 0 to 1; or class labels.

    Returns
    -------
    value : float
    gradient : ndarray, shape (rows, n_out)

    Raises
    ------
    TypeError, ValueError
        If the arrays are not of this kind or do not fit each other.
    """
    a, y = _arrays(prediction, target, "binary_cross_entropy")
    value = -(_sum(_times_log(y, a)) + _sum(_times_log(1 - y, 1 - a))) / len(a)
    return value, (_quotient(1 - y, 1 - a) - _quotient(y, a)) / len(a)


def mean_absolute_error(prediction: Any, target: Any) -> tuple[float, Array]:
    """Return ``abs(a - y)`` averaged over rows and outputs, and its gradient ``sign(a - y) / (rows n_out)``.

    Parameters
    ----------
    prediction, target : array-like, shape (rows, n_out)

    Returns
    -------
    value : float
    gradient : ndarray, shape (rows, n_out)

    Raises
    ------
    TypeError, ValueError
        If the arrays are not of this kind or do not fit each other.
    """
    return apply(LossRule("mean_absolute_error"), prediction, target)


def huber(prediction: Any, target: Any, delta: float = 1.0) -> tuple[float, Array]:
    """Return ``e^2 / 2`` where ``abs(e) <= delta``, else ``delta (abs(e) - delta / 2)``, ``e = a - y``, and its gradient.

    Averaged over rows and outputs; see `Huber`, which a `Trainer` takes.

    Parameters
    ----------
    prediction, target : array-like, shape (rows, n_out)
    delta : float, default 1.0
        Greater than 0.

    Returns
    -------
    value : float
    gradient : ndarray, shape (rows, n_out)

    Raises
    ------
    TypeError, ValueError
        If the arrays are not of this kind or do not fit each other, or `delta` is no such number.
    """
    return apply(LossRule("huber", delta=check_loss_number(delta, "delta")), prediction, target)


def log_cosh(prediction: Any, target: Any) -> tuple[float, Array]:
    """Return ``log cosh(a - y)`` averaged over rows and outputs, and its gradient ``tanh(a - y) / (rows n_out)``.

    About ``e^2 / 2`` for small errors and ``abs(e) - log 2`` for large ones.

    Parameters
    ----------
    prediction, target : array-like, shape (rows, n_out)

    Returns
    -------
    value : float
    gradient : ndarray, shape (rows, n_out)

    Raises
    ------
    TypeError, ValueError
        If the arrays are not of this kind or do not fit each other.
    """
    return apply(LossRule("log_cosh"), prediction, target)


def quantile(prediction: Any, target: Any, levels: Any = 0.5) -> tuple[float, Array]:
    """Return ``-level e`` where ``e < 0``, else ``(1 - level) e``, for ``e = a - y``, and its gradient.

    Averaged over rows and outputs; see `Quantile`, which a `Trainer` takes. A target of one column counts for all outputs.

    Parameters
    ----------
    prediction, target : array-like, shape (rows, n_out)
    levels : float or list of float, default 0.5
        Greater than 0 and less than 1; one for each output, or one for all.

    Returns
    -------
    value : float
    gradient : ndarray, shape (rows, n_out)

    Raises
    ------
    TypeError, ValueError
        If the arrays are not of this kind or do not fit each other, or a level is no such number.
    """
    return apply(LossRule("quantile", levels=check_loss_number(levels, "levels")), prediction, target)


def poisson(prediction: Any, target: Any) -> tuple[float, Array]:
    """Return ``a - y log a`` averaged over rows and outputs, and its gradient ``(1 - y / a) / (rows n_out)``.

    But for ``log(y!)``, which no prediction changes, it is the negative logarithm of the probability of y events where a
    are expected; so it may be negative. Used with exponential outputs.

    Parameters
    ----------
    prediction, target : array-like, shape (rows, n_out)
        The prediction greater than 0, the target at least 0.

    Returns
    -------
    value : float
    gradient : ndarray, shape (rows, n_out)

    Raises
    ------
    TypeError, ValueError
        If the arrays are not of this kind or do not fit each other.
    """
    a, y = _arrays(prediction, target, "poisson")
    value = (_sum(a) - _sum(_times_log(y, a))) / a.size
    return value, (1 - _quotient(y, a)) / a.size


def hinge(prediction: Any, target: Any) -> tuple[float, Array]:
    """Return ``sum_j max(0, 1 - t_j a_j)``, ``t = 2 y - 1``, averaged over the rows, and its gradient.

    The gradient is ``-t / rows`` where ``t a < 1``, else 0. A positive prediction stands for yes.

    Parameters
    ----------
    prediction, target : array-like, shape (rows, n_out)
        The target 1 for yes and 0 for no, or class labels (rows,): each output says whether it is its class.

    Returns
    -------
    value : float
    gradient : ndarray, shape (rows, n_out)

    Raises
    ------
    TypeError, ValueError
        If the arrays are not of this kind or do not fit each other.
    """
    return apply(LossRule("hinge"), prediction, target)


FUNCTIONS: dict[str, Callable[..., tuple[float, Array]]] = {
    function.__name__: function
    for function in (
        half_squared_error,
        mean_squared_error,
        mean_absolute_error,
        huber,
        log_cosh,
        quantile,
        poisson,
        cross_entropy,
        binary_cross_entropy,
        hinge,
    )
}


def find_loss(loss: Any) -> Any:
    """Return a loss as a trainer keeps it: a name, an object of this module, or a function of the user's."""
    for name, function in FUNCTIONS.items():
        if loss is function:
            return name
    rule = loss_rule(loss)
    return loss if rule.kind == CUSTOM or not isinstance(loss, str) else rule.kind


def loss_name(loss: Any) -> str:
    """Return what a loss is called: its kind, or the name of a function of the user's."""
    rule = loss_rule(loss)
    return rule.kind if rule.function is None else getattr(loss, "__name__", type(loss).__name__)


def apply(rule: LossRule, prediction: Any, target: Any) -> tuple[float, Array]:
    """Return the value of a loss and its gradient with respect to the prediction."""
    a, y = _arrays(prediction, target, rule.kind)
    if rule.kind in ("cross_entropy", "binary_cross_entropy"):
        s = rule.label_smoothing
        y = (1 - s) * y + a.dtype.type(s / (a.shape[1] if rule.kind == "cross_entropy" else 2))
        return FUNCTIONS[rule.kind](a, y)
    from .reference import loss_and_gradient

    return loss_and_gradient(rule, a, y)


def _arrays(prediction: Any, target: Any, loss: str = "") -> tuple[Array, Array]:
    given = as_array(prediction, "prediction").dtype
    dtype = "float32" if given.kind == "f" and given.itemsize == 4 else "float64"
    a = check_data(as_dtype(prediction, "prediction", dtype), "prediction", "(rows, n_out)")
    check_rows(a, "prediction")
    if loss.endswith("cross_entropy") and not ((a >= 0) & (a <= 1)).all():
        raise ValueError(f"prediction must hold probabilities from 0 to 1 for {loss}")
    if loss == "poisson" and not (a >= 0).all():
        raise ValueError("prediction must hold numbers of at least 0 for poisson")
    y = as_target(target, a.shape[1], a.dtype.name, loss, "target", len(a), "prediction")
    return a, one_hot(y, a.shape[1], a.dtype)


def _sum(terms: Array) -> float:
    return float(terms.sum(dtype=np.float64))


def _times_log(y: Array, a: Array) -> Array:
    """Return ``y log a``, which is 0 where y is 0."""
    with np.errstate(divide="ignore"):
        return y * np.log(np.where(y == 0, np.ones_like(a), a))


def _quotient(y: Array, a: Array) -> Array:
    """Return ``y / a``, which is 0 where y is 0."""
    with np.errstate(divide="ignore"):
        return y / np.where(y == 0, np.ones_like(a), a)

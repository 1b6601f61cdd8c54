"""The losses, as functions of the prediction: the value, and its derivative with respect to the prediction.

`Trainer` takes one of these functions or its name. In training the output activation and the loss are one step (see
``loss_and_gradient`` of `chainrule.reference`), which for the cross-entropies is more accurate than the two apart.

In all of them a is the prediction and y the target, both of shape (rows, n_out); integer class labels of shape
(rows,) stand for 1 in the column of the label and 0 elsewhere. Sums are formed in float64.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ._checks_arrays import check_data
from ._checks_layers import check_rows
from ._checks_values import check_choice
from ._network import LOSSES, Array
from .inputs import as_array, as_dtype
from .targets import as_target, one_hot


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


FUNCTIONS: dict[str, Callable[[Any, Any], tuple[float, Array]]] = {
    function.__name__: function
    for function in (half_squared_error, mean_squared_error, cross_entropy, binary_cross_entropy)
}


def find_loss(loss: Any) -> str:
    """Return the name of a loss, given by name or as one of the functions of this module."""
    for name, function in FUNCTIONS.items():
        if loss is function:
            return name
    return check_choice(loss, "loss", LOSSES)


def _arrays(prediction: Any, target: Any, loss: str = "") -> tuple[Array, Array]:
    given = as_array(prediction, "prediction").dtype
    dtype = "float32" if given.kind == "f" and given.itemsize == 4 else "float64"
    a = check_data(as_dtype(prediction, "prediction", dtype), "prediction", "(rows, n_out)")
    check_rows(a, "prediction")
    if loss and not ((a >= 0) & (a <= 1)).all():
        raise ValueError(f"prediction must hold probabilities from 0 to 1 for {loss}")
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

"""From what users have as targets to what a loss takes: numbers (rows, n_out), or class labels (rows,).

========================  ==================================================================================
outputs                   y
========================  ==================================================================================
one                       numbers, shape (rows,) or (rows, 1)
several                   numbers, shape (rows, n_out); or integer class labels from 0 to n_out - 1, shape (rows,),
                          which stand for 1 in the column of the label and 0 elsewhere
several, of labels        numbers 0 and 1, shape (rows, n_out), any number of ones in a row (sigmoid outputs)
several, of quantiles     numbers, shape (rows, n_out); or, the same for all outputs, (rows,) or (rows, 1)
========================  ==================================================================================

A NaN among numbers is a target that is missing: its entry has no loss and no gradient; a loss of one's own receives it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ._checks_arrays import check_labels
from ._checks_values import count
from ._network import Array
from .inputs import BLOCK, all_finite, as_array, as_dtype, check_finite

SUM_TOLERANCE = 1e-5
"""How far the targets of a row may be from a sum of 1: about the rounding of 100 numbers in float32."""


def as_target(
    y: Any,
    n_out: int,
    dtype: str,
    loss: str = "",
    name: str = "y",
    rows: int | None = None,
    whose: str = "this MLP",
    *,
    missing: bool = False,
    may_be_idle: bool = False,
) -> Array:
    """Return the target: int64 class labels (rows,), or an array (rows, n_out) of the dtype.

    Parameters
    ----------
    y : array-like
        See the table at the top of this module.
    n_out : int
        Number of outputs.
    dtype : "float32" or "float64"
    loss : str
        Some ask for more: targets that are not negative and sum to 1 in each row (cross_entropy), lie in [0, 1]
        (binary_cross_entropy), are 0 or 1 (hinge) or not negative (poisson).
    name : str
        What errors call it.
    rows : int, optional
        The number of rows of the inputs.
    whose : str
        What errors call that which has the outputs.
    missing : bool, default False
        Whether NaN is allowed, for a target that is missing (with cross_entropy: for those of a row).
    may_be_idle : bool, default False
        Whether all may be missing: a batch among others.

    Raises
    ------
    TypeError, ValueError
        If y does not fit, or a number is infinite, or NaN where that is not allowed.
    """
    hint = f"; for class labels use np.unique({name}, return_inverse=True)[1]"
    array = as_array(y, name, text_hint=hint)
    if array.ndim not in (1, 2):
        raise ValueError(f"{name} must have shape {_shapes(n_out)}, but its shape is {array.shape}")
    if rows is not None and len(array) != rows:
        raise ValueError(f"{name} has {count(len(array), 'row')}, but the inputs have {rows}")
    for_all = loss == "quantile" and n_out > 1 and (array.ndim == 1 or array.shape[1] == 1)
    if array.ndim == 1 and n_out > 1 and not for_all:
        return _labels(array, n_out, name)
    if array.ndim == 2 and array.shape[1] != n_out and not for_all:
        hint = f"; for class labels use {name}.ravel()" if array.shape[1] == 1 else ""
        raise ValueError(
            f"{name} has {count(array.shape[1], 'column')}, but {whose} has {count(n_out, 'output')}{hint}"
        )
    numbers = as_dtype(y, name, dtype)
    if not missing or not _are_observed(numbers, name, may_be_idle):
        check_finite(numbers, name)
    if for_all:
        numbers = np.broadcast_to(numbers.reshape(-1, 1), (len(numbers), n_out))
    numbers = np.ascontiguousarray(numbers.reshape(-1, n_out))
    if loss in _RANGES:
        _check_range(numbers, loss, name)
    return numbers


def has_missing(target: Array) -> bool:
    """Whether a target is missing: NaN."""
    return target.dtype.kind == "f" and not all_finite(target)


def _are_observed(numbers: Array, name: str, may_be_idle: bool) -> bool:
    """Whether all is finite but for some NaN; all of it may be missing only in an idle batch."""
    if all_finite(numbers):
        return True
    if not may_be_idle and numbers.size and np.isnan(numbers).all():
        raise ValueError(f"{name} holds nothing but NaN: there is nothing to learn from")
    return not np.isinf(numbers).any()


def _labels(array: Array, n_out: int, name: str) -> Array:
    if array.dtype.kind == "f":
        raise TypeError(
            f"{name} must hold class labels as integers, or numbers of shape (rows, {n_out}), but it is "
            f"{array.dtype.name} of shape {array.shape}; for class labels use {name}.astype(int)"
        )
    if array.dtype.kind == "u":  # a label of 2^63 or more must not turn negative
        array = np.minimum(array.astype(np.uint64), np.uint64(2**63 - 1))
    return check_labels(array.astype(np.int64, copy=False), n_out, name)


_RANGES: dict[str, tuple[str, Callable[[Array], Array]]] = {
    "cross_entropy": ("at least 0", lambda y: y < 0),
    "binary_cross_entropy": ("from 0 to 1", lambda y: (y < 0) | (y > 1)),
    "hinge": ("0 or 1", lambda y: (y != 0) & (y != 1) & ~np.isnan(y)),
    "poisson": ("at least 0", lambda y: y < 0),
}
"""What the targets of a loss must be, and where they are not."""


def _check_range(target: Array, loss: str, name: str) -> None:
    """Refuse targets that the loss does not take; block by block, so that a mapped file needs no memory of its size."""
    rows = max(1, BLOCK * len(target) // max(target.size, 1))
    for start in range(0, len(target), rows):
        _check_block(target[start : start + rows], start, loss, name)


def _check_block(target: Array, start: int, loss: str, name: str) -> None:
    """Do so for some of the rows, the first of which is ``start``."""
    wanted, outside = _RANGES[loss]
    wrong = outside(target)
    if wrong.any():
        row, column = (int(i) for i in np.argwhere(wrong)[0])
        raise ValueError(
            f"{name}[{start + row}, {column}] is {target[row, column]}, but {loss} needs targets {wanted}"
        )
    if loss != "cross_entropy":
        return
    missing = np.isnan(target)
    partly = missing.any(axis=1) & ~missing.all(axis=1)
    if partly.any():
        row = int(np.argmax(partly))
        raise ValueError(
            f"{name}[{start + row}] is partly NaN, but the targets of a row are one distribution for cross_entropy: all of "
            "them are missing, or none"
        )
    sums = target.sum(axis=1, dtype=np.float64)
    off = np.abs(sums - 1.0) > SUM_TOLERANCE
    if off.any():
        row = int(np.argmax(off))
        raise ValueError(
            f"{name}[{start + row}] sums to {sums[row]:.6g}, but cross_entropy needs targets that sum to 1 in each row"
        )


def _shapes(n_out: int) -> str:
    return "(rows,) or (rows, 1)" if n_out == 1 else f"(rows,) or (rows, {n_out})"


def one_hot(target: Array, n_out: int, dtype: Any) -> Array:
    """Return class labels as rows with 1 in the column of the label, else 0; numbers as they are."""
    if target.ndim == 2:
        return target
    rows = np.zeros((len(target), n_out), dtype)
    rows[np.arange(len(target)), target] = 1
    return rows

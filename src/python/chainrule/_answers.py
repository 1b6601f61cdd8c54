"""What a column of answers is, classes or quantities, and its way into a network's targets and back."""

from __future__ import annotations

from typing import Any

import numpy as np

from ._checks_values import check_choice, count, describe
from ._network import Array
from .inputs import as_array, check_finite

CLASSIFICATION, REGRESSION = "classification", "regression"
TASKS = ("auto", CLASSIFICATION, REGRESSION)
MOST_INTEGER_CLASSES = 20
"""More different integers than this are taken for a quantity, unless the task is given."""


def find_task(y: Array, task: Any = "auto") -> str:
    """Return ``"classification"`` or ``"regression"``.

    ``"auto"`` takes text and bool for classes, floats for quantities; integers, shape (rows,), for classes where at most
    `MOST_INTEGER_CLASSES` of them are different, each in two rows on the average.

    Raises
    ------
    ValueError, TypeError
        If `task` is none of `TASKS`.
    """
    if check_choice(task, "task", TASKS) != "auto":
        return str(task)
    if y.dtype.kind in "iu" and y.ndim == 1:
        different = len(np.unique(y))
        return CLASSIFICATION if different <= min(MOST_INTEGER_CLASSES, len(y) // 2) else REGRESSION
    return REGRESSION if y.dtype.kind in "fiu" else CLASSIFICATION


def answers(y: Any, rows: int) -> Array:
    """Return y as an array with that many rows.

    Raises
    ------
    ValueError, TypeError
        If it has another number of rows, or none.
    """
    array = np.asarray(y)
    if array.ndim == 0:
        raise TypeError(f"y must be an array with rows, but it is {describe(y)}")
    if len(array) != rows:
        raise ValueError(f"y has {count(len(array), 'row')}, but X has {rows}")
    return array


def classes_of(y: Array) -> tuple[Any, ...]:
    """Return the different labels in y, shape (rows,), in order.

    Raises
    ------
    ValueError, TypeError
        If y is of another shape, holds something else than numbers, bool or text, or only one class.
    """
    labels = _labels(y)
    classes = tuple(np.unique(labels).tolist())
    if len(classes) < 2:
        raise ValueError(f"y holds one class only, {classes[0]!r}; there is nothing to learn")
    return classes


def to_labels(y: Array, classes: tuple[Any, ...]) -> Array:
    """Return the place of each row's class among the classes, int64 of shape (rows,).

    Raises
    ------
    ValueError, TypeError
        As `classes_of`; and if y holds a class that is not among them.
    """
    found, places = np.unique(_labels(y), return_inverse=True)
    place = {name: i for i, name in enumerate(classes)}
    for name in found.tolist():
        if name not in place:
            known = ", ".join(map(repr, classes[:10])) + (", ..." if len(classes) > 10 else "")
            raise ValueError(f"y holds the class {name!r}, but this recipe is for {known}")
    return np.array([place[name] for name in found.tolist()], dtype=np.int64)[places]


def to_quantities(y: Array) -> Array:
    """Return y as a float64 matrix (rows, quantities).

    Raises
    ------
    ValueError, TypeError
        If it is of another shape, or holds something else than finite real numbers.
    """
    if y.ndim not in (1, 2) or 0 in y.shape:
        raise ValueError(f"y must have shape (rows,) or (rows, quantities), but its shape is {y.shape}")
    numbers = as_array(y, "y").astype(np.float64, copy=False)
    check_finite(numbers, "y")
    return numbers[:, np.newaxis] if y.ndim == 1 else numbers


def _labels(y: Array) -> Array:
    if y.ndim != 1:
        hint = "; use y.ravel()" if y.shape == (len(y), 1) else ""
        raise ValueError(f"y must hold one class a row, shape (rows,), but its shape is {y.shape}{hint}")
    if y.dtype.kind == "O" and all(isinstance(label, str) for label in y):
        return y.astype(str)
    if y.dtype.kind not in "biufU":
        raise TypeError(f"y must hold classes as integers, bool or text, but its dtype is {y.dtype}")
    if y.dtype.kind == "f" and not np.isfinite(y).all():
        row = int(np.argmin(np.isfinite(y)))
        raise ValueError(f"y[{row}] is {y[row]}, but every class must be a finite number")
    return y

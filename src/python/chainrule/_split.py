"""Rows for training and rows held out."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ._checks_values import check_bool, describe
from ._network import Array
from .inputs import made_array

_EPOCH = 2**64 - 1
"""The order of this epoch splits the rows: no training gets that far, so none shuffles with the same words."""


def train_test_split(
    *arrays: Any, test_size: float = 0.2, seed: int = 0, shuffle: bool = True, stratify: Any = None
) -> list[Array]:
    """Split the rows of one or more arrays into training and test rows.

    Parameters
    ----------
    *arrays : array-like, shape (rows, ...)
        All with the same number of rows.
    test_size : float or int
        A fraction, ``0 < test_size < 1``, of the rows (``ceil(test_size * rows)`` of them), or their number.
    seed : int
        The split is a function of it, of the number of rows and of `stratify`: the same on every machine.
    shuffle : bool
        Draw the test rows at random. If False, they are the last rows, and the order stays.
    stratify : array-like, shape (rows,), optional
        Classes, usually the labels: each has its share of the test rows, to the nearest row or two
        (largest remainders).

    Returns
    -------
    list of ndarray
        ``[first_train, first_test, second_train, second_test, ...]``, copies, of the dtypes of the arrays.

    Raises
    ------
    ValueError, TypeError
        If the arrays differ in rows, if there are no rows for one of the two parts, if a class has fewer than
        two rows, or if either part has fewer rows than there are classes.

    Examples
    --------
    >>> X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.2, seed=0, stratify=y)
    """
    if not arrays:
        raise ValueError("train_test_split needs at least one array")
    columns = [_rows_of(array, f"array {i}") for i, array in enumerate(arrays, start=1)]
    n = len(columns[0])
    for i, column in enumerate(columns[1:], start=2):
        if len(column) != n:
            raise ValueError(f"array {i} has {len(column)} rows, but array 1 has {n}")
    train, test = split_rows(
        n, test_size, seed, shuffle, None if stratify is None else _rows_of(stratify, "stratify")
    )
    return [part for column in columns for part in (column[train], column[test])]


def split_rows(
    n: int,
    test_size: Any,
    seed: int,
    shuffle: bool,
    classes: Array | None,
    size_name: str = "test_size",
    classes_name: str = "stratify",
) -> tuple[Array, Array]:
    """Return which of ``n`` rows are for training, and which are held out, as `train_test_split` splits them.

    Raises
    ------
    ValueError, TypeError
        As there; the message has the names given here.
    """
    n_test = _count_test_rows(test_size, n, size_name)
    if not check_bool(shuffle, "shuffle"):
        if classes is not None:
            raise ValueError("stratify needs shuffle=True")
        order = np.arange(n)
        return order[: n - n_test], order[n - n_test :]
    from .reference import permutation  # not before somebody splits: `import chainrule` loads no core

    order = permutation(n, seed=seed, epoch=_EPOCH)
    if classes is None:
        return order[n_test:], order[:n_test]
    test, train = _stratified(order, n_test, classes, classes_name)
    return train, test


def _rows_of(value: Any, name: str) -> Array:
    array = made_array(value, name)
    if array.ndim == 0:
        raise TypeError(f"{name} must be an array with rows, but it is {describe(value)}")
    return array


def _count_test_rows(test_size: Any, n: int, name: str) -> int:
    if isinstance(test_size, (bool, np.bool_)) or not isinstance(
        test_size, (int, float, np.integer, np.floating)
    ):
        raise TypeError(f"{name} must be a fraction or a number of rows, but it is {describe(test_size)}")
    if isinstance(test_size, (int, np.integer)):
        n_test = int(test_size)
    elif 0 < test_size < 1:
        n_test = math.ceil(float(test_size) * n)
    else:
        raise ValueError(f"{name} must be between 0 and 1, or a whole number of rows, but it is {test_size}")
    if not 0 < n_test < n:
        raise ValueError(
            f"{name}={test_size} of {n} rows leaves {n - n_test} rows to train on and {n_test} to test on"
        )
    return n_test


def _stratified(order: Array, n_test: int, classes: Array, name: str) -> tuple[Array, Array]:
    """Take each class's share of the test rows, in the random order of the rows; return (test, train)."""
    n = len(order)
    if classes.shape != (n,):
        raise ValueError(f"{name} must have shape ({n},), but its shape is {classes.shape}")
    names, labels, counts = np.unique(classes, return_inverse=True, return_counts=True)
    if counts.min() < 2:
        rare = names[np.argmin(counts)]
        raise ValueError(f"{name} has the class {rare!s} in one row only; each class needs at least 2")
    for rows, part in ((n_test, "test"), (n - n_test, "training")):
        if rows < len(names):
            raise ValueError(f"{name} has {len(names)} classes, but there are only {rows} {part} rows")
    quota, remainder = np.divmod(counts * n_test, n)
    quota[np.argsort(-remainder, kind="stable")[: n_test - quota.sum()]] += 1
    labels = labels[order]
    in_test = np.zeros(n, dtype=bool)
    for label, share in enumerate(quota):
        in_test[np.flatnonzero(labels == label)[:share]] = True
    return order[in_test], order[~in_test]

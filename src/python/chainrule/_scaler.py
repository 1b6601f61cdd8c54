"""What the scalers share: checks, dtypes, and a plain state."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from ._checks_values import describe
from ._network import Array
from .inputs import made_array

if TYPE_CHECKING:
    from typing_extensions import Self


class Scaler(ABC):
    """What both scalers share: checks, dtypes, and a plain state.

    The state that pickle keeps is a dict of numbers, bools and lists of numbers, with a version; any other is
    refused.
    """

    n_samples_seen_: int
    n_features_in_: int

    _VERSION = 1
    _OPTIONS: tuple[str, ...] = ()
    _COLUMNS: tuple[str, ...] = ()

    @abstractmethod
    def _learn(self, X: Array) -> None: ...

    @abstractmethod
    def _forward(self, X: Array) -> None: ...

    @abstractmethod
    def _backward(self, X: Array) -> None: ...

    @abstractmethod
    def _check_options(self) -> None: ...

    @abstractmethod
    def _check_columns(self) -> bool: ...

    def fit(self, X: Any, y: Any = None) -> Self:
        """Learn the scaling of each column from ``X``, shape (rows, features); ``y`` is not used. Return self.

        Raises
        ------
        ValueError, TypeError
            If ``X`` is not a matrix of finite real numbers with at least one row; a NaN or an infinity is named by
            row and column. What was learned before stays.
        """
        X = _finite_matrix(X)
        if 0 in X.shape:
            raise ValueError(f"X must have at least one row and one column, but its shape is {X.shape}")
        with np.errstate(over="ignore", invalid="ignore"):
            self._learn(X.astype(np.float64, order="C"))
        self.n_samples_seen_, self.n_features_in_ = X.shape
        return self

    def transform(self, X: Any) -> Array:
        """Return ``X`` scaled, shape (rows, features), in a new C-contiguous array of the same floating dtype.

        Integers and bools give float64. Errors as in `fit`.
        """
        return self._apply(_finite_matrix(X), self._forward)

    def fit_transform(self, X: Any, y: Any = None) -> Array:
        """Return ``fit(X).transform(X)``."""
        return self.fit(X).transform(X)

    def inverse_transform(self, X: Any) -> Array:
        """Undo `transform`, up to rounding. NaN and infinities pass through, since predictions may hold them."""
        return self._apply(_matrix(X), self._backward)

    def _apply(self, X: Array, change: Callable[[Array], None]) -> Array:
        if not hasattr(self, "n_features_in_"):
            raise ValueError(f"this {type(self).__name__} is not fitted; call fit first")
        if X.shape[1] != self.n_features_in_:
            features = f"{X.shape[1]} feature{'s' * (X.shape[1] != 1)}"
            raise ValueError(
                f"X has {features}, but this {type(self).__name__} expects {self.n_features_in_}"
            )
        result = X.astype(np.float64, order="C")
        with np.errstate(over="ignore", invalid="ignore"):
            change(result)
            return result.astype(X.dtype, copy=False)

    def __getstate__(self) -> dict[str, Any]:
        state: dict[str, Any] = {"version": self._VERSION}
        state.update({name: getattr(self, name) for name in self._OPTIONS})
        if hasattr(self, "n_features_in_"):
            state["n_samples_seen_"] = self.n_samples_seen_
            state.update({name: getattr(self, name).tolist() for name in self._COLUMNS})
        return state

    def __setstate__(self, state: Any) -> None:
        kind = type(self).__name__
        known = {"version", "n_samples_seen_", *self._OPTIONS, *self._COLUMNS}
        if not isinstance(state, dict) or state.get("version") != self._VERSION:
            raise ValueError(f"the state of a {kind} must be a dict with version {self._VERSION}")
        if set(state) not in (known, {"version", *self._OPTIONS}):
            raise ValueError(
                f"the state of a {kind} has the fields {sorted(map(str, state))}, not {sorted(known)}"
            )
        for name in self._OPTIONS:
            setattr(self, name, state[name])
        self._check_options()
        if "n_samples_seen_" not in state:
            return
        rows = state["n_samples_seen_"]
        if type(rows) is not int or rows < 1:
            raise ValueError(
                f"n_samples_seen_ of a {kind} must be a whole number of rows, but it is {rows!r}"
            )
        columns = [_column(state[name], f"{name} of a {kind}") for name in self._COLUMNS]
        if len({len(column) for column in columns}) != 1:
            raise ValueError(f"{' and '.join(self._COLUMNS)} of a {kind} must be of one length")
        for name, column in zip(self._COLUMNS, columns, strict=True):
            setattr(self, name, column)
        if not self._check_columns():
            raise ValueError(f"{' and '.join(self._COLUMNS)} of a {kind} contradict each other")
        self.n_samples_seen_, self.n_features_in_ = rows, len(columns[0])

    def __repr__(self) -> str:
        options = ", ".join(f"{name}={getattr(self, name)!r}" for name in self._OPTIONS)
        return f"{type(self).__name__}({options})"


def _matrix(X: Any) -> Array:
    """Return ``X`` as a 2-D floating array: its own dtype up to float64, else float64."""
    if isinstance(X, np.ma.MaskedArray) and np.ma.is_masked(X):
        raise TypeError("X must not have masked entries")
    array = made_array(X, "X")
    if array.dtype.kind not in "biuf":
        raise TypeError(f"X must hold real numbers, but its dtype is {array.dtype}")
    if array.ndim != 2:
        hint = (
            "; use X.reshape(-1, 1) for one column, X.reshape(1, -1) for one row" if array.ndim == 1 else ""
        )
        raise ValueError(f"X must have 2 dimensions (rows, features), but its shape is {array.shape}{hint}")
    floating = array.dtype.kind == "f" and array.dtype.itemsize <= 8
    return array.astype(array.dtype.newbyteorder("=") if floating else np.float64, copy=False)


def _finite_matrix(X: Any) -> Array:
    array = _matrix(X)
    if not np.isfinite(array).all():
        row, column = np.argwhere(~np.isfinite(array))[0]
        raise ValueError(f"X must be finite, but X[{row}, {column}] is {array[row, column]}")
    return array


def check_spread(spread: Array) -> None:
    """Refuse a column whose range or variance, shape (features,), is beyond float64."""
    if not np.isfinite(spread).all():
        column = int(np.argmin(np.isfinite(spread)))
        raise ValueError(f"column {column} of X spreads too wide to be scaled in float64")


def _column(value: Any, name: str) -> Array:
    if not isinstance(value, list) or not value or not all(type(number) is float for number in value):
        raise ValueError(f"{name} must be a list of floats, but it is {describe(value)}")
    column = np.array(value, dtype=np.float64)
    if not np.isfinite(column).all():
        raise ValueError(f"{name} must be finite")
    return column

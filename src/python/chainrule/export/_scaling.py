"""Scalers as lists of steps, so that an exported file does the very operations of `chainrule.preprocessing`."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from chainrule._checks_values import count, describe
from chainrule._network import Array
from chainrule.preprocessing import MinMaxScaler, StandardScaler


class Step(NamedTuple):
    """One operation in float64: ``x = x - column``, and so on."""

    operation: str
    """One of ``- + * /``."""
    column: Array
    """float64, one number for each column."""


def check_scaler(scaler: Any, name: str, n_columns: int, what: str) -> MinMaxScaler | StandardScaler | None:
    """Return the scaler, which must be one of the library's own, fitted to so many columns; or None.

    Raises
    ------
    TypeError, ValueError
        If it is something else; the message names the argument. A subclass is something else, as it may compute
        differently.
    """
    if scaler is None:
        return None
    if type(scaler) not in (MinMaxScaler, StandardScaler):
        raise TypeError(
            f"{name} must be None, a MinMaxScaler or a StandardScaler of chainrule.preprocessing, but it is {describe(scaler)}"
        )
    kind: MinMaxScaler | StandardScaler = scaler
    found = getattr(kind, "n_features_in_", None)
    if found is None:
        raise ValueError(f"{name} must be fitted, but this {type(kind).__name__} is not; call fit first")
    if found != n_columns:
        raise ValueError(
            f"{name} is fitted to {count(found, 'column')}, but this MLP has {count(n_columns, what)}"
        )
    return kind


def forward_steps(scaler: MinMaxScaler | StandardScaler | None) -> tuple[Step, ...]:
    """Return what `transform` does, in its order."""
    if scaler is None:
        return ()
    n = scaler.n_features_in_
    if isinstance(scaler, MinMaxScaler):
        low, high = scaler.feature_range
        return _steps(n, ("-", scaler.data_min_), ("/", _divisor(scaler)), ("*", high - low), ("+", low))
    return _steps(n, ("-", scaler.mean_ if scaler.with_mean else None), ("/", scaler.scale_))


def backward_steps(scaler: MinMaxScaler | StandardScaler | None) -> tuple[Step, ...]:
    """Return what `inverse_transform` does, in its order."""
    if scaler is None:
        return ()
    n = scaler.n_features_in_
    if isinstance(scaler, MinMaxScaler):
        low, high = scaler.feature_range
        return _steps(n, ("-", low), ("/", high - low), ("*", _divisor(scaler)), ("+", scaler.data_min_))
    return _steps(n, ("*", scaler.scale_), ("+", scaler.mean_ if scaler.with_mean else None))


def learned_range(scaler: MinMaxScaler | StandardScaler) -> tuple[Array, Array]:
    """Return where the columns lay that were learned: their ends, or two standard deviations around the mean."""
    if isinstance(scaler, MinMaxScaler):
        return scaler.data_min_, scaler.data_max_
    with np.errstate(over="ignore"):
        around = 2 * np.sqrt(scaler.var_)
        low, high = scaler.mean_ - around, scaler.mean_ + around
    largest = np.finfo(np.float64).max
    return np.maximum(low, -largest), np.minimum(high, largest)


def _divisor(scaler: MinMaxScaler) -> Array:
    """Return the range of each column; 1 where it is constant, as in `MinMaxScaler`."""
    spread = scaler.data_range_
    return np.where(spread == 0, 1.0, spread)


def _steps(n: int, *pairs: tuple[str, Any]) -> tuple[Step, ...]:
    return tuple(
        Step(operation, np.array(np.broadcast_to(column, (n,)), dtype=np.float64))
        for operation, column in pairs
        if column is not None
    )

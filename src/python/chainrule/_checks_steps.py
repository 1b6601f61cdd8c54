"""The argument checks of the steps of training: which rows they take, and what is noted of them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from ._checks_arrays import check_apart, check_ndarray
from ._checks_values import count, describe
from ._network import HEALTH_COLUMNS, Array, HealthRecord, Network, StepRecord


def check_order(order: Any, rows: int, shuffle: bool) -> Array | None:
    """Return a copy of the order of the rows in an epoch, which nobody else changes: int64, (rows,), each entry a row."""
    if order is None:
        return None
    array: Array = check_ndarray(order, "order")
    if array.dtype != np.int64:
        raise TypeError(f"order must be int64, but its dtype is {array.dtype.str}")
    if array.shape != (rows,):
        raise ValueError(
            f"order must have shape ({rows},), an entry for each row, but its shape is {array.shape}"
        )
    if not array.flags.c_contiguous:
        raise ValueError("order must be C-contiguous; use numpy.ascontiguousarray(order)")
    array = np.array(array)
    wrong = (array < 0) | (array >= rows)
    if wrong.any():
        i = int(np.argmax(wrong))
        raise ValueError(f"order must have entries from 0 to {rows - 1}, but order[{i}] is {array[i]}")
    if shuffle:
        raise ValueError("order must be None where shuffle is True, but both are given")
    return array


def check_record(record: Any, steps: int, others: Iterable[tuple[Array | None, str]]) -> StepRecord | None:
    """Return the record, whose two arrays are float64, C-contiguous and writable, have so many entries, and lie apart."""
    if record is None:
        return None
    if not isinstance(record, StepRecord):
        raise TypeError(f"record must be a StepRecord or None, but it is {describe(record)}")
    named = [
        (_check_noted(array, f"record.{name}", "float64", (steps,), count(steps, "step")), f"record.{name}")
        for array, name in zip(record, record._fields, strict=True)
    ]
    check_apart(named, [(array, name) for array, name in others if array is not None])
    return StepRecord(*(array for array, _ in named))


def check_health(
    health: Any, network: Network, epochs: int, others: Iterable[tuple[Array | None, str]]
) -> HealthRecord | None:
    """Return the record, whose arrays are C-contiguous, have the shapes of this call, and lie apart; two are written to."""
    if health is None:
        return None
    if not isinstance(health, HealthRecord):
        raise TypeError(f"health must be a HealthRecord or None, but it is {describe(health)}")
    shape, hidden = (epochs, network.n_layers, len(HEALTH_COLUMNS)), sum(network.layer_sizes[1:-1])
    values = _check_noted(
        health.values, "health.values", "float64", shape, "epochs, layers and HEALTH_COLUMNS"
    )
    quiet = _check_noted(health.quiet, "health.quiet", "int64", (hidden,), count(hidden, "hidden unit"))
    if (quiet < 0).any():
        i = int(np.argmax(quiet < 0))
        raise ValueError(f"health.quiet must have entries of at least 0, but health.quiet[{i}] is {quiet[i]}")
    measured = health.measured
    if measured is not None:
        measured = _check_noted(
            measured, "health.measured", "bool", (epochs,), count(epochs, "epoch"), is_read=True
        )
    named = [(values, "health.values"), (quiet, "health.quiet")]
    others = [*others, (measured, "health.measured")]
    check_apart(named, [(array, name) for array, name in others if array is not None])
    return HealthRecord(values, quiet, measured)


def _check_noted(
    given: Any, name: str, dtype: str, shape: tuple[int, ...], meaning: str, is_read: bool = False
) -> Array:
    """Return the array that training writes into, or only reads."""
    array: Array = check_ndarray(given, name)
    if array.dtype != np.dtype(dtype):
        raise TypeError(f"{name} must be {dtype}, but its dtype is {array.dtype.str}")
    if array.shape != shape:
        raise ValueError(f"{name} must have shape {shape}, {meaning}, but its shape is {array.shape}")
    if not (array.flags.c_contiguous and array.flags.aligned):
        size = shape[0] if len(shape) == 1 else shape
        of_dtype = "" if dtype == "float64" else f", {dtype!r}"
        raise ValueError(f"{name} must be C-contiguous and aligned; use numpy.empty({size}{of_dtype})")
    if not (array.flags.writeable or is_read):
        raise ValueError(f"{name} must be writable, but it is read-only")
    return array

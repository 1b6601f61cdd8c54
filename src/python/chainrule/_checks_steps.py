"""The argument checks of the steps of training: which rows they take, and what is noted of each."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from ._checks_arrays import check_apart, check_ndarray
from ._checks_values import count, describe
from ._network import Array, StepRecord


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
        (check_ndarray(array, f"record.{name}"), f"record.{name}")
        for array, name in zip(record, record._fields, strict=True)
    ]
    for array, name in named:
        if array.dtype != np.float64:
            raise TypeError(f"{name} must be float64, but its dtype is {array.dtype.str}")
        if array.shape != (steps,):
            raise ValueError(
                f"{name} must have shape ({steps},), {count(steps, 'step')}, but its shape is {array.shape}"
            )
        if not (array.flags.c_contiguous and array.flags.aligned):
            raise ValueError(f"{name} must be C-contiguous and aligned; use numpy.empty({steps})")
        if not array.flags.writeable:
            raise ValueError(f"{name} must be writable, but it is read-only")
    check_apart(named, [(array, name) for array, name in others if array is not None])
    return StepRecord(*(array for array, _ in named))

"""Checks of single arrays: type, dtype, dimensions, memory.

Data arrays (X, Z, target, ...) may be strided, offset and read-only. They come back with each row contiguous,
the rows in order; that needs a copy only where the strides are unusual (every second column, rows backwards).
Parameters and ``out`` are used in place: they must be C-contiguous.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from ._checks_values import describe
from ._network import Array

_FLOATS = (np.dtype(np.float32), np.dtype(np.float64))


def check_ndarray(value: Any, name: str) -> Array:
    """Return ``value``, which must be an ndarray, as one of the base class (a view, never a copy)."""
    if type(value) is np.ndarray:
        return value
    if not isinstance(value, np.ndarray) or isinstance(value, np.ma.MaskedArray):
        raise TypeError(f"{name} must be a NumPy array, but it is {describe(value)}")
    return value.view(np.ndarray)


def check_float_array(value: Any, name: str, ndim: int | None = None, axes: str = "") -> Array:
    """Return a float32 or float64 array of native byte order with ``ndim`` dimensions."""
    array = check_ndarray(value, name)
    dtype = array.dtype
    if dtype not in _FLOATS:
        if dtype.newbyteorder("=") in _FLOATS:
            raise TypeError(f"{name} must be in this machine's byte order, but its dtype is {dtype.str}")
        raise TypeError(f"{name} must be float32 or float64, but its dtype is {dtype.name}")
    if ndim is not None and array.ndim != ndim:
        raise ValueError(
            f"{name} must have {ndim} dimension{'s' * (ndim != 1)} {axes}, but its shape is {array.shape}"
        )
    if not array.flags.aligned:
        raise ValueError(f"{name} must lie aligned in memory; use {name}.copy()")
    return array


def check_data(value: Any, name: str, axes: str = "(rows, width)") -> Array:
    """Return a 2-D data array with at least one column, each row contiguous."""
    array = check_float_array(value, name, 2, axes)
    if array.shape[1] == 0:
        raise ValueError(f"{name} must have at least one column, but its shape is {array.shape}")
    return array if array.flags.c_contiguous else contiguous_rows(array)


def contiguous_rows(array: Array) -> Array:
    """Return a 2-D array BLAS can read as it is: itself, or a copy where its strides are unusual."""
    step, width = array.strides[0], array.shape[1] * array.itemsize
    return array if array.strides[1] == array.itemsize and step >= width else np.ascontiguousarray(array)


def check_parameter(
    value: Any, name: str, ndim: int | None = None, axes: str = "", writable: bool = False
) -> Array:
    """Return a C-contiguous parameter array, writable where it is to be updated in place."""
    array = check_float_array(value, name, ndim, axes)
    if not array.flags.c_contiguous:
        raise ValueError(f"{name} must be C-contiguous; use numpy.ascontiguousarray({name})")
    if writable and not array.flags.writeable:
        raise ValueError(f"{name} must be writable, but it is read-only")
    return array


def check_same_dtype(first: Array, first_name: str, *others: tuple[Array | None, str]) -> None:
    """Refuse a mixture of float32 and float64."""
    for array, name in others:
        if array is not None and array.dtype != first.dtype:
            raise TypeError(
                f"{name} is {array.dtype.name}, but {first_name} is {first.dtype.name}; they must be equal"
            )


def check_same_shape(first: Array, first_name: str, second: Array, second_name: str) -> None:
    """Refuse arrays of different shapes."""
    if first.shape != second.shape:
        raise ValueError(f"{second_name} has shape {second.shape}, but {first_name} has shape {first.shape}")


def check_labels(target: Array, n_out: int, name: str = "target") -> Array:
    """Return integer class labels, int64 of shape (rows,) with values from 0 to n_out - 1."""
    if target.dtype != np.int64 or not target.dtype.isnative:
        raise TypeError(
            f"{name} must be floating-point, or int64 class labels, but its dtype is {target.dtype}"
        )
    if n_out == 1:
        raise ValueError(
            f"{name} holds class labels, which need more than 1 output; give floating-point numbers instead"
        )
    if target.size and (target.min() < 0 or target.max() >= n_out):
        row = int(np.argmax((target < 0) | (target >= n_out)))
        raise ValueError(f"{name} must hold labels from 0 to {n_out - 1}, but {name}[{row}] is {target[row]}")
    return np.ascontiguousarray(target)


def share_memory(first: Array, second: Array) -> bool:
    """Whether two arrays have a byte in common; exact, and cheap where their extents lie apart."""
    return np.may_share_memory(first, second) and np.shares_memory(first, second)


def check_out(
    out: Any,
    shape: tuple[int, ...],
    dtype: np.dtype[Any],
    inputs: Iterable[tuple[Any, str]],
    *,
    in_place: bool = False,
) -> Array:
    """Return the array for the result: a new one, or ``out`` if it fits and overlaps no input.

    ``in_place`` allows ``out`` to be exactly one of the inputs (same memory, same shape).
    """
    if out is None:
        return np.empty(shape, dtype)
    array = check_parameter(out, "out", writable=True)
    if array.dtype != dtype:
        raise TypeError(f"out must be {dtype.name} as the inputs are, but it is {array.dtype.name}")
    if array.shape != shape:
        raise ValueError(f"out must have shape {shape}, but its shape is {array.shape}")
    for other, name in inputs:
        if other is None or not share_memory(array, other):
            continue
        same = (
            array.ctypes.data == other.ctypes.data and array.shape == other.shape and other.flags.c_contiguous
        )
        if not (in_place and same):
            raise ValueError(
                f"out must not overlap {name}" + (f", unless it is exactly {name}" if in_place else "")
            )
    return array


def is_owned_by_none(view: Array, arrays: Iterable[Array]) -> bool:
    """Whether it is seen that the memory of an array belongs to none of these, which own theirs; False where it is not seen."""
    owner = view
    while isinstance(owner.base, np.ndarray):
        owner = owner.base
    return owner.flags.owndata and all(owner is not array for array in arrays)


def check_apart(arrays: Sequence[tuple[Array, str]], others: Iterable[tuple[Array, str]] = ()) -> None:
    """Refuse C-contiguous arrays, updated in place, that overlap each other or one of the ``others``.

    Two arrays that own their memory share none unless they are the same array, which is quickly seen; so do views of others.
    """
    own = all(array.flags.owndata for array, _ in arrays)
    if not own or len({id(array) for array, _ in arrays}) < len(arrays):
        extents = sorted((x.ctypes.data, x.ctypes.data + x.nbytes, name) for x, name in arrays if x.size)
        for (_, end, name), (start, _, next_name) in pairwise(extents):
            if start < end:
                raise ValueError(f"{next_name} must not share memory with {name}")
    for other, other_name in others:
        apart = own and is_owned_by_none(other, [array for array, _ in arrays])
        for array, name in arrays:
            if array is other or (not apart and share_memory(array, other)):
                raise ValueError(f"{other_name} must not share memory with {name}")

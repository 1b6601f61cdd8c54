"""From what users have (lists, tables, arrays of any layout) to an array the cores can read.

An array of the model's dtype goes through as it is, without a copy. Anything else of real numbers is converted in a
copy; where that loses precision (float64 given to a float32 model) with a `DtypeConversionWarning`. Python numbers
in lists have no dtype, and are converted without one.
"""

from __future__ import annotations

import sys
import warnings
from typing import Any

import numpy as np

from . import _checks
from ._checks_values import describe, has_masked
from ._network import Array, Network

BLOCK = 2**20
"""Elements looked at together."""


class DtypeConversionWarning(UserWarning):
    """Numbers were rounded to the dtype of the model; convert them beforehand, or choose ``dtype="float64"``."""


def as_array(value: Any, name: str, *, text_hint: str = "") -> Array:
    """Return any real numbers (float, int or bool, of any size and layout) as an ndarray, without a copy if possible.

    The error for text ends with ``text_hint``.

    Raises
    ------
    TypeError
        If these are complex, strings or objects, or masked, or no array can be made of them.
    ValueError
        If the rows of a list are of different lengths.
    """
    array: Array = value if type(value) is np.ndarray else _converted(value, name)
    if array.dtype.kind not in "fiub":
        text = array.dtype.kind in "SUT" or isinstance(next(iter(array.flat), None), str)
        hint = text_hint if text else ""
        raise TypeError(f"{name} must hold real numbers, but its dtype is {array.dtype}{hint}")
    return array


def _converted(value: Any, name: str) -> Array:
    if value is None or isinstance(value, (str, bytes)):
        raise TypeError(f"{name} must be an array of numbers, but it is {describe(value)}")
    if has_masked(value):
        raise TypeError(f"{name} is a masked array with masked entries; fill or drop them")
    if hasattr(value, "toarray"):  # scipy.sparse, which NumPy would wrap as one object
        raise TypeError(f"{name} is sparse ({type(value).__name__}); use {name}.toarray()")
    return made_array(value, name)


def made_array(value: Any, name: str) -> Array:
    """Return ``np.asarray(value)``; an error names the argument."""
    try:
        return np.asarray(value)
    except MemoryError:
        raise
    except ValueError as error:
        raise ValueError(f"{name} cannot be made an array: {error}") from error
    except Exception as error:
        raise TypeError(f"{name} cannot be made an array: {error}") from error


def as_dtype(value: Any, name: str, dtype: str) -> Array:
    """Return real numbers as an ndarray of ``dtype``; without a copy if they are one.

    Raises
    ------
    TypeError, ValueError
        As `as_array`; and ValueError if a number is too large for ``dtype``.

    Warns
    -----
    DtypeConversionWarning
        If the numbers come in a wider floating-point type.
    """
    array = as_array(value, name)
    if array.dtype == dtype:
        return array if array.flags.aligned else array.copy()
    narrowed = array.dtype.kind == "f" and array.dtype.itemsize > np.dtype(dtype).itemsize
    if narrowed and not isinstance(value, (list, tuple)):
        wider = ' or choose MLP(..., dtype="float64")' if dtype == "float32" else ""
        warnings.warn(
            f"{name} is {array.dtype.name} and is rounded to {dtype}, the dtype of the model; "
            f"convert {name} beforehand{wider}",
            DtypeConversionWarning,
            stacklevel=_outside(),
        )
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        result: Array = array.astype(dtype, order="C")
    if narrowed and not all_finite(result):
        overflown = np.isinf(result) & np.isfinite(array)
        if overflown.any():
            raise ValueError(f"{_first(array, overflown, name)}, which is too large for {dtype}")
    return result


def as_inputs(X: Any, network: Network, name: str = "X", *, finite: bool = True) -> Array:
    """Return X as an array (rows, features) that fits the network, of its dtype.

    Raises
    ------
    TypeError, ValueError
        As `as_dtype`; and ValueError if the shape does not fit, or (unless ``finite=False``) a number is not finite.
    """
    array = _checks.check_inputs(network, as_dtype(X, name, network.dtype), name)
    if finite:
        check_finite(array, name)
    return array


def check_finite(array: Array, name: str) -> None:
    """Refuse NaN and infinity; the error says where the first one is."""
    if not all_finite(array):
        raise ValueError(f"{_first(array, ~np.isfinite(array), name)}, but every number must be finite")


def all_finite(array: Array) -> bool:
    """Whether there is no NaN and no infinity; block by block, so that a mapped file needs no memory of its size."""
    if array.size <= BLOCK:
        return bool(np.isfinite(array).all())
    rows = max(1, BLOCK * len(array) // array.size)
    return all(np.isfinite(array[i : i + rows]).all() for i in range(0, len(array), rows))


def _first(array: Array, wrong: Array, name: str) -> str:
    """Return ``"X[3, 1] is nan"`` for the first wrong element."""
    index = tuple(int(i) for i in np.argwhere(wrong)[0])
    return f"{name}[{', '.join(map(str, index))}] is {array[index]}"


def _outside() -> int:
    """Return the stack level of the first caller outside this package, for a warning to point at."""
    frame, level = sys._getframe(1), 1
    while frame.f_back is not None and frame.f_globals.get("__name__", "").partition(".")[0] == __package__:
        frame, level = frame.f_back, level + 1
    return level

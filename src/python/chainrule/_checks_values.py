"""Checks of single values: numbers, switches and names.

Each returns the value in its plain Python type, or raises an error that names the argument, what was expected
and what came. A bool is never taken for a number.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np


def describe(value: object) -> str:
    """Say briefly what a wrong value is: ``"abc" (str)``, ``an array of shape (3,) (ndarray)``, ``None``."""
    if value is None:
        return "None"
    if isinstance(value, np.ndarray):
        return f"an array of shape {value.shape} ({type(value).__name__})"
    try:
        text = repr(value)
    except Exception:  # noqa: BLE001 - any of its own; the argument is named nevertheless
        text = "something"
    return f"{text if len(text) <= 60 else text[:57] + '...'} ({type(value).__name__})"


def count(n: int, noun: str) -> str:
    """Say a number of things: ``1 row``, ``2 arrays``, ``2 entries``."""
    if n == 1:
        return f"1 {noun}"
    return f"{n} {noun[:-1]}ies" if noun.endswith("ry") else f"{n} {noun}s"


def has_masked(value: object) -> bool:
    """Say whether a value is a masked array of NumPy's with entries that are masked."""
    masked = sys.modules.get("numpy.ma")
    return (
        masked is not None
        and isinstance(value, masked.MaskedArray)
        and bool(masked.getmaskarray(value).any())
    )


def check_int(value: Any, name: str, low: int, high: int | None = None) -> int:
    """Return ``value`` as an int in ``low <= value <= high``."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)):
        raise TypeError(f"{name} must be an int, but it is {describe(value)}")
    number = int(value)
    if number < low or (high is not None and number > high):
        wanted = f"at least {low}" if high is None else f"from {low} to {high}"
        raise ValueError(f"{name} must be {wanted}, but it is {number}")
    return number


def check_real(value: Any, name: str, low: float, below: float = math.inf) -> float:
    """Return ``value`` as a finite float in ``low <= value < below``."""
    if isinstance(value, bool) or not isinstance(value, (int, float, np.integer, np.floating)):
        raise TypeError(f"{name} must be a real number, but it is {describe(value)}")
    try:
        number = float(value)
    except OverflowError:  # an int of more than 308 digits
        number = math.inf if value > 0 else -math.inf
    if not (math.isfinite(number) and low <= number < below):
        wanted = (
            f"finite and at least {low:g}"
            if below == math.inf
            else f"at least {low:g} and less than {below:g}"
        )
        raise ValueError(f"{name} must be {wanted}, but it is {number}")
    return number


def check_number(value: Any, name: str) -> float:
    """Return ``value``, which must be a float or an int, NaN and infinities among them, as a float."""
    if type(value) not in (float, int) or (type(value) is int and abs(value) > 1 << 1000):
        raise TypeError(f"{name} must be a float, but it is {describe(value)}")
    return float(value)


def check_bool(value: Any, name: str) -> bool:
    """Return ``value``, which must be True or False, as a bool."""
    if not isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{name} must be True or False, but it is {describe(value)}")
    return bool(value)


def check_choice(value: Any, name: str, known: Sequence[str]) -> str:
    """Return ``value``, which must be one of the ``known`` names."""
    if isinstance(value, str) and value in known:
        return value
    kind = ValueError if isinstance(value, str) else TypeError
    came = repr(value) if isinstance(value, str) else describe(value)
    raise kind(f"{name} must be one of {', '.join(known)}, but it is {came}")


def check_sequence(value: Any, name: str, n: int | None = None) -> tuple[Any, ...]:
    """Return ``value``, which must be a list or a tuple (of ``n`` values), as a tuple."""
    if not isinstance(value, (list, tuple)):
        raise TypeError(f"{name} must be a list or a tuple, but it is {describe(value)}")
    if n is not None and len(value) != n:
        raise ValueError(f"{name} must have {n} values, but it has {len(value)}")
    return tuple(value)


def check_n_threads(n_threads: Any) -> int | None:
    """Return the number of threads; None leaves the choice to the core."""
    return None if n_threads is None else check_int(n_threads, "n_threads", 1)


def check_dtype(dtype: Any, name: str = "dtype") -> str:
    """Return ``"float32"`` or ``"float64"`` for that name, NumPy dtype or scalar type."""
    if isinstance(dtype, str) and dtype in ("float32", "float64"):
        return dtype
    if isinstance(dtype, (np.dtype, type)):
        for known in (np.dtype(np.float32), np.dtype(np.float64)):
            if dtype == known or dtype is known.type:
                return str(known.name)
    kind = ValueError if isinstance(dtype, str) else TypeError
    raise kind(f"{name} must be float32 or float64, but it is {describe(dtype)}")

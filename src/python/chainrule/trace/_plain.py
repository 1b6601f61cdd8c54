"""Arrays as lists of Python numbers, which JSON can hold; and how many digits of a number are written."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from chainrule._checks_values import check_int

MOST_DIGITS = 100
"""More than this no number of a network needs: 17 tell all floats apart."""


def plain(value: Any) -> Any:
    """Return arrays as lists of floats, and numbers that are not finite as None: JSON has no name for them."""
    if isinstance(value, np.ndarray):
        return _finite(value.tolist())
    return _finite(value) if isinstance(value, (float, list, tuple)) else value


def _finite(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return [_finite(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def check_digits(digits: Any) -> int:
    """Return the number of significant digits."""
    return check_int(digits, "digits", 1, MOST_DIGITS)

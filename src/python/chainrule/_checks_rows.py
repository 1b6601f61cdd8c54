"""The argument checks of a `Predictor`, for both cores: single rows, used where they lie."""

from __future__ import annotations

from typing import Any

import numpy as np

from ._checks_arrays import check_out, check_parameter
from ._network import Array


def check_row(x: Any, n_inputs: int, dtype: np.dtype[Any]) -> Array:
    """Return x, one row or a few, C-contiguous and of exactly this dtype."""
    array = check_parameter(x, "x")
    if array.dtype != dtype:
        raise TypeError(
            f"x is {array.dtype.name}, but this predictor is {dtype.name} and converts nothing; "
            f'use x.astype("{dtype.name}")'
        )
    if array.ndim not in (1, 2) or array.shape[-1] != n_inputs:
        raise ValueError(
            f"x must have shape ({n_inputs},) or (rows, {n_inputs}), but its shape is {array.shape}"
        )
    return array


def check_row_out(out: Any, x: Array, n_outputs: int) -> Array:
    """Return the array for the outputs of x: a new one, or ``out`` if it fits and does not overlap x."""
    return check_out(out, (*x.shape[:-1], n_outputs), x.dtype, [(x, "x")])

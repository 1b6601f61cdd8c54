"""A kernel at one size: how to call it, what is right, and how far from that a result may be.

A result is compared with the reference core's formula in a wider type. Each element has a *unit*, what one rounding
of the values it is made of may change, and a *bound*, how many units are allowed. The bound is counted in the
computation, never fitted to what was measured; an element that is wrong is off by thousands of units.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
WIDER: dict[str, np.dtype[Any]] = {"float32": np.dtype(np.float64), "float64": np.dtype(np.longdouble)}


class Expected(NamedTuple):
    """What one array of the result should be: the right values, the unit of each, and how many may be missed."""

    values: Any
    unit: Any
    bound: float


class Error(NamedTuple):
    """The largest error of a result in units, and the bound, both of the array that comes closest to its bound."""

    units: float
    bound: float

    @property
    def right(self) -> bool:
        """Whether the bound holds."""
        return self.units <= self.bound


@dataclass
class Problem:
    """The arrays of a case. ``start(core)`` gives the call to be timed, ``expected()`` its first results."""

    start: Callable[[ModuleType], Callable[[], Sequence[Any]]]
    expected: Callable[[], Sequence[Expected]]


@dataclass(frozen=True)
class Case:
    """A kernel at one size. ``flops`` counts those of the products; 0 for what is measured by the element."""

    kernel: str
    work: str
    elements: int
    make: Callable[[str, int], Problem]  # of dtype and threads
    flops: int = 0
    threaded: bool = False

    @property
    def name(self) -> str:
        """Kernel and work."""
        return f"{self.kernel} {self.work}"


def rounding(dtype: Any) -> float:
    """Return the largest relative error of one rounding, half the distance from 1 to the next number."""
    return float(np.finfo(dtype).eps) / 2


def last_place(values: Array, dtype: str) -> Array:
    """Return the distance of neighbouring numbers at the values: one unit in the last place."""
    distance: Array = np.spacing(np.abs(values).astype(dtype)).astype(WIDER[dtype])
    return distance


def largest_error(results: Sequence[Any], expected: Sequence[Expected]) -> Error:
    """Return the error that comes closest to its bound; something that is not finite, or missing, is infinite."""
    if len(results) != len(expected):
        return Error(np.inf, 0.0)
    worst, share = Error(0.0, 0.0), -1.0
    for result, (values, unit, bound) in zip(results, expected, strict=True):
        wide, right = np.asarray(result, np.asarray(values).dtype), np.asarray(values)
        if wide.shape != right.shape:
            return Error(np.inf, bound)
        wrong = np.abs(wide - right)
        with np.errstate(all="ignore"):
            units = np.where(wrong == 0, 0, wrong / unit)
        error = float(np.max(np.where(np.isnan(units), np.inf, units), initial=0))
        part = 0.0 if error == 0 else error / bound if bound else np.inf
        if part > share:
            worst, share = Error(error, float(bound)), part
    return worst


def random_array(seed: int, shape: tuple[int, ...], dtype: str, scale: float = 1.0) -> Array:
    """Return normal deviates, the same in every process."""
    made: Array = (scale * np.random.default_rng(seed).standard_normal(shape)).astype(dtype)
    return made

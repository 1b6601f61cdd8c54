"""How far two cores may be apart in one quantity, given what it is computed from: from the number of roundings.

With eps the distance from 1 to the next number, u = eps / 2 is the largest relative error of one rounding, and:

chain     a sum of K products, in whatever order, is off by at most K u times the sum of their absolute values; a bias is one
          more rounding. Two cores: (2 K + 1) u <= (K + 1) eps.
units     an elementwise function is within so many eps of its value (the functions of the native core are within 2 units in the
          last place, NumPy's within 4); where an exponent is itself rounded, its roundings count by its size.
smallest  the native core flushes what is below the smallest normal number to zero; z times that of a gate.
"""

from __future__ import annotations

import numpy as np

from chainrule._network import SLOPE_NEEDS_INPUT, Array

UNITS = {"identity": 0, "relu": 0, "leaky_relu": 1, "softsign": 4, "hard_sigmoid": 4, "softplus": 10, "gelu": 12,
         "gelu_tanh": 12, "silu": 12, "mish": 16}  # fmt: skip
"""Of an activation, relative; 8 for those that are not here."""
SLOPE_UNITS = 8
"""Of a slope, for a slope of 1: at most eight roundings of numbers no larger than 2."""
ENTRY_UNITS = 16
"""Of dl/da of an entry of a loss: its slope, the weights and the divisor."""


def eps_of(array: Array) -> float:
    """Return the distance from 1 to the next number of its dtype."""
    return float(np.finfo(array.dtype).eps)


def smallest_of(array: Array) -> float:
    """Return a little more than the smallest normal number, as the sums of a few of them are."""
    return 8 * float(np.finfo(array.dtype).tiny)


def chain(X: Array, Y: Array, b: Array | None = None) -> Array:
    """Return the bound of ``X Y + b``."""
    size = np.abs(X).astype(np.float64) @ np.abs(Y).astype(np.float64)
    if b is not None:
        size = size + np.abs(b)
    return np.asarray((X.shape[1] + 1) * eps_of(X) * size + X.shape[1] * smallest_of(X))


def column_sums(dZ: Array, extra: int = 0) -> Array:
    """Return the bound of the sums of columns."""
    size = np.abs(dZ).sum(axis=0, dtype=np.float64)
    return np.asarray((len(dZ) + extra + 1) * eps_of(dZ) * size + (len(dZ) + extra) * smallest_of(dZ))


def activated(name: str, z: Array, a: Array) -> Array:
    """Return the bound of ``f(z)``."""
    units = UNITS.get(name, 8) + (z.shape[1] if name == "softmax" else 0)
    relative: Array = np.asarray(float(units))
    if name in SLOPE_NEEDS_INPUT:
        relative = units * (1 + np.square(np.clip(z, -40, 0), dtype=np.float64))
    return np.asarray(relative * eps_of(a) * np.abs(a) + (1 + np.abs(z)) * smallest_of(a))


def sloped(slope: Array, z: Array) -> Array:
    """Return the bound of a slope of an activation; of softmax, of its Jacobian."""
    gate = 1 + np.abs(z)
    if slope.ndim == 3:
        return np.asarray((SLOPE_UNITS + slope.shape[-1]) * eps_of(slope) * np.ones_like(slope, np.float64))
    return np.asarray(SLOPE_UNITS * eps_of(slope) * np.maximum(np.abs(slope), 1) + gate * smallest_of(slope))

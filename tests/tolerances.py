"""How far the two cores may be apart, from the roundings that each of them makes.

Let u = eps / 2 be the largest relative error of one rounding. Higher orders of u are left out.

chain        A sum of K products, in whatever order and with or without fused multiply-add, is off by at most K u times
             the sum of the absolute products; adding a bias is one more rounding. Two cores: (2 K + 1) u <= (K + 1) eps.
elementwise  The native exp and tanh are within 2 units in the last place, NumPy's within 4; a sigmoid adds a sum and a
             quotient. So UNITS eps, relative to the result. Where the exponent of an exponential is itself rounded (gelu:
             z^2 / 2, gelu_tanh: 2 u), its roundings count by its size, as far as the result depends on it.
slopes       A slope that comes from the output is the same operations on the same number in both cores, but that sigmoid
             and tanh have one rounding more or less, softplus an exponential. One that comes from the input, g + z g', has
             up to eight roundings, of numbers no larger than 1. So SLOPE_UNITS eps, for a slope of 1.
row sums     N positive terms: N u in each core, on top of the errors of the terms: (N + UNITS) eps, relative.
smallest     Native calls flush what is below the smallest normal number to zero, the reference keeps it. Of a gate, that
             is z times as much of z g(z), and |z| is up to 708 there.

Where all numbers are small whole numbers, nothing is rounded, and the cores must agree exactly.
"""

from __future__ import annotations

import numpy as np
from chainrule._network import SLOPE_NEEDS_INPUT

SMALLEST = {"float32": 1e-37, "float64": 1e-307}
"""Absolute: a little more than the smallest normal number (1.2e-38, 2.2e-308)."""

GATED = 200
"""So many of these a product z g(z) may be, whose gate g is below the smallest normal number (708 * 2.2e-308)."""

UNITS = {
    "identity": 0, "relu": 0, "step": 0,  # a choice, no rounding
    "leaky_relu": 0,  # one product, rounded alike
    "sigmoid": 8, "tanh": 8, "softmax": 8,
    "elu": 8, "selu": 8, "exponential": 8,  # an exponential, and a product
    "softplus": 10,  # an exponential and a logarithm
    "softsign": 4, "hard_sigmoid": 4,  # a sum and a quotient each
    "gelu": 12, "gelu_tanh": 12, "silu": 12, "mish": 16,  # a gate of one or two exponentials, a product
}  # fmt: skip
"""Relative error of an activation in units of eps; softmax: beside that of the sum of the row."""

STEEPEST = {"selu": 1.7581, "gelu": 1.13, "gelu_tanh": 1.13, "silu": 1.1, "mish": 1.09}
"""The largest slope, where it is above 1. (selu: scale times alpha; the others have it near z = 1.5.)"""

SLOPE_UNITS = {"sigmoid": 3, "tanh": 3, "softplus": 4, **dict.fromkeys(SLOPE_NEEDS_INPUT, 8)}
"""Error of a slope in units of eps; 0 for those that are not here."""

TRAINED = {"float32": 1e-4, "float64": 1e-12}
"""Relative to the largest entry of an array (or to the loss), after 50 steps of training. A step adds some roundings of
eps = 1.2e-7 (2.2e-16) and carries on the errors before it by a factor near 1, as the steps are small: 50 steps of a few
eps, and room for sums that cancel. Measured: at most 2e-5 and 6e-15."""

GRADIENT = {"float32": 2e-5, "float64": 4e-14}
"""Relative to the largest entry of a gradient: at most 6 layers forward and 6 back, each a chain of up to 300 roundings,
the errors of which mostly cancel: about sqrt(12 * 300) eps = 60 eps, and room for sums that cancel."""

LARGE_GRADIENT = {"float32": 3 * GRADIENT["float32"], "float64": 3 * GRADIENT["float64"]}
"""The same with chains of up to 1500 roundings, rows of a batch that are added up in dW among them."""


def eps(dtype: str) -> float:
    return float(np.finfo(dtype).eps)


def chain(dtype: str, terms: int, absolute_products: np.ndarray) -> np.ndarray:
    """Bound on the difference of two sums of so many products, given the sum of their absolute values."""
    return (terms + 1) * eps(dtype) * absolute_products + SMALLEST[dtype]


def activated(
    dtype: str, name: str, Z: np.ndarray, A: np.ndarray, dZ: np.ndarray | float = 0.0
) -> np.ndarray:
    """Bound on the difference of two activations A of sums Z that differ by dZ.

    Softmax changes by a factor of at most exp(2 max dZ), exponential by exp(dZ).
    """
    A = np.where(np.isfinite(A), abs(A), 0)  # infinities and NaN are compared by assert_within itself
    if name == "softmax":
        change = np.expm1(2 * np.max(np.broadcast_to(dZ, Z.shape), axis=1, keepdims=True))
        return A * (change + (Z.shape[1] + UNITS[name]) * eps(dtype)) + SMALLEST[dtype]
    relative, smallest = UNITS[name] * eps(dtype), SMALLEST[dtype] if UNITS[name] else 0.0
    if name == "exponential":
        return A * (relative + np.expm1(dZ)) + smallest
    if name in SLOPE_NEEDS_INPUT:
        relative, smallest = relative * (1 + exponent(name, Z)), GATED * smallest
    return relative * A + STEEPEST.get(name, 1) * dZ + smallest


def exponent(name: str, Z: np.ndarray) -> np.ndarray:
    """How large the rounded exponent is on which g(z) depends; 0 where z > 0, as g does not depend on it there."""
    z = np.nan_to_num(np.clip(Z, -40, 0))
    return {"gelu": z * z / 2, "gelu_tanh": 1.6 * abs(z + 0.044715 * z**3)}.get(name, 0 * z)


def slope(dtype: str, name: str, dA: np.ndarray) -> np.ndarray:
    """Bound on the difference of two dZ = f'(z) dA, for the same A and Z."""
    flushed = GATED if name in SLOPE_NEEDS_INPUT else 1
    return (SLOPE_UNITS.get(name, 0) * eps(dtype) + flushed * SMALLEST[dtype]) * abs(dA) + SMALLEST[dtype]


def changed_slope(dtype: str, name: str, dA: np.ndarray) -> np.ndarray:
    """Bound on the difference of two f'(z), for outputs A that differ by dA: as a function of A, f' is no steeper than 2."""
    return 2 * dA + SLOPE_UNITS.get(name, 0) * eps(dtype)


def assert_within(
    actual: np.ndarray, expected: np.ndarray, bound: np.ndarray | float, what: object = ""
) -> None:
    """Fail unless |actual - expected| <= bound everywhere; NaN and infinities must stand in the same places."""
    actual, expected = np.asarray(actual), np.asarray(expected)
    assert actual.shape == expected.shape, what
    assert actual.dtype == expected.dtype, what
    finite = np.isfinite(expected)
    np.testing.assert_array_equal(
        np.where(finite, 0, actual), np.where(finite, 0, expected), err_msg=str(what)
    )
    with np.errstate(invalid="ignore"):
        wrong = finite & ~(np.abs(actual.astype(float) - expected.astype(float)) <= bound)
    if wrong.any():
        i = tuple(int(j) for j in np.argwhere(wrong)[0])
        allowed = np.broadcast_to(bound, actual.shape)[i]
        raise AssertionError(
            f"{what}: {wrong.sum()} of {wrong.size} differ; at {i} {actual[i]!r} instead of {expected[i]!r}, "
            f"allowed is {allowed:.3g}"
        )

"""How far the predictions of two right programs may be apart: the error model of `chainrule.export`, added up.

From layer to layer goes the worst case, by absolute weights; `_carried` has what goes by derivatives and squares.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from chainrule._network import SLOPE_NEEDS_INPUT, Array
from chainrule.reference import mathematics

from ._carried import DEVIATIONS, Layer, carried, slope_and_remainder, variance_of, variance_of_sums
from ._network_parts import Parts
from ._scaling import Step

UNITS = {
    "identity": 0, "relu": 0, "step": 0,  # a choice, no rounding
    "leaky_relu": 1,  # one product each
    "softsign": 4, "hard_sigmoid": 4,  # a sum and a quotient each
}  # fmt: skip
OTHERS = 20
"""Relative error of an activation in units of eps, of both programs together; see the docstring of the package."""

STEEPEST = {"selu": 1.7581, "gelu": 1.13, "gelu_tanh": 1.13, "silu": 1.1, "mish": 1.09}
"""The largest slope, where it is above 1. (selu: scale times alpha; the others have it near z = 1.5.)"""

GATED = 1000
"""The native core takes numbers below the smallest normal one for 0; of z g(z) that is |z| times as much, |z| < 800."""


def error_bound(parts: Parts, inputs: Array, outputs: Array) -> float:
    """Return the bound on the difference, the largest over these rows and all outputs that are finite."""
    return float(row_bounds(parts, inputs).max(initial=0.0, where=np.isfinite(outputs)))


def row_bounds(parts: Parts, inputs: Array) -> Array:
    """Return the bound for each output of each row, shape (rows, n_out): float64, infinite where nothing can be said."""
    with np.errstate(all="ignore"):
        bounds = _bounds(parts, inputs)
    return np.where(np.isnan(bounds), np.inf, bounds)


def _bounds(parts: Parts, inputs: Array) -> Array:
    limits = np.finfo(parts.network.dtype)
    eps, tiny = float(limits.eps), float(limits.tiny)
    A, dA = _scaled(parts.before, inputs.astype(np.float64), np.zeros(inputs.shape))
    if parts.before:
        dA = dA + eps * np.abs(
            A
        )  # a difference before the rounding to the dtype may become a whole rounding there
    layers: list[Layer] = []
    overflows = np.zeros((len(A), 1), bool)  # a sum may be infinite in one order and not in another
    given = variance = variance_of(dA)
    for index, name in enumerate(parts.network.activations):
        W, b = parts.weights[index].astype(np.float64), parts.bias(index)
        terms = len(W) + 1
        Z = mathematics.weighted_sums(A, W, None if b is None else b.astype(np.float64))
        absolute = np.abs(A) @ np.abs(W) + (0 if b is None else np.abs(b.astype(np.float64)))
        overflows |= (absolute > float(limits.max)).any(axis=1, keepdims=True)
        flushed = tiny * terms * (absolute > 0)
        dZ = terms * eps * absolute + flushed + dA @ np.abs(W)  # the worst case
        rounded = variance_of_sums(terms, eps, absolute) + variance_of(flushed)
        variance = rounded + variance @ (W * W)
        A = mathematics.activation(name, Z)
        if index < parts.network.n_layers - 1:
            near = np.fmin(dZ, DEVIATIONS * np.sqrt(variance))
            slope, remainder = slope_and_remainder(name, Z, A, near)
            layers.append(Layer(W, given, rounded, slope))
            given = variance_of(remainder) + variance_of(_activated(name, Z, A, 0 * Z, eps, tiny))
            variance = given + slope * slope * variance
        else:
            dZ = np.fmin(dZ, carried([*layers, Layer(W, given, rounded, Z)]))
        dA = _activated(name, Z, A, dZ, eps, tiny)
    return _scaled(parts.after, A, np.where(overflows, np.inf, dA))[1]


def _activated(name: str, Z: Array, A: Array, dZ: Array, eps: float, tiny: float) -> Array:
    """Return the bound on the difference of activations A of sums Z that differ by dZ."""
    relative = UNITS.get(name, OTHERS) * eps
    if name == "step":
        return np.where((np.abs(Z) <= dZ) & (dZ > 0), 1.0, 0.0)  # no rounding, no doubt about 0
    if name == "softmax":  # each factor exp(z) changes by exp(dZ), numerator and sum
        change = np.expm1(2 * dZ.max(axis=1, keepdims=True))
        return np.asarray(A * (change + (Z.shape[1] * eps + relative)) + tiny)
    if name == "exponential":
        return np.asarray(A * (relative + np.expm1(dZ)) + tiny)
    bound = np.asarray(relative * np.abs(A) + STEEPEST.get(name, 1) * dZ)
    if name in SLOPE_NEEDS_INPUT:
        return bound + relative * np.abs(A) * _exponent(name, Z) + GATED * tiny
    return bound + tiny if relative else bound


def _exponent(name: str, Z: Array) -> Array:
    """Return how large a rounded exponent is on which the gate depends; 0 where z > 0, where it hardly does."""
    z = np.clip(Z, -40, 0)
    if name == "gelu":
        return np.asarray(z * z / 2)
    return np.asarray(1.6 * np.abs(z + 0.044715 * z**3)) if name == "gelu_tanh" else np.zeros_like(z)


def _scaled(steps: Sequence[Step], X: Array, dX: Array) -> tuple[Array, Array]:
    """Return X after the steps, and its bound: each step carries the bound on, and rounds once."""
    eps = float(np.finfo(np.float64).eps)
    for operation, column in steps:
        if operation in "+-":
            X = X + column if operation == "+" else X - column
        elif operation == "*":
            X, dX = X * column, dX * np.abs(column)
        else:
            X, dX = X / column, dX / np.abs(column)
        dX = dX + eps * np.abs(X)
    return X, dX

"""How roundings are carried from each layer to the last sums if they are independent: by derivatives and by squares.

The worst case, in which all roundings conspire, is 0.6 for a 784-512-256-10 network in float32 whose probabilities are off
by 1e-7: a file could be wrong and pass. Here a rounding r of one number changes an output by r times the derivative of the
output with respect to it (first order); what that leaves out, the change of the slope within the bound, counts as one error
more. The errors are taken as independent, of mean 0 and evenly spread within their bounds, so that their squares add up,
and the bound is 5 standard deviations.

N. J. Higham and T. Mary, "A new approach to probabilistic rounding error analysis", SIAM J. Sci. Comput. 41 (2019).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from chainrule._network import Array
from chainrule.reference import mathematics

DEVIATIONS = 5.0
"""Once in 1.7 million for one output, were the errors normal and as large as they can be; they are smaller."""

MOST_WORK = 1e11
"""Multiply-adds, some seconds: a larger network keeps the worst case."""

_BLOCK = 2**22  # numbers at once


@dataclass(frozen=True, eq=False)
class Layer:
    """What a layer adds to the variance.

    Parameters
    ----------
    weights : ndarray, shape (n_in, n_out)
    given : ndarray, shape (rows, n_in)
        Variance of the error that its inputs have beside what the layers before carry on.
    rounded : ndarray, shape (rows, n_out)
        Variance of the roundings of its sums.
    slope : ndarray, shape (rows, n_out)
        The derivative of its activation.
    """

    weights: Array
    given: Array
    rounded: Array
    slope: Array


def variance_of(largest: Array) -> Array:
    """Return the variance of an error that is evenly spread up to its largest size."""
    return np.asarray(largest * largest / 3)


def variance_of_sums(terms: int, unit: float, absolute: Array) -> Array:
    """Return the variance of the difference of two sums of so many terms, in whatever order.

    Each makes fewer than 2 terms roundings, of at most half a `unit` of a partial sum, which is at most the sum of the
    absolute terms.
    """
    return 2 * 2 * terms * variance_of(0.5 * unit * absolute)


def slope_and_remainder(name: str, Z: Array, A: Array, dZ: Array) -> tuple[Array, Array]:
    """Return f'(z), and a bound on ``f(z + d) - f(z) - f'(z) d`` for ``|d| <= dZ``: the change of f' times dZ."""
    if name == "step":  # no derivative tells of it, where a sum may be on either side of 0
        return np.zeros_like(Z), np.where((np.abs(Z) <= dZ) & (dZ > 0), 1.0, 0.0)
    ones = np.ones_like(Z)
    slope = mathematics.activation_gradient(name, A, ones, Z)
    change = np.zeros_like(Z)
    for other in (Z - dZ, Z + dZ):
        found = mathematics.activation_gradient(name, mathematics.activation(name, other), ones, other)
        change = np.maximum(change, np.abs(found - slope))
    return slope, change * dZ


def carried(layers: Sequence[Layer]) -> Array:
    """Return the bound on the error of the sums of the last layer, shape (rows, n_out); NaN where it says nothing."""
    rows, n_out = layers[-1].rounded.shape
    if rows * n_out * sum(layer.weights.size for layer in layers[:-1]) > MOST_WORK:
        return np.full((rows, n_out), np.nan)
    step = max(1, _BLOCK // (n_out * max(max(layer.weights.shape) for layer in layers)))
    parts = [_of_rows(layers, slice(i, i + step)) for i in range(0, rows, step)]
    return np.asarray(DEVIATIONS * np.sqrt(np.concatenate(parts or [layers[-1].rounded])))


def _of_rows(layers: Sequence[Layer], rows: slice) -> Array:
    """Return the variance of the last sums of these rows."""
    J: Array = layers[-1].weights  # (rows, units, n_out): the last sums by the outputs of a layer
    total = layers[-1].rounded[rows] + layers[-1].given[rows] @ (J * J)
    for layer in reversed(layers[:-1]):
        J = layer.slope[rows, :, None] * J
        total = total + np.einsum("ri,rio->ro", layer.rounded[rows], J * J)
        J = layer.weights @ J
        total = total + np.einsum("ri,rio->ro", layer.given[rows], J * J)
    return np.asarray(total)

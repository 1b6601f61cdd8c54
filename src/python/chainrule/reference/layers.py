"""One layer: its weighted sums, and the gradients of its inputs, weights and biases."""

from __future__ import annotations

import numpy as np

from chainrule import _checks
from chainrule._network import SLOPE_NEEDS_INPUT, Array

from .activations import _activation


def matmul_bias(
    X: Array, W: Array, b: Array | None = None, *, activation: str = "identity",
    out: Array | None = None, n_threads: int | None = None
) -> Array:  # fmt: skip
    """Return ``A = f(X W + b)``, (rows, n_out), from X (rows, n_in), W (n_in, n_out), b (n_out,) or (1,)."""
    X, W, b, out = _checks.check_matmul_bias(X, W, b, activation, out, n_threads)
    with np.errstate(all="ignore"):
        return _matmul_bias(X, W, b, activation, out)


def _matmul_bias(X: Array, W: Array, b: Array | None, name: str, out: Array | None = None) -> Array:
    Z: Array = np.matmul(X, W, out=out)
    if b is not None:
        Z += b
    return Z if name == "identity" else _activation(name, Z, Z)


def _layer(X: Array, W: Array, b: Array | None, name: str) -> tuple[Array | None, Array]:
    """Return (Z, A); None for Z where the derivative of the activation comes from A."""
    if name not in SLOPE_NEEDS_INPUT:
        return None, _matmul_bias(X, W, b, name)
    Z = _matmul_bias(X, W, b, "identity")
    return Z, _activation(name, Z, np.empty_like(Z))


def matmul_gradients(
    X: Array, W: Array, dZ: Array, *, n_threads: int | None = None
) -> tuple[Array, Array, Array]:
    """Return dX (rows, n_in), dW (n_in, n_out) and db (n_out,), given dZ (rows, n_out), for ``Z = X W + b``.

    The chain rule sums over all paths to the loss: x_ri acts through every z_rj of its row, ``dX = dZ W^T``;
    w_ij acts through z_rj in every row, ``dW = X^T dZ``; so does b_j, ``db = sum_r dZ_r``.
    Source: Rumelhart, Hinton, Williams, "Learning representations by back-propagating errors", Nature, 1986.
    """
    X, W, dZ = _checks.check_matmul_gradients(X, W, dZ, n_threads)
    with np.errstate(all="ignore"):
        return dZ @ W.T, X.T @ dZ, dZ.sum(axis=0)

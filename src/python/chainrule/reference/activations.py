"""Activations, each with its derivative."""

from __future__ import annotations

import numpy as np

from chainrule import _checks
from chainrule._network import LEAKY_SLOPE, Array


def activation(name: str, Z: Array, *, out: Array | None = None) -> Array:
    """Return ``A = f(Z)``, shape (rows, width); ``out`` may be Z itself. The functions and their derivatives:

    ===========  ===================================================  ======================================
    name         a = f(z)                                             f'(z), by a instead of z
    ===========  ===================================================  ======================================
    identity     z                                                    1
    sigmoid      1 / (1 + exp(-z))                                    a (1 - a)
    tanh         (exp(z) - exp(-z)) / (exp(z) + exp(-z))              1 - a^2
    relu         0 where z < 0, else z                                0 where a <= 0, else 1
    leaky_relu   0.01 z where z < 0, else z                           0.01 where a <= 0, else 1
    step         1 where z >= 0, else 0                               0: nothing can be learned through it
    softmax      exp(z_j) / sum_k exp(z_k), over each row             dz_j = a_j (da_j - sum_k a_k da_k)
    ===========  ===================================================  ======================================
    """
    Z, out = _checks.check_activation(name, Z, out)
    with np.errstate(all="ignore"):
        return _activation(name, Z, out)


def _activation(name: str, Z: Array, A: Array) -> Array:
    if name == "identity":
        np.copyto(A, Z)
    elif name == "sigmoid":  # 1 / (1 + e) where z >= 0, else e / (1 + e): e is never above 1
        e = np.exp(-np.abs(Z))
        np.divide(np.maximum(e, Z >= 0), 1 + e, out=A)
    elif name == "tanh":
        np.tanh(Z, out=A)
    elif name == "relu":
        np.maximum(Z, 0, out=A)
    elif name == "leaky_relu":
        np.maximum(Z, LEAKY_SLOPE * Z, out=A)
    elif name == "step":
        np.copyto(A, Z >= 0)
    else:  # softmax: the same for Z minus any constant of the row; minus its maximum, exp cannot overflow
        np.subtract(Z, Z.max(axis=1, keepdims=True), out=A)
        np.exp(A, out=A)
        A /= A.sum(axis=1, keepdims=True)
    return A


def activation_gradient(name: str, A: Array, dA: Array, *, out: Array | None = None) -> Array:
    """Return ``dZ = f'(Z) dA``, from A instead of Z (see the table above); ``out`` may be A or dA itself."""
    A, dA, out = _checks.check_activation_gradient(name, A, dA, out)
    with np.errstate(all="ignore"):
        return _activation_gradient(name, A, dA, out)


def _activation_gradient(name: str, A: Array, dA: Array, dZ: Array) -> Array:
    if name == "identity":
        np.copyto(dZ, dA)
    elif name == "sigmoid":
        np.multiply(dA, A * (1 - A), out=dZ)
    elif name == "tanh":
        np.multiply(dA, 1 - A * A, out=dZ)
    elif name == "relu":
        np.multiply(dA, A > 0, out=dZ)
    elif name == "leaky_relu":
        np.multiply(dA, np.maximum(A > 0, LEAKY_SLOPE, dtype=A.dtype), out=dZ)
    else:  # softmax
        np.multiply(A, dA - (A * dA).sum(axis=1, keepdims=True), out=dZ)
    return dZ

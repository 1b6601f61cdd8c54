"""Activations, each with its derivative."""

from __future__ import annotations

import math

import numpy as np

from chainrule import _checks
from chainrule._network import LEAKY_SLOPE, SELU_ALPHA, SELU_SCALE, SLOPE_NEEDS_INPUT, Array


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
    elu          exp(z) - 1 where z < 0, else z                       a + 1 where a < 0, else 1
    selu         SCALE ALPHA (exp(z) - 1) where z < 0, else SCALE z   a + SCALE ALPHA where a <= 0, else SCALE
    softplus     log(1 + exp(z))                                      1 - exp(-a)
    softsign     z / (1 + |z|)                                        (1 - |a|)^2
    hard_sigmoid min(max(z + 3, 0), 6) / 6                            1/6 where 0 < a < 1, else 0
    exponential  exp(z)                                               a
    step         1 where z >= 0, else 0                               0: nothing can be learned through it
    softmax      exp(z_j) / sum_k exp(z_k), over each row             dz_j = a_j (da_j - sum_k a_k da_k)
    ===========  ===================================================  ======================================

    And those that let z through a gate, ``a = z g(z)`` with ``f'(z) = g(z) + z g'(z)``, which is no function of a:

    =========  ==========================================  ==============================================
    name       g(z)                                        g'(z)
    =========  ==========================================  ==============================================
    gelu       P(z), the cumulated normal distribution     its density, exp(-z^2/2) / sqrt(2 pi)
    gelu_tanh  (1 + tanh u) / 2 = sigmoid(2 u),            g (1 - g) 2 sqrt(2/pi) (1 + 3 * 0.044715 z^2)
               u = sqrt(2/pi) (z + 0.044715 z^3)
    silu       sigmoid(z)                                  g (1 - g)
    mish       tanh s, s = log(1 + exp(z))                 sigmoid(z) / cosh(s)^2
    =========  ==========================================  ==============================================

    Sources: Clevert, Unterthiner and Hochreiter 2016 (elu), Klambauer and others 2017 (selu), Dugas and others 2001
    (softplus), Turian, Bergstra and Bengio 2009 (softsign), Howard and others 2019, "Searching for MobileNetV3"
    (hard_sigmoid), Hendrycks and Gimpel 2016 (gelu, silu), Misra 2019 (mish).
    """
    Z, out = _checks.check_activation(name, Z, out)
    with np.errstate(all="ignore"):
        return _activation(name, Z, out)


def _activation(name: str, Z: Array, A: Array) -> Array:
    if name == "identity":
        np.copyto(A, Z)
    elif name == "sigmoid":
        _sigmoid(Z, A)
    elif name == "tanh":
        np.tanh(Z, out=A)
    elif name == "relu":
        np.maximum(Z, 0, out=A)
    elif name == "leaky_relu":
        np.maximum(Z, LEAKY_SLOPE * Z, out=A)
    elif name == "elu":
        np.copyto(A, np.where(Z < 0, np.expm1(np.minimum(Z, 0)), Z))
    elif name == "selu":
        below = (SELU_SCALE * SELU_ALPHA) * np.expm1(np.minimum(Z, 0))
        np.copyto(A, np.where(Z < 0, below, SELU_SCALE * Z))
    elif name == "softplus":  # log(e^z + e^0)
        np.logaddexp(Z, 0, out=A)
    elif name == "softsign":
        np.copyto(A, np.where(np.isinf(Z), np.sign(Z), Z / (1 + np.abs(Z))))
    elif name == "hard_sigmoid":
        np.divide(np.clip(Z + 3, 0, 6), 6, out=A)
    elif name == "exponential":
        np.exp(Z, out=A)
    elif name in SLOPE_NEEDS_INPUT:
        G = _gate(name, Z)
        np.copyto(A, np.where(G == 0, -G, Z * G))  # minus infinity times 0 is 0 here
    elif name == "step":
        np.copyto(A, Z >= 0)
    else:  # softmax: the same for Z minus any constant of the row; minus its maximum, exp cannot overflow
        np.subtract(Z, Z.max(axis=1, keepdims=True), out=A)
        np.exp(A, out=A)
        A /= A.sum(axis=1, keepdims=True)
    return A


def _sigmoid(Z: Array, A: Array | None = None) -> Array:
    e = np.exp(-np.abs(Z))  # 1 / (1 + e) where z >= 0, else e / (1 + e): e is never above 1
    result: Array = np.divide(np.maximum(e, Z >= 0), 1 + e, out=A)
    return result


def _gate(name: str, Z: Array) -> Array:
    """Return g(Z), by which z is multiplied."""
    if name == "gelu":  # P(z) = erfc(-z / sqrt(2)) / 2; NumPy has no erfc, Python has
        return np.asarray(_erfc(-Z.astype(np.float64) / 2**0.5) / 2, Z.dtype)
    if name == "gelu_tanh":
        return _sigmoid(_twice_u(Z))
    return _sigmoid(Z) if name == "silu" else np.tanh(np.logaddexp(Z, 0))


def _gate_gradient(name: str, Z: Array) -> Array:
    """Return g'(Z). 1 - sigmoid(z) is sigmoid(-z), in which nothing cancels."""
    if name == "gelu":
        return np.asarray(np.exp(-Z * Z / 2) / (2 * np.pi) ** 0.5, Z.dtype)
    if name == "gelu_tanh":
        z = np.clip(Z, -1e3, 1e3)  # beyond, the slope is 0, not infinity times 0
        steep = 2 * (2 / np.pi) ** 0.5 * (1 + 3 * 0.044715 * z * z)
        dG = _sigmoid(_twice_u(z)) * _sigmoid(-_twice_u(z)) * steep
    elif name == "silu":
        dG = _sigmoid(Z) * _sigmoid(-Z)
    else:
        dG = _sigmoid(Z) / np.cosh(np.logaddexp(Z, 0)) ** 2
    return np.asarray(dG)


def _twice_u(Z: Array) -> Array:
    return np.asarray(2 * (2 / np.pi) ** 0.5 * (Z + 0.044715 * Z * Z * Z))


_erfc = np.vectorize(math.erfc, otypes=[np.float64])


def activation_gradient(
    name: str, A: Array, dA: Array, *, Z: Array | None = None, out: Array | None = None
) -> Array:
    """Return ``dZ = f'(Z) dA``, from A (see the tables above), or from Z where A does not tell; ``out`` may be any of them."""
    A, dA, Z, out = _checks.check_activation_gradient(name, A, dA, Z, out)
    with np.errstate(all="ignore"):
        return _activation_gradient(name, A, dA, out, Z)


def _activation_gradient(name: str, A: Array, dA: Array, dZ: Array, Z: Array | None = None) -> Array:
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
    elif name == "elu":
        np.multiply(dA, np.where(A < 0, A + 1, 1).astype(A.dtype), out=dZ)
    elif name == "selu":
        np.multiply(dA, np.where(A > 0, SELU_SCALE, A + SELU_SCALE * SELU_ALPHA).astype(A.dtype), out=dZ)
    elif name == "softplus":
        np.multiply(dA, -np.expm1(-A), out=dZ)
    elif name == "softsign":
        np.multiply(dA, (1 - np.abs(A)) ** 2, out=dZ)
    elif name == "hard_sigmoid":
        np.multiply(dA, np.where((A > 0) & (A < 1), 1 / 6, 0).astype(A.dtype), out=dZ)
    elif name == "exponential":
        np.multiply(dA, A, out=dZ)
    elif Z is not None and name in SLOPE_NEEDS_INPUT:
        dG = _gate_gradient(name, Z)
        np.multiply(dA, _gate(name, Z) + np.where(dG == 0, dG, Z * dG), out=dZ)  # infinity times 0 is 0 here
    else:  # softmax
        np.multiply(A, dA - (A * dA).sum(axis=1, keepdims=True), out=dZ)
    return dZ

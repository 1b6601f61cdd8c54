"""Further activations:

============  ===================================================  ======================================
name          a = f(z)                                             f'(z), by a instead of z
============  ===================================================  ======================================
elu           exp(z) - 1 where z < 0, else z                       a + 1 where a < 0, else 1
selu          SCALE ALPHA (exp(z) - 1) where z < 0, else SCALE z   a + SCALE ALPHA where a <= 0, else SCALE
softplus      log(1 + exp(z))                                      1 - exp(-a)
softsign      z / (1 + |z|)                                        (1 - |a|)^2
hard_sigmoid  min(max(z + 3, 0), 6) / 6                            1/6 where 0 < a < 1, else 0
exponential   exp(z)                                               a
============  ===================================================  ======================================

And those that let z through a gate, ``a = z g(z)`` with ``f'(z) = g(z) + z g'(z)``, which is no function of a:

============  ===========================================  ==============================================
name          g(z)                                         g'(z)
============  ===========================================  ==============================================
gelu          P(z), the cumulative normal distribution     its density, exp(-z^2/2) / sqrt(2 pi)
gelu_tanh     (1 + tanh u) / 2 = sigmoid(2 u),             g (1 - g) 2 sqrt(2/pi) (1 + 3 * 0.044715 z^2)
              u = sqrt(2/pi) (z + 0.044715 z^3)
silu          sigmoid(z)                                   g (1 - g)
mish          tanh s, s = log(1 + exp(z))                  sigmoid(z) / cosh(s)^2
============  ===========================================  ==============================================

Sources: Clevert, Unterthiner and Hochreiter 2016 (elu), Klambauer and others 2017 (selu), Dugas and others 2001
(softplus), Turian, Bergstra and Bengio 2009 (softsign), Howard and others 2019, "Searching for MobileNetV3"
(hard_sigmoid), Hendrycks and Gimpel 2016 (gelu, silu), Misra 2019 (mish).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from chainrule._network import SELU_ALPHA, SELU_SCALE, Array

Value = Callable[[Array], Array]
Slope = Callable[[Array, Any], Any]
Pair = tuple[Value, Slope]
"""f(Z), and f'(Z) from (A, Z); Z may be None where A tells."""


def _elu(Z: Array) -> Array:
    return np.where(Z < 0, np.expm1(np.minimum(Z, 0)), Z)


def _elu_slope(A: Array, _: Any) -> Array:
    return np.where(A < 0, A + 1, 1).astype(A.dtype)


def _selu(Z: Array) -> Array:
    below = (SELU_SCALE * SELU_ALPHA) * np.expm1(np.minimum(Z, 0))
    return np.where(Z < 0, below, SELU_SCALE * Z)


def _selu_slope(A: Array, _: Any) -> Array:
    return np.where(A > 0, SELU_SCALE, A + SELU_SCALE * SELU_ALPHA).astype(A.dtype)


def _softplus(Z: Array) -> Array:
    return np.asarray(np.logaddexp(Z, 0))  # log(e^z + e^0)


def _softsign(Z: Array) -> Array:
    return np.where(np.isinf(Z), np.sign(Z), Z / (1 + np.abs(Z)))


def _hard_sigmoid(Z: Array) -> Array:
    return np.asarray(np.clip(Z + 3, 0, 6) / 6)


def _hard_sigmoid_slope(A: Array, _: Any) -> Array:
    return np.where((A > 0) & (A < 1), 1 / 6, 0).astype(A.dtype)


# Gates. 1 - sigmoid(z) is sigmoid(-z), in which nothing cancels.


def _sigmoid(Z: Array) -> Array:  # that of `mathematics`, which this file does not read
    e = np.exp(-np.abs(Z))
    return np.asarray(np.maximum(e, Z >= 0) / (1 + e))


_erfc = np.vectorize(math.erfc, otypes=[np.float64])


def _gelu_gate(Z: Array) -> Array:  # P(z) = erfc(-z / sqrt(2)) / 2; NumPy has no erfc, Python has
    return np.asarray(_erfc(-Z.astype(np.float64) / 2**0.5) / 2, Z.dtype)


def _gelu_gate_slope(Z: Array) -> Array:
    return np.asarray(np.exp(-Z * Z / 2) / (2 * np.pi) ** 0.5, Z.dtype)


def _twice_u(Z: Array) -> Array:
    return np.asarray(2 * (2 / np.pi) ** 0.5 * (Z + 0.044715 * Z * Z * Z))


def _gelu_tanh_gate(Z: Array) -> Array:
    return _sigmoid(_twice_u(Z))


def _gelu_tanh_gate_slope(Z: Array) -> Array:
    z = np.clip(Z, -1e3, 1e3)  # beyond, the slope is 0, not infinity times 0
    steep = 2 * (2 / np.pi) ** 0.5 * (1 + 3 * 0.044715 * z * z)
    return np.asarray(_sigmoid(_twice_u(z)) * _sigmoid(-_twice_u(z)) * steep)


def _silu_gate_slope(Z: Array) -> Array:
    return _sigmoid(Z) * _sigmoid(-Z)


def _mish_gate(Z: Array) -> Array:
    return np.asarray(np.tanh(np.logaddexp(Z, 0)))


def _mish_gate_slope(Z: Array) -> Array:
    return np.asarray(_sigmoid(Z) / np.cosh(np.logaddexp(Z, 0)) ** 2)


def _gated(gate: Value, gate_slope: Value) -> Pair:
    """Return the pair of ``z g(z)``."""

    def value(Z: Array) -> Array:
        G = gate(Z)
        return np.where(G == 0, -G, Z * G)  # minus infinity times 0 is 0 here

    def slope(_: Array, Z: Array) -> Array:
        dG = gate_slope(Z)
        return np.asarray(gate(Z) + np.where(dG == 0, dG, Z * dG))  # infinity times 0 is 0 here

    return value, slope


FURTHER: dict[str, Pair] = {
    "elu": (_elu, _elu_slope),
    "selu": (_selu, _selu_slope),
    "softplus": (_softplus, lambda A, _: -np.expm1(-A)),
    "softsign": (_softsign, lambda A, _: (1 - np.abs(A)) ** 2),
    "hard_sigmoid": (_hard_sigmoid, _hard_sigmoid_slope),
    "exponential": (np.exp, lambda A, _: A),
    "gelu": _gated(_gelu_gate, _gelu_gate_slope),
    "gelu_tanh": _gated(_gelu_tanh_gate, _gelu_tanh_gate_slope),
    "silu": _gated(_sigmoid, _silu_gate_slope),
    "mish": _gated(_mish_gate, _mish_gate_slope),
}
"""Every further activation by its name: `mathematics` looks them up here."""

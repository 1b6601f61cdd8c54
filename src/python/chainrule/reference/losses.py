"""Losses: how wrong the outputs are, and the derivative with respect to the weighted sums of the output layer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from chainrule import _checks
from chainrule._losses import SUMS_OVER_OUTPUTS, LossRule, call_loss
from chainrule._network import Array

from .activations import _activation, _activation_gradient


def loss_and_gradient(
    loss: Any, Z: Array, target: Array, *, output_activation: str = "identity", sample_weight: Array | None = None,
    output_weights: Sequence[float] | None = None
) -> tuple[float, Array]:  # fmt: skip
    """Return the loss, and dZ (rows, n_out) for the weighted sums Z of the output layer, with ``a = f(z)``.

    With the error ``e = a - y`` the loss of an entry l(a, y) and its derivative are:

    ====================  ============================================  =========================================
    half_squared_error    e^2 / 2                                       dl/da = e
    mean_squared_error    e^2                                           2 e
    mean_absolute_error   abs(e)                                        sign(e)
    huber                 e^2 / 2 where abs(e) < delta, else            e, limited to -delta ... delta
                          delta (abs(e) - delta / 2)
    log_cosh              log cosh e                                    tanh e
    quantile              -level e where e < 0, else (1 - level) e      -level where e < 0, 1 - level where e > 0
    hinge                 max(0, 1 - t a) with t = 2 y - 1, y 0 or 1    -t where t a < 1, else 0
    cross_entropy         -y log a; f is softmax, and sum_j y_j = 1     dl/dz = a - y (of the sum over outputs)
    binary_cross_entropy  -(y log a + (1 - y) log(1 - a)); f sigmoid    dl/dz = a - y
    poisson               a - y log a; f is exponential                 dl/dz = a - y
    ====================  ============================================  =========================================

    The loss is the sum of the entries of a row for half_squared_error, hinge and the cross-entropies, and their mean
    over the outputs for the others; then the mean over rows, each times its `sample_weight` and divided by the sum of
    these. `output_weights` are factors of the outputs. A NaN in the target leaves its entry out (in cross_entropy, its
    row): loss and derivative are 0 there. `label_smoothing` s of a cross-entropy makes of y first ``(1 - s) y + s /
    n_out``, binary ``(1 - s) y + s / 2``. A function ``(a, y) -> (value, dvalue/da)`` may stand for all of this.

    In the last three f' cancels, and no rounded activation goes into a logarithm: ``-log a_j`` is
    ``log sum_k exp(z_k - m) - (z_j - m)``, m the maximum of the row; a binary term is
    ``max(z, 0) - z y + log(1 + exp(-|z|))``; ``log a`` of poisson is z.
    Sources: Blanchard, Higham, Higham, "Accurately computing the log-sum-exp and softmax functions", 2021; Huber, "Robust
    estimation of a location parameter", 1964; Koenker and Bassett, "Regression quantiles", 1978; Szegedy and others,
    "Rethinking the inception architecture", 2016 (label smoothing); Rosasco and others, "Are loss functions all the
    same?", 2004 (hinge); Nelder and Wedderburn, "Generalized linear models", 1972 (poisson).
    """
    Z, target, rule, weight, factors = _checks.check_loss_and_gradient(
        loss, Z, target, output_activation, sample_weight, output_weights
    )
    with np.errstate(all="ignore"):
        return _loss_and_gradient(rule, Z, target, output_activation, weight, factors)


def _loss_and_gradient(
    rule: LossRule, Z: Array, target: Array, name: str, weight: Array | None = None,
    factors: Sequence[float] | None = None
) -> tuple[float, Array]:  # fmt: skip
    rows, n_out = Z.shape
    Y = target
    if target.ndim == 1:  # labels: 1 in the column of the label, else 0
        Y = (target[:, None] == np.arange(n_out)).astype(Z.dtype)
    if rule.function is not None:
        A = _activation(name, Z, np.empty_like(Z))
        value, dA = call_loss(rule.function, A.copy(), Y.copy())
        return value, _activation_gradient(name, A, dA, dA, Z)
    if (s := rule.label_smoothing) > 0:
        Y = (1 - s) * Y + Y.dtype.type(s / (n_out if rule.kind == "cross_entropy" else 2))
    scale = np.full((1, n_out), 1.0 if rule.kind in SUMS_OVER_OUTPUTS else 1 / n_out, Z.dtype)
    if factors is not None:
        scale = scale * np.asarray(factors, Z.dtype)
    total = float(rows)
    if weight is not None:
        scale, total = scale * weight[:, None], float(weight.sum(dtype=np.float64))
    missing: Array = np.isnan(Y)
    if missing.any():
        if rule.kind == "cross_entropy":
            missing = np.asarray(missing.any(axis=1, keepdims=True))
        scale, Y = np.where(missing, 0, scale), np.where(missing, 0, Y)
    if total == 0:
        return 0.0, np.zeros_like(Z)
    terms, dZ = _entries(rule, Z, Y, name, scale / Z.dtype.type(total))
    if weight is not None:
        dZ[weight == 0] = 0
    return float(_times(terms, scale).sum(dtype=np.float64)) / total, dZ


def _times(values: Array, scale: Array) -> Array:
    """Return ``values scale``, and 0 where the scale is 0: what does not count may be infinite."""
    return np.where(scale == 0, 0, values * scale).astype(values.dtype, copy=False)


def _entries(rule: LossRule, Z: Array, Y: Array, name: str, scale: Array) -> tuple[Array, Array]:
    """Return the loss of each entry, and the derivative of the sum of them, each times its scale, with respect to Z."""
    kind = rule.kind
    if kind == "cross_entropy":
        Z = Z - Z.max(axis=1, keepdims=True)
        minus_log_A = np.log(np.exp(Z).sum(axis=1, keepdims=True)) - Z
        terms = np.where(Y == 0, Y, Y * minus_log_A)  # y = 0 costs nothing, also where -log a is infinite
        return terms, _times(np.exp(-minus_log_A) - Y, scale)
    A = _activation(name, Z, np.empty_like(Z))
    E = A - Y
    if kind == "binary_cross_entropy":
        return np.maximum(Z, 0) - Z * Y + np.log1p(np.exp(-np.abs(Z))), _times(E, scale)
    if kind == "poisson":
        return np.where(Y == 0, A, A - Y * Z), _times(E, scale)
    terms, dA = _of_error(rule, A, Y, E)
    return terms, _activation_gradient(name, A, _times(dA, scale), np.empty_like(Z), Z)


def _of_error(rule: LossRule, A: Array, Y: Array, E: Array) -> tuple[Array, Array]:
    """Return l(a, y) and dl/da of the losses that leave the activation alone."""
    kind, number = rule.kind, E.dtype.type
    if kind == "half_squared_error":
        return E * E / 2, E
    if kind == "mean_squared_error":
        return E * E, 2 * E
    if kind == "mean_absolute_error":
        return np.abs(E), np.sign(E)
    if kind == "huber":
        delta = number(rule.delta)
        inside = np.minimum(np.abs(E), delta)
        return inside * (np.abs(E) - inside / 2), np.clip(E, -delta, delta)
    if kind == "log_cosh":  # near 0, where cosh e is 1 + 2 sinh^2(e / 2), and farther out
        size = np.abs(E)
        near = np.log1p(2 * np.sinh(np.minimum(size, 1) / 2) ** 2)
        far = size + np.log1p(np.exp(-2 * size)) - number(np.log(2))
        return np.where(size < 1, near, far), np.tanh(E)
    if kind == "quantile":
        level = np.asarray(rule.levels, E.dtype)
        below = np.where(E > 0, 1 - level, 0)
        return np.maximum(-level * E, (1 - level) * E), np.where(E < 0, -level, below).astype(E.dtype)
    T = 2 * Y - 1  # hinge
    slack = 1 - T * A
    return np.maximum(slack, 0), np.where(slack > 0, -T, 0).astype(E.dtype)

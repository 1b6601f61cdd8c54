"""Further losses, with the error ``e = a - y`` of an entry:

===================  ============================================  =========================================
mean_absolute_error  abs(e)                                        dl/da = sign(e)
huber                e^2 / 2 where abs(e) < delta, else            e, limited to -delta ... delta
                     delta (abs(e) - delta / 2)
log_cosh             log cosh e                                    tanh e
quantile             -level e where e < 0, else (1 - level) e      -level where e < 0, 1 - level where e > 0
hinge                max(0, 1 - t a) with t = 2 y - 1, y 0 or 1    -t where t a < 1, else 0
poisson              a - y log a; f is exponential                 dl/dz = a - y, and log a is z
===================  ============================================  =========================================

`label_smoothing` s of a cross-entropy makes of y first ``(1 - s) y + s / n_out``, binary ``(1 - s) y + s / 2``.
`margin` m cuts its ``-log p`` off at ``-log(1 - m)`` and ``-log m``, as scikit-learn's log_loss does; no derivative changes.
Sources: Huber, "Robust estimation of a location parameter", 1964; Koenker and Bassett, "Regression quantiles", 1978;
Szegedy and others, "Rethinking the inception architecture", 2016 (label smoothing); Rosasco and others, "Are loss
functions all the same?", 2004 (hinge); Nelder and Wedderburn, "Generalized linear models", 1972 (poisson).
"""

from __future__ import annotations

import numpy as np

from chainrule._losses import LossRule
from chainrule._network import Array


def smooth_labels(rule: LossRule, Y: Array) -> Array:
    """Return what the outputs of a cross-entropy should be, with its `label_smoothing`."""
    s, n_out = rule.label_smoothing, Y.shape[1]
    if s > 0:
        Y = (1 - s) * Y + Y.dtype.type(s / (n_out if rule.kind == "cross_entropy" else 2))
    return Y


def leave_out_missing(rule: LossRule, Y: Array, scale: Array) -> tuple[Array, Array]:
    """Return Y and the factor of each entry, both 0 where a target is missing (NaN)."""
    missing: Array = np.isnan(Y)
    if missing.any():
        if rule.kind == "cross_entropy":
            missing = np.asarray(missing.any(axis=1, keepdims=True))
        scale, Y = np.where(missing, 0, scale), np.where(missing, 0, Y)
    return Y, scale


def cut_off(rule: LossRule, minus_log: Array) -> Array:
    """Return ``-log p`` as it is with p no nearer to 0 and 1 than the `margin` of a cross-entropy."""
    m = rule.margin
    return np.clip(minus_log, -np.log1p(-m), -np.log(m)).astype(minus_log.dtype) if m > 0 else minus_log


def poisson(Z: Array, A: Array, Y: Array) -> Array:
    """Return l(a, y) of the loss that is made for an exponential; dl/dz is ``a - y``."""
    return np.where(Y == 0, A, A - Y * Z)


def value_and_slope(rule: LossRule, A: Array, Y: Array, E: Array) -> tuple[Array, Array]:
    """Return l(a, y) and dl/da of the losses that leave the activation alone."""
    kind, number = rule.kind, E.dtype.type
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

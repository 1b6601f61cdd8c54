"""Losses: how wrong the outputs are, and the derivative with respect to the weighted sums of the output layer."""

from __future__ import annotations

import numpy as np

from chainrule import _checks
from chainrule._network import Array

from .activations import _activation, _activation_gradient


def loss_and_gradient(
    loss: str, Z: Array, target: Array, *, output_activation: str = "identity"
) -> tuple[float, Array]:
    """Return the loss, and dZ (rows, n_out) for the weighted sums Z of the output layer, with ``a = f(z)``.

    ====================  ==================================================  ==============================
    half_squared_error    1/2 sum_j (a_j - y_j)^2, mean over rows             da = (a - y) / rows
    mean_squared_error    (a_j - y_j)^2, mean over rows and columns           da = 2 (a - y) / (rows n_out)
    cross_entropy         -sum_j y_j log a_j, mean over rows;                 dz = (a - y) / rows
                          f is softmax, and sum_j y_j = 1
    binary_cross_entropy  -sum_j (y_j log a_j + (1 - y_j) log(1 - a_j)),      dz = (a - y) / rows
                          mean over rows; f is sigmoid
    ====================  ==================================================  ==============================

    In the cross-entropies f' cancels, and no rounded activation goes into a logarithm: ``-log a_j`` is
    ``log sum_k exp(z_k - m) - (z_j - m)``, m the maximum of the row; a binary term is
    ``max(z, 0) - z y + log(1 + exp(-|z|))``.
    Source: Blanchard, Higham, Higham, "Accurately computing the log-sum-exp and softmax functions", 2021.
    """
    Z, target = _checks.check_loss_and_gradient(loss, Z, target, output_activation)
    with np.errstate(all="ignore"):
        return _loss_and_gradient(loss, Z, target, output_activation)


def _loss_and_gradient(loss: str, Z: Array, target: Array, name: str) -> tuple[float, Array]:
    rows, n_out = Z.shape
    Y = target
    if target.ndim == 1:  # labels: 1 in the column of the label, else 0
        Y = (target[:, None] == np.arange(n_out)).astype(Z.dtype)
    if loss == "cross_entropy":
        Z = Z - Z.max(axis=1, keepdims=True)
        minus_log_A = np.log(np.exp(Z).sum(axis=1, keepdims=True)) - Z
        terms = np.where(Y == 0, Y, Y * minus_log_A)  # y = 0 costs nothing, also where -log a is infinite
        dZ = (np.exp(-minus_log_A) - Y) / rows
    else:
        A = _activation(name, Z, np.empty_like(Z))
        E = A - Y
        if loss == "binary_cross_entropy":
            terms, dZ = np.maximum(Z, 0) - Z * Y + np.log1p(np.exp(-np.abs(Z))), E / rows
        elif loss == "half_squared_error":
            terms, dZ = E * E / 2, _activation_gradient(name, A, E / rows, E, Z)
        else:  # mean_squared_error
            terms, dZ = E * E / n_out, _activation_gradient(name, A, E * (2 / (rows * n_out)), E, Z)
    return float(terms.sum(dtype=np.float64)) / rows, dZ

"""Least squares: the normal equations of a network, and their damped solution (Gauss, Newton, Levenberg, Marquardt)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from chainrule import _checks
from chainrule._network import Array, Network

from .mathematics import activation, activation_gradient, weighted_sums

_ROWS_AT_ONCE = 256


def normal_equations(
    network: Network, weights: Sequence[Array], biases: Sequence[Array], X: Array, target: Array, *,
    n_threads: int | None = None
) -> tuple[float, Array, Array]:  # fmt: skip
    """Return ``sum e^2``, ``J^T J`` (P, P) and ``J^T e`` (P,) for the errors ``e = a - y`` of all rows and outputs.

    J has a row for each error and a column for each of the P parameters, which come layer by layer, weights (row
    after row) before biases: ``J[(r, j), p] = d a_rj / d p``. A row is the chain rule started from one output:
    ``dz_j = f'(z_j)`` and 0 for the others, and back through the layers; there ``da_rj / dw_ik`` is the input i of
    the layer times dz_k. ``2 J^T e`` is the gradient of ``sum e^2``, and ``2 J^T J`` its second derivatives where the
    errors are small or the outputs nearly linear (Gauss).
    Source: Hagan, Menhaj, "Training feedforward networks with the Marquardt algorithm", IEEE Transactions on Neural
    Networks, 1994.
    """
    weights, biases, X, target = _checks.check_normal_equations(
        network, weights, biases, X, target, n_threads
    )
    squares, JTJ, JTe = 0.0, 0.0, 0.0
    with np.errstate(all="ignore"):
        for r in range(0, len(X), _ROWS_AT_ONCE):
            block = slice(r, r + _ROWS_AT_ONCE)
            J, e = _jacobian(network, weights, biases, X[block], target[block])
            squares += float(np.square(e, dtype=np.float64).sum())
            JTJ = JTJ + J.T @ J
            JTe = JTe + J.T @ e
    return squares, JTJ, JTe  # type: ignore[return-value]


def _jacobian(
    network: Network, weights: list[Array], biases: list[Array], X: Array, target: Array
) -> tuple[Array, Array]:
    """Return J (rows * n_out, P) and e (rows * n_out,), both output after output, row after row in each."""
    given, sums = [X], []
    for i, W in enumerate(weights):
        sums.append(weighted_sums(given[i], W, biases[i] if biases else None))
        given.append(activation(network.activations[i], sums[i]))
    A = given[-1]
    Y = (target[:, None] == np.arange(network.n_out)).astype(A.dtype) if target.ndim == 1 else target
    J = []
    for j in range(network.n_out):
        columns: list[Array] = []
        dZ = np.zeros_like(A)
        dZ[:, j] = 1
        dZ = activation_gradient(network.activations[-1], A, dZ, sums[-1])
        for i in range(network.n_layers - 1, -1, -1):
            if biases:
                columns.append(dZ.sum(axis=1, keepdims=True) if network.bias == "layer" else dZ)
            columns.append((given[i][:, :, None] * dZ[:, None, :]).reshape(len(X), -1))
            if i > 0:
                dA = dZ @ weights[i].T
                dZ = activation_gradient(network.activations[i - 1], given[i], dA, sums[i - 1])
        J.append(np.concatenate(columns[::-1], axis=1))
    return np.concatenate(J), (A - Y).T.ravel()


def damped_step(H: Array, g: Array, damping: float, *, n_threads: int | None = None) -> Array:
    """Return the step x (P,) with ``(H + damping I) x = -g``, for a symmetric H (P, P), by Cholesky's factors.

    ``L L^T = H + damping I``, then ``L u = -g`` and ``L^T x = u``. Raises numpy.linalg.LinAlgError where the matrix is
    not positive definite. Much damping makes it a short step downhill, none the step of Gauss and Newton.
    Source: Levenberg, "A method for the solution of certain non-linear problems in least squares", Quarterly of
    Applied Mathematics, 1944; Marquardt, "An algorithm for least-squares estimation of nonlinear parameters",
    Journal of SIAM, 1963.
    """
    H, g, damping = _checks.check_damped_step(H, g, damping, n_threads)
    M = H + damping * np.eye(len(g), dtype=H.dtype)
    if not np.isfinite(M).all():
        raise np.linalg.LinAlgError(_checks.NOT_POSITIVE_DEFINITE)
    try:
        L = np.linalg.cholesky(M)
    except np.linalg.LinAlgError:
        raise np.linalg.LinAlgError(_checks.NOT_POSITIVE_DEFINITE) from None
    step: Array = np.linalg.solve(L.T, np.linalg.solve(L, -g))
    return step

"""A whole network: forward through all layers, and back by the chain rule."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from chainrule import _checks
from chainrule._held import pins
from chainrule._losses import LossRule
from chainrule._network import Array, Network

from .activations import _activation_gradient
from .layers import _layer, _matmul_bias
from .losses import _loss_and_gradient
from .random_numbers import dropout_mask, gaussian_noise


def forward(
    network: Network, weights: Sequence[Array], biases: Sequence[Array], X: Array, *,
    out: Array | None = None, n_threads: int | None = None
) -> Array:  # fmt: skip
    """Return the prediction (rows, n_out) for X (rows, n_in): ``f(A W + b)``, layer by layer, no dropout, no noise."""
    weights, biases, X, out = _checks.check_forward(network, weights, biases, X, out, n_threads)
    A, last = X, network.n_layers - 1
    with np.errstate(all="ignore"):
        for i, W in enumerate(weights):
            b = biases[i] if biases else None
            A = _matmul_bias(A, W, b, network.activations[i], out if i == last else None)
    return A


def gradients(
    network: Network, weights: Sequence[Array], biases: Sequence[Array], X: Array, target: Array, *,
    loss: Any, sample_weight: Array | None = None, output_weights: Sequence[float] | None = None, seed: int = 0,
    step: int = 0, n_threads: int | None = None
) -> tuple[float, list[Array], list[Array]]:  # fmt: skip
    """Return the loss, and lists of dW and db of every layer, by back-propagation.

    As in training, with the dropout masks and the noise of ``seed`` and ``step``; loss and weights are those of
    `loss_and_gradient`. Without biases the second list is empty.
    """
    given = _checks.check_gradients(
        network, weights, biases, X, target, loss, sample_weight, output_weights, seed, step, n_threads
    )
    if given.loss.function is not None:  # it may write into the arrays, but changes nothing for this call
        _held = pins(*given.held)
        given = given._replace(
            weights=[w.copy() for w in given.weights], biases=[b.copy() for b in given.biases]
        )
    with np.errstate(all="ignore"):
        return _gradients(network, *given)


def _gradients(
    network: Network, weights: list[Array], biases: list[Array], X: Array, target: Array, loss: LossRule,
    sample_weight: Array | None, output_weights: Sequence[float] | None, seed: int, step: int
) -> tuple[float, list[Array], list[Array]]:  # fmt: skip
    # Forward: keep what each layer was given, and the activations and masks of the hidden ones.
    names, last = network.activations, network.n_layers - 1
    given: list[Array] = [_disturbed(network, X, seed, step)]
    sums: list[Array | None] = []
    activations: list[Array] = []
    masks: list[Array | None] = []
    for i, rate in enumerate(network.dropout):  # the hidden layers: each has a rate
        Z, A = _layer(given[i], weights[i], biases[i] if biases else None, names[i])
        M = None
        if rate > 0:
            M = dropout_mask(len(A), A.shape[1], rate, seed=seed, step=step, layer=i, dtype=A.dtype)
        sums.append(Z)
        activations.append(A)
        masks.append(M)
        given.append(A if M is None else A * M)
    outputs = _matmul_bias(given[last], weights[last], biases[last] if biases else None, "identity")
    value, dZ = _loss_and_gradient(loss, outputs, target, names[last], sample_weight, output_weights)

    # Backward: from the dZ of a layer to its dW and db, and on to the dZ of the layer before.
    dWs, dbs = [], []
    for i in range(last, -1, -1):
        dWs.append(given[i].T @ dZ)
        db = dZ.sum(axis=0)
        dbs.append(db.sum(keepdims=True) if network.bias == "layer" else db)
        if i > 0:
            dA = dZ @ weights[i].T
            if (M := masks[i - 1]) is not None:
                dA *= M
            dZ = _activation_gradient(names[i - 1], activations[i - 1], dA, dA, sums[i - 1])
    return value, dWs[::-1], dbs[::-1] if biases else []


def _disturbed(network: Network, X: Array, seed: int, step: int) -> Array:
    """Return ``(X + input_noise N) M``: what the network is given in training instead of X.

    N are the normal numbers of `gaussian_noise`, M is the mask of layer -1.
    Source: Bishop, "Training with noise is equivalent to Tikhonov regularization", Neural Computation 7, 1995; for the mask
    see `dropout_mask`.
    """
    rows, n_in = X.shape
    if network.input_noise > 0:
        X = X + network.input_noise * gaussian_noise(rows, n_in, seed=seed, step=step, dtype=X.dtype)
    if network.input_dropout > 0:
        X = X * dropout_mask(rows, n_in, network.input_dropout, seed=seed, step=step, layer=-1, dtype=X.dtype)
    return X

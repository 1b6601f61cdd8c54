"""Every factor of the chain rule for one batch, by the public functions of a core: the kernels that train."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from chainrule._losses import CUSTOM, NEEDS_OUTPUT, SUMS_OVER_OUTPUTS, loss_rule
from chainrule._network import Array, Network
from chainrule.reference.further_losses import leave_out_missing, smooth_labels
from chainrule.targets import one_hot


class Batch(NamedTuple):
    """The rows of a step, and what belongs to them: the arguments of `gradients` of the cores."""

    X: Array
    target: Array
    weight: Array | None
    loss: Any
    output_weights: tuple[float, ...] | None
    seed: int
    step: int
    n_threads: int | None = None


class Pass(NamedTuple):
    """What a layer computes of a whole batch, forward and back."""

    given: Array
    z: Array
    a: Array
    mask: Array | None
    dL_da: Array
    da_dz: Array
    dL_dz: Array


class Found(NamedTuple):
    """What a batch comes to: the loss, what each layer computes, and the gradients of the parameters."""

    loss: float
    layers: list[Pass]
    weight_gradients: list[Array]
    bias_gradients: list[Array]


def compute(
    core: Any,
    network: Network,
    weights: Sequence[Array],
    biases: Sequence[Array],
    batch: Batch,
    places: Sequence[int],
) -> Found:
    """Take a batch forward and back through the network.

    Slopes are of the rows at these places alone: those of softmax are the square of its units for each row.
    """
    n = network.n_layers
    given, z, a, masks = [_disturbed(core, network, batch)], [], [], []
    for i, W in enumerate(weights):
        z.append(core.matmul_bias(given[i], W, biases[i] if biases else None, n_threads=batch.n_threads))
        a.append(core.activation(network.activations[i], z[i]))
        mask = _mask(core, network, batch, i) if i < n - 1 else None
        masks.append(mask)
        given.append(a[i] if mask is None else a[i] * mask)
    how = {"sample_weight": batch.weight, "output_weights": batch.output_weights}
    loss, dZ = core.loss_and_gradient(
        batch.loss, z[-1], batch.target, output_activation=network.output_activation, **how
    )
    dA = loss_by_outputs(core, network, batch, z[-1], a[-1])
    layers, dX = [], dA
    for i in range(n - 1, -1, -1):
        name = network.activations[i]
        shown, mask = list(places), masks[i]
        slopes = (
            slope(core, name, z[i][shown], a[i][shown])
            if name == "softmax"
            else slope(core, name, z[i], a[i])
        )
        if mask is not None and core.__name__ == "chainrule.native":
            # The product of three, dX mask f'(z), is rounded as the core at hand does it: here f' is multiplied by the mask.
            dA, dZ = dX * mask, dX * (slopes * mask)
        elif i < n - 1:
            dA = dX if mask is None else dX * mask
            dZ = core.activation_gradient(name, a[i], dA, Z=z[i])
        layers.append(
            Pass(given[i], z[i], a[i], mask, dA, slopes if name == "softmax" else slopes[shown], dZ)
        )
        if i > 0:
            dX, _, _ = core.matmul_gradients(given[i], weights[i], dZ, n_threads=batch.n_threads)
    _, dWs, dbs = core.gradients(
        network, list(weights), list(biases), batch.X, batch.target, loss=batch.loss, **how, seed=batch.seed,
        step=batch.step, n_threads=batch.n_threads
    )  # fmt: skip
    return Found(loss, layers[::-1], dWs, dbs)


def slope(core: Any, name: str, z: Array, a: Array) -> Array:
    """Return da/dz, f'(z): (rows, units), or of softmax the Jacobian of each row, (rows, units, units)."""
    if name != "softmax":
        return np.asarray(core.activation_gradient(name, a, np.ones_like(a), Z=z))
    rows, n = a.shape
    J = np.empty((rows, n, n), a.dtype)
    for k in range(n):  # what becomes of a derivative of 1 by the output k alone: the row k of the Jacobian
        unit = np.zeros_like(a)
        unit[:, k] = 1
        J[:, k] = core.activation_gradient(name, a, unit, Z=z)
    return J


def loss_by_outputs(core: Any, network: Network, batch: Batch, Z: Array, A: Array) -> Array:
    """Return dL/dA of the output layer."""
    rule = loss_rule(batch.loss)
    if rule.kind not in NEEDS_OUTPUT or rule.kind == "hinge":
        # With the outputs in the place of the sums, and no activation, dL/dz of a loss is dL/da.
        found = core.loss_and_gradient(
            batch.loss, A, batch.target, sample_weight=batch.weight, output_weights=batch.output_weights
        )
        return np.asarray(found[1])
    Y, scale = leave_out_missing(rule, as_learned(batch, network), scale_of(batch, network))
    with np.errstate(all="ignore"):
        if rule.kind == "cross_entropy":
            dA = np.where(Y == 0, 0, -Y / A)
        elif rule.kind == "binary_cross_entropy":
            dA = np.where(Y == A, 0, (A - Y) / (A * (1 - A)))
        else:  # poisson
            dA = 1 - Y / A
        return np.where(scale == 0, 0, dA * scale).astype(A.dtype)


def as_learned(batch: Batch, network: Network) -> Array:
    """Return the target as the loss takes it: labels as rows of 0 and 1, smoothed."""
    Y = one_hot(batch.target, network.n_out, network.numpy_dtype)
    return smooth_labels(loss_rule(batch.loss), Y)


def scale_of(batch: Batch, network: Network) -> Array:
    """Return the factor of each entry's loss: by the number of rows and outputs, and the weights; (rows, outputs)."""
    rule, n_out, dtype = loss_rule(batch.loss), network.n_out, network.numpy_dtype
    scale = np.full(
        (len(batch.X), n_out),
        1.0 if rule.kind in SUMS_OVER_OUTPUTS or rule.kind == CUSTOM else 1 / n_out,
        dtype,
    )
    if batch.output_weights is not None:
        scale = scale * np.asarray(batch.output_weights, dtype)
    if batch.weight is not None:
        scale = scale * batch.weight[:, None]
    total = total_weight(batch)
    return np.asarray(scale / dtype.type(total) if total else scale * 0, dtype)


def total_weight(batch: Batch) -> float:
    """Return what divides the loss of the batch: the number of its rows, or the sum of their weights."""
    return float(len(batch.X) if batch.weight is None else batch.weight.sum(dtype=np.float64))


def _disturbed(core: Any, network: Network, batch: Batch) -> Array:
    """Return X as the network is given it in training: with noise, then with some inputs dropped."""
    X, place = batch.X, {"seed": batch.seed, "step": batch.step, "dtype": network.dtype}
    if network.input_noise > 0:
        X = X + network.input_noise * core.gaussian_noise(*X.shape, **place)
    if network.input_dropout > 0:
        X = X * core.dropout_mask(*X.shape, network.input_dropout, layer=-1, **place)
    return np.ascontiguousarray(X)


def _mask(core: Any, network: Network, batch: Batch, i: int) -> Array | None:
    rate = network.dropout[i]
    if rate == 0:
        return None
    width, dtype = network.layer_sizes[i + 1], network.dtype
    return np.asarray(
        core.dropout_mask(len(batch.X), width, rate, seed=batch.seed, step=batch.step, layer=i, dtype=dtype)
    )

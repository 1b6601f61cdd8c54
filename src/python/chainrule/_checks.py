"""The argument checks of the core functions: one per function, called by both cores.

Each takes the arguments of the core function of its name, raises before any work starts, and returns what the core
computes with: plain Python values, and arrays as described in `_checks_arrays`. So the native core and the reference
accept the same things and refuse the rest in the same words.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from ._checks_arrays import (
    check_apart,
    check_data,
    check_float_array,
    check_labels,
    check_ndarray,
    check_out,
    check_parameter,
    check_same_dtype,
    check_same_shape,
)
from ._checks_values import (
    check_bool,
    check_choice,
    check_dtype,
    check_int,
    check_n_threads,
    check_real,
    check_sequence,
    describe,
)
from ._network import ACTIVATIONS, LOSSES, Array, Network, TrainingState

MAX_64 = 2**64 - 1
MAX_WORDS = 2**34
"""Words in one stream and step: 4 for each of the 2^32 values of the counter's index."""

_STEP_HAS_NO_GRADIENT = "the derivative of step is zero, so nothing can be learned through it"


# Random numbers ------------------------------------------------------------------------------------------------------


def check_random_words(n: Any, seed: Any, stream: Any, step: Any, start: Any) -> tuple[int, int, int, int, int]:
    """Return (n, seed, stream, step, start)."""
    n, start = check_int(n, "n", 0, MAX_WORDS), check_int(start, "start", 0, MAX_WORDS)
    if start + n > MAX_WORDS:
        raise ValueError(f"start + n must be at most {MAX_WORDS}, but it is {start + n}")
    return n, check_seed(seed), check_int(stream, "stream", 0, 2**32 - 1), check_int(step, "step", 0, MAX_64), start


def check_seed(seed: Any) -> int:
    """Return the seed, an int of 64 bits without sign."""
    return check_int(seed, "seed", 0, MAX_64)


def check_permutation(n: Any, seed: Any, epoch: Any) -> tuple[int, int, int]:
    """Return (n, seed, epoch)."""
    return check_int(n, "n", 0, MAX_WORDS), check_seed(seed), check_int(epoch, "epoch", 0, MAX_64)


def check_dropout_mask(
    rows: Any, width: Any, rate: Any, seed: Any, step: Any, layer: Any, dtype: Any
) -> tuple[int, int, float, int, int, int, str]:
    """Return (rows, width, rate, seed, step, layer, dtype)."""
    rows, width = check_int(rows, "rows", 0), check_int(width, "width", 0)
    _check_mask_size(rows, width)
    rate, step = check_real(rate, "rate", 0.0, 1.0), check_int(step, "step", 0, MAX_64)
    return rows, width, rate, check_seed(seed), step, check_int(layer, "layer", 0, 2**24 - 1), check_dtype(dtype)


def _check_mask_size(rows: int, width: int) -> None:
    if rows * width > MAX_WORDS:
        raise ValueError(f"rows * width of a dropout mask must be at most {MAX_WORDS}, but it is {rows * width}")


# One layer -----------------------------------------------------------------------------------------------------------


def check_activation(name: Any, Z: Any, out: Any) -> tuple[Array, Array]:
    """Return (Z, out)."""
    check_choice(name, "name", ACTIVATIONS)
    Z = check_data(Z, "Z")
    return Z, check_out(out, Z.shape, Z.dtype, [(Z, "Z")], in_place=True)


def check_activation_gradient(name: Any, A: Any, dA: Any, out: Any) -> tuple[Array, Array, Array]:
    """Return (A, dA, out)."""
    if check_choice(name, "name", ACTIVATIONS) == "step":
        raise ValueError(f"name is step, but {_STEP_HAS_NO_GRADIENT}")
    A, dA = check_data(A, "A"), check_data(dA, "dA")
    check_same_dtype(A, "A", (dA, "dA"))
    check_same_shape(A, "A", dA, "dA")
    return A, dA, check_out(out, A.shape, A.dtype, [(A, "A"), (dA, "dA")], in_place=True)


def check_matmul_bias(
    X: Any, W: Any, b: Any, activation: Any, out: Any, n_threads: Any
) -> tuple[Array, Array, Array | None, Array]:
    """Return (X, W, b, out)."""
    check_choice(activation, "activation", ACTIVATIONS)
    check_n_threads(n_threads)
    X, W = _check_X_and_W(X, W)
    n_out = W.shape[1]
    if b is not None:
        b = check_parameter(b, "b", 1, "(n_out,) or (1,)")
        check_same_dtype(X, "X", (b, "b"))
        if b.shape[0] not in (1, n_out):
            raise ValueError(f"b has {b.shape[0]} entries, but W has {n_out} columns; expected {n_out} or 1")
    return X, W, b, check_out(out, (X.shape[0], n_out), X.dtype, [(X, "X"), (W, "W"), (b, "b")])


def check_matmul_gradients(X: Any, W: Any, dZ: Any, n_threads: Any) -> tuple[Array, Array, Array]:
    """Return (X, W, dZ)."""
    check_n_threads(n_threads)
    X, W = _check_X_and_W(X, W)
    dZ = check_data(dZ, "dZ", "(rows, n_out)")
    check_same_dtype(X, "X", (dZ, "dZ"))
    if dZ.shape != (X.shape[0], W.shape[1]):
        raise ValueError(f"dZ must have shape {(X.shape[0], W.shape[1])}, but its shape is {dZ.shape}")
    return X, W, dZ


def _check_X_and_W(X: Any, W: Any) -> tuple[Array, Array]:
    X, W = check_data(X, "X", "(rows, n_in)"), check_parameter(W, "W", 2, "(n_in, n_out)")
    check_same_dtype(X, "X", (W, "W"))
    if X.shape[1] != W.shape[0]:
        raise ValueError(f"X has {X.shape[1]} columns, but W has {W.shape[0]} rows")
    if W.shape[1] == 0:
        raise ValueError(f"W must have at least one column, but its shape is {W.shape}")
    return X, W


# Loss and update -----------------------------------------------------------------------------------------------------


def check_loss(loss: Any, output_activation: Any) -> str:
    """Return the name of the loss, which must fit the activation of the output layer."""
    check_choice(loss, "loss", LOSSES)
    check_choice(output_activation, "output_activation", ACTIVATIONS)
    needed = {"cross_entropy": "softmax", "binary_cross_entropy": "sigmoid"}.get(loss, output_activation)
    if output_activation != needed:
        raise ValueError(f"loss {loss} needs the output activation {needed}, but it is {output_activation}")
    if output_activation == "step":
        raise ValueError(f"the output activation is step, but {_STEP_HAS_NO_GRADIENT}")
    return str(loss)


def check_target(target: Any, rows: int, n_out: int, dtype: np.dtype[Any]) -> Array:
    """Return the target: numbers of shape (rows, n_out), or int64 class labels of shape (rows,)."""
    target = check_ndarray(target, "target")
    if target.ndim == 1 and target.dtype.kind != "f":
        target = check_labels(target, n_out)
    else:
        target = check_data(target, "target", "(rows, n_out), or be int64 class labels (rows,)")
        if target.dtype != dtype:
            raise TypeError(f"target is {target.dtype.name}, but the network's dtype is {dtype.name}")
        if target.shape[1] != n_out:
            raise ValueError(f"target has {target.shape[1]} columns, but there are {n_out} outputs")
    if target.shape[0] != rows:
        raise ValueError(f"target has {target.shape[0]} rows, but there are {rows} rows of inputs")
    return target


def check_loss_and_gradient(loss: Any, Z: Any, target: Any, output_activation: Any) -> tuple[Array, Array]:
    """Return (Z, target)."""
    check_loss(loss, output_activation)
    Z = check_data(Z, "Z", "(rows, n_out)")
    _check_rows(Z, "Z")
    return Z, check_target(target, Z.shape[0], Z.shape[1], Z.dtype)


def _check_rows(array: Array, name: str) -> None:
    if array.shape[0] == 0:
        raise ValueError(f"{name} must have at least one row, but its shape is {array.shape}")


class Update(NamedTuple):
    """The numbers of an update by gradient descent with momentum."""

    learning_rate: float
    momentum: float
    nesterov: bool
    weight_decay: float


def check_update(learning_rate: Any, momentum: Any, nesterov: Any, weight_decay: Any) -> Update:
    """Return the numbers of an update, as Python numbers (a NumPy scalar would turn float32 into float64)."""
    return Update(
        check_real(learning_rate, "learning_rate", 0.0),
        check_real(momentum, "momentum", 0.0, 1.0),
        check_bool(nesterov, "nesterov"),
        check_real(weight_decay, "weight_decay", 0.0),
    )


def check_optimizer(optimizer: Any) -> Update:
    """Return the numbers of an optimizer, which must have the four attributes of `Update`."""
    missing = [name for name in Update._fields if not hasattr(optimizer, name)]
    if missing:
        raise TypeError(f"optimizer must have {', '.join(Update._fields)}; {describe(optimizer)} lacks {missing[0]}")
    return check_update(*(getattr(optimizer, name) for name in Update._fields))


def check_sgd_momentum_step(
    w: Any, v: Any, g: Any, learning_rate: Any, momentum: Any, nesterov: Any, weight_decay: Any
) -> tuple[Array, Array, Array, Update]:
    """Return (w, v, g, update)."""
    w, v = check_parameter(w, "w", writable=True), check_parameter(v, "v", writable=True)
    g = check_float_array(g, "g")
    check_same_dtype(w, "w", (v, "v"), (g, "g"))
    check_same_shape(w, "w", v, "v")
    check_same_shape(w, "w", g, "g")
    check_apart([(w, "w"), (v, "v")], [(g, "g")])
    return w, v, g, check_update(learning_rate, momentum, nesterov, weight_decay)


# Whole networks ------------------------------------------------------------------------------------------------------


def check_parameters(
    network: Network, arrays: Any, name: str, shapes: Sequence[tuple[int, ...]], writable: bool = False
) -> list[Array]:
    """Return a list of parameter arrays that fits the network: number, dtype, shapes, memory."""
    arrays = check_sequence(arrays, name)
    if len(arrays) != len(shapes):
        raise ValueError(f"{name} has {len(arrays)} arrays, but this MLP expects {len(shapes)}")
    checked = []
    for i, (value, shape) in enumerate(zip(arrays, shapes)):
        array = check_parameter(value, f"{name}[{i}]", writable=writable)
        if array.dtype.name != network.dtype:
            raise TypeError(f"{name}[{i}] is {array.dtype.name}, but this MLP is {network.dtype}")
        if array.shape != shape:
            raise ValueError(f"{name}[{i}] has shape {array.shape}, but this MLP expects {shape}")
        checked.append(array)
    return checked


def check_network(network: Any) -> Network:
    """Return the network, which must be a `Network`."""
    if not isinstance(network, Network):
        raise TypeError(f"network must be a Network, but it is {describe(network)}")
    return network


def check_X(network: Network, X: Any) -> Array:
    """Return the inputs of a network: its dtype, its number of features."""
    if isinstance(X, np.ndarray) and X.shape == (network.n_in,):
        raise ValueError(f"X must have 2 dimensions (rows, features), but its shape is {X.shape}; use X.reshape(1, -1)")
    X = check_data(X, "X", "(rows, features)")
    if X.dtype.name != network.dtype:
        raise TypeError(f"X is {X.dtype.name}, but this MLP is {network.dtype}")
    if X.shape[1] != network.n_in:
        features = f"{X.shape[1]} feature{'s' * (X.shape[1] != 1)}"
        raise ValueError(f"X has {features}, but this MLP expects {network.n_in}")
    return X


def check_forward(
    network: Any, weights: Any, biases: Any, X: Any, out: Any, n_threads: Any
) -> tuple[list[Array], list[Array], Array, Array]:
    """Return (weights, biases, X, out)."""
    check_network(network)
    weights = check_parameters(network, weights, "weights", network.weight_shapes)
    biases = check_parameters(network, biases, "biases", network.bias_shapes)
    X = check_X(network, X)
    check_n_threads(n_threads)
    inputs = [(X, "X")]
    if out is not None:
        inputs += [(w, f"weights[{i}]") for i, w in enumerate(weights)]
        inputs += [(b, f"biases[{i}]") for i, b in enumerate(biases)]
    return weights, biases, X, check_out(out, (X.shape[0], network.n_out), X.dtype, inputs)


def check_trainable(network: Network, loss: Any) -> None:
    """Refuse a loss that does not fit the network, and a hidden step activation."""
    check_loss(loss, network.output_activation)
    for i, name in enumerate(network.activations):
        if name == "step":
            raise ValueError(f"activations[{i}] is step, but {_STEP_HAS_NO_GRADIENT}")


def check_gradients(
    network: Any, weights: Any, biases: Any, X: Any, target: Any, loss: Any, seed: Any, step: Any, n_threads: Any
) -> tuple[list[Array], list[Array], Array, Array, int, int]:
    """Return (weights, biases, X, target, seed, step)."""
    check_network(network)
    check_trainable(network, loss)
    weights = check_parameters(network, weights, "weights", network.weight_shapes)
    biases = check_parameters(network, biases, "biases", network.bias_shapes)
    X, target = _check_batch(network, X, target)
    check_n_threads(n_threads)
    return weights, biases, X, target, check_seed(seed), check_int(step, "step", 0, MAX_64)


def _check_batch(network: Network, X: Any, target: Any) -> tuple[Array, Array]:
    X = check_X(network, X)
    _check_rows(X, "X")
    if any(network.dropout):
        _check_mask_size(X.shape[0], max(network.layer_sizes[1:-1]))
    return X, check_target(target, X.shape[0], network.n_out, X.dtype)


class Training(NamedTuple):
    """The arguments of train_epochs, checked."""

    weights: list[Array]
    biases: list[Array]
    weight_velocity: list[Array]
    bias_velocity: list[Array]
    X: Array
    target: Array
    update: Update
    batch_size: int
    shuffle: bool
    seed: int
    epochs: int


def check_train_epochs(
    network: Any,
    state: Any,
    X: Any,
    target: Any,
    loss: Any,
    optimizer: Any,
    batch_size: Any,
    shuffle: Any,
    seed: Any,
    epochs: Any,
    n_threads: Any,
    poll: Callable[[int, int, int, float], object] | None,
) -> Training:
    """Return the checked arguments; the state itself is only read."""
    check_network(network)
    check_trainable(network, loss)
    if not isinstance(state, TrainingState):
        raise TypeError(f"state must be a TrainingState, but it is {describe(state)}")
    update = check_optimizer(optimizer)
    lists = {}
    for name in ("weights", "biases", "weight_velocity", "bias_velocity"):
        shapes = network.weight_shapes if name.startswith("weight") else network.bias_shapes
        lists[name] = check_parameters(network, getattr(state, name), f"state.{name}", shapes, writable=True)
    check_int(state.epoch, "state.epoch", 0, MAX_64)
    check_int(state.step, "state.step", 0, MAX_64)
    X, target = _check_batch(network, X, target)
    named = [(array, f"state.{name}[{i}]") for name, arrays in lists.items() for i, array in enumerate(arrays)]
    check_apart(named, [(X, "X"), (target, "target")])
    batch_size, shuffle = check_int(batch_size, "batch_size", 1), check_bool(shuffle, "shuffle")
    seed, epochs = check_seed(seed), check_int(epochs, "epochs", 0)
    check_n_threads(n_threads)
    if poll is not None and not callable(poll):
        raise TypeError(f"poll must be callable or None, but it is {describe(poll)}")
    return Training(**lists, X=X, target=target, update=update, batch_size=batch_size, shuffle=shuffle,
                    seed=seed, epochs=epochs)  # fmt: skip


# Numbers that are not finite -----------------------------------------------------------------------------------------


def nonfinite_error(epoch: int, step_in_epoch: int, quantity: str) -> str:
    """Return the text of the FloatingPointError that stops training; epoch and step count from 0."""
    return (
        f"training stopped in epoch {epoch}, step {step_in_epoch}: {quantity} is not finite; the parameters are "
        "those before this step. A smaller learning_rate or scaled inputs may help."
    )


def find_nonfinite(loss: float, dWs: Sequence[Array], dbs: Sequence[Array]) -> str | None:
    """Name the first quantity that is not finite, in the order of back-propagation; None if all are finite."""
    if not math.isfinite(loss):
        return "the loss"
    for layer in range(len(dWs), 0, -1):
        if not np.isfinite(dWs[layer - 1]).all():
            return f"the gradient of the weights of layer {layer}"
        if dbs and not np.isfinite(dbs[layer - 1]).all():
            return f"the gradient of the biases of layer {layer}"
    return None


def find_nonfinite_parameter(weights: Sequence[Array], biases: Sequence[Array]) -> str | None:
    """Name the last layer with an updated parameter that is not finite; None if all are finite."""
    for layer in range(len(weights), 0, -1):
        if not (np.isfinite(weights[layer - 1]).all() and (not biases or np.isfinite(biases[layer - 1]).all())):
            return f"an updated parameter of layer {layer}"
    return None

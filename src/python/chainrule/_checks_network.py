"""The argument checks of the core functions on whole networks, and of their numbers while training."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from ._checks_arrays import check_apart, check_data, check_out, check_parameter
from ._checks_layers import (
    MAX_64,
    check_mask_size,
    check_rows,
    check_seed,
    check_target,
    check_weights,
)
from ._checks_steps import check_health, check_order, check_record
from ._checks_values import check_bool, check_int, check_n_threads, check_sequence, count, describe
from ._losses import STEP_HAS_NO_GRADIENT, LossRule, check_loss
from ._network import Array, HealthRecord, Network, StepRecord, TrainingState
from ._rules import HAS_SQUARE, Rule, check_optimizer


def check_parameters(
    network: Network, arrays: Any, name: str, shapes: Sequence[tuple[int, ...]], writable: bool = False
) -> list[Array]:
    """Return a list of parameter arrays that fits the network: number, dtype, shapes, memory."""
    arrays = check_sequence(arrays, name)
    if len(arrays) != len(shapes):
        raise ValueError(f"{name} has {count(len(arrays), 'array')}, but this MLP expects {len(shapes)}")
    checked, dtype = [], network.numpy_dtype
    for i, (value, shape) in enumerate(zip(arrays, shapes, strict=True)):
        if type(value) is np.ndarray and value.dtype == dtype and value.shape == shape and value.flags.carray:
            checked.append(value)  # as nearly always: nothing else to look at
            continue
        array = check_parameter(value, f"{name}[{i}]", writable=writable)
        if array.dtype != dtype:
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


def check_inputs(network: Network, X: Any, name: str = "X") -> Array:
    """Return the inputs of a network: its dtype, its number of features."""
    if isinstance(X, np.ndarray) and X.shape == (network.n_in,):
        raise ValueError(
            f"{name} must have 2 dimensions (rows, features), but its shape is {X.shape}; use "
            f"{name}.reshape(1, -1)"
        )
    inputs = check_data(X, name, "(rows, features)")
    if inputs.dtype != network.numpy_dtype:
        raise TypeError(f"{name} is {inputs.dtype.name}, but this MLP is {network.dtype}")
    if inputs.shape[1] != network.n_in:
        features = count(inputs.shape[1], "feature")
        raise ValueError(f"{name} has {features}, but this MLP expects {network.n_in}")
    return inputs


def check_forward(
    network: Any, weights: Any, biases: Any, X: Any, out: Any, n_threads: Any
) -> tuple[list[Array], list[Array], Array, Array]:
    """Return (weights, biases, X, out)."""
    check_network(network)
    weights = check_parameters(network, weights, "weights", network.weight_shapes)
    biases = check_parameters(network, biases, "biases", network.bias_shapes)
    X = check_inputs(network, X)
    check_n_threads(n_threads)
    inputs = [(X, "X")]
    if out is not None:
        inputs += [(w, f"weights[{i}]") for i, w in enumerate(weights)]
        inputs += [(b, f"biases[{i}]") for i, b in enumerate(biases)]
    return weights, biases, X, check_out(out, (X.shape[0], network.n_out), X.dtype, inputs)


def check_trainable(network: Network, loss: Any) -> LossRule:
    """Return the loss, which must fit the network; refuse a hidden step activation."""
    rule = check_loss(loss, network.output_activation, network.n_out)
    for i, name in enumerate(network.activations):
        if name == "step":
            raise ValueError(f"activations[{i}] is step, but {STEP_HAS_NO_GRADIENT}")
    return rule


class Batch(NamedTuple):
    """The arguments of gradients, checked."""

    weights: list[Array]
    biases: list[Array]
    X: Array
    target: Array
    loss: LossRule
    sample_weight: Array | None
    output_weights: tuple[float, ...] | None
    seed: int
    step: int

    @property
    def held(self) -> list[Array | None]:
        """All arrays."""
        return [*self.weights, *self.biases, self.X, self.target, self.sample_weight]


def check_gradients(
    network: Any,
    weights: Any,
    biases: Any,
    X: Any,
    target: Any,
    loss: Any,
    sample_weight: Any,
    output_weights: Any,
    seed: Any,
    step: Any,
    n_threads: Any,
) -> Batch:
    """Return the checked arguments."""
    check_network(network)
    rule = check_trainable(network, loss)
    weights = check_parameters(network, weights, "weights", network.weight_shapes)
    biases = check_parameters(network, biases, "biases", network.bias_shapes)
    X, target = _check_batch(network, X, target)
    given = check_weights(rule, sample_weight, output_weights, X, "X", network.n_out)
    check_n_threads(n_threads)
    return Batch(
        weights, biases, X, target, rule, *given, check_seed(seed), check_int(step, "step", 0, MAX_64)
    )


def _check_batch(network: Network, X: Any, target: Any) -> tuple[Array, Array]:
    X = check_training_inputs(network, X)
    return X, check_target(target, X, "X", network.n_out)


def check_training_inputs(network: Network, X: Any) -> Array:
    """Return inputs that a network can be trained on: at least one row, and random numbers for all of them."""
    inputs = check_inputs(network, X)
    check_rows(inputs, "X")
    if any(network.dropout):
        check_mask_size(len(inputs), max(network.layer_sizes[1:-1]))
    if network.input_dropout:
        check_mask_size(len(inputs), network.n_in)
    if network.input_noise:
        check_mask_size(len(inputs), network.n_in, "noise")
    return inputs


class Training(NamedTuple):
    """The arguments of train_epochs, checked."""

    weights: list[Array]
    biases: list[Array]
    weight_velocity: list[Array]
    bias_velocity: list[Array]
    weight_square: list[Array]
    bias_square: list[Array]
    X: Array
    target: Array
    loss: LossRule
    sample_weight: Array | None
    output_weights: tuple[float, ...] | None
    rule: Rule
    batch_size: int
    shuffle: bool
    seed: int
    epochs: int
    frozen: tuple[int, ...]
    order: Array | None = None
    record: StepRecord | None = None
    health: HealthRecord | None = None

    @property
    def changed(self) -> list[Array]:
        """The arrays that training changes."""
        return [array for arrays in self[:6] for array in arrays]

    @property
    def held(self) -> list[Array | None]:
        """All arrays."""
        noted = (*(self.record or ()), *(self.health or ()))
        return [*self.changed, self.X, self.target, self.sample_weight, *noted]


MOST_COUNTED = 2**63 - 1
"""Epochs and steps before a call; random numbers are drawn for as many again, and no call makes that many."""


def check_state(
    network: Network, state: Any, optimizer: Any
) -> tuple[Rule, list[list[Array]], list[tuple[Array, str]]]:
    """Return the rule of the optimizer, the six lists of arrays that training changes, and each array with its name."""
    if not isinstance(state, TrainingState):
        raise TypeError(f"state must be a TrainingState, but it is {describe(state)}")
    rule = check_optimizer(optimizer)
    if rule.kind != state.rule:
        raise ValueError(
            f"state.rule is {state.rule!r}, but the optimizer's is {rule.kind!r}; call state.restart({rule.kind!r}, "
            f"{rule.kind in HAS_SQUARE})"
        )
    lists: list[list[Array]] = []
    named: list[tuple[Array, str]] = []
    for name in Training._fields[:6]:
        if name.endswith("square") and rule.kind not in HAS_SQUARE:
            lists.append([])
            continue
        shapes = network.weight_shapes if name.startswith("weight") else network.bias_shapes
        arrays = check_parameters(network, getattr(state, name), f"state.{name}", shapes, writable=True)
        lists.append(arrays)
        named += [(array, f"state.{name}[{i}]") for i, array in enumerate(arrays)]
    if not isinstance(state.losses, list):
        raise TypeError(f"state.losses must be a list, but it is {describe(state.losses)}")
    check_int(state.epoch, "state.epoch", 0, MOST_COUNTED)
    check_int(state.step, "state.step", 0, MOST_COUNTED)
    check_int(state.started, "state.started", 0, state.step)
    return rule, lists, named


def check_frozen(network: Network, frozen: Any) -> tuple[int, ...]:
    """Return the layers that do not learn: numbers from 0 on, in order, fewer than there are layers."""
    if type(frozen) is tuple and not frozen:  # as nearly always
        return ()
    layers = {
        check_int(layer, f"frozen[{i}]", 0, network.n_layers - 1)
        for i, layer in enumerate(check_sequence(frozen, "frozen"))
    }
    if len(layers) == network.n_layers:
        raise ValueError(
            f"frozen has all {count(network.n_layers, 'layer')}; at least one must be left to learn"
        )
    return tuple(sorted(layers))


def check_train_epochs(
    network: Any,
    state: Any,
    X: Any,
    target: Any,
    loss: Any,
    sample_weight: Any,
    output_weights: Any,
    optimizer: Any,
    batch_size: Any,
    shuffle: Any,
    seed: Any,
    epochs: Any,
    n_threads: Any,
    poll: Any,
    poll_each_step: Any,
    frozen: Any,
    order: Any = None,
    record: Any = None,
    health: Any = None,
) -> Training:
    """Return the checked arguments; the state itself is only read."""
    check_network(network)
    objective = check_trainable(network, loss)
    rule, lists, named = check_state(network, state, optimizer)
    layers = check_frozen(network, frozen)
    X, target = _check_batch(network, X, target)
    given = check_weights(objective, sample_weight, output_weights, X, "X", network.n_out)
    check_apart(named, [(X, "X"), (target, "target")])
    batch_size, shuffle = check_int(batch_size, "batch_size", 1), check_bool(shuffle, "shuffle")
    seed, epochs = check_seed(seed), check_int(epochs, "epochs", 0)
    check_n_threads(n_threads)
    if rule.kind == "rprop" and batch_size < len(X):
        raise ValueError(
            f"RPROP takes all rows at once, but batch_size is {batch_size} and there are {len(X)} rows; use "
            "batch_size='full', or another optimizer"
        )
    if poll is not None and not callable(poll):
        raise TypeError(f"poll must be callable or None, but it is {describe(poll)}")
    if check_bool(poll_each_step, "poll_each_step") and poll is None:
        raise ValueError("poll_each_step is about poll, which is not given")
    order = check_order(order, len(X), shuffle)
    others = [*named, (X, "X"), (target, "target"), (given[0], "sample_weight")]
    record = check_record(record, epochs * -(-len(X) // batch_size), others)
    noted = zip(record or (), ("record.losses", "record.weight_squares"), strict=False)
    health = check_health(health, network, epochs, [*others, *noted])
    weights, biases, weight_velocity, bias_velocity, weight_square, bias_square = lists
    return Training(
        weights, biases, weight_velocity, bias_velocity, weight_square, bias_square, X, target, objective, *given,
        rule, batch_size, shuffle, seed, epochs, layers, order, record, health
    )  # fmt: skip


# Numbers that are not finite


KEPT = "the parameters are those before this step"
"""What `nonfinite_error` says of them; it is no more so where a fit then goes back to its best epoch."""


def nonfinite_error(epoch: int, step_in_epoch: int, quantity: str) -> str:
    """Return the text of the FloatingPointError that stops training; epoch and step count from 0."""
    return (
        f"training stopped in epoch {epoch}, step {step_in_epoch}: {quantity} is not finite; {KEPT}. "
        "A smaller learning_rate, or scaled inputs and targets, may help."
    )


def nonfinite_update(quantity: str) -> str:
    """Return the text of the FloatingPointError that refuses an update with gradients of the user's."""
    return f"no update was made: {quantity} is not finite; all parameters are as before"


def find_nonfinite(loss: float, dWs: Sequence[Array], dbs: Sequence[Array]) -> str | None:
    """Name the first quantity that is not finite, in the order of back-propagation; None if there is none."""
    if not math.isfinite(loss):
        return "the loss"
    for layer in range(len(dWs), 0, -1):
        if not np.isfinite(dWs[layer - 1]).all():
            return f"the gradient of the weights of layer {layer}"
        if dbs and not np.isfinite(dbs[layer - 1]).all():
            return f"the gradient of the biases of layer {layer}"
    return None


def find_nonfinite_parameter(weights: Sequence[Array], biases: Sequence[Array]) -> str | None:
    """Name the last layer with an updated parameter that is not finite; None if there is none."""
    for layer in range(len(weights), 0, -1):
        arrays = [*weights[layer - 1 : layer], *biases[layer - 1 : layer]]
        if not all(np.isfinite(array).all() for array in arrays):
            return f"an updated parameter of layer {layer}"
    return None

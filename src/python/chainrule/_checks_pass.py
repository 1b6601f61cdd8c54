"""The argument checks of passes that are kept, and of updates with gradients of the user's."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ._checks_arrays import check_apart, check_data
from ._checks_layers import MAX_64, check_seed
from ._checks_network import (
    check_frozen,
    check_network,
    check_parameters,
    check_state,
    check_training_inputs,
)
from ._checks_values import check_int, check_n_threads, describe
from ._losses import STEP_HAS_NO_GRADIENT
from ._network import Array, Network
from ._rules import Rule


def check_forward_pass(
    network: Any, weights: Any, biases: Any, X: Any, seed: Any, step: Any, n_threads: Any
) -> tuple[list[Array], list[Array], Array, int, int]:
    """Return (weights, biases, X, seed, step)."""
    check_network(network)
    for i, name in enumerate(network.activations):
        if name == "step":
            raise ValueError(f"activations[{i}] is step, but {STEP_HAS_NO_GRADIENT}")
    weights = check_parameters(network, weights, "weights", network.weight_shapes)
    biases = check_parameters(network, biases, "biases", network.bias_shapes)
    X = check_training_inputs(network, X)
    check_n_threads(n_threads)
    return weights, biases, X, check_seed(seed), check_int(step, "step", 0, MAX_64)


def check_output_gradient(network: Network, rows: int, d_output: Any, d_sums: Any) -> tuple[Array, bool]:
    """Return the one of the two that is given, C-contiguous, (rows, outputs), and whether it is of the weighted sums."""
    if (d_output is None) == (d_sums is None):
        given = "none of them is" if d_output is None else "both are"
        raise ValueError(f"d_output or d_sums must be given, one of the two, but {given}")
    value, name = (d_sums, "d_sums") if d_output is None else (d_output, "d_output")
    array = check_data(value, name, "(rows, outputs)")
    if array.dtype != network.numpy_dtype:
        raise TypeError(f"{name} is {array.dtype.name}, but this MLP is {network.dtype}")
    if array.shape != (rows, network.n_out):
        raise ValueError(
            f"{name} must have the shape of the outputs, {(rows, network.n_out)}, but its shape is {array.shape}"
        )
    return np.ascontiguousarray(array), d_output is None


class Given(NamedTuple):
    """The arguments of apply_gradients, checked."""

    lists: list[list[Array]]
    """Weights, biases, and what is remembered of each, first and second."""
    weight_gradients: list[Array]
    bias_gradients: list[Array]
    rule: Rule
    frozen: tuple[int, ...]


def check_apply_gradients(
    network: Any, state: Any, weight_gradients: Any, bias_gradients: Any, optimizer: Any, frozen: Any, n_threads: Any
) -> Given:  # fmt: skip
    """Return the checked arguments; the state itself is only read."""
    check_network(network)
    rule, lists, named = check_state(network, state, optimizer)
    if rule.decay_per_batch:
        raise ValueError("decay_per_batch must be False here, as gradients are of no batch, but it is True")
    dWs = check_parameters(network, _contiguous(weight_gradients), "weight_gradients", network.weight_shapes)
    dbs = check_parameters(network, _contiguous(bias_gradients), "bias_gradients", network.bias_shapes)
    check_apart(named, [(array, "a gradient") for array in (*dWs, *dbs)])
    layers = check_frozen(network, frozen)
    check_n_threads(n_threads)
    return Given(lists, dWs, dbs, rule, layers)


def _contiguous(arrays: Any) -> Any:
    """Return lists of arrays with those in other layouts copied; what is no array is left for the check to name."""
    if not isinstance(arrays, (list, tuple)):
        return arrays
    return [np.ascontiguousarray(array) if isinstance(array, np.ndarray) else array for array in arrays]


def check_output_number(network: Network, output: Any) -> int:
    """Return the number of an output; with a single output, None means that one."""
    if output is None:
        if network.n_out > 1:
            raise ValueError(
                f"output or d_output must be given, as this MLP has {network.n_out} outputs, but output is "
                f"{describe(output)}"
            )
        return 0
    return check_int(output, "output", 0, network.n_out - 1)

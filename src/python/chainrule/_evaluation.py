"""Rows of data and their targets, and how well a model does on them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any, NamedTuple

from ._checks_layers import check_rows
from ._network import Array, Network
from .backend import core
from .inputs import as_inputs
from .metrics import Metric, measure
from .model import MLP
from .targets import as_target


class Rows(NamedTuple):
    """Inputs (rows, features) and targets, as the cores take them."""

    inputs: Array
    target: Array


def as_rows(X: Any, y: Any, network: Network, loss: str, X_name: str = "X", y_name: str = "y") -> Rows:
    """Return X and y as the cores take them: at least one row, finite, of the dtype of the network.

    Raises
    ------
    ValueError, TypeError
        If they do not fit the network, the loss or each other; the message has the names given here.
    """
    inputs = as_inputs(X, network, X_name)
    check_rows(inputs, X_name)
    return Rows(inputs, as_target(y, network.n_out, network.dtype, loss, y_name, len(inputs)))


def evaluate(
    model: MLP, rows: Rows, loss: str, metrics: Mapping[str, Metric], n_threads: int | None
) -> dict[str, float]:
    """Return the loss and the metrics of the prediction for some rows."""
    active, name = core(), model.network.output_activation
    Z = active.forward(
        _without_output_activation(model.network),
        model.weights,
        model.biases,
        rows.inputs,
        n_threads=n_threads,
    )
    value: float = active.loss_and_gradient(loss, Z, rows.target, output_activation=name)[0]
    if not metrics:
        return {"loss": value}
    return {"loss": value, **measure(metrics, rows.target, active.activation(name, Z, out=Z))}


@lru_cache(maxsize=64)
def _without_output_activation(network: Network) -> Network:
    """Return the network that computes the weighted sums of the output layer, which the losses take."""
    return replace(network, activations=(*network.activations[:-1], "identity"))

"""Training as the minimisation of one function: all rows at once, no dropout, no noise. For optimizers that choose their step."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from . import _checks
from ._evaluation import Objective, Rows
from ._held import Claim, guarded, pins
from ._losses import loss_rule
from ._network import Array, Network, TrainingState

AfterEpoch = Callable[[], bool]
"""Called after each epoch; returns whether there is a reason to end."""


def takes_all_rows(optimizer: object) -> bool:
    """Return whether the optimizer minimises the loss of all rows, instead of making updates batch by batch."""
    return not isinstance(optimizer, type) and hasattr(optimizer, "minimise")


@dataclass(frozen=True)
class Problem:
    """The loss of all rows as a function of one vector: all parameters, layer by layer, weights before biases.

    All of it is computed in float64, whatever the model's dtype: differences of losses decide about steps.

    Parameters
    ----------
    core : module
        `chainrule.native` or `chainrule.reference`.
    network : Network
    state : TrainingState
        Its parameters are where the minimisation starts, and where accepted steps are written.
    rows : Rows
    objective : Objective
    n_threads : int or None
    weight_decay : float
        Adds ``weight_decay / 2 * sum(w^2)`` over the weights, not the biases.
    """

    core: Any
    network: Network
    state: TrainingState
    rows: Rows
    objective: Objective
    n_threads: int | None
    weight_decay: float

    def __post_init__(self) -> None:
        _checks.check_nothing_random(
            self.network,
            "an optimizer that compares losses needs the same network in each step; use {name}=0 and weight_decay "
            "instead, or SGD",
        )

    @cached_property
    def double(self) -> Network:
        """The network in float64."""
        return replace(self.network, dtype="float64")

    @cached_property
    def data(self) -> tuple[Array, Array]:
        """Inputs and target in float64; class labels stay what they are."""
        X, target = self.rows.inputs, self.rows.target
        if target.dtype.kind == "f":
            target = np.asarray(target, np.float64)
        return np.asarray(X, np.float64), target

    @cached_property
    def is_weight(self) -> Array:
        """1 for each weight, 0 for each bias."""
        sizes = [np.zeros(a.shape) if a.ndim == 1 else np.ones(a.shape) for a in self._arrays()]
        return _flat(sizes)

    def start(self) -> Array:
        """Return the parameters of the state."""
        return _flat(self._arrays())

    def penalty(self, vector: Array) -> float:
        """Return ``weight_decay / 2 * sum(w^2)``."""
        return self.weight_decay / 2 * float(self.is_weight @ (vector * vector))

    def loss_and_gradient(self, vector: Array) -> tuple[float, Array]:
        """Return the loss, with the penalty of weight decay, and its gradient."""
        weights, biases = self.split(vector)
        weight = self.rows.weight
        loss, _held = self.objective.loss, pins(*self._arrays(), *self.rows)
        if (function := loss_rule(loss).function) is not None:
            loss = guarded(function, self._arrays())
        value, dWs, dbs = self.core.gradients(
            self.double, weights, biases, *self.data, loss=loss,
            sample_weight=None if weight is None else np.asarray(weight, np.float64),
            output_weights=self.objective.output_weights, n_threads=self.n_threads
        )  # fmt: skip
        decay = self.weight_decay * self.is_weight * vector
        return value + self.penalty(vector), _flat(_interleaved(dWs, dbs)) + decay

    def split(self, vector: Array) -> tuple[list[Array], list[Array]]:
        """Return the vector as arrays of the shapes of weights and biases."""
        arrays, at = [], 0
        for like in self._arrays():
            arrays.append(vector[at : at + like.size].reshape(like.shape))
            at += like.size
        return arrays[:: 2 if self.state.biases else 1], arrays[1::2] if self.state.biases else []

    def finish_epoch(self, vector: Array, loss: float) -> None:
        """Write the parameters into the state; count a step and an epoch.

        Its loss is that before the step, without the penalty, as of an epoch of gradient descent.
        """
        weights, biases = self.split(vector)
        self.state.finish_step(self._arrays(), _interleaved(weights, biases))
        self.state.finish_epoch(loss)

    def require_finite(self, value: float, gradient: Array) -> None:
        """Raise FloatingPointError if the loss or its gradient is not finite; nothing has changed."""
        wrong = _checks.find_nonfinite(value, *self.split(gradient))
        if wrong is not None:
            raise FloatingPointError(_checks.nonfinite_error(self.state.epoch, 0, wrong))

    def _arrays(self) -> list[Array]:
        return _interleaved(self.state.weights, self.state.biases)


def minimise(
    optimizer: Any, core: Any, network: Network, state: TrainingState, rows: Rows, objective: Objective, batch_size: int,
    n_threads: int | None, epochs: int, after: AfterEpoch | None
) -> None:  # fmt: skip
    """Let the optimizer make so many epochs, each of one step with all rows.

    Raises
    ------
    ValueError
        If batches are smaller, or the optimizer does not fit the network or the loss; nothing has changed.
    """
    if batch_size < len(rows.inputs):
        raise ValueError(
            f"{type(optimizer).__name__} takes all rows at once, but batch_size is {batch_size} and there are "
            f"{len(rows.inputs)} rows; use batch_size='full'"
        )
    problem = Problem(core, network, state, rows, objective, n_threads, optimizer.weight_decay)
    with Claim(state.weights):
        optimizer.minimise(problem, epochs, after)


def _interleaved(weights: Sequence[Array], biases: Sequence[Array]) -> list[Array]:
    if not biases:
        return list(weights)
    return [array for pair in zip(weights, biases, strict=True) for array in pair]


def _flat(arrays: Sequence[Array]) -> Array:
    return np.concatenate([np.asarray(array, np.float64).ravel() for array in arrays])

"""The functions of `mathematics` as `chainrule.reference` offers them: each checks its arguments, then calls that one.

The docstrings are those of `mathematics`, with the further functions behind them, and then what is written here. The
functions of other files check for themselves.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from inspect import cleandoc
from itertools import chain
from typing import Any, TypeVar

import numpy as np

from chainrule import _checks
from chainrule._held import Claim, guarded, pins
from chainrule._losses import LossRule
from chainrule._network import (
    Array,
    HealthRecord,
    MeasuredRows,
    Network,
    StepRecord,
    TrainingState,
    without_output_activation,
)

from . import further_activations, further_losses, mathematics

F = TypeVar("F", bound=Callable[..., Any])


def _described_by(*described: Any) -> Callable[[F], F]:
    """Put the docstrings of these before that of a function."""

    def describe(function: F) -> F:
        texts = [cleandoc(thing.__doc__ or "") for thing in (*described, function)]
        function.__doc__ = "\n\n".join(texts)
        return function

    return describe


@_described_by(mathematics.activation, further_activations)
def activation(name: str, Z: Array, *, out: Array | None = None) -> Array:
    """``out`` may be Z itself."""
    Z, out = _checks.check_activation(name, Z, out)
    with np.errstate(all="ignore"):
        np.copyto(out, mathematics.activation(name, Z))
    return out


@_described_by(mathematics.activation_gradient)
def activation_gradient(
    name: str, A: Array, dA: Array, *, Z: Array | None = None, out: Array | None = None
) -> Array:
    """``out`` may be A, dA or Z."""
    A, dA, Z, out = _checks.check_activation_gradient(name, A, dA, Z, out)
    with np.errstate(all="ignore"):
        np.copyto(out, mathematics.activation_gradient(name, A, dA, Z))
    return out


def matmul_bias(
    X: Array, W: Array, b: Array | None = None, *, activation: str = "identity",
    out: Array | None = None, n_threads: int | None = None
) -> Array:  # fmt: skip
    """Return ``A = f(X W + b)``, (rows, n_out), from X (rows, n_in), W (n_in, n_out), b (n_out,) or (1,)."""
    X, W, b, out = _checks.check_matmul_bias(X, W, b, activation, out, n_threads)
    with np.errstate(all="ignore"):
        np.copyto(out, mathematics.activation(activation, mathematics.weighted_sums(X, W, b)))
    return out


@_described_by(mathematics.matmul_gradients)
def matmul_gradients(
    X: Array, W: Array, dZ: Array, *, n_threads: int | None = None
) -> tuple[Array, Array, Array]:
    """All three are new arrays."""
    X, W, dZ = _checks.check_matmul_gradients(X, W, dZ, n_threads)
    with np.errstate(all="ignore"):
        return mathematics.matmul_gradients(X, W, dZ)


@_described_by(mathematics.loss_and_gradient, further_losses)
def loss_and_gradient(
    loss: Any, Z: Array, target: Array, *, output_activation: str = "identity", sample_weight: Array | None = None,
    output_weights: Sequence[float] | None = None
) -> tuple[float, Array]:  # fmt: skip
    """`losses` has the objects that hold the numbers of a loss."""
    given = _checks.check_loss_and_gradient(loss, Z, target, output_activation, sample_weight, output_weights)
    return loss_checked(output_activation, *given)


def loss_checked(
    output_activation: str, Z: Array, target: Array, rule: LossRule, weight: Array | None,
    factors: Sequence[float] | None
) -> tuple[float, Array]:  # fmt: skip
    """Do what `loss_and_gradient` does, with arguments that were checked."""
    with np.errstate(all="ignore"):
        return mathematics.loss_and_gradient(rule, Z, target, output_activation, weight, factors)


@_described_by(mathematics.forward)
def forward(
    network: Network, weights: Sequence[Array], biases: Sequence[Array], X: Array, *,
    out: Array | None = None, n_threads: int | None = None
) -> Array:  # fmt: skip
    """It is written into ``out`` if that is given."""
    return forward_checked(
        network, *_checks.check_forward(network, weights, biases, X, out, n_threads), n_threads
    )


def forward_checked(
    network: Network, weights: list[Array], biases: list[Array], X: Array, out: Array, n_threads: int | None
) -> Array:
    """Do what `forward` does, with arguments that were checked."""
    with np.errstate(all="ignore"):
        np.copyto(out, mathematics.forward(network, weights, biases, X))
    return out


@_described_by(mathematics.gradients)
def gradients(
    network: Network, weights: Sequence[Array], biases: Sequence[Array], X: Array, target: Array, *,
    loss: Any, sample_weight: Array | None = None, output_weights: Sequence[float] | None = None, seed: int = 0,
    step: int = 0, n_threads: int | None = None
) -> tuple[float, list[Array], list[Array]]:  # fmt: skip
    """All are new arrays."""
    given = _checks.check_gradients(
        network, weights, biases, X, target, loss, sample_weight, output_weights, seed, step, n_threads
    )
    if given.loss.function is not None:
        _held = pins(*given.held)
        function = guarded(given.loss.function, given.weights + given.biases)
        given = given._replace(loss=given.loss._replace(function=function))
    with np.errstate(all="ignore"):
        return mathematics.gradients(network, *given)


@_described_by(mathematics.sgd_momentum_step)
def sgd_momentum_step(
    w: Array, v: Array, g: Array, *, learning_rate: float, momentum: float = 0.0,
    nesterov: bool = False, weight_decay: float = 0.0
) -> None:  # fmt: skip
    """Both are updated in place."""
    w, v, g, numbers = _checks.check_sgd_momentum_step(
        w, v, g, learning_rate, momentum, nesterov, weight_decay
    )
    with np.errstate(all="ignore"):
        mathematics.sgd_momentum_step(w, v, g, w, v, numbers)


@_described_by(mathematics.train_epochs)
def train_epochs(
    network: Network, state: TrainingState, X: Array, target: Array, *, loss: Any,
    sample_weight: Array | None = None, output_weights: Sequence[float] | None = None, optimizer: Any, batch_size: int,
    shuffle: bool, seed: int, epochs: int, n_threads: int | None = None,
    poll: Callable[[int, int, int, float], object] | None = None, poll_each_step: bool = False,
    frozen: Sequence[int] = (), order: Array | None = None, record: StepRecord | None = None,
    health: HealthRecord | None = None
) -> None:  # fmt: skip
    """``optimizer`` has the numbers of `sgd_momentum_step` as attributes, or those of another rule and its name as ``kind``
    (see `optimizers`); its penalties and `max_norm` spare biases.

    What a loss of the user's writes into the arrays of ``state`` is lost; ``poll`` may write nothing into them, but with
    ``poll_each_step``: it then is called after every single batch by the native core too, which else asks it some 20 times a
    second, the arrays are up to date, and what is written into them counts. Neither can resize an array of this call: NumPy
    refuses that.

    ``order``, int64 of shape (rows,), has the numbers of the rows that each epoch of this call takes, one after the other;
    shuffle must be False. A row may come several times, and another not at all: it is an order of draws. The result is that of
    ``X[order]``, ``target[order]`` and ``sample_weight[order]``, to the bit.

    ``record``, a `StepRecord` of two float64 arrays with an entry for each step of this call, gets the loss of each batch, as
    the loss of an epoch counts it, and the sum of the squares of all weights before its update, added in float64. What is not
    done, because training was stopped, is NaN.

    ``health``, a `HealthRecord`, gets what was measured of each layer in each epoch of this call, in a few of its steps:
    `HEALTH_COLUMNS` in ``chainrule._network`` says which steps, and what. Its values are finished with the last measured
    step of an epoch, before ``poll`` is told of the end of that; after the call those of unfinished epochs are NaN.

    An optimizer with ``decay_per_batch=True`` divides its weight decay by the number of rows of the batch, or the sum of their
    weights: the term in the gradient is ``weight_decay / sum w``, and none where the sum is 0. With ``raw_epsilon=True`` Adam is
    ``w = w - learning_rate sqrt(1 - beta2^t) / (1 - beta1^t) m / (sqrt(v) + epsilon)``, as in section 2 of its paper.
    """
    given = _checks.check_train_epochs(
        network, state, X, target, loss, sample_weight, output_weights, optimizer, batch_size, shuffle, seed, epochs,
        n_threads, poll, poll_each_step, frozen, order, record, health
    )  # fmt: skip
    train_checked(network, state, given, n_threads, poll, poll_each_step)


def train_checked(
    network: Network, state: TrainingState, given: _checks.Training, n_threads: int | None = None,
    poll: Callable[[int, int, int, float], object] | None = None, poll_each_step: bool = False,
    measured: Sequence[MeasuredRows] = ()
) -> None:  # fmt: skip
    """Do what `train_epochs` does, with arguments that were checked and are as they were then, and measure after each epoch."""
    _held = pins(*given.held, *chain.from_iterable(rows.arrays for rows in measured))
    if measured:
        health = given.health
        if health is not None:
            health.cut(0)
        for epoch in range(given.epochs):
            part = health and health.of(epoch)
            train_checked(network, state, given._replace(epochs=1, health=part), n_threads, poll)
            for rows in measured:
                _measure(network, given, rows)
        return
    if given.loss.function is not None:
        function = guarded(given.loss.function, given.changed)
        given = given._replace(loss=given.loss._replace(function=function))
    with Claim(given.weights):
        if given.record:
            given.record.clear()
        epoch = state.epoch
        try:
            mathematics.train_epochs(network, state, given, poll)
        finally:
            if given.health:
                given.health.cut(state.epoch - epoch)


def _measure(network: Network, given: _checks.Training, rows: MeasuredRows) -> None:
    """Measure the rows with the parameters as they are now."""
    name, Z = network.output_activation, np.empty((len(rows.X), network.n_out), rows.X.dtype)
    forward_checked(without_output_activation(network), given.weights, given.biases, rows.X, Z, None)
    if rows.losses is not None:
        loss = loss_checked(name, Z, rows.target, given.loss, rows.weight, given.output_weights)[0]
        rows.losses.append(loss)
    if rows.accuracies is not None:
        A = activation(name, Z)
        predicted = A.argmax(axis=1) if network.n_out > 1 else A[:, 0] >= 0.5
        rows.accuracies.append(float(np.mean((predicted == rows.classes) & ~np.isnan(A).any(axis=1))))

"""Training: epochs of batches, each a forward pass, a backward pass and an update."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from chainrule import _checks
from chainrule._held import Claim, pins
from chainrule._network import Array, Network, TrainingState, _to_the_end
from chainrule._rules import NO_LIMIT, Rule

from .networks import _gradients
from .random_numbers import permutation
from .rules import _apply_rule, _clip, _limit_norms
from .updates import _sgd_momentum_step


def train_epochs(
    network: Network, state: TrainingState, X: Array, target: Array, *, loss: Any,
    sample_weight: Array | None = None, output_weights: Sequence[float] | None = None, optimizer: Any, batch_size: int,
    shuffle: bool, seed: int, epochs: int, n_threads: int | None = None,
    poll: Callable[[int, int, int, float], object] | None = None
) -> None:  # fmt: skip
    """Train for ``epochs`` more epochs of stochastic gradient descent; ``state`` is updated in place.

    In an epoch every row comes once, in the order of `permutation` (or as they lie), in batches of
    ``batch_size`` rows, the last one smaller. Each batch is a forward pass, a backward pass and an update.
    ``state.losses`` gets the mean loss of the rows of each epoch. Loss and weights are those of `loss_and_gradient`. ``optimizer`` has the numbers of
    `sgd_momentum_step` as attributes, or those of another rule and its name as ``kind`` (see `optimizers`); its
    penalties and `max_norm` spare biases. ``poll(epoch, batches done in it, batches
    per epoch, mean loss of the rows so far)`` is called between batches, and after the last one of an epoch
    before that is counted; training stops if it raises. What a loss writes into the arrays of ``state`` is lost; ``poll``
    may write nothing into them. NumPy lets neither resize an array of this call.

    Raises FloatingPointError if the loss, a gradient or a new parameter is not finite; that step is not done.
    """
    given = _checks.check_train_epochs(
        network,
        state,
        X,
        target,
        loss,
        sample_weight,
        output_weights,
        optimizer,
        batch_size,
        shuffle,
        seed,
        epochs,
        n_threads,
        poll,
    )
    _held = pins(*given.held)
    with Claim(given.weights):
        _train(network, state, given, poll)


def _train(
    network: Network, state: TrainingState, given: _checks.Training, poll: Callable[[int, int, int, float], object] | None
) -> None:  # fmt: skip
    X, target, rows = given.X, given.target, len(given.X)
    theirs = [array[...] for array in given.changed]  # views, whose shapes are nobody else's
    old = [array.copy() for array in theirs]  # what others write into theirs meanwhile is lost
    new = [np.empty_like(array) for array in old]
    n_weights, n_biases = len(given.weights), len(given.biases)
    weights, biases = old[:n_weights], old[n_weights : n_weights + n_biases]

    def restore() -> None:
        for array, value in zip(theirs, old, strict=True):
            np.copyto(array, value)

    try:
        for _ in range(given.epochs):
            order = permutation(rows, seed=given.seed, epoch=state.epoch) if given.shuffle else None
            total, counted, starts = 0.0, 0.0, range(0, rows, given.batch_size)
            for i, start in enumerate(starts):
                stop = min(start + given.batch_size, rows)
                batch: Any = slice(start, stop) if order is None else order[start:stop]
                rule = given.rule.at_rate(given.rule.rate_of(state.step))
                weight = None if given.sample_weight is None else given.sample_weight[batch]
                with np.errstate(all="ignore"):
                    value, dWs, dbs = _gradients(
                        network,
                        weights,
                        biases,
                        X[batch],
                        target[batch],
                        given.loss,
                        weight,
                        given.output_weights,
                        given.seed,
                        state.step,
                    )
                    wrong = _checks.find_nonfinite(value, dWs, dbs) or _update(
                        old, new, dWs, dbs, rule, state.step - state.started + 1
                    )
                if wrong:
                    raise FloatingPointError(_checks.nonfinite_error(state.epoch, i, wrong))
                state.finish_step([*old, *theirs], [*new, *new])
                count = float(stop - start if weight is None else weight.sum(dtype=np.float64))
                total, counted = total + value * count, counted + count
                if poll is not None:
                    poll(state.epoch, i + 1, len(starts), total / counted if counted else 0.0)
            state.finish_epoch(total / counted if counted else 0.0)
    finally:
        _to_the_end(restore)


def _update(
    old: list[Array], new: list[Array], dWs: list[Array], dbs: list[Array], rule: Rule, t: int
) -> str | None:
    """Compute the new parameters, and what is remembered of them, from the old; name a layer with one that is not finite.

    ``t`` counts the updates of this rule from 1 on.
    """
    n, m = len(dWs), len(dWs + dbs)  # weights, parameters; what is remembered follows in the same order
    gradients, spared = _clip(dWs + dbs, rule), rule.for_biases()
    for i, g in enumerate(gradients):
        one = rule if i < n else spared
        if rule.is_plain:
            numbers = _checks.Update(one.learning_rate, one.momentum, one.nesterov, one.weight_decay)
            _sgd_momentum_step(old[i], old[m + i], g, new[i], new[m + i], numbers)
            continue
        for before, after in zip(old[i::m], new[i::m], strict=True):
            np.copyto(after, before)
        _apply_rule(one, t, new[i], new[m + i], new[2 * m + i] if len(new) > 2 * m else None, g)
        if one.max_norm != NO_LIMIT:
            _limit_norms(new[i], one.max_norm)
    wrong = _checks.find_nonfinite_parameter(new[:n], new[n:m])
    return wrong or _checks.find_nonfinite_parameter(new[2 * m : 2 * m + n], new[2 * m + n :])

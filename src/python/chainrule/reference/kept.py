"""A forward pass that is kept, for backward passes with any derivative of the outputs: `mathematics` with its arguments checked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from chainrule import _checks
from chainrule._held import Claim
from chainrule._network import Array, Network, TrainingState
from chainrule.passes import ForwardPass

from . import further_rules, mathematics, random_numbers


class KeptPass:
    """What `ForwardPass` stands on: all of the pass, and copies of the parameters and of X."""

    def __init__(
        self, network: Network, weights: list[Array], biases: list[Array], X: Array, seed: int, step: int
    ) -> None:
        self._network, self._weights = network, [w.copy() for w in weights]
        self._place = seed, step
        with np.errstate(all="ignore"):
            self._kept = mathematics.forward_in_training(network, weights, biases, X.copy(), seed, step)

    def sums(self) -> Array:
        """Return the weighted sums of the output layer."""
        sums: Array = self._kept.Z.copy()
        return sums

    def output(self) -> Array:
        """Return the outputs."""
        with np.errstate(all="ignore"):
            return mathematics.activation(self._network.output_activation, self.sums())

    def hidden(self, layer: int) -> Array:
        """Return what a hidden layer gave to the next."""
        hidden: Array = self._kept.given[layer + 1].copy()
        return hidden

    def backward(self, d: Array, of_sums: bool) -> tuple[list[Array], list[Array]]:
        """Return lists of dW and db."""
        dWs, dbs, _ = self._back(d, of_sums)
        return dWs, dbs

    def input_gradients(self, d: Array, of_sums: bool) -> Array:
        """Return dX: from the dZ of the first layer through its weights, and through the mask of the inputs."""
        dZ = self._back(d, of_sums)[2][0]
        with np.errstate(all="ignore"):
            dX: Array = dZ @ self._weights[0].T
            rate = self._network.input_dropout
            if rate > 0:
                seed, step = self._place
                rows, n_in = dX.shape
                dX *= random_numbers.dropout_mask(
                    rows, n_in, rate, seed=seed, step=step, layer=-1, dtype=dX.dtype
                )
        return dX

    def _back(self, d: Array, of_sums: bool) -> tuple[list[Array], list[Array], list[Array]]:
        with np.errstate(all="ignore"):
            dZ = d
            if not of_sums:
                name = self._network.output_activation
                dZ = mathematics.activation_gradient(name, self.output(), d, self._kept.Z)
            return mathematics.backward(self._network, self._weights, self._kept, dZ)


def forward_pass(
    network: Network, weights: Sequence[Array], biases: Sequence[Array], X: Array, *, seed: int = 0, step: int = 0,
    n_threads: int | None = None
) -> ForwardPass:  # fmt: skip
    """Return a forward pass that is kept, as in training: with the dropout masks and the noise of ``seed`` and ``step``.

    Its methods go back from any derivative of the outputs; it has copies of X and of the parameters.
    """
    weights, biases, X, seed, step = _checks.check_forward_pass(
        network, weights, biases, X, seed, step, n_threads
    )
    return ForwardPass(network, KeptPass(network, weights, biases, X, seed, step), len(X))


def apply_gradients(
    network: Network, state: TrainingState, weight_gradients: Sequence[Array], bias_gradients: Sequence[Array], *,
    optimizer: Any, frozen: Sequence[int] = (), n_threads: int | None = None
) -> None:  # fmt: skip
    """Make one update of the state with these gradients, as `train_epochs` does with those of a batch; it counts as a step.

    Raises FloatingPointError if a gradient or a new parameter is not finite; nothing has changed then.
    """
    given = _checks.check_apply_gradients(
        network, state, weight_gradients, bias_gradients, optimizer, frozen, n_threads
    )
    with Claim(given.lists[0]), np.errstate(all="ignore"):
        rule = given.rule.at_rate(given.rule.rate_of(state.step))
        dWs, dbs = further_rules.without_frozen(given.weight_gradients, given.bias_gradients, given.frozen)
        old = [array for arrays in given.lists for array in arrays]
        new = [np.empty_like(array) for array in old]
        wrong = _checks.find_nonfinite(0.0, dWs, dbs)
        t = state.step - state.started + 1
        wrong = wrong or mathematics.update(old, new, dWs, dbs, rule, t, given.frozen)
        if wrong:
            raise FloatingPointError(_checks.nonfinite_update(wrong))
        state.finish_step(old, new)

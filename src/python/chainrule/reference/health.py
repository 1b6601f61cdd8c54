"""The health of the layers in training: what `HEALTH_COLUMNS` of ``chainrule._network`` says, in NumPy."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from chainrule._checks import Training
from chainrule._network import (
    HEALTH_COLUMNS,
    MEASURED_ROWS,
    Array,
    Network,
    measured_steps,
    steps_for_one_measured,
)

FLAT_ENDS = {
    **dict.fromkeys(("sigmoid", "hard_sigmoid", "softmax"), (0.01, 0.99)),
    **dict.fromkeys(("tanh", "softsign"), (-0.99, 0.99)),
}
"""Below the first and above the second number an activation is saturated."""


def measured_steps_of(network: Network, rows: int, batch_size: int) -> tuple[int, ...]:
    """Return the steps of an epoch that are measured, counted from 0: each with a whole batch if there is one."""
    each = steps_for_one_measured(network, min(rows, batch_size))
    return measured_steps(-(-rows // batch_size), max(rows // batch_size, 1), each)


def saturation(name: str, A: Array, rate: float) -> float:
    """Return the share of A at the flat ends of this activation; A went through dropout at this rate."""
    if name not in FLAT_ENDS:
        return 0.0
    factor = A.dtype.type(1 / (1 - rate))
    low, high = (A.dtype.type(end) * factor for end in FLAT_ENDS[name])
    left = A != 0 if rate > 0 else np.ones_like(A, bool)  # dropout makes zeros
    return float(((low > A) | (high < A))[left].mean()) if left.any() else 0.0


class Meter:
    """Measures steps of training and writes what it finds into the health record, if there is one."""

    def __init__(self, network: Network, given: Training) -> None:
        self._network, self._health, self._frozen = network, given.health, given.frozen
        self._measured = measured_steps_of(network, len(given.X), given.batch_size) if given.health else ()
        self._rates = (*network.dropout, 0.0)
        self._lowest = next(i for i in range(network.n_layers) if i not in given.frozen)
        self._step, self._epoch = -1, -1  # the ones under way

    def at(self, step: int) -> Callable[[list[Array], list[Array]], None] | None:
        """Return what is to look at step ``step`` of the epoch under way, or None."""
        self._step = step
        self._epoch += step == 0
        return self._look if self._is_measured() else None

    def _is_measured(self) -> bool:
        if self._health is None or self._step not in self._measured:
            return False
        return self._health.measured is None or bool(self._health.measured[self._epoch])

    def _look(self, given_on: Sequence[Array], dZs: Sequence[Array]) -> None:
        self._rows = len(dZs[0])
        apart = max(self._rows // MEASURED_ROWS, 1)
        self._given_on, self._dZs = ([A[::apart][:MEASURED_ROWS] for A in each] for each in (given_on, dZs))

    def note(self, old: Sequence[Array], new: Sequence[Array], dWs: Sequence[Array]) -> None:
        """Measure the step that ends: lists of the parameters, the weights first, before and after it, and of dW."""
        if self._health is None or not self._is_measured():
            return
        if self._step == self._measured[0]:
            self._sum = np.zeros(self._health.values.shape[1:])
            self._active = [np.zeros(A.shape[1], bool) for A in self._given_on]
        with np.errstate(all="ignore"):
            for i, A in enumerate(self._given_on):
                self._active[i] |= (A != 0).any(axis=0)
                self._sum[i] += self._of_layer(i, old[i], new[i], dWs[i])
        self._count_quiet()
        if self._step == self._measured[-1]:
            values = self._sum / len(self._measured)
            values[:, HEALTH_COLUMNS.index("dead")] = [(~active).mean() for active in self._active]
            self._health.values[self._epoch] = values

    def _of_layer(self, i: int, W: Array, new_W: Array, dW: Array) -> tuple[float, ...]:
        A, dZ = self._given_on[i].astype(np.float64), self._dZs[i].astype(np.float64)
        around = A - A[0]  # nothing is rounded where all rows are the same
        variance = (around**2).mean(axis=0) - around.mean(axis=0) ** 2
        spread = float(np.sqrt(np.maximum(variance, 0).mean())) if len(A) > 1 else np.nan
        saturated = saturation(self._network.activations[i], self._given_on[i], self._rates[i])
        delta = _root_mean_square(dZ) * self._rows if i >= self._lowest else 0.0
        norms = [_norm(array) for array in (dW, W, new_W - W)]
        return _root_mean_square(A), spread, 0.0, saturated, delta, *norms

    def _count_quiet(self) -> None:
        """Add the rows in which units were 0, from the last in which they were not."""
        assert self._health is not None
        quiet, at = self._health.quiet, 0
        for A in self._given_on[:-1]:
            rows, end = len(A), at + A.shape[1]
            back = (A != 0)[::-1]
            quiet[at:end] = np.where(back.any(axis=0), back.argmax(axis=0), quiet[at:end] + rows)
            at = end


def _norm(array: Array) -> float:
    return float(np.sqrt(np.square(array, dtype=np.float64).sum()))


def _root_mean_square(array: Array) -> float:
    return float(np.sqrt(np.square(array).mean()))

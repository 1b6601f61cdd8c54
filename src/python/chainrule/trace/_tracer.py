"""Recording while a trainer trains: parameters before a step, its rows, and the parameters after it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from chainrule._checks_values import check_int
from chainrule._evaluation import Rows
from chainrule._losses import loss_rule
from chainrule._network import Array, TrainingState
from chainrule._rules import HAS_SQUARE, check_optimizer
from chainrule._whole_batch import takes_all_rows
from chainrule.backend import core, get_backend

from ._compute import Batch, compute, total_weight
from ._settings import describe_optimizer
from ._shown import Before, traced_step
from ._trace import Trace

if TYPE_CHECKING:
    from chainrule.trainer import Trainer

Poll = Callable[[int, int, int, float], object]
Numbers = frozenset[int] | range
"""A range stays one: it may be too long for a set."""


class Wish(NamedTuple):
    """Which steps and which rows are to be traced."""

    numbers: Numbers | None
    """The numbers of the steps; None for the next ones."""
    most: int | None
    """How many steps; None for any number."""
    rows: Numbers | None


def check_wish(steps: Any, rows: Any) -> Wish:
    """Return the arguments of `Trainer.trace`, checked."""
    numbers, most = None, None
    if isinstance(steps, str):
        if steps != "all":
            raise ValueError(f"steps must be an int, a range or list of ints, or 'all', but it is {steps!r}")
    elif isinstance(steps, (list, tuple, range)):
        numbers = _numbers(steps, "steps")
        if not numbers:
            raise ValueError("steps must have at least 1 entry, but it has none")
        most = _length(numbers) if isinstance(numbers, range) else len(numbers)
    else:
        most = check_int(steps, "steps", 1)
    if rows is None:
        return Wish(numbers, most, None)
    if not isinstance(rows, (list, tuple, range)):
        rows = (rows,)
    wanted = _numbers(rows, "rows")
    if not wanted:
        raise ValueError(
            "rows must have at least 1 entry, but it has none; leave it away for all rows of the batch"
        )
    return Wish(numbers, most, wanted)


def _numbers(given: Any, name: str) -> Numbers:
    if not isinstance(given, range):
        return frozenset(check_int(number, f"{name}[{i}]", 0) for i, number in enumerate(given))
    for i in (0, _length(given) - 1) if given else ():
        check_int(given[i], f"{name}[{i}]", 0)
    return given


def _length(numbers: range) -> int:
    """Return the length, of which `len` gives none that is longer than memory may be."""
    return (numbers[-1] - numbers[0]) // numbers.step + 1


def refuse_whole_batch(optimizer: Any) -> None:
    """Refuse an optimizer that makes no updates from gradients."""
    if takes_all_rows(optimizer):
        raise TypeError(
            f"{type(optimizer).__name__} minimises the loss of all rows in steps of its own, of which no gradient alone "
            "tells; a trace needs another optimizer, such as SGD or Adam"
        )


class Tracer:
    """Fills a trace while it is the tracer of a trainer."""

    def __init__(self, trainer: Trainer, wish: Wish) -> None:
        self.trace, self.wish = Trace(trainer.model.network, get_backend()), wish
        self._trainer = trainer

    def watch(
        self, state: TrainingState, rows: Rows, optimizer: Any, batch_size: int, shuffle: bool, epochs: int
    ) -> Watch | None:
        """Return what looks at the steps of one call of the core; None where no step is wanted any more."""
        if self.is_done or epochs == 0:
            return None
        return Watch(self, self._trainer, state, rows, optimizer, batch_size, shuffle, epochs)

    def refuse(self, optimizer: Any) -> None:
        """Refuse an optimizer that makes no updates from gradients, which the trainer may have got since."""
        refuse_whole_batch(optimizer)

    @property
    def is_done(self) -> bool:
        """Whether as many steps were traced as were wanted."""
        return self.wish.most is not None and len(self.trace.steps) >= self.wish.most


class Watch:
    """Looks at the steps of one call of `train_epochs`, which must poll at each step."""

    def __init__(
        self, tracer: Tracer, trainer: Trainer, state: TrainingState, rows: Rows, optimizer: Any, batch_size: int,
        shuffle: bool, epochs: int
    ) -> None:  # fmt: skip
        self._tracer, self._trainer, self._rows = tracer, trainer, rows
        self._state = replace(state)  # the arrays of this call, whatever a callback sets for the next one
        self._optimizer, self._rule = optimizer, check_optimizer(optimizer)
        self._loss, self._output_weights, self._seed = trainer.loss, trainer.output_weights, trainer.seed
        self._frozen, self._n_threads = trainer.frozen, trainer.n_threads
        self._size, self._shuffle = batch_size, shuffle
        self._first = state.epoch, state.step
        self._per_epoch = -(-len(rows.inputs) // batch_size)
        self._left, self._done = epochs * self._per_epoch, 0
        self._order: tuple[int, Array | None] = (-1, None)
        self._before: Before | None = None
        self._look_ahead()

    def poll(self, poll: Poll | None) -> Poll:
        """Return what the core is to call after each step, with what it would have called."""

        def after(epoch: int, step_in_epoch: int, steps_per_epoch: int, loss: float) -> None:
            self._finish()
            if poll is not None:
                poll(epoch, step_in_epoch, steps_per_epoch, loss)
            self._look_ahead()  # after the caller, who may write into the parameters

        return after

    def _look_ahead(self) -> None:
        """Keep what the next step changes, if it is wanted."""
        self._before = None
        tracer, wish = self._tracer, self._tracer.wish
        step = self._first[1] + self._done
        if tracer.is_done or self._done >= self._left:
            return
        if wish.numbers is not None and step not in wish.numbers:
            return
        numbers = self._numbers()
        places = list(range(len(numbers)))
        if wish.rows is not None:
            places = [place for place, number in enumerate(numbers.tolist()) if number in wish.rows]
            if not places:
                return
        self._before = Before.of(self._state, numbers, places, self._epoch, step)

    def _finish(self) -> None:
        """Record the step that was just made, if it was wanted."""
        self._done += 1
        before = self._before
        if before is None:
            return
        rows, trainer, trace = self._rows, self._trainer, self._tracer.trace
        weight = None if rows.weight is None else np.ascontiguousarray(rows.weight[before.numbers])
        batch = Batch(
            np.ascontiguousarray(rows.inputs[before.numbers]), np.ascontiguousarray(rows.target[before.numbers]), weight,
            self._loss, self._output_weights, self._seed, before.step, self._n_threads
        )  # fmt: skip
        network = trainer.model.network
        found = compute(core(), network, before.weights, before.biases, batch, before.places)
        total = total_weight(batch)
        rule = self._rule.of_batch(total).at_rate(self._rule.rate_of(before.step))
        used = get_backend()
        if used not in trace.backend:
            trace.backend = f"{trace.backend}, {used}" if trace.steps else used
        if not trace.steps:
            trace.loss = loss_rule(self._loss).kind
            trace.optimizer = describe_optimizer(self._optimizer, rule)
        has_square = rule.kind in HAS_SQUARE
        step = traced_step(network, batch, found, before, self._state, rule, self._frozen, total, has_square)
        trace.steps.append(step)

    @property
    def _epoch(self) -> int:
        return self._first[0] + self._done // self._per_epoch

    def _numbers(self) -> Array:
        """Return the numbers of the rows of the next batch."""
        n, start = len(self._rows.inputs), self._done % self._per_epoch * self._size
        if not self._shuffle:
            return np.arange(start, min(start + self._size, n))
        if self._order[0] != self._epoch:
            self._order = self._epoch, core().permutation(n, seed=self._seed, epoch=self._epoch)
        order = self._order[1]
        assert order is not None
        return np.asarray(order[start : start + self._size])


class OpenTrace:
    """What `Trainer.trace` returns: traces the trainer while a ``with`` block lasts."""

    def __init__(self, trainer: Trainer, steps: Any, rows: Any) -> None:
        refuse_whole_batch(trainer.optimizer)
        self._trainer, self._wish = trainer, check_wish(steps, rows)
        self._tracer: Tracer | None = None

    def __enter__(self) -> Trace:
        if self._trainer.tracer is not None:
            raise RuntimeError("this trainer is being traced already; end that trace first")
        self._trainer.tracer = self._tracer = Tracer(self._trainer, self._wish)
        return self._tracer.trace

    def __exit__(self, *_: object) -> None:
        if self._trainer.tracer is self._tracer:  # else it is another's, which goes on
            self._trainer.tracer = None

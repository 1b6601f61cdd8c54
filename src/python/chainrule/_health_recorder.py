"""What records the health of a fit while it trains, for `fit(health=True)`: see `HealthRecord` for what the cores measure."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from ._checks_values import check_bool
from ._epochs import batch_size_for
from ._evaluation import Evaluation, Rows, counts
from ._health_beginning import beginning_of, some_of
from ._health_epochs import Beginning, HealthOfEpoch
from ._health_quiet import QuietUnits, needed_rows
from ._health_seen import last_beginning, last_quiet
from ._losses import loss_rule
from ._network import (
    HEALTH_COLUMNS,
    MEASURED_ROWS,
    MEASURED_STEPS,
    STEPS_FOR_ONE,
    Array,
    HealthRecord,
    Network,
    _to_the_end,
    measured_epochs,
    measured_steps,
    number_measured,
    steps_for_one_measured,
)
from ._whole_batch import takes_all_rows

if TYPE_CHECKING:
    from .trainer import Trainer

TOGETHER = 4000
"""Epochs of one call of the core at most, where their health is recorded: its record is an array with all of them."""


def check_health(health: Any, optimizer: Any) -> bool:
    """Return the argument ``health`` of a fit.

    Raises
    ------
    ValueError, TypeError
        If it is no bool, or the optimizer makes no updates that could be looked at.
    """
    if check_bool(health, "health") and takes_all_rows(optimizer):
        raise ValueError(
            f"health looks at the updates of optimizers that go batch by batch, but {type(optimizer).__name__} searches its "
            "steps itself, with the loss of all rows: leave health away, or use another optimizer"
        )
    return bool(health)


class Recorder:
    """Records the epochs of one fit, and puts them into the history of the trainer.

    Parameters
    ----------
    trainer : Trainer
    rows : Rows or None
        Those of all epochs; None where batches come one after another.
    epochs : int
        Of the fit, if nothing ends it before.
    goes_on : bool, default False
        Whether the fit goes on with one that was ended from outside: then it began where that one did.

    Attributes
    ----------
    latest : HealthOfEpoch or None
        Of the epoch that was finished last; with the numbers of the last one that was measured.
    """

    def __init__(self, trainer: Trainer, rows: Rows | None, epochs: int, goes_on: bool = False) -> None:
        self._trainer, self._network, self._rows = trainer, trainer.model.network, rows
        self._first, self._end = trainer.epoch, trainer.epoch + epochs
        self._beginning: Beginning | None = None
        self._in_epoch = 0 if rows is None else len(rows.inputs)
        self._looked_at = 0  # rows
        self.came = 0  # batches, in the last epoch of batches
        self.latest: HealthOfEpoch | None = None
        entries = trainer.history.entries()
        if goes_on and entries and entries[-1].health is not None and (began := last_beginning(entries)):
            self._first, self._beginning = began
            self.latest = entries[-1].health
        self.quiet = QuietUnits(self._network.layer_sizes[1:-1], last_quiet(entries) if self.latest else None)
        if rows is not None:
            self.look_at(rows)

    @contextmanager
    def epochs(self, number: int) -> Iterator[HealthRecord]:
        """Give the record for a call of the core that trains so many epochs; keep what is in it of those it has finished."""
        trainer, first = self._trainer, self._trainer.epoch
        assert self._rows is not None, "batches have epoch_of_batches"
        batch = min(batch_size_for(trainer, self._rows), self._in_epoch)
        steps, each = -(-self._in_epoch // batch), steps_for_one_measured(self._network, batch)
        measured = self.measured(first, number, steps, each)
        rows = number_measured(steps, each) * min(batch, MEASURED_ROWS)
        shape = (number, self._network.n_layers, len(HEALTH_COLUMNS))
        values = np.empty(shape)  # the cores leave NaN where nothing is known
        record = HealthRecord(values, self.quiet.rows, measured)
        keep = self.keeper(first)
        try:
            yield record
        except FloatingPointError:
            self.note_beginning()
            raise
        finally:
            _to_the_end(lambda: keep(record.values, measured, steps, self._in_epoch, rows))

    def measured(self, first: int, number: int, steps: int, each: int) -> Array:
        """Return which epochs are measured, of so many from the trainer's epoch ``first`` on: see `measured_epochs`."""
        return measured_epochs(first - self._first, number, steps, each, self._end - 1 - self._first)

    def epoch_of_batches(self, expected: int) -> BatchesOfEpoch:
        """Return what records the batches of an epoch, ``expected`` in number, 0 where that is not known."""
        expected = min(expected, self.came or expected)  # some say that there are more than come
        return BatchesOfEpoch(self, self._network, self._trainer.epoch, expected)

    def look_at(self, rows: Rows) -> None:
        """Measure what a fit begins with, if these are its first rows."""
        if self._beginning is None:
            some, trainer = some_of(rows, self._end - self._first), self._trainer
            loss, own_loss = math.nan, loss_rule(trainer.loss).function is not None
            if not own_loss and counts(some, trainer.output_weights):
                loss = Evaluation(trainer.model, some, trainer.objective).measure({}, trainer.n_threads)[
                    "loss"
                ]
            weights = trainer.model.weights
            self._beginning = beginning_of(self._network, weights, some, self._in_epoch, loss, own_loss)

    def note_beginning(self) -> None:
        """Let the trainer know of this fit, which has made updates or has tried to."""
        if self._beginning is not None:
            self._trainer.health_began = self._first, self._beginning

    def keeper(self, first: int) -> Callable[[Array, Array, int, int, int], None]:
        """Return what keeps what was measured of epochs from number ``first`` on; to call it twice is to call it once."""
        trainer, before, looked_at = self._trainer, self.latest, self._looked_at

        def keep(values: Array, measured: Array, steps: int, in_epoch: int, rows: int) -> None:
            """Put what was measured of epochs that are done into the history: of so many steps and rows, some of which were looked at.

            Those that were not measured have the numbers of the last one that was.
            """
            done = trainer.epoch - first
            if done <= 0:
                return
            self.note_beginning()
            found: list[HealthOfEpoch] = []
            chosen = np.flatnonzero(measured[:done])
            numbers, ends = values[chosen].tolist(), [*chosen.tolist(), done]
            if before is not None and ends[0]:
                found += [HealthOfEpoch(before.values, steps)] * ends[0]
            for i, own in enumerate(numbers):
                found += [HealthOfEpoch(own, steps)] * (ends[i + 1] - ends[i])
            if first == self._first:
                found[0] = found[0]._replace(beginning=self._beginning)
            self._looked_at = looked_at + rows * len(chosen)
            quiet = self.quiet.shares(self._looked_at, needed_rows(in_epoch, rows))
            self.latest = found[-1] = found[-1]._replace(quiet=quiet)
            trainer.put_health(first, found)

        return keep


class BatchesOfEpoch:
    """Records some of the batches of an epoch, each of which is a call of the core.

    As the cores do with the batches of an epoch, where their number is known beforehand; else every 64th, the first among them.
    """

    def __init__(self, recorder: Recorder, network: Network, epoch: int, expected: int) -> None:
        self._recorder, self._network, self._epoch = recorder, network, epoch
        self._measured = recorder.measured(epoch, 1, expected or STEPS_FOR_ONE, STEPS_FOR_ONE)
        self._which = _measured_steps(expected) if self._measured.all() else frozenset()
        self._found: list[Array] = []
        self._in_epoch, self._rows, self._steps = 0, 0, 0  # rows, those looked at, batches

    def next(self, rows: Rows) -> HealthRecord | None:
        """Return the record for the next batch, None if it is not looked at."""
        self._recorder.look_at(rows)
        number, self._steps = self._steps, self._steps + 1
        self._in_epoch += len(rows.inputs)
        if number not in self._which:
            return None
        values = empty_values(self._network, 1)
        self._found.append(values)
        self._rows += min(len(rows.inputs), MEASURED_ROWS)
        return HealthRecord(values, self._recorder.quiet.rows)

    def not_finite(self) -> None:
        """Take note that an update came to nothing finite."""
        self._recorder.note_beginning()

    def finish(self) -> None:
        """Keep what was measured, when the epoch was counted."""
        keep, self._recorder.came = self._recorder.keeper(self._epoch), self._steps
        _to_the_end(lambda: keep(self._mean(), self._measured, self._steps, self._in_epoch, self._rows))

    def _mean(self) -> Array:
        """Return the means over the batches, (1, layers, columns); of dead units those that were 0 in all of them."""
        mean = empty_values(self._network, 1)
        found = np.concatenate([empty_values(self._network, 0), *self._found])
        whole = ~np.isnan(found).any(axis=(1, 2))  # a batch of one row has no activation_std
        found = found[whole] if whole.any() else found
        if len(found):
            mean[0] = found.mean(axis=0)
            dead = HEALTH_COLUMNS.index("dead")
            mean[0, :-1, dead] = self._recorder.quiet.since(self._rows)
            mean[0, -1, dead] = found[:, -1, dead].min()
        return mean


def empty_values(network: Network, epochs: int) -> Array:
    """Return an array for the values of so many epochs, with NaN in it."""
    return np.full((epochs, network.n_layers, len(HEALTH_COLUMNS)), np.nan)


def _measured_steps(expected: int) -> range | frozenset[int]:
    if expected == 0:  # nobody knows
        return range(0, STEPS_FOR_ONE * MEASURED_STEPS, STEPS_FOR_ONE)
    return frozenset(measured_steps(expected, max(1, expected - 1), STEPS_FOR_ONE))  # the last may be smaller

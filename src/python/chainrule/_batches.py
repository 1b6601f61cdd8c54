"""Training on batches that come one after another: what gives them, and the epochs over it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sized
from typing import TYPE_CHECKING, Any

import numpy as np

from ._checks_values import describe
from ._epochs import Poll, make_update
from ._evaluation import Rows, as_rows, counts
from ._health_recorder import BatchesOfEpoch, Recorder
from ._held import Claim
from ._rules import rule_of
from ._watching import EndsEpoch
from ._whole_batch import takes_all_rows

if TYPE_CHECKING:
    from .trainer import Trainer

_ITEM = "(X, y) or (X, y, sample_weight)"


class _Nothing:
    """Stands for the batch after the last one."""


class Batches:
    """What gives the batches of each epoch.

    Parameters
    ----------
    given : iterable, or function of the epoch

    Attributes
    ----------
    rows_done : int
        Rows that updates were made with so far.
    """

    __slots__ = ("_given", "rows_done")

    def __init__(self, given: Any) -> None:
        self._given, self.rows_done = given, 0

    def __len__(self) -> int:
        """Return how many an epoch has by what is said of it beforehand; 0 where nothing is."""
        if not isinstance(self._given, Sized):
            return 0
        try:
            return len(self._given)
        except TypeError:  # it has none after all, like a DataLoader over rows without a number
            return 0

    def of(self, epoch: int) -> Iterator[Any]:
        """Return an iterator over the batches of an epoch, counted from 0.

        Raises
        ------
        TypeError
            If there is none.
        """
        given, name = self._given, "batches"
        if callable(given):
            given, name = given(epoch), f"batches({epoch})"
        if not _is_iterable(given):
            raise TypeError(f"{name} must be an iterable of {_ITEM}, but it is {describe(given)}")
        return iter(given)


def find_batches(batches: Any, epochs: int, optimizer: Any) -> Batches:
    """Return what gives the batches; nothing is read of it.

    Raises
    ------
    TypeError
        If it is neither an iterable nor a function.
    ValueError
        If it can be read once only, but there are several epochs, or the optimizer takes no batches.
    """
    if isinstance(batches, type):
        raise TypeError(f"batches is the class {batches.__name__}; give an object of it")
    if not callable(batches):
        if isinstance(batches, (str, bytes)) or not _is_iterable(batches):
            raise TypeError(
                f"batches must be an iterable of {_ITEM}, or a function of the epoch that returns one, but it is "
                f"{describe(batches)}"
            )
        if epochs > 1 and isinstance(batches, Iterator) and iter(batches) is batches:
            raise ValueError(
                f"batches is an iterator ({type(batches).__name__}), which can be read once, but epochs is {epochs}; give "
                "what can be iterated anew in each epoch, such as a list, or a function of the epoch that returns an "
                "iterator"
            )
    check_takes_batches(optimizer)
    return Batches(batches)


def check_takes_batches(optimizer: Any) -> None:
    """Refuse an optimizer that needs all rows at once."""
    if takes_all_rows(optimizer) or rule_of(optimizer) == "rprop":
        raise ValueError(
            f"{type(optimizer).__name__} takes all rows at once, but fit_batches makes an update with each batch; use "
            "fit with batch_size='full', or another optimizer"
        )


def train_batches(
    trainer: Trainer, batches: Batches, epochs: int, poll: Poll | None = None, recorder: Recorder | None = None
) -> None:  # fmt: skip
    """Train for so many more epochs, an update with each batch, with the settings of the trainer.

    ``poll`` is called after each batch as the cores call it, with 0 batches an epoch where their number is not known. What
    it raises to end the epoch counts only if there is another batch. No other call may train the parameters meanwhile, nor
    while a batch is waited for.

    Raises
    ------
    ValueError, TypeError
        If there is no batch in an epoch, or nothing that counts, or one does not fit; the message says which.
    FloatingPointError
        If a loss, a gradient or a parameter is not finite.
    """
    for _ in range(epochs):
        iterator = batches.of(trainer.epoch)
        try:
            _train_epoch(trainer, batches, iterator, poll, recorder)
        finally:
            close = getattr(iterator, "close", None)
            if callable(close):
                close()


def _train_epoch(
    trainer: Trainer, batches: Batches, iterator: Iterator[Any], poll: Poll | None, recorder: Recorder | None
) -> None:  # fmt: skip
    epoch, expected = trainer.epoch, len(batches)
    total, counted, done = 0.0, 0.0, 0
    is_idle = True  # until a row counts
    ended: EndsEpoch | None = None
    watched = None if recorder is None else recorder.epoch_of_batches(expected)
    while (rows := _next_rows(trainer, iterator, done, only_look=ended is not None)) is not None:
        if ended is not None:
            raise ended
        loss, weight = _update(trainer, rows, done, watched), _weight(rows)
        is_idle = is_idle and not counts(rows, trainer.objective.output_weights)
        batches.rows_done += len(rows.inputs)
        del rows  # before the next ones are read
        total, counted, done = total + loss * weight, counted + weight, done + 1
        if poll is not None:
            try:
                with Claim(trainer.state.weights):
                    mean = total / counted if counted else 0.0
                    poll(epoch, done, expected if done <= expected else 0, mean)
            except EndsEpoch as end:
                ended = end
    if done == 0:
        raise ValueError(f"batches has none in epoch {epoch}; each epoch needs at least one")
    if is_idle:  # a loss of 0 would be the best one
        raise ValueError(f"the rows of epoch {epoch} count nothing: all weights are 0 or targets missing")
    trainer.state.finish_epoch(total / counted)
    if watched is not None:
        watched.finish()


def _next_rows(trainer: Trainer, iterator: Iterator[Any], number: int, only_look: bool) -> Rows | None:
    """Return the rows of the next batch, unchecked if only to see whether there is one; None after the last."""
    with Claim(trainer.state.weights):
        item = next(iterator, _Nothing)
    if item is _Nothing:
        return None
    if only_look:
        return Rows(*(np.empty(0),) * 2)
    check_takes_batches(trainer.optimizer)  # a callback may have changed it
    where = f"epoch {trainer.epoch}, batch {number}"
    if not isinstance(item, (tuple, list)):
        raise TypeError(f"{where}: must be {_ITEM}, but it is {describe(item)}")
    if len(item) not in (2, 3):
        raise ValueError(f"{where}: must be {_ITEM}, but it has {len(item)} entries")
    try:
        X, y, sample_weight = (*item, None)[:3]
        return as_rows(
            X, y, trainer.model.network, trainer.objective, sample_weight=sample_weight, may_be_idle=True
        )
    except (ValueError, TypeError) as error:
        kind = TypeError if isinstance(error, TypeError) else ValueError
        raise kind(f"{where}: {error}") from error


def _update(trainer: Trainer, rows: Rows, number: int, watched: BatchesOfEpoch | None) -> float:
    """Make an update and return the loss before it; an error says which step of the epoch it was."""
    try:
        loss = make_update(trainer, rows, None if watched is None else watched.next(rows))
    except FloatingPointError as error:  # the core was given a single one, the first
        error.args = (str(error).replace(", step 0:", f", step {number}:", 1),)
        if watched is not None:
            watched.not_finite()
        raise
    return float("nan") if loss is None else loss


def _weight(rows: Rows) -> float:
    """Return by how much the loss of a batch counts in that of the epoch."""
    return float(len(rows.inputs) if rows.weight is None else rows.weight.sum(dtype=np.float64))


def _is_iterable(value: Any) -> bool:
    """Return whether `iter` takes it; without a call of that, which may start work."""
    return isinstance(value, Iterable) or hasattr(type(value), "__getitem__")

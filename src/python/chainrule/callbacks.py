"""What is called while `Trainer.fit` or `fit_batches` trains: after each epoch, after each batch, at the beginning and at the end.

>>> import chainrule as cr
>>> class Halve(cr.Callback):
...     "Halve the learning rate after every tenth epoch."
...     def on_epoch_end(self, fit):
...         if fit.trainer.epoch % 10 == 0:
...             fit.trainer.optimizer = cr.SGD(fit.trainer.optimizer.learning_rate / 2)
>>> trainer = cr.Trainer(cr.MLP([1, 1], seed=0), loss="mean_squared_error", optimizer=cr.SGD(0.1))
>>> history = trainer.fit([[0.0], [1.0]], [0.0, 2.0], epochs=20, callbacks=[Halve()])
>>> trainer.optimizer.learning_rate
0.025
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from ._checks_values import check_sequence, describe
from .history import History, Measurements

if TYPE_CHECKING:
    from .model import MLP
    from .trainer import Trainer

EVENTS = ("on_fit_begin", "on_epoch_begin", "on_batch_end", "on_epoch_end", "on_fit_end")


class Fit:
    """A fit under way, as callbacks see it.

    Attributes
    ----------
    trainer : Trainer
        Its settings may be changed, for the next epoch (in `fit_batches`: the next batch); so may the parameters of its model.
        Calls that train it are refused with RuntimeError in `on_batch_end`, and would confuse the counters elsewhere.
    epochs : int
        How many epochs were asked for.
    batch, batches : int
        In `on_batch_end`: batches done in the epoch, and how many it has; None where `fit_batches` cannot know it.
    loss : float
        The mean loss of the rows of the epoch so far, with dropout and noise.
    """

    __slots__ = ("_before", "_stopped", "batch", "batches", "epochs", "loss", "trainer")

    def __init__(self, trainer: Trainer, epochs: int) -> None:
        self.trainer, self.epochs = trainer, epochs
        self.batch, self.loss = 0, float("nan")
        self.batches: int | None = 0
        self._before, self._stopped = len(trainer.history), False

    @property
    def model(self) -> MLP:
        """The model that is trained."""
        return self.trainer.model

    @property
    def history(self) -> History:
        """What was measured in this fit so far, and, in `on_fit_end`, how it ended."""
        return self.trainer.history.since(self._before)

    @property
    def measured(self) -> Measurements | None:
        """What was measured after the last epoch of this fit; None before there is one."""
        return self.trainer.history.last(self._before)

    @property
    def is_stopped(self) -> bool:
        """Whether a callback has asked for the end."""
        return self._stopped

    def stop(self) -> None:
        """End the fit: after the batch under way (whose epoch is then unfinished), the epoch, or before the first one.

        ``history.stopped_because`` is "callback".
        """
        self._stopped = True


class Callback:
    """Base of what `Trainer.fit` takes as ``callbacks``: define the methods that are wanted; only these are called.

    Each gets a `Fit`. What it raises ends the fit as any error does. Callbacks are called in their order; in each core at
    the same moments.

    Notes
    -----
    With `on_epoch_begin` or `on_epoch_end`, epochs are trained one by one. With `on_batch_end`, parameters are brought up to date after
    each batch, and read again after the call, which for small networks takes longer than training them.
    """

    def on_fit_begin(self, fit: Fit) -> None:
        """Called before the first epoch, when all arguments were found to be good."""

    def on_epoch_begin(self, fit: Fit) -> None:
        """Called before each epoch; ``fit.trainer.epoch`` are done."""

    def on_batch_end(self, fit: Fit) -> None:
        """Called after each update, with ``fit.batch``, ``fit.batches`` and ``fit.loss``; the parameters are those after it."""

    def on_epoch_end(self, fit: Fit) -> None:
        """Called after each whole epoch with ``fit.measured``, before the epoch is written to a checkpoint."""

    def on_fit_end(self, fit: Fit) -> None:
        """Called after the last epoch, also when an error or Ctrl-C ends the fit: ``fit.history.ending`` says why.

        The parameters of the best epoch are back, if early stopping restores them. Every callback whose `on_fit_begin` was
        called without an error gets this call; what one raises is raised after the last, unless the fit ends with an error of
        its own.
        """


class Callbacks:
    """The callbacks of a fit: for each event the methods that were defined."""

    def __init__(self, given: Sequence[Any]) -> None:
        self._given, self._begun = given, 0
        self._methods = {
            event: [method for one in given if (method := _method(one, event))] for event in EVENTS
        }

    def __bool__(self) -> bool:
        return bool(self._given)

    def has(self, *events: str) -> bool:
        """Return whether any of these is wanted."""
        return any(self._methods[event] for event in events)

    def call(self, event: str, fit: Fit) -> None:
        """Call the methods of an event."""
        for method in self._methods[event]:
            method(fit)

    def begin(self, fit: Fit) -> None:
        """Call `on_fit_begin`."""
        for one in self._given:
            if method := _method(one, "on_fit_begin"):
                method(fit)
            self._begun += 1

    def end(self, fit: Fit, error: BaseException | None) -> None:
        """Call `on_fit_end` of all that have begun; the first error is raised after the last call, if none is on its way."""
        late: BaseException | None = None
        for one in self._given[: self._begun]:
            if method := _method(one, "on_fit_end"):
                try:
                    method(fit)
                except BaseException as another:  # noqa: BLE001 - the others are to be called too
                    late = late or another
        if late is not None and error is None:
            raise late


def find_callbacks(callbacks: Any) -> Callbacks:
    """Return the callbacks of a fit.

    Raises
    ------
    TypeError
        If something among them has no method of a callback; the message names it.
    """
    given = check_sequence(callbacks, "callbacks")
    for i, one in enumerate(given):
        if isinstance(one, type):
            raise TypeError(
                f"callbacks[{i}] is the class {one.__name__}; give an object of it, {one.__name__}()"
            )
        if isinstance(one, Callback):
            unknown = [name for name in dir(one) if name.startswith("on_") and name not in EVENTS]
            if unknown:
                raise TypeError(
                    f"callbacks[{i}] has a method {unknown[0]}, but the events are {', '.join(EVENTS)}"
                )
        elif not any(_method(one, event) for event in EVENTS):
            raise TypeError(
                f"callbacks[{i}] must have a method {' or '.join(EVENTS)}, but it is {describe(one)}"
            )
    return Callbacks(given)


def _method(one: Any, event: str) -> Callable[[Fit], object] | None:
    """Return the method for an event, None where it is that of `Callback`, which does nothing."""
    method = getattr(one, event, None)
    return (
        method
        if callable(method) and getattr(method, "__func__", None) is not getattr(Callback, event)
        else None
    )

"""The epochs of a fit: training, measuring after each, and when it ends."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from time import monotonic
from typing import TYPE_CHECKING, cast

from ._batches import Batches, train_batches
from ._checkpointing import Keeper, Watchers
from ._checks_network import KEPT
from ._epochs import Poll, train_epochs
from ._evaluation import Evaluation
from ._fit_request import Request
from ._health_recorder import TOGETHER, Recorder
from ._network import _to_the_end
from ._plateau import look as lower_rate
from ._plateau import plateau_of
from ._repeated import Repeated, is_closed
from ._watching import Clock, EarlyStopper, EndsEpoch, Stopped, Watch
from ._whole_batch import AfterEpoch, takes_all_rows
from .callbacks import Fit
from .history import Ending, History, Measurements
from .progress import Display

if TYPE_CHECKING:
    from .trainer import Trainer

Look = Callable[[], "str | None"]


SHORT = 0.025
"""Seconds. With nothing to look at but the clock, epochs that take less together are trained two times as many at once; with
nothing but a wish to end, as many as will take two times as long as this."""


def check_epochs(trainer: Trainer, request: Request) -> Request:
    """Refuse what shows only when the core or a metric is asked; return the request with what was checked. Nothing changes."""
    if is_closed(trainer, request):
        request = request._replace(repeated=Repeated(trainer, request))
    else:
        _some_epochs(trainer, request, 0)
    if request.metrics:  # on all rows: a metric may depend on their number, or on every class being there
        _measure(trainer, request)
    return request


def fit_epochs(trainer: Trainer, request: Request, *, is_checked: bool = False) -> History:
    """Train as the request says; return what was measured and how the fit ended, which the history of the trainer gets.

    Where there is nothing to look at, all the epochs are one call of the core, which checks by itself. Where `check_epochs`
    was called, it is not again.
    """
    before = len(trainer.history)
    if not (is_checked or request.is_plain):
        request = check_epochs(trainer, request)
    watchers = watchers_of(trainer, request)
    keeper = None
    if request.checkpointing is not None:
        keeper = Keeper(trainer, request.checkpointing, watchers)
    trainer.unfinished = None  # a fit that could not begin leaves it
    if request.health:
        rows = None if isinstance(request.rows, Batches) else request.rows
        request = request._replace(recorder=Recorder(trainer, rows, request.epochs, watchers.went_on))
    try:
        _fit(trainer, request, watchers, keeper)
    except BaseException:
        if keeper is not None:
            keeper.abandon()
        raise
    if keeper is not None:
        keeper.finish()
    return trainer.history.since(before)


def watchers_of(trainer: Trainer, request: Request) -> Watchers:
    """Return what looks at the epochs; where a fit was ended from outside, and this one is to do the same, it goes on."""
    stopper, settled, tolerance = None, None, None
    if request.early_stopping is not None:
        stopper = EarlyStopper(request.early_stopping, trainer.state)
    if request.tolerance is not None:
        tolerance = request.tolerance, request.tolerance_epochs
        settled = Watch(request.tolerance_epochs, request.tolerance)
    watchers = Watchers(request.early_stopping, stopper, tolerance, settled)
    return watchers._replace(went_on=watchers.go_on(trainer, trainer.unfinished))


def _fit(trainer: Trainer, request: Request, watchers: Watchers, keeper: Keeper | None) -> None:
    history, stopper, step = trainer.history, watchers.stopper, trainer.step
    fit = Fit(trainer, request.epochs)

    def end(reason: str) -> Ending:
        def finish() -> None:
            history.ending = Ending(reason) if stopper is None else stopper.end(reason, trainer.state)

        _to_the_end(finish)
        return cast(Ending, history.ending)

    lines = None
    if request.display is not None:
        rows = request.rows
        lines = request.display(
            request.epochs, (lambda: rows.rows_done) if isinstance(rows, Batches) else len(rows.inputs)
        )
    try:
        request.callbacks.begin(fit)
        ending = end(_train(trainer, request, watchers, keeper, lines, fit))
        if lines is not None:
            lines.end(ending)
    except KeyboardInterrupt:
        end("interrupted")
        raise
    except FloatingPointError as error:
        ending = end("not_finite")
        if ending.restored:
            best = f"the parameters are those after the best epoch, {ending.best_epoch}"
            error.args = (str(error).replace(KEPT, best),)
        raise
    except BaseException:
        if trainer.step > step or request.callbacks:  # else nothing has happened that anybody saw
            end("error")
        raise
    finally:
        if lines is not None:
            lines.close()
        request.callbacks.end(fit, sys.exc_info()[1])


def _train(
    trainer: Trainer,
    request: Request,
    watchers: Watchers,
    keeper: Keeper | None,
    lines: Display | None,
    fit: Fit,
) -> str:
    """Train and measure until there is a reason to end, and return it."""
    if fit.is_stopped:
        return "callback"
    if request.is_plain:
        before = trainer.epoch
        _some_epochs(trainer, request, request.epochs)
        return "epochs" if trainer.epoch - before == request.epochs else "converged"
    clock = None if request.time_budget is None else Clock(request.time_budget)
    stopper, settled, plateau = watchers.stopper, watchers.settled, plateau_of(trainer.optimizer)

    def look() -> str | None:
        """Measure after an epoch; return the reason to end, if there is one."""
        state = trainer.state
        health = None if request.recorder is None else request.recorder.latest
        measured = Measurements(state.epoch - 1, state.losses[-1], *_measure(trainer, request), health)
        trainer.history.append(measured)
        if plateau is not None and request.plateau_mode is not None:
            lower_rate(plateau, request.plateau_mode, measured, state)
        if lines is not None:
            lines.epoch(measured)
        if stopper is not None:
            stopper.look(measured, state)
        if settled is not None:
            settled.look(measured.loss)
        return _reason(trainer, request, watchers)

    looks = _looks(request)

    def look_and_keep() -> str | None:
        reason = look() if looks else None
        request.callbacks.call("on_epoch_end", fit)
        if keeper is not None:
            keeper.epoch()
        return "callback" if reason is None and fit.is_stopped else reason

    if watchers.went_on and (reason := _reason(trainer, request, watchers)) is not None:
        return reason  # it was ended from outside when it had only this left to say
    way = _train_all_rows if takes_all_rows(trainer.optimizer) else _train_epochs
    return way(trainer, request, look_and_keep, lines, clock, fit)


def _looks(request: Request) -> bool:
    """Whether something is to be done after each epoch that the core does not do itself."""
    by_core = isinstance(request.repeated, Repeated) and request.repeated.is_measured_by_core
    return request.looks_at_each_epoch and not by_core


def _reason(trainer: Trainer, request: Request, watchers: Watchers) -> str | None:
    """Return why the fit ends after the last epoch, None if it does not."""
    losses = trainer.state.losses
    if request.target_loss is not None and losses and losses[-1] <= request.target_loss:
        return "target_loss"
    if watchers.stopper is not None and watchers.stopper.has_enough:
        return "early_stopping"
    return "settled" if watchers.settled is not None and watchers.settled.has_enough else None


def _train_all_rows(
    trainer: Trainer, request: Request, look: Look, lines: Display | None, clock: Clock | None, fit: Fit
) -> str:
    """Train with an optimizer that makes all epochs in one go, each of a single batch."""
    reason, left = None, request.epochs

    def before() -> bool:
        nonlocal reason
        request.callbacks.call("on_epoch_begin", fit)
        if fit.is_stopped and reason is None:
            reason = "callback"
        return reason is not None

    def after() -> bool:
        nonlocal reason, left
        left -= 1
        fit.batch, fit.batches, fit.loss = 1, 1, trainer.state.losses[-1]
        request.callbacks.call("on_batch_end", fit)
        reason = look()
        if reason is None and left and clock is not None and clock.is_over():
            reason = "time_budget"
        if reason is None and left and request.halt is not None:
            request.halt.look()
        return reason is not None or (left > 0 and before())

    if before():
        return str(reason)
    _some_epochs(trainer, request, request.epochs, after=after)
    return reason or ("converged" if left else "epochs")


def _train_epochs(
    trainer: Trainer, request: Request, look: Look, lines: Display | None, clock: Clock | None, fit: Fit
) -> str:
    state, each_batch = trainer.state, request.callbacks.has("on_batch_end")
    first_step = state.step

    def after_batch(epoch: int, step_in_epoch: int, steps_per_epoch: int, loss: float) -> None:
        state.step = first_step + step_in_epoch  # which the native core sets at its end
        fit.batch, fit.batches, fit.loss = step_in_epoch, steps_per_epoch or None, loss
        request.callbacks.call("on_batch_end", fit)
        if fit.is_stopped and step_in_epoch != steps_per_epoch:
            raise Stopped

    polls = [watcher.poll for watcher in (lines, clock) if watcher is not None]
    if each_batch:
        polls.insert(0, after_batch)
    poll, halt = _each(polls), request.halt
    halting = poll if halt is None else _each([*polls, halt.poll])
    is_long = True  # an epoch, until it is seen to be short; a poll takes the interpreter's lock after each
    left, together, every = request.epochs, 1, request.epochs
    looks = _looks(request)
    if request.checkpointing is not None:
        every = request.checkpointing.every
    if not looks and clock is None:
        surely = left if halt is None else _epochs_in(SHORT, trainer, request)
        together, is_long = max(1, min(every, left, surely)), surely < 2
    while left > 0:
        request.callbacks.call("on_epoch_begin", fit)
        if fit.is_stopped:
            return "callback"
        started, first_step = monotonic(), state.step
        try:
            _some_epochs(trainer, request, together, halting if is_long else poll, poll_each_step=each_batch)
        except EndsEpoch as end:
            return end.reason
        left -= together
        took = monotonic() - started
        is_long = took >= together * SHORT
        reason = look()
        if reason is not None:
            return reason
        if left and halt is not None:
            halt.look()
        if not looks and monotonic() - started < SHORT:
            together *= 2 if halt is None else max(2, int(2 * SHORT / max(took, 1e-6)))
        together = min(together, every, left)
        if left and clock is not None and clock.is_over():
            return "time_budget"
    return "epochs"


def _epochs_in(seconds: float, trainer: Trainer, request: Request) -> int:
    """Return how many epochs take no longer than this on any machine of these years: a low estimate."""
    if isinstance(request.rows, Batches):
        return 1
    rows = len(request.rows.inputs)
    steps = rows / trainer.batch_size if isinstance(trainer.batch_size, int) else 1
    if request.metrics:  # they are looked at in the same call
        rows += rows
    if request.validation is not None:
        rows += len(request.validation.inputs)
    return int(seconds / (3e-9 * rows * trainer.model.n_parameters + 1e-5 * steps))


def _some_epochs(
    trainer: Trainer,
    request: Request,
    epochs: int,
    poll: Poll | None = None,
    after: AfterEpoch | None = None,
    poll_each_step: bool = False,
) -> None:
    """Train for so many more epochs, on the rows that are there or on batches as they come."""
    recorder, left = request.recorder, epochs
    if isinstance(request.rows, Batches):
        train_batches(trainer, request.rows, epochs, poll, recorder)
        return
    while True:
        together = left if recorder is None else min(left, TOGETHER)
        with nullcontext() if recorder is None else recorder.epochs(together) as health:
            if isinstance(request.repeated, Repeated):
                request.repeated.train(together, poll, health)
            else:
                train_epochs(trainer, request.rows, together, poll, after, poll_each_step, health)
        left -= together
        if left == 0:
            return


def _each(polls: Sequence[Poll]) -> Poll | None:
    """Return one function that calls all of these; None for none."""
    if len(polls) < 2:
        return polls[0] if polls else None

    def poll(epoch: int, step_in_epoch: int, steps_per_epoch: int, loss: float) -> None:
        for one in polls:
            one(epoch, step_in_epoch, steps_per_epoch, loss)

    return poll


def _measure(trainer: Trainer, request: Request) -> tuple[float | None, dict[str, float], dict[str, float]]:
    """Measure the metrics of the rows, if there are any and they stay, and loss and metrics of the validation data."""
    if isinstance(request.repeated, Repeated):
        return request.repeated.measure()
    trained: dict[str, float] = {}
    validated: dict[str, float] = {}
    if request.metrics and not isinstance(request.rows, Batches):
        trained = Evaluation(trainer.model, request.rows, trainer.objective).measure(
            request.metrics, trainer.n_threads
        )
        del trained["loss"]
    if request.validation is not None:
        validated = Evaluation(trainer.model, request.validation, trainer.objective).measure(
            request.metrics, trainer.n_threads
        )
    return validated.pop("loss", None), trained, validated

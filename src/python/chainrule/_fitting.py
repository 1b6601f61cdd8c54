"""The epochs of a fit: training, measuring after each, and when it ends."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from time import monotonic
from typing import TYPE_CHECKING, cast

from ._checks_network import KEPT
from ._epochs import Poll, train_epochs
from ._evaluation import evaluate
from ._fit_request import Request
from ._network import _to_the_end
from ._plateau import look as lower_rate
from ._plateau import plateau_of
from ._watching import Clock, EarlyStopper, TimeIsUp, Watch
from ._whole_batch import takes_all_rows
from .history import Ending, Measurements
from .progress import Progress

if TYPE_CHECKING:
    from .trainer import Trainer

Look = Callable[[], "str | None"]

SHORT = 0.025
"""Seconds. With nothing to look at but the clock, epochs that take less together are trained two times as many at once."""


def fit_epochs(trainer: Trainer, request: Request) -> None:
    """Train as the request says; the history of the trainer gets what is measured, and how the fit ended.

    Where there is nothing to look at, all the epochs are one call of the core.
    """
    if not request.is_plain:
        train_epochs(trainer, request.rows, 0)  # for its checks, before anything else
    if request.metrics:  # on all rows: a metric may depend on their number, or on every class being there
        _measure(trainer, request)
    history, stopper, step = trainer.history, None, trainer.step
    if request.early_stopping is not None:
        stopper = EarlyStopper(request.early_stopping, trainer.state)

    def end(reason: str) -> Ending:
        def finish() -> None:
            history.ending = Ending(reason) if stopper is None else stopper.end(reason, trainer.state)

        _to_the_end(finish)
        return cast(Ending, history.ending)

    lines = None
    if request.stream is not None:
        lines = Progress(request.stream, request.epochs, len(request.rows.inputs))
    try:
        ending = end(_train(trainer, request, stopper, lines))
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
        if trainer.step > step:  # else nothing has happened
            end("error")
        raise
    finally:
        if lines is not None:
            lines.close()


def _train(trainer: Trainer, request: Request, stopper: EarlyStopper | None, lines: Progress | None) -> str:
    """Train and measure until there is a reason to end, and return it."""
    if request.is_plain:
        before = trainer.epoch
        train_epochs(trainer, request.rows, request.epochs)
        return "epochs" if trainer.epoch - before == request.epochs else "converged"
    clock = None if request.time_budget is None else Clock(request.time_budget)
    settled, plateau = None, plateau_of(trainer.optimizer)
    if request.tolerance is not None:
        settled = Watch(request.tolerance_epochs, request.tolerance)

    def look() -> str | None:
        """Measure after an epoch; return the reason to end, if there is one."""
        state = trainer.state
        measured = Measurements(state.epoch - 1, state.losses[-1], *_measure(trainer, request))
        trainer.history.append(measured)
        if plateau is not None and request.plateau_mode is not None:
            lower_rate(plateau, request.plateau_mode, measured, state)
        if lines is not None:
            lines.epoch(measured)
        stopped = stopper is not None and stopper.has_enough(measured, state)
        if request.target_loss is not None and measured.loss <= request.target_loss:
            return "target_loss"
        if stopped:
            return "early_stopping"
        if settled is not None and settled.has_enough(measured.loss):
            return "settled"
        return None

    way = _train_all_rows if takes_all_rows(trainer.optimizer) else _train_epochs
    return way(trainer, request, look if request.looks_at_each_epoch else lambda: None, lines, clock)


def _train_all_rows(
    trainer: Trainer, request: Request, look: Look, lines: Progress | None, clock: Clock | None
) -> str:
    """Train with an optimizer that makes all epochs in one go."""
    reason, left = None, request.epochs

    def after() -> bool:
        nonlocal reason, left
        left -= 1
        reason = look()
        if reason is None and left and clock is not None and clock.is_over():
            reason = "time_budget"
        return reason is not None

    train_epochs(trainer, request.rows, request.epochs, None, after)
    return reason or ("converged" if left else "epochs")


def _train_epochs(
    trainer: Trainer, request: Request, look: Look, lines: Progress | None, clock: Clock | None
) -> str:
    poll = _each([watcher.poll for watcher in (lines, clock) if watcher is not None])
    left, together = request.epochs, 1
    while left > 0:
        started = monotonic()
        try:
            train_epochs(trainer, request.rows, together, poll)
        except TimeIsUp:
            return "time_budget"
        left -= together
        reason = look()
        if reason is not None:
            return reason
        if not request.looks_at_each_epoch and monotonic() - started < SHORT:
            together *= 2
        together = min(together, left)
        if left and clock is not None and clock.is_over():
            return "time_budget"
    return "epochs"


def _each(polls: Sequence[Poll]) -> Poll | None:
    """Return one function that calls all of these; None for none."""
    if len(polls) < 2:
        return polls[0] if polls else None

    def poll(epoch: int, step_in_epoch: int, steps_per_epoch: int, loss: float) -> None:
        for one in polls:
            one(epoch, step_in_epoch, steps_per_epoch, loss)

    return poll


def _measure(trainer: Trainer, request: Request) -> tuple[float | None, dict[str, float], dict[str, float]]:
    """Measure the metrics of the rows, if there are any, and all of the validation data: its loss and metrics."""
    trained: dict[str, float] = {}
    validated: dict[str, float] = {}
    how = (trainer.objective, request.metrics, trainer.n_threads)
    if request.metrics:
        trained = evaluate(trainer.model, request.rows, *how)
        del trained["loss"]
    if request.validation is not None:
        validated = evaluate(trainer.model, request.validation, *how)
    return validated.pop("loss", None), trained, validated

"""What is called while an estimator trains: callbacks of `fit`, and those that scikit-learn itself has from 1.9 on."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from chainrule._checks_values import check_sequence
from chainrule.callbacks import EVENTS, _method

from ._tasks import Tasks


class Stopped(Exception):  # noqa: N818 - no error: an epoch ends in its middle
    """Ends an epoch in its middle."""


class EstimatorFit:
    """A fit under way, as the methods of `chainrule.Callback` see it: those of estimators get one of these.

    Attributes
    ----------
    estimator : MLPClassifier or MLPRegressor
        Its fitted attributes are those after the last update; `coefs_` may be written into.
    epoch, epochs : int
        Epochs done in this fit, and how many there are at most.
    loss : float
        The loss of the last epoch; in `on_batch_end` the mean of the rows of the epoch so far, without the penalty.
    validation_score, validation_loss : float or None
        The last ones, where rows are held out.
    batch, batches : int
        In `on_batch_end`: batches done in the epoch, and how many it has.
    """

    def __init__(self, estimator: Any) -> None:
        self.estimator, self.epochs = estimator, int(estimator.max_iter)
        self.epoch = self.batch = self.batches = 0
        self.loss = float("nan")
        self.validation_score: float | None = None
        self.validation_loss: float | None = None
        self._stopped = False

    @property
    def is_stopped(self) -> bool:
        """Whether a callback has asked for the end."""
        return self._stopped

    def stop(self) -> None:
        """End the fit: after the batch under way (whose epoch then does not count), the epoch, or before the first one."""
        self._stopped = True


class Events:
    """Calls the callbacks of one fit.

    Parameters
    ----------
    estimator : BaseMultilayerPerceptron
    callbacks : sequence or None
        Of `fit`; methods that one of them lacks are not called.
    tasks : Tasks
        What scikit-learn's callbacks are told.

    Raises
    ------
    TypeError
        If `callbacks` is no sequence, or one of its entries has none of the methods.
    """

    def __init__(self, estimator: Any, callbacks: Any, tasks: Tasks) -> None:
        given: Sequence[Any] = () if callbacks is None else check_sequence(callbacks, "callbacks")
        for i, one in enumerate(given):
            if isinstance(one, type) or not any(callable(getattr(one, event, None)) for event in EVENTS):
                raise TypeError(
                    f"callbacks[{i}] must be an object with a method {', '.join(EVENTS)}, but it is {one!r}"
                )
        self.fit, self.estimator, self._tasks = EstimatorFit(estimator), estimator, tasks
        self._methods: dict[str, list[Any]] = {
            event: [m for one in given if (m := _method(one, event))] for event in EVENTS
        }

    def __bool__(self) -> bool:
        return bool(self._tasks) or any(self._methods.values())

    def are_expected(self, incremental: bool) -> bool:
        """Return whether something will be called; scikit-learn's callbacks are not told of `partial_fit`."""
        return bool(self) or (not incremental and bool(getattr(self.estimator, "_skl_callbacks", None)))

    def begin(self, tells_tasks: bool) -> None:
        """Call what is to be called before the first epoch; ``tells_tasks`` whether scikit-learn's callbacks are told too."""
        if tells_tasks:
            self._tasks.begin()
        self.call("on_fit_begin")

    def end(self, failed: bool) -> None:
        """Call what is to be called after the last epoch; scikit-learn's callbacks are told of a fit's end, not of its failure."""
        if not failed:
            self._tasks.end()
        self.call("on_fit_end")

    def call(self, event: str) -> bool:
        """Call the methods of an event; return whether one has asked for the end."""
        for method in self._methods[event]:
            method(self.fit)
        return self.fit.is_stopped

    def begin_epoch(self) -> bool:
        """Call what is to be called before an epoch; return whether there is to be none."""
        if self.fit.is_stopped or self.call("on_epoch_begin"):
            return True
        self._tasks.begin_epoch()
        return False

    def end_epoch(self) -> bool:
        """Call what is to be called after an epoch; return whether it is to be the last."""
        fit, estimator = self.fit, self.estimator
        fit.epoch = estimator.n_iter_
        fit.loss = float(estimator.loss_)
        scores, losses = (
            getattr(estimator, name, None) for name in ("validation_scores_", "validation_loss_curve_")
        )
        fit.validation_score, fit.validation_loss = (
            scores[-1] if scores else None,
            losses[-1] if losses else None,
        )
        is_asked = self._tasks.end_epoch()
        return self.call("on_epoch_end") or is_asked

    def poll(self, deadline: float | None) -> dict[str, Any]:
        """Return the arguments of `train_epochs` with which an epoch is looked at in its middle."""
        methods = self._methods["on_batch_end"]
        if not methods and deadline is None:
            return {}

        def poll(epoch: int, batch: int, batches: int, loss: float) -> None:
            self.fit.batch, self.fit.batches = batch, batches
            if methods:
                self.fit.loss = loss
            late = deadline is not None and time.monotonic() >= deadline
            if (self.call("on_batch_end") or late) and batch < batches:
                raise Stopped

        return {"poll": poll, "poll_each_step": bool(methods)}

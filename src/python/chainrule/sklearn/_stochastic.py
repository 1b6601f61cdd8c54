"""The loop over epochs of `sgd`, `adam` and chainrule's optimizers: shuffles, stopping rules and messages of scikit-learn's."""

from __future__ import annotations

import time
from numbers import Integral
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from chainrule._checks_values import check_int

from ._attempt import Attempt
from ._epochs import Epochs
from ._events import Events, Stopped
from ._held_out import HeldOut, split
from ._steps import new_optimizer, note_epoch
from ._theirs import warn

NOT_FINITE = "Solver produced non-finite parameter weights. The input data may contain large values and need to be preprocessed."
"""scikit-learn's words."""


def fit_stochastic(
    estimator: Any, X: Any, y: Any, sample_weight: Any, class_weight: Any, incremental: bool, held_out: HeldOut | None,
    events: Events, attempt: Attempt
) -> None:  # fmt: skip
    """Train from the parameters that the estimator has; the arguments are validated."""
    keeps = incremental or estimator.warm_start == "optimizer"
    if not keeps or not hasattr(estimator, "_optimizer"):
        estimator._optimizer = new_optimizer(estimator, estimator.coefs_, estimator.intercepts_)
        estimator._steps = 0
    if estimator.early_stopping and incremental:
        raise ValueError("partial_fit does not support early_stopping=True")
    if estimator.early_stopping and held_out is None:
        X, y, sample_weight, class_weight, held_out = split(estimator, X, y, sample_weight, class_weight)
    weight = sample_weight if class_weight is None else class_weight
    if sample_weight is not None and class_weight is not None:
        weight = sample_weight * class_weight
    batch_size = _batch_size(estimator, len(y))
    loop = _Loop(estimator, held_out, events, incremental)
    epochs = Epochs(
        estimator,
        X,
        y,
        weight,
        batch_size,
        _seed(estimator),
        events.poll(loop.deadline),
        bool(events),
    )
    steps = epochs.state.step
    try:
        loop.run(epochs)
    finally:
        attempt.has_updates = epochs.state.step > steps


def _batch_size(estimator: Any, rows: int) -> int:
    """Return how many rows a batch has; scikit-learn warns where it is clipped.

    Raises
    ------
    ValueError, TypeError
        If it is no whole number, or RPROP has to go without some rows.
    """
    batch_size, takes_all = estimator.batch_size, getattr(estimator.solver, "kind", None) == "rprop"
    if isinstance(batch_size, str) and batch_size == "auto":
        return rows if takes_all else min(200, rows)
    if not isinstance(batch_size, Integral):  # unless scikit-learn was told to validate no arguments
        check_int(batch_size, "batch_size", 1)
    if takes_all and batch_size < rows:
        raise ValueError(
            f"batch_size is {batch_size}, but RPROP takes all {rows} rows at once; use batch_size='auto'"
        )
    if batch_size > rows:
        warn("Got `batch_size` less than 1 or larger than sample size. It is going to be clipped")
    return int(np.clip(batch_size, 1, rows))


def _seed(estimator: Any) -> int:
    """Return a seed of the masks of dropout; without dropout no random number is drawn, as scikit-learn draws none."""
    return int(estimator._random_state.randint(2**31)) if np.any(estimator.dropout) else 0


class _Loop:
    """The epochs of one call, and what is decided between them."""

    def __init__(self, estimator: Any, held_out: HeldOut | None, events: Events, incremental: bool) -> None:
        self.estimator, self.held_out, self.events, self.incremental = (
            estimator,
            held_out,
            events,
            incremental,
        )
        self.stops = bool(estimator.early_stopping)  # a callback may change the setting, for the next fit
        budget = estimator.time_budget
        self.deadline = None if budget is None else time.monotonic() + budget

    def run(self, epochs: Epochs) -> None:
        """Train until a rule says stop."""
        estimator = self.estimator
        order: Any = np.arange(epochs.rows) if estimator.shuffle else None
        try:
            estimator.n_iter_ = 0
            while estimator.n_iter_ < estimator.max_iter and not self.events.begin_epoch():
                if estimator.shuffle:  # as sklearn.utils.shuffle does
                    places = np.arange(epochs.rows)
                    estimator._random_state.shuffle(places)
                    order[:] = order[places]  # the same array, which was checked in the first epoch
                if self._epoch(epochs, order):
                    break
        except KeyboardInterrupt:
            warn("Training interrupted by user.")
        except Stopped:  # in the middle of an epoch, whose loss is not known
            pass
        if self.stops:
            estimator.coefs_, estimator.intercepts_ = estimator._best_coefs, estimator._best_intercepts

    def _epoch(self, epochs: Epochs, order: Any) -> bool:
        """Train for an epoch; return whether it was the last one."""
        estimator = self.estimator
        try:
            loss = epochs.run(order)
        except FloatingPointError as error:
            if not self.stops:
                raise ValueError(NOT_FINITE) from error
            loss = np.float64("nan")
        estimator.n_iter_ += 1
        estimator.loss_ = loss
        estimator.t_ += epochs.rows
        estimator.loss_curve_.append(loss)
        if estimator.verbose:
            print(f"Iteration {estimator.n_iter_}, loss = {loss:.8f}")
        score = self._note_progress(loss)
        note_epoch(estimator._optimizer, loss, score)
        estimator._optimizer.iteration_ends(estimator.t_)
        if np.isnan(loss) and self.stops:
            warn(
                f"Stochastic Optimizer: the loss is no longer finite in iteration {estimator.n_iter_}, which ends training; the "
                "parameters of the best validation score are kept.",
                ConvergenceWarning,
            )
            return True
        is_stopped, is_asked = self._is_stopped(), self.events.end_epoch()
        if is_stopped or is_asked or self.incremental:
            return True
        if estimator.n_iter_ == estimator.max_iter:
            warn(
                f"Stochastic Optimizer: Maximum iterations ({estimator.max_iter}) reached and the optimization hasn't "
                "converged yet.",
                ConvergenceWarning,
            )
        return self.deadline is not None and time.monotonic() >= self.deadline

    def _note_progress(self, loss: float) -> float | None:
        """Count the epochs without progress; keep the parameters of the best score, and return this epoch's."""
        estimator = self.estimator
        score: float | None = None
        if self.held_out is not None:
            nothing = np.float64("nan")
            score, held_out_loss = (nothing, nothing) if np.isnan(loss) else self.held_out.measure(estimator)
            estimator.validation_scores_.append(score)
            estimator.validation_loss_curve_.append(held_out_loss)
            if estimator.verbose:
                print(f"Validation score: {score:f}")
        if self.stops:
            assert score is not None  # rows are held out
            progress = not score < estimator.best_validation_score_ + estimator.tol
        else:
            progress = not loss > estimator.best_loss_ - estimator.tol
            estimator.best_loss_ = min(loss, estimator.best_loss_)
        estimator._no_improvement_count = 0 if progress else estimator._no_improvement_count + 1
        if score is not None and score > estimator.best_validation_score_:
            estimator.best_validation_score_ = score
            if self.stops:
                estimator._best_coefs = [c.copy() for c in estimator.coefs_]
                estimator._best_intercepts = [b.copy() for b in estimator.intercepts_]
        return score

    def _is_stopped(self) -> bool:
        """Whether there were too many epochs without progress, and the learning rate is not to become smaller."""
        estimator = self.estimator
        if estimator._no_improvement_count <= estimator.n_iter_no_change:
            return False
        what = "Validation score" if self.stops else "Training loss"
        message = f"{what} did not improve more than tol={estimator.tol:f} for {estimator.n_iter_no_change} consecutive epochs."
        if estimator._optimizer.trigger_stopping(message, estimator.verbose):
            return True
        estimator._no_improvement_count = 0
        return False

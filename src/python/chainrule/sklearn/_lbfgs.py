"""The solver `lbfgs`: SciPy's, with losses and gradients from the core."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import scipy.optimize  # type: ignore[import-untyped]

from . import _settings, _targets
from ._attempt import Attempt
from ._events import Events, Stopped
from ._pieces import Pieces
from ._theirs import check_optimize_result, lbfgs_options


def fit_lbfgs(estimator: Any, X: Any, y: Any, weight: Any, events: Events, attempt: Attempt) -> None:
    """Train from the parameters that the estimator has.

    SciPy keeps the parameters in float64, and asks for losses at these rounded to the dtype they had at the start: as in
    scikit-learn, those of float32 are computed in float32, and what is left at the end is float64.
    """
    objective = Objective(estimator, X, y, weight, attempt)
    start = np.concatenate([np.ravel(a) for a in (*estimator.coefs_, *estimator.intercepts_)])
    budget = estimator.time_budget
    deadline = None if budget is None else time.monotonic() + budget
    best: list[Any] = [start, 0]

    def after_iteration(parameters: Any) -> None:
        best[:] = [parameters.copy(), best[1] + 1]
        estimator.n_iter_ = best[1]
        objective.use(best[0])
        estimator.loss_ = objective.loss
        is_late = deadline is not None and time.monotonic() >= deadline
        is_last = best[1] >= estimator.max_iter  # as SciPy will find
        if events.end_epoch() or is_late or (not is_last and events.begin_epoch()):
            raise Stopped

    if events.begin_epoch():
        return
    try:
        found = scipy.optimize.minimize(
            objective, start, method="L-BFGS-B", jac=True,
            callback=after_iteration if events or deadline is not None else None,
            options={
                "maxfun": estimator.max_fun,
                "maxiter": estimator.max_iter,
                "gtol": estimator.tol,
                **lbfgs_options(1 if estimator.verbose is True or estimator.verbose >= 1 else -1),
            },
        )  # fmt: skip
    except Stopped:
        objective.use(best[0])
        return
    estimator.n_iter_ = check_optimize_result(found, estimator.max_iter)
    estimator.loss_ = np.float64(found.fun)
    objective.use(found.x)


class Objective:
    """The loss with its penalty, and its gradient, as a function of all parameters in one vector."""

    def __init__(self, estimator: Any, X: Any, y: Any, weight: Any, attempt: Attempt) -> None:
        dtype = _settings.working_dtype(X, *estimator.coefs_)
        self.estimator, self.n, self.attempt = estimator, len(estimator.coefs_), attempt
        self.shapes = [a.shape for a in (*estimator.coefs_, *estimator.intercepts_)]
        self.network = _settings.network_of(estimator, dtype)
        self.target = _targets.core_target(estimator, y, dtype)
        self.weight = None if weight is None else _settings.in_c_order(weight, dtype)
        given, (self.target, self.weight) = (
            self.weight,
            _targets.with_weights(estimator, self.target, self.weight),
        )
        is_whole = _settings.is_function(estimator.loss)
        self.pieces = Pieces(X, self.target, self.weight, given, dtype, is_whole)
        self.total = float(len(y)) if self.weight is None else float(self.weight.sum())
        constants = _targets.constants(estimator, y)
        self.constant = 0.0 if constants is None else float(np.average(constants, weights=self.weight))
        self.settings = {
            "loss": _settings.core_loss(estimator, dtype),
            "output_weights": _targets.output_weights(estimator),
            "n_threads": estimator.n_threads,
        }
        is_logistic = isinstance(self.settings["loss"], _settings.BinaryLogLoss)
        self.limit = float(-np.log(np.finfo(dtype).eps)) if is_logistic else np.inf
        self.loss = np.float64("nan")

    def use(self, parameters: Any) -> None:
        """Make views of a vector the fitted attributes."""
        ends = np.cumsum([int(np.prod(shape)) for shape in self.shapes])
        views = [
            part.reshape(shape)
            for part, shape in zip(np.split(parameters, ends[:-1]), self.shapes, strict=True)
        ]
        self.estimator.coefs_, self.estimator.intercepts_ = views[: self.n], views[self.n :]

    def __call__(self, parameters: Any) -> tuple[float, Any]:
        """Return the loss and its gradient."""
        self.use(parameters.astype(self.network.numpy_dtype, copy=False))
        coefs = self.estimator.coefs_
        value, dWs, dbs = self.pieces.gradients(
            self.network, coefs, self.estimator.intercepts_, **self.settings
        )
        self.attempt.has_updates = True
        if value * len(self.target) > self.limit / 2 or (self.weight is not None and self.limit < np.inf):
            # Some output may be so near to 1 that it shows in the loss how scikit-learn rounds it, and by that goes the line search.
            output = self.pieces.outputs(
                self.network, coefs, self.estimator.intercepts_, self.settings["n_threads"]
            )
            value = _targets.log_loss_of_rounded(output, self.target, self.weight)
        scale = self.estimator.alpha / self.total if self.total else 0.0
        for gradient, w in zip(dWs, coefs, strict=True):
            gradient += scale * w
        squares = sum(float(np.dot(w.ravel(), w.ravel())) for w in coefs)
        penalty = 0.5 * scale * squares
        self.loss = np.float64(value / _targets.loss_divisor(self.estimator) + self.constant + penalty)
        return self.loss, np.concatenate([g.ravel() for g in (*dWs, *dbs)])

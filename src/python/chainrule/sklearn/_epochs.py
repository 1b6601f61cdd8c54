"""Epochs of the stochastic solvers, run by the core."""

from __future__ import annotations

from typing import Any

import numpy as np

from chainrule._network import StepRecord
from chainrule.backend import core

from . import _settings, _steps, _targets

DENSE_ELEMENTS = 2**22
"""How many numbers of a sparse X are made dense together."""


class Epochs:
    """Everything that epochs of a fit have in common, and the one that is run next.

    Parameters
    ----------
    estimator : BaseMultilayerPerceptron
        With parameters, and its optimizer.
    X : ndarray or sparse matrix of shape (rows, features)
    y : ndarray of shape (rows, n_out)
    weight : ndarray of shape (rows,), optional
    batch_size : int
    seed : int
        Of the masks of dropout.
    """

    def __init__(
        self, estimator: Any, X: Any, y: Any, weight: Any, batch_size: int, seed: int, poll: Any = None
    ) -> None:
        self.estimator, self.rows, self.batch_size, self.seed, self.poll = (
            estimator,
            len(y),
            batch_size,
            seed,
            poll,
        )
        dtype = _settings.working_dtype(X, *estimator.coefs_)
        dropout = _settings.dropout_rates(estimator.dropout, len(estimator.coefs_) - 1)
        estimator.coefs_ = _steps.writable(estimator.coefs_, dtype)
        estimator.intercepts_ = _steps.writable(estimator.intercepts_, dtype)
        self.network = _settings.network_of(estimator, dtype, dropout)
        steps = getattr(estimator, "_steps", 0)
        self.state = _steps.state_of(
            estimator._optimizer, self.network, estimator.coefs_, estimator.intercepts_, steps
        )
        self.X: Any = X if hasattr(X, "toarray") else np.ascontiguousarray(X, dtype)
        self.target = _targets.core_target(estimator, y, dtype)
        self.weight = None if weight is None else np.ascontiguousarray(weight, dtype)
        self.constants = _targets.constants(estimator, y)
        self.starts = np.arange(0, self.rows, batch_size)
        self.sizes = np.diff(self.starts, append=self.rows).astype(np.float64)
        self.record = StepRecord(np.empty(len(self.starts)), np.empty(len(self.starts)))

    def run(self, order: Any) -> float:
        """Train for one epoch, which takes the rows in this order, and return its mean loss as scikit-learn has it."""
        settings: dict[str, Any] = {
            "loss": _settings.core_loss(self.estimator),
            "output_weights": _targets.output_weights(self.estimator),
            "optimizer": _steps.rule_of(self.estimator),
            "batch_size": self.batch_size,
            "shuffle": False,
            "seed": self.seed,
            "epochs": 1,
            "n_threads": self.estimator.n_threads,
            **(self.poll or {}),
        }
        try:
            if hasattr(self.X, "toarray"):
                self._run_sparse(order, settings)
            else:
                core().train_epochs(
                    self.network, self.state, self.X, self.target, sample_weight=self.weight, order=order,
                    record=self.record, **settings
                )  # fmt: skip
        finally:
            self.estimator._steps = self.state.step
            _steps.note_steps(self.estimator._optimizer, self.state)
        return self._mean_loss(order)

    def _run_sparse(self, order: Any, settings: dict[str, Any]) -> None:
        """Train on some batches at once, which alone are made dense."""
        each = max(1, DENSE_ELEMENTS // (self.batch_size * self.X.shape[1]))
        for first in range(0, len(self.starts), each):
            rows = slice(first * self.batch_size, (first + each) * self.batch_size)
            chosen = rows if order is None else order[rows]
            X = np.ascontiguousarray(self.X[chosen].toarray(), self.network.numpy_dtype)
            weight = None if self.weight is None else self.weight[chosen]
            record = StepRecord(*(array[first : first + each] for array in self.record))
            core().train_epochs(
                self.network,
                self.state,
                X,
                self.target[chosen],
                sample_weight=weight,
                record=record,
                **settings,
            )

    def _mean_loss(self, order: Any) -> float:
        """Return the mean over rows of the batches' losses, each with its penalty."""
        totals = self._sums(self.weight, order) if self.weight is not None else self.sizes
        shares = np.divide(self.sizes, totals, out=np.zeros_like(self.sizes), where=totals != 0)
        losses = self.record.losses * self.sizes / _targets.loss_divisor(self.estimator)
        if not isinstance(self.estimator._optimizer, _steps.OwnOptimizer):
            losses += 0.5 * self.estimator.alpha * self.record.weight_squares * shares
        if self.constants is not None:
            values = self.constants if self.weight is None else self.constants * self.weight
            losses += self._sums(values, order) * shares
        return float(losses.sum() / self.rows)

    def _sums(self, values: Any, order: Any) -> Any:
        """Return the sums of values over the batches."""
        values = values.astype(np.float64)
        return np.add.reduceat(values if order is None else values[order], self.starts)

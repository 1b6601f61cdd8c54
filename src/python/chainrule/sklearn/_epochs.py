"""Epochs of the stochastic solvers, run by the core."""

from __future__ import annotations

from typing import Any

import numpy as np

from chainrule._checks_network import Training, check_train_epochs
from chainrule._network import StepRecord
from chainrule.backend import core

from . import _settings, _steps, _targets
from ._pieces import DENSE_ELEMENTS


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
    poll : dict, optional
        The arguments of `train_epochs` by which an epoch is looked at in its middle.
    is_watched : bool, default False
        Whether code of the user's runs between epochs.
    """

    def __init__(
        self,
        estimator: Any,
        X: Any,
        y: Any,
        weight: Any,
        batch_size: int,
        seed: int,
        poll: dict[str, Any] | None = None,
        is_watched: bool = False,
    ) -> None:
        self.estimator, self.rows, self.batch_size, self.seed = estimator, len(y), batch_size, seed
        self.poll = poll or {}
        self._is_watched = is_watched or _settings.is_function(estimator.loss)
        dtype = _settings.working_dtype(*estimator.coefs_)
        self.X: Any = X if hasattr(X, "toarray") else _settings.in_c_order(X, dtype)
        self.target = _targets.core_target(estimator, y, dtype)
        self.weight = None if weight is None else _settings.in_c_order(weight, dtype)
        self.target, self.weight = _targets.with_weights(estimator, self.target, self.weight)
        self.constants = _targets.constants(estimator, y)
        self.starts = np.arange(0, self.rows, batch_size)
        self.sizes = np.diff(self.starts, append=self.rows).astype(np.float64)
        self.record = StepRecord(np.empty(len(self.starts)), np.empty(len(self.starts)))
        self._is_one_batch = len(self.starts) == 1 and self.weight is None and self.constants is None
        self._given: Training | None = None
        self._use_parameters(dtype)

    def _use_parameters(self, dtype: Any) -> None:
        """Train what the estimator has as its parameters now."""
        estimator = self.estimator
        dropout = _settings.dropout_rates(estimator.dropout, len(estimator.coefs_) - 1)
        for name in ("coefs_", "intercepts_"):
            given = getattr(estimator, name)
            arrays = _steps.writable(given, dtype)
            # an array of arrays becomes a list, which the core takes
            if not isinstance(given, (list, tuple)) or any(
                own is not one for own, one in zip(arrays, given, strict=True)
            ):
                setattr(estimator, name, arrays)
        self.network = _settings.network_of(estimator, dtype, dropout)
        self.state = _steps.state_of(
            estimator._optimizer,
            self.network,
            estimator.coefs_,
            estimator.intercepts_,
            getattr(estimator, "_steps", 0),
        )

    def run(self, order: Any) -> np.float64:
        """Train for one epoch, which takes the rows in this order, and return its mean loss as scikit-learn has it."""
        if self._is_watched:  # code of the user's has run, which may have changed anything
            self._use_parameters(self.network.numpy_dtype)
            self._given = None
        try:
            if hasattr(self.X, "toarray"):
                self._run_sparse(order)
            else:
                self._run_dense(order)
        finally:
            self.estimator._steps = self.state.step
            _steps.note_steps(self.estimator._optimizer, self.state)
        return self._mean_loss(order)

    def _run_dense(self, order: Any) -> None:
        if self._given is None:
            self._given = self._checked(self.X, self.target, self.weight, order, self.record)
        else:
            rule = _steps.at_present(self._given.rule, self.estimator._optimizer)
            if rule is not self._given.rule or order is not self._given.order:
                self._given = self._given._replace(rule=rule, order=order)
        core().train_checked(self.network, self.state, self._given, self.estimator.n_threads, **self.poll)

    def _run_sparse(self, order: Any) -> None:
        """Train on some batches at once, which alone are made dense."""
        each = max(1, DENSE_ELEMENTS // (self.batch_size * self.X.shape[1]))
        for first in range(0, len(self.starts), each):
            rows = slice(first * self.batch_size, (first + each) * self.batch_size)
            chosen = rows if order is None else order[rows]
            X = np.ascontiguousarray(self.X[chosen].toarray(), self.network.numpy_dtype)
            weight = None if self.weight is None else self.weight[chosen]
            record = StepRecord(*(array[first : first + each] for array in self.record))
            given = self._checked(X, self.target[chosen], weight, None, record)
            poll = {**self.poll, "poll": self._poll_from(first)} if self.poll else {}
            core().train_checked(self.network, self.state, given, self.estimator.n_threads, **poll)

    def _poll_from(self, first: int) -> Any:
        """Return a poll for batches of which so many of the epoch are done, as those of a sparse X come in several calls."""
        poll, steps, sizes = self.poll["poll"], len(self.starts), self.sizes
        rows, before = sizes[:first].sum(), self.record.losses[:first] @ sizes[:first]

        def of_epoch(epoch: int, batch: int, batches: int, loss: float) -> None:
            seen = sizes[first : first + batch].sum()
            poll(epoch, first + batch, steps, float((before + loss * seen) / (rows + seen)))

        return of_epoch

    def _checked(self, X: Any, target: Any, weight: Any, order: Any, record: StepRecord) -> Training:
        """Return the arguments of the core for one epoch over these rows."""
        estimator, poll = self.estimator, {"poll": None, "poll_each_step": False, **self.poll}
        return check_train_epochs(
            self.network, self.state, X, target, _settings.core_loss(estimator, self.network.numpy_dtype), weight, _targets.output_weights(estimator),
            _steps.rule_of(estimator), self.batch_size, False, self.seed, 1, estimator.n_threads, poll["poll"],
            poll["poll_each_step"], (), order, record
        )  # fmt: skip

    def _mean_loss(self, order: Any) -> np.float64:
        """Return the mean over rows of the batches' losses, each with its penalty."""
        if self._is_one_batch:  # arrays of one number would take longer than an epoch of few rows
            loss = self.record.losses[0] * self.sizes[0] / _targets.loss_divisor(self.estimator)
            if not isinstance(self.estimator._optimizer, _steps.OwnOptimizer):
                loss += 0.5 * self.estimator.alpha * self.record.weight_squares[0]
            of_batch: np.float64 = loss / self.rows
            return of_batch
        shares: Any = 1.0
        if self.weight is not None:
            totals = self._sums(self.weight, order)
            shares = np.divide(self.sizes, totals, out=np.zeros_like(self.sizes), where=totals != 0)
        losses = self.record.losses * self.sizes / _targets.loss_divisor(self.estimator)
        if not isinstance(self.estimator._optimizer, _steps.OwnOptimizer):
            losses += 0.5 * self.estimator.alpha * self.record.weight_squares * shares
        if self.constants is not None:
            values = self.constants if self.weight is None else self.constants * self.weight
            losses += self._sums(values, order) * shares
        mean: np.float64 = losses.sum() / self.rows
        return mean

    def _sums(self, values: Any, order: Any) -> Any:
        """Return the sums of values over the batches."""
        values = values.astype(np.float64)
        return np.add.reduceat(values if order is None else values[order], self.starts)

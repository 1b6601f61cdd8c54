"""What both estimators replace in scikit-learn's: the arithmetic, and what is done between its steps."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import is_classifier
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from chainrule._checks_values import count
from chainrule.backend import core

from . import _settings, _targets
from ._attempt import Attempt
from ._events import Events
from ._frames import refuse_unfit_columns
from ._held_out import HeldOut
from ._lbfgs import fit_lbfgs
from ._loops import lacking, runs_in_scikit_learns
from ._prediction import outputs
from ._several import columns_of
from ._shortcuts import validate_settings
from ._steps import use_solver
from ._stochastic import NOT_FINITE, fit_stochastic
from ._tasks import Tasks
from ._theirs import (
    HAS_WEIGHTS,
    CallbackSupport,
    check_sample_weight,
    own_lbfgs_fit,
    own_stochastic_fit,
    validated_inputs,
)


class ChainruleMixin(CallbackSupport):  # type: ignore[misc]
    """Trains and predicts in chainrule's core; comes before the class of scikit-learn that it changes."""

    def _fit(
        self: Any, X: Any, y: Any, sample_weight: Any = None, incremental: bool = False, validation_data: Any = None,
        callbacks: Any = None, classes: Any = None
    ) -> Any:  # fmt: skip
        with Attempt(self) as attempt:
            self._fit_or_refuse(
                attempt, X, y, sample_weight, incremental, validation_data, callbacks, classes
            )
        return self

    def _fit_or_refuse(
        self: Any, attempt: Attempt, X: Any, y: Any, sample_weight: Any, incremental: bool, validation_data: Any,
        callbacks: Any, classes: Any
    ) -> None:  # fmt: skip
        if incremental:
            self._check_first_call(y, classes)
        refuse_unfit_columns(X)
        sizes = self.hidden_layer_sizes
        sizes = list(sizes) if hasattr(sizes, "__iter__") else [sizes]
        if np.any(np.array(sizes) <= 0):
            raise ValueError(f"hidden_layer_sizes must be > 0, got {sizes}.")
        self._check_settings(len(sizes), validation_data)
        _targets.check_class_weight(self, incremental)
        events = Events(self, callbacks, Tasks(self, X, y, sample_weight))
        first_pass = not hasattr(self, "coefs_") or (not self.warm_start and not incremental)
        labels = y
        X, y = self._validate_input(X, y, incremental, reset=first_pass)
        by_class = _targets.balanced(self, labels)
        if sample_weight is not None:
            sample_weight = check_sample_weight(sample_weight, X)
        y = self._columns(y)
        self.n_outputs_ = y.shape[1]
        held_out = self._held_out(validation_data)
        units = [X.shape[1], *sizes, self.n_outputs_]
        attempt.draws_from(self.random_state)
        self._random_state = check_random_state(self.random_state)
        if first_pass:
            self._initialize(y, units, X.dtype)
        in_theirs = False
        if _settings.is_stochastic(self.solver):
            use_solver(self)
            in_theirs = runs_in_scikit_learns(
                self,
                X,
                incremental,
                is_weighed=sample_weight is not None,
                is_validated=held_out is not None,
                is_watched=events.are_expected(incremental),
            )
        events.begin(tells_tasks=not incremental)
        try:
            self._train(
                X, y, sample_weight, by_class, units, incremental, held_out, events, attempt, in_theirs
            )
        except BaseException:
            events.end(failed=True)
            raise
        events.end(failed=False)
        if not all(np.isfinite(w).all() for w in (*self.coefs_, *self.intercepts_)):
            raise ValueError(NOT_FINITE)

    def _check_first_call(self, y: Any, classes: Any) -> None:
        """Do what is to be done in the first call of `partial_fit` alone."""

    def _train(
        self: Any, X: Any, y: Any, sample_weight: Any, by_class: Any, units: list[int], incremental: bool,
        held_out: HeldOut | None, events: Events, attempt: Attempt, in_theirs: bool
    ) -> None:  # fmt: skip
        if not _settings.is_stochastic(self.solver):
            if hasattr(self, "validation_scores_"):  # of another solver
                self.validation_scores_ = self.validation_loss_curve_ = self.best_validation_score_ = None
            weight = sample_weight if by_class is None else by_class
            if by_class is not None and sample_weight is not None:
                weight = sample_weight * by_class
            can_weigh = HAS_WEIGHTS or weight is None
            if hasattr(X, "toarray") and can_weigh and not events and not lacking(self):
                attempt.has_updates = True
                own_lbfgs_fit(super(), X, y, weight, units)
            else:
                fit_lbfgs(self, X, y, weight, events, attempt)
            return
        self._prepare_progress(scores=self.early_stopping or held_out is not None)
        if in_theirs:
            rows = self.t_
            try:
                own_stochastic_fit(super(), X, y, sample_weight, units, incremental)
            finally:
                attempt.has_updates = self.t_ != rows
        else:
            fit_stochastic(self, X, y, sample_weight, by_class, incremental, held_out, events, attempt)

    def _check_settings(self: Any, n_hidden: int, validation_data: Any) -> None:
        """Refuse settings that do not fit each other, before anything is changed."""
        if isinstance(self.loss, type):
            raise TypeError(
                f"loss must be an object, but it is the class {self.loss.__name__}; use {self.loss.__name__}(...)"
            )
        _settings.check_solver(self.solver)
        _settings.hidden_activations(self.activation, n_hidden)
        _settings.dropout_rates(self.dropout, n_hidden)
        if not _settings.is_stochastic(self.solver):
            for name, is_given in (
                ("dropout", np.any(self.dropout)),
                ("validation_data", validation_data is not None),
            ):
                if is_given:
                    raise ValueError(
                        f"{name} needs a solver that takes batches, but solver is 'lbfgs'; use 'adam' or 'sgd'"
                    )

    def _columns(self: Any, y: Any) -> Any:
        """Return y with a column for each output."""
        return y.reshape(-1, 1) if y.ndim == 1 else y

    def _held_out(self: Any, validation_data: Any) -> HeldOut | None:
        """Return the rows that `fit` was given to score on."""
        if validation_data is None:
            return None
        if not isinstance(validation_data, (tuple, list)) or len(validation_data) not in (2, 3):
            raise ValueError(
                f"validation_data must be (X, y) or (X, y, sample_weight), but it is {type(validation_data).__name__}"
                + (f" of {len(validation_data)}" if isinstance(validation_data, (tuple, list)) else "")
            )
        X, y, *weights = validation_data
        refuse_unfit_columns(X, "X of validation_data")
        X = validated_inputs(self, X, dtype=(np.float64, np.float32))
        weight = check_sample_weight(weights[0], X) if weights and weights[0] is not None else None
        if weight is not None and (weight < 0).any():
            raise ValueError(
                f"sample_weight of validation_data must be at least 0, but its least is {weight.min()}"
            )
        try:
            y = self._columns(self._encoded(y))
        except (ValueError, TypeError) as error:
            if "validation_data" in str(error):
                raise
            raise ValueError(f"y of validation_data does not fit: {error}") from error
        if len(y) != X.shape[0]:
            raise ValueError(f"validation_data has {X.shape[0]} rows in X, but {len(y)} in y")
        if y.shape[1] != self.n_outputs_:
            raise ValueError(
                f"y of validation_data is for {count(y.shape[1], 'output')}, but y is for {self.n_outputs_}"
            )
        return HeldOut(X, y, weight)

    def _initialize(self: Any, y: Any, layer_units: list[int], dtype: Any) -> None:
        super()._initialize(y, layer_units, dtype)
        self._steps = 0
        if not is_classifier(self) and "poisson" in (self.loss, getattr(self.loss, "kind", None)):
            self.out_activation_ = "exp"
        elif self.loss == "hinge" or columns_of(self) is not None:
            self.out_activation_ = "identity"
        self._best_coefs = [c.copy() for c in self.coefs_]
        self._best_intercepts = [b.copy() for b in self.intercepts_]
        if _settings.is_stochastic(self.solver):
            self.loss_curve_ = list[float]()
            self._no_improvement_count = 0
            stops = self.early_stopping
            self.validation_scores_ = list[float]() if stops else None
            self.validation_loss_curve_ = list[float]() if stops else None
            self.best_validation_score_ = -np.inf if stops else None
            self.best_loss_ = None if stops else np.inf

    def _prepare_progress(self: Any, scores: bool) -> None:
        """Begin what this fit keeps of its progress and the one before did not, as where `early_stopping` was switched.

        What is kept of rows held out has an entry for each of `loss_curve_`, NaN for epochs of fits without such rows; after a fit
        without any there is none of it, as the best score would not be of the parameters that there are.
        """
        if not hasattr(self, "loss_curve_"):  # of lbfgs
            self.loss_curve_ = list[float]()
            self._no_improvement_count = 0
            self.best_loss_ = None
        if scores:
            for name in ("validation_scores_", "validation_loss_curve_"):
                if getattr(self, name, None) is None:
                    setattr(self, name, [np.float64("nan")] * len(self.loss_curve_))
            if getattr(self, "best_validation_score_", None) is None:
                self.best_validation_score_ = -np.inf
                self._best_coefs = [w.copy() for w in self.coefs_]
                self._best_intercepts = [b.copy() for b in self.intercepts_]
        else:
            self.validation_scores_ = self.validation_loss_curve_ = self.best_validation_score_ = None
        if not self.early_stopping and self.best_loss_ is None:
            self.best_loss_ = np.inf

    def _score(self: Any, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Return the score of rows held out to scikit-learn's own loop, and note their loss."""
        held_out = HeldOut(X, self._columns(self._encoded(y)), sample_weight)
        score, loss = held_out.measure(self)
        self.validation_loss_curve_.append(loss)
        return score

    def _init_coef(self: Any, fan_in: int, fan_out: int, dtype: Any) -> tuple[Any, Any]:
        if isinstance(self.activation, str) and self.activation != "sigmoid":
            found: tuple[Any, Any] = super()._init_coef(fan_in, fan_out, dtype)
            return found
        layer, activation = len(self.coefs_), self.activation
        name = activation if isinstance(activation, str) else (*activation, None)[layer]
        bound = np.sqrt((2.0 if name in ("logistic", "sigmoid") else 6.0) / (fan_in + fan_out))
        coefs = self._random_state.uniform(-bound, bound, (fan_in, fan_out))
        intercepts = self._random_state.uniform(-bound, bound, fan_out)
        return coefs.astype(dtype, copy=False), intercepts.astype(dtype, copy=False)

    def _forward_pass_fast(self: Any, X: Any, check_input: bool = True) -> Any:
        return outputs(self, X, check_input)

    def _validate_params(self: Any) -> None:
        validate_settings(self, super()._validate_params)

    def _check_fitted(self: Any) -> None:
        """Refuse an estimator that is not fitted; scikit-learn's check takes longer than a prediction of one row."""
        if "coefs_" not in self.__dict__:
            check_is_fitted(self)

    def predict_into(self: Any, X: Any, out: Any) -> Any:
        """Write the activations of the output layer into an array.

        Parameters
        ----------
        X : ndarray of shape (n_samples, n_features)
            Used as it lies: C-contiguous, of the dtype of `coefs_`; its values are not looked at.
        out : ndarray of shape (n_samples, n_outputs)
            Of the same dtype. It gets the predicted values, or for a classifier the probability of the second class
            (two classes), of each class (of each column of classes, one after the other), or of each label.

        Returns
        -------
        out : ndarray

        Raises
        ------
        TypeError, ValueError
            If X or `out` does not fit.
        """
        self._check_fitted()
        _settings.check_threads(self)
        dtype = _settings.working_dtype(*self.coefs_)
        core().forward(
            _settings.network_of(self, dtype), _settings.as_parameters(self.coefs_, dtype),
            _settings.as_parameters(self.intercepts_, dtype), X, out=out, n_threads=self.n_threads
        )  # fmt: skip
        several = columns_of(self)
        if several is not None:
            np.concatenate(several.probabilities(out), axis=1, out=out)
        return out

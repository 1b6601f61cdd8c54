"""Rows that are held out of training; the score and the loss on them, of one forward pass."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import is_classifier
from sklearn.metrics import accuracy_score, r2_score
from sklearn.model_selection import train_test_split

from chainrule._losses import loss_rule
from chainrule.backend import core

from . import _settings, _targets
from ._prediction import outputs
from ._regression import levels_of, quantile_score
from ._several import columns_of


def threshold_of(estimator: Any) -> float:
    """Return the output from which on a class or label is predicted."""
    return 0.0 if estimator.out_activation_ == "identity" else 0.5


class HeldOut:
    """Rows to measure on.

    Parameters
    ----------
    X : ndarray or sparse matrix of shape (rows, features)
    y : ndarray of shape (rows, n_out)
        Encoded as for training.
    sample_weight : ndarray of shape (rows,), optional
    """

    def __init__(self, X: Any, y: Any, sample_weight: Any = None) -> None:
        self.X, self.y, self.sample_weight = X, y, sample_weight
        self._known: tuple[Any, Any] | None = None

    def measure(self, estimator: Any) -> tuple[np.float64, np.float64]:
        """Return the score, and the mean loss without the penalty: the one costs a forward pass, the other a look at its outputs."""
        sums = outputs(estimator, self.X, check_input=False, is_activated=False)
        name = _settings.core_activation(estimator.out_activation_)
        output = sums if name == "identity" else core().activation(name, sums)
        return np.float64(self._score(estimator, output)), np.float64(self._loss(estimator, name, sums))

    def _loss(self, estimator: Any, name: str, sums: Any) -> float:
        """Return the loss as that of training, from the sums before the output's activation; NaN where it knows no weights."""
        key = estimator.loss, sums.dtype
        if self._known is None or self._known[0] != key:
            self._known = key, self._prepared(estimator, sums.dtype)
        target, rule, weight, factors, constant = self._known[1]
        if weight is not None and (rule.function is not None or not weight.sum() > 0):
            return float("nan")
        value: float = core().loss_checked(name, sums, target, rule, weight, factors)[0]
        return float(value / _targets.loss_divisor(estimator) + constant)

    def _prepared(self, estimator: Any, dtype: Any) -> tuple[Any, ...]:
        """Return what each epoch's loss is computed with: target, loss, weights of rows and outputs, and what is added."""
        weight = None if self.sample_weight is None else _settings.in_c_order(self.sample_weight, dtype)
        constants = _targets.constants(estimator, self.y)
        constant = 0.0
        if constants is not None and (weight is None or weight.sum() > 0):
            constant = float(np.average(constants, weights=weight))
        target, weight = _targets.with_weights(
            estimator, _targets.core_target(estimator, self.y, dtype), weight
        )
        rule = loss_rule(_settings.core_loss(estimator, dtype))
        return target, rule, weight, _targets.output_weights(estimator), constant

    def _score(self, estimator: Any, output: Any) -> float:
        """Return the accuracy, or the coefficient of determination; NaN where a prediction is not finite."""
        if not is_classifier(estimator):
            if not np.isfinite(output).all():
                return float("nan")
            return score_of_quantities(estimator.loss, self.y, output, self.sample_weight)
        several = columns_of(estimator)
        kind, classes = estimator._label_binarizer.y_type_, estimator._label_binarizer.classes_
        if several is not None:
            pairs = zip(several.blocks(output), several.blocks(self.y), strict=True)
            right = np.all([a.argmax(axis=1) == b.argmax(axis=1) for a, b in pairs], axis=0)
        elif kind == "multiclass":
            right = output.argmax(axis=1) == self.y.argmax(axis=1)
        elif kind == "binary" and len(classes) == 1:
            return 1.0  # whatever the output is, there is no other class
        else:
            right = ((output > threshold_of(estimator)) == self.y).all(axis=1)
        if self.sample_weight is None:
            return float(right.mean())
        return float(accuracy_score(np.ones(len(right), bool), right, sample_weight=self.sample_weight))


def score_of_quantities(loss: Any, y: Any, output: Any, sample_weight: Any) -> float:
    """Return the coefficient of determination, or the score of quantiles; targets of NaN count nothing.

    Parameters
    ----------
    loss : str, loss or callable
    y, output : ndarray of shape (rows, n_out)
    sample_weight : ndarray of shape (rows,), optional
    """
    if levels_of(loss) == 1:
        return _determination(y, output, sample_weight)
    seen = ~np.isnan(y[:, 0])
    weight = None if sample_weight is None else sample_weight[seen]
    return quantile_score(loss, y[seen, 0], output[seen], weight)


def _determination(y: Any, output: Any, sample_weight: Any) -> float:
    observed = ~np.isnan(y)
    if y.shape != output.shape or observed.all():
        return float(r2_score(y, output, sample_weight=sample_weight))
    scores = []
    for column in np.flatnonzero(observed.any(axis=0)):
        rows = observed[:, column]
        weight = None if sample_weight is None else sample_weight[rows]
        scores.append(r2_score(y[rows, column], output[rows, column], sample_weight=weight))
    return float(np.mean(scores)) if scores else float("nan")


def split(estimator: Any, X: Any, y: Any, sample_weight: Any, class_weight: Any) -> tuple[Any, ...]:
    """Return (X, y, sample_weight, class_weight, HeldOut), with the rows that scikit-learn would hold out."""
    # Rows are stratified by class, except where they have several labels.
    stratify = y if is_classifier(estimator) and estimator.n_outputs_ == 1 else None
    arrays = [X, y, *(weight for weight in (sample_weight, class_weight) if weight is not None)]
    parts = train_test_split(
        *arrays,
        random_state=estimator._random_state,
        test_size=estimator.validation_fraction,
        stratify=stratify,
    )
    if parts[1].shape[0] < 2:
        raise ValueError(
            "The validation set is too small. Increase 'validation_fraction' or the size of your dataset."
        )
    weights = iter(parts[4:])
    training, held_out = (next(weights), next(weights)) if sample_weight is not None else (None, None)
    by_class = None
    if class_weight is not None:
        # These rows were given for training, and count in the score as they would there.
        by_class, of_class = next(weights), next(weights)
        held_out = of_class if held_out is None else held_out * of_class
    return parts[0], parts[2], training, by_class, HeldOut(parts[1], parts[3], held_out)

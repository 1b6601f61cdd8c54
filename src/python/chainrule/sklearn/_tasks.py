"""What scikit-learn's own callbacks (`set_callbacks`, from version 1.9 on) are told: the fit, and each of its epochs, as tasks."""

from __future__ import annotations

from typing import Any


class Tasks:
    """Tells the callbacks of an estimator of a fit, if it has any.

    Parameters
    ----------
    estimator : BaseMultilayerPerceptron
    X, y, sample_weight : Any
        As `fit` was given them: a callback that scores takes the labels that the user knows.
    """

    def __init__(self, estimator: Any, X: Any = None, y: Any = None, sample_weight: Any = None) -> None:
        self._estimator = estimator
        self._fit: Any = None
        self._epoch: Any = None
        weights = None if sample_weight is None else {"sample_weight": sample_weight}
        self._given = {"estimator": estimator, "X": X, "y": y, "metadata": weights}

    def __bool__(self) -> bool:
        return self._fit is not None

    def begin(self) -> None:
        """Begin the task of the fit, which has as many more as there may be epochs."""
        estimator = self._estimator
        if getattr(estimator, "_skl_callbacks", None):
            self._fit = estimator._init_callback_context(max_subtasks=estimator.max_iter)
            self._fit.call_on_fit_task_begin(**self._given)

    def begin_epoch(self) -> None:
        """Begin the task of an epoch, if none has begun."""
        if self._fit is not None and self._epoch is None:
            self._epoch = self._fit.subcontext(task_name="epoch")
            self._epoch.call_on_fit_task_begin(**self._given, reconstruction_attributes=self._parameters)

    def end_epoch(self) -> bool:
        """End the task of an epoch; return whether a callback asks for the end."""
        if self._epoch is None:
            return False
        epoch, self._epoch = self._epoch, None
        return bool(epoch.call_on_fit_task_end(**self._given, reconstruction_attributes=self._parameters))

    def end(self) -> None:
        """End what has begun."""
        if self._fit is not None:
            self.end_epoch()
            self._fit.call_on_fit_task_end(**self._given, reconstruction_attributes=self._parameters)

    def _parameters(self) -> dict[str, Any]:
        """Return the parameters as they are now, for an estimator that predicts with them."""
        estimator = self._estimator
        return {
            "coefs_": [w.copy() for w in estimator.coefs_],
            "intercepts_": [b.copy() for b in estimator.intercepts_],
        }

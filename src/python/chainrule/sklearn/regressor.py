"""`MLPRegressor`: scikit-learn's, trained and asked in chainrule's core."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.utils import check_consistent_length

from . import _theirs
from ._base import ChainruleMixin
from ._held_out import score_of_quantities
from ._prediction import is_finite
from ._regression import as_old_signature, levels_of, numbers_with_gaps
from ._settings import REGRESSOR_CONSTRAINTS
from ._shortcuts import are_plain


class MLPRegressor(ChainruleMixin, _theirs.MLPRegressor):  # type: ignore[misc]
    """Multilayer perceptron for quantities: scikit-learn's `MLPRegressor`, trained in chainrule's core.

    Everything that is not described here is as there.

    Parameters
    ----------
    loss : str or loss, default "squared_error"
        "squared_error" (half of it, as scikit-learn's) or "poisson" (with the exponential as output activation); one of
        chainrule's for quantities by name, an object like ``chainrule.losses.Huber(0.5)``, or a function of yours. With
        ``chainrule.losses.Quantile([0.05, 0.5, 0.95])`` each target has an output for each level.
    hidden_layer_sizes : array-like of int, default (100,)
        Units of each hidden layer.
    activation : str or list of str, default "relu"
        Of the hidden layers, all alike or one each: "identity", "logistic", "tanh" or "relu"; or one of chainrule's others.
    solver : {"adam", "sgd", "lbfgs"} or optimizer, default "adam"
        Or one of `chainrule.SGD`, `Adam`, `AdamW`, `RMSprop`, `Adagrad` and `RPROP`, which then brings its own learning rate
        (or schedule) and weight decay: `alpha`, `learning_rate`, `learning_rate_init`, `power_t`, `momentum`,
        `nesterovs_momentum`, `beta_1`, `beta_2` and `epsilon` are not used.
    alpha : float, default 0.0001
        Strength of the L2 penalty, which is divided by the rows of a batch.
    batch_size : int or "auto", default "auto"
        Rows of a batch; "auto" is ``min(200, n_samples)``, for RPROP all rows.
    learning_rate : {"constant", "invscaling", "adaptive"}, default "constant"
        Schedule of "sgd".
    learning_rate_init : float, default 0.001
        Of "sgd" and "adam".
    power_t : float, default 0.5
        The exponent of "invscaling".
    max_iter : int, default 200
        Epochs at most; iterations of "lbfgs".
    shuffle : bool, default True
        Whether each epoch takes the rows in a new order.
    random_state : int, RandomState instance or None, default None
        Of the first weights, the rows held out, the orders and dropout.
    tol : float, default 0.0001
        What counts as progress of the loss, or of the score.
    verbose : bool, default False
        Whether the loss of each epoch is printed.
    warm_start : bool or "optimizer", default False
        Whether `fit` goes on from the parameters of the fit before; with "optimizer" also from what its optimizer remembers.
    momentum : float, default 0.9
        Of "sgd", from 0 to 1; with 1 nothing can be set that scikit-learn's lacks.
    nesterovs_momentum : bool, default True
        Of "sgd".
    early_stopping : bool, default False
        Whether rows are held out, whose score decides about the end and about the parameters that are kept.
    validation_fraction : float, default 0.1
        The share of rows held out for early stopping.
    beta_1, beta_2, epsilon : float, default 0.9, 0.999 and 1e-8
        Of "adam".
    n_iter_no_change : int, default 10
        Epochs without progress that are allowed.
    max_fun : int, default 15000
        Evaluations at most, of "lbfgs".
    dropout : float or list of float, default 0.0
        The share of hidden units that is left out at each update, of all hidden layers or of each.
    n_threads : int or None, default None
        Threads at most; None as `chainrule.show_config` says. It changes no result.
    time_budget : float or None, default None
        Seconds after which training ends; an epoch under way is not counted in `loss_curve_`.
    missing_targets : bool, default False
        Whether NaN in y is a target that is missing, and counts nothing; else it is refused.

    Attributes
    ----------
    coefs_, intercepts_ : list of ndarray
        Weights (n_in, n_out) and biases (n_out,) of each layer. Training changes them in place; prediction and further training
        use them as they are, whoever wrote into them or put others in their place.
    loss_, best_loss_, loss_curve_ : float, float or None, list of float
        The last loss with its penalty, the least one (None with `early_stopping`), and that of each epoch.
    validation_scores_, best_validation_score_ : list of float or None, float or None
        The score on rows held out, or on `validation_data`, after each epoch of `loss_curve_`: NaN for epochs of calls before that had
        no such rows, None after a call that had none.
    validation_loss_curve_ : list of float or None
        Their loss, without the penalty, from the same forward pass.
    n_iter_, t_, n_layers_, n_outputs_ : int
        Epochs of the last fit, rows taken by all, layers with that of the inputs, outputs.
    out_activation_ : str
        "identity", or "exp" for Poisson losses.
    n_features_in_, feature_names_in_ : int, ndarray of str
        Of the X of the first fit; the names where X is a table whose columns have them.

    Notes
    -----
    Before version 1.7 scikit-learn's has no ``loss``, and ``hidden_layer_sizes`` is the first argument; so it is here when such
    a version is installed, where ``loss`` is given by name.

    Examples
    --------
    >>> from chainrule.sklearn import MLPRegressor
    >>> X, y = [[0.0], [0.5], [1.0], [1.5]] * 10, [0.0, 1.0, 2.0, 3.0] * 10
    >>> model = MLPRegressor(hidden_layer_sizes=(8,), solver="lbfgs", random_state=1).fit(X, y)
    >>> model.predict([[0.75]]).round(1).tolist()
    [1.5]
    """

    _parameter_constraints = {**_theirs.MLPRegressor._parameter_constraints, **REGRESSOR_CONSTRAINTS}  # noqa: RUF012 - scikit-learn's

    @as_old_signature
    def __init__(
        self,
        loss: Any = "squared_error",
        hidden_layer_sizes: Any = (100,),
        activation: Any = "relu",
        *,
        solver: Any = "adam",
        alpha: float = 0.0001,
        batch_size: Any = "auto",
        learning_rate: str = "constant",
        learning_rate_init: float = 0.001,
        power_t: float = 0.5,
        max_iter: int = 200,
        shuffle: bool = True,
        random_state: Any = None,
        tol: float = 1e-4,
        verbose: Any = False,
        warm_start: Any = False,
        momentum: float = 0.9,
        nesterovs_momentum: bool = True,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        n_iter_no_change: int = 10,
        max_fun: int = 15000,
        dropout: Any = 0.0,
        n_threads: int | None = None,
        time_budget: float | None = None,
        missing_targets: bool = False,
    ) -> None:
        super().__init__(
            hidden_layer_sizes=hidden_layer_sizes,
            activation=activation,
            solver=solver,
            alpha=alpha,
            batch_size=batch_size,
            learning_rate=learning_rate,
            learning_rate_init=learning_rate_init,
            power_t=power_t,
            max_iter=max_iter,
            shuffle=shuffle,
            random_state=random_state,
            tol=tol,
            verbose=verbose,
            warm_start=warm_start,
            momentum=momentum,
            nesterovs_momentum=nesterovs_momentum,
            early_stopping=early_stopping,
            validation_fraction=validation_fraction,
            beta_1=beta_1,
            beta_2=beta_2,
            epsilon=epsilon,
            n_iter_no_change=n_iter_no_change,
            max_fun=max_fun,
        )
        self.dropout = dropout
        self.n_threads = n_threads
        self.time_budget = time_budget
        self.loss = loss
        self.missing_targets = missing_targets

    @_theirs.validates
    def fit(
        self, X: Any, y: Any, sample_weight: Any = None, *, validation_data: Any = None, callbacks: Any = None
    ) -> MLPRegressor:
        """Fit the model to X and y.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            The input data.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            The target values.
        sample_weight : array-like of shape (n_samples,), optional
            At least 0.
        validation_data : tuple (X, y) or (X, y, sample_weight), optional
            Rows that are scored after each epoch, in `validation_scores_` and `validation_loss_curve_`; with `early_stopping` they
            take the place of rows held out.
        callbacks : sequence, optional
            Objects with some of the methods of `chainrule.Callback`, which get an `EstimatorFit`; "lbfgs" has no batches, and
            calls no `on_batch_end`.

        Returns
        -------
        self : MLPRegressor

        Raises
        ------
        ValueError, TypeError
            If an argument does not fit, and then nothing is changed; or if parameters are no longer finite.
        """
        self._fit(X, y, sample_weight=sample_weight, validation_data=validation_data, callbacks=callbacks)
        return self

    @_theirs.available_if(lambda estimator: estimator._check_solver)
    @_theirs.validates
    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> MLPRegressor:
        """Train for one more epoch.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            The input data.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            The target values.
        sample_weight : array-like of shape (n_samples,), optional
            At least 0.

        Returns
        -------
        self : MLPRegressor

        Raises
        ------
        ValueError, TypeError
            If an argument does not fit, and then nothing is changed; or if parameters are no longer finite.
        """
        self._fit(X, y, sample_weight=sample_weight, incremental=True)
        return self

    def predict(self, X: Any) -> Any:
        """Return the predicted values.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            The input data.

        Returns
        -------
        y : ndarray of shape (n_samples,) or (n_samples, n_outputs)
        """
        self._check_fitted()
        return self._predict(X)

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Return the coefficient of determination; with several levels of quantiles the mean of their `d2_pinball_score`.

        With `missing_targets` NaN in y counts nothing.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            The input data.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            The target values.
        sample_weight : array-like of shape (n_samples,), optional
            At least 0.

        Returns
        -------
        score : float
            1 at best; 0 where a constant does as well.
        """
        if self.missing_targets or levels_of(self.loss) > 1:
            y, output = self._columns(self._encoded(y)), self.predict(X)
            check_consistent_length(output, y, sample_weight)
            output = output.reshape(len(output), -1)
            weight = None if sample_weight is None else np.asarray(sample_weight)
            return score_of_quantities(self.loss, y, output, weight)
        score: float = super().score(X, y, sample_weight)
        return score

    def _predict(self, X: Any, check_input: bool = True) -> Any:
        output = self._forward_pass_fast(X, check_input=check_input)
        return output[:, 0] if output.shape[1] == 1 else output

    def _validate_input(self, X: Any, y: Any, incremental: bool, reset: bool) -> tuple[Any, Any]:
        if not self.missing_targets or y is None:
            if (
                getattr(getattr(y, "dtype", None), "kind", None) == "f"
                and is_finite(y)
                and are_plain(self, X, y, reset)
            ):
                return X, y
            return super()._validate_input(X, y, incremental, reset)  # type: ignore[no-any-return]
        X = _theirs.validated_inputs(self, X, reset=reset, dtype=(np.float64, np.float32))
        y = numbers_with_gaps(y)
        check_consistent_length(X, y)
        return X, y

    def _columns(self, y: Any) -> Any:
        y, levels = super()._columns(y), levels_of(self.loss)
        if levels == 1:
            return y
        if y.shape[1] != 1:
            raise ValueError(
                f"y has {y.shape[1]} columns, but a quantile loss with {levels} levels needs one, of which it predicts each"
            )
        return np.repeat(y, levels, axis=1)

    def _encoded(self, y: Any) -> Any:
        """Return targets that were not trained on as numbers."""
        return numbers_with_gaps(y, self.missing_targets)

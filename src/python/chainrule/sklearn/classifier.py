"""`MLPClassifier`: scikit-learn's, trained and asked in chainrule's core."""

from __future__ import annotations

from typing import Any

import numpy as np

from . import _theirs
from ._base import ChainruleMixin
from ._held_out import threshold_of
from ._labels import encoded
from ._settings import CLASSIFIER_CONSTRAINTS, can_fit_partially, has_margins, has_probabilities
from ._several import Columns, are_of_columns, are_several, columns_of
from ._shortcuts import are_plain, known_labels, new_labels


class MLPClassifier(ChainruleMixin, _theirs.MLPClassifier):  # type: ignore[misc]
    """Multilayer perceptron for classes: scikit-learn's `MLPClassifier`, trained in chainrule's core.

    Everything that is not described here is as there. Two classes have one logistic output, more have a softmax, and several
    labels of a row have a logistic output each; the loss is the cross-entropy. Several columns of y that are classes each
    (text, or whole numbers of which some are neither 0 nor 1) have a softmax each.

    Parameters
    ----------
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
    loss : "log_loss", "hinge" or loss, default "log_loss"
        "hinge" has identity as output activation, `decision_function`, and no probabilities; with more than two classes it is the sum
        over them, each against the rest. Or `chainrule.losses.CrossEntropy` (more than two classes) or `BinaryCrossEntropy`, with label smoothing.
    class_weight : dict, "balanced" or None, default None
        Factors of the weights of rows, by class; "balanced" is ``n_samples / (n_classes * rows of the class)``.
        Rows held out for early stopping are weighed so in their score, too; those of `validation_data` by the weights given with them.

    Attributes
    ----------
    classes_ : ndarray or list of ndarray
        The labels; of each column, where several columns of y are classes each.
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
        "logistic" or "softmax"; "identity" with the hinge loss.
    n_features_in_, feature_names_in_ : int, ndarray of str
        Of the X of the first fit; the names where X is a table whose columns have them.

    Examples
    --------
    >>> from chainrule.sklearn import MLPClassifier
    >>> X, y = [[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]] * 10, ["no", "yes", "yes", "no"] * 10
    >>> model = MLPClassifier((8,), learning_rate_init=0.1, max_iter=1000, random_state=1).fit(X, y)
    >>> [str(label) for label in model.predict([[0.0, 1.0], [1.0, 1.0]])]
    ['yes', 'no']
    """

    _parameter_constraints = {**_theirs.MLPClassifier._parameter_constraints, **CLASSIFIER_CONSTRAINTS}  # noqa: RUF012 - scikit-learn's

    def __init__(
        self,
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
        loss: Any = "log_loss",
        class_weight: Any = None,
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
        self.class_weight = class_weight

    @_theirs.validates
    def fit(
        self, X: Any, y: Any, sample_weight: Any = None, *, validation_data: Any = None, callbacks: Any = None
    ) -> MLPClassifier:
        """Fit the model to X and y.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            The input data.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Class labels; several columns of 0 and 1 are several labels of a row.
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
        self : MLPClassifier

        Raises
        ------
        ValueError, TypeError
            If an argument does not fit, and then nothing is changed; or if parameters are no longer finite.
        """
        self._fit(X, y, sample_weight=sample_weight, validation_data=validation_data, callbacks=callbacks)
        return self

    @_theirs.available_if(can_fit_partially)
    @_theirs.validates
    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None, classes: Any = None) -> MLPClassifier:
        """Train for one more epoch.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            The input data.
        y : array-like of shape (n_samples,) or (n_samples, n_labels)
            Class labels.
        sample_weight : array-like of shape (n_samples,), optional
            At least 0.
        classes : array-like of shape (n_classes,), optional
            All labels there are, in the first call.

        Returns
        -------
        self : MLPClassifier

        Raises
        ------
        ValueError, TypeError
            If an argument does not fit, and then nothing is changed; or if parameters are no longer finite.
        """
        self._fit(X, y, sample_weight=sample_weight, incremental=True, classes=classes)
        return self

    def _check_first_call(self, y: Any, classes: Any) -> None:
        """Do what scikit-learn does with ``classes``; for several columns of labels it is a list with those of each."""
        if columns_of(self) is not None or are_several(y) or are_of_columns(classes):
            if not hasattr(self, "classes_"):
                if classes is None:
                    raise ValueError("classes must be passed on the first call to partial_fit.")
                self._label_binarizer: Any = Columns(classes)
                self.classes_ = self._label_binarizer.classes_
            return
        if _theirs.check_partial_fit_first_call(self, classes):
            self._label_binarizer = _theirs.LabelBinarizer()
            several = _theirs.type_of_target(y).startswith("multilabel")
            self._label_binarizer.fit(y if several else classes)

    def _validate_input(self, X: Any, y: Any, incremental: bool, reset: bool) -> tuple[Any, Any]:
        goes_on = hasattr(self, "classes_") and (incremental or self.warm_start)
        several = columns_of(self) if goes_on else None
        if incremental and goes_on and not self.warm_start and are_plain(self, X, y, reset):
            labels = known_labels(self._label_binarizer, y)
            if labels is not None:
                return X, labels
        if not goes_on and (found := new_labels(y)) is not None and are_plain(self, X, y, reset):
            self._label_binarizer, labels = found
            self.classes_ = self._label_binarizer.classes_
            return X, labels
        if several is None and not are_several(y):
            return super()._validate_input(X, y, incremental, reset)  # type: ignore[no-any-return]
        if self.loss != "log_loss":
            raise ValueError(f"several columns of classes are for loss='log_loss', but it is {self.loss!r}")
        if goes_on and several is None:
            raise ValueError("y has several columns of classes, but the one before had not")
        y = np.asarray(y)
        if not goes_on:
            self._label_binarizer = Columns(list(y.T))
            self.classes_ = self._label_binarizer.classes_
        X = _theirs.validated_inputs(self, X, reset=reset, dtype=(np.float64, np.float32))
        if len(y) != X.shape[0]:
            raise ValueError(f"y has {len(y)} rows, but X has {X.shape[0]}")
        return X, self._label_binarizer.transform(y)

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Return the share of rows whose class, or all of whose labels, or classes of several columns, are predicted.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            The input data.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            What is to be predicted.
        sample_weight : array-like of shape (n_samples,), optional
            At least 0.

        Returns
        -------
        score : float
        """
        if columns_of(self) is not None:
            right = (self.predict(X) == np.asarray(y)).all(axis=1)
            return float(np.average(right, weights=sample_weight))
        score: float = super().score(X, y, sample_weight)
        return score

    def predict(self, X: Any) -> Any:
        """Return the class of each row, or whether it has each label.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            The input data.

        Returns
        -------
        y : ndarray of shape (n_samples,) or (n_samples, n_labels)
        """
        self._check_fitted()
        return self._predict(X)

    def _predict(self, X: Any, check_input: bool = True) -> Any:
        output = self._forward_pass_fast(X, check_input=check_input)
        binarizer = self._label_binarizer
        if isinstance(binarizer, Columns):
            return binarizer.inverse_transform(output)
        kind, classes = binarizer.y_type_, binarizer.classes_
        if kind == "multiclass" and output.shape[1] == len(classes):
            return classes.take(output.argmax(axis=1))
        chosen = (output > threshold_of(self)).astype(np.intp)
        if kind == "binary" and len(classes) == 2:
            return classes[chosen[:, 0]]
        return binarizer.inverse_transform(chosen.ravel() if self.n_outputs_ == 1 else chosen)

    @_theirs.available_if(has_margins)
    def decision_function(self, X: Any) -> Any:
        """Return the outputs of an estimator with the hinge loss: greater than 0 where a class or label is predicted.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            The input data.

        Returns
        -------
        margin : ndarray of shape (n_samples,) or (n_samples, n_classes)
            One column for two classes, as in scikit-learn.
        """
        self._check_fitted()
        output = self._forward_pass_fast(X)
        return output[:, 0] if output.shape[1] == 1 else output

    @_theirs.available_if(has_probabilities)
    def predict_log_proba(self, X: Any) -> Any:
        """Return the logarithm of `predict_proba`.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            The input data.

        Returns
        -------
        log_probability : ndarray of shape (n_samples, n_classes)
        """
        probability: Any = self.predict_proba(X)
        if isinstance(probability, list):
            return [np.log(each) for each in probability]
        return np.log(probability, out=probability)

    @_theirs.available_if(has_probabilities)
    def predict_proba(self, X: Any) -> Any:
        """Return the probability of each class, or of each label.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            The input data.

        Returns
        -------
        probability : ndarray of shape (n_samples, n_classes)
            Columns as in `classes_`; for several columns of classes a list with an array for each.
        """
        self._check_fitted()
        output = self._forward_pass_fast(X)
        several = columns_of(self)
        if several is not None:
            return several.probabilities(output)
        if output.shape[1] > 1:
            return output
        both = np.empty((len(output), 2), output.dtype)
        both[:, 1] = output[:, 0]
        np.subtract(1, output[:, 0], out=both[:, 0])
        return both

    def _encoded(self, y: Any) -> Any:
        """Return labels that were not trained on as the outputs should be."""
        return encoded(self._label_binarizer, y)

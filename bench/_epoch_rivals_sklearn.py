"""scikit-learn in the epoch benchmark: `MLPRegressor.fit` and `MLPClassifier.fit`, `warm_start` from given weights.

Its squared error is half of the sum over outputs, averaged over rows: with the learning rate times ``2 / n_out`` the
steps are those of the mean squared error. A sigmoid output it trains with the cross-entropy only; that work is timed,
and what is checked is that its loss falls.
"""

from __future__ import annotations

import warnings
from typing import Any

import chainrule as cr
from _epoch_rivals import Rival, checked_order, start_of
from _workers import Unavailable
from _works import MOMENTUM, SEED, Array, Work

EPOCHS_OF_LOSS = 5


class ScikitLearn(Rival):
    """All epochs of a timing in one call of `fit`, which starts from the parameters that are there."""

    def __init__(self, threads: int) -> None:
        try:
            import sklearn
            from sklearn import neural_network
            from sklearn.exceptions import ConvergenceWarning
        except ImportError as error:
            raise Unavailable(f"scikit-learn is not installed ({error})") from None
        warnings.simplefilter(
            "ignore", ConvergenceWarning
        )  # it is told how many epochs to make, and makes them
        cr.set_backend("reference")
        self.networks, self.version = neural_network, sklearn.__version__

    def describe(self) -> str:
        """Return versions and settings."""
        return f"{self.version}, fit with warm_start"

    def only_timed(self, work: Work) -> str:
        """Return why its steps cannot be those of the reference, or nothing."""
        if work.output_activation == "sigmoid" and work.loss != "binary_cross_entropy":
            return "scikit-learn trains a sigmoid output with the cross-entropy only"
        return ""

    def begin(self, work: Work, dtype: str, X: Array, y: Array, shuffle: bool) -> Any:
        """Return an estimator with the initial weights; a first epoch of `fit` makes its attributes."""
        numbers = work.output_activation == "identity"
        options: dict[str, Any] = {
            "hidden_layer_sizes": work.layer_sizes[1:-1],
            "activation": {"sigmoid": "logistic"}.get(work.activation, work.activation),
            "solver": "sgd",
            "alpha": 0.0,
            "batch_size": work.batch,
            "learning_rate_init": work.learning_rate * (2 / work.layer_sizes[-1] if numbers else 1),
            "momentum": MOMENTUM,
            "nesterovs_momentum": False,
            "shuffle": shuffle,
            "max_iter": 1,
            "tol": 0.0,
            "n_iter_no_change": 10**9,  # it stops by itself otherwise
            "random_state": SEED,
        }
        made = (self.networks.MLPRegressor if numbers else self.networks.MLPClassifier)(**options)
        made.fit(X, y)
        ours = start_of(work, dtype)
        made.coefs_, made.intercepts_ = ours.weights, ours.biases
        return made.set_params(warm_start=True)  # `fit` takes these, and velocities of 0

    def data(self, work: Work, dtype: str) -> tuple[Array, Array]:
        """Return inputs, and targets as scikit-learn wants them: one output has no axis of its own."""
        X, y = work.data(dtype)
        if y.ndim == 2 and y.shape[1] == 1:
            y = y.ravel()
        return X, y.astype(int) if work.output_activation != "identity" else y

    def start(self) -> None:
        """Make the estimator."""
        self.X, self.y = self.data(self.work, self.dtype)
        self.made = self.begin(self.work, self.dtype, self.X, self.y, shuffle=True)

    def train(self, epochs: int) -> None:
        """Train for so many epochs."""
        self.made.set_params(max_iter=epochs).fit(self.X, self.y)

    def answer(self, work: Work, dtype: str) -> list[Array]:
        """Return weights, then biases, after the steps that are checked: the rows are given in chainrule's order."""
        order, (X, y) = checked_order(work), self.data(work, dtype)
        made = self.begin(work, dtype, X[order], y[order], shuffle=False).fit(X[order], y[order])
        return [*made.coefs_, *made.intercepts_]

    def losses(self, work: Work, dtype: str) -> tuple[float, float]:
        """Return its own loss in the first and in a later epoch."""
        X, y = self.data(work, dtype)
        made = self.begin(work, dtype, X, y, shuffle=True).set_params(max_iter=EPOCHS_OF_LOSS).fit(X, y)
        curve = made.loss_curve_[-EPOCHS_OF_LOSS:]
        return float(curve[0]), float(curve[-1])

"""Settings and data drawn at random, over all that scikit-learn's two classes take: the same errors, warnings, attributes and
predictions, call after call.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn_cases import VERSION, WEIGHTED, MLPClassifier, MLPRegressor

neural_network = pytest.importorskip("sklearn.neural_network")

EACH = 25
"""Draws of a test."""
SETTINGS: dict[str, list[Any]] = {
    "hidden_layer_sizes": [(5,), (3, 4), (), 7, [2, 2, 2]],
    "activation": ["identity", "logistic", "tanh", "relu"],
    "solver": ["sgd", "adam", "sgd", "adam", "lbfgs"],
    "alpha": [0, 1e-4, 0.1, 1.0],
    "batch_size": ["auto", 1, 3, 7, 100],
    "learning_rate": ["constant", "invscaling", "adaptive"],
    "learning_rate_init": [0.001, 0.02],
    "power_t": [0.5, 0, 0.9],
    "max_iter": [1, 2, 4],
    "shuffle": [True, False],
    "tol": [1e-4, 0.0, 0.05],
    "momentum": [0.9, 0, 0.5, 1.0],
    "nesterovs_momentum": [True, False],
    "early_stopping": [False, False, True],
    "validation_fraction": [0.1, 0.3],
    "beta_1": [0.9, 0.5],
    "beta_2": [0.999, 0.5],
    "epsilon": [1e-8, 1e-3],
    "n_iter_no_change": [1, 3, np.inf],
    "warm_start": [False, True],
    "max_fun": [15000, 3],
}
INPUTS = ("float64", "float32", "int", "bool", "Fortran", "csr", "csc", "list", "strided")


class Draw:
    """A random number generator that chooses."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)

    def one_of(self, *choices: Any) -> Any:
        """Return one of these."""
        return choices[self.rng.integers(len(choices))]

    def inputs(self, n: int, kind: str) -> Any:
        """Return n rows of a kind."""
        X = self.rng.normal(size=(n, self.rng.integers(1, 8)))
        if kind in ("csr", "csc"):
            share = self.one_of(0.02, 0.3, 0.9)  # few entries are left to scikit-learn's own loop
            stored = X * (self.rng.random(X.shape) < share)
            return getattr(sparse, f"{kind}_{self.one_of('matrix', 'array')}")(stored)
        return {
            "float32": lambda: X.astype("float32"),
            "int": lambda: (X * 3).astype(int),
            "bool": lambda: X > 0,
            "Fortran": lambda: np.asfortranarray(X),
            "strided": lambda: np.repeat(X, 2, axis=1)[:, ::2],
            "list": X.tolist,
            "float64": lambda: X,
        }[kind]()

    def labels(self, n: int) -> Any:
        """Return n labels, or rows of labels."""
        rng = self.rng
        return self.one_of(
            np.arange(n) % 2,
            rng.permutation(np.arange(n) % 4),
            np.array(["a", "b", "c"])[np.arange(n) % 3],
            rng.permutation(np.arange(n) % 3).astype(float),
            np.arange(n) % 2 > 0,
            rng.integers(0, 2, (n, 3)),
        )

    def quantities(self, n: int, loss: str) -> Any:
        """Return n targets, or rows of targets, that suit the loss."""
        shape = self.one_of((n,), (n, 3), (n, 1))
        y = self.rng.normal(size=shape)
        y = self.one_of(y, y.astype("float32"), (y * 3).astype(int))
        return abs(y) if loss == "poisson" else y


def outcome(Estimator: Any, settings: dict[str, Any], calls: list[str], X: Any, y: Any, weights: Any) -> Any:
    """Return the estimator after some calls, the error, and the warnings."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model, error = Estimator(**settings), None
        try:
            for call in calls:
                named = {} if weights is None else {"sample_weight": weights}
                if call == "partial_fit" and Estimator.__name__ == "MLPClassifier":
                    named["classes"] = np.unique(y)
                getattr(model, call)(X, y, **named)
        except (ValueError, AttributeError, TypeError) as raised:
            error = raised
    said = [(one.category, str(one.message)) for one in caught if one.category is not RuntimeWarning]
    return model, error, said


def compare(theirs: Any, ours: Any, X: Any) -> None:
    """Compare what was fitted, and predictions."""
    single = any(w.dtype == np.float32 for w in theirs.coefs_) or getattr(X, "dtype", None) == np.float32
    # Some steps, each of which adds roundings of its sums; adam divides by the size of gradients that are nearly 0.
    near = {"rtol": 5e-3, "atol": 5e-4} if single else {"rtol": 1e-6, "atol": 1e-8}
    for own, other in zip(ours.coefs_ + ours.intercepts_, theirs.coefs_ + theirs.intercepts_, strict=True):
        assert own.dtype == other.dtype
        assert_allclose(own, other, **near)
    for name in ("n_iter_", "t_", "n_outputs_", "out_activation_", "n_layers_", "n_features_in_"):
        assert getattr(ours, name) == getattr(theirs, name), name
    for name in ("loss_", "best_loss_", "loss_curve_", "best_validation_score_"):
        if getattr(theirs, name, None) is not None:
            assert_allclose(getattr(ours, name), getattr(theirs, name), err_msg=name, **near)
        else:
            assert getattr(ours, name, None) is None, name
    predicted, expected = ours.predict(X), theirs.predict(X)
    assert (predicted.dtype, predicted.shape) == (expected.dtype, expected.shape)
    if isinstance(theirs, neural_network.MLPRegressor):
        assert_allclose(predicted, expected, **near)
    else:
        assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), **near)
        assert_array_equal(ours.classes_, theirs.classes_)


@pytest.mark.parametrize("kind", INPUTS)
@pytest.mark.parametrize("Estimator", [MLPClassifier, MLPRegressor], ids=lambda one: one.__name__)
def test_whatever_is_set_and_given_the_outcome_is_scikit_learns(
    Estimator: Any, kind: str, backend: str
) -> None:
    compared = 0
    for seed in range(EACH):
        draw = Draw(1000 * INPUTS.index(kind) + seed)
        settings = {name: draw.one_of(*values) for name, values in SETTINGS.items()}
        settings["random_state"] = int(draw.rng.integers(100))
        n = int(draw.rng.integers(24, 60))
        X = draw.inputs(n, kind)
        if Estimator is MLPClassifier:
            y = draw.labels(n)
        else:
            if VERSION >= (1, 7):
                settings["loss"] = draw.one_of("squared_error", "squared_error", "poisson")
            y = draw.quantities(n, settings.get("loss", ""))
        weights = (
            draw.rng.uniform(0.1, 2, n)
            if VERSION >= (1, 7) and WEIGHTED and draw.one_of(True, False)
            else None
        )
        calls = [draw.one_of("fit", "fit", "partial_fit") for _ in range(draw.rng.integers(1, 4))]
        if VERSION < (1, 6):  # its partial_fit takes classes by another way
            calls = ["fit" if Estimator is MLPClassifier else call for call in calls]
        theirs, their_error, their_words = outcome(
            getattr(neural_network, Estimator.__name__), settings, calls, X, y, weights
        )
        if "isnan" in str(their_error):
            continue  # from 1.6 to 1.8 scikit-learn's early stopping cannot score labels of text
        ours, error, words = outcome(Estimator, settings, calls, X, y, weights)
        if theirs.early_stopping and not np.isfinite(getattr(theirs, "loss_curve_", [0.0])).all():
            continue  # one that diverges goes on in scikit-learn to its last epoch, whose parameters are not kept
        assert (type(error), str(error)) == (type(their_error), str(their_error)), settings
        assert words == their_words, settings
        if error is None:
            compared += 1
            compare(theirs, ours, X)
    assert compared > EACH // 3  # others are refused by both

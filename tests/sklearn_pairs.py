"""The same estimator twice, scikit-learn's and chainrule's, fitted alike; and how far their coefficients may be apart."""

from __future__ import annotations

import contextlib
import inspect
import warnings

import chainrule as cr
import numpy as np
import pytest
from chainrule import sklearn as ours

theirs = pytest.importorskip("sklearn.neural_network", reason="scikit-learn is compared with")

HAS_WEIGHTS = "sample_weight" in inspect.signature(theirs.MLPClassifier.fit).parameters
needs_weights = pytest.mark.skipif(not HAS_WEIGHTS, reason="this scikit-learn takes no sample weights")


def using(core):
    """Choose a core given as a module."""
    return cr.backend(core.__name__.rpartition(".")[2])


def classes(n=3, rows=120, dtype="float64", seed=0):
    """Return X (rows, 6) and labels of n classes, which can be learned."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(rows, 6)).astype(dtype)
    return X, np.argmax(X[:, :n] + 0.3 * rng.normal(size=(rows, n)), axis=1)


def labels(n=3, rows=120, dtype="float64", seed=0):
    """Return X and an indicator matrix of n labels."""
    X, _ = classes(2, rows, dtype, seed)
    return X, (X[:, :n] + X[:, 1 : n + 1] > 0.5).astype(int)


def quantities(n=1, rows=120, dtype="float64", seed=0):
    """Return X and n targets, shape (rows,) for one; they are not negative."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(rows, 6)).astype(dtype)
    y = np.abs(np.sin(X[:, :n]) + X[:, 1 : n + 1]).astype(dtype)
    return X, y[:, 0] if n == 1 else y


def data(name, **settings):
    """Return X and y for an estimator."""
    return classes(**settings) if name == "MLPClassifier" else quantities(**settings)


def pair(name, **settings):
    """Return scikit-learn's estimator and chainrule's, with the same arguments."""
    settings = {"hidden_layer_sizes": (7, 5), "random_state": 3, "max_iter": 5, **settings}
    return getattr(theirs, name)(**settings), getattr(ours, name)(**settings)


def both_fitted(name, X, y, *weights, **settings):
    """Return a pair of fitted estimators; that they have not converged is no news."""
    one, other = pair(name, **settings)
    with quiet():
        return one.fit(X, y, *weights), other.fit(X, y, *weights)


class Begin:
    """Keeps the parameters that a fit begins with."""

    def on_fit_begin(self, fit):
        self.coefs = [w.copy() for w in fit.estimator.coefs_]
        self.intercepts = [b.copy() for b in fit.estimator.intercepts_]


def fitted(estimator, X, y, **settings):
    """Fit without a word; return the estimator and the parameters that it began with."""
    begin = Begin()
    with quiet():
        estimator.fit(X, y, callbacks=[begin, *settings.pop("callbacks", [])], **settings)
    return estimator, begin


@contextlib.contextmanager
def quiet():
    """Ignore warnings."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def assert_same(one, other, steps=60, factor=100.0, dtype=None):
    """Both have the same fitted attributes, but for rounding.

    Each step sums some hundred rounded products of the size of the coefficients, most of which cancel, and hands its error to the
    next, which neither grows nor shrinks it much: `factor` units in the last place per step. Curvature found from differences of
    gradients (L-BFGS) makes errors grow, for which tests name a larger factor; there gradients may be of another dtype than the
    coefficients.
    """
    assert attributes(one) == attributes(other)
    bound = factor * steps * np.finfo(dtype or one.coefs_[0].dtype).eps
    for name in ("coefs_", "intercepts_"):
        for a, b in zip(getattr(one, name), getattr(other, name), strict=True):
            assert b.dtype == a.dtype
            np.testing.assert_allclose(b, a, rtol=bound, atol=bound, err_msg=name)
    for name in ("n_iter_", "t_", "n_layers_", "n_outputs_", "out_activation_", "n_features_in_"):
        assert getattr(one, name) == getattr(other, name), name
    for name in ("loss_", "best_loss_", "loss_curve_", "validation_scores_", "best_validation_score_"):
        a, b = getattr(one, name, None), getattr(other, name, None)
        if a is None:
            assert b is None, name
        else:
            np.testing.assert_allclose(b, a, rtol=10 * bound, atol=10 * bound, err_msg=name)


def attributes(estimator):
    """Return the names of all that a fit has left, but those that scikit-learn's never has."""
    names = {name for name in vars(estimator) if name.endswith("_") and not name.startswith("_")}
    return names - {"validation_loss_curve_"}


def warned(call, *arguments):
    """Return what a call warns of: categories and texts."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        call(*arguments)
    return [(warning.category, str(warning.message)) for warning in caught]


def refused(call, *arguments):
    """Return the type and the text of the error of a call."""
    with quiet(), pytest.raises(Exception) as caught:  # noqa: PT011 - which one it is, is compared
        call(*arguments)
    return type(caught.value), str(caught.value)

"""What the tests of `chainrule.sklearn` share: the estimators in many settings, small data, and what the installed
scikit-learn has.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import pytest

sklearn = pytest.importorskip("sklearn", reason="chainrule.sklearn needs scikit-learn")

from chainrule.sklearn import MLPClassifier, MLPRegressor
from scipy import sparse
from sklearn.base import ClassifierMixin
from sklearn.datasets import load_diabetes, load_iris
from sklearn.preprocessing import StandardScaler
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import has_fit_parameter

VERSION = tuple(int(part) for part in sklearn.__version__.split(".")[:2])
WEIGHTED = has_fit_parameter(MLPClassifier(), "sample_weight")
"""Whether `fit` takes sample_weight: scikit-learn's own does since 1.7."""
weighted = pytest.mark.skipif(not WEIGHTED, reason=f"fit takes no sample_weight with scikit-learn {VERSION}")

SOLVERS: dict[str, dict[str, Any]] = {
    "sgd": {"solver": "sgd", "learning_rate_init": 0.05, "random_state": 0},
    "adam": {"solver": "adam", "learning_rate_init": 0.01, "random_state": 0},
    "lbfgs": {"solver": "lbfgs", "random_state": 0},
    "early stopping": {
        "early_stopping": True,
        "validation_fraction": 0.2,
        "learning_rate_init": 0.01,
        "random_state": 0,
    },
}
"""Settings that learn small data in some tens of epochs."""

BOTH = pytest.mark.parametrize("Estimator", [MLPClassifier, MLPRegressor], ids=lambda one: one.__name__)
"""For tests of what the two classes have in common."""


def data(Estimator: type, dtype: str = "float64") -> tuple[Any, Any]:
    """Return some real rows with labels as text, or with a quantity of unit variance."""
    X, y = (load_iris if issubclass(Estimator, ClassifierMixin) else load_diabetes)(return_X_y=True)
    X = StandardScaler().fit_transform(X).astype(dtype)
    if issubclass(Estimator, ClassifierMixin):
        return X, np.array(["setosa", "versicolor", "virginica"])[y]
    return X[:150], ((y - y.mean()) / y.std())[:150].astype(dtype)


def small(Estimator: Any, **settings: Any) -> Any:
    """Return an estimator that is fitted in milliseconds, to no convergence; warnings of that are for the test to ignore."""
    return Estimator(
        **{
            "hidden_layer_sizes": (8,),
            "max_iter": 5,
            "learning_rate_init": 0.01,
            "random_state": 0,
            **settings,
        }
    )


def fitted(Estimator: Any, **settings: Any) -> Any:
    """Return one that is fitted to its data."""
    return small(Estimator, **settings).fit(*data(Estimator))


def same(first: Any, second: Any) -> bool:
    """Say whether two fitted estimators have the same parameters to the bit."""
    pairs = zip(first.coefs_ + first.intercepts_, second.coefs_ + second.intercepts_, strict=True)
    return all(np.array_equal(one, other) for one, other in pairs)


def as_single(X: Any) -> Any:
    """Return float64 data as float32, whatever holds them, and all else as it is."""
    if (isinstance(X, np.ndarray) or sparse.issparse(X)) and X.dtype == np.float64:
        return X.astype(np.float32)
    if type(X).__module__.split(".")[0] == "pandas" and X.ndim == 2:
        return X.astype(dict.fromkeys(X.columns[X.dtypes == np.float64], "float32"))
    if (
        type(X).__name__ == "_NotAnArray"
    ):  # scikit-learn's own, for data that can only be turned into an array
        return as_single(np.asarray(X))
    return X


def on_single(Estimator: type) -> type:
    """Return a subclass that is given everything in float32: scikit-learn's checks know data of float64 only."""

    def wrapped(name: str) -> Any:
        original = getattr(Estimator, name)

        @functools.wraps(original)
        def method(self: Any, X: Any, *args: Any, **named: Any) -> Any:
            return getattr(super(single, self), name)(as_single(X), *args, **named)

        return method

    names = [name for name in ("fit", "predict", "predict_proba") if hasattr(Estimator, name)]

    def has_partial_fit(self: Any) -> bool:
        return hasattr(super(single, self), "partial_fit")

    methods = {name: wrapped(name) for name in names}
    methods["partial_fit"] = available_if(has_partial_fit)(wrapped("partial_fit"))
    single: type = type(f"{Estimator.__name__}OfSingle", (Estimator,), methods)
    globals()[single.__name__] = single  # where pickle finds it
    single.__module__ = __name__
    return single


SingleClassifier, SingleRegressor = on_single(MLPClassifier), on_single(MLPRegressor)

"""Estimators of `chainrule.sklearn` become models with whatever hidden activations they have."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

pytest.importorskip("sklearn")

from chainrule.interchange import from_sklearn
from chainrule.sklearn import MLPClassifier, MLPRegressor

X = np.random.default_rng(0).normal(size=(30, 4))
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@pytest.mark.parametrize("activation", ["gelu", "sigmoid", "relu", ["elu", "logistic"], ("tanh", "silu")])
def test_an_estimator_with_any_activation_becomes_a_model(activation: Any) -> None:
    settings: dict[str, Any] = {"hidden_layer_sizes": (5, 3), "activation": activation, "max_iter": 3}
    regressor = MLPRegressor(random_state=0, **settings).fit(X, X[:, 0])
    np.testing.assert_allclose(from_sklearn(regressor).predict(X)[:, 0], regressor.predict(X), rtol=1e-12)
    classifier = MLPClassifier(random_state=0, **settings).fit(X, np.arange(30) % 3)
    np.testing.assert_allclose(from_sklearn(classifier).predict(X), classifier.predict_proba(X), rtol=1e-12)


@pytest.mark.parametrize(
    ("activation", "text"),
    [
        ("step", "estimator.activation must be one of"),
        (["elu", "step"], r"estimator.activation\[1\] must be one of"),
        (["elu"], "estimator.activation must have 2 entries, one for each hidden layer, but it has 1"),
    ],
)
def test_activations_that_no_estimator_has_are_refused(activation: Any, text: str) -> None:
    model = MLPRegressor(hidden_layer_sizes=(5, 3), max_iter=1, random_state=0).fit(X, X[:, 0])
    model.activation = activation
    with pytest.raises(ValueError, match=text):
        from_sklearn(model)

"""What is checked in fewer microseconds than scikit-learn needs is checked all the same, and found to be the same."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

pytest.importorskip("sklearn")

import chainrule.sklearn as ours
import sklearn.neural_network as theirs

SETTINGS: dict[str, Any] = {"hidden_layer_sizes": (5,), "max_iter": 2, "random_state": 0}
BOTH = pytest.mark.parametrize("Estimator", ["MLPClassifier", "MLPRegressor"])
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

X = np.random.default_rng(0).normal(size=(60, 4))
LABELS = {
    "two": np.arange(60) % 2 + 5,
    "three": np.arange(60) % 3 * 7 - 2,
    "texts": np.array(["a", "bb", "ccc"])[np.arange(60) % 3],
    "truth": np.arange(60) % 2 == 0,
    "one": np.zeros(60, int),
    "numbers": np.arange(60) % 3 * 1.0,
}


@pytest.mark.parametrize("name", LABELS)
def test_labels_of_a_stream_are_those_of_scikit_learn(name: str) -> None:
    y = LABELS[name]
    models = [module.MLPClassifier(**SETTINGS) for module in (ours, theirs)]
    for model in models:
        model.partial_fit(X, y, classes=np.unique(y))
        for rows in (slice(0, 1), slice(3, 9), slice(0, 60)):
            model.partial_fit(X[rows], y[rows])
    np.testing.assert_allclose(models[0].coefs_[0], models[1].coefs_[0], rtol=1e-7, atol=1e-12)
    np.testing.assert_array_equal(models[0].predict(X), models[1].predict(X))


@pytest.mark.parametrize("name", LABELS)
def test_labels_of_a_fit_are_those_of_scikit_learn(name: str) -> None:
    models = [module.MLPClassifier(**SETTINGS).fit(X, LABELS[name]) for module in (ours, theirs)]
    binarizers = [vars(model._label_binarizer) for model in models]
    for attribute, value in binarizers[1].items():
        np.testing.assert_array_equal(binarizers[0][attribute], value)
    assert models[0].classes_.dtype == models[1].classes_.dtype
    np.testing.assert_allclose(models[0].coefs_[0], models[1].coefs_[0], rtol=1e-7, atol=1e-12)
    np.testing.assert_array_equal(models[0].predict(X), models[1].predict(X))
    assert models[0].n_features_in_ == 4


@pytest.mark.parametrize(
    "y",
    [
        np.full(30, 3),
        np.full(30, -1),
        np.array(["a"] * 30),
        np.full(30, np.nan),
        np.zeros((30, 2), int),
        np.zeros(29, int),
        np.zeros(0, int),
    ],
)
def test_wrong_labels_of_a_stream_are_refused_in_the_same_words(y: Any) -> None:
    said = []
    for module in (ours, theirs):
        model = module.MLPClassifier(**SETTINGS).fit(X, LABELS["two"])
        with pytest.raises(ValueError) as error:  # noqa: PT011 - compared below
            model.partial_fit(X[:30], y)
        said.append(str(error.value))
    assert said[0] == said[1] or "columns" in said[0]


def test_labels_that_may_be_quantities_are_warned_of_as_by_scikit_learn() -> None:
    y, said = np.arange(40), []
    for module in (ours, theirs):
        model = module.MLPClassifier(**SETTINGS)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            model.partial_fit(X[:40], y, classes=y).partial_fit(X[:40], y)
        said.append({str(each.message) for each in caught})
    assert said[0] == said[1]


@BOTH
def test_settings_are_validated_again_where_they_have_changed(Estimator: str) -> None:
    y = LABELS["two"].astype(float if Estimator == "MLPRegressor" else int)
    model = getattr(ours, Estimator)(**SETTINGS).fit(X, y)
    model.fit(X, y)
    for name, value in (("alpha", -1.0), ("alpha", None), ("hidden_layer_sizes", (0,)), ("shuffle", 2), ("max_iter", 2.5)):  # fmt: skip
        kept = model.get_params()[name]
        with pytest.raises(ValueError, match=name):
            model.set_params(**{name: value}).fit(X, y)
        model.set_params(**{name: kept}).fit(X, y)


@BOTH
def test_inputs_of_a_refit_and_a_stream_are_looked_at(Estimator: str) -> None:
    pandas = pytest.importorskip("pandas")
    y = LABELS["two"].astype(float if Estimator == "MLPRegressor" else int)
    model = getattr(ours, Estimator)(**SETTINGS).fit(pandas.DataFrame(X, columns=list("abcd")), y)
    with pytest.warns(UserWarning, match="does not have valid feature names"):
        model.partial_fit(X, y)
    model.fit(X[:, :3], y)
    assert not hasattr(model, "feature_names_in_")
    assert model.n_features_in_ == 3
    with pytest.raises(ValueError, match="expecting 3 features"):
        model.partial_fit(X, y)
    for wrong in (np.nan, np.inf):
        bad = X.copy()
        bad[5, 1] = wrong
        for call in (model.fit, model.partial_fit):
            with pytest.raises(ValueError, match="contains"):
                call(bad[:, :3], y)
        if Estimator == "MLPRegressor":
            with pytest.raises(ValueError, match="contains"):
                model.fit(X[:, :3], np.full(60, wrong))
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        model.fit(X, y[:-1])


@BOTH
def test_frames_of_numbers_are_predicted_by_their_names(Estimator: str) -> None:
    pandas = pytest.importorskip("pandas")
    y = LABELS["two"].astype(float if Estimator == "MLPRegressor" else int)
    frame = pandas.DataFrame(X, columns=list("abcd"))
    frame["e"], frame["f"] = np.arange(60), np.arange(60) % 2 == 0
    settings = {**SETTINGS, "max_iter": 20}
    for columns in ("abcd", "abcde", "abcdef", "e"):
        model, other = (
            getattr(module, Estimator)(**settings).fit(frame[list(columns)], y) for module in (ours, theirs)
        )
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            np.testing.assert_allclose(
                model.predict(frame[list(columns)]), other.predict(frame[list(columns)]), rtol=1e-6
            )

"""The rest of scikit-learn around the estimators: what takes them, copies them, shows them and sends them elsewhere."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn_cases import (
    BOTH,
    SOLVERS,
    VERSION,
    MLPClassifier,
    MLPRegressor,
    data,
    fitted,
    same,
    small,
    weighted,
)

sklearn = pytest.importorskip("sklearn")
joblib = pytest.importorskip("joblib")

from sklearn import (
    base,
    calibration,
    compose,
    ensemble,
    inspection,
    model_selection,
    multioutput,
    neural_network,
    pipeline,
    preprocessing,
    utils,
)

pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning"),
]
THEIRS = {MLPClassifier: neural_network.MLPClassifier, MLPRegressor: neural_network.MLPRegressor}


@BOTH
def test_it_is_one_of_scikit_learns_with_all_its_arguments_and_defaults(Estimator: Any) -> None:
    theirs, ours = THEIRS[Estimator]().get_params(), Estimator().get_params()
    assert {name: ours.get(name, "nothing") for name in theirs} == theirs
    assert issubclass(Estimator, THEIRS[Estimator])
    assert Estimator.__name__ == THEIRS[Estimator].__name__
    assert base.is_classifier(Estimator()) is (Estimator is MLPClassifier)
    assert base.is_regressor(Estimator()) is (Estimator is MLPRegressor)


@BOTH
def test_a_fit_sets_all_attributes_that_scikit_learn_sets(Estimator: Any) -> None:
    X, y = data(Estimator)
    if Estimator is MLPClassifier:  # early stopping of scikit-learn 1.6 to 1.8 cannot score labels of text
        y = np.unique(y, return_inverse=True)[1]
    for settings in SOLVERS.values():
        theirs, ours = (small(kind, **settings).fit(X, y) for kind in (THEIRS[Estimator], Estimator))
        names = {name for name in vars(theirs) if name.endswith("_")}
        assert names <= set(vars(ours))
        for name in sorted(names - {"coefs_", "intercepts_"}):
            expected, came = getattr(theirs, name), getattr(ours, name)
            if isinstance(expected, (float, list)):  # NumPy's float64 is a float
                assert isinstance(came, (float, list)), name
                assert_allclose(came, expected, rtol=1e-6, err_msg=name)
            else:
                assert type(came) is type(expected), name
                assert_array_equal(came, expected, err_msg=name)


@BOTH
@pytest.mark.skipif(VERSION < (1, 6), reason="tags were a dictionary before 1.6")
def test_its_tags_are_those_of_scikit_learns(Estimator: Any) -> None:
    assert utils.get_tags(Estimator()) == utils.get_tags(THEIRS[Estimator]())


@BOTH
@pytest.mark.parametrize("name", list(SOLVERS))
def test_a_clone_has_the_arguments_and_fits_to_the_same_bits(Estimator: Any, name: str) -> None:
    first = fitted(Estimator, **SOLVERS[name])
    clone = base.clone(first)
    assert clone.get_params() == first.get_params()
    assert not hasattr(clone, "coefs_")
    assert same(clone.fit(*data(Estimator)), first)


@BOTH
@pytest.mark.parametrize("name", list(SOLVERS))
def test_a_pickle_predicts_and_goes_on_to_the_same_bits(Estimator: Any, name: str) -> None:
    X, y = data(Estimator)
    first = fitted(Estimator, **{**SOLVERS[name], "early_stopping": False})
    again = pickle.loads(pickle.dumps(first))
    assert same(again, first)
    assert_array_equal(again.predict(X), first.predict(X))
    if name != "lbfgs":
        assert same(again.partial_fit(X, y), first.partial_fit(X, y))


@BOTH
def test_a_memory_map_that_may_not_be_written_predicts_and_a_copy_is_trained(
    Estimator: Any, tmp_path: Path
) -> None:
    X, y = data(Estimator)
    first = fitted(Estimator)
    joblib.dump(first, tmp_path / "model.joblib")
    mapped = joblib.load(tmp_path / "model.joblib", mmap_mode="r")
    assert isinstance(mapped.coefs_[0], np.memmap)
    assert_array_equal(mapped.predict(X), first.predict(X))
    first_coefs = mapped.coefs_[0]
    assert same(mapped.partial_fit(X, y), first.partial_fit(X, y))  # scikit-learn's refuses
    assert mapped.coefs_[0] is not first_coefs


@BOTH
def test_a_copy_on_write_map_trains_as_the_original_does(Estimator: Any, tmp_path: Path) -> None:
    X, y = data(Estimator)
    first = fitted(Estimator)
    joblib.dump(first, tmp_path / "model.joblib")
    assert same(
        joblib.load(tmp_path / "model.joblib", mmap_mode="c").partial_fit(X, y), first.partial_fit(X, y)
    )


@BOTH
def test_it_is_shown_as_text_and_as_html(Estimator: Any) -> None:
    assert repr(Estimator(alpha=0.5)) == f"{Estimator.__name__}(alpha=0.5)"
    before, after = Estimator()._repr_html_(), fitted(Estimator, alpha=0.25)._repr_html_()
    assert "Not fitted" in before or "not fitted" in before
    assert "0.25" in after
    if VERSION >= (1, 9):  # the table of fitted attributes
        assert "coefs_" in after
        assert "coefs_" not in before


@BOTH
def test_a_pipeline_with_it_is_searched(Estimator: Any) -> None:
    X, y = data(Estimator)
    steps = pipeline.make_pipeline(preprocessing.MinMaxScaler(), small(Estimator, max_iter=30))
    name = f"{Estimator.__name__.lower()}__hidden_layer_sizes"
    search = model_selection.GridSearchCV(steps, {name: [(2,), (16, 8)]}, cv=3).fit(X, y)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    assert search.best_estimator_[-1].coefs_[0].shape == (X.shape[1], search.best_params_[name][0])
    assert search.score(X, y) == search.best_estimator_.score(X, y)


def test_set_output_of_a_pipeline_gives_it_feature_names() -> None:
    pytest.importorskip("pandas")
    X, y = data(MLPClassifier)
    steps = pipeline.make_pipeline(preprocessing.StandardScaler(), small(MLPClassifier))
    steps.set_output(transform="pandas").fit(X, y)
    assert list(steps[-1].feature_names_in_) == ["x0", "x1", "x2", "x3"]
    assert not hasattr(MLPClassifier(), "set_output")  # a classifier has none in scikit-learn either


def test_probabilities_are_calibrated() -> None:
    X, y = data(MLPClassifier)
    calibrated = calibration.CalibratedClassifierCV(small(MLPClassifier, max_iter=40), cv=3).fit(X, y)
    assert_allclose(calibrated.predict_proba(X).sum(axis=1), 1)
    assert calibrated.score(X, y) > 0.8


@BOTH
def test_permutation_importance_finds_the_feature_that_matters(Estimator: Any) -> None:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 4))
    y = X[:, 2] > 0 if Estimator is MLPClassifier else X[:, 2]
    model = small(Estimator, max_iter=60, solver="adam").fit(X, y)
    found = inspection.permutation_importance(model, X, y, n_repeats=3, random_state=0)
    assert found.importances_mean.argmax() == 2


@BOTH
def test_a_learning_curve_is_drawn(Estimator: Any) -> None:
    pytest.importorskip("matplotlib").use("Agg")
    X, y = data(Estimator)
    display = model_selection.LearningCurveDisplay.from_estimator(
        small(Estimator), X, y, cv=3, train_sizes=[0.4, 0.8], shuffle=True, random_state=0
    )
    assert np.isfinite(display.test_scores).all()
    assert display.test_scores.shape == (2, 3)


def test_it_votes_with_others() -> None:
    X, y = data(MLPClassifier)
    votes = ensemble.VotingClassifier(
        [("one", small(MLPClassifier, max_iter=40)), ("other", ensemble.RandomForestClassifier(10))],
        voting="soft",
    )
    assert votes.fit(X, y).score(X, y) > 0.8
    X, y = data(MLPRegressor)
    mean = ensemble.VotingRegressor([("one", small(MLPRegressor)), ("two", small(MLPRegressor, alpha=1))])
    parts = mean.fit(X, y).transform(X)
    assert_allclose(mean.predict(X), parts.mean(axis=1))


@weighted
def test_it_is_boosted() -> None:
    X, y = data(MLPClassifier)
    algorithm = {"algorithm": "SAMME"} if VERSION < (1, 6) else {}  # the only one since
    boosted = ensemble.AdaBoostClassifier(
        small(MLPClassifier, max_iter=30), n_estimators=3, random_state=0, **algorithm
    )
    assert boosted.fit(X, y).score(X, y) > 0.8
    X, y = data(MLPRegressor)
    boosted = ensemble.AdaBoostRegressor(small(MLPRegressor, max_iter=20), n_estimators=3, random_state=0)
    assert boosted.fit(X, y).score(X, y) > 0.2


def test_it_is_the_estimator_of_bagging_stacking_multi_output_and_transformed_targets() -> None:
    X, y = data(MLPRegressor)
    bagged = ensemble.BaggingRegressor(small(MLPRegressor, max_iter=30), n_estimators=3, random_state=0)
    assert bagged.fit(X, y).score(X, y) > 0.1
    stacked = ensemble.StackingRegressor([("net", small(MLPRegressor, max_iter=30))], cv=3)
    assert stacked.fit(X, y).score(X, y) > 0.1
    scaled = compose.TransformedTargetRegressor(
        small(MLPRegressor, max_iter=60), transformer=preprocessing.StandardScaler()
    )
    assert scaled.fit(X, 1000 * y + 5000).score(X, 1000 * y + 5000) > 0.1
    X, y = data(MLPClassifier)
    several = multioutput.MultiOutputClassifier(small(MLPClassifier, max_iter=60, solver="adam"))
    assert several.fit(X, np.c_[y, y == "setosa"]).score(X, np.c_[y, y == "setosa"]) > 0.6


@BOTH
@pytest.mark.parametrize("backend", ["loky", "threading"])
def test_folds_in_processes_and_in_threads_have_the_bits_of_folds_one_by_one(
    Estimator: Any, backend: str
) -> None:
    X, y = data(Estimator)
    arguments = (small(Estimator, n_iter_no_change=3), X, y)
    alone = model_selection.cross_validate(*arguments, cv=4, return_estimator=True)
    with joblib.parallel_backend(backend, n_jobs=2):
        together = model_selection.cross_validate(*arguments, cv=4, n_jobs=2, return_estimator=True)
    assert_array_equal(together["test_score"], alone["test_score"])
    for one, other in zip(alone["estimator"], together["estimator"], strict=True):
        assert same(one, other)


@BOTH
def test_threads_may_predict_with_one_estimator(Estimator: Any) -> None:
    X, _ = data(Estimator)
    model = fitted(Estimator)
    expected = model.predict(X)
    answers = joblib.Parallel(n_jobs=4, backend="threading")(
        joblib.delayed(model.predict)(X) for _ in range(20)
    )
    assert all(np.array_equal(answer, expected) for answer in answers)


@weighted
@BOTH
def test_weights_are_routed_to_it_and_to_its_score(Estimator: Any) -> None:
    X, y = data(Estimator)
    weights = np.random.default_rng(0).uniform(0, 2, len(y))
    folds = model_selection.KFold(3)
    with sklearn.config_context(enable_metadata_routing=True):
        model = small(Estimator).set_fit_request(sample_weight=True).set_score_request(sample_weight=True)
        params = {"sample_weight": weights}
        came = model_selection.cross_validate(
            model, X, y, cv=folds, params=params, return_estimator=True, error_score="raise"
        )
        steps = pipeline.make_pipeline(preprocessing.MinMaxScaler(), model).fit(X, y, **params)
    for i, (train, test) in enumerate(folds.split(X)):
        alone = small(Estimator).fit(X[train], y[train], weights[train])
        assert same(came["estimator"][i], alone)
        assert came["test_score"][i] == alone.score(X[test], y[test], weights[test])
    X = preprocessing.MinMaxScaler().fit_transform(X)
    assert same(steps[-1], small(Estimator).fit(X, y, weights))


@BOTH
def test_what_was_not_requested_is_not_routed(Estimator: Any) -> None:
    X, y = data(Estimator)
    with sklearn.config_context(enable_metadata_routing=True):
        requests = Estimator().get_metadata_routing()
        theirs = THEIRS[Estimator]().get_metadata_routing()
        for method in ("fit", "partial_fit", "score"):
            mine, expected = getattr(requests, method).requests, getattr(theirs, method).requests
            assert set(expected) <= set(mine)
            assert all(value is None for value in mine.values())
        steps = pipeline.make_pipeline(preprocessing.MinMaxScaler(), small(Estimator))
        with pytest.raises(Exception, match="sample_weight"):
            steps.fit(X, y, sample_weight=np.ones(len(y)))

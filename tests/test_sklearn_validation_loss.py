"""The loss of rows held out, beside their score: what it is, of which rows, and for how long it is kept."""

from __future__ import annotations

from typing import Any

import chainrule as cr
import numpy as np
import pytest
from chainrule import losses
from sklearn_pairs import classes, labels, quantities, quiet, using

ONE_INSTRUCTION_SET_WILL_DO = True
from chainrule.sklearn import LossCurveDisplay, MLPClassifier, MLPRegressor
from scipy import sparse
from scipy.special import xlogy
from sklearn.metrics import hinge_loss, log_loss, mean_pinball_loss, mean_squared_error

MEASURED = ("validation_scores_", "validation_loss_curve_", "best_validation_score_")


def fitted(Estimator: Any, given: Any, held_out: Any = None, weight: Any = None, **settings: Any) -> Any:
    settings = {"hidden_layer_sizes": (6,), "max_iter": 4, "random_state": 0, **settings}
    with quiet():
        return Estimator(**settings).fit(*given, sample_weight=weight, validation_data=held_out)


def several(y: Any, p: Any, weight: Any = None) -> float:
    p = np.clip(p, 1e-15, 1 - 1e-15)
    return float(np.average(-(y * np.log(p) + (1 - y) * np.log(1 - p)).sum(axis=1), weights=weight))


def probabilities(y: Any, model: Any, X: Any, weight: Any) -> float:
    return float(log_loss(y, model.predict_proba(X), sample_weight=weight, labels=model.classes_))


CASES: dict[str, tuple[Any, Any, dict[str, Any], Any]] = {
    "two classes": (MLPClassifier, lambda **s: classes(2, **s), {}, probabilities),
    "three classes": (MLPClassifier, classes, {"alpha": 3.0}, probabilities),
    "labels": (MLPClassifier, labels, {}, lambda y, m, X, w: several(y, m.predict_proba(X), w)),
    "hinge": (
        MLPClassifier,
        lambda **s: classes(2, **s),
        {"loss": "hinge"},
        lambda y, m, X, w: hinge_loss(y, m.decision_function(X), sample_weight=w),
    ),
    "one target": (
        MLPRegressor,
        quantities,
        {"alpha": 3.0},
        lambda y, m, X, w: mean_squared_error(y, m.predict(X), sample_weight=w) / 2,
    ),
    "two targets": (
        MLPRegressor,
        lambda **s: quantities(2, **s),
        {},
        lambda y, m, X, w: mean_squared_error(y, m.predict(X), sample_weight=w) / 2,
    ),
    "quantiles": (
        MLPRegressor,
        quantities,
        {"loss": losses.Quantile([0.1, 0.9])},
        lambda y, m, X, w: np.mean(
            [
                mean_pinball_loss(y, q, alpha=a, sample_weight=w)
                for a, q in zip((0.1, 0.9), m.predict(X).T, strict=True)
            ]
        ),
    ),
    "Huber": (
        MLPRegressor,
        quantities,
        {"loss": losses.Huber(0.1)},
        lambda y, m, X, w: np.average(
            np.where(abs(e := y - m.predict(X)) <= 0.1, e * e / 2, 0.1 * (abs(e) - 0.05)), weights=w
        ),
    ),
}


@pytest.mark.parametrize("is_weighed", [False, True])
@pytest.mark.parametrize("name", CASES)
def test_it_is_the_loss_of_predictions_after_each_epoch(core: Any, name: str, is_weighed: bool) -> None:
    Estimator, draw, settings, measure = CASES[name]
    (X, y), seen = draw(seed=1), []
    weight = np.random.default_rng(0).uniform(0.1, 3, len(X)) if is_weighed else None

    class Measure:
        def on_epoch_end(self, fit: Any) -> None:
            seen.append(measure(y, fit.estimator, X, weight))
            assert fit.validation_loss == fit.estimator.validation_loss_curve_[-1]

    held_out = (X, y) if weight is None else (X, y, weight)
    model = Estimator(hidden_layer_sizes=(6,), max_iter=4, random_state=0, **settings)
    with using(core), quiet():
        model.fit(*draw(), validation_data=held_out, callbacks=[Measure()])
    np.testing.assert_allclose(model.validation_loss_curve_, seen, rtol=1e-9)
    assert {type(loss) for loss in model.validation_loss_curve_} == {np.float64}
    assert model.score(X, y, weight) == pytest.approx(model.validation_scores_[-1])


def test_poisson_losses_are_scikit_learns(core: Any) -> None:
    (X, y), (given_X, given_y) = quantities(2, seed=1), quantities(2)
    with using(core):
        model = fitted(MLPRegressor, (given_X, given_y), (X, y), loss="poisson")
        p = model.predict(X)
    expected = (xlogy(y, y / p) - y + p).sum(axis=1).mean()
    np.testing.assert_allclose(model.validation_loss_curve_[-1], expected, rtol=1e-9)


def test_a_loss_of_ones_own_is_asked_for_it_where_rows_have_no_weights(core: Any) -> None:
    def squares(output: Any, target: Any) -> Any:
        return float(((output - target) ** 2).mean()), 2 * (output - target) / output.size

    X, y = quantities(seed=1)
    with using(core):
        model = fitted(MLPRegressor, quantities(), (X, y), loss=squares)
        assert model.validation_loss_curve_[-1] == pytest.approx(mean_squared_error(y, model.predict(X)))
        model = fitted(MLPRegressor, quantities(), (X, y, np.ones(len(X))), loss=squares)
        assert np.isnan(model.validation_loss_curve_).all()
        assert np.isfinite(model.validation_scores_).all()


def test_several_columns_of_classes_add_their_losses(core: Any) -> None:
    X, y = classes()
    y = np.c_[y + 2, X[:, 3] > 0]
    weight = np.random.default_rng(0).uniform(0.1, 3, len(X))
    for given in ((X, y), (X, y, weight)):
        with using(core):
            model = fitted(MLPClassifier, (X, y), given)
            parts = model.predict_proba(X)
        expected = sum(
            log_loss(column, p, sample_weight=given[2] if len(given) > 2 else None)
            for column, p in zip(y.T, parts, strict=True)
        )
        np.testing.assert_allclose(model.validation_loss_curve_[-1], expected, rtol=1e-9)


def test_targets_that_are_missing_count_nothing(core: Any) -> None:
    X, y = quantities()
    gaps = np.where(np.arange(len(y)) % 3 == 0, np.nan, y)
    with using(core):
        model = fitted(MLPRegressor, (X, y), (X, gaps), missing_targets=True)
        seen = ~np.isnan(gaps)
        expected = ((gaps - model.predict(X))[seen] ** 2).sum() / 2 / len(y)
    np.testing.assert_allclose(model.validation_loss_curve_[-1], expected, rtol=1e-9)


@pytest.mark.parametrize("name", ["MLPClassifier", "MLPRegressor"])
@pytest.mark.parametrize("solver", ["sgd", "adam"])
def test_early_stopping_measures_it_in_either_loop(core: Any, name: str, solver: str) -> None:
    """scikit-learn's own loop runs for a sparse X of few entries; with a callback ours does."""
    Estimator, (X, y) = (
        (MLPClassifier, classes()) if name == "MLPClassifier" else (MLPRegressor, quantities())
    )
    X = sparse.csr_matrix(np.hstack([X, np.zeros((len(X), 200))]))

    class Watch:
        def on_epoch_end(self, fit: Any) -> None: ...

    settings = {"hidden_layer_sizes": (6,), "max_iter": 5, "random_state": 0, "solver": solver}
    theirs, ours = (Estimator(early_stopping=True, **settings) for _ in range(2))
    with using(core), quiet():
        theirs.fit(X, y)
        ours.fit(X, y, callbacks=[Watch()])
    assert len(theirs.validation_loss_curve_) == len(theirs.loss_curve_) == 5
    np.testing.assert_allclose(theirs.validation_loss_curve_, ours.validation_loss_curve_, rtol=1e-7)
    np.testing.assert_allclose(theirs.validation_scores_, ours.validation_scores_, rtol=1e-7)


def test_without_rows_held_out_there_is_none() -> None:
    assert fitted(MLPClassifier, classes()).validation_loss_curve_ is None
    assert not hasattr(fitted(MLPClassifier, classes(), solver="lbfgs"), "validation_loss_curve_")
    stream = MLPClassifier(random_state=0)
    with quiet():
        stream.partial_fit(*classes(), classes=[0, 1, 2])
    assert stream.validation_loss_curve_ is None


@pytest.mark.parametrize("with_rows", ["validation_data", "early_stopping"])
@pytest.mark.parametrize("without", ["fit", "partial_fit", "lbfgs"])
def test_what_was_measured_does_not_outlive_the_parameters(core: Any, with_rows: str, without: str) -> None:
    given = classes()
    stops = with_rows == "early_stopping"
    with using(core), quiet():
        model = MLPClassifier((6,), max_iter=4, random_state=0, warm_start=True, early_stopping=stops)
        model.fit(*given, **({} if stops else {"validation_data": classes(seed=1)}))
        assert len(model.validation_loss_curve_) == 4
        model.set_params(early_stopping=False, solver="lbfgs" if without == "lbfgs" else "adam")

        class Watch:
            def on_epoch_end(self, fit: Any) -> None:
                assert fit.validation_score is fit.validation_loss is None

        if without == "lbfgs":
            model.fit(*given, callbacks=[Watch()])
        (model.partial_fit if without == "partial_fit" else model.fit)(*given)
    assert [getattr(model, name) for name in MEASURED] == [None] * 3
    assert len(model.loss_curve_) == {"fit": 8, "partial_fit": 5, "lbfgs": 4}[without]


def test_epochs_before_any_rows_were_held_out_have_no_number(core: Any) -> None:
    held_out = classes(seed=1)
    with using(core), quiet():
        model = fitted(MLPClassifier, classes(), warm_start=True)
        model.fit(*classes(), validation_data=held_out)
        assert model.score(*held_out) == model.validation_scores_[-1]
    for name in ("validation_scores_", "validation_loss_curve_"):
        curve = getattr(model, name)
        assert len(curve) == len(model.loss_curve_) == 8
        assert np.isnan(curve[:4]).all()
        assert np.isfinite(curve[4:]).all()
    assert model.best_validation_score_ == max(model.validation_scores_[4:])


def test_early_stopping_that_ends_before_an_epoch_leaves_the_parameters_of_the_fit_before(core: Any) -> None:
    class Stop:
        def on_epoch_begin(self, fit: Any) -> None:
            fit.stop()

    with using(core), quiet():
        model = fitted(MLPClassifier, classes(), warm_start=True)
        before = [w.copy() for w in model.coefs_]
        model.set_params(early_stopping=True).fit(*classes(), callbacks=[Stop()])
    assert all(map(np.array_equal, before, model.coefs_))


def test_a_fit_that_is_refused_keeps_what_was_measured() -> None:
    model = fitted(MLPClassifier, classes(), classes(seed=1), warm_start=True)
    before = {name: getattr(model, name) for name in MEASURED}
    with pytest.raises(ValueError, match=r"validation_fraction|test_size"):
        model.set_params(early_stopping=True, validation_fraction=0.001).fit(*classes())
    assert all(getattr(model, name) is value for name, value in before.items())


def test_a_diverging_fit_has_no_number_in_its_last_epoch() -> None:
    settings = {"solver": "sgd", "learning_rate_init": 1e200, "early_stopping": True}
    model = fitted(MLPRegressor, quantities(), **settings)
    assert np.isnan(model.validation_loss_curve_[-1])
    assert len(model.validation_loss_curve_) == len(model.validation_scores_) == len(model.loss_curve_)


def test_class_weight_weighs_rows_held_out_as_sample_weight_does(core: Any) -> None:
    """They are rows that were given for training; rows of one's own have the weights that are given with them."""
    X, y = classes(2)
    y = np.where(np.arange(len(y)) % 5 == 0, y, 0)  # few of the second
    by_class = {0: 1.0, 1: 7.0}
    weight = np.random.default_rng(0).uniform(0.1, 3, len(X))
    with using(core):
        for given in (np.ones(len(y)), weight):
            settings = {"early_stopping": True, "max_iter": 6, "learning_rate_init": 0.05}
            one = fitted(MLPClassifier, (X, y), weight=given, class_weight=by_class, **settings)
            other = fitted(MLPClassifier, (X, y), weight=given * np.where(y, 7.0, 1.0), **settings)
            np.testing.assert_allclose(one.validation_scores_, other.validation_scores_, rtol=1e-12)
            np.testing.assert_allclose(one.validation_loss_curve_, other.validation_loss_curve_, rtol=1e-12)
        own = fitted(MLPClassifier, (X, y), (X, y), class_weight=by_class)
        assert own.validation_scores_[-1] == own.score(X, y)


def test_balanced_classes_are_those_of_all_rows_that_were_given(core: Any) -> None:
    X, y = classes(2)
    y = np.where(np.arange(len(y)) % 5 == 0, y, 0)
    weight = len(y) / 2 / np.bincount(y)[y]
    with using(core):
        one = fitted(MLPClassifier, (X, y), class_weight="balanced", early_stopping=True)
        other = fitted(MLPClassifier, (X, y), weight=weight, early_stopping=True)
    np.testing.assert_allclose(one.validation_scores_, other.validation_scores_, rtol=1e-12)


def test_it_is_measured_with_optimizers_of_chainrule_and_drawn() -> None:
    matplotlib = pytest.importorskip("matplotlib", reason="the plots are matplotlib's")
    matplotlib.use("Agg")
    from matplotlib import pyplot

    model = fitted(MLPClassifier, classes(), classes(seed=1), solver=cr.Adam(0.01))
    display = LossCurveDisplay.from_estimator(model)
    np.testing.assert_array_equal(display.lines_[1].get_ydata(), model.validation_loss_curve_)
    assert display.lines_[1].axes is display.ax_
    pyplot.close("all")

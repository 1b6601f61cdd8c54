"""Arguments of chainrule.sklearn that do not fit each other: judged, with an error that names them, or taken rightly."""

from __future__ import annotations

import chainrule as cr
import numpy as np
import pytest
from sklearn_pairs import classes, labels, pair, quantities, quiet, refused, theirs, using

ONE_INSTRUCTION_SET_WILL_DO = True
from chainrule.sklearn import MLPClassifier, MLPRegressor
from scipy import sparse
from sklearn.metrics import r2_score
from sklearn.model_selection import cross_val_score

X, Y3 = classes(3, rows=120)
Y2 = (X[:, 0] > 0).astype(int)
R2 = quantities(2, rows=120)[1]
R = R2[:, 0]
FEW = sparse.random(120, 50, density=0.02, format="csr", random_state=0)
SETTINGS = {"hidden_layer_sizes": (5,), "max_iter": 4, "random_state": 0}


def gaps(y, every=4):
    y = y.copy()
    y[::every] = np.nan
    return y


@pytest.mark.parametrize("y", [R, R2], ids=["one", "two"])
def test_missing_targets_of_a_sparse_x_are_left_out(core, y):
    """Few entries are stored: scikit-learn's own loop would take these rows, and knows no NaN."""
    model = MLPRegressor(missing_targets=True, **SETTINGS)
    with using(core), quiet():
        model.fit(FEW, gaps(y))
        dense = MLPRegressor(missing_targets=True, **SETTINGS).fit(FEW.toarray(), gaps(y))
    np.testing.assert_allclose(model.coefs_[0], dense.coefs_[0], rtol=1e-9, atol=1e-12)


def test_targets_of_another_length_or_none_are_refused_as_by_scikit_learn():
    one, other = pair("MLPRegressor", **SETTINGS)
    other.set_params(missing_targets=True)
    for y in (R[:5], None):
        assert refused(one.fit, X, y) == refused(other.fit, X, y)


@pytest.mark.parametrize("y", [R, R2], ids=["one", "two"])
def test_missing_targets_are_left_out_of_the_score(core, y):
    model = MLPRegressor(missing_targets=True, **SETTINGS)
    weight = np.linspace(0, 1, len(y))
    with using(core), quiet():
        model.fit(X, gaps(y))
        found = model.predict(X)
        seen = np.arange(len(y)) % 4 != 0
        assert model.score(X, gaps(y)) == pytest.approx(r2_score(y[seen], found[seen]))
        assert model.score(X, gaps(y), weight) == pytest.approx(
            r2_score(y[seen], found[seen], sample_weight=weight[seen])
        )
        assert model.score(X, y) == pytest.approx(r2_score(y, found))
        assert np.isfinite(cross_val_score(model, X, gaps(y), cv=3)).all()
        with pytest.raises(ValueError, match="inconsistent"):
            model.score(X, y[:5])
        with pytest.raises(ValueError, match="contains NaN"):
            model.set_params(missing_targets=False).score(X, gaps(y))


def test_missing_targets_are_left_out_of_the_score_of_quantiles(core):
    model = MLPRegressor(loss=cr.losses.Quantile([0.1, 0.9]), missing_targets=True, **SETTINGS)
    with using(core), quiet():
        model.fit(X, gaps(R))
        seen = np.arange(len(R)) % 4 != 0
        assert model.score(X, gaps(R)) == pytest.approx(model.score(X[seen], R[seen]))


@pytest.mark.parametrize("y", [None, np.full(120, np.nan), Y3[:5]], ids=["none", "nan", "short"])
@pytest.mark.parametrize("class_weight", ["balanced", {0: 2.0}], ids=["balanced", "dict"])
def test_labels_are_judged_before_the_weights_of_their_classes(y, class_weight):
    one, other = pair("MLPClassifier", **SETTINGS)
    assert refused(one.fit, X, y) == refused(other.set_params(class_weight=class_weight).fit, X, y)


@pytest.mark.parametrize("factor", [-2, np.nan, np.inf, "much"])
def test_weights_of_classes_are_judged_by_their_own_name(factor):
    model = MLPClassifier(class_weight={0: factor}, **SETTINGS)
    with pytest.raises(ValueError, match=r"class_weight\[0\] must be .*at least 0"):
        model.fit(X, Y3)
    with pytest.raises(ValueError, match=r"class_weight\[0\] must be .*at least 0"):
        model.partial_fit(X, Y3, classes=[0, 1, 2])


SEVERAL = np.c_[Y2, 1 - Y2]
VALIDATION = {
    "labels, one column": (MLPClassifier, SEVERAL, Y2),
    "labels, three columns": (MLPClassifier, SEVERAL, np.c_[SEVERAL, Y2]),
    "labels, other numbers": (MLPClassifier, SEVERAL, SEVERAL + 1),
    "labels, NaN": (MLPClassifier, SEVERAL, SEVERAL + np.nan),
    "classes, two columns": (MLPClassifier, Y2, SEVERAL),
    "one target, two columns": (MLPRegressor, R, R2),
    "two targets, one column": (MLPRegressor, R2, R),
}


@pytest.mark.parametrize("case", VALIDATION)
def test_targets_to_validate_on_have_the_shape_of_those_trained_on(core, case):
    Estimator, y, given = VALIDATION[case]
    with using(core), quiet(), pytest.raises(ValueError, match="validation_data"):
        Estimator(**SETTINGS).fit(X, y, validation_data=(X, given))


def test_labels_to_validate_on_may_be_sparse(core):
    inputs, y = labels(3)
    with using(core), quiet():
        one = MLPClassifier(**SETTINGS).fit(inputs, y, validation_data=(inputs, y))
        other = MLPClassifier(**SETTINGS).fit(
            inputs, sparse.csr_matrix(y), validation_data=(inputs, sparse.csr_matrix(y))
        )
    assert one.validation_scores_ == other.validation_scores_
    assert one.validation_scores_[-1] == one.score(inputs, y)


def test_a_column_of_targets_to_validate_on_will_do(core):
    with using(core), quiet():
        for Estimator, y in ((MLPClassifier, Y3), (MLPClassifier, Y2), (MLPRegressor, R)):
            model = Estimator(**SETTINGS).fit(X, y, validation_data=(X, y.reshape(-1, 1)))
            assert model.validation_scores_[-1] == pytest.approx(model.score(X, y))


@pytest.mark.parametrize("change", [{"momentum": 0.3}, {"solver": "adam"}], ids=str)
@pytest.mark.parametrize("name", ["MLPClassifier", "MLPRegressor"])
def test_a_momentum_of_1_that_an_optimizer_keeps_goes_on_in_scikit_learns_loop(name, change):
    y = Y3 if name == "MLPClassifier" else R
    found = []
    for model in pair(name, solver="sgd", momentum=1.0, learning_rate_init=0.001):
        with quiet():
            model.fit(X, y).set_params(**change).partial_fit(X, y)
        found.append(model.coefs_[0])
    np.testing.assert_allclose(found[1], found[0], rtol=1e-9)


MOMENTUM = {
    "validation_data": {"validation_data": (X, Y3)},
    "callbacks": {"callbacks": [type("Watch", (), {"on_epoch_end": lambda self, fit: None})()]},
    "class_weight": {},
    "time_budget": {},
    "dropout": {},
}
OF_MOMENTUM = {"class_weight": "balanced", "time_budget": 5.0, "dropout": 0.5}


@pytest.mark.parametrize("case", MOMENTUM)
def test_what_scikit_learns_loop_lacks_is_refused_with_a_momentum_of_1(case):
    settings = {case: OF_MOMENTUM[case]} if case in OF_MOMENTUM else {}
    model = MLPClassifier(solver="sgd", momentum=1.0, **settings, **SETTINGS)
    with quiet(), pytest.raises(ValueError, match=f"momentum=1 .*{case}"):
        model.fit(X, Y3, **MOMENTUM[case])


def test_missing_targets_and_several_columns_of_classes_are_refused_with_a_momentum_of_1():
    settings = {"solver": "sgd", "momentum": 1.0, **SETTINGS}
    with quiet(), pytest.raises(ValueError, match=r"momentum=1 .*missing_targets"):
        MLPRegressor(missing_targets=True, **settings).fit(X, R)
    with quiet(), pytest.raises(ValueError, match=r"momentum=1 .*several columns of classes"):
        MLPClassifier(**settings).fit(X, np.c_[Y3, Y2])


def test_rprop_says_that_a_batch_is_to_have_all_rows(core):
    model = MLPRegressor(solver=cr.RPROP(), batch_size=10, **SETTINGS)
    with using(core), quiet():
        with pytest.raises(ValueError, match=r"batch_size='auto'"):
            model.fit(X, R)
        model.set_params(batch_size=120).fit(X, R)


def test_weights_of_rows_to_validate_on_are_at_least_0(core):
    with (
        using(core),
        quiet(),
        pytest.raises(ValueError, match=r"sample_weight of validation_data.* at least 0"),
    ):
        MLPRegressor(**SETTINGS).fit(X, R, validation_data=(X, R, -np.ones(120)))


@pytest.mark.parametrize("budget", [np.inf, float("inf")])
def test_a_budget_of_time_may_be_endless(core, budget):
    with using(core), quiet():
        assert MLPRegressor(time_budget=budget, **SETTINGS).fit(X, R).n_iter_ == 4
        assert MLPRegressor(time_budget=budget, solver="lbfgs", **SETTINGS).fit(X, R).n_iter_ > 0


@pytest.mark.parametrize("begins", [False, True])
def test_a_callback_that_switches_early_stopping_does_not_change_the_fit_under_way(core, begins):
    class Switch:
        def on_epoch_end(self, fit):
            fit.estimator.early_stopping = not begins

    with using(core), quiet():
        plain, model = (MLPRegressor(early_stopping=begins, **SETTINGS) for _ in range(2))
        plain.fit(X, R)
        model.fit(X, R, callbacks=[Switch()])
    assert plain.loss_curve_ == model.loss_curve_
    assert plain.validation_scores_ == model.validation_scores_
    np.testing.assert_array_equal(plain.coefs_[0], model.coefs_[0])


COLUMNS = np.c_[Y2 + 1, 2 - Y2]


@pytest.mark.parametrize("dtype", [int, float])
def test_two_columns_of_two_numbers_that_are_not_0_and_1_are_classes(core, dtype):
    y = COLUMNS.astype(dtype)
    with using(core), quiet():
        model = MLPClassifier(solver="lbfgs", max_iter=100, random_state=0).fit(X, y)
    assert [found.tolist() for found in model.classes_] == [[1, 2], [1, 2]]
    assert model.score(X, y) > 0.9
    assert model.predict(X).dtype == dtype


def test_a_batch_of_several_columns_of_classes_may_hold_only_some(core):
    y = np.c_[Y3, Y2]
    rows = Y3 < 2
    with using(core), quiet():
        model = MLPClassifier(**SETTINGS)
        model.partial_fit(X[rows], y[rows], classes=[[0, 1, 2], [0, 1]])
        assert model.n_outputs_ == 5
        model.partial_fit(X, y).partial_fit(X[rows], y[rows])
        assert [found.tolist() for found in model.classes_] == [[0, 1, 2], [0, 1]]
        fitted = MLPClassifier(warm_start=True, **SETTINGS).fit(X, y)
        fitted.fit(X[rows], y[rows])
        assert fitted.n_outputs_ == 5


def test_several_columns_of_classes_are_written_as_probabilities(core, dtype):
    inputs = X.astype(dtype)
    with using(core), quiet():
        model = MLPClassifier(**SETTINGS).fit(inputs, np.c_[Y3, COLUMNS])
        out = np.empty((120, 7), dtype)
        assert model.predict_into(inputs, out) is out
        expected = np.hstack(model.predict_proba(inputs))
    np.testing.assert_allclose(out, expected, rtol=1e-6)


def test_scikit_learns_own_multilabel_targets_stay_so():
    for y in (
        SEVERAL,
        SEVERAL.astype(float),
        SEVERAL.astype(bool),
        np.ones((120, 2), int),
        np.zeros((120, 2), int),
    ):
        with quiet():
            model = MLPClassifier(**SETTINGS).fit(X, y)
            other = theirs.MLPClassifier(**SETTINGS).fit(X, y)
        assert model.out_activation_ == other.out_activation_ == "logistic"
        assert model.predict(X).shape == other.predict(X).shape


@pytest.mark.parametrize("epsilon", [1e-40, 1e-46, 1e-320])
def test_adams_epsilon_may_be_smaller_than_normal_numbers(core, dtype, epsilon):
    """A feature that is always 0 has no gradient: what is added to the root of 0 keeps 0 from being divided by 0."""
    inputs = np.c_[X, np.zeros(120)].astype(dtype)
    one, other = pair("MLPRegressor", alpha=0.0, epsilon=epsilon, **SETTINGS)
    with using(core), quiet():
        other.fit(inputs, R)
        np.testing.assert_array_equal(other.coefs_[0][-1], one.fit(inputs, R).coefs_[0][-1])
    np.testing.assert_allclose(other.loss_curve_, one.loss_curve_, rtol=1e-3)

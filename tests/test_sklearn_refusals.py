"""A fit that chainrule.sklearn refuses leaves the estimator as it was: attributes, parameters, predictions."""

from __future__ import annotations

import copy

import chainrule as cr
import numpy as np
import pytest
from sklearn_pairs import classes, quantities, quiet, using

ONE_INSTRUCTION_SET_WILL_DO = True
from chainrule.sklearn import MLPClassifier, MLPRegressor
from scipy import sparse

X, Y3 = classes(3, rows=60)
Y2 = (X[:, 0] > 0).astype(int)
R = quantities(1, rows=60)[1]


def fitted(Estimator, y, **settings):
    with quiet():
        return Estimator(hidden_layer_sizes=(5,), max_iter=3, random_state=0, **settings).fit(X, y)


def values(estimator):
    """Return all attributes, arrays copied: what training writes into in place is seen too."""
    return {
        name: [np.copy(entry) for entry in value] if isinstance(value, list) else value
        for name, value in vars(estimator).items()
    }


def assert_refused(estimator, call, error=ValueError, match=""):
    """The call raises the error, and all attributes are what they were."""
    before, predicted = values(estimator), predictions(estimator)
    with quiet(), pytest.raises(error, match=match):
        call()
    after = values(estimator)
    assert before.keys() == after.keys()
    for name, value in before.items():
        if isinstance(value, list):
            assert len(value) == len(after[name]), name
            assert all(map(np.array_equal, value, after[name])), name
        else:
            assert value is after[name] or value == after[name], name
    np.testing.assert_array_equal(predictions(estimator), predicted)


def predictions(estimator):
    """Return what is predicted, also where the number of threads is what is refused: `predict` refuses it, too."""
    return copy.copy(estimator).set_params(n_threads=None).predict(X)


FITS_OF_OTHERS = {
    "validation_data": ((X, Y2), {"validation_data": 3}),
    "unknown classes": ((X, Y2), {"validation_data": (X, Y2 + 5)}),
    "columns": ((X[:, :3], Y2), {"validation_data": (X, Y2)}),
    "short y": ((X, Y2[:7]), {}),
    "empty": ((X[:0], Y2[:0]), {}),
    "weights": ((X, Y2, -np.ones(60)), {}),
    "length of weights": ((X, Y2, np.ones(3)), {}),
    "callbacks": ((X, Y2), {"callbacks": 3}),
}


@pytest.mark.parametrize("case", FITS_OF_OTHERS)
def test_a_refused_fit_to_other_labels_leaves_a_classifier_with_its_own(core, case):
    given, named = FITS_OF_OTHERS[case]
    with using(core):
        model = fitted(MLPClassifier, Y3)
        assert_refused(model, lambda: model.fit(*given, **named), (ValueError, TypeError))
        assert model.n_outputs_ == len(model.classes_) == 3


@pytest.mark.parametrize("solver", ["sgd", "lbfgs"])
def test_a_loss_that_does_not_fit_the_labels_is_refused_before_anything_is_changed(core, solver):
    with using(core):
        model = fitted(MLPClassifier, Y3, solver=solver)
        model.set_params(loss=cr.losses.BinaryCrossEntropy())
        assert_refused(model, lambda: model.fit(X, Y3))
        model.set_params(loss=cr.losses.CrossEntropy())
        assert_refused(model, lambda: model.fit(X, Y2))


@pytest.mark.parametrize(
    ("settings", "error"),
    [
        ({"loss": cr.losses.Huber}, TypeError),
        ({"n_threads": True}, (TypeError, ValueError)),
        ({"early_stopping": True, "validation_fraction": 0.01}, ValueError),
        ({"early_stopping": True, "validation_fraction": 0.99, "momentum": 1.0, "solver": "sgd"}, ValueError),
        ({"loss": cr.losses.Quantile([0.1, 0.9])}, ValueError),
    ],
)
def test_a_refused_setting_leaves_a_regressor_as_it_was(core, settings, error):
    y = np.c_[R, R] if isinstance(settings.get("loss"), cr.losses.Quantile) else R
    with using(core):
        model = fitted(MLPRegressor, R)
        assert_refused(model.set_params(**settings), lambda: model.fit(X, y), error)


def test_partial_fit_of_more_columns_leaves_a_regressor_as_it_was(core):
    with using(core):
        model = fitted(MLPRegressor, R)
        assert_refused(model, lambda: model.partial_fit(X, np.c_[R, R]))
        assert (model.n_outputs_, model.n_iter_) == (1, 3)


def test_early_stopping_is_no_setting_of_partial_fit_in_either_loop(core):
    few = sparse.random(60, 40, density=0.02, format="csr", random_state=0)
    with using(core), quiet():
        for inputs in (X, few):
            model = MLPRegressor(hidden_layer_sizes=(5,), max_iter=3, random_state=0).fit(inputs, R)
            before = set(vars(model))
            coefs = [w.copy() for w in model.coefs_]
            model.set_params(early_stopping=True)
            with pytest.raises(ValueError, match="partial_fit does not support early_stopping"):
                model.partial_fit(inputs, R)
            assert (set(vars(model)), model.n_iter_) == (before, 3)
            assert all(map(np.array_equal, coefs, model.coefs_))


def test_a_first_call_of_partial_fit_that_is_refused_leaves_nothing():
    model = MLPClassifier(hidden_layer_sizes=(5,))
    before = dict(vars(model))
    with pytest.raises(ValueError, match="inconsistent"):
        model.partial_fit(X, Y3[:4], classes=[0, 1, 2])
    assert vars(model) == before


def test_a_fit_that_is_refused_leaves_no_fitted_estimator():
    model = MLPClassifier(hidden_layer_sizes=(5,))
    before = dict(vars(model))
    with pytest.raises(ValueError, match="sample_weight"):
        model.fit(X, Y3, sample_weight=-np.ones(60))
    assert vars(model) == before


def test_updates_that_were_made_are_not_taken_back(core):
    """An error in the second batch: the network is the one that trained, as scikit-learn leaves it."""
    calls = []

    def loss(sums, target):
        calls.append(1)
        if len(calls) == 2:
            raise ValueError("the second batch")
        return float(np.mean((sums - target) ** 2)), 2 * (sums - target) / sums.size

    with using(core):
        model = fitted(MLPRegressor, R)
        before = [w.copy() for w in model.coefs_]
        model.set_params(loss=loss, batch_size=30)
        with pytest.raises(ValueError, match="the second batch"):
            model.fit(X, R)
        assert not any(map(np.array_equal, before, model.coefs_))
        calls.clear()
        kept = model.set_params(batch_size=15, warm_start=True).coefs_[0].copy()
        with pytest.raises(ValueError, match="the second batch"):
            model.fit(X, R)
        assert not np.array_equal(kept, model.coefs_[0])

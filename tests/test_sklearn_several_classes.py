"""`MLPClassifier` with several columns of y that are classes each: a softmax for each, which scikit-learn's lacks."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from sklearn_pairs import classes, fitted, quiet, using

ONE_INSTRUCTION_SET_WILL_DO = True
from chainrule.sklearn import MLPClassifier
from chainrule.sklearn._several import Columns


def columns(rows=120, dtype="float64", seed=0):
    """Return X and two columns: three numbers as text, and two words."""
    X, y = classes(3, rows, dtype, seed)
    return X, np.column_stack([y.astype(str), np.where(X[:, 3] > 0, "up", "down")])


def test_the_loss_is_the_sum_of_cross_entropies_and_its_gradient_that_of_finite_differences():
    rng = np.random.default_rng(0)
    both = Columns([np.arange(3), np.arange(2)])
    sums, weight = rng.normal(size=(4, 5)), np.array([1.0, 2.0, 0.0, 0.5])
    y = np.column_stack([[0, 2, 1, 1], [1, 0, 0, 1]])
    target = both.transform(y) * weight[:, None]
    value, gradient = both(sums, target)
    p = both.probabilities(sums)
    rows = np.arange(4)
    expected = -np.log(p[0][rows, y[:, 0]]) - np.log(p[1][rows, y[:, 1]])
    assert value == pytest.approx(np.average(expected, weights=weight))
    for index in np.ndindex(sums.shape):
        step = np.zeros_like(sums)
        step[index] = 1e-6
        slope = (both(sums + step, target)[0] - both(sums - step, target)[0]) / 2e-6
        assert gradient[index] == pytest.approx(slope, abs=1e-8)


@pytest.mark.parametrize("solver", ["sgd", "adam", "lbfgs"])
def test_each_column_is_learned_and_predicted(core, solver, dtype):
    X, y = columns(dtype=dtype)
    settings = {"solver": solver, "learning_rate_init": 0.05, "max_iter": 100, "random_state": 0}
    with using(core):
        model, _ = fitted(MLPClassifier((12,), **settings), X, y)
        found, probabilities = model.predict(X), model.predict_proba(X)
        assert model.score(X, y) == (found == y).all(axis=1).mean() > 0.8
        copy = pickle.loads(pickle.dumps(model))
        np.testing.assert_array_equal(copy.predict(X), found)
    assert [labels.tolist() for labels in model.classes_] == [["0", "1", "2"], ["down", "up"]]
    assert [p.shape for p in probabilities] == [(120, 3), (120, 2)]
    with np.errstate(divide="ignore"):  # the logarithm of 0
        logs = model.predict_log_proba(X)
    for p, log in zip(probabilities, logs, strict=True):
        np.testing.assert_allclose(p.sum(axis=1), 1, rtol=1e-5)
        np.testing.assert_allclose(np.exp(log), p, rtol=1e-5)


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_a_row_of_weight_two_counts_as_two_rows(core, solver):
    X, y = columns(60)
    weight = np.repeat([1.0, 2.0, 0.0], 20)
    twice = np.r_[0:40, 20:40]
    settings = {"hidden_layer_sizes": (6,), "alpha": 0, "batch_size": 60, "shuffle": False, "max_iter": 4}
    with using(core):
        one, _ = fitted(MLPClassifier(solver=solver, random_state=0, **settings), X, y, sample_weight=weight)
        other, _ = fitted(MLPClassifier(solver=solver, random_state=0, **settings), X[twice], y[twice])
    np.testing.assert_allclose(one.coefs_[0], other.coefs_[0], rtol=1e-6, atol=1e-9)


def test_rows_may_be_held_out_and_fits_go_on():
    X, y = columns()
    held_out = columns(seed=1)
    model = MLPClassifier((6,), early_stopping=True, max_iter=5, random_state=0)
    fitted(model, X, y)
    assert len(model.validation_scores_) == 5
    fitted(model, X, y, validation_data=held_out)
    assert model.score(*held_out) == max(model.validation_scores_)
    fitted(model.set_params(warm_start=True), X, y)
    assert len(model.loss_curve_) == 10
    part = MLPClassifier((6,), random_state=0)
    with quiet():
        part.partial_fit(X[:9], y[:9], classes=[["0", "1", "2"], ["down", "up"]]).partial_fit(X, y)
    assert part.predict(X).shape == y.shape


def test_labels_that_do_not_fit_are_refused():
    X, y = columns()
    model, _ = fitted(MLPClassifier((6,), max_iter=1), X, y)
    with pytest.raises(ValueError, match=r"^`y` has classes not in `self.classes_\[1\]`: \['left'\]"):
        model.partial_fit(X, np.where(y == "up", "left", y))
    with pytest.raises(ValueError, match=r"^y must have 2 columns of labels, but its shape is \(120,\)"):
        model.partial_fit(X, y[:, 0])
    with pytest.raises(ValueError, match=r"^classes must be passed on the first call to partial_fit"):
        MLPClassifier().partial_fit(X, y)
    with pytest.raises(
        ValueError, match=r"^several columns of classes are for loss='log_loss', but it is 'hinge'"
    ):
        MLPClassifier(loss="hinge").fit(X, y)
    with pytest.raises(ValueError, match=r"^y has 120 rows, but X has 5"):
        MLPClassifier().fit(X[:5], y)

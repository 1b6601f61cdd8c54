"""Fits of chainrule.sklearn's estimators that go on from others, and their masks of dropout."""

from __future__ import annotations

import chainrule as cr
import numpy as np
import pytest
from sklearn_pairs import assert_same, classes, fitted, using

ONE_INSTRUCTION_SET_WILL_DO = True
from chainrule.sklearn import MLPClassifier


@pytest.mark.parametrize("rate", [0.3, [0.5, 0.0]])
def test_dropout_draws_the_same_masks_in_each_core_and_with_any_number_of_threads(
    rate, native, oversubscribed
):
    X, y = classes()
    found = []
    for name, n_threads in (("native", 1), ("native", 3), ("reference", None)):
        estimator = MLPClassifier((20, 10), dropout=rate, max_iter=4, random_state=0, n_threads=n_threads)
        with cr.backend(name):
            found.append(fitted(estimator, X, y)[0])
    plain, _ = fitted(MLPClassifier((20, 10), max_iter=4, random_state=0), X, y)
    np.testing.assert_array_equal(found[0].coefs_[0], found[1].coefs_[0])
    assert_same(found[2], found[0])
    assert np.abs(found[0].coefs_[0] - plain.coefs_[0]).max() > 1e-4


def test_every_epoch_has_masks_of_its_own():
    """With a rate of learning of nearly 0 only the masks make a difference to the loss."""
    X, y = classes()
    estimator = MLPClassifier(
        (20,), solver="sgd", learning_rate_init=1e-300, dropout=0.5, shuffle=False, max_iter=4
    )
    losses = fitted(estimator, X, y)[0].loss_curve_
    assert len(set(losses)) == 4


def test_a_warm_start_may_keep_what_the_optimizer_remembers(core):
    X, y = classes()
    for solver in ("sgd", "adam", cr.RMSprop(0.01)):
        settings = {"solver": solver, "shuffle": False, "random_state": 0, "hidden_layer_sizes": (6,)}
        with using(core):
            once, _ = fitted(MLPClassifier(max_iter=6, **settings), X, y)
            twice = MLPClassifier(max_iter=3, warm_start="optimizer", **settings)
            fitted(twice, X, y)
            fitted(twice, X, y)
        np.testing.assert_array_equal(twice.coefs_[0], once.coefs_[0])


@pytest.mark.parametrize("first", [False, True])
def test_early_stopping_and_solver_may_be_switched_between_warm_starts(first):
    X, y = classes()
    estimator = MLPClassifier((6,), warm_start=True, early_stopping=first, max_iter=3, random_state=0)
    fitted(estimator, X, y)
    fitted(estimator.set_params(early_stopping=not first), X, y)
    assert len(estimator.loss_curve_) == 6
    if first:  # scores of other parameters do not stay beside these
        assert estimator.validation_scores_ is None
        assert estimator.best_validation_score_ is None
        assert np.isfinite(estimator.best_loss_)
    else:  # an entry for each of loss_curve_
        assert np.isnan(estimator.validation_scores_).tolist() == [True] * 3 + [False] * 3
        assert np.isfinite(estimator.best_validation_score_)
    fitted(estimator.set_params(solver="lbfgs"), X, y)
    for name in ("loss_curve_", "validation_scores_", "best_loss_", "_no_improvement_count"):
        delattr(estimator, name)  # as if all fits had been such
    fitted(estimator.set_params(solver="adam"), X, y)
    assert len(estimator.loss_curve_) == 3


def test_an_optimizer_may_be_set_between_calls_and_keeps_what_one_of_its_kind_remembers():
    X, y = classes()
    estimator = MLPClassifier((6,), solver=cr.SGD(0.1, momentum=0.9), batch_size=120, shuffle=False)
    estimator.partial_fit(X, y, classes=[0, 1, 2])
    velocity, coefs = estimator._optimizer.state.weight_velocity[0].copy(), estimator.coefs_[0].copy()
    estimator.set_params(solver=cr.SGD(1e-300, momentum=0.5)).partial_fit(X, y)
    np.testing.assert_allclose(estimator.coefs_[0], coefs + 0.5 * velocity, rtol=1e-12)
    for solver in (cr.RMSprop(0.01), "sgd", cr.Adam(0.01), "adam"):
        estimator.set_params(solver=solver).partial_fit(X, y)
    assert estimator._optimizer.t == 1

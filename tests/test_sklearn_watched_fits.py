"""What watches a fit of chainrule.sklearn's estimators: callbacks, rows to score on, a budget of time."""

from __future__ import annotations

import itertools
import os
import re
import signal
import time
import warnings

import numpy as np
import pytest
from chainrule._network import TrainingState
from ctrl_c import when_trained
from sklearn_pairs import both_fitted, classes, fitted, labels, pair, quantities, quiet, using

ONE_INSTRUCTION_SET_WILL_DO = True
from chainrule.sklearn import EstimatorFit, MLPClassifier


@pytest.mark.parametrize(
    ("name", "given", "held_out"),
    [
        ("MLPClassifier", classes(), classes(seed=1)),
        ("MLPClassifier", classes(2), classes(2, seed=1)),
        ("MLPClassifier", labels(), labels(seed=1)),
        ("MLPRegressor", quantities(2), quantities(2, seed=1)),
    ],
)
def test_validation_data_is_scored_after_each_epoch(core, name, given, held_out):
    scores = []

    class Score:
        def on_epoch_end(self, fit):
            scores.append(fit.estimator.score(*held_out))
            assert fit.validation_score == pytest.approx(scores[-1], abs=1e-12)

    _, estimator = pair(name, max_iter=6)
    with using(core):
        fitted(estimator, *given, validation_data=held_out, callbacks=[Score()])
    np.testing.assert_allclose(estimator.validation_scores_, scores, atol=1e-12)
    assert estimator.best_validation_score_ == pytest.approx(max(scores), abs=1e-12)
    plain, _ = both_fitted(name, *given, max_iter=6)
    np.testing.assert_allclose(estimator.coefs_[0], plain.coefs_[0], atol=1e-9)  # nothing is held out


def test_early_stopping_may_watch_validation_data_and_keeps_the_best_parameters():
    X, y = classes()
    other = classes(seed=1)
    estimator, _ = fitted(
        MLPClassifier((10,), early_stopping=True, learning_rate_init=0.05, n_iter_no_change=3, random_state=0),
        X, y, validation_data=other,
    )  # fmt: skip
    assert estimator.n_iter_ < 200
    assert estimator.score(*other) == max(estimator.validation_scores_)


@pytest.mark.parametrize(
    ("given", "text"),
    [
        (classes()[0], "validation_data must be (X, y) or (X, y, sample_weight), but it is ndarray"),
        ((1,), "validation_data must be (X, y) or (X, y, sample_weight), but it is tuple of 1"),
        ((classes()[0], classes()[1] + 7), "validation_data has classes not in `self.classes_`: [7 8 9]"),
        ((classes()[0][:5], classes()[1]), "validation_data has 5 rows in X, but 120 in y"),
        ((classes()[0][:, :2], classes()[1]), "X has 2 features, but MLPClassifier is expecting 6 features"),
    ],
)
def test_validation_data_that_does_not_fit_is_refused(given, text):
    with pytest.raises(ValueError, match=re.escape(text)):
        MLPClassifier().fit(*classes(), validation_data=given)


def test_callbacks_are_called_in_order_and_see_the_fit(core):
    seen = []

    class All:
        def on_fit_begin(self, fit):
            assert isinstance(fit, EstimatorFit)
            seen.append("begin")

        def on_epoch_begin(self, fit):
            seen.append(fit.epoch)

        def on_batch_end(self, fit):
            seen.append((fit.batch, fit.batches))

        def on_epoch_end(self, fit):
            assert fit.loss == fit.estimator.loss_curve_[-1]

        def on_fit_end(self, fit):
            seen.append("end")

    _, estimator = pair("MLPClassifier", max_iter=2, batch_size=60)
    with using(core):
        fitted(estimator, *classes(), callbacks=[All()])
    assert seen == ["begin", 0, (1, 2), (2, 2), 1, (1, 2), (2, 2), "end"]


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_a_callback_may_stop_a_fit_and_write_into_its_parameters(core, solver):
    class Stop:
        def on_epoch_end(self, fit):
            fit.estimator.coefs_[0][0] = 7.0
            if fit.epoch == 3:
                fit.stop()

    _, estimator = pair("MLPClassifier", max_iter=50, solver=solver)
    with using(core):
        fitted(estimator, *classes(), callbacks=[Stop()])
    assert estimator.n_iter_ == 3
    if solver == "adam":
        assert np.all(estimator.coefs_[0][0] == 7.0)


def test_batches_of_a_sparse_x_are_counted_over_the_epoch_though_few_are_made_dense_at_once(
    core, monkeypatch
):
    from chainrule.sklearn import _epochs

    monkeypatch.setattr(_epochs, "DENSE_ELEMENTS", 2 * 30 * 6)  # two batches

    class Count:
        def __init__(self):
            self.seen = []
            self.losses = []

        def on_batch_end(self, fit):
            self.seen.append((fit.batch, fit.batches))
            self.losses.append(fit.loss)

    X, y = classes()
    sparse = pytest.importorskip("scipy.sparse").csr_matrix(X)
    one, other = (pair("MLPClassifier", max_iter=1, batch_size=30)[1] for _ in range(2))
    with using(core):
        in_pieces, at_once = Count(), Count()
        fitted(one, sparse, y, callbacks=[in_pieces])
        fitted(other, X, y, callbacks=[at_once])
    assert in_pieces.seen == at_once.seen == [(1, 4), (2, 4), (3, 4), (4, 4)]
    np.testing.assert_allclose(in_pieces.losses, at_once.losses, rtol=1e-12)
    for given, expected in zip(one.coefs_, other.coefs_, strict=True):
        np.testing.assert_array_equal(given, expected)


def test_scikit_learns_callbacks_are_not_told_of_the_end_of_a_fit_that_fails():
    pytest.importorskip("sklearn.callback", reason="scikit-learn has callbacks from 1.9 on")
    seen = []

    class Record:
        def setup(self, estimator, context): ...

        def teardown(self, estimator, context):
            seen.append("teardown")

        def on_fit_task_begin(self, estimator, context): ...

        def on_fit_task_end(self, estimator, context):
            seen.append("end")

    class Fail:
        def on_epoch_begin(self, fit):
            raise OSError("as it happens")

        def on_fit_end(self, fit):
            seen.append("on_fit_end")

    _, estimator = pair("MLPClassifier")
    with pytest.raises(OSError, match="as it happens"):
        estimator.set_callbacks(Record()).fit(*classes(), callbacks=[Fail()])
    assert seen == ["on_fit_end", "teardown"]


def test_a_fit_may_be_stopped_within_an_epoch():
    class Stop:
        def on_batch_end(self, fit):
            if fit.batch == 2:
                fit.stop()

    _, estimator = pair("MLPClassifier", max_iter=5, batch_size=40)
    fitted(estimator, *classes(), callbacks=[Stop()])
    assert estimator.n_iter_ == 0
    assert estimator.loss_curve_ == []
    assert estimator._optimizer.t == 2


@pytest.mark.parametrize("early_stopping", [False, True])
def test_ctrl_c_within_an_epoch_leaves_an_estimator_that_predicts_and_goes_on(core, early_stopping):
    class Press:
        def on_fit_begin(self, fit):
            state = TrainingState.start(fit.estimator.coefs_, [])
            when_trained(state, lambda: os.kill(os.getpid(), signal.SIGINT))

    X, y = classes(rows=2000)
    _, estimator = pair("MLPClassifier", max_iter=10**6, tol=0.0, batch_size=1, early_stopping=early_stopping)
    with using(core), warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        estimator.fit(X, y, callbacks=[Press()])
        assert "Training interrupted by user." in [str(warning.message) for warning in caught]
        assert estimator.n_iter_ == len(estimator.loss_curve_) < 10**6
        assert estimator._optimizer.t >= estimator.t_  # of an epoch that was not finished too
        assert np.isfinite(estimator.predict_proba(X)).all()
        before = estimator._optimizer.t
        estimator.set_params(early_stopping=False, batch_size=2000).partial_fit(X, y)
        assert estimator._optimizer.t == before + 1


def test_what_is_no_callback_is_refused():
    with pytest.raises(
        TypeError, match=r"^callbacks\[0\] must be an object with a method on_fit_begin, .*, but it is 3$"
    ):
        MLPClassifier().fit(*classes(), callbacks=[3])


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_scikit_learns_callbacks_are_told_of_each_epoch_and_may_stop(solver):
    pytest.importorskip("sklearn.callback", reason="scikit-learn has callbacks from 1.9 on")
    seen = []

    class Record:
        def setup(self, estimator, context):
            seen.append("setup")

        def teardown(self, estimator, context):
            seen.append("teardown")

        def on_fit_task_begin(self, estimator, context):
            seen.append(f"begin {context.task_name}")

        def on_fit_task_end(self, estimator, context, *, X=None, y=None, fitted_estimator=None):
            seen.append(f"end {context.task_name}")
            assert fitted_estimator.predict(X[:1]).shape == y[:1].shape
            return seen.count("end epoch") == 2

    _, estimator = pair("MLPClassifier", max_iter=9, solver=solver)
    with quiet():
        estimator.set_callbacks(Record()).fit(*classes())
    epochs = ["begin epoch", "end epoch"] * 2
    assert seen == ["setup", "begin fit", *epochs, "end fit", "teardown"]
    assert estimator.n_iter_ == 2


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_a_budget_of_time_ends_a_fit(monkeypatch, solver):
    clock = itertools.count()
    monkeypatch.setattr(time, "monotonic", lambda: float(next(clock)))
    _, estimator = pair("MLPClassifier", max_iter=1000, solver=solver)
    estimator.time_budget = 7.5
    fitted(estimator, *classes())
    assert 1 <= estimator.n_iter_ <= 8

"""What the fits of `chainrule.sklearn` have more than scikit-learn's: rows to score on, callbacks, budgets, and memory of optimizers."""

from __future__ import annotations

import itertools
from typing import Any

import chainrule as cr
import numpy as np
import pytest
from chainrule import schedules
from numpy.testing import assert_allclose, assert_array_equal
from sklearn_cases import BOTH, VERSION, MLPClassifier, data, same, small

neural_network = pytest.importorskip("sklearn.neural_network")

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@BOTH
def test_rows_of_ones_own_are_scored_after_each_epoch(Estimator: Any, backend: str) -> None:
    X, y = data(Estimator)
    train, test = np.arange(len(y)) % 3 > 0, np.arange(len(y)) % 3 == 0
    model = small(Estimator)
    scores: list[float] = []

    class Score:
        def on_epoch_end(self, fit: Any) -> None:
            scores.append(fit.estimator.score(X[test], y[test]))
            assert fit.validation_score == fit.estimator.validation_scores_[-1]

    model.fit(X[train], y[train], validation_data=(X[test], y[test]), callbacks=[Score()])
    assert_allclose(model.validation_scores_, scores, rtol=1e-12)
    assert len(scores) == 5
    assert model.best_validation_score_ == max(model.validation_scores_)
    assert same(model, small(Estimator).fit(X[train], y[train]))  # looking changes nothing


@BOTH
def test_early_stopping_uses_rows_of_ones_own_and_trains_on_all_others(Estimator: Any, backend: str) -> None:
    X, y = data(Estimator)
    held = (X[::3], y[::3], np.ones(len(y[::3])))
    model = small(Estimator, early_stopping=True, max_iter=200, n_iter_no_change=3, learning_rate_init=0.1)
    model.fit(X, y, validation_data=held)
    assert model.n_iter_ < 200
    assert model.t_ == model.n_iter_ * len(y)
    assert_allclose(model.score(*held), max(model.validation_scores_), rtol=1e-12)


@BOTH
def test_validation_data_are_checked_before_training(Estimator: Any) -> None:
    X, y = data(Estimator)
    for wrong, text in (
        (X, r"validation_data must be \(X, y\)"),
        ((X,), r"validation_data must be \(X, y\)"),
        ((X[:5], y), "validation_data has 5 rows in X, but 150 in y"),
        ((X[:, :2], y), "X has 2 features, but"),
        ((np.full_like(X, np.nan), y), "NaN"),
    ):
        with pytest.raises(ValueError, match=text):
            small(Estimator).fit(X, y, validation_data=wrong)
    if Estimator is MLPClassifier:
        with pytest.raises(ValueError, match="validation_data has classes not in"):
            small(Estimator).fit(X, y, validation_data=(X, np.full(len(y), "rosa")))


OURS = (cr.Adam(0.01, weight_decay=1e-3), cr.SGD(schedules.Cosine(0.05, 30), momentum=0.9))


class Recorder:
    """Notes what is called, and with what."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def on_fit_begin(self, fit: Any) -> None:
        self.calls.append("begin")

    def on_epoch_begin(self, fit: Any) -> None:
        self.calls.append(f"epoch {fit.epoch}")

    def on_batch_end(self, fit: Any) -> None:
        self.calls.append(f"batch {fit.batch} of {fit.batches}")

    def on_epoch_end(self, fit: Any) -> None:
        assert fit.loss == fit.estimator.loss_curve_[-1]
        self.calls.append(f"end of epoch {fit.epoch}")

    def on_fit_end(self, fit: Any) -> None:
        self.calls.append("end")


@BOTH
def test_callbacks_are_called_in_the_order_of_a_fit(Estimator: Any, backend: str) -> None:
    X, y = data(Estimator)
    recorder = Recorder()
    model = small(Estimator, max_iter=2, batch_size=100).fit(X, y, callbacks=[recorder])
    epochs = [[f"epoch {i}", "batch 1 of 2", "batch 2 of 2", f"end of epoch {i + 1}"] for i in range(2)]
    assert recorder.calls == ["begin", *itertools.chain(*epochs), "end"]
    assert same(model, small(Estimator, max_iter=2, batch_size=100).fit(X, y))


@BOTH
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_a_callback_ends_a_fit_and_an_error_of_one_is_raised_after_the_end_was_told(
    Estimator: Any, solver: str, backend: str
) -> None:
    X, y = data(Estimator)

    class Stop:
        def on_epoch_end(self, fit: Any) -> None:
            if fit.epoch == 2:
                fit.stop()

    model = small(Estimator, max_iter=50, solver=solver).fit(X, y, callbacks=[Stop()])
    assert model.n_iter_ == 2

    class Fail(Recorder):
        def on_epoch_end(self, fit: Any) -> None:
            raise RuntimeError("mine")

    fail = Fail()
    with pytest.raises(RuntimeError, match="mine"):
        small(Estimator, solver=solver).fit(X, y, callbacks=[fail])
    assert fail.calls[-1] == "end"
    with pytest.raises(TypeError, match=r"callbacks\[0\] must be an object with a method"):
        small(Estimator, solver=solver).fit(X, y, callbacks=[3])


@BOTH
def test_a_callback_may_write_into_the_parameters(Estimator: Any, backend: str) -> None:
    X, y = data(Estimator)

    class Mask:
        """Keep the first feature out, after each update."""

        def on_batch_end(self, fit: Any) -> None:
            fit.estimator.coefs_[0][0] = 0

    model = small(Estimator, batch_size=32).fit(X, y, callbacks=[Mask()])
    assert not model.coefs_[0][0].any()
    assert model.coefs_[0][1:].all()


@BOTH
def test_the_callbacks_of_scikit_learn_are_called(Estimator: Any) -> None:
    callback = pytest.importorskip("sklearn.callback", reason="scikit-learn has callbacks from 1.9 on")
    X, y = data(Estimator)
    monitor = callback.ScoringMonitor(scoring="accuracy" if Estimator is MLPClassifier else "r2")
    model = small(Estimator).set_callbacks(monitor).fit(X, y)
    log = monitor.get_logs()
    log = log[-1] if isinstance(log, list) else log
    scores = [row for row in log.data if len(row["task_id_path"]) == 2]
    assert len(scores) == 5
    last = scores[-1].get("accuracy", scores[-1].get("r2"))
    assert_allclose(last, model.score(X, y))


@BOTH
@pytest.mark.parametrize("solver", ["adam", "sgd", *OURS], ids=["adam", "sgd", "own adam", "own sgd"])
def test_a_warm_start_keeps_the_optimizer(Estimator: Any, solver: Any, backend: str) -> None:
    X, y = data(Estimator)
    settings = {"solver": solver, "shuffle": False, "batch_size": 50, "n_iter_no_change": 100}
    whole = small(Estimator, max_iter=8, **settings).fit(X, y)
    kept = small(Estimator, max_iter=4, warm_start="optimizer", **settings).fit(X, y)
    kept.fit(X, y)
    assert same(whole, kept)
    assert_array_equal(kept.loss_curve_, whole.loss_curve_)
    lost = small(Estimator, max_iter=4, warm_start=True, **settings).fit(X, y).fit(X, y)
    assert not same(whole, lost)


@BOTH
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_a_budget_of_time_ends_a_fit(Estimator: Any, solver: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The clock moves by a second an epoch."""
    X, y = data(Estimator)
    seconds = [0.0]
    monkeypatch.setattr("time.monotonic", lambda: seconds[0])

    class Clock:
        def on_epoch_begin(self, fit: Any) -> None:
            seconds[0] += 1

    settings = {"max_iter": 50, "solver": solver, "time_budget": 2.5, "n_iter_no_change": 50}
    model = small(Estimator, **settings).fit(X, y, callbacks=[Clock()])
    assert model.n_iter_ == 3
    assert np.isfinite(model.score(X, y))
    with pytest.raises(ValueError, match="The 'time_budget' parameter of MLP"):
        small(Estimator, time_budget=0).fit(X, y)


def test_early_stopping_with_a_single_class_scores_what_is_predicted(backend: str) -> None:
    """scikit-learn's own binarizer knows two classes here, of which one never occurs; predicted is always the other."""
    X, _ = data(MLPClassifier)
    model = small(MLPClassifier, early_stopping=True, activation="identity").fit(X, np.zeros(len(X)))
    theirs = small(neural_network.MLPClassifier, early_stopping=True, activation="identity").fit(
        X, np.zeros(len(X))
    )
    assert model.validation_scores_ == theirs.validation_scores_ == [1.0] * len(model.validation_scores_)


@pytest.mark.skipif(VERSION < (1, 7), reason="scikit-learn's own fit takes no sample_weight before 1.7")
def test_rows_held_out_that_weigh_nothing_are_refused_in_scikit_learns_words(backend: str) -> None:
    X, y = data(MLPClassifier)
    y = np.unique(y, return_inverse=True)[
        1
    ]  # early stopping of scikit-learn 1.6 to 1.8 cannot score labels of text

    def outcome(Estimator: Any) -> tuple[type, str]:
        with pytest.raises((ValueError, ZeroDivisionError)) as error:
            small(Estimator, early_stopping=True).fit(X[:100], y[:100], sample_weight=weights)
        return error.type, str(error.value)

    weights = np.zeros(100)
    weights[0] = 1  # a row that is trained on
    assert outcome(MLPClassifier) == outcome(neural_network.MLPClassifier)

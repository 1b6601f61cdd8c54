"""What `chainrule.sklearn` has more than scikit-learn: settings of the network and of its training."""

from __future__ import annotations

import itertools
from typing import Any

import chainrule as cr
import numpy as np
import pytest
from chainrule import losses, schedules
from numpy.testing import assert_allclose, assert_array_equal
from sklearn_cases import BOTH, MLPClassifier, MLPRegressor, data, same, small

pytest.importorskip("sklearn")
from sklearn import neural_network
from sklearn.utils.class_weight import compute_sample_weight

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

OPTIMIZERS = {
    "sgd": cr.SGD(schedules.Cosine(0.05, 30), momentum=0.9, nesterov=True, weight_decay=1e-3),
    "adam": cr.Adam(0.01, weight_decay=1e-3),
    "adamw": cr.AdamW(schedules.OneCycle(0.02, 30)),
    "rmsprop": cr.RMSprop(0.005),
    "adagrad": cr.Adagrad(0.05),
    "plateau": cr.SGD(schedules.ReduceOnPlateau(0.05, patience=0, min_delta=0.05)),
    "clipped": cr.SGD(0.1, clip_norm=0.1, l1=1e-4, max_norm=2.0),
}


THEIRS = {MLPClassifier: neural_network.MLPClassifier, MLPRegressor: neural_network.MLPRegressor}


def bias_of(y: Any, loss: Any, **settings: Any) -> Any:
    """Return what is predicted where inputs say nothing, by a model that is one bias for each output."""
    rate = schedules.Cosine(0.05, 3000)
    model = MLPRegressor(
        loss=loss, hidden_layer_sizes=(), solver=cr.Adam(rate), batch_size=len(y), max_iter=3000,
        n_iter_no_change=3000, shuffle=False, random_state=0, **settings,
    )  # fmt: skip
    return model.fit(np.zeros((len(y), 1)), y).predict(np.zeros((1, 1)))[0]


@BOTH
def test_dropout_changes_training_alone_and_is_repeated_by_its_seed(Estimator: Any, backend: str) -> None:
    X, y = data(Estimator)
    plain = small(Estimator, hidden_layer_sizes=(16, 8)).fit(X, y)
    dropped = small(Estimator, hidden_layer_sizes=(16, 8), dropout=0.5).fit(X, y)
    assert not same(plain, dropped)
    assert same(dropped, small(Estimator, hidden_layer_sizes=(16, 8), dropout=[0.5, 0.5]).fit(X, y))
    assert not same(dropped, small(Estimator, hidden_layer_sizes=(16, 8), dropout=[0.5, 0.0]).fit(X, y))
    assert same(plain, small(Estimator, hidden_layer_sizes=(16, 8), dropout=[0, 0]).fit(X, y))
    assert_array_equal(dropped.predict(X), dropped.predict(X))


@BOTH
def test_dropout_is_checked_before_anything_is_changed(Estimator: Any) -> None:
    X, y = data(Estimator)
    model = small(Estimator, hidden_layer_sizes=(4, 4)).fit(X, y)
    before = [w.copy() for w in model.coefs_]
    for wrong, text in (
        (1.0, "dropout"),
        ([0.5], r"dropout has 1 entry, but the number of hidden layers is 2"),
        ([0.5, 1.5], r"dropout\[1\] must be"),
    ):
        with pytest.raises(ValueError, match=text):
            model.set_params(dropout=wrong).fit(X, y)
    with pytest.raises(ValueError, match="dropout needs a solver that takes batches"):
        model.set_params(dropout=0.5, solver="lbfgs").fit(X, y)
    for coefs, old in zip(model.coefs_, before, strict=True):
        assert_array_equal(coefs, old)


@BOTH
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_each_layer_may_have_its_own_activation(Estimator: Any, solver: str, backend: str) -> None:
    X, y = data(Estimator)
    names = ["tanh", "silu", "logistic"]
    model = small(Estimator, hidden_layer_sizes=(5, 4, 3), activation=names, solver=solver).fit(X, y)
    functions = (np.tanh, lambda z: z / (1 + np.exp(-z)), lambda z: 1 / (1 + np.exp(-z)))
    A = X
    for W, b, f in zip(model.coefs_, model.intercepts_, functions, strict=False):
        A = f(A @ W + b)
    Z = A @ model.coefs_[-1] + model.intercepts_[-1]
    if Estimator is MLPClassifier:
        exp = np.exp(Z - Z.max(axis=1, keepdims=True))
        assert_allclose(model.predict_proba(X), exp / exp.sum(axis=1, keepdims=True), rtol=1e-10)
    else:
        assert_allclose(model.predict(X), Z[:, 0], rtol=1e-10)
    alike = small(Estimator, hidden_layer_sizes=(5, 4), activation=["tanh", "tanh"], solver=solver).fit(X, y)
    assert same(
        alike, small(Estimator, hidden_layer_sizes=(5, 4), activation="tanh", solver=solver).fit(X, y)
    )
    with pytest.raises(ValueError, match="activation has 1 entry, but the number of hidden layers is 2"):
        small(Estimator, hidden_layer_sizes=(5, 4), activation=["tanh"]).fit(X, y)
    with pytest.raises(ValueError, match=r"activation\[1\] must be one of .*'softmax'"):
        small(Estimator, hidden_layer_sizes=(5, 4), activation=["tanh", "softmax"]).fit(X, y)


@pytest.mark.parametrize("name", list(OPTIMIZERS))
def test_our_optimizers_and_schedules_make_the_steps_of_a_trainer(name: str, backend: str) -> None:
    X, y = data(MLPRegressor)
    settings = {"alpha": 0.0, "shuffle": False, "batch_size": 50, "max_iter": 10}
    start = small(MLPRegressor, solver=cr.SGD(0.0), **settings).fit(X, y)
    model = small(MLPRegressor, solver=OPTIMIZERS[name], **settings).fit(X, y)
    twin = cr.MLP([X.shape[1], 8, 1], dtype="float64")
    for own, first in zip(twin.weights + twin.biases, start.coefs_ + start.intercepts_, strict=True):
        own[...] = first
    trainer = cr.Trainer(
        twin, loss="half_squared_error", optimizer=OPTIMIZERS[name], batch_size=50, shuffle=False
    )
    history = trainer.fit(X, y[:, None], epochs=10)
    for ours, its in zip(model.coefs_ + model.intercepts_, twin.weights + twin.biases, strict=True):
        assert_array_equal(ours, its)
    assert_allclose(model.loss_curve_, history.loss, rtol=1e-12)


def test_rprop_takes_all_rows_at_once(backend: str) -> None:
    X, y = data(MLPRegressor)
    X, y = np.tile(X, (3, 1)), np.tile(y, 3)  # more rows than a batch has elsewhere
    model = small(MLPRegressor, solver=cr.RPROP(0.01), max_iter=60, n_iter_no_change=60).fit(X, y)
    assert model.score(X, y) > 0.5


def test_losses_come_to_the_number_that_they_are_known_for(backend: str) -> None:
    y = np.random.default_rng(0).exponential(2.0, 201)
    assert_allclose(bias_of(y, "squared_error"), y.mean(), rtol=1e-3)
    assert_allclose(bias_of(y, "mean_squared_error"), y.mean(), rtol=1e-3)
    assert_allclose(bias_of(y, "mean_absolute_error"), np.median(y), rtol=0.02)
    assert_allclose(bias_of(y, "poisson"), y.mean(), rtol=1e-3)
    assert_allclose(bias_of(y, losses.Huber(1e-2)), np.median(y), rtol=0.02)
    levels = (0.1, 0.5, 0.9)
    assert_allclose(bias_of(y, losses.Quantile(levels)), np.quantile(y, levels), rtol=0.1)

    def fourth(prediction: Any, target: Any) -> tuple[float, Any]:
        error = prediction - target
        return float((error**4).mean()), 4 * error**3 / error.size

    found = bias_of(y, fourth)
    assert abs(((found - y) ** 3).mean()) < 0.05 * (abs(found - y) ** 3).mean()


def test_a_loss_of_another_name_or_kind_is_refused() -> None:
    X, y = data(MLPRegressor)
    for wrong in ("cross_entropy", "absolute", 3):
        with pytest.raises(ValueError, match="The 'loss' parameter of MLPRegressor must be"):
            small(MLPRegressor, loss=wrong).fit(X, y)
    with pytest.raises(ValueError, match="The 'loss' parameter of MLPClassifier must be"):
        small(MLPClassifier, loss="squared_error").fit(*data(MLPClassifier))


def test_label_smoothing_keeps_probabilities_from_the_ends(backend: str) -> None:
    X, y = data(MLPClassifier)
    settings = {"max_iter": 300, "n_iter_no_change": 300, "hidden_layer_sizes": (16,)}
    sharp = small(MLPClassifier, **settings).fit(X, y).predict_proba(X).max(axis=1)
    loss = losses.CrossEntropy(label_smoothing=0.2)
    smooth = small(MLPClassifier, **settings, loss=loss).fit(X, y).predict_proba(X).max(axis=1)
    assert smooth.mean() < 0.92 < sharp.mean()


@pytest.mark.parametrize("solver", ["sgd", "adam", "lbfgs"])
def test_class_weights_are_weights_of_rows(solver: str, backend: str) -> None:
    X, y = data(MLPClassifier)
    X, y = X[:120], y[:120]  # 50, 50 and 20 rows of a class
    given = {"setosa": 1.0, "versicolor": 2.0, "virginica": 0.5}
    for class_weight in ("balanced", given):
        model = small(MLPClassifier, solver=solver, class_weight=class_weight).fit(X, y)
        weights = compute_sample_weight(class_weight, y)
        assert same(model, small(MLPClassifier, solver=solver).fit(X, y, sample_weight=weights))
        rows = np.linspace(0.1, 2, len(y))
        both = small(MLPClassifier, solver=solver, class_weight=class_weight).fit(X, y, sample_weight=rows)
        assert same(both, small(MLPClassifier, solver=solver).fit(X, y, sample_weight=rows * weights))


def test_class_weights_in_partial_fit_are_a_dictionary() -> None:
    X, y = data(MLPClassifier)
    classes = np.unique(y)
    with pytest.raises(ValueError, match=r"class_weight='balanced' .*partial_fit"):
        small(MLPClassifier, class_weight="balanced").partial_fit(X, y, classes=classes)
    given = {"setosa": 1.0, "versicolor": 2.0, "virginica": 0.5}
    model = small(MLPClassifier, class_weight=given).partial_fit(X, y, classes=classes)
    alone = small(MLPClassifier).partial_fit(X, y, compute_sample_weight(given, y), classes=classes)
    assert same(model, alone)


@pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs"])
def test_missing_targets_count_nothing(solver: str, backend: str) -> None:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 4))
    Y = X @ rng.normal(size=(4, 2))
    holes = Y.copy()
    holes[60:, 1] = np.nan
    settings = {"max_iter": 400, "solver": solver, "learning_rate_init": 0.01, "alpha": 0.0, "tol": 1e-7}
    model = small(MLPRegressor, missing_targets=True, **settings).fit(X, holes)
    assert model.score(X, Y) > 0.9  # of the second output, 140 rows were never seen
    assert small(MLPRegressor, **settings).fit(X, np.nan_to_num(holes)).score(X, Y) < 0.9


def test_missing_targets_are_refused_unless_asked_for() -> None:
    X, y = data(MLPRegressor)
    y = y.copy()
    y[3] = np.nan
    with pytest.raises(ValueError, match="Input y contains NaN"):
        small(MLPRegressor).fit(X, y)
    model = small(MLPRegressor, missing_targets=True)
    with pytest.raises(ValueError, match="nothing but NaN"):
        model.fit(X, np.full(len(y), np.nan))
    with pytest.raises(ValueError, match="infinity"):
        model.fit(X, np.full(len(y), np.inf))
    assert np.isfinite(model.fit(X, y, validation_data=(X, y)).validation_scores_).all()
    assert np.isfinite(model.set_params(early_stopping=True).fit(X, y).best_validation_score_)


def test_quantiles_give_intervals_that_cover_their_share(backend: str) -> None:
    rng = np.random.default_rng(0)
    X = rng.uniform(-1, 1, (2000, 1))
    y = 2 * X[:, 0] + (0.6 + 0.5 * X[:, 0]) * rng.exponential(1, 2000)
    levels = (0.05, 0.5, 0.95)
    model = small(
        MLPRegressor, loss=losses.Quantile(levels), hidden_layer_sizes=(24,), activation="tanh", max_iter=60,
        solver=cr.Adam(schedules.Cosine(0.02, 60 * 32)), batch_size=64, n_iter_no_change=60,
    )  # fmt: skip
    predicted = model.fit(X, y).predict(X)
    assert predicted.shape == (2000, 3)
    assert_allclose((y[:, None] <= predicted).mean(axis=0), levels, atol=0.04)
    assert np.isfinite(model.score(X, y))  # so that it can be searched
    with pytest.raises(ValueError, match="y has 2 columns, but a quantile loss with 3 levels needs one"):
        model.fit(X, np.c_[y, y])


@BOTH
def test_threads_change_no_bit(Estimator: Any, oversubscribed: None) -> None:
    X, y = data(Estimator)
    settings = {"hidden_layer_sizes": (64, 32), "batch_size": 64}
    one, three = (small(Estimator, n_threads=n, **settings).fit(X, y) for n in (1, 3))
    assert same(one, three)
    assert_array_equal(one.predict(X), three.predict(X))
    with pytest.raises(ValueError, match="The 'n_threads' parameter of MLP"):
        small(Estimator, n_threads=0).fit(X, y)


@BOTH
def test_predictions_are_written_into_an_array(Estimator: Any, dtype: str, backend: str) -> None:
    X, y = data(Estimator, dtype)
    model = small(Estimator).fit(X, y)
    out = np.empty((len(X), model.n_outputs_), dtype)
    assert model.predict_into(X, out) is out
    expected = model.predict_proba(X) if Estimator is MLPClassifier else model.predict(X)[:, None]
    assert_array_equal(out, expected)
    before = out.copy()
    for wrong in (out[:3], out.astype("float16"), np.empty((len(X), 9), dtype)):
        with pytest.raises((TypeError, ValueError), match="out"):
            model.predict_into(X, wrong)
    with pytest.raises((TypeError, ValueError), match="X"):
        model.predict_into(X[:, :2], out)
    assert_array_equal(out, before)


def test_several_targets_may_be_classes_each(backend: str) -> None:
    """Multiclass-multioutput: a softmax for each column of y."""
    X, y = data(MLPClassifier)
    other = np.where(X[:, 1] > 0.5, "high", np.where(X[:, 1] > -0.5, "middle", "low"))
    both = np.c_[y, other]
    model = small(MLPClassifier, max_iter=200, hidden_layer_sizes=(32,)).fit(X, both)
    predicted = model.predict(X)
    assert predicted.shape == both.shape
    assert (predicted == both).mean() > 0.9
    probabilities = model.predict_proba(X)
    assert [p.shape for p in probabilities] == [(150, 3), (150, 3)]
    for p, classes, column in zip(probabilities, model.classes_, predicted.T, strict=True):
        assert_allclose(p.sum(axis=1), 1)
        assert_array_equal(np.asarray(classes)[p.argmax(axis=1)], column)


@BOTH
def test_what_is_written_into_parameters_or_put_in_their_place_is_used_at_once(
    Estimator: Any, backend: str
) -> None:
    X, y = data(Estimator)
    model, row = small(Estimator).fit(X, y), X[:1]

    def answer() -> Any:
        return model.predict_proba(row) if Estimator is MLPClassifier else model.predict(row)

    seen = [answer()]
    model.coefs_[0][:] += 0.5
    seen.append(answer())
    model.intercepts_[0] = model.intercepts_[0] + 1
    seen.append(answer())
    model.coefs_ = [w * 1.5 for w in model.coefs_]
    seen.append(answer())
    model.set_params(activation="tanh")
    seen.append(answer())
    model.coefs_[1] = model.coefs_[1].astype("float32")
    assert_allclose(answer(), seen[-1], rtol=1e-5)
    for one, other in itertools.combinations(seen, 2):
        assert not np.array_equal(one, other)
    model.coefs_, model.intercepts_ = model.coefs_[:1], model.intercepts_[:1]
    with pytest.raises(ValueError, match="coefs_ and intercepts_ end with 8 outputs, but n_outputs_ is"):
        answer()
    shape = (X.shape[1], model.n_outputs_)
    model.coefs_[0], model.intercepts_[0] = np.ones(shape), np.zeros(shape[1])
    assert model._forward_pass_fast(row).shape == (1, shape[1])


@BOTH
@pytest.mark.filterwarnings("error")
def test_large_numbers_are_looked_at_without_a_warning(Estimator: Any, dtype: str) -> None:
    X, y = data(Estimator, dtype)
    model = small(Estimator).fit(X, y)
    large = np.full((2, X.shape[1]), np.sqrt(np.finfo(dtype).max) * 2, dtype)  # whose squares are infinite
    assert (
        np.isfinite(model.predict(large)).all() if Estimator is MLPRegressor else model.predict(large).all()
    )


@BOTH
@pytest.mark.parametrize("solver", ["adam", "sgd"])
def test_parameters_of_float32_stay_so_whatever_they_are_trained_on(Estimator: Any, solver: str) -> None:
    X, y = data(Estimator)
    theirs = small(THEIRS[Estimator], solver=solver).fit(X.astype("float32"), y).partial_fit(X, y)
    model = small(Estimator, solver=solver).fit(X.astype("float32"), y).partial_fit(X, y)
    assert {w.dtype for w in model.coefs_} == {w.dtype for w in theirs.coefs_} == {np.dtype("float32")}
    assert_allclose(model.coefs_[0], theirs.coefs_[0], rtol=1e-4, atol=1e-5)


def test_a_subclass_with_its_own_equality_predicts() -> None:
    class Comparable(MLPRegressor):
        def __eq__(self, other: object) -> bool:
            return type(other) is type(self)

        __hash__ = None  # type: ignore[assignment]

    X, y = data(MLPRegressor)
    model = small(Comparable).fit(X, y)
    assert_array_equal(model.predict(X), small(MLPRegressor).fit(X, y).predict(X))

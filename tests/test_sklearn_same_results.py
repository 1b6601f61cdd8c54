"""chainrule.sklearn comes to scikit-learn's coefficients, warnings and errors, over all that both have."""

from __future__ import annotations

import pickle
import subprocess
import sys

import numpy as np
import pytest
from sklearn_pairs import (
    assert_same,
    both_fitted,
    classes,
    data,
    labels,
    needs_weights,
    pair,
    quantities,
    quiet,
    theirs,
    using,
)

ONE_INSTRUCTION_SET_WILL_DO = True
sparse = pytest.importorskip("scipy.sparse")
NAMES = ["MLPClassifier", "MLPRegressor"]
STOCHASTIC = ["sgd", "adam"]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("activation", ["identity", "logistic", "tanh", "relu"])
@pytest.mark.parametrize("solver", STOCHASTIC)
def test_the_same_steps_lead_to_scikit_learns_coefficients(core, name, activation, solver, dtype):
    with using(core):
        one, other = both_fitted(
            name, *data(name, dtype=dtype), activation=activation, solver=solver, batch_size=32
        )
        assert_same(one, other, steps=20, factor=100 if dtype == "float64" else 400)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("activation", ["identity", "logistic", "tanh", "relu"])
def test_iterations_of_lbfgs_lead_to_scikit_learns_coefficients(core, name, activation, dtype):
    with using(core):
        one, other = both_fitted(
            name, *data(name, dtype=dtype), activation=activation, solver="lbfgs", max_iter=8
        )
        assert other.coefs_[0].dtype == np.float64  # SciPy's vector, whatever X is
        assert_same(one, other, steps=8, factor=1e5 if dtype == "float64" else 400, dtype=dtype)


@pytest.mark.parametrize("batch_size", [1, 7, 60, 119, 120, "auto"])
@pytest.mark.parametrize("solver", STOCHASTIC)
def test_batches_of_any_size(core, batch_size, solver):
    with using(core):
        one, other = both_fitted(
            "MLPClassifier", *classes(), solver=solver, batch_size=batch_size, max_iter=2
        )
        assert_same(one, other, steps=240)


@pytest.mark.parametrize(
    "settings",
    [
        {"momentum": 0.0},
        {"momentum": 0.5, "nesterovs_momentum": False},
        {"momentum": 1.0},
        {"alpha": 0.0},
        {"alpha": 3.0, "batch_size": 50},
        {"shuffle": False, "batch_size": 50},
        {"learning_rate": "invscaling", "power_t": 0.3, "learning_rate_init": 0.1},
        {"learning_rate": "adaptive", "learning_rate_init": 0.3, "tol": 0.05, "n_iter_no_change": 1, "max_iter": 25},
        {"hidden_layer_sizes": ()},
        {"hidden_layer_sizes": 4},
        {"hidden_layer_sizes": (3, 4, 5, 6)},
    ],
    ids=str,
)  # fmt: skip
def test_each_setting_of_sgd(core, settings):
    with using(core):
        one, other = both_fitted("MLPClassifier", *classes(), **{"solver": "sgd", **settings})
        assert_same(one, other, steps=100)
        assert other._optimizer.learning_rate == one._optimizer.learning_rate


def test_each_number_of_adam(core):
    numbers = {"beta_1": 0.8, "beta_2": 0.95, "epsilon": 1e-3, "learning_rate_init": 0.02, "alpha": 0.1}
    with using(core):
        one, other = both_fitted("MLPRegressor", *quantities(), batch_size=32, **numbers)
        assert_same(one, other)
        assert other._optimizer.t == one._optimizer.t == 20
        np.testing.assert_allclose(other._optimizer.learning_rate, one._optimizer.learning_rate, rtol=1e-14)
        for name in ("ms", "vs"):
            for a, b in zip(getattr(one._optimizer, name), getattr(other._optimizer, name), strict=True):
                np.testing.assert_allclose(b, a, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("solver", [*STOCHASTIC, "lbfgs"])
@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("MLPClassifier", classes(2)),
        ("MLPClassifier", labels()),
        ("MLPRegressor", quantities(3)),
    ],
    ids=["two classes", "several labels", "several targets"],
)
def test_every_kind_of_target(core, name, given, solver):
    with using(core):
        one, other = both_fitted(name, *given, solver=solver, batch_size=32)
        assert_same(one, other, factor=1e4 if solver == "lbfgs" else 100)
        np.testing.assert_array_equal(other.predict(given[0]), one.predict(given[0])) if name == NAMES[
            0
        ] else None
        np.testing.assert_allclose(other.score(*given), one.score(*given), rtol=1e-9)


@needs_weights
@pytest.mark.parametrize("solver", [*STOCHASTIC, "lbfgs"])
@pytest.mark.parametrize("loss", ["log_loss", "squared_error", "poisson"])
def test_weights_of_rows_and_every_loss(core, solver, loss):
    name = "MLPClassifier" if loss == "log_loss" else "MLPRegressor"
    X, y = classes() if loss == "log_loss" else quantities(2)
    weight = np.random.default_rng(1).uniform(size=len(X))
    weight[::5] = 0
    settings = {} if loss == "log_loss" else {"loss": loss}
    with using(core):
        one, other = both_fitted(name, X, y, weight, solver=solver, batch_size=32, **settings)
        assert_same(one, other, factor=1e5 if solver == "lbfgs" else 100)


@pytest.mark.parametrize("solver", STOCHASTIC)
@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("MLPClassifier", classes(2)),
        ("MLPClassifier", classes(3)),
        ("MLPClassifier", labels()),
        ("MLPRegressor", quantities()),
        ("MLPRegressor", quantities(2)),
    ],
    ids=["two classes", "three classes", "several labels", "one target", "two targets"],
)
def test_early_stopping_holds_out_the_same_rows_and_stops_at_the_same_epoch(core, name, given, solver):
    settings = {"early_stopping": True, "n_iter_no_change": 2, "max_iter": 30, "learning_rate_init": 0.02}
    with using(core):
        one, other = both_fitted(name, *given, solver=solver, validation_fraction=0.2, **settings)
        assert_same(one, other, factor=1000)


@needs_weights
def test_early_stopping_weighs_the_rows_held_out():
    X, y = classes()
    weight = np.random.default_rng(1).uniform(size=len(X))
    one, other = both_fitted("MLPClassifier", X, y, weight, early_stopping=True, max_iter=12)
    assert_same(one, other)


@pytest.mark.parametrize("solver", STOCHASTIC)
@pytest.mark.parametrize("name", NAMES)
def test_partial_fit_goes_on_and_uses_coefficients_that_were_assigned(core, name, solver):
    X, y = data(name)
    one, other = pair(name, solver=solver)
    with using(core):
        for step in range(4):
            for estimator in (one, other):
                first = {"classes": [0, 1, 2]} if name == "MLPClassifier" and step == 0 else {}
                estimator.partial_fit(X[step * 20 :], y[step * 20 :], **first)
                if step == 1:
                    estimator.coefs_ = [0.5 * w for w in estimator.coefs_]
                    estimator.intercepts_[0][:] = 0.25
        assert_same(one, other)


@pytest.mark.parametrize("solver", [*STOCHASTIC, "lbfgs"])
def test_a_warm_start_goes_on_from_the_coefficients(core, solver):
    X, y = classes()
    one, other = pair("MLPClassifier", solver=solver, warm_start=True, max_iter=3)
    with using(core), quiet():
        for _ in range(3):
            assert_same(one.fit(X, y), other.fit(X, y), factor=1e5 if solver == "lbfgs" else 100)


@pytest.mark.parametrize("solver", [*STOCHASTIC, "lbfgs"])
@pytest.mark.parametrize("kind", ["csr_matrix", "csc_matrix", "csr_array"])
@pytest.mark.parametrize("share", [0.5, 0.02])
def test_sparse_inputs(core, solver, kind, share, dtype):
    X, y = classes(rows=90, dtype=dtype)
    X = np.hstack([X, np.zeros((90, 200), dtype)]) if share < 0.1 else X * (np.abs(X) > 0.5)
    X = getattr(sparse, kind)(X)
    with using(core):
        one, other = both_fitted("MLPClassifier", X, y, solver=solver, max_iter=3)
        factor = 1e5 if solver == "lbfgs" and dtype == "float64" else 400
        assert_same(one, other, factor=factor, dtype=dtype)
        np.testing.assert_allclose(other.predict_proba(X), one.predict_proba(X), rtol=1e-4, atol=1e-5)
        with quiet():
            one.set_params(early_stopping=True).fit(X, y)
            other.set_params(early_stopping=True).fit(X, y)
        assert_same(one, other, factor=factor, dtype=dtype)


def test_a_random_state_is_left_as_scikit_learn_leaves_it():
    states = [np.random.RandomState(5), np.random.RandomState(5)]
    for estimator, state in zip(pair("MLPClassifier"), states, strict=True):
        with quiet():
            estimator.set_params(random_state=state, early_stopping=True).fit(*classes())
    assert states[0].randint(2**31) == states[1].randint(2**31)


@pytest.mark.parametrize("kind", ["float32", "float64", "int64", "fortran", "list", "csr"])
@pytest.mark.parametrize("name", NAMES)
def test_predictions_of_any_input_are_scikit_learns_and_of_its_dtype(core, name, kind):
    with using(core):
        one, other = both_fitted(name, *data(name))
        other.coefs_, other.intercepts_ = one.coefs_, one.intercepts_
        X = np.round(data(name, seed=1)[0] * 3)
        X = {"fortran": np.asfortranarray, "list": np.ndarray.tolist, "csr": sparse.csr_matrix}.get(
            kind, lambda X: X.astype(kind)
        )(X)
        methods = (
            ["predict", "predict_proba", "predict_log_proba"] if name == "MLPClassifier" else ["predict"]
        )
        for method in methods:
            expected, found = getattr(one, method)(X), getattr(other, method)(X)
            assert found.dtype == expected.dtype
            assert found.shape == expected.shape
            np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12)


def test_predictions_use_the_coefficients_as_they_are_now(core):
    X, y = quantities()
    with using(core):
        one, other = both_fitted("MLPRegressor", X, y)
        other.coefs_, other.intercepts_ = [w.copy() for w in one.coefs_], [b.copy() for b in one.intercepts_]

        def agree():
            np.testing.assert_allclose(other.predict(X[:1]), one.predict(X[:1]), rtol=1e-12)

        agree()
        for estimator in (one, other):
            estimator.coefs_[0][:] *= 2  # in place
        agree()
        for estimator in (one, other):
            estimator.coefs_[1] = estimator.coefs_[1] + 1  # another array in the list
        agree()
        for estimator in (one, other):
            estimator.intercepts_ = [b - 1 for b in estimator.intercepts_]  # another list
        agree()
        for estimator in (one, other):
            estimator.activation = "tanh"
        agree()
        for estimator in (one, other):
            estimator.coefs_ = [np.asfortranarray(w, np.float32) for w in estimator.coefs_]
        agree()


def test_coefficients_that_are_read_only_predict_and_are_copied_to_be_trained():
    X, y = classes()
    _, other = both_fitted("MLPClassifier", X, y)
    before = other.predict_proba(X[:1])
    frozen = [w.copy() for w in other.coefs_]
    for w in frozen:
        w.flags.writeable = False
    other.coefs_ = list(frozen)
    np.testing.assert_array_equal(other.predict_proba(X[:1]), before)
    other.partial_fit(X, y)
    assert not np.array_equal(other.coefs_[0], frozen[0])


@pytest.mark.parametrize("name", NAMES)
def test_they_are_scikit_learns_classes_and_survive_pickling_with_their_optimizer(name):
    X, y = data(name)
    one, other = both_fitted(name, X, y)
    assert isinstance(other, getattr(theirs, name))
    copies = [pickle.loads(pickle.dumps(estimator)) for estimator in (one, other)]
    for estimator in copies:
        estimator.partial_fit(X, y)
    assert_same(*copies)
    other.partial_fit(X, y)
    np.testing.assert_array_equal(other.coefs_[0], copies[1].coefs_[0])


def test_importing_chainrule_does_not_import_scikit_learn():
    code = "import sys, chainrule; assert not any(m.partition('.')[0] in ('sklearn', 'scipy') for m in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize(
    "given", [classes(2, 60), classes(3, 60), labels(3, 60)], ids=["two", "three", "labels"]
)
def test_lbfgs_goes_by_losses_that_are_cut_off_as_scikit_learns(core, given, dtype):
    X, y = given[0].astype(dtype) * 200, given[1]
    with using(core):
        one, other = both_fitted("MLPClassifier", X, y, solver="lbfgs", max_iter=3, alpha=0.01)
        assert one.loss_ > 0.5  # some outputs are far off
        assert_same(one, other, factor=1e5 if dtype == "float64" else 1000, dtype=dtype)

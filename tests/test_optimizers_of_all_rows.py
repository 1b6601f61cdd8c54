"""Levenberg-Marquardt and L-BFGS: the minimum they find, how a fit ends, and what they refuse."""

from __future__ import annotations

import io
import pickle
import sys
from importlib.util import find_spec

import chainrule as cr
import numpy as np
import pytest
from conftest import load_core

ONE_INSTRUCTION_SET_WILL_DO = True
NEEDS_SCIPY = pytest.mark.skipif(find_spec("scipy") is None, reason="SciPy is not installed")


def both(least_squares: cr.LevenbergMarquardt, quasi_newton: cr.LBFGS) -> pytest.MarkDecorator:
    """Run a test with each."""
    optimizers = [
        pytest.param(least_squares, id="LM"),
        pytest.param(quasi_newton, id="LBFGS", marks=NEEDS_SCIPY),
    ]
    return pytest.mark.parametrize("optimizer", optimizers)


BOTH = both(cr.LevenbergMarquardt(), cr.LBFGS())


@pytest.fixture(autouse=True, params=["native", "reference"])
def backend(request: pytest.FixtureRequest):
    """Run on each core."""
    load_core(request.param)
    with cr.backend(request.param):
        yield request.param


def curve(rows: int = 60, outputs: int = 1, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    X = rng.uniform(-1, 1, (rows, 2))
    columns = [np.sin(3 * X[:, 0]) * X[:, 1], X[:, 0] ** 2 - X[:, 1]]
    return X, np.stack(columns[:outputs], axis=1) + 0.01 * rng.standard_normal((rows, outputs))


def trainer(
    optimizer, *, loss="mean_squared_error", output="identity", sizes=(2, 6, 1), **settings
) -> cr.Trainer:
    settings = {"dtype": "float64", "seed": 3, "activation": "tanh"} | settings
    model = cr.MLP(list(sizes), output_activation=output, **settings)
    return cr.Trainer(model, loss=loss, optimizer=optimizer, batch_size="full")


def test_one_step_solves_a_linear_network() -> None:
    X, Y = curve(outputs=2)
    one = trainer(cr.LevenbergMarquardt(damping=1e-12), sizes=(2, 2), loss="half_squared_error")
    one.fit(X, Y, epochs=1)
    with_ones = np.column_stack([X, np.ones(len(X))])
    expected = np.linalg.lstsq(with_ones, Y, rcond=None)[0]
    found = np.vstack([one.model.weights[0], one.model.biases[0]])
    np.testing.assert_allclose(found, expected, rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("loss", ["half_squared_error", "mean_squared_error"])
def test_weight_decay_gives_ridge_regression_which_spares_biases(loss: str) -> None:
    X, Y = curve(outputs=2)
    decay, rows = 0.3, len(X)
    one = trainer(cr.LevenbergMarquardt(1e-12, weight_decay=decay), sizes=(2, 2), loss=loss)
    history = one.fit(X, Y, epochs=3)
    factor = decay * (rows if loss == "half_squared_error" else rows * 2 / 2)
    with_ones = np.column_stack([X, np.ones(rows)])
    expected = np.linalg.solve(with_ones.T @ with_ones + np.diag([factor, factor, 0]), with_ones.T @ Y)
    np.testing.assert_allclose(
        np.vstack([one.model.weights[0], one.model.biases[0]]), expected, rtol=1e-8, atol=1e-10
    )
    assert history.stopped_because == "converged"
    pytest.importorskip("scipy")
    again = trainer(cr.LBFGS(weight_decay=decay, tolerance=1e-12), sizes=(2, 2), loss=loss)
    again.fit(X, Y, epochs=100)
    np.testing.assert_allclose(again.model.weights[0], one.model.weights[0], rtol=1e-6)


@both(cr.LevenbergMarquardt(tolerance=1e-5), cr.LBFGS(tolerance=1e-4))
@pytest.mark.parametrize("bias", ["unit", "layer", None])
def test_the_gradient_vanishes_where_a_fit_has_converged(optimizer, bias) -> None:
    X, Y = curve()
    one = trainer(optimizer, bias=bias, sizes=(2, 3, 1), seed=1)
    history = one.fit(X, Y, epochs=3000)
    assert history.stopped_because == "converged"
    assert len(history.loss) == one.epoch == one.step < 3000
    found = one.gradients(X, Y)
    assert max(np.abs(g).max() for g in (*found.weights, *found.biases)) <= optimizer.tolerance
    assert found.loss <= history.loss[-1] < history.loss[0]
    before = [w.copy() for w in one.model.weights]
    assert one.train_on_batch(X, Y) == pytest.approx(found.loss, rel=1e-6)
    assert all(np.allclose(a, b, atol=1e-5) for a, b in zip(before, one.model.weights, strict=True))


@BOTH
def test_losses_fall_and_are_those_before_each_step(optimizer) -> None:
    X, Y = curve()
    one = trainer(optimizer)
    start = one.evaluate(X, Y)["loss"]
    history = one.fit(X, Y, epochs=12)
    assert history.loss[0] == pytest.approx(start, rel=1e-12)
    assert (np.diff(history.loss) < 0).all()
    assert one.evaluate(X, Y)["loss"] < history.loss[-1]


def test_levenberg_and_marquardt_find_what_scipy_finds() -> None:
    """Both start near the network that made the data, so that there is one minimum to find."""
    optimize = pytest.importorskip("scipy.optimize")
    rng = np.random.default_rng(5)
    X, _ = curve(rows=200)
    teacher = cr.MLP([2, 3, 1], activation="tanh", dtype="float64", seed=1)
    Y = teacher.predict(X) + 0.01 * rng.standard_normal((200, 1))
    one = trainer(cr.LevenbergMarquardt(), sizes=(2, 3, 1), seed=1)
    arrays = [a for pair in zip(one.model.weights, one.model.biases, strict=True) for a in pair]
    for array in arrays:
        array += 0.05 * rng.standard_normal(array.shape)

    def errors(vector: np.ndarray) -> np.ndarray:
        at = 0
        for array in arrays:
            array[...] = vector[at : at + array.size].reshape(array.shape)
            at += array.size
        return (one.model.predict(X) - Y).ravel()

    start = np.concatenate([a.ravel() for a in arrays])
    theirs = optimize.least_squares(errors, start, method="lm", xtol=1e-14, ftol=1e-14)
    errors(start)
    history = one.fit(X, Y, epochs=500)
    assert history.stopped_because == "converged"
    assert one.evaluate(X, Y)["loss"] == pytest.approx(2 * theirs.cost / 200, rel=1e-8)


def test_l_bfgs_takes_the_steps_of_scipy() -> None:
    optimize = pytest.importorskip("scipy.optimize")
    X, Y = curve()
    one = trainer(cr.LBFGS(memory=5))
    copy = cr.MLP([2, 6, 1], activation="tanh", dtype="float64", seed=3)
    other = cr.Trainer(copy, loss="mean_squared_error")
    arrays = [array for pair in zip(copy.weights, copy.biases, strict=True) for array in pair]

    def fun(vector: np.ndarray) -> tuple[float, np.ndarray]:
        for array, part in zip(
            arrays, np.split(vector, np.cumsum([a.size for a in arrays])[:-1]), strict=True
        ):
            array[...] = part.reshape(array.shape)
        loss, dWs, dbs = other.gradients(X, Y)
        return loss, np.concatenate([a.ravel() for pair in zip(dWs, dbs, strict=True) for a in pair])

    start = np.concatenate([a.ravel() for a in arrays])
    theirs = optimize.minimize(fun, start, method="L-BFGS-B", jac=True, options={"maxcor": 5, "maxiter": 9})
    one.fit(X, Y, epochs=9)
    ours = [array for pair in zip(one.model.weights, one.model.biases, strict=True) for array in pair]
    np.testing.assert_allclose(np.concatenate([a.ravel() for a in ours]), theirs.x, rtol=1e-9, atol=1e-12)


@NEEDS_SCIPY
def test_l_bfgs_learns_classes_with_cross_entropy() -> None:
    rng = np.random.default_rng(0)
    X = np.concatenate([rng.normal(c, 0.4, (40, 2)) for c in ((0, 0), (2, 0), (0, 2))])
    y = np.repeat(np.arange(3), 40)
    one = trainer(cr.LBFGS(weight_decay=1e-3), loss="cross_entropy", output="softmax", sizes=(2, 8, 3))
    one.fit(X, y, epochs=60)
    assert one.evaluate(X, y, metrics=["accuracy"])["accuracy"] > 0.98


@BOTH
def test_float32_models_stay_float32_and_learn(optimizer) -> None:
    X, Y = (array.astype("float32") for array in curve())
    one = trainer(optimizer, dtype="float32")
    history = one.fit(X, Y, epochs=60)
    assert one.model.weights[0].dtype == np.float32
    assert one.evaluate(X, Y)["loss"] < 0.05 * history.loss[0]


@BOTH
def test_what_a_fit_looks_at_works_with_them(optimizer) -> None:
    X, Y = curve(120)
    one, stream = trainer(optimizer), io.StringIO()
    history = one.fit(
        X, Y, epochs=200, validation_split=0.3, metrics=["r2"], progress=stream,
        early_stopping=cr.EarlyStopping(patience=5, min_delta=1e-5)
    )  # fmt: skip
    assert len(history.loss) == len(history.validation_loss) == one.epoch
    assert "validation loss" in stream.getvalue()
    assert history.stopped_because in ("early_stopping", "converged")
    assert one.fit(X, Y, epochs=3, target_loss=100.0).stopped_because in ("target_loss", "converged")
    fresh = trainer(optimizer)
    assert fresh.fit(X, Y, epochs=7).stopped_because == "epochs"
    assert fresh.epoch == 7
    assert fresh.fit(X, Y, epochs=10**6, time_budget=0.0).stopped_because == "time_budget"
    assert fresh.epoch == 8
    assert fresh.fit(X, Y, epochs=0).loss == []


@BOTH
def test_a_metric_that_raises_leaves_the_epochs_before_it(optimizer) -> None:
    X, Y = curve()
    one, calls = trainer(optimizer), []

    def metric(prediction, target) -> float:
        calls.append(1)
        if len(calls) == 4:
            raise KeyError("no")
        return 0.0

    with pytest.raises(KeyError):
        one.fit(X, Y, epochs=10, metrics=[metric])
    assert one.epoch == one.step == 3
    assert one.history.stopped_because == "error"


@BOTH
def test_a_trainer_with_them_is_pickled(optimizer) -> None:
    X, Y = curve()
    one = trainer(optimizer)
    one.fit(X, Y, epochs=3)
    again = pickle.loads(pickle.dumps(one))
    assert again.optimizer == optimizer
    assert again.fit(X, Y, epochs=2).loss == one.fit(X, Y, epochs=2).loss


@BOTH
def test_infinite_losses_are_refused_and_nothing_changes(optimizer) -> None:
    X, Y = curve()
    one = trainer(optimizer)
    one.model.weights[0][0, 0] = np.nan
    kept = [w.copy() for w in one.model.weights]
    with pytest.raises(
        FloatingPointError, match="training stopped in epoch 0, step 0: the loss is not finite"
    ):
        one.fit(X, Y, epochs=3)
    assert one.epoch == one.step == 0
    for a, b in zip(kept, one.model.weights, strict=True):
        np.testing.assert_array_equal(a, b)


@BOTH
def test_what_does_not_fit_is_refused_before_training(optimizer) -> None:
    X, Y = curve()
    name = type(optimizer).__name__
    one = trainer(optimizer)
    one.batch_size = 32
    with pytest.raises(
        ValueError, match=f"{name} takes all rows at once, but batch_size is 32 and there are 60 rows"
    ):
        one.fit(X, Y)
    with pytest.raises(ValueError, match=r"dropout is \(0.5,\)"):
        trainer(optimizer, dropout=0.5).fit(X, Y)
    for name in ("input_dropout", "input_noise"):
        text = f"^{name} is 0.5, but .* needs the same network in each step; use {name}=0 and weight_decay"
        with pytest.raises(ValueError, match=text):
            trainer(optimizer, **{name: 0.5}).fit(X, Y)
    with pytest.raises(TypeError, match="optimizer"):
        one.optimizer = type(optimizer)
    assert one.epoch == 0


def test_levenberg_marquardt_refuses_other_losses_and_large_networks() -> None:
    X, Y = curve()
    with pytest.raises(ValueError, match=r"needs a squared loss .* use LBFGS or SGD"):
        trainer(cr.LevenbergMarquardt(), loss="binary_cross_entropy", output="sigmoid").fit(X, (Y > 0) * 1.0)
    with pytest.raises(ValueError, match="at most 8192 parameters"):
        trainer(cr.LevenbergMarquardt(), sizes=(2, 3000, 1)).fit(X, Y)


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: cr.LevenbergMarquardt(damping=0), "damping must be greater than 0"),
        (lambda: cr.LevenbergMarquardt(damping=-1.0), "damping"),
        (lambda: cr.LevenbergMarquardt(weight_decay=-1.0), "weight_decay"),
        (lambda: cr.LevenbergMarquardt(tolerance=np.nan), "tolerance"),
        (lambda: cr.LBFGS(memory=0), "memory"),
        (lambda: cr.LBFGS(tolerance=-1), "tolerance"),
    ],
)
def test_bad_settings_are_refused(make, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        make()


def test_without_scipy_the_error_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "scipy.optimize", None)
    one = trainer(cr.LBFGS())
    with pytest.raises(ImportError, match=r"LBFGS needs SciPy; install chainrule\[scipy\]"):
        one.fit(*curve())
    assert one.epoch == 0

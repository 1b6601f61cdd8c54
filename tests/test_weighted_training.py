"""Weights of rows, classes and outputs, and missing targets, through whole training runs."""

from __future__ import annotations

import pickle
from typing import Any

import chainrule as cr
import numpy as np
import pytest
from chainrule import losses
from loss_cases import LOSS_CASES, N_OUT, LossCase, allows_output_weights, make_target, with_missing
from tolerances import TRAINED

ROWS = 23


def a_trainer(case: LossCase, dtype: str, **how: Any) -> cr.Trainer:
    model = cr.MLP([4, 20, 17, N_OUT], activation=["tanh", "silu"], output_activation=case.output, dropout=[0.0, 0.2],
                   dtype=dtype, seed=1)  # fmt: skip
    settings = {"optimizer": cr.SGD(0.02, momentum=0.9), "batch_size": 5, "seed": 3, **how}
    return cr.Trainer(model, loss=case.loss, **settings)


def data(case: LossCase, dtype: str, missing: bool = True) -> tuple[Any, Any, Any]:
    """Return inputs, targets and weights."""
    rng = np.random.default_rng(7)
    X, y = rng.normal(size=(ROWS, 4)).astype(dtype), make_target(rng, ROWS, case.targets, dtype)
    weight = rng.integers(0, 4, ROWS).astype(dtype)
    return X, with_missing(y, case) if missing else y, weight


def output_weights(case: LossCase) -> Any:
    return [0.5, 0.0, 2.0] if allows_output_weights(case) else None


@pytest.mark.parametrize("case", LOSS_CASES, ids=str)
def test_native_training_ends_where_that_of_the_reference_does(
    native: Any, dtype: str, case: LossCase
) -> None:
    X, y, weight = data(case, dtype)
    ends = []
    for name in ("native", "reference"):
        with cr.backend(name):
            trainer = a_trainer(case, dtype, output_weights=output_weights(case))
            history = trainer.fit(X, y, sample_weight=weight, epochs=10)
        ends.append([*trainer.model.weights, *trainer.model.biases, np.array(history.loss)])
    for array, twin in zip(*ends, strict=True):
        assert np.isfinite(array).all()
        assert np.abs(array - twin).max() <= TRAINED[dtype] * np.abs(twin).max()


@pytest.mark.usefixtures("oversubscribed")
@pytest.mark.parametrize("case", LOSS_CASES[::3] + LOSS_CASES[-4:], ids=str)
def test_threads_do_not_matter(native: Any, dtype: str, case: LossCase) -> None:
    X, y, weight = data(case, dtype)
    made = set()
    for n_threads in (1, 2, 3, 7):
        trainer = a_trainer(case, dtype, output_weights=output_weights(case), n_threads=n_threads)
        history = trainer.fit(X, y, sample_weight=weight, epochs=4)
        made.add(pickle.dumps((trainer.model, history.loss)))
    assert len(made) == 1


@pytest.mark.parametrize("case", LOSS_CASES, ids=str)
def test_a_weight_of_two_is_the_row_twice_in_a_full_batch(backend: str, case: LossCase) -> None:
    X, y, _ = data(case, "float64")
    weight = np.where(np.arange(ROWS) % 3 == 1, 2.0, 1.0)
    twice = np.repeat(np.arange(ROWS), weight.astype(int))
    ends = []
    for inputs, target, how in ((X, y, {"sample_weight": weight}), (X[twice], y[twice], {})):
        trainer = cr.Trainer(
            cr.MLP([4, 9, N_OUT], output_activation=case.output, dtype="float64", seed=1), loss=case.loss,
            optimizer=cr.SGD(0.05, momentum=0.9), batch_size="full",
        )  # fmt: skip
        trainer.fit(inputs, target, epochs=20, **how)
        ends.append([*trainer.model.weights, trainer.evaluate(inputs, target, **how)["loss"]])
    for array, other in zip(*ends, strict=True):
        np.testing.assert_allclose(array, other, rtol=1e-11, atol=1e-13)


def test_a_row_of_weight_zero_might_as_well_not_be_there(backend: str, dtype: str) -> None:
    X, y, _ = data(LOSS_CASES[0], dtype, missing=False)
    ends = []
    for rows, weight in ((slice(None), (np.arange(ROWS) < 20).astype(dtype)), (slice(20), None)):
        trainer = cr.Trainer(
            cr.MLP([4, 9, 3], dtype=dtype, seed=1), loss="huber", batch_size="full", shuffle=False
        )
        ends.append(
            (trainer.fit(X[rows], y[rows], sample_weight=weight, epochs=5).loss, trainer.model.weights[0])
        )
    np.testing.assert_allclose(ends[0][0], ends[1][0], rtol=1e-5)
    np.testing.assert_allclose(ends[0][1], ends[1][1], rtol=1e-4, atol=1e-6)


def test_the_loss_of_an_epoch_is_the_mean_over_the_weights_of_all_its_batches(backend: str) -> None:
    X, y, weight = data(LOSS_CASES[0], "float64", missing=False)
    trainer = cr.Trainer(
        cr.MLP([4, 3], dtype="float64", seed=1),
        loss="mean_squared_error",
        optimizer=cr.SGD(0.0),
        batch_size=4,
    )
    found = trainer.fit(X, y, sample_weight=weight).loss[0]
    by_hand = ((trainer.model.predict(X) - y) ** 2).mean(axis=1) @ weight / weight.sum()
    assert found == pytest.approx(by_hand, rel=1e-12)
    assert trainer.evaluate(X, y, sample_weight=weight)["loss"] == pytest.approx(by_hand, rel=1e-12)
    assert trainer.gradients(X, y, sample_weight=weight).loss == pytest.approx(by_hand, rel=1e-12)


def test_output_weights_are_factors_of_the_outputs(backend: str) -> None:
    X, y, _ = data(LOSS_CASES[0], "float64")
    trainer = cr.Trainer(
        cr.MLP([4, 3], dtype="float64", seed=1), loss="half_squared_error", output_weights=[1, 0, 3]
    )
    found = trainer.gradients(X, y)
    error = np.nan_to_num(trainer.model.predict(X) - y) * [1, 0, 3]
    np.testing.assert_allclose(found.weights[0], X.T @ error / ROWS, rtol=1e-12)
    assert found.weights[0][:, 1].tolist() == [0.0] * 4
    trainer.output_weights = None
    assert trainer.gradients(X, y).weights[0][:, 1].all()


def test_missing_targets_teach_nothing_and_the_others_all(backend: str, dtype: str) -> None:
    """One output is never known in some rows: training finds both functions all the same."""
    rng = np.random.default_rng(0)
    X = rng.uniform(-1, 1, (400, 2)).astype(dtype)
    y = np.stack([X[:, 0] * X[:, 1], X[:, 0] - X[:, 1]], axis=1)
    masked = y.copy()
    masked[rng.random(y.shape) < 0.5] = np.nan
    trainer = cr.Trainer(cr.MLP([2, 24, 2], activation="tanh", dtype=dtype, seed=0), loss="mean_squared_error",
                         optimizer=cr.Adam(0.02), batch_size=50)  # fmt: skip
    history = trainer.fit(X, masked, epochs=150, validation_split=0.2, metrics=["mean_squared_error"])
    assert trainer.evaluate(X, y, ["r2"])["r2"] > 0.98
    assert np.isfinite(history.validation_loss).all()
    whole = np.isfinite(masked).all(axis=1)
    found = trainer.evaluate(X, masked, ["mean_squared_error"])["mean_squared_error"]
    assert found == pytest.approx(((trainer.model.predict(X[whole]) - y[whole]) ** 2).mean(), rel=1e-4)


def test_class_weights_are_the_weights_of_their_rows(backend: str, dtype: str) -> None:
    rng = np.random.default_rng(1)
    X, labels = rng.normal(size=(40, 3)).astype(dtype), rng.choice(3, 40, p=[0.7, 0.2, 0.1])
    given = {0: 0.5, 2: 3.0}
    by_hand = np.array([0.5, 1.0, 3.0])[labels]
    counts = np.bincount(labels)
    balanced = (len(labels) / (3 * counts))[labels]
    for y in (labels, np.eye(3, dtype=dtype)[labels]):
        for class_weight, weight in ((given, by_hand), ("balanced", balanced)):
            ends = []
            for how in ({"class_weight": class_weight}, {"sample_weight": weight.astype(dtype)}):
                model = cr.MLP([3, 8, 3], output_activation="softmax", dtype=dtype, seed=0)
                trainer = cr.Trainer(model, loss="cross_entropy", batch_size=7)
                trainer.fit(X, y, epochs=3, **how)
                ends.append(pickle.dumps(model))
            assert ends[0] == ends[1]
    both = cr.Trainer(cr.MLP([3, 3], output_activation="softmax", dtype=dtype, seed=0), loss="cross_entropy")
    one = pickle.loads(pickle.dumps(both))
    sample_weight = rng.uniform(0, 1, 40).astype(dtype)
    both.fit(X, labels, class_weight=given, sample_weight=sample_weight)
    one.fit(X, labels, sample_weight=by_hand.astype(dtype) * sample_weight)
    assert pickle.dumps(both.model) == pickle.dumps(one.model)


def test_balanced_weights_are_those_of_scikit_learn() -> None:
    weights = pytest.importorskip("sklearn.utils.class_weight", reason="the comparison needs scikit-learn")
    from chainrule._weights import as_weight

    labels = np.random.default_rng(2).choice(5, 60, p=[0.5, 0.3, 0.1, 0.07, 0.03])
    found = as_weight(None, "balanced", labels, "float64", "cross_entropy")
    np.testing.assert_allclose(found, weights.compute_sample_weight("balanced", labels))


def test_a_yes_or_no_output_has_class_weights_too(backend: str) -> None:
    X, y = np.random.default_rng(3).normal(size=(30, 2)), np.arange(30) % 5 == 0
    for loss, output in (("binary_cross_entropy", "sigmoid"), ("hinge", "identity")):
        trainer = cr.Trainer(
            cr.MLP([2, 1], output_activation=output, dtype="float64", seed=0), loss=loss, batch_size="full"
        )
        weight = np.where(y, 3.0, 0.75)
        trainer.fit(X, y, class_weight={0: 0.75, 1: 3})
        other = cr.Trainer(
            cr.MLP([2, 1], output_activation=output, dtype="float64", seed=0), loss=loss, batch_size="full"
        )
        other.fit(X, y, sample_weight=weight)
        assert trainer.model.weights[0].tolist() == other.model.weights[0].tolist()


def test_labels_that_are_bools_have_classes_that_are_bools(backend: str) -> None:
    X, y = np.eye(4, dtype="f4"), np.array([True, False, False, True])
    made = []
    for labels, class_weight in (
        (y, {True: 2, False: 0.5}),
        (y.tolist(), {np.True_: 2, 0: 0.5}),
        (y * 1, {1: 2, 0: 0.5}),
    ):
        for sizes, output, loss in (
            ([4, 1], "sigmoid", "binary_cross_entropy"),
            ([4, 2], "softmax", "cross_entropy"),
        ):
            trainer = cr.Trainer(cr.MLP(sizes, output_activation=output, seed=0), loss=loss)
            trainer.fit(X, labels, class_weight=class_weight)
            made.append(trainer.model.weights[0].tobytes())
    assert made[0::2] == made[:1] * 3
    assert made[1::2] == made[1:2] * 3
    for label in (True, "1", 1.0):
        text = rf"the classes of class_weight must be ints, but one is {label!r} \(.*\); those of y are 0, 1$"
        with pytest.raises(TypeError, match=text):
            trainer.fit(X, y * 1, class_weight={label: 2})
    with pytest.raises(ValueError, match=r"^class_weight has class -1, but the classes of y are 0, 1$"):
        trainer.fit(X, y * 1, class_weight={-1: 2})


def test_weights_of_validation_data_and_of_a_split_count(backend: str) -> None:
    X, y, weight = data(LOSS_CASES[0], "float64", missing=False)
    trainer = cr.Trainer(cr.MLP([4, 3], dtype="float64", seed=1), loss="mean_squared_error", shuffle=False)
    history = trainer.fit(X, y, validation_data=(X, y, weight))
    assert history.validation_loss == [trainer.evaluate(X, y, sample_weight=weight)["loss"]]
    history = trainer.fit(X, y, sample_weight=weight, validation_split=0.3)
    held_out = slice(ROWS - round(0.3 * ROWS), None)
    by_hand = trainer.evaluate(X[held_out], y[held_out], sample_weight=weight[held_out])["loss"]
    assert history.validation_loss[-1] == pytest.approx(by_hand, rel=1e-12)


def test_lbfgs_minimises_the_weighted_loss(backend: str) -> None:
    pytest.importorskip("scipy", reason="L-BFGS is SciPy's")
    rng = np.random.default_rng(4)
    X = rng.normal(size=(50, 2))
    y, weight = X @ [[1.0], [2.0]] + rng.normal(size=(50, 1)), rng.uniform(0, 2, 50)
    y[::7] = np.nan
    trainer = cr.Trainer(cr.MLP([2, 1], bias=None, dtype="float64", seed=0), loss="mean_squared_error", optimizer=cr.LBFGS(),
                         batch_size="full")  # fmt: skip
    trainer.fit(X, y, sample_weight=weight, epochs=50)
    there = np.isfinite(y[:, 0])
    W = weight[there, None]
    solution = np.linalg.solve(X[there].T @ (W * X[there]), X[there].T @ (W * y[there]))
    np.testing.assert_allclose(trainer.model.weights[0], solution, rtol=1e-6)


def test_what_weights_do_not_fit_is_refused_and_nothing_changes(backend: str) -> None:
    X, y, weight = data(LOSS_CASES[0], "float64", missing=False)
    masked = y.copy()
    masked[0, 0] = np.nan

    def trainer(loss: Any = "mean_squared_error", output: str = "identity", **how: Any) -> cr.Trainer:
        return cr.Trainer(cr.MLP([4, 3], output_activation=output, dtype="float64", seed=0), loss=loss, **how)

    first = np.full_like(y, np.nan)
    first[:, 0] = y[:, 0]
    first[::2] = np.nan
    half = np.arange(ROWS) % 2 == 0
    least_squares = {"optimizer": cr.LevenbergMarquardt(), "batch_size": "full"}
    shares = np.full((ROWS, 3), 1 / 3)
    shares[2, 1] = np.nan
    for made, how, text in [
        (
            trainer(**least_squares),
            {"sample_weight": weight},
            "LevenbergMarquardt cannot be combined with sample_weight",
        ),
        (
            trainer(**least_squares, output_weights=[1, 2, 3]),
            {},
            "LevenbergMarquardt cannot be combined with output_weights",
        ),
        (
            trainer(**least_squares),
            {"y": masked},
            "LevenbergMarquardt cannot be combined with missing targets",
        ),
        (
            trainer(losses.Huber(), **least_squares),
            {},
            "LevenbergMarquardt needs a squared loss .* but the loss is huber",
        ),
        (
            trainer(),
            {"class_weight": "balanced"},
            "class_weight needs a loss of classes .* the loss is mean_squared_error",
        ),
        (
            trainer(lambda a, y: (0.0, a)),
            {"class_weight": "balanced"},
            "class_weight needs a loss of classes .* the loss is custom; weigh the rows in it",
        ),
        (
            trainer(lambda a, y: (0.0, a)),
            {"sample_weight": weight},
            "sample_weight cannot be combined with a loss of your own",
        ),
        (trainer("cross_entropy", "softmax"), {"y": shares}, r"y\[2\] is partly NaN"),
        (
            trainer("binary_cross_entropy", "sigmoid"),
            {"y": np.abs(y) % 1, "class_weight": {0: 1}},
            "class_weight needs one class",
        ),
        (trainer(), {"y": np.full((ROWS, 3), np.nan)}, "y holds nothing but NaN"),
        (
            trainer(output_weights=[0, 1, 2]),
            {"y": first},
            "output_weights is 0 wherever y is not NaN: there is nothing to learn from",
        ),
        (trainer(), {"y": first, "sample_weight": half}, "sample_weight is 0 wherever y is not NaN"),
        (
            trainer(output_weights=[1, 0, 2]),
            {"y": np.where(half[:, None] & [[True, False, True]], np.nan, y), "sample_weight": half},
            "sample_weight times output_weights is 0 wherever y is not NaN",
        ),
        (
            trainer(output_weights=[0, 1, 2]),
            {"validation_data": (X, first)},
            r"output_weights is 0 wherever validation_data\[1\] is not NaN",
        ),
        (trainer(), {"y": np.where(y > 1, np.inf, y)}, r"y\[\d+, \d+\] is inf"),
    ]:
        arguments = {"X": X, "y": y, **how}
        before = [array.tobytes() for array in (*made.model.weights, *made.model.biases)]
        with pytest.raises(ValueError, match=f"^{text}"):
            made.fit(arguments.pop("X"), arguments.pop("y"), **arguments)
        assert before == [array.tobytes() for array in (*made.model.weights, *made.model.biases)]
        assert made.step == 0


@pytest.mark.parametrize(
    ("loss", "output", "how", "text"),
    [
        ("cross_entropy", "softmax", {"output_weights": [1, 2, 3]}, "output_weights cannot be combined with loss cross_entropy"),
        (losses.Quantile([0.1, 0.9]), "identity", {}, "levels has 2 entries, but the number of outputs is 3"),
        ("quantile", "softmax", {}, "loss quantile is for quantities, but output_activation softmax gives probabilities"),
        ("huber", "softmax", {}, "loss huber is for quantities"),
        ("poisson", "identity", {}, "loss poisson needs output_activation exponential, but it is identity"),
        ("hinge", "sigmoid", {}, "loss hinge needs output_activation identity or tanh, but it is sigmoid"),
        (losses.CrossEntropy(0.1), "sigmoid", {}, "loss cross_entropy needs output_activation softmax, but it is sigmoid"),
        (lambda a, y: (0.0, a), "identity", {"output_weights": [1, 2, 3]}, "output_weights cannot be combined with a loss of y"),
        (losses.Huber, "identity", {}, "loss must be a name, an object or a function, but it is the class Huber; call it"),
    ],
)  # fmt: skip
def test_losses_that_do_not_fit_the_network_are_refused(loss: Any, output: str, how: Any, text: str) -> None:
    with pytest.raises((ValueError, TypeError), match=f"^{text}"):
        cr.Trainer(cr.MLP([4, 3], output_activation=output, seed=0), loss=loss, **how)
    trainer = cr.Trainer(cr.MLP([4, 3], seed=0), loss="huber", output_weights=[1, 2, 3])
    with pytest.raises(ValueError, match=r"^output_weights cannot be combined with a loss of your own"):
        trainer.loss = lambda a, y: (0.0, a)
    assert trainer.loss == "huber"

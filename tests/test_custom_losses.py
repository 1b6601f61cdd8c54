"""A loss may be a function of the user's: ``(prediction, target) -> (value, gradient)``, called once a batch."""

from __future__ import annotations

import pickle
from typing import Any

import chainrule as cr
import numpy as np
import pytest
from chainrule import losses
from chainrule.backend import core
from tolerances import TRAINED

OUTPUTS = ["identity", "sigmoid", "tanh", "relu", "gelu", "softmax"]


def squared(prediction: Any, target: Any) -> tuple[float, Any]:
    error = prediction - target
    return float((error * error).sum(dtype=float)) / (2 * len(error)), error / len(error)


def a_trainer(loss: Any, output: str = "tanh", dtype: str = "float32", **how: Any) -> cr.Trainer:
    model = cr.MLP(
        [4, 20, 17, 3],
        activation=["tanh", "mish"],
        output_activation=output,
        dropout=[0.2, 0.0],
        dtype=dtype,
        seed=1,
    )
    return cr.Trainer(model, loss=loss, optimizer=cr.Adam(0.01), **{"batch_size": 5, "seed": 3, **how})


def data(dtype: str = "float32", rows: int = 23) -> tuple[Any, Any]:
    rng = np.random.default_rng(7)
    return rng.normal(size=(rows, 4)).astype(dtype), rng.uniform(size=(rows, 3)).astype(dtype)


@pytest.mark.parametrize("output", OUTPUTS)
def test_the_same_loss_by_hand_gives_the_same_network(backend: str, dtype: str, output: str) -> None:
    X, y = data(dtype)
    ends = []
    for loss in (squared, "half_squared_error"):
        trainer = a_trainer(loss, output, dtype)
        history = trainer.fit(X, y, epochs=10, validation_data=(X, y))
        ends.append(
            [*trainer.model.weights, *trainer.model.biases, np.array([history.loss, history.validation_loss])]
        )
    for array, other in zip(*ends, strict=True):
        assert np.abs(array - other).max() <= 10 * TRAINED[dtype] * np.abs(other).max()


@pytest.mark.parametrize("output", OUTPUTS)
def test_both_cores_do_the_same_with_it(native: Any, dtype: str, output: str) -> None:
    X, y = data(dtype)
    ends = []
    for name in ("native", "reference"):
        with cr.backend(name):
            trainer = a_trainer(squared, output, dtype)
            trainer.fit(X, y, epochs=10)
            found = trainer.gradients(X, y)
            ends.append([*trainer.model.weights, *found.weights, np.array(found.loss)])
    for array, twin in zip(*ends, strict=True):
        assert np.abs(array - twin).max() <= 10 * TRAINED[dtype] * np.abs(twin).max()


@pytest.mark.usefixtures("oversubscribed")
def test_threads_do_not_matter(native: Any) -> None:
    X, y = data(rows=300)
    made = set()
    for n_threads in (1, 2, 7):
        trainer = a_trainer(squared, n_threads=n_threads, batch_size=150)
        trainer.fit(X, y, epochs=3)
        made.add(pickle.dumps(trainer.model))
    assert len(made) == 1


def test_it_is_called_once_a_batch_with_arrays_of_its_own(backend: str, dtype: str) -> None:
    X, y = data(dtype)
    calls: list[tuple[Any, Any]] = []

    def loss(prediction: Any, target: Any) -> tuple[float, Any]:
        calls.append((prediction, target))
        value, gradient = squared(prediction, target)
        prediction[:] = target[:] = 99  # nobody else's
        return value, gradient

    trainer = a_trainer(loss, dtype=dtype, shuffle=False)
    trainer.fit(X, y, epochs=2)
    assert [len(prediction) for prediction, _ in calls] == [5, 5, 5, 5, 3] * 2
    for prediction, target in calls:
        assert prediction.shape == target.shape
        assert prediction.dtype == target.dtype == dtype
        assert prediction.flags.c_contiguous
    other = a_trainer(squared, dtype=dtype, shuffle=False)
    other.fit(X, y, epochs=2)
    assert pickle.dumps(trainer.model) == pickle.dumps(other.model)


def test_class_labels_come_as_rows_of_zero_and_one(backend: str) -> None:
    seen = []

    def loss(prediction: Any, target: Any) -> tuple[float, Any]:
        seen.append(target.tolist())
        return squared(prediction, target)

    cr.Trainer(cr.MLP([2, 3], seed=0), loss=loss, shuffle=False).fit([[0, 1], [1, 0]], [2, 0])
    assert seen == [[[0, 0, 1], [1, 0, 0]]]


def test_missing_targets_are_its_own_business(backend: str) -> None:
    def loss(prediction: Any, target: Any) -> tuple[float, Any]:
        error = np.where(np.isnan(target), 0, prediction - target)
        return float((error**2).sum()) / 2 / len(error), error / len(error)

    X, y = data("float64")
    y[3, 1] = np.nan
    found = a_trainer(loss, dtype="float64").gradients(X, y)
    other = a_trainer("half_squared_error", dtype="float64").gradients(X, y)
    assert found.loss == pytest.approx(other.loss, rel=1e-12)
    np.testing.assert_allclose(found.weights[0], other.weights[0], rtol=1e-9, atol=1e-14)


def test_an_error_in_it_stops_training_after_the_last_update(backend: str) -> None:
    X, y = data()
    calls = 0

    def loss(prediction: Any, target: Any) -> tuple[float, Any]:
        nonlocal calls
        calls += 1
        if calls == 8:
            raise RuntimeError("enough")
        return squared(prediction, target)

    trainer, other = a_trainer(loss), a_trainer(squared)
    with pytest.raises(RuntimeError, match=r"^enough$"):
        trainer.fit(X, y, epochs=5)
    assert (trainer.step, trainer.epoch) == (7, 1)
    calls = 1 - 10**9
    other.fit(X, y, epochs=1)
    order = core().permutation(len(X), seed=3, epoch=1)
    for i in range(2):
        batch = order[5 * i : 5 * i + 5]
        other.train_on_batch(X[batch], y[batch])
    assert [w.tobytes() for w in trainer.model.weights] == [w.tobytes() for w in other.model.weights]
    trainer.fit(X, y, epochs=1)  # and goes on
    assert trainer.epoch == 2


@pytest.mark.parametrize(
    ("returned", "error", "text"),
    [
        (lambda a: 3.0, TypeError, r"loss must return \(value, gradient\), but it returned 3.0"),
        (lambda a: None, TypeError, r"loss must return \(value, gradient\), but it returned None"),
        (lambda a: (1.0, a, a), TypeError, r"loss must return \(value, gradient\)"),
        (lambda a: ("1", a), TypeError, "the value that loss returned must be a real number, but it is '1'"),
        (lambda a: (np.ones(2), a), TypeError, "the value that loss returned must be a real number"),
        (
            lambda a: (1.0, a[:1]),
            ValueError,
            r"the gradient that loss returned has shape \(1, 3\), but the prediction's is",
        ),
        (lambda a: (1.0, 0.0), ValueError, r"the gradient that loss returned has shape \(\), but"),
        (lambda a: (1.0, [[1.0], [1.0, 2.0]]), ValueError, "what loss returned cannot be made arrays: "),
        (
            lambda a: (1.0, np.ma.masked_array(a, mask=[[True, False, False]] * len(a))),
            TypeError,
            "the gradient that loss returned is a masked array with masked entries; fill them$",
        ),
        (
            lambda a: (np.ma.masked, a),
            TypeError,
            "the value that loss returned is a masked array with masked",
        ),
        (lambda a: (1.0, a.astype(str)), TypeError, "the gradient that loss returned must hold real numbers"),
    ],
)
def test_what_it_may_not_return(backend: str, returned: Any, error: type[Exception], text: str) -> None:
    X, y = data()
    trainer = a_trainer(lambda prediction, target: returned(prediction))
    before = pickle.dumps(trainer.model)
    for call in (lambda: trainer.fit(X, y), lambda: trainer.gradients(X, y), lambda: trainer.evaluate(X, y)):
        with pytest.raises(error, match=f"^{text}"):
            call()
    assert pickle.dumps(trainer.model) == before
    assert trainer.step == 0


def test_a_masked_array_with_nothing_masked_is_an_array(backend: str) -> None:
    X, y = data()
    trainers = [
        a_trainer(loss) for loss in (squared, lambda a, t: (squared(a, t)[0], np.ma.array(a - t) / len(a)))
    ]
    for trainer in trainers:
        trainer.fit(X, y)
    assert pickle.dumps(trainers[0].model) == pickle.dumps(trainers[1].model)


@pytest.mark.parametrize("where", ["value", "gradient"])
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_what_is_not_finite_stops_training(backend: str, where: str, bad: float) -> None:
    X, y = data()
    calls = 0

    def loss(prediction: Any, target: Any) -> tuple[float, Any]:
        nonlocal calls
        calls += 1
        value, gradient = squared(prediction, target)
        if calls % 7 == 3:
            if where == "value":
                value = bad
            else:
                gradient[0, 1] = bad
        return value, gradient

    trainer = a_trainer(loss)
    with pytest.raises(FloatingPointError, match=r"^training stopped in epoch 0, step "):
        trainer.fit(X, y, epochs=2)
    assert all(np.isfinite(w).all() for w in trainer.model.weights)


def test_what_it_does_to_the_shape_of_its_arrays_is_its_own_business(backend: str) -> None:
    def loss(prediction: Any, target: Any) -> tuple[float, Any]:
        value, gradient = squared(prediction, target)
        prediction.resize((1, 1), refcheck=False)
        return value, (prediction if spoilt else gradient)

    X, y = data()
    spoilt = False
    assert np.isfinite(a_trainer(loss).fit(X, y).loss).all()
    spoilt = True
    with pytest.raises(
        ValueError, match=r"^the gradient that loss returned has shape \(1, 1\), but the prediction's is"
    ):
        a_trainer(loss).fit(X, y)


def test_one_update_of_the_same_trainer_from_within_is_refused(backend: str) -> None:
    X, y = data()

    def loss(prediction: Any, target: Any) -> tuple[float, Any]:
        trainer.loss = squared
        trainer.train_on_batch(X, y)
        return squared(prediction, target)

    trainer = a_trainer(loss)
    with pytest.raises(RuntimeError, match=r"^these parameters are being trained by another call$"):
        trainer.fit(X, y, epochs=2)


def test_lbfgs_minimises_it(backend: str) -> None:
    pytest.importorskip("scipy", reason="L-BFGS is SciPy's")
    X, y = data("float64")
    model = cr.MLP([4, 3], dtype="float64", seed=0)
    cr.Trainer(model, loss=squared, optimizer=cr.LBFGS(), batch_size="full").fit(X, y, epochs=100)
    solution = np.linalg.lstsq(np.column_stack([X, np.ones(len(X))]), y, rcond=None)[0]
    np.testing.assert_allclose(model.weights[0], solution[:4], rtol=1e-4, atol=1e-6)


def test_objects_and_functions_of_the_library_are_such_functions_too(backend: str) -> None:
    X, y = data("float64")
    for own, fused in ((losses.Huber(0.2), losses.Huber(0.2)), (losses.log_cosh, "log_cosh")):
        found = a_trainer(lambda a, y, own=own: own(a, y), dtype="float64").gradients(X, y)
        other = a_trainer(fused, dtype="float64").gradients(X, y)
        assert found.loss == pytest.approx(other.loss, rel=1e-12)
        np.testing.assert_allclose(found.weights[1], other.weights[1], rtol=1e-9, atol=1e-14)


def test_a_trainer_with_a_function_of_a_module_can_be_pickled(backend: str) -> None:
    X, y = data()
    trainer = a_trainer(losses.Quantile([0.1, 0.5, 0.9]), "identity", output_weights=[1, 2, 1])
    trainer.fit(X, y)
    again = pickle.loads(pickle.dumps(trainer))
    assert again.loss == trainer.loss
    assert again.output_weights == (1.0, 2.0, 1.0)
    trainer.fit(X, y)
    again.fit(X, y)
    assert pickle.dumps(trainer.model) == pickle.dumps(again.model)

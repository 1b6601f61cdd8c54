"""Training through the public layer: what fit, train_on_batch, gradients and evaluate do, and what they leave alone."""

from __future__ import annotations

import _thread
import copy
import pickle
from pathlib import Path
from typing import Any

import chainrule as cr
import numpy as np
import pytest
from chainrule.backend import core
from ctrl_c import when_trained

ROWS = 37
RNG = np.random.default_rng(5)
X64 = RNG.standard_normal((ROWS, 4))
LABELS = RNG.integers(0, 3, ROWS)


def data(dtype: str = "float32") -> tuple[np.ndarray, np.ndarray]:
    return X64.astype(dtype), LABELS


def a_trainer(dtype: str = "float32", **changes: Any) -> cr.Trainer:
    model = cr.MLP(
        [4, 6, 3], activation="tanh", output_activation="softmax", dropout=0.3, dtype=dtype, seed=1
    )
    settings = {
        "loss": "cross_entropy",
        "optimizer": cr.SGD(0.1, momentum=0.8, weight_decay=0.01),
        "batch_size": 8,
        "seed": 2,
        **changes,
    }
    return cr.Trainer(model, **settings)


def everything(trainer: cr.Trainer) -> bytes:
    return pickle.dumps(trainer)


def parameters(trainer: cr.Trainer) -> list[np.ndarray]:
    return [*trainer.model.weights, *trainer.model.biases]


def same_bits(one: cr.Trainer, other: cr.Trainer) -> bool:
    mine, its = one.state, other.state
    lists = ("weights", "biases", "weight_velocity", "bias_velocity")
    arrays = [(getattr(mine, name), getattr(its, name)) for name in lists]
    return all(
        np.array_equal(a, b) for a_list, b_list in arrays for a, b in zip(a_list, b_list, strict=True)
    ) and ((mine.epoch, mine.step) == (its.epoch, its.step))


def test_training_lowers_the_loss_and_counts(backend: str, dtype: str) -> None:
    trainer = a_trainer(dtype)
    before = trainer.evaluate(*data(dtype))["loss"]
    history = trainer.fit(*data(dtype), epochs=20)
    assert trainer.evaluate(*data(dtype))["loss"] < 0.9 * before
    assert (trainer.epoch, trainer.step) == (20, 20 * 5)
    assert history.epochs == list(range(20))
    assert len(history.loss) == 20


def test_epochs_in_one_call_or_in_several_give_the_same_bits(backend: str, dtype: str) -> None:
    one, several = a_trainer(dtype), a_trainer(dtype)
    one.fit(*data(dtype), epochs=5)
    several.fit(*data(dtype), epochs=2)
    several.fit(*data(dtype), epochs=0)
    several.fit(*data(dtype), epochs=3)
    assert same_bits(one, several)
    assert one.history.loss == several.history.loss
    assert several.history.epochs == [0, 1, 2, 3, 4]


def test_measuring_does_not_change_the_result(backend: str, tmp_path: Path) -> None:
    plain, measured = a_trainer(), a_trainer()
    plain.fit(*data(), epochs=3)
    with open(tmp_path / "log", "w") as log:
        measured.fit(*data(), epochs=3, validation_data=data(), metrics=["accuracy", "r2"], progress=log)
    assert same_bits(plain, measured)
    assert plain.history.loss == measured.history.loss


@pytest.mark.parametrize(
    "duplicate", [copy.deepcopy, *(lambda t, p=p: pickle.loads(pickle.dumps(t, p)) for p in range(6))]
)
def test_a_trainer_goes_on_after_a_copy_with_the_same_bits(backend: str, dtype: str, duplicate: Any) -> None:
    trainer = a_trainer(dtype)
    trainer.fit(*data(dtype), epochs=2)
    trainer.train_on_batch(*data(dtype))
    twin = duplicate(trainer)
    assert twin.model is not trainer.model
    trainer.fit(*data(dtype), epochs=2)
    twin.fit(*data(dtype), epochs=2)
    assert same_bits(trainer, twin)
    assert twin.history.loss == trainer.history.loss
    assert everything(twin) == everything(trainer)


def test_a_model_pickled_beside_its_trainer_stays_its_model() -> None:
    trainer = a_trainer()
    model, twin = pickle.loads(pickle.dumps((trainer.model, trainer)))
    assert twin.model is model
    shallow = copy.copy(trainer)
    assert shallow.model is trainer.model
    assert shallow.history is not trainer.history


def test_train_on_batch_is_one_step_and_no_epoch(backend: str, dtype: str) -> None:
    trainer, whole = a_trainer(dtype), a_trainer(dtype, batch_size="full", shuffle=False)
    found = trainer.gradients(*data(dtype))
    loss = trainer.train_on_batch(*data(dtype))
    assert loss == pytest.approx(found.loss, rel=1e-15)
    assert (trainer.epoch, trainer.step, trainer.history.loss) == (0, 1, [])
    whole.fit(*data(dtype))
    assert (whole.epoch, whole.step) == (1, 1)
    assert all(np.array_equal(a, b) for a, b in zip(parameters(trainer), parameters(whole), strict=True))


def test_gradients_are_those_of_the_next_step(backend: str) -> None:
    trainer = a_trainer("float64")
    losses = []
    for _ in range(4):
        expected = trainer.gradients(*data("float64")).loss
        losses.append(trainer.train_on_batch(*data("float64")))
        assert losses[-1] == pytest.approx(expected, rel=1e-14)
    trainer.optimizer = cr.SGD(0.0)
    trainer.state.weight_velocity = [np.zeros_like(w) for w in trainer.model.weights]
    trainer.state.bias_velocity = [np.zeros_like(b) for b in trainer.model.biases]
    with_other_masks = {trainer.train_on_batch(*data("float64")) for _ in range(4)}
    assert len(with_other_masks) == 4  # only the masks changed


def test_the_update_is_made_of_the_gradients(backend: str) -> None:
    trainer = a_trainer("float64")
    W, b = [w.copy() for w in trainer.model.weights], [b.copy() for b in trainer.model.biases]
    dW, db = trainer.gradients(*data("float64"))[1:]
    trainer.train_on_batch(*data("float64"))
    for i in range(2):
        np.testing.assert_allclose(trainer.model.weights[i], W[i] - 0.1 * (dW[i] + 0.01 * W[i]), rtol=1e-13)
        np.testing.assert_allclose(trainer.model.biases[i], b[i] - 0.1 * db[i], rtol=1e-13, atol=1e-18)


def test_gradients_evaluate_and_predict_change_nothing(backend: str) -> None:
    trainer = a_trainer()
    trainer.fit(*data())
    before = everything(trainer)
    trainer.gradients(*data())
    trainer.evaluate(*data(), metrics=["accuracy"])
    trainer.model.predict(data()[0])
    assert everything(trainer) == before


def test_evaluate_is_the_loss_of_the_prediction_without_dropout(backend: str, dtype: str) -> None:
    trainer = a_trainer(dtype)
    prediction = trainer.model.predict(data(dtype)[0])
    found = trainer.evaluate(*data(dtype), metrics=["accuracy", cr.metrics.mean_squared_error])
    assert list(found) == ["loss", "accuracy", "mean_squared_error"]
    expected = cr.losses.cross_entropy(prediction, LABELS)[0]
    assert found["loss"] == pytest.approx(expected, rel=1e-5 if dtype == "float32" else 1e-12)
    assert found["accuracy"] == cr.metrics.accuracy(LABELS, prediction)
    assert found["mean_squared_error"] == cr.metrics.mean_squared_error(LABELS, prediction)


def test_the_loss_may_be_given_as_a_function() -> None:
    assert a_trainer(loss=cr.losses.cross_entropy).loss == "cross_entropy"


def test_two_trainers_may_work_on_one_model(backend: str) -> None:
    first = a_trainer()
    second = cr.Trainer(first.model, loss="half_squared_error", optimizer=cr.SGD(0.01))
    first.fit(*data(), epochs=2)
    velocity = [v.copy() for v in first.state.weight_velocity]
    second.fit(*data(), epochs=1)
    assert second.state.weights is first.model.weights
    assert (first.epoch, second.epoch) == (2, 1)
    assert all(np.array_equal(a, b) for a, b in zip(velocity, first.state.weight_velocity, strict=True))


def test_the_arrays_are_updated_in_place_and_replaced_ones_are_taken_up(backend: str) -> None:
    trainer = a_trainer()
    before, copies = parameters(trainer), [p.copy() for p in parameters(trainer)]
    trainer.fit(*data())
    assert all(a is b for a, b in zip(before, parameters(trainer), strict=True))
    assert not any(np.array_equal(a, b) for a, b in zip(before, copies, strict=True))
    trainer.model.weights = [w.copy() for w in trainer.model.weights]
    trainer.fit(*data())
    assert not np.array_equal(trainer.model.weights[0], before[0])


def test_settings_may_change_between_fits(backend: str) -> None:
    trainer = a_trainer()
    trainer.fit(*data())
    trainer.optimizer, trainer.batch_size, trainer.n_threads = cr.SGD(0.0), "full", 1
    weights = [w.copy() for w in trainer.model.weights]
    trainer.state.weight_velocity = [np.zeros_like(w) for w in weights]
    trainer.fit(*data())
    assert trainer.step == 6
    assert all(np.array_equal(a, b) for a, b in zip(weights, trainer.model.weights, strict=True))


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_the_number_of_threads_does_not_change_the_result(backend: str, threads: int) -> None:
    one, other = a_trainer(), a_trainer(n_threads=threads)
    one.fit(*data(), epochs=2)
    other.fit(*data(), epochs=2)
    assert same_bits(one, other)


def test_data_may_be_lists_read_only_or_in_another_byte_order(backend: str, tmp_path: Path) -> None:
    expected = a_trainer()
    expected.fit(*data(), epochs=2)
    X, y = data()
    np.save(tmp_path / "x.npy", X)
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    one_hot = np.eye(3, dtype="float32")[y]
    for inputs, target in [
        (X.tolist(), y.tolist()),
        (mapped, y.astype(">i2")),
        (np.asfortranarray(X), y.astype("uint8")),
        (X.astype(">f4"), one_hot),
        (np.repeat(X, 2, axis=1)[:, ::2], np.repeat(y, 2)[::2]),
    ]:
        trainer = a_trainer()
        trainer.fit(inputs, target, epochs=2)
        same = zip(parameters(trainer), parameters(expected), strict=True)
        assert all(np.allclose(a, b, rtol=1e-5, atol=1e-7) for a, b in same)


def test_a_fit_that_overflows_stops_with_the_last_finite_parameters(backend: str, dtype: str) -> None:
    model = cr.MLP([4, 6, 3], dtype=dtype, seed=0)
    trainer = cr.Trainer(model, loss="half_squared_error", optimizer=cr.SGD(1e6), batch_size=8)
    with pytest.raises(
        FloatingPointError, match=r"training stopped in epoch \d+, step \d+: .* is not finite"
    ):
        trainer.fit(data(dtype)[0], LABELS, epochs=50)
    assert all(np.isfinite(p).all() for p in parameters(trainer))
    assert trainer.epoch == len(trainer.history.loss)
    assert np.isfinite(trainer.history.loss).all()


def replay(trainer: cr.Trainer, steps: int) -> None:
    """Make the same updates as fit, one by one."""
    X, y = data()
    while trainer.step < steps:
        epoch, i = divmod(trainer.step, 5)
        batch = core().permutation(ROWS, seed=trainer.seed, epoch=epoch)[8 * i : 8 * (i + 1)]
        trainer.train_on_batch(X[batch], y[batch])


def test_ctrl_c_stops_a_fit_between_two_updates(backend: str) -> None:
    trainer = a_trainer()
    when_trained(trainer.state, _thread.interrupt_main)
    with pytest.raises(KeyboardInterrupt):
        trainer.fit(*data(), epochs=10**7)
    assert trainer.step > 0
    assert trainer.epoch == trainer.step // 5 == len(trainer.history)
    again = a_trainer()
    replay(again, trainer.step)
    assert all(np.array_equal(a, b) for a, b in zip(parameters(trainer), parameters(again), strict=True))
    trainer.fit(*data())
    assert trainer.history.epochs == list(range(trainer.epoch))


def test_an_interruption_while_measuring_keeps_the_epoch(backend: str) -> None:
    def impatient(y_true: Any, prediction: Any) -> float:
        if trainer.epoch == 2:
            raise KeyboardInterrupt
        return 1.0

    trainer = a_trainer()
    with pytest.raises(KeyboardInterrupt):
        trainer.fit(*data(), epochs=5, metrics=[impatient])
    assert trainer.history.epochs == [0, 1]
    assert len(trainer.history.loss) == 2
    np.testing.assert_equal(trainer.history.metrics, {"impatient": [1.0, np.nan]})
    trainer.fit(*data())
    assert trainer.history.epochs == [0, 1, 2]


def test_a_network_with_a_step_is_not_trained() -> None:
    model = cr.MLP([2, 2, 1], activation="step")
    with pytest.raises(ValueError, match="the derivative of step is zero"):
        cr.Trainer(model, loss="half_squared_error")
    with pytest.raises(ValueError, match="the derivative of step is zero"):
        cr.Trainer(cr.MLP([2, 1], output_activation="step"), loss="mean_squared_error")


def test_the_classes_of_one_row_or_one_output_can_be_learned(backend: str, dtype: str) -> None:
    model = cr.MLP([4, 1], output_activation="sigmoid", dtype=dtype, seed=0)
    trainer = cr.Trainer(model, loss="binary_cross_entropy", batch_size=1)
    X, y = data(dtype)
    trainer.fit(X[:1], y[:1] > 0, epochs=2)
    trainer.fit(X, (y > 1).astype(int), epochs=2, metrics=["accuracy"])
    trainer.fit(X, (y > 1).astype(dtype)[:, None], epochs=2)
    assert trainer.epoch == 6

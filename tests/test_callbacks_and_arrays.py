"""What a loss, a poll, a schedule or a stream of the user's may do to the arrays of the training it is called from."""

from __future__ import annotations

import io
import pickle
from collections.abc import Callable
from typing import Any

import chainrule as cr
import numpy as np
import pytest
from chainrule._held import Claim, _claimed
from chainrule.backend import core
from chainrule.optimizers import SGD
from test_custom_losses import a_trainer, data, squared

WHICH: dict[str, Callable[[Any, Any, Any], Any]] = {
    "weights": lambda trainer, X, y: trainer.model.weights[0],
    "last biases": lambda trainer, X, y: trainer.model.biases[-1],
    "velocity": lambda trainer, X, y: trainer.state.weight_velocity[1],
    "square": lambda trainer, X, y: trainer.state.weight_square[1],
    "X": lambda trainer, X, y: X,
    "y": lambda trainer, X, y: y,
}


def resize(array: Any) -> None:
    array.resize((500, 400), refcheck=False)


def bits(trainer: Any) -> list[bytes]:
    state = trainer.state
    return [
        a.tobytes() for a in (*state.weights, *state.biases, *state.weight_velocity, *state.weight_square)
    ]


@pytest.mark.parametrize("which", WHICH)
def test_a_loss_cannot_move_the_memory_of_what_is_trained(backend: str, dtype: str, which: str) -> None:
    X, y = data(dtype)
    trainer = a_trainer(squared, dtype=dtype)
    trainer.fit(X, y)
    array = WHICH[which](trainer, X, y)
    shape, before, calls = array.shape, bits(trainer), 0

    def loss(prediction: Any, target: Any) -> tuple[float, Any]:
        nonlocal calls
        calls += 1
        resize(array)
        return squared(prediction, target)

    trainer.loss = loss
    for call in (lambda: trainer.fit(X, y), lambda: trainer.train_on_batch(X, y)):
        with pytest.raises(ValueError, match=r"^cannot resize an array"):
            call()
    assert (calls, array.shape, bits(trainer)) == (2, shape, before)
    if which not in ("velocity", "square"):
        with pytest.raises(ValueError, match=r"^cannot resize an array"):
            trainer.gradients(X, y)
    array.resize((500, 400), refcheck=False)  # and it may be again


def test_neither_can_it_where_the_core_is_given_a_view(backend: str) -> None:
    X, y = data()
    flat = np.ascontiguousarray(y[:, 0])  # the core gets it as one column

    def loss(prediction: Any, target: Any) -> tuple[float, Any]:
        flat.resize(10**6, refcheck=False)
        return squared(prediction, target)

    with pytest.raises(ValueError, match=r"^cannot resize an array"):
        cr.Trainer(cr.MLP([4, 1], seed=0), loss=loss).fit(X, flat)


def test_lbfgs_goes_on_from_its_own_parameters_too(backend: str) -> None:
    pytest.importorskip("scipy", reason="L-BFGS is SciPy's")
    X, y = data("float64")
    how: dict[str, Any] = {"optimizer": cr.LBFGS(), "batch_size": "full"}
    models = [cr.MLP([4, 5, 3], dtype="float64", seed=0) for _ in range(3)]

    def spoils(prediction: Any, target: Any) -> tuple[float, Any]:
        models[0].weights[0][...] = models[0].biases[1][...] = 7
        return squared(prediction, target)

    def resizes(prediction: Any, target: Any) -> tuple[float, Any]:
        resize(models[2].weights[0])
        return squared(prediction, target)

    def trains(prediction: Any, target: Any) -> tuple[float, Any]:
        cr.Trainer(models[2], loss=squared).fit(X, y)
        return squared(prediction, target)

    for model, loss in zip(models[:2], (spoils, squared), strict=True):
        cr.Trainer(model, loss=loss, **how).fit(X, y, epochs=5)
    assert [w.tobytes() for w in models[0].weights] == [w.tobytes() for w in models[1].weights]
    before = pickle.dumps(models[2])
    with pytest.raises(ValueError, match=r"^cannot resize an array"):
        cr.Trainer(models[2], loss=resizes, **how).fit(X, y)
    with pytest.raises(RuntimeError, match=r"^these parameters are being trained by another call$"):
        cr.Trainer(models[2], loss=trains, **how).fit(X, y)
    assert pickle.dumps(models[2]) == before


def test_a_poll_a_schedule_and_a_stream_cannot_move_it_either(backend: str) -> None:
    X, y = data()

    class Stream(io.StringIO):
        def write(self, text: str) -> int:
            resize(trainer.model.weights[0])  # between the calls of the core: nobody uses the memory
            return len(text)

    weight = np.ones(len(X), "f4")

    def rate(step: int) -> float:
        if step > 1:
            weight.resize(10**6, refcheck=False)
        return 0.01

    trainer = a_trainer(squared)
    state = trainer.state
    with pytest.raises(ValueError, match=r"^cannot resize an array"):
        core().train_epochs(
            trainer.model.network, state, X, y, loss="half_squared_error", optimizer=trainer.optimizer,
            batch_size=5, shuffle=True, seed=0, epochs=1, poll=lambda *_: resize(state.weights[1])
        )  # fmt: skip
    trainer = cr.Trainer(cr.MLP([4, 3], seed=0), loss="half_squared_error", optimizer=SGD(rate), batch_size=5)
    with pytest.raises(ValueError, match=r"^cannot resize an array"):
        trainer.fit(X, y, sample_weight=weight, epochs=2)
    trainer = a_trainer("half_squared_error")
    with pytest.raises(ValueError, match=r"^(state\.)?weights\[0\] has shape \(500, 400\)"):
        trainer.fit(X, y, epochs=2, progress=Stream())


@pytest.mark.parametrize("end", ["epochs", "error", "not finite"])
def test_what_a_loss_writes_into_the_parameters_is_lost(backend: str, dtype: str, end: str) -> None:
    X, y = data(dtype)
    trainers = [a_trainer(squared, dtype=dtype) for _ in range(2)]
    for trainer in trainers:
        trainer.fit(X, y)

    def trained(trainer: Any, spoils: bool) -> list[bytes]:
        def loss(prediction: Any, target: Any) -> tuple[float, Any]:
            if spoils:
                state = trainer.state
                for array in (*state.weights, *state.biases, *state.weight_velocity, *state.weight_square):
                    array[...] = 99
                state.weights[0].shape = state.weights[0].shape[::-1]
                state.weights[0].shape = state.weights[0].shape[::-1]
            value, gradient = squared(prediction, target)
            if (target == X_marked).any() and end == "error":
                raise KeyError("enough")
            return (np.nan if (target == X_marked).any() and end == "not finite" else value), gradient

        trainer.loss = loss
        if end == "epochs":
            trainer.fit(X, y, epochs=30)
        else:
            with pytest.raises(KeyError if end == "error" else FloatingPointError):
                trainer.fit(X, y, epochs=30)
        return bits(trainer)

    X_marked = y[12, 1]
    assert trained(trainers[0], True) == trained(trainers[1], False)
    assert trainers[0].step == trainers[1].step


def test_what_a_loss_writes_does_not_change_the_gradients(backend: str) -> None:
    X, y = data("float64")
    trainer = a_trainer(squared, dtype="float64")
    right = trainer.gradients(X, y)

    def loss(prediction: Any, target: Any) -> tuple[float, Any]:
        for w in trainer.model.weights:
            w *= 2
        return squared(prediction, target)

    before = bits(trainer)
    trainer.loss = loss
    for found, expected in zip(trainer.gradients(X, y).weights, right.weights, strict=True):
        assert found.tobytes() == expected.tobytes()
    assert bits(trainer) == before


@pytest.mark.parametrize("inner", ["native", "reference"])
def test_another_trainer_of_the_same_model_is_refused(native: Any, backend: str, inner: str) -> None:
    X, y = data()
    refuse = r"^these parameters are being trained by another call$"

    def loss(prediction: Any, target: Any) -> tuple[float, Any]:
        with cr.backend(inner):
            cr.Trainer(trainer.model, loss=squared).fit(X, y)
        return squared(prediction, target)

    trainer = a_trainer(loss)
    before = pickle.dumps(trainer.model)
    with pytest.raises(RuntimeError, match=refuse):
        trainer.fit(X, y)
    with pytest.raises(RuntimeError, match=refuse):
        trainer.train_on_batch(X, y)
    assert pickle.dumps(trainer.model) == before
    trainer.loss = squared
    trainer.fit(X, y)  # and they are free again
    other = a_trainer(squared)
    trainer.loss = lambda prediction, target: (other.train_on_batch(X, y), squared(prediction, target))[1]
    trainer.fit(X, y)  # another model is another matter


def test_parameters_are_free_again_where_ctrl_c_came_before_the_block() -> None:
    weights = [np.ones((2, 3))]
    Claim(weights)
    with Claim(weights), pytest.raises(RuntimeError, match=r"being trained by another call$"):
        Claim(weights)
    assert not _claimed

"""Epochs between which none of the user's code runs: their arguments are checked once, and what comes out is the same."""

from __future__ import annotations

import _thread
import threading
from collections.abc import Callable
from typing import Any

import chainrule as cr
import numpy as np
import pytest
from chainrule import _repeated, _watching, callbacks
from many_cases import contents

_RNG = np.random.default_rng(0)
X = _RNG.standard_normal((40, 3)).astype("float32")
CLASSES, TARGET = np.arange(40) % 2, _RNG.standard_normal((40, 2)).astype("float32")
MISSING = np.where(_RNG.random((40, 2)) < 0.2, np.float32(np.nan), TARGET)


class Nothing(callbacks.Callback):
    """Does nothing, but could: the arguments are checked at each epoch."""

    def on_epoch_end(self, fit: Any) -> None:
        pass


def a_trainer(loss: str = "cross_entropy", sizes: tuple[int, ...] = (3, 4, 2), **settings: Any) -> cr.Trainer:
    output = "softmax" if loss == "cross_entropy" else "identity"
    model = cr.MLP(list(sizes), output_activation=output, seed=0, dropout=settings.pop("dropout", 0.0))
    return cr.Trainer(
        model, loss=loss, **{"optimizer": cr.SGD(0.1, momentum=0.5), "batch_size": 7} | settings
    )


def squared(**settings: Any) -> cr.Trainer:
    return a_trainer("mean_squared_error", **settings)


def frozen(**settings: Any) -> cr.Trainer:
    trainer = a_trainer(**settings)
    trainer.freeze([0])
    return trainer


WHOLE: dict[str, tuple[Callable[[], cr.Trainer], Any, dict[str, Any]]] = {
    "validation": (a_trainer, CLASSES, {"validation_data": (X[:9], CLASSES[:9])}),
    "metrics": (a_trainer, CLASSES, {"metrics": ["accuracy"], "validation_split": 0.25}),
    "missing targets": (squared, MISSING, {"validation_data": (X[:9], TARGET[:9])}),
    "Adam": (lambda: squared(optimizer=cr.Adam(), shuffle=False), TARGET, {"validation_split": 0.25}),
    "dropout": (lambda: a_trainer(dropout=0.5), CLASSES, {"target_loss": 1e-9}),
    "weights": (a_trainer, CLASSES, {"sample_weight": X[:, 0] ** 2, "validation_data": (X, CLASSES)}),
    "frozen": (frozen, CLASSES, {"validation_data": (X, CLASSES)}),
    "hinge": (lambda: a_trainer("hinge", sizes=(3, 4, 1)), CLASSES, {"metrics": ["accuracy"]}),
    "Huber": (lambda: squared(optimizer=cr.RMSprop()), TARGET, {"early_stopping": cr.EarlyStopping("loss", 2)}),
    "plateau": (
        lambda: a_trainer(optimizer=cr.SGD(cr.schedules.ReduceOnPlateau(1.0, patience=1, monitor="loss"))),
        CLASSES,
        {"validation_data": (X, CLASSES)},
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", WHOLE)
def test_the_bits_are_those_of_epochs_that_are_checked_each(backend: str, case: str) -> None:
    make, y, options = WHOLE[case]
    one, other = make(), make()
    for epochs in (6, 1, 3):
        first = one.fit(X, y, epochs=epochs, **options)
        second = other.fit(X, y, epochs=epochs, callbacks=[Nothing()], **options)
        assert contents(one) == contents(other)
        assert first.__getstate__() == second.__getstate__()


@pytest.fixture
def checks(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """One entry for each time that the arguments of training are checked."""
    real, found = _repeated.check_train_epochs, []

    def counting(*arguments: Any) -> Any:
        found.append(1)
        return real(*arguments)

    monkeypatch.setattr(_repeated, "check_train_epochs", counting)
    return found


def test_they_are_checked_once(backend: str, checks: list[int]) -> None:
    a_trainer().fit(X, CLASSES, epochs=12, validation_data=(X, CLASSES))
    assert len(checks) == 1
    a_trainer().fit(X, CLASSES, epochs=12, validation_data=(X, CLASSES), callbacks=[Nothing()])
    assert len(checks) == 1


def new_weight(trainer: cr.Trainer) -> None:
    trainer.model.weights[1] = 2 * trainer.model.weights[1]


def new_weights(trainer: cr.Trainer) -> None:
    trainer.model.weights = [weight / 2 for weight in trainer.model.weights]


def new_velocity(trainer: cr.Trainer) -> None:
    trainer.state.weight_velocity[0] = trainer.state.weight_velocity[0] + 1


def setting(name: str, value: Any) -> Callable[[cr.Trainer], None]:
    def change(trainer: cr.Trainer) -> None:
        setattr(trainer, name, value)

    change.__name__ = name
    return change


CHANGES = [
    new_weight, new_weights, new_velocity, setting("optimizer", cr.SGD(0.01)), setting("optimizer", cr.Adam()),
    setting("batch_size", 5), setting("shuffle", False), setting("seed", 7), setting("n_threads", 2),
    lambda trainer: trainer.freeze([1]),
]  # fmt: skip


class Changes(callbacks.Callback):
    """Makes a change after the second epoch, before the measurements."""

    def __init__(self, change: Callable[[cr.Trainer], None]) -> None:
        self._change = change

    def on_epoch_end(self, fit: Any) -> None:
        if fit.trainer.epoch == 2:
            self._change(fit.trainer)


@pytest.mark.parametrize("change", CHANGES)
def test_what_another_thread_changes_between_two_epochs_counts(
    backend: str, change: Callable[[cr.Trainer], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    options: dict[str, Any] = {"epochs": 5, "validation_data": (X[:9], CLASSES[:9]), "metrics": ["f1_macro"]}
    expected = a_trainer()
    expected.fit(X, CLASSES, callbacks=[Changes(change)], **options)
    found, real = a_trainer(), _repeated.Repeated.measure

    def measure(self: Any) -> Any:
        measured = real(self)
        if found.epoch == 2:
            change(found)
        return measured

    monkeypatch.setattr(_repeated.Repeated, "measure", measure)
    found.fit(X, CLASSES, **options)
    assert contents(found) == contents(expected)
    assert found.history.validation_loss == expected.history.validation_loss


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (setting("batch_size", 0), "batch_size"),
        (setting("n_threads", 0), "n_threads"),
        (lambda trainer: setattr(trainer.model, "weights", None), "weights must be a list"),
        (lambda trainer: trainer.model.weights.__setitem__(0, X), r"weights\[0\]"),
        (lambda trainer: trainer.model.weights.pop(), "weights"),
    ],
)
def test_what_does_not_fit_any_more_is_refused_and_the_epochs_before_stay(
    backend: str, change: Callable[[cr.Trainer], None], words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainer, real = a_trainer(), _repeated.Repeated.measure

    def measure(self: Any) -> Any:
        measured = real(self)
        if trainer.epoch == 2:
            change(trainer)
        return measured

    monkeypatch.setattr(_repeated.Repeated, "measure", measure)
    with pytest.raises((ValueError, TypeError), match=words):
        trainer.fit(X, CLASSES, epochs=5, validation_data=(X, CLASSES), metrics=["f1_macro"])
    assert trainer.epoch == len(trainer.history) == 2


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("loss", ["cross_entropy", "mean_squared_error", cr.losses.Huber(0.3)])
def test_the_losses_of_the_validation_data_are_those_that_evaluate_finds(
    backend: str, dtype: str, loss: Any
) -> None:
    output = "softmax" if loss == "cross_entropy" else "tanh"
    y = CLASSES if loss == "cross_entropy" else MISSING
    weight = np.linspace(0, 1, 9).astype(dtype)
    trainers = [
        cr.Trainer(
            cr.MLP([3, 5, 2], activation="gelu", output_activation=output, dropout=0.3, seed=1, dtype=dtype),
            loss=loss, batch_size=7, output_weights=[1.0, 0.5] if y is MISSING else None,
        )
        for _ in range(2)
    ]  # fmt: skip
    data = X.astype(dtype), y if y is CLASSES else y.astype(dtype)
    held_out = data[0][:9], data[1][:9], weight
    trainers[0].fit(*data, epochs=4, validation_data=held_out)
    expected = []
    for _ in range(4):
        trainers[1].fit(*data)
        expected.append(trainers[1].evaluate(*held_out[:2], sample_weight=weight)["loss"])
    assert trainers[0].history.validation_loss == expected


def test_epochs_that_were_measured_before_a_loss_is_not_finite_stay(backend: str) -> None:
    one, other = (a_trainer("mean_squared_error", (3, 2), optimizer=cr.SGD(2.0)) for _ in range(2))
    with pytest.raises(FloatingPointError):
        one.fit(X, TARGET, epochs=200, validation_data=(X, TARGET))
    with pytest.raises(FloatingPointError):
        other.fit(X, TARGET, epochs=200, validation_data=(X, TARGET), callbacks=[Nothing()])
    assert one.epoch == len(one.history.validation_loss) > 0
    assert contents(one) == contents(other)
    assert one.history.__getstate__() == other.history.__getstate__()


def test_an_interruption_leaves_what_was_measured_of_the_epochs_before(backend: str) -> None:
    rows, targets = np.tile(X, (50, 1)), np.tile(TARGET, (50, 1))
    trainer = a_trainer("mean_squared_error", sizes=(3, 64, 2))
    timer = threading.Timer(0.3, _thread.interrupt_main)
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        trainer.fit(rows, targets, epochs=10**7, validation_data=(X, TARGET))
    timer.join()
    measured = trainer.history.validation_loss
    assert trainer.epoch == len(measured) > 0
    expected = a_trainer("mean_squared_error", sizes=(3, 64, 2))
    expected.fit(rows, targets, epochs=trainer.epoch, validation_data=(X, TARGET), callbacks=[Nothing()])
    assert measured == expected.history.validation_loss
    assert trainer.history.loss == expected.history.loss


def test_fits_side_by_side_with_long_validation_are_asked_to_end_after_each_epoch(
    backend: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, together = _repeated.Repeated.train, []

    def spying(self: Any, epochs: int, *arguments: Any) -> None:
        together.append(epochs)
        real(self, epochs, *arguments)

    monkeypatch.setattr(_repeated.Repeated, "train", spying)
    held_out = np.tile(X, (2000, 1)), np.tile(CLASSES, 2000)
    cr.fit_many([a_trainer(sizes=(3, 60, 2))], X, CLASSES, epochs=3, validation_data=held_out)
    assert together[0] == 1
    together.clear()
    cr.fit_many([a_trainer()], X, CLASSES, epochs=3, validation_data=(X, CLASSES))
    assert together == [3]


def test_the_validation_data_stay_where_they_are_while_python_code_runs_between_epochs(
    backend: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    held_out = X[:9].copy(), TARGET[:9].copy()
    refused = []

    def poll(*_: Any) -> None:
        for array in held_out:
            with pytest.raises(ValueError, match=r"^cannot resize an array"):
                array.resize((10**6, 3), refcheck=False)
            refused.append(array.shape)

    trainer = a_trainer("mean_squared_error")
    monkeypatch.setattr(_watching.Clock, "poll", lambda *_: poll())
    trainer.fit(X, TARGET, epochs=3, validation_data=held_out, time_budget=1e6)
    assert len(trainer.history.validation_loss) == 3
    assert set(refused) == {(9, 3), (9, 2)}
    held_out[0].resize((3, 3), refcheck=False)  # and they may be again

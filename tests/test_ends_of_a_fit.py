"""What ends a fit besides its last epoch: a time budget, a target, a loss that has settled; and what is said of it."""

from __future__ import annotations

import io
import pickle
import sys
from collections.abc import Callable
from typing import Any

import chainrule as cr
import numpy as np
import pytest
from chainrule import _fitting, _watching
from chainrule.backend import core
from chainrule.history import REASONS, History
from training_cases import Case

X, Y = np.random.default_rng(0).standard_normal((30, 3)).astype("float32"), np.arange(30) % 2


def a_trainer(learning_rate: float = 0.1) -> cr.Trainer:
    model = cr.MLP([3, 4, 2], output_activation="softmax", seed=0)
    return cr.Trainer(
        model, loss="cross_entropy", optimizer=cr.SGD(learning_rate, momentum=0.5), batch_size=10
    )


def same_bits(one: cr.Trainer, other: cr.Trainer) -> bool:
    pairs = zip(
        [*one.model.weights, *one.state.weight_velocity],
        [*other.model.weights, *other.state.weight_velocity],
        strict=True,
    )
    return all(np.array_equal(a, b) for a, b in pairs)


@pytest.fixture
def calls(backend: str, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The number of epochs of each training call of the core, whether it checks its arguments or they were checked before."""
    real = core().train_checked
    found: list[int] = []

    def counting(network: Any, state: Any, given: Any, *more: Any, **named: Any) -> None:
        found.append(given.epochs)
        real(network, state, given, *more, **named)

    for module in (core(), sys.modules[real.__module__]):
        monkeypatch.setattr(module, "train_checked", counting)
    return found


def test_a_fit_that_uses_none_of_it_is_one_call_of_the_core(calls: list[int]) -> None:
    history = a_trainer().fit(X, Y, epochs=7)
    assert calls == [7]
    assert history.ending == cr.Ending("epochs")
    assert (history.stopped_because, history.best_epoch) == ("epochs", None)


def test_with_a_time_budget_alone_short_epochs_are_trained_many_at_once(
    calls: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_fitting, "SHORT", 1e9)
    one, other = a_trainer(), a_trainer()
    history = one.fit(X, Y, epochs=20, time_budget=1e6)
    assert calls == [1, 2, 4, 8, 5]
    assert history.stopped_because == "epochs"
    calls.clear()
    monkeypatch.setattr(_fitting, "SHORT", -1.0)
    other.fit(X, Y, epochs=4, time_budget=1e6)
    assert calls == [1, 1, 1, 1]
    other.fit(X, Y, epochs=16)
    assert same_bits(one, other)
    assert one.history.loss == other.history.loss


class Seconds:
    """A clock that goes on by one second each time it is asked."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        self.now += 1
        return self.now


def test_a_time_budget_ends_a_fit_after_an_epoch(backend: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With one batch an epoch the clock is asked only after each."""
    monkeypatch.setattr(_watching, "monotonic", Seconds())
    trainer, plain = a_trainer(), a_trainer()
    trainer.batch_size = plain.batch_size = "full"
    history = trainer.fit(X, Y, epochs=100, time_budget=4.5, metrics=["f1_macro"])
    assert history.stopped_because == "time_budget"
    assert len(history) == len(history.metrics["f1_macro"]) == trainer.step == 5
    plain.fit(X, Y, epochs=5)
    assert same_bits(trainer, plain)


def test_a_time_budget_that_ends_with_the_last_epoch_has_not_ended_the_fit(
    backend: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Seconds()
    monkeypatch.setattr(_watching, "monotonic", clock)

    def late(y_true: Any, prediction: Any) -> float:
        clock.now += 1e9 * (trainer.epoch == 3)
        return 0.0

    trainer = a_trainer()
    assert trainer.fit(X, Y, epochs=3, time_budget=1e6, metrics=[late]).stopped_because == "epochs"
    assert trainer.fit(X, Y, epochs=3, time_budget=0.5).stopped_because == "time_budget"


@pytest.mark.parametrize("more", [{}, {"metrics": ["accuracy"], "progress": io.StringIO()}])
def test_a_time_budget_ends_a_long_epoch_between_two_updates(backend: str, more: dict[str, Any]) -> None:
    """About a minute of work, of which a fifth of a second is done; then as if it had been trained so far by hand."""
    rng = np.random.default_rng(1)
    rows, batch = 400_000, 20
    X, y = rng.standard_normal((rows, 30), dtype="float32"), rng.integers(0, 3, rows)

    def new() -> cr.Trainer:
        model = cr.MLP([30, 150, 150, 3], output_activation="softmax", dropout=0.1, seed=0)
        return cr.Trainer(model, loss="cross_entropy", optimizer=cr.SGD(0.01, momentum=0.9), batch_size=batch)

    trainer, by_hand = new(), new()
    history = trainer.fit(X, y, epochs=10, time_budget=0.2, **more)
    assert history.stopped_because == "time_budget"
    assert 0 < trainer.step < 10 * rows // batch
    assert trainer.epoch == len(history) == trainer.step * batch // rows
    how = {
        "loss": "cross_entropy",
        "optimizer": by_hand.optimizer,
        "batch_size": batch,
        "shuffle": True,
        "seed": 0,
    }
    Case(by_hand.model.network, by_hand.state, X, y, {**how, "epochs": 10}).train_steps(core(), trainer.step)
    assert same_bits(trainer, by_hand)
    step = trainer.step
    small = X[:100], y[:100]
    assert trainer.fit(*small, epochs=2).stopped_because == "epochs"
    assert trainer.step == step + 10


def test_a_target_loss_ends_a_fit_after_the_first_epoch_that_reaches_it(calls: list[int]) -> None:
    plain = a_trainer().fit(X, Y, epochs=12).loss
    target = plain[6]
    first = next(i for i, loss in enumerate(plain) if loss <= target)
    history = a_trainer().fit(X, Y, epochs=12, target_loss=target)
    assert history.loss == plain[: first + 1]
    assert history.ending == cr.Ending("target_loss")
    never = a_trainer().fit(X, Y, epochs=12, target_loss=0)
    assert (never.loss, never.stopped_because) == (plain, "epochs")


def settles(losses: list[float], tolerance: float, epochs: int) -> int:
    """Count the epochs until the loss has not fallen by more than the tolerance over so many, from the definition."""
    last = 0
    for i, loss in enumerate(losses):
        if loss < losses[last] - tolerance:
            last = i
        if i - last == epochs:
            return i + 1
    return len(losses)


@pytest.mark.parametrize("epochs", [1, 2, 5])
@pytest.mark.parametrize("tolerance", [0.0, 1e-4, 1e-3, 0.02, 10.0])
def test_a_loss_that_has_settled_ends_a_fit(backend: str, tolerance: float, epochs: int) -> None:
    plain = a_trainer(0.6).fit(X, Y, epochs=80).loss
    history = a_trainer(0.6).fit(X, Y, epochs=80, tolerance=tolerance, tolerance_epochs=epochs)
    done = settles(plain, tolerance, epochs)
    assert history.loss == plain[:done]
    assert history.stopped_because == ("settled" if done < 80 else "epochs")
    if tolerance == 10:
        assert done == epochs + 1


def test_each_fit_starts_to_count_anew(backend: str) -> None:
    trainer = a_trainer()
    for _ in range(3):
        history = trainer.fit(X, Y, epochs=20, tolerance=10, tolerance_epochs=4)
        assert (len(history), history.stopped_because) == (5, "settled")
    assert trainer.epoch == 15
    assert trainer.history.epochs == list(range(15))


def raising(error: type[BaseException]) -> Callable[[Any, Any], float]:
    calls = []

    def metric(y_true: Any, prediction: Any) -> float:
        calls.append(1)
        if len(calls) == 3:
            raise error
        return 0.0

    return metric


@pytest.mark.parametrize(
    ("error", "reason"),
    [(KeyboardInterrupt, "interrupted"), (ZeroDivisionError, "error"), (SystemExit, "error")],
)
def test_the_history_says_which_exception_ended_a_fit(
    backend: str, error: type[BaseException], reason: str
) -> None:
    trainer = a_trainer()
    assert trainer.history.stopped_because is None
    with pytest.raises(error):
        trainer.fit(X, Y, epochs=5, metrics=[raising(error)])
    assert trainer.history.ending == cr.Ending(reason)
    trainer.fit(X, Y)
    assert trainer.history.ending == cr.Ending("epochs")


def test_a_fit_that_diverges_says_so(backend: str) -> None:
    trainer = a_trainer(1e38)
    with pytest.raises(FloatingPointError, match="the parameters are those before this step"):
        trainer.fit(X, Y, epochs=5)
    assert trainer.history.ending == cr.Ending("not_finite")


def test_an_error_before_any_update_is_not_the_end_of_a_fit(backend: str) -> None:
    trainer = a_trainer()
    trainer.fit(X, Y, target_loss=1e3)
    before = pickle.dumps(trainer)
    with pytest.raises(ValueError, match="epochs"):
        trainer.fit(X, Y, epochs=-1)
    weights, trainer.model.weights = trainer.model.weights, None
    for more in ({}, {"target_loss": 0.1}, {"metrics": ["accuracy"]}):
        with pytest.raises(TypeError, match="weights must be a list"):
            trainer.fit(X, Y, **more)
    trainer.model.weights = weights
    assert pickle.dumps(trainer) == before
    assert trainer.history.stopped_because == "target_loss"


def test_the_ending_is_pickled_and_checked() -> None:
    ending = cr.Ending("early_stopping", "validation_loss", 3, 0.25, True)
    twin = pickle.loads(pickle.dumps(History([], ending)))
    assert twin.ending == ending
    record = History([], ending).__getstate__()
    for bad, text in (
        (["epochs"], "ending must have 5 values, but it has 1"),
        (["tired", None, None, None, False], r"ending\[0\] must be one of epochs, early_stopping"),
        ("epochs", "ending must be a list"),
    ):
        with pytest.raises((ValueError, TypeError), match=text):
            History().__setstate__({**record, "ending": bad})


def test_every_reason_is_described() -> None:
    text = History.stopped_because.__doc__
    assert text is not None
    assert all(f'"{reason}"' in text for reason in REASONS)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("stream", [io.StringIO, Terminal])
def test_progress_says_why_a_fit_ended_before_its_last_epoch(backend: str, stream: type[io.StringIO]) -> None:
    def score(y_true: Any, prediction: Any) -> float:
        return abs(trainer.epoch - 5)

    trainer = a_trainer()
    trainer.fit(X, Y, epochs=3)
    out = stream()
    stopping = cr.EarlyStopping("score", patience=3, mode="min")
    trainer.fit(X, Y, epochs=20, metrics=[score], early_stopping=stopping, progress=out)
    assert out.getvalue().endswith(
        "\nended because what early_stopping monitors got no better; best score 0 after epoch 2, to which the model went "
        "back\n"
    )
    out = stream()
    trainer.fit(X, Y, epochs=2, progress=out)
    assert "ended" not in out.getvalue()
    assert out.getvalue().count("\n") == (1 if stream is Terminal else 2)
    out = stream()
    trainer.fit(X, Y, epochs=5, target_loss=10, progress=out)
    assert out.getvalue().endswith("\nended because the loss reached target_loss\n")

"""Early stopping: when it ends a fit, which epoch is the best, and that the model is as after it whatever happens."""

from __future__ import annotations

import pickle
import re
from collections.abc import Callable, Sequence
from typing import Any

import chainrule as cr
import numpy as np
import pytest
from chainrule import _watching

NAN, INF = float("nan"), float("inf")
RNG = np.random.default_rng(3)
X, Y = RNG.standard_normal((40, 4)).astype("float32"), RNG.integers(0, 3, 40)


def a_trainer(dtype: str = "float32", dropout: float = 0.2) -> cr.Trainer:
    model = cr.MLP([4, 6, 3], output_activation="softmax", dropout=dropout, dtype=dtype, seed=1)
    return cr.Trainer(model, loss="cross_entropy", optimizer=cr.SGD(0.05, momentum=0.8), batch_size=8, seed=2)


def arrays(trainer: cr.Trainer) -> list[np.ndarray]:
    state = trainer.state
    return [*state.weights, *state.biases, *state.weight_velocity, *state.bias_velocity]


def same_bits(one: cr.Trainer, other: cr.Trainer) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(arrays(one), arrays(other), strict=True))


def after(epochs: int, dtype: str = "float32", dropout: float = 0.2) -> cr.Trainer:
    trainer = a_trainer(dtype, dropout)
    trainer.fit(X.astype(dtype), Y, epochs=epochs)
    return trainer


def scripted(trainer: cr.Trainer, values: Sequence[float]) -> Callable[[Any, Any], float]:
    """Return a metric with these values after the first epoch, the second, ..."""

    def score(y_true: Any, prediction: Any) -> float:
        return values[trainer.epoch - 1]

    return score


@pytest.mark.parametrize(
    ("values", "settings", "done", "best", "reason"),
    [
        ([5, 4, 3, 2, 1], {"patience": 1}, 5, 4, "epochs"),
        ([5, 4, 4, 3, 3, 3, 2], {"patience": 2}, 6, 3, "early_stopping"),
        ([5, 4, 4, 3, 3, 3, 2], {"patience": 1}, 3, 1, "early_stopping"),
        ([5, 4, 4, 3, 3, 3, 2], {"patience": 0}, 3, 1, "early_stopping"),
        ([5, 4, 4, 3, 3, 3, 2], {"patience": 3}, 7, 6, "epochs"),
        ([5, 6, 4, 5, 5, 5], {"patience": 3}, 6, 2, "early_stopping"),
        ([1, 2, 3, 2, 2, 2], {"patience": 3, "mode": "max"}, 6, 2, "early_stopping"),
        ([-5, -4, -6, -7], {"patience": 2, "mode": "max"}, 4, 1, "early_stopping"),
        # the third is 1 less than the first, which improved last; any better one is the best
        ([5, 4.5, 4, 3.5, 3], {"patience": 2, "min_delta": 0.9}, 5, 4, "epochs"),
        ([5, 4.5, 4.2, 4.1, 1], {"patience": 3, "min_delta": 1.0}, 4, 3, "early_stopping"),
        ([1, 1.2, 1.4, 2], {"patience": 2, "min_delta": 0.5, "mode": "max"}, 3, 2, "early_stopping"),
        ([NAN, 3, NAN, 2, NAN, NAN], {"patience": 2}, 6, 3, "early_stopping"),
        ([INF, 3, 3, 3, 3], {"patience": 2}, 4, 1, "early_stopping"),
        ([NAN] * 5, {"patience": 3}, 3, None, "early_stopping"),
        ([INF, INF, 1], {"patience": 2}, 2, None, "early_stopping"),
    ],
)
def test_patience_and_the_best_epoch(
    backend: str, values: list[float], settings: dict[str, Any], done: int, best: int | None, reason: str
) -> None:
    trainer = a_trainer()
    stopping = cr.EarlyStopping("score", **{"mode": "min", **settings})
    history = trainer.fit(
        X, Y, epochs=len(values), metrics=[scripted(trainer, values)], early_stopping=stopping
    )
    assert len(history) == trainer.epoch == done
    assert history.best_epoch == best
    assert history.stopped_because == reason
    value = None if best is None else values[best]
    assert history.ending == cr.Ending(reason, "score", best, value, best not in (None, done - 1))
    assert same_bits(trainer, after(done if best is None else best + 1))
    assert trainer.step == 5 * done


def fit_ending_in(way: str, trainer: cr.Trainer, stopping: cr.EarlyStopping, **more: Any) -> str:
    """Fit so that the scores fall for 3 epochs and rise for 3 more, and end it after these; return the message."""
    dtype = trainer.model.dtype
    late = {"error": ZeroDivisionError, "Ctrl-C": KeyboardInterrupt, "exit": SystemExit}

    def score(y_true: Any, prediction: Any) -> float:
        epoch = trainer.epoch
        if epoch == 6:
            if way == "not finite":
                trainer.optimizer = cr.SGD(float(np.finfo(dtype).max) / 9)
            if way == "time budget":
                _watching.monotonic = lambda: 1e30
            if way in late:
                raise late[way](f"the {way}")
        return abs(epoch - 3)

    arguments: dict[str, Any] = {"epochs": 6 if way == "epochs" else 9, **more}
    if way == "time budget":
        arguments["time_budget"] = 1e6
    if way == "tolerance":
        arguments.update(tolerance=1e3, tolerance_epochs=5)
    if way == "target loss":
        losses = after(6, dtype, 0.0).history.loss
        assert losses[5] < min(losses[:5])
        arguments["target_loss"] = losses[5]

    def call() -> None:
        trainer.fit(X.astype(dtype), Y, metrics=[score], early_stopping=stopping, **arguments)

    error = {**late, "not finite": FloatingPointError}.get(way)
    if error is None:
        call()
        return ""
    with pytest.raises(error) as caught:
        call()
    return str(caught.value)


WAYS = {
    "patience": "early_stopping",
    "epochs": "epochs",
    "time budget": "time_budget",
    "target loss": "target_loss",
    "tolerance": "settled",
    "Ctrl-C": "interrupted",
    "not finite": "not_finite",
    "error": "error",
    "exit": "error",
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("restore", [True, False])
def test_whatever_ends_the_fit_the_model_is_as_after_the_best_epoch(
    backend: str, dtype: str, way: str, restore: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_watching, "monotonic", lambda: 0.0)  # as it was after the test
    trainer = a_trainer(dtype, 0.0)
    patience = 3 if way == "patience" else 100
    stopping = cr.EarlyStopping("score", patience=patience, mode="min", restore_best=restore)
    message = fit_ending_in(way, trainer, stopping)
    history = trainer.history
    assert history.ending == cr.Ending(WAYS[way], "score", 2, 0, restore)
    assert (trainer.epoch, len(history)) == (6, 6)
    assert same_bits(trainer, after(3 if restore else 6, dtype, 0.0)) or (way == "not finite" and not restore)
    assert all(np.isfinite(array).all() for array in arrays(trainer))
    assert trainer.step == 6 * 5 or way == "not finite"
    if way == "not finite":
        kept = "after the best epoch, 2" if restore else "before this step"
        assert f"is not finite; the parameters are those {kept}. A smaller learning_rate" in message
        assert re.match(r"training stopped in epoch 6, step [01]: ", message)
    elif message:
        assert message == f"the {way}"


def test_a_fit_goes_on_from_the_best_epoch_and_so_does_a_copy_of_its_trainer(
    backend: str, dtype: str
) -> None:
    trainer = a_trainer(dtype)
    fit_ending_in("Ctrl-C", trainer, cr.EarlyStopping("score", mode="min"))
    twin = pickle.loads(pickle.dumps(trainer))
    assert pickle.dumps(twin) == pickle.dumps(trainer)
    assert twin.history.ending == trainer.history.ending == cr.Ending("interrupted", "score", 2, 0, True)
    data = X.astype(dtype), Y
    for each in (trainer, twin):
        history = each.fit(*data, epochs=4, validation_split=0.25, early_stopping=cr.EarlyStopping())
        assert history.epochs == [6, 7, 8, 9]
        assert history.best_epoch in history.epochs
    assert same_bits(trainer, twin)
    assert trainer.history.ending == twin.history.ending
    # by hand: from the state after the best epoch, with the counters of the last one
    by_hand = after(3, dtype)
    by_hand.state.epoch, by_hand.state.step = 6, 30
    by_hand.state.losses += trainer.history.loss[3:6]
    best = trainer.history.best_epoch
    assert best is not None
    by_hand.fit(*data, epochs=best - 5, validation_split=0.25)
    assert same_bits(by_hand, trainer)


@pytest.mark.parametrize("dataset", ["training", "validation"])
@pytest.mark.parametrize("name", ["accuracy", "mse", "r2", "top_2_accuracy", "log_loss"])
def test_the_direction_of_a_known_metric_is_known(backend: str, dataset: str, name: str) -> None:
    trainer = a_trainer()
    monitor = name if dataset == "training" else f"validation_{name}"
    history = trainer.fit(
        X, Y, epochs=8, validation_split=0.3, metrics=[name], early_stopping=cr.EarlyStopping(monitor)
    )
    values = (history.metrics if dataset == "training" else history.validation_metrics)[name]
    best = (np.argmin if name in ("mse", "log_loss") else np.argmax)(values)
    assert history.ending == cr.Ending("epochs", monitor, best, values[best], best != 7)


@pytest.mark.parametrize("monitor", ["loss", "validation_loss"])
def test_losses_are_monitored_without_any_metric(backend: str, monitor: str) -> None:
    trainer = a_trainer()
    trainer.optimizer = cr.SGD(3.0, momentum=0.5)  # jumps about
    history = trainer.fit(
        X,
        Y,
        epochs=30,
        validation_data=(X[::2], Y[::2]),
        early_stopping=cr.EarlyStopping(monitor, patience=2),
    )
    losses = getattr(history, monitor)
    assert history.stopped_because == "early_stopping"
    assert history.best_epoch == np.argmin(losses) == len(losses) - 3
    if monitor == "validation_loss":
        assert trainer.evaluate(X[::2], Y[::2])["loss"] == min(losses)


def test_a_model_that_is_best_at_the_end_is_not_said_to_be_restored(backend: str) -> None:
    trainer = a_trainer()
    stopping = cr.EarlyStopping("score", mode="min")
    trainer.fit(X, Y, epochs=3, metrics=[scripted(trainer, [3, 2, 1])], early_stopping=stopping)
    assert same_bits(trainer, after(3))
    assert trainer.history.ending == cr.Ending("epochs", "score", 2, 1, False)


@pytest.mark.parametrize("pressed", [1, 2])
@pytest.mark.parametrize("at", range(16))
def test_ctrl_c_while_parameters_are_copied_spoils_nothing(
    backend: str, monkeypatch: pytest.MonkeyPatch, at: int, pressed: int
) -> None:
    """8 arrays are kept after the first epoch, and 8 put back, after the third or after it was pressed before."""
    trainer, real, calls = a_trainer(), np.copyto, []

    def score(y_true: Any, prediction: Any) -> float:
        if trainer.epoch == 3 and pressed == 2:
            raise KeyboardInterrupt
        return trainer.epoch

    class Interrupting:
        empty_like = staticmethod(np.empty_like)

        @staticmethod
        def copyto(target: Any, source: Any) -> None:
            calls.append(1)
            if len(calls) == at + 1:
                raise KeyboardInterrupt
            real(target, source)

    monkeypatch.setattr(_watching, "np", Interrupting)
    with pytest.raises(KeyboardInterrupt):
        trainer.fit(
            X, Y, epochs=3, metrics=[score], early_stopping=cr.EarlyStopping("score", mode="min")
        )  # fmt: skip
    monkeypatch.undo()
    assert same_bits(trainer, after(1))
    assert trainer.history.ending == cr.Ending("interrupted", "score", 0, 1, at >= 8)
    assert len(calls) > at


@pytest.mark.parametrize(
    ("stopping", "arguments", "text"),
    [
        (cr.EarlyStopping(), {}, ("early_stopping monitors validation_loss, but there are no validation data: give "
         "validation_data or validation_split, or monitor loss")),
        (cr.EarlyStopping("validation_r2"), {"metrics": ["r2"]}, ("early_stopping monitors validation_r2, but there are "
         "no validation data: give validation_data or validation_split, or monitor r2")),
        (cr.EarlyStopping("r2"), {}, "early_stopping monitors 'r2', but measured are only loss; add 'r2' to metrics"),
        (cr.EarlyStopping("validation_top_2_accuracy"), {"metrics": ["r2"], "validation_split": 0.5},
         ("early_stopping monitors 'validation_top_2_accuracy', but measured are only loss, r2, validation_loss, "
         "validation_r2; add 'top_2_accuracy' to metrics")),
        (cr.EarlyStopping("speed"), {}, "early_stopping monitors 'speed', but measured are only loss"),
        (cr.EarlyStopping("own"), {"metrics": [lambda y, p: 1.0]}, ("early_stopping monitors 'own', but measured are only "
         "loss, <lambda>")),
        (cr.EarlyStopping("<lambda>"), {"metrics": [lambda y, p: 1.0]}, ("early_stopping needs mode='min' or mode='max' "
         "to monitor <lambda>, a function of your own")),
        (cr.EarlyStopping("r2", mode="min"), {"metrics": ["r2"]}, ("early_stopping has mode='min', but of r2 more is "
         "better")),
        (cr.EarlyStopping("loss", mode="max"), {}, "early_stopping has mode='max', but of loss less is better"),
        (True, {}, "early_stopping must be an EarlyStopping or None, but it is True (bool)"),
    ],
)  # fmt: skip
def test_what_cannot_be_monitored_is_refused_before_training(
    backend: str, stopping: Any, arguments: dict[str, Any], text: str
) -> None:
    trainer = a_trainer()
    before = pickle.dumps(trainer)
    with pytest.raises((ValueError, TypeError), match=f"^{re.escape(text)}$"):
        trainer.fit(X, Y, epochs=2, early_stopping=stopping, **arguments)
    assert pickle.dumps(trainer) == before


def test_a_metric_with_the_name_of_something_else_is_refused() -> None:
    def validation_accuracy(y_true: Any, prediction: Any) -> float:
        return 1.0

    stopping = cr.EarlyStopping("loss")
    with pytest.raises(
        ValueError, match=r"^the metric validation_accuracy has the name of something measured on"
    ):
        a_trainer().fit(X, Y, metrics=["accuracy", validation_accuracy], early_stopping=stopping)


def test_parameters_that_do_not_fit_are_refused_before_they_are_copied(backend: str) -> None:
    trainer = a_trainer()
    trainer.model.weights = None
    with pytest.raises(TypeError, match="weights must be a list"):
        trainer.fit(X, Y, early_stopping=cr.EarlyStopping("loss"))


def test_the_settings_are_a_value() -> None:
    settings = cr.EarlyStopping("accuracy", 3, 0.01, "max", False)
    assert (
        pickle.loads(pickle.dumps(settings))
        == settings
        == eval(repr(settings), {"EarlyStopping": cr.EarlyStopping})
    )
    assert cr.EarlyStopping() == cr.EarlyStopping("validation_loss", 10, 0.0, "auto", True)
    with pytest.raises(AttributeError):
        settings.patience = 4  # type: ignore[misc]


def small_fit(optimizer: Any) -> tuple[cr.Trainer, np.ndarray, np.ndarray]:
    """A trainer and rows that it learns better and better at these rates."""
    X = np.random.default_rng(0).normal(size=(40, 3)).astype("f4")
    model = cr.MLP([3, 8, 1], activation="tanh", seed=0)
    trainer = cr.Trainer(model, loss="mean_squared_error", optimizer=optimizer, batch_size=4, seed=1)
    return trainer, X, X[:, :1]


KIND = lambda optimizer: type(optimizer).__name__


class Switch(cr.Callback):
    """Sets another optimizer after an epoch, as the description of callbacks does."""

    def __init__(self, epoch: int, optimizer: Any) -> None:
        self.epoch, self.optimizer = epoch, optimizer

    def on_epoch_end(self, fit: Any) -> None:
        if fit.trainer.epoch == self.epoch:
            fit.trainer.optimizer = self.optimizer


def fit_with_another(before: Any, after: Any, epochs: int) -> cr.Trainer:
    """A trainer whose optimizer became another after three epochs, back at the best epoch."""
    trainer, X, y = small_fit(before)
    stopping = cr.EarlyStopping(patience=50)
    switch = Switch(3, after)
    trainer.fit(X, y, epochs=epochs, validation_data=(X, y), early_stopping=stopping, callbacks=[switch])
    return trainer


@pytest.mark.parametrize("before", [cr.SGD(0.01, momentum=0.5), cr.Adam(0.01), cr.Adagrad(0.01)], ids=KIND)
@pytest.mark.parametrize(
    "after", [cr.SGD(0.01), cr.RMSprop(0.001), cr.AdamW(0.01), cr.Adagrad(0.01)], ids=KIND
)
def test_the_kind_of_optimizer_may_change_before_the_best_epoch(
    backend: str, before: Any, after: Any
) -> None:
    trainer = fit_with_another(before, after, epochs=8)
    best = trainer.history.best_epoch
    assert best is not None
    assert best >= 3
    other, X, y = small_fit(before)
    other.fit(X, y, epochs=best + 1, callbacks=[Switch(3, after)])
    for made, expected in zip(trainer.state.arrays, other.state.arrays, strict=True):
        np.testing.assert_array_equal(made, expected)


@pytest.mark.parametrize("before", [cr.Adam(0.01), cr.Adagrad(0.01)], ids=KIND)
@pytest.mark.parametrize("after", [cr.SGD(0.7, momentum=0.5), cr.RMSprop(1.0)], ids=KIND)
def test_after_the_best_epoch_a_new_kind_remembers_nothing_of_what_was_undone(
    backend: str, before: Any, after: Any
) -> None:
    """The parameters of the best epoch come back; what the old optimizer remembered then is nothing to the new one."""
    trainer = fit_with_another(before, after, epochs=6)
    assert trainer.history.best_epoch == 2, trainer.history
    other, X, y = small_fit(before)
    other.fit(X, y, epochs=3)
    model, right = trainer.model, other.model
    for made, expected in zip([*model.weights, *model.biases], [*right.weights, *right.biases], strict=True):
        np.testing.assert_array_equal(made, expected)
    state = trainer.state
    for array in state.arrays[len(model.weights) + len(model.biases) :]:
        assert not array.any()
    assert state.started == state.step
    trainer.optimizer = cr.SGD(0.001)
    trainer.fit(X, y, epochs=1)

"""The search for a learning rate: its updates are those of a fit, its suggestion lies on the way down, the trainer stays."""

from __future__ import annotations

import pickle
import threading
from types import SimpleNamespace
from typing import Any

import chainrule as cr
import numpy as np
import pytest
from chainrule.learning_rate_finder import _smooth, _steepest
from numpy.testing import assert_allclose, assert_array_equal

pytestmark = pytest.mark.usefixtures("backend")


def data(rows: int = 100) -> tuple[Any, Any]:
    """Rows of three features and a class of three each."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(rows, 3))
    return X, (X @ rng.normal(size=(3, 3))).argmax(axis=1)


def a_trainer(**settings: Any) -> cr.Trainer:
    model = cr.MLP(
        [3, 8, 3], output_activation="softmax", dropout=0.25, input_noise=0.1, dtype="float64", seed=1
    )
    return cr.Trainer(model, **{"loss": "cross_entropy", "batch_size": 16, **settings})


OPTIMIZERS = [cr.SGD(momentum=0.9, weight_decay=1e-3), cr.Adam(), cr.RMSprop(), cr.Adagrad()]


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=lambda optimizer: optimizer.kind)
@pytest.mark.parametrize("shuffle", [True, False])
def test_the_trainer_stays_as_it_is(optimizer: Any, shuffle: bool) -> None:
    trainer, (X, y) = a_trainer(optimizer=optimizer, shuffle=shuffle), data()
    trainer.fit(X, y, epochs=2)
    before, arrays = pickle.dumps(trainer), [*trainer.model.weights, *trainer.state.weight_velocity]
    found = cr.find_learning_rate(trainer, X, y, steps=60)
    assert pickle.dumps(trainer) == before
    assert all(
        a is b for a, b in zip([*trainer.model.weights, *trainer.state.weight_velocity], arrays, strict=True)
    )
    assert trainer.optimizer is optimizer
    assert len(found.rates) == len(found.losses) == len(found.smoothed)


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=lambda optimizer: optimizer.kind)
def test_the_losses_are_those_of_a_fit_with_the_same_rising_rate(optimizer: Any) -> None:
    trainer, (X, y) = a_trainer(optimizer=optimizer), data(96)
    trainer.fit(X, y, epochs=3)  # so that there are velocities, and steps and epochs to count on from
    weights = np.linspace(0.5, 2.0, len(X))
    found = cr.find_learning_rate(trainer, X, y, steps=12, highest=0.1, explosion=1e6, sample_weight=weights)
    start = trainer.step
    kind = type(optimizer)
    others = {name: value for name, value in vars(optimizer).items() if name != "learning_rate"}
    trainer.optimizer = kind(learning_rate=lambda step: found.rates[step - start], **others)
    means = []
    for epoch in range(2):
        size, order = 16, cr.reference.permutation(96, seed=trainer.seed, epoch=trainer.epoch)
        of_batches = [weights[order[i : i + size]].sum() for i in range(0, 96, size)]
        means.append(np.average(found.losses[6 * epoch : 6 * epoch + 6], weights=of_batches))
        trainer.fit(X, y, epochs=1, sample_weight=weights)
    assert_allclose(trainer.history.loss[-2:], means, rtol=1e-12)


def test_the_rates_rise_by_the_same_factor_from_the_lowest_to_the_highest() -> None:
    found = cr.find_learning_rate(a_trainer(), *data(), lowest=1e-5, highest=1e-2, steps=31)
    assert found.stopped_because == "steps"
    assert_allclose(found.rates, np.geomspace(1e-5, 1e-2, 31), rtol=1e-12)


def test_the_suggestion_lies_where_the_loss_falls_and_training_with_it_learns() -> None:
    trainer, (X, y) = a_trainer(optimizer=cr.SGD(momentum=0.9)), data(200)
    found = cr.find_learning_rate(trainer, X, y, highest=1e3)
    assert found.stopped_because == "exploded"
    assert found.suggestion is not None
    assert found.rates[0] < found.suggestion < found.lowest < found.rates[-1]
    before = trainer.evaluate(X, y)["loss"]
    trainer.optimizer = cr.SGD(found.suggestion, momentum=0.9)
    trainer.fit(X, y, epochs=10)
    assert trainer.evaluate(X, y)["loss"] < before / 2


def test_of_a_quadratic_the_loss_explodes_beyond_the_rate_that_the_curvature_allows() -> None:
    # (w x - 2 x)^2 with x = 1: each update multiplies the error by |1 - 2 rate|, which is above 1 from a rate of 1 on.
    model = cr.MLP([1, 1], bias=None, dtype="float64", initializer="zeros", seed=0)
    trainer = cr.Trainer(model, loss="mean_squared_error", batch_size="full")
    found = cr.find_learning_rate(trainer, [[1.0]], [2.0], lowest=1e-4, highest=100.0)
    assert found.stopped_because == "exploded"
    assert found.rates[np.argmin(found.losses)] < 1.3
    assert found.suggestion is not None
    assert 1e-3 < found.suggestion < 0.5
    assert_allclose(found.losses[1], 4 * (1 - 2e-4) ** 2, rtol=1e-12)


@pytest.mark.parametrize("explosion", [1.5, 4.0, 100.0])
def test_the_search_stops_where_the_mean_of_the_last_losses_is_so_many_times_the_least(
    explosion: float,
) -> None:
    trainer = cr.Trainer(
        cr.MLP([2, 1], dtype="float64", seed=0), loss="mean_squared_error", batch_size="full"
    )
    X = np.random.default_rng(0).normal(size=(20, 2))
    found = cr.find_learning_rate(trainer, X, X[:, 0] + X[:, 1] ** 2, highest=1e3, explosion=explosion)
    assert found.stopped_because == "exploded"
    means = np.convolve(found.losses, np.full(10, 0.1), "valid")  # of the last twentieth of 200 steps
    above = means > explosion * np.minimum.accumulate(means)
    assert above[-1]
    assert not above[:-1].any()


def test_classes_may_have_weights() -> None:
    X, y = data()
    by_class = cr.find_learning_rate(a_trainer(), X, y, steps=20, class_weight={0: 5.0, 1: 1.0, 2: 0.5})
    by_row = cr.find_learning_rate(a_trainer(), X, y, steps=20, sample_weight=np.array([5.0, 1.0, 0.5])[y])
    assert_array_equal(by_class.losses, by_row.losses)


def test_a_number_that_is_not_finite_ends_the_search() -> None:
    X, _ = data()
    big = X * 1e100
    found = cr.find_learning_rate(
        cr.Trainer(cr.MLP([3, 4, 1], dtype="float64", seed=0), loss="mean_squared_error"), X, X[:, 0], highest=1e300,
        explosion=1e300, steps=300,
    )  # fmt: skip
    assert found.stopped_because == "not_finite"
    assert 3 <= len(found.losses) < 300
    assert np.isfinite(found.losses).all()
    trainer = cr.Trainer(cr.MLP([3, 4, 1], dtype="float64", seed=0), loss="mean_squared_error")
    with pytest.raises(FloatingPointError):
        cr.find_learning_rate(trainer, big * 1e60, X[:, 0])
    assert trainer.step == 0


def test_batches_in_which_nothing_counts_are_steps_without_a_loss() -> None:
    trainer = cr.Trainer(
        cr.MLP([1, 1], dtype="float64", seed=0), loss="mean_squared_error", batch_size=2, shuffle=False
    )
    found = cr.find_learning_rate(
        trainer, [[1.0], [2.0], [3.0], [4.0]], [np.nan, np.nan, 1.0, 2.0], steps=20, highest=1e-3
    )
    assert_allclose(found.rates, np.geomspace(1e-6, 1e-3, 20)[1::2], rtol=1e-12)
    assert (found.losses > 0).all()


def test_where_the_loss_falls_nowhere_nothing_is_suggested() -> None:
    model = cr.MLP([1, 1], bias=None, dtype="float64", initializer=cr.initializers.constant(2.0), seed=0)
    trainer = cr.Trainer(model, loss="mean_squared_error")
    found = cr.find_learning_rate(trainer, [[1.0], [2.0]], [2.0, 4.0], steps=10)  # every loss is 0
    assert found.suggestion is None
    assert "falls nowhere" in str(found)
    assert "no suggestion" in repr(found)


def test_a_fall_that_does_not_stand_out_of_the_noise_of_the_batches_suggests_nothing() -> None:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(400, 2))
    y = np.digitize(X.sum(axis=1), [-1, 1])
    model = cr.MLP([2, 8, 3], output_activation="softmax", dtype="float64", seed=0)
    trainer = cr.Trainer(model, loss="cross_entropy", optimizer=cr.Adam(0.01), batch_size=32)
    fresh = cr.find_learning_rate(trainer, X, y)
    assert fresh.suggestion is not None
    trainer.fit(X, y, epochs=20)  # what is left to learn is less than what batches differ by
    learned = cr.find_learning_rate(trainer, X, y)
    assert learned.suggestion is None
    assert "no more than batches differ" in str(learned)
    trainer.batch_size = "full"
    assert cr.find_learning_rate(trainer, X, y).suggestion is not None  # nothing differs then


def test_smoothing_keeps_lines_and_the_steepest_slope_is_found() -> None:
    line = np.linspace(3.0, 1.0, 40)
    assert_allclose(_smooth(line, 4)[4:-4], line[4:-4], rtol=1e-12)
    assert_allclose(_smooth(np.ones(10), 30), 1.0, rtol=1e-12)
    rates = np.geomspace(1e-6, 1.0, 61)
    losses = 1.0 / (1.0 + np.exp(5 * (np.log10(rates) + 3)))  # falls most steeply at 1e-3
    assert_allclose(_steepest(rates, losses), 1e-3, rtol=1e-9)
    assert _steepest(rates, losses[::-1]) is None


def test_what_is_found_is_said_in_words() -> None:
    found = cr.find_learning_rate(a_trainer(optimizer=cr.Adam()), *data())
    assert str(found).startswith(f"learning rate {found.suggestion:.3g} (the loss falls most steeply")
    assert f"{len(found.rates)} updates" in str(found)
    assert f"suggestion {found.suggestion:.3g}" in repr(found)


def test_optimizers_of_any_kind_with_a_rate_are_taken() -> None:
    own = SimpleNamespace(learning_rate=0.1, momentum=0.5, nesterov=False, weight_decay=0.0)
    plateau = cr.SGD(cr.schedules.ReduceOnPlateau(0.1), momentum=0.5)
    alike = [cr.find_learning_rate(a_trainer(optimizer=o), *data(), steps=20) for o in (own, plateau)]
    assert own.learning_rate == 0.1
    assert_array_equal(alike[0].losses, alike[1].losses)


@pytest.mark.parametrize(
    ("changes", "error", "words"),
    [
        ({"lowest": 0.0}, ValueError, "lowest must be greater than 0 and less than highest, but lowest is 0"),
        ({"lowest": 2.0, "highest": 1.0}, ValueError, "lowest is 2 and highest 1"),
        ({"highest": "1"}, TypeError, "highest must be a real number"),
        ({"steps": 9}, ValueError, "steps must be at least 10, but it is 9"),
        ({"explosion": 1.0}, ValueError, "explosion must be greater than 1, but it is 1"),
        ({"X": np.ones((100, 2))}, ValueError, "X has 2 features"),
        ({"trainer": None}, TypeError, "trainer must be a Trainer, but it is None"),
    ],
)
def test_arguments_that_do_not_fit_are_named(
    changes: dict[str, Any], error: type[Exception], words: str
) -> None:
    X, y = data()
    given = {"trainer": a_trainer(), "X": X, "y": y, **changes}
    with pytest.raises(error, match=words):
        cr.find_learning_rate(**given)


def test_optimizers_that_choose_their_steps_are_refused() -> None:
    for optimizer in (cr.LBFGS(), cr.RPROP()):
        trainer = cr.Trainer(
            cr.MLP([3, 2]), loss="mean_squared_error", optimizer=optimizer, batch_size="full"
        )
        with pytest.raises(
            TypeError, match=f"optimizer is {type(optimizer).__name__}, which chooses its steps"
        ):
            cr.find_learning_rate(trainer, np.ones((4, 3), "float32"), np.ones((4, 2), "float32"))


class Holding:
    """A loss and a schedule that cannot be copied."""

    def __init__(self) -> None:
        self.lock = threading.Lock()

    def __call__(self, *given: Any) -> Any:
        with self.lock:
            if len(given) == 1:
                return 0.1
            error = given[0] - given[1]
            return float((error**2).mean()), 2 * error / error.size


def test_a_loss_and_a_schedule_need_not_be_copied() -> None:
    X, _ = data()
    settings = {"loss": "mean_squared_error", "optimizer": cr.SGD(Holding())}
    for loss in ("mean_squared_error", Holding()):
        model = cr.MLP([3, 2, 1], dtype="float64", seed=0)
        trainer = cr.Trainer(model, **{**settings, "loss": loss})
        before = [array.copy() for array in trainer.state.arrays]
        assert len(cr.find_learning_rate(trainer, X, X[:, 0], steps=30).losses) > 10
        for array, other in zip(trainer.state.arrays, before, strict=True):
            assert_array_equal(array, other)


def test_a_loss_with_a_state_keeps_it() -> None:
    class Counting:
        calls = 0

        def __call__(self, prediction: Any, target: Any) -> Any:
            self.calls += 1
            return float(((prediction - target) ** 2).sum()), 2 * (prediction - target)

    X, _ = data()
    loss = Counting()
    trainer = cr.Trainer(cr.MLP([3, 1], dtype="float64"), loss=loss)
    cr.find_learning_rate(trainer, X, X[:, 0], steps=10)
    assert loss.calls == 0


def test_rates_that_are_too_far_apart_are_refused() -> None:
    with pytest.raises(ValueError, match="highest is 1e\\+308 and lowest 1e-308"):
        cr.find_learning_rate(a_trainer(), *data(), lowest=1e-308, highest=1e308)


def test_steps_in_which_nothing_counts_are_refused() -> None:
    X, y = data()
    weight = np.where(np.arange(100) == 99, 1.0, 0.0)
    trainer = a_trainer(batch_size=1, shuffle=False)
    with pytest.raises(ValueError, match="steps is 20, but in none of their batches a row counts"):
        cr.find_learning_rate(trainer, X, y, sample_weight=weight, steps=20)

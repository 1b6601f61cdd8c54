"""`fit(health=True)` records the health of each epoch, whatever way it is trained, and nothing else changes."""

from __future__ import annotations

import math
import pickle
from collections.abc import Callable
from typing import Any

import chainrule as cr
import numpy as np
import pytest
from chainrule._network import HEALTH_COLUMNS, HealthRecord
from chainrule.history import History
from many_cases import contents

_RNG = np.random.default_rng(0)
X = _RNG.standard_normal((90, 3)).astype("float32")
y = (X.sum(axis=1) > 0).astype(int)
SETTINGS: dict[str, Any] = {"batch_size": 16, "seed": 4}


def a_trainer(**settings: Any) -> cr.Trainer:
    model = cr.MLP([3, 8, 6, 2], output_activation="softmax", dropout=0.1, seed=0)
    optimizer = cr.SGD(0.1, momentum=0.5)
    return cr.Trainer(model, **{"loss": "cross_entropy", "optimizer": optimizer, **SETTINGS, **settings})


def recorded(epochs: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the record of the core, of as many epochs of the same training."""
    trainer = a_trainer()
    record = HealthRecord(np.full((epochs, 3, len(HEALTH_COLUMNS)), np.nan), np.zeros(14, np.int64))
    module = getattr(cr, cr.get_backend())
    module.train_epochs(
        trainer.model.network, trainer.state, X, y, loss=trainer.loss, optimizer=trainer.optimizer, shuffle=True, epochs=epochs,
        health=record, **SETTINGS
    )  # fmt: skip
    return record.values, record.quiet


def values(history: History) -> np.ndarray:
    """Return what a history holds, (epochs, layers, columns)."""
    assert history.health is not None
    found = [[epoch[name] for name in HEALTH_COLUMNS] for epoch in history.health if epoch is not None]
    return np.array(found).transpose(0, 2, 1)


def learned(trainer: cr.Trainer) -> dict[str, Any]:
    """Return all that training changes, to the bit, but for what was measured of it."""
    return {name: value for name, value in contents(trainer).items() if name not in ("measured", "ending")}


class Nothing(cr.Callback):
    """Makes a fit train its epochs one by one."""

    def on_epoch_end(self, fit: Any) -> None:
        assert fit.history.health[-1] is not None

    def on_batch_end(self, fit: Any) -> None:
        assert fit.loss > 0


def by_checkpoint(trainer: cr.Trainer, tmp_path: Any, **options: Any) -> History:
    history = trainer.fit(X, y, epochs=6, health=True, checkpoint=tmp_path / "a.run", **options)
    with cr.Checkpoints(tmp_path / "a.run") as run:
        run.verify()
        assert run.history.health == history.health
        assert run.history.entries() == trainer.history.entries()
    return history


WAYS: dict[str, Callable[..., History]] = {
    "at once": lambda trainer, _: trainer.fit(X, y, epochs=6, health=True),
    "validation": lambda trainer, _: trainer.fit(X, y, epochs=6, validation_data=(X, y), health=True),
    "callbacks": lambda trainer, _: trainer.fit(X, y, epochs=6, callbacks=[Nothing()], health=True),
    "time budget": lambda trainer, _: trainer.fit(X, y, epochs=6, time_budget=1e6, health=True),
    "checkpoint": by_checkpoint,
    "checkpoint, now and then": lambda trainer, path: by_checkpoint(trainer, path, checkpoint_every=4),
    "fit_many": lambda trainer, _: cr.fit_many([trainer], X, y, epochs=6, health=True)[0],
}


@pytest.mark.parametrize("way", WAYS)
def test_each_way_records_what_the_core_measures_and_trains_the_same_bits(
    way: str, backend: str, tmp_path: Any
) -> None:
    trainer, plain = a_trainer(), a_trainer()
    history = WAYS[way](trainer, tmp_path)
    plain.fit(X, y, epochs=6)
    expected, quiet = recorded(6)
    np.testing.assert_array_equal(values(history), expected)
    assert learned(trainer) == learned(plain)
    assert trainer.history.loss == plain.history.loss
    assert (plain.history.health, plain.history.last().health) == (None, None)  # type: ignore[union-attr]
    last, first = history.entries()[-1].health, history.entries()[0].health
    assert last is not None
    assert first is not None
    assert last.quiet == tuple((part >= 128).mean() for part in (quiet[:8], quiet[8:]))
    assert last.steps == 6
    assert last.beginning is None
    assert first.beginning is not None


def test_what_a_fit_begins_with_is_measured(backend: str) -> None:
    trainer = a_trainer()
    before = trainer.evaluate(X, y)["loss"]
    gains = [math.sqrt(float((w.astype(float) ** 2).sum()) / w.shape[1]) for w in trainer.model.weights]
    history = trainer.fit(X + np.float32([0, 3, 0]), y, health=True)
    entry = history.entries()[0].health
    assert entry is not None
    found = entry.beginning
    assert found is not None
    assert (found.rows, found.feature) == (90, 1)
    assert found.feature_mean == pytest.approx(float(X[:, 1].mean()) + 3, rel=1e-5)
    assert found.feature_std == pytest.approx(float(X[:, 1].std()), rel=1e-5)
    assert found.feature_rms == pytest.approx(math.hypot(found.feature_mean, found.feature_std))
    assert found.largest_std == pytest.approx(float(X.std(axis=0).max()), rel=1e-5)
    assert found.target_std == pytest.approx(math.sqrt(y.mean() * (1 - y.mean())))
    assert found.gains == pytest.approx(gains)
    assert (found.target_rms, found.beyond) == (0, 0)  # of labels

    history = a_trainer().fit(X, y, health=True)
    assert history.entries()[0].health.beginning.loss == pytest.approx(before, rel=1e-5)  # type: ignore[union-attr]


def test_the_targets_of_several_outputs_with_missing_ones_are_measured(backend: str) -> None:
    target = _RNG.standard_normal((90, 2)).astype("float32") * np.float32([1, 3])
    target[::3, 0] = np.nan
    model = cr.MLP([3, 2], seed=0)
    history = cr.Trainer(model, loss="mean_squared_error").fit(X, target, health=True)
    found = history.entries()[0].health.beginning  # type: ignore[union-attr]
    assert found is not None
    assert found.target_std == pytest.approx(math.sqrt(np.nanvar(target, axis=0).mean()), rel=1e-4)
    assert found.target_rms == pytest.approx(math.sqrt(np.nanmean(target**2, axis=0).max()), rel=1e-5)
    assert found.beyond == 0
    model = cr.MLP([3, 2], output_activation="tanh", seed=0)
    history = cr.Trainer(model, loss="mean_squared_error").fit(X, target, health=True)
    found = history.entries()[0].health.beginning  # type: ignore[union-attr]
    assert found is not None
    assert found.beyond == pytest.approx((np.abs(target) > 1).sum() / np.isfinite(target).sum())


@pytest.mark.parametrize("rows", [202, 400, 1000, 3000])
def test_rows_that_come_again_every_few_are_looked_at_alike(backend: str, rows: int) -> None:
    X = np.random.default_rng(1).uniform(size=(rows, 8)).astype("float32")
    for period in (2, 3, 4, 5, 7, 12):
        y = np.arange(rows) % period
        model = cr.MLP([8, 16, period], output_activation="softmax", seed=1)
        trainer = cr.Trainer(model, loss="cross_entropy", optimizer=cr.SGD(0.01), n_threads=1)
        loss = trainer.evaluate(X, y)["loss"]
        trainer.fit(X, y, epochs=1, health=True)
        beginning = trainer.history.entries()[0].health.beginning
        share = 1 / period
        assert beginning.target_std == pytest.approx(math.sqrt(share * (1 - share)), rel=0.02), period
        assert beginning.loss == pytest.approx(loss, rel=0.05), period


def test_the_spread_of_huge_targets_is_a_number(backend: str) -> None:
    y = 1e200 * (1 + np.random.default_rng(0).normal(size=(100, 2)))
    trainer = cr.Trainer(cr.MLP([3, 4, 2], dtype="float64", seed=0), loss="mean_absolute_error")
    trainer.fit(np.random.default_rng(1).normal(size=(100, 3)), y, epochs=6, health=True)
    began = trainer.history.entries()[0].health.beginning
    assert began.target_std == pytest.approx(1e200 * math.sqrt(((y / 1e200).std(axis=0) ** 2).mean()))
    assert trainer.health().kinds == ["targets_not_scaled"]


def test_inputs_whose_squares_overflow_are_measured_and_warn_nobody(backend: str) -> None:
    model = cr.MLP([3, 4, 1], activation="tanh", dtype="float64", seed=0)
    trainer = cr.Trainer(model, loss="mean_squared_error", seed=0)
    rows = X.astype("float64") * 1e200  # saturated: no gradient
    history = trainer.fit(rows, rows[:, :1] / 1e200, epochs=2, health=True)
    expected = 1e200 * X.astype("float64").std(axis=0).max()
    assert history.entries()[0].health.beginning.largest_std == pytest.approx(expected)  # type: ignore[union-attr]
    assert "saturated_units" in trainer.health().kinds
    assert pickle.loads(pickle.dumps(trainer)).history.entries() == trainer.history.entries()


def test_a_loss_of_the_users_is_not_called_more_often(backend: str) -> None:
    calls = []

    def loss(prediction: np.ndarray, target: np.ndarray) -> tuple[float, np.ndarray]:
        calls.append(len(prediction))
        return float(((prediction - target) ** 2).mean()), 2 * (prediction - target) / target.size

    trainer = cr.Trainer(cr.MLP([3, 4, 1], seed=0), loss=loss, batch_size=30)
    trainer.fit(X, X[:, :1], epochs=2, health=True)
    assert len(calls) == 6
    assert math.isnan(trainer.history.entries()[0].health.beginning.loss)  # type: ignore[union-attr]
    assert trainer.health().is_healthy


def test_epochs_that_were_finished_before_an_end_are_recorded(backend: str) -> None:
    class End(cr.Callback):
        def on_batch_end(self, fit: Any) -> None:
            if fit.trainer.epoch == 3 and fit.batch == 4:
                raise KeyboardInterrupt

    trainer = a_trainer()
    with pytest.raises(KeyboardInterrupt):
        trainer.fit(X, y, epochs=6, callbacks=[End()], health=True)
    np.testing.assert_array_equal(values(trainer.history), recorded(3)[0])

    trainer = a_trainer(loss="cross_entropy", optimizer=cr.SGD(lambda step: 0.1 if step < 20 else 1e39))
    with pytest.raises(FloatingPointError):
        trainer.fit(X, y, epochs=6, health=True)
    assert trainer.epoch == 3
    assert values(trainer.history).shape == (3, 3, len(HEALTH_COLUMNS))
    assert trainer.health().kinds == ["learning_rate_too_high"]
    assert trainer.health().epochs == [0, 1, 2]


def test_more_epochs_than_one_call_of_the_core_trains(backend: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chainrule._fitting.TOGETHER", 4)
    trainer, plain = a_trainer(), a_trainer()
    history = trainer.fit(X, y, epochs=10, health=True)
    plain.fit(X, y, epochs=10)
    np.testing.assert_array_equal(values(history), recorded(10)[0])
    assert learned(trainer) == learned(plain)


# Batches that come one after another


def test_batches_are_recorded_as_the_rows_of_a_fit_without_shuffling(backend: str) -> None:
    one, other = a_trainer(shuffle=False), a_trainer(shuffle=False)
    batches = [(X[i : i + 16], y[i : i + 16]) for i in range(0, 90, 16)]
    first, second = one.fit(X, y, epochs=5, health=True), other.fit_batches(batches, epochs=5, health=True)
    np.testing.assert_allclose(values(second), values(first), rtol=1e-12)
    assert learned(one) == learned(other)
    steps, last = second.entries()[0].health.steps, second.entries()[-1].health  # type: ignore[union-attr]
    assert steps == 6
    assert last is not None
    assert last.quiet == first.entries()[-1].health.quiet  # type: ignore[union-attr]
    assert other.health().kinds == one.health().kinds


def test_of_many_batches_some_are_looked_at(backend: str) -> None:
    rows = np.tile(X, (8, 1))
    labels = np.tile(y, 8)
    one, other = (a_trainer(shuffle=False, batch_size=8) for _ in range(2))
    batches = [(rows[i : i + 8], labels[i : i + 8]) for i in range(0, 720, 8)]
    first, second = one.fit(rows, labels, health=True), other.fit_batches(batches, health=True)
    both = [values(history) for history in (first, second)]
    assert both[0].shape == both[1].shape
    assert np.isfinite(both[1]).all()
    # of 90 whole batches a fit looks at 30, 60 and 90; as batches come, the last is not known to be whole
    assert not (both[0] == both[1]).all()

    generated = a_trainer(shuffle=False)
    history = generated.fit_batches(lambda _: iter(batches), epochs=2, health=True)
    assert np.isfinite(values(history)).all()
    assert history.entries()[0].health.steps == 90  # type: ignore[union-attr]


def test_batches_of_one_row_are_recorded_but_for_what_one_row_cannot_show(backend: str) -> None:
    trainer, spread = a_trainer(), HEALTH_COLUMNS.index("activation_std")
    single = [(X[i : i + 1], y[i : i + 1]) for i in range(40)]
    found = values(trainer.fit_batches(single, epochs=2, health=True))
    assert np.isnan(found[..., spread]).all()
    assert np.isfinite(np.delete(found, spread, axis=-1)).all()
    several = lambda _: iter([(X[:16], y[:16]), *single[:32]])  # the first and the last are looked at
    assert np.isfinite(values(trainer.fit_batches(several, health=True))).all()


def test_batches_that_are_not_finite_are_judged(backend: str) -> None:
    model = cr.MLP([3, 8, 1], seed=0)
    trainer = cr.Trainer(model, loss="mean_squared_error", optimizer=cr.SGD(1e6))
    with pytest.raises(FloatingPointError):
        trainer.fit_batches([(X, X[:, 0])] * 9, health=True)
    assert trainer.health().kinds == ["learning_rate_too_high"]


# What is kept


def test_the_record_is_in_pickles_and_old_ones_are_read(backend: str) -> None:
    trainer = a_trainer()
    trainer.fit(X, y, epochs=3, validation_data=(X, y))
    trainer.fit(X, y, epochs=6, health=True)
    copy = pickle.loads(pickle.dumps(trainer))
    assert copy.history.entries() == trainer.history.entries()
    assert copy.history.health == [None] * 3 + trainer.history.health[3:]  # type: ignore[index]
    assert str(copy.health()) == str(trainer.health())
    assert trainer.health().epochs == [3, 4, 5, 6, 7, 8]

    record = trainer.history.__getstate__()
    assert [len(entry) for entry in record["measured"]] == [5] * 3 + [6] * 6
    for wrong in (
        [[[0.0] * 8] * 3, 6, None],
        [[[0.0] * 7] * 3, 6, None, None],
        [[[0.0] * 8] * 3, -1, None, None],
    ):
        bad = {**record, "measured": [[*record["measured"][0], wrong]]}
        with pytest.raises(ValueError, match=r"^the health of measured\[0\]"):
            History().__setstate__(bad)
    with pytest.raises(ValueError, match=r"^measured\[0\] must have 5 values, but it has 2; a sixth"):
        History().__setstate__({**record, "measured": [[0, 1.0]]})


def test_a_resumed_run_goes_on_with_its_record(backend: str, tmp_path: Any) -> None:
    path = tmp_path / "a.run"
    trainer = a_trainer()
    trainer.fit(X, y, epochs=6, health=True, checkpoint=path)
    resumed = cr.Trainer.resume(path)
    assert resumed.history.entries() == trainer.history.entries()
    assert str(resumed.health()) == str(trainer.health())
    resumed.fit(X, y, epochs=2, health=True, checkpoint=path)
    assert resumed.health().epochs == [6, 7]
    with cr.Checkpoints(path) as run:
        assert run.history.health == resumed.history.health
        run.to_safetensors(tmp_path / "a.safetensors")


def test_the_last_fit_with_a_record_is_the_one_that_is_judged(backend: str) -> None:
    trainer = a_trainer()
    first = trainer.fit(X, y, epochs=3, health=True)
    trainer.fit(X, y, epochs=2)
    assert trainer.health().epochs == [0, 1, 2]
    assert trainer.history.health == [*first.health, None, None]  # type: ignore[misc]


# What is refused


@pytest.mark.parametrize("optimizer", [cr.LBFGS(), cr.LevenbergMarquardt()])
def test_optimizers_that_take_all_rows_at_once_are_refused(optimizer: Any, backend: str) -> None:
    trainer = cr.Trainer(
        cr.MLP([3, 2, 1], seed=0), loss="half_squared_error", optimizer=optimizer, batch_size="full"
    )
    name = type(optimizer).__name__
    with pytest.raises(ValueError, match=rf"^health looks at the updates .* but {name} searches"):
        trainer.fit(X, X[:, 0], health=True)
    assert trainer.epoch == 0
    trainer.optimizer = cr.RPROP()
    trainer.fit(X, X[:, 0], epochs=2, health=True)
    assert trainer.history.health is not None


def test_health_must_be_a_bool_and_errors_leave_no_trace(backend: str) -> None:
    trainer = a_trainer()
    with pytest.raises(TypeError, match=r"^health must be True or False, but it is 1"):
        trainer.fit(X, y, health=1)  # type: ignore[arg-type]
    trainer.model.weights[0] = np.zeros((2, 2), "float32")
    with pytest.raises(ValueError, match="weights"):
        trainer.fit(X, y, health=True)
    assert (trainer.health_began, len(trainer.history)) == (None, 0)

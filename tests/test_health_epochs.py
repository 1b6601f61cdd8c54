"""Which epochs are measured for health: of short ones not each, so that a long fit costs no more for it."""

from __future__ import annotations

import shutil
from typing import Any

import chainrule as cr
import numpy as np
import pytest
from chainrule._health_quiet import QuietUnits, needed_rows
from chainrule._network import HealthRecord, measured_epochs
from chainrule.history import History
from health_by_hand import empty_health
from test_order_and_record import eleven_rows
from training_cases import make_case

rng = np.random.default_rng(0)
X, y = rng.normal(size=(40, 3)), rng.integers(0, 3, 40)
EPOCHS, FEW = 70, [0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16, 20, 24, 28, 32, 40, 48, 56, 64, 69]
"""So many epochs of a single update each, and those of them that are measured."""


def chosen(*of: int, last: int = -1) -> list[int]:
    return np.flatnonzero(measured_epochs(*of, last)).tolist()


def test_short_epochs_are_measured_ever_less_often() -> None:
    assert chosen(0, EPOCHS, 1, 64, last=EPOCHS - 1) == FEW
    assert chosen(0, EPOCHS, 1, 64) == FEW[:-1]
    assert chosen(10, 20, 1, 64, last=30) == chosen(10, 20, 1, 64) == [0, 2, 4, 6, 10, 14, 18]
    assert chosen(10, 20, 1, 64, last=29) == [0, 2, 4, 6, 10, 14, 18, 19]
    assert chosen(64, 300, 1, 64) == [0, 16, 32, 48, 64, 96, 128, 160, 192, 256]
    assert chosen(0, 20, 32, 64) == chosen(0, 20, 63, 64) == [*range(8), 8, 10, 12, 14, 16, 18]
    assert chosen(0, 99, 64, 64) == chosen(0, 99, 5000, 64) == list(range(99))
    assert chosen(1024, 3000, 4, 1024) == list(range(0, 3000, 256))


@pytest.mark.parametrize("steps", [1, 2, 3, 5, 29, 63, 64, 100])
def test_each_third_of_a_fit_is_seen_and_a_long_one_pays_for_one_step_in_64(steps: int) -> None:
    for epochs in range(1, 300):
        found = measured_epochs(0, epochs, steps, 64, -1)
        assert found[0]
        assert all(part.any() for part in np.array_split(found, 3) if len(part))
        assert found.sum() <= 8 + 4 * 6 + max(epochs * steps / 64, epochs if steps >= 64 else 0) + 1
        for split in (1, 7, epochs // 2):
            parts = measured_epochs(0, split, steps, 64, -1), measured_epochs(split, epochs, steps, 64, -1)
            np.testing.assert_array_equal(np.concatenate(parts)[:epochs], found)


@pytest.mark.parametrize("kind", ["tiny", "narrow", "row by row"])
def test_the_cores_leave_out_epochs_that_are_not_wanted(core: Any, dtype: str, kind: str) -> None:
    make = (lambda: eleven_rows(dtype)) if kind == "row by row" else (lambda: make_case(2, dtype, kind))
    how = {"epochs": 6, **({"batch_size": 1} if kind == "row by row" else {})}
    whole, case, plain = make(), make(), make()
    each, some = empty_health(whole, **how), empty_health(case, **how)
    some = some._replace(measured=np.array([True, False, False, True, True, False]))
    assert some.measured is not None
    whole.train(core, health=each, **how)
    case.train(core, health=some, **how)
    plain.train(core, **how)
    assert case.contents() == whole.contents() == plain.contents()
    np.testing.assert_array_equal(some.values[some.measured], each.values[some.measured])
    assert np.isnan(some.values[~some.measured]).all()

    # units are quiet by the rows of the epochs that were measured
    alone, quiet = make(), np.zeros_like(some.quiet)
    for wanted in some.measured:
        one = HealthRecord(np.empty_like(some.values[:1]), quiet)
        alone.train(core, **{**how, "epochs": 1}, health=one if wanted else None)
    np.testing.assert_array_equal(some.quiet, quiet)

    none = empty_health(make(), **how)._replace(measured=np.zeros(6, bool))
    make().train(core, health=none, **how)
    assert np.isnan(none.values).all()
    assert not none.quiet.any()


class Nothing(cr.Callback):
    """Makes a fit train its epochs one by one."""

    def on_epoch_end(self, fit: Any) -> None:
        assert len(fit.history.health) == len(fit.history)
        assert fit.history.health[-1] is not None


def a_trainer(**settings: Any) -> cr.Trainer:
    model = cr.MLP([3, 7, 3], output_activation="softmax", dtype="float64", seed=0)
    return cr.Trainer(
        model,
        loss="cross_entropy",
        optimizer=cr.SGD(0.5),
        **{"batch_size": "full", "n_threads": 1, "seed": 2, **settings},
    )


def by_batches(trainer: cr.Trainer, _: Any) -> History:
    return trainer.fit_batches([(X, y)], epochs=EPOCHS, health=True)


def by_resuming(trainer: cr.Trainer, tmp_path: Any) -> History:
    """Go on from what a run held after 27 epochs of the fit, as after a crash."""

    class Copy(cr.Callback):
        def on_epoch_end(self, fit: Any) -> None:
            if len(fit.history) == 28:
                shutil.copy(tmp_path / "a.run", tmp_path / "b.run")

    options = {"health": True, "tolerance": 1e-9}
    trainer.fit(X, y, epochs=EPOCHS, **options, callbacks=[Copy()], checkpoint=tmp_path / "a.run")
    resumed = cr.Trainer.resume(tmp_path / "b.run")
    assert resumed.epoch == trainer.epoch - EPOCHS + 27
    resumed.fit(X, y, epochs=EPOCHS - 27, **options, checkpoint=tmp_path / "b.run")
    assert str(resumed.health()) == str(trainer.health())
    return resumed.history


WAYS: dict[str, Any] = {
    "at once": lambda trainer, _: trainer.fit(X, y, epochs=EPOCHS, health=True),
    "validation": lambda trainer, _: trainer.fit(X, y, epochs=EPOCHS, validation_data=(X, y), health=True),
    "callbacks": lambda trainer, _: trainer.fit(X, y, epochs=EPOCHS, callbacks=[Nothing()], health=True),
    "checkpoint": lambda trainer, path: trainer.fit(
        X, y, epochs=EPOCHS, checkpoint=path / "a.run", health=True
    ),
    "fit_many": lambda trainer, _: cr.fit_many([trainer], X, y, epochs=EPOCHS, health=True)[0],
    "batches": by_batches,
    "resuming": by_resuming,
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("before", [0, 3])
def test_epochs_between_have_the_numbers_of_the_last_that_was_measured(
    backend: str, tmp_path: Any, way: str, before: int
) -> None:
    settings = {"shuffle": False} if way == "batches" else {}
    trainer, twin = a_trainer(**settings), a_trainer(**settings)
    if before:
        trainer.fit(X, y, epochs=before)
        twin.fit(X, y, epochs=before)
    history = WAYS[way](trainer, tmp_path)
    record = HealthRecord(np.empty((EPOCHS, 2, 8)), np.zeros(7, np.int64))
    getattr(cr, backend).train_epochs(
        twin.model.network, twin.state, X, y, loss=twin.loss, optimizer=twin.optimizer, batch_size=40,
        shuffle=twin.shuffle, seed=2, epochs=EPOCHS, n_threads=1, health=record
    )  # fmt: skip
    entries = history.entries()[-EPOCHS:]
    for i, entry in enumerate(entries):
        assert entry.health is not None
        last = max(epoch for epoch in FEW if epoch <= i)
        np.testing.assert_allclose(entry.health.values, record.values[last], rtol=1e-12)
        assert entry.health.steps == 1
        assert (entry.health.beginning is None) == (i > 0)
    assert entries[-1].health.quiet is not None
    assert trainer.health().epochs == list(range(before, before + EPOCHS))


# What is found where few epochs are measured


class Kills(cr.Callback):
    """Makes the units of the first layer dead after an epoch."""

    def __init__(self, after: int) -> None:
        self._after = after

    def on_epoch_end(self, fit: Any) -> None:
        if len(fit.history) == self._after:
            fit.trainer.model.biases[0][:] = -50


@pytest.mark.parametrize("rows", [20, 60, 150])
@pytest.mark.parametrize(("after", "epochs"), [(65, 95), (65, 111), (129, 191), (129, 223), (3, 6)])
def test_units_that_die_late_are_found(backend: str, rows: int, after: int, epochs: int) -> None:
    found = np.random.default_rng(0).normal(size=(rows, 4))
    model = cr.MLP([4, 8, 2], output_activation="softmax", dtype="float64", seed=1)
    trainer = cr.Trainer(model, loss="cross_entropy", optimizer=cr.SGD(0.1), batch_size="full", seed=1)
    labels = (found[:, 0] + found[:, 1] > 0).astype(int)
    trainer.fit(found, labels, epochs=epochs, health=True, callbacks=[Kills(after)])
    assert "dead_units" in trainer.health().kinds


@pytest.mark.parametrize(("cut", "epochs"), [(10, 12), (30, 34), (66, 75), (66, 100)])
@pytest.mark.parametrize("dies", [True, False])
def test_dead_units_are_remembered_when_a_fit_goes_on(
    backend: str, tmp_path: Any, cut: int, epochs: int, dies: bool
) -> None:
    class Copy(cr.Callback):
        def on_epoch_end(self, fit: Any) -> None:
            if len(fit.history) == cut:
                shutil.copy(tmp_path / "a.run", tmp_path / "b.run")

    trainer = a_trainer()
    if dies:
        trainer.model.biases[0][:] = -50
    trainer.fit(X, y, epochs=epochs, health=True, checkpoint=tmp_path / "a.run", callbacks=[Copy()])
    resumed = cr.Trainer.resume(tmp_path / "b.run")
    resumed.fit(X, y, epochs=epochs - resumed.epoch, health=True, checkpoint=tmp_path / "b.run")
    assert str(resumed.health()) == str(trainer.health())
    assert ("dead_units" in resumed.health().kinds) == dies
    last = resumed.history.entries()[-1].health
    assert last is not None
    assert last.quiet == trainer.history.entries()[-1].health.quiet  # type: ignore[union-attr]


def test_units_that_live_again_after_a_resume_are_not_dead(backend: str, tmp_path: Any) -> None:
    trainer = a_trainer()
    trainer.model.biases[0][:] = -50
    trainer.fit(X, y, epochs=40, health=True, checkpoint=tmp_path / "a.run")
    assert trainer.health().kinds == ["dead_units"]
    quiet = QuietUnits((4, 2), (1.0, 0.5))
    assert quiet.shares(0, 8) == (1.0, 0.5)
    quiet.rows[:] = [5, 5, 0, 2, 5, 5]
    assert quiet.shares(5, 8) == (0.5, 0.5)
    assert quiet.shares(8, 5) == (0.5, 1.0)


def test_how_many_rows_a_unit_must_be_zero_in() -> None:
    assert [needed_rows(*of) for of in ((0, 0), (0, 40), (40, 0), (5000, 512), (150, 64))] == [128] * 5
    assert [needed_rows(*of) for of in ((4, 4), (10, 10), (20, 20), (60, 60), (60, 16), (60, 1))] == [
        8,
        20,
        40,
        120,
        32,
        32,
    ]


@pytest.mark.parametrize("said", [100, 70, 5])
def test_batches_that_are_fewer_than_was_said(backend: str, said: int) -> None:
    class Batches:
        def __len__(self) -> int:
            return said

        def __iter__(self) -> Any:
            return iter([(X[i : i + 10], y[i : i + 10]) for i in range(0, 30, 10)])

    history = a_trainer().fit_batches(Batches(), epochs=12, health=True)
    seen = [
        entry.health is not None and np.isfinite(entry.health.values).all() for entry in history.entries()
    ]
    assert seen == [False] + [True] * 11


def test_epochs_that_were_not_measured_are_no_points_of_a_line(backend: str) -> None:
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    from chainrule import plots

    history = a_trainer().fit(X, y, epochs=EPOCHS, health=True)
    for line in plots.gradient_norms(history).get_lines():
        assert line.get_xdata().tolist() == FEW

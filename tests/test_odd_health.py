"""The health of fits whose numbers are huge: nothing overflows, and training is as without a record."""

from __future__ import annotations

import pickle
import shutil
from pathlib import Path
from typing import Any

import chainrule as cr
import numpy as np
import pytest

rng = np.random.default_rng(0)
X = rng.normal(size=(40, 2))
y = X.sum(axis=1)
FAR = np.where(y > 0, 1.7e308, -1.7e308)
CASES = {
    "inputs": (X * 1e300, y, {}),
    "inputs of one sign": (np.abs(X) * 1e300 + 1e307, y, {}),
    "subnormal inputs": (X * 1e-310, y, {}),
    "targets": (X, np.where(y > 0, 1e300, -1e300), {"loss": "mean_absolute_error"}),
    "a mean of losses that overflows": (X, FAR, {"loss": "mean_absolute_error", "batch_size": 1}),
    "targets of next to nothing": (X, y * 1e-310, {}),
}


def fitted(
    X: Any, y: Any, loss: str = "mean_squared_error", batch_size: int = 8, **arguments: Any
) -> cr.Trainer:
    model = cr.MLP([2, 3, 1], activation="tanh", dtype="float64", seed=0)
    trainer = cr.Trainer(model, loss=loss, optimizer=cr.SGD(0.1), batch_size=batch_size)
    trainer.fit(X, y, epochs=6, **arguments)
    return trainer


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("case", CASES)
def test_huge_and_tiny_numbers_are_judged_like_others(backend: str, case: str, tmp_path: Path) -> None:
    X, y, settings = CASES[case]
    path = tmp_path / "digits.run"
    plain = fitted(X, y, **settings)
    seen = fitted(X, y, **settings, health=True, checkpoint=path)
    for one, other in zip(plain.state.arrays, seen.state.arrays, strict=True):
        np.testing.assert_array_equal(one, other, strict=True)
    report = str(seen.health())
    assert report == str(pickle.loads(pickle.dumps(seen)).health()) == str(cr.Trainer.resume(path).health())
    assert ("inputs are not scaled" in report) == ("inputs" in case), report


@pytest.mark.filterwarnings("error")
def test_the_scale_of_huge_inputs_is_known(backend: str) -> None:
    began = fitted(X * 1e300, y, health=True).health_began
    assert began is not None
    usual = fitted(X * 2.0**10, y, health=True).health_began
    assert usual is not None
    assert began[1].feature == usual[1].feature
    for name in ("feature_rms", "feature_mean", "feature_std", "largest_std"):
        assert getattr(began[1], name) / 1e300 == pytest.approx(getattr(usual[1], name) / 2**10)


@pytest.mark.parametrize(
    "more", [{}, {"early_stopping": cr.EarlyStopping(patience=99)}], ids=["plain", "early stopping"]
)
def test_a_fit_that_goes_on_after_it_was_killed_is_judged_from_its_beginning(
    backend: str, tmp_path: Path, more: Any
) -> None:
    path, arguments = tmp_path / "a.run", {**more, "validation_data": (X, y), "health": True}
    whole = fitted(X * 1e4, y, validation_data=(X, y), health=True)

    class Killed(BaseException):
        pass

    class Killer:
        def on_epoch_begin(self, fit: Any) -> None:
            if fit.trainer.epoch == 2:
                shutil.copy(path, tmp_path / "b.run")
                raise Killed

    model = cr.MLP([2, 3, 1], activation="tanh", dtype="float64", seed=0)
    first = cr.Trainer(model, loss="mean_squared_error", optimizer=cr.SGD(0.1), batch_size=8)
    with pytest.raises(Killed):
        first.fit(X * 1e4, y, epochs=6, checkpoint=path, callbacks=[Killer()], **arguments)
    second = cr.Trainer.resume(tmp_path / "b.run")
    second.fit(X * 1e4, y, epochs=4, checkpoint=tmp_path / "b.run", **arguments)
    assert second.health().epochs == whole.health().epochs == list(range(6))
    assert second.health().to_dict() == whole.health().to_dict()
    again = cr.Trainer.resume(tmp_path / "b.run")
    assert again.health().to_dict() == whole.health().to_dict()
    again.fit(X, y, epochs=2, health=True)  # the other one had ended: this is a fit of its own
    assert again.health().epochs == [6, 7]


def test_a_first_batch_that_is_easy_is_not_taken_for_all(backend: str) -> None:
    model = cr.MLP([2, 8, 1], activation="relu", dtype="float64", seed=0)
    trainer = cr.Trainer(model, loss="mean_squared_error", optimizer=cr.SGD(0.001))
    target = y[:, np.newaxis] + model.predict(X)  # what the network gives already, for the first row
    target[0] = model.predict(X)[0] + 0.01
    batches = [(X[i:j], target[i:j]) for i, j in ((0, 1), (1, 20), (20, 40))]
    losses = trainer.fit_batches(batches, epochs=8, health=True).loss
    assert losses[-1] < losses[0]
    assert "learning_rate_too_high" not in trainer.health().kinds

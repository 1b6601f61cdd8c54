"""Prediction intervals from the quantile loss: as many targets as promised lie in them, on rows that were not trained on."""

from __future__ import annotations

from typing import Any

import chainrule as cr
import numpy as np
import pytest
from chainrule.losses import Quantile


def some(rows: int, seed: int) -> tuple[Any, Any]:
    rng = np.random.default_rng(seed)
    x = rng.uniform(-1, 1, (rows, 1)).astype("float32")
    return x, (2 * x + (0.6 + 0.5 * x) * rng.exponential(1, x.shape)).astype("float32")


def test_intervals_cover_their_share_of_rows_held_out(backend: str) -> None:
    """By chance alone the share of 3,000 rows is off by 0.008 at most (two standard deviations of a tenth)."""
    levels = (0.05, 0.25, 0.5, 0.95)
    x, y = some(3000, seed=0)
    model = cr.MLP([1, 24, 24, 4], activation="tanh", seed=1)
    schedule = cr.schedules.Cosine(0.01, 40 * 47)
    trainer = cr.Trainer(model, loss=Quantile(levels), optimizer=cr.Adam(schedule), batch_size=64)
    trainer.fit(x, y[:, 0], epochs=40)
    x_test, y_test = some(3000, seed=1)
    below = (y_test <= model.predict(x_test)).mean(axis=0)
    np.testing.assert_allclose(below, levels, atol=0.03)
    low = x_test[:, 0] < 0  # in either half, as the interval follows the spread
    for half in (low, ~low):
        np.testing.assert_allclose((y_test <= model.predict(x_test))[half].mean(axis=0), levels, atol=0.05)


def test_without_inputs_it_is_the_quantile_of_the_targets(backend: str) -> None:
    y = np.random.default_rng(2).normal(size=(501, 1))
    model = cr.MLP([1, 3], dtype="float64", seed=0)
    rate = cr.schedules.Cosine(0.05, 4000)
    trainer = cr.Trainer(model, loss=Quantile((0.1, 0.5, 0.9)), optimizer=cr.Adam(rate), batch_size="full")
    trainer.fit(np.zeros((501, 1)), y, epochs=4000)
    np.testing.assert_allclose(model.biases[0], np.quantile(y, (0.1, 0.5, 0.9)), atol=0.02)


def test_the_target_of_all_levels_is_one_column_or_one_for_each(backend: str) -> None:
    x, y = some(50, seed=3)
    made = []
    for target in (y, y[:, 0], np.repeat(y, 3, axis=1), y[:, 0].tolist()):
        model = cr.MLP([1, 3], seed=0)
        cr.Trainer(model, loss=Quantile((0.1, 0.5, 0.9))).fit(x, target)
        made.append(model.weights[0].tobytes())
    assert len(set(made)) == 1
    with pytest.raises(ValueError, match=r"^y has 2 columns, but this MLP has 3 outputs$"):
        cr.Trainer(cr.MLP([1, 3]), loss=Quantile((0.1, 0.5, 0.9))).fit(x, np.repeat(y, 2, axis=1))

"""Predict an interval instead of a number, robustly and with missing targets: the quantile and Huber losses.

A quantity whose spread grows with x is learned by one network with three outputs, for the levels 0.05, 0.5 and 0.95: between
the outer two should lie nine tenths of the targets, also on rows that were not trained on. Then a tenth of the targets is
spoilt by a constant; a Huber loss hardly notices what leads the squared error astray. At the end half of the targets are
taken away (NaN), which costs the rest nothing. Run it with ``python examples/intervals.py``.
"""

from __future__ import annotations

import sys

import chainrule as cr
import numpy as np
from chainrule.losses import Huber, Quantile

LEVELS = (0.05, 0.5, 0.95)


def some(rows: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Give x from -1 to 1, and a wave with noise that grows from 0.1 to 0.5."""
    rng = np.random.default_rng(seed)
    x = rng.uniform(-1, 1, (rows, 1))
    return x, wave(x) + (0.3 + 0.2 * x) * rng.standard_normal((rows, 1))


def wave(x: np.ndarray) -> np.ndarray:
    """Give what lies under the noise."""
    return np.sin(3 * x)


def trained(n_out: int, loss: object, x: np.ndarray, y: np.ndarray) -> cr.MLP:
    """Give a small network, trained."""
    model = cr.MLP([1, 32, 32, n_out], activation="tanh", dtype="float64", seed=0)
    epochs, batch = 60, 64
    steps = epochs * -(-len(x) // batch)
    trainer = cr.Trainer(
        model, loss=loss, optimizer=cr.Adam(cr.schedules.Cosine(0.01, steps)), batch_size=batch, seed=0
    )
    trainer.fit(x, y, epochs=epochs)
    return model


def main() -> int:
    x, y = some(4000, seed=1)
    x_test, y_test = some(4000, seed=2)
    low, middle, high = trained(3, Quantile(LEVELS), x, y).predict(x_test).T
    inside = np.mean((low <= y_test[:, 0]) & (y_test[:, 0] <= high))
    below = np.mean(y_test[:, 0] < middle)
    print(f"of 4,000 new targets {inside:.1%} lie in the interval for 90 %, and {below:.1%} below the median")

    spoilt = y.copy()
    spoilt[::10] += 5
    errors = {}
    for name, loss in (("mean squared error", "mean_squared_error"), ("Huber loss", Huber(delta=0.3))):
        model = trained(1, loss, x, spoilt)
        errors[name] = float(np.abs(model.predict(x_test) - wave(x_test)).mean())
        print(f"a tenth of the targets spoilt: off the wave by {errors[name]:.3f} with the {name}")

    half = y.copy()
    half[np.random.default_rng(3).random(len(y)) < 0.5] = np.nan
    off = float(np.abs(trained(1, "mean_squared_error", x, half).predict(x_test) - wave(x_test)).mean())
    print(f"half of the targets missing: off by {off:.3f}")
    good = 0.87 < inside < 0.93 and errors["Huber loss"] < errors["mean squared error"] / 2 and off < 0.06
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())

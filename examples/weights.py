"""What counts how much: weights of classes and rows, and targets that are missing.

A rare class is lost among many rows until its rows count more. A row of weight 2 counts as the same row twice. Of two
quantities that are learned together one is unknown in most rows: NaN leaves it out, and the rows are still of use for the
other. Run it with ``python examples/weights.py``.
"""

from __future__ import annotations

import sys

import chainrule as cr
import numpy as np


def rare_class(rng: np.random.Generator) -> bool:
    """One row in thirty is of class 1, and the two overlap."""
    y = (rng.uniform(size=3000) < 1 / 30).astype(int)
    X = rng.normal(size=(3000, 4)) + 1.2 * y[:, None]
    found = {}
    for weight in (None, "balanced"):
        model = cr.MLP([4, 16, 1], output_activation="sigmoid", dtype="float64", seed=0)
        trainer = cr.Trainer(model, loss="binary_cross_entropy", optimizer=cr.Adam(0.01), batch_size=100)
        trainer.fit(X[:2000], y[:2000].astype(float), epochs=30, class_weight=weight)
        right = (model.predict(X[2000:])[:, 0] >= 0.5) == y[2000:]
        found[weight] = right[y[2000:] == 1].mean()
        print(
            f"class_weight={weight!s:9} finds {found[weight]:.0%} of the rare class, {right.mean():.0%} of all rows are right"
        )
    return bool(found["balanced"] > found[None])


def weight_two_is_twice(rng: np.random.Generator) -> bool:
    """Train once with weights, once with the rows themselves twice."""
    X, y = rng.normal(size=(50, 3)), rng.normal(size=50)
    twice = np.repeat(np.arange(50), rng.integers(1, 3, 50))
    weights = np.bincount(twice).astype(float)
    outputs = []
    for rows, weight in ((np.arange(50), weights), (twice, None)):
        model = cr.MLP([3, 8, 1], activation="tanh", dtype="float64", seed=0)
        trainer = cr.Trainer(model, loss="mean_squared_error", optimizer=cr.SGD(0.1), batch_size="full")
        trainer.fit(X[rows], y[rows], epochs=100, sample_weight=weight)
        outputs.append(model.predict(X))
    apart = float(np.abs(outputs[0] - outputs[1]).max())
    print(f"weight 2, and the row twice: predictions are {apart:.1e} apart")
    return apart < 1e-12


def missing_targets(rng: np.random.Generator) -> bool:
    """Learn two quantities, of which the second is known in every tenth row."""
    X = rng.normal(size=(1000, 5))
    y = np.column_stack([X[:, 0] + X[:, 1], X[:, 0] - X[:, 1]])
    known = y.copy()
    known[np.arange(1000) % 10 > 0, 1] = np.nan
    model = cr.MLP([5, 32, 2], dtype="float64", seed=0)
    trainer = cr.Trainer(model, loss="mean_squared_error", output_weights=[1, 3], optimizer=cr.Adam(0.01))
    trainer.fit(X, known, epochs=60)
    unknown = np.isnan(known[:, 1])
    r2 = cr.metrics.r2(y[unknown, 1:], model.predict(X)[unknown, 1:])
    print(f"R2 of the second quantity where it was missing: {r2:.3f}")
    return r2 > 0.9


def main() -> int:
    """Show all three; return 1 if one is not as it should be."""
    rng = np.random.default_rng(0)
    return 0 if all([rare_class(rng), weight_two_is_twice(rng), missing_targets(rng)]) else 1


if __name__ == "__main__":
    sys.exit(main())

"""Make four faults, and let the library say what is wrong.

The digits are learned by a network that is as it should be, and by four that are not: sigmoids in eight layers, a learning
rate that is far too high, one that is far too low, and pixels a thousand times as large. ``fit(health=True)`` records
gradients, activations and updates of each layer; ``trainer.health()`` says in plain words what they mean. Run it with ``python examples/health.py``.
"""

from __future__ import annotations

import sys
from typing import Any

import chainrule as cr
import numpy as np
from chainrule.datasets import load_digits

EPOCHS = 10


def fitted(
    X: np.ndarray, y: np.ndarray, layers: list[int], activation: str, learning_rate: float, **options: Any
) -> cr.Trainer:
    """Train a network on the digits, to its end or until a number is not finite."""
    model = cr.MLP([64, *layers, 10], activation=activation, output_activation="softmax", seed=0, **options)
    trainer = cr.Trainer(model, loss="cross_entropy", optimizer=cr.SGD(learning_rate), batch_size=32)
    try:
        trainer.fit(X, y, epochs=EPOCHS, health=True)
    except FloatingPointError as error:
        print("ended by:", error)
    return trainer


def main() -> int:
    digits = load_digits()
    X, y = (digits.data / 16).astype("float32"), digits.target
    fits: dict[str, tuple[list[str], cr.Trainer]] = {
        "as it should be": ([], fitted(X, y, [32], "relu", 0.1, initializer="he_normal")),
        "eight layers of sigmoids": (["vanishing_gradients"], fitted(X, y, [32] * 8, "sigmoid", 0.1)),
        "a rate of 8": (["learning_rate_too_high", "dead_units"], fitted(X, y, [32], "relu", 8.0)),
        "a rate of 0.000001": (["learning_rate_too_low"], fitted(X, y, [32], "relu", 1e-6)),
        "pixels times 1000": (
            ["inputs_not_scaled", "saturated_units"],
            fitted(1000 * X, y, [32], "tanh", 0.1),
        ),
    }
    right = True
    for name, (expected, trainer) in fits.items():
        report = trainer.health()
        print(f"{name}: loss {trainer.history.loss[-1]:.3f}\n{report}\n")
        right = right and report.kinds == expected

    deep = fits["eight layers of sigmoids"][1].history.health
    assert deep is not None
    assert deep[-1] is not None
    norms = ", ".join(f"{norm:.0e}" for norm in deep[-1]["gradient_norm"])
    print("gradient norms of the nine layers with sigmoids:", norms)
    return 0 if right else 1


if __name__ == "__main__":
    sys.exit(main())

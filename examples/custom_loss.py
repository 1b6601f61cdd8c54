"""A loss of your own: a function of prediction and target that returns the value and its derivative by the prediction.

Here the cost of an order that is too small is four times that of one too large, by the half: an asymmetric squared error.
The network then orders more than the mean. Run it with ``python examples/custom_loss.py``.
"""

from __future__ import annotations

import sys

import chainrule as cr
import numpy as np


def costly_shortage(prediction: np.ndarray, target: np.ndarray) -> tuple[float, np.ndarray]:
    """Give the mean of ``c e^2 / 2`` over rows, with ``c = 4`` where the prediction is too small, else 1; and its gradient."""
    error = prediction - target
    cost = np.where(error < 0, 4, 1)
    return float((cost * error**2).sum() / 2 / len(error)), cost * error / len(error)


def main() -> int:
    rng = np.random.default_rng(0)
    x = rng.uniform(-1, 1, (2000, 1))
    demand = 2 + np.cos(2 * x) + 0.5 * rng.standard_normal(x.shape)
    shares = {}
    for name, loss in (("squared error", "half_squared_error"), ("costly shortage", costly_shortage)):
        model = cr.MLP([1, 24, 1], activation="tanh", dtype="float64", seed=0)
        trainer = cr.Trainer(model, loss=loss, optimizer=cr.Adam(0.01), batch_size=50)
        history = trainer.fit(x, demand, epochs=40, validation_split=0.2)
        shares[name] = float((model.predict(x) >= demand).mean())
        print(
            f"{name}: validation loss {history.validation_loss[-1]:.3f}; {shares[name]:.0%} of the demand is met"
        )
    return 0 if shares["costly shortage"] > shares["squared error"] + 0.15 else 1


if __name__ == "__main__":
    sys.exit(main())

"""Look at a training while it goes on, and step in: weights that are kept small, a log of batches, an end of one's own."""

from __future__ import annotations

import chainrule as cr
import numpy as np
from chainrule.callbacks import Fit
from chainrule.datasets import load_digits
from chainrule.preprocessing import train_test_split


class LargestWeight(cr.Callback):
    """Keeps every weight within a bound, after each batch, and notes how many had to be cut."""

    def __init__(self, bound: float) -> None:
        self.bound, self.cut = bound, 0

    def on_batch_end(self, fit: Fit) -> None:
        """Cut what is beyond the bound."""
        for weights in fit.model.weights:
            self.cut += int((np.abs(weights) > self.bound).sum())
            np.clip(weights, -self.bound, self.bound, out=weights)


class GoodEnough(cr.Callback):
    """Ends the fit when the held-out accuracy is reached, and says what it saw."""

    def __init__(self, accuracy: float) -> None:
        self.accuracy = accuracy

    def on_epoch_end(self, fit: Fit) -> None:
        """Look at the held-out rows."""
        reached = fit.measured.validation_metrics["accuracy"]
        print(f"epoch {fit.trainer.epoch:2}: loss {fit.measured.loss:.4f}, held-out accuracy {reached:.1%}")
        if reached >= self.accuracy:
            fit.stop()

    def on_fit_end(self, fit: Fit) -> None:
        """Say why it ended."""
        print("ended because of:", fit.history.stopped_because)


def main() -> None:
    """Train on the digits until 96 % of the held-out ones are right."""
    digits = load_digits()
    X, X_test, y, y_test = train_test_split(digits.data / 16, digits.target, test_size=0.2, seed=0)
    model = cr.MLP([64, 64, 10], output_activation="softmax", seed=0)
    trainer = cr.Trainer(model, loss="cross_entropy", optimizer=cr.SGD(0.1, momentum=0.9))
    small = LargestWeight(0.4)
    trainer.fit(
        X,
        y,
        epochs=30,
        validation_data=(X_test, y_test),
        metrics=["accuracy"],
        callbacks=[small, GoodEnough(0.96)],
    )
    print(
        f"weights were cut {small.cut} times; the largest is {max(np.abs(w).max() for w in model.weights):.2f}"
    )


if __name__ == "__main__":
    main()

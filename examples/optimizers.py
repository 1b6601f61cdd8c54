"""Optimizers and schedules side by side, on handwritten digits.

Each trains the same network from the same start for the same number of epochs. A schedule that lets the learning rate end
near 0 helps nearly all of them: the noise of the batches no longer moves the weights at the end. Run it with
``python examples/optimizers.py``.
"""

from __future__ import annotations

import argparse
import sys
from time import perf_counter
from typing import Any

import chainrule as cr
from chainrule.preprocessing import MinMaxScaler, train_test_split
from chainrule.schedules import Cosine, LinearWarmup, OneCycle

BATCH = 32


def optimizers(steps: int) -> dict[str, Any]:
    """Give them by name, for a training of so many updates."""
    return {
        "SGD": cr.SGD(0.05),
        "SGD, momentum": cr.SGD(0.05, momentum=0.9),
        "SGD, momentum, cosine": cr.SGD(Cosine(0.05, steps), momentum=0.9),
        "Adagrad": cr.Adagrad(0.02),
        "RMSprop": cr.RMSprop(0.001),
        "Adam": cr.Adam(0.002),
        "Adam, one cycle": cr.Adam(OneCycle(0.005, steps)),
        "AdamW, warm-up, cosine": cr.AdamW(LinearWarmup(Cosine(0.005, steps), steps // 10), weight_decay=0.1),
        "Adam, clipped, short units": cr.Adam(Cosine(0.005, steps), clip_norm=1.0, max_norm=2.0),
    }


def main(epochs: int) -> int:
    digits = cr.datasets.load_digits()
    X, X_test, y, y_test = train_test_split(digits.data, digits.target, test_size=0.2, seed=0)
    scaler = MinMaxScaler().fit(X)
    X, X_test = scaler.transform(X).astype("float32"), scaler.transform(X_test).astype("float32")
    print(f"{'optimizer':<28}{'loss':>9}{'accuracy':>10}{'ms':>7}   ({epochs} epochs)")
    worst = 1.0
    for name, optimizer in optimizers(epochs * -(-len(X) // BATCH)).items():
        model = cr.MLP([64, 128, 10], output_activation="softmax", dropout=0.2, seed=0)
        trainer = cr.Trainer(model, loss="cross_entropy", optimizer=optimizer, batch_size=BATCH)
        start = perf_counter()
        history = trainer.fit(X, y, epochs=epochs)
        milliseconds = 1000 * (perf_counter() - start)
        accuracy = trainer.evaluate(X_test, y_test, metrics=["accuracy"])["accuracy"]
        print(f"{name:<28}{history.loss[-1]:>9.4f}{accuracy:>10.4f}{milliseconds:>7.0f}")
        worst = min(worst, accuracy)
    return 0 if worst > 0.9 else 1


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=20, metavar="N", help="of each (default: 20)")
    sys.exit(main(parser.parse_args().epochs))

"""What keeps a network from learning mistakes by heart: noise, dropout, penalties and short weights, side by side.

A network of 64-128-10 learns 300 handwritten digits, of which every fifth got a label by chance, and is judged on the other
1,497 with their right labels; all numbers are means over some splits. Left alone, it learns the wrong labels too. Noise and
dropout make other digits of the same ones in each epoch; penalties and limits keep the weights small. Each number here was
chosen by hand, among a few. Run it with ``python examples/regularisation.py``.
"""

from __future__ import annotations

import argparse
import sys
from time import perf_counter
from typing import Any

import chainrule as cr
import numpy as np
from chainrule.datasets import load_digits
from chainrule.preprocessing import train_test_split

ROWS, BATCH, RATE, WRONG = 300, 20, 0.05, 0.2

WAYS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {  # arguments of MLP, and of SGD
    "nothing": ({}, {}),
    "dropout=0.5": ({"dropout": 0.5}, {}),
    "input_dropout=0.3": ({"input_dropout": 0.3}, {}),
    "input_noise=0.3": ({"input_noise": 0.3}, {}),
    "weight_decay=0.005": ({}, {"weight_decay": 0.005}),
    "l1=0.002": ({}, {"l1": 0.002}),
    "max_norm=1": ({}, {"max_norm": 1.0}),
    "input_noise=0.3, max_norm=1.5": ({"input_noise": 0.3}, {"max_norm": 1.5}),
}


def some(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Give rows to learn and new ones, pixels from 0 to 1, and their labels, some of the first wrong."""
    digits, rng = load_digits(), np.random.default_rng(seed)
    new = len(digits.data) - ROWS
    X, X_new, y, y_new = train_test_split(digits.data / 16, digits.target, test_size=new, seed=seed)
    return X, X_new, np.where(rng.random(ROWS) < WRONG, rng.integers(0, 10, ROWS), y), y_new


def main(epochs: int, splits: int) -> int:
    print(
        f"{'':<31}{'learned':>9}{'new digits':>12}{'accuracy':>10}{'ms':>6}   (losses after {epochs} epochs)"
    )
    losses = {}
    for name, (network, update) in WAYS.items():
        found = []
        start = perf_counter()
        for seed in range(splits):
            X, X_new, y, y_new = some(seed)
            model = cr.MLP([64, 128, 10], output_activation="softmax", seed=seed, **network)
            optimizer = cr.SGD(RATE, momentum=0.9, **update)
            trainer = cr.Trainer(
                model, loss="cross_entropy", optimizer=optimizer, batch_size=BATCH, seed=seed
            )
            trainer.fit(X, y, epochs=epochs)
            judged = trainer.evaluate(X_new, y_new, metrics=["accuracy"])
            found.append((trainer.evaluate(X, y)["loss"], judged["loss"], judged["accuracy"]))
        milliseconds = 1000 * (perf_counter() - start) / splits
        learned, new, accuracy = np.mean(found, axis=0)
        print(f"{name:<31}{learned:>9.4f}{new:>12.4f}{accuracy:>10.4f}{milliseconds:>6.0f}")
        losses[name] = float(new)
    return 0 if max(losses, key=losses.__getitem__) == "nothing" else 1


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=100, metavar="N", help="of each (default: 100)")
    parser.add_argument("--splits", type=int, default=5, metavar="N", help="of the rows (default: 5)")
    arguments = parser.parse_args()
    sys.exit(main(arguments.epochs, arguments.splits))

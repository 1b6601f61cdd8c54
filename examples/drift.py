"""Learn from a stream whose rule changes: each row is predicted first and learned from afterwards, and then it is gone.

Rows of five sensors say whether a machine will fail: where a weighted sum of two products is above 0. Over the first third of the
stream the rule stays, over the second it turns slowly, and at the beginning of the last it turns by 90 degrees at once; one answer
in twenty is wrong. A network that was trained on the first third alone is beside one that goes on learning, and one that learns
from a memory of the last 200 rows.

Predicting first and learning afterwards is the prequential judgement of Gama, Sebastião and Rodrigues, "On evaluating stream learning
algorithms", Machine Learning 90, 2013.
"""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Iterator

import chainrule as cr
import numpy as np


def stream(rows: int, seed: int = 0) -> Iterator[tuple[np.ndarray, int]]:
    """Yield (row, label), the rule turning on the way."""
    rng = np.random.default_rng(seed)
    for i in range(rows):
        part = i / rows
        angle = np.pi * min(max(part - 1 / 3, 0), 1 / 3) * 1.5 + (np.pi / 2 if part >= 2 / 3 else 0)
        x = rng.normal(size=5).astype(np.float32)
        fails = np.cos(angle) * x[0] * x[1] + np.sin(angle) * x[2] * x[3] + 0.3 * x[4] > 0
        yield x, int(fails) if rng.random() >= 0.05 else 1 - int(fails)


def a_trainer() -> cr.Trainer:
    """Return a network that has seen nothing."""
    model = cr.MLP([5, 32, 2], activation="tanh", output_activation="softmax", seed=0)
    return cr.Trainer(model, loss="cross_entropy", optimizer=cr.SGD(0.05))


NAMES = ("stopped after a third", "row by row", "memory of 200 rows")


def main(rows: int = 6_300) -> np.ndarray:
    """Print and return the share of right predictions in each ninth of the stream."""
    trainers = [a_trainer() for _ in NAMES]
    memory: deque[tuple[np.ndarray, int]] = deque(maxlen=200)
    right = np.zeros((9, 3))
    rng = np.random.default_rng(1)
    for i, (x, label) in enumerate(stream(rows)):
        X, y = x[None], np.array([label])
        for k, trainer in enumerate(trainers):  # predict first
            right[i * 9 // rows, k] += trainer.model.predict(X)[0].argmax() == label
        memory.append((x, label))
        if i < rows // 3:
            trainers[0].train_on_batch(X, y)
        trainers[1].train_on_batch(X, y)
        again = [memory[j] for j in rng.integers(len(memory), size=7)]
        trainers[2].train_on_batch(
            np.stack([x, *(row for row, _ in again)]), np.array([label, *(answer for _, answer in again)])
        )
    print(f"right predictions       {'  '.join(f'{name:>21}' for name in NAMES)}")
    rules = ["the rule stays"] * 3 + ["it turns slowly"] * 3 + ["it has jumped"] * 3
    for rule, shares in zip(rules, right / (rows / 9), strict=True):
        print(f"{rule:22}  {'  '.join(f'{share:21.1%}' for share in shares)}")
    return right / (rows / 9)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))

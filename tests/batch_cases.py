"""Rows in batches and trainers for them: what the tests of `Trainer.fit_batches` share."""

from __future__ import annotations

import chainrule as cr
import numpy as np

ROWS, SIZE = 50, 8
CASES = {
    "momentum": ({}, cr.SGD(0.05, momentum=0.9)),
    "dropout, noise, Nesterov, decay": (
        {"dropout": 0.3, "input_dropout": 0.1, "input_noise": 0.05},
        cr.SGD(0.05, momentum=0.9, nesterov=True, weight_decay=1e-3),
    ),
    "Adam, one-cycle": ({"dropout": 0.2}, cr.Adam(cr.schedules.OneCycle(0.02, 21))),
    "RMSprop, on a plateau": ({}, cr.RMSprop(cr.schedules.ReduceOnPlateau(0.01, monitor="loss", patience=0))),
    "AdamW, clipped": ({"bias": "layer"}, cr.AdamW(0.01, clip_norm=0.5)),
    "Adagrad": ({"bias": None}, cr.Adagrad(0.05, l1=1e-4)),
}


def data(dtype="float32", rows=ROWS):
    rng = np.random.default_rng(2)
    X = rng.normal(size=(rows, 4)).astype(dtype)
    return X, (X @ rng.normal(size=(4, 3)).astype(dtype)).argmax(axis=1)


def cut(X, y, weight=None, size=SIZE):
    arrays = (X, y) if weight is None else (X, y, weight)
    return [tuple(array[i : i + size] for array in arrays) for i in range(0, len(X), size)]


def a_trainer(case="momentum", dtype="float32", **options):
    about, optimizer = CASES[case]
    model = cr.MLP([4, 9, 3], output_activation="softmax", dtype=dtype, seed=1, **about)
    how = {"batch_size": SIZE, "shuffle": False, "seed": 5, "optimizer": optimizer, **options}
    return cr.Trainer(model, loss="cross_entropy", **how)


def bits(trainer):
    state = trainer.state
    lists = (state.weights, state.biases, state.weight_velocity, state.bias_velocity, state.weight_square)
    return [array.tobytes() for arrays in lists for array in arrays]


def counters(trainer):
    return trainer.epoch, trainer.step


class Loader:
    """Can be iterated again, and closes what it opened."""

    def __init__(self, batches):
        self.batches, self.open, self.opened = batches, 0, 0

    def __iter__(self):
        self.open += 1
        self.opened += 1
        try:
            for batch in self.batches:
                yield list(batch)
        finally:
            self.open -= 1

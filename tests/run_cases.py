"""Fits that write a file of their epochs: for tests of checkpoints, and a program that is made to be killed.

``python run_cases.py CASE FILE EPOCHS THREADS`` trains the case until so many epochs are done, going on where the file ends.
"""

from __future__ import annotations

import hashlib
import pickle
import sys
import warnings

import chainrule as cr
import numpy as np

EPOCHS = 24
ROWS = 150


def data():
    """Return rows and classes, the same always."""
    rng = np.random.default_rng(5)
    X = rng.normal(size=(ROWS, 6)).astype("float32")
    return X, (X @ rng.normal(size=(6, 3)) + rng.normal(size=(ROWS, 3))).argmax(axis=1)


def _trainer(optimizer, **options):
    model = cr.MLP([6, 24, 12, 3], output_activation="softmax", seed=3, **options)
    return cr.Trainer(model, loss="cross_entropy", optimizer=optimizer, batch_size=16, seed=4)


STOPPING = cr.EarlyStopping(patience=6)
CASES = {
    "momentum and dropout": (
        lambda: _trainer(
            cr.SGD(0.05, momentum=0.9, nesterov=True), dropout=0.3, input_dropout=0.1, input_noise=0.05
        ),
        {},
    ),
    "Adam, one-cycle, early stopping": (
        lambda: _trainer(cr.Adam(cr.schedules.OneCycle(0.02, 240)), dropout=0.2),
        {"validation_split": 0.2, "early_stopping": STOPPING, "metrics": ["accuracy"]},
    ),
    "plateau, tolerance, few kept": (
        lambda: _trainer(cr.SGD(cr.schedules.ReduceOnPlateau(0.3, patience=1), momentum=0.5)),
        {
            "validation_split": 0.2,
            "tolerance": 1e-3,
            "tolerance_epochs": 8,
            "keep": 2,
            "early_stopping": STOPPING,
        },
    ),
    "RMSprop, the best kept, now and then": (
        lambda: _trainer(cr.RMSprop(0.003, momentum=0.5), bias="layer"),
        {"keep": "best", "checkpoint_every": 3, "validation_split": 0.3},
    ),
}


def fit(name, path, epochs=EPOCHS, trainer=None, n_threads=None):
    """Train a case, from the beginning or with a trainer that was resumed, until so many epochs are done."""
    make, options = CASES[name]
    trainer = trainer or make()
    trainer.n_threads = n_threads
    if path is None:
        options = {key: value for key, value in options.items() if key not in ("keep", "checkpoint_every")}
    else:
        options = {**options, "checkpoint": path}
    X, y = data()
    trainer.fit(X, y, epochs=epochs - trainer.epoch, **options)
    return trainer


def digest(trainer):
    """Return a checksum of all that a trainer has learned and measured."""
    state, found = trainer.state, hashlib.sha256()
    for arrays in (
        state.weights, state.biases, state.weight_velocity, state.bias_velocity, state.weight_square, state.bias_square
    ):  # fmt: skip
        for array in arrays:
            found.update(array.tobytes())
    history = trainer.history
    told = (
        trainer.epoch,
        trainer.step,
        state.losses,
        state.plateau,
        history.__getstate__()["measured"],
        history.ending,
    )
    found.update(repr(told).encode())
    return found.hexdigest()


def entries(path):
    """Read a file with the standard library alone."""
    found = []
    with open(path, "rb") as file:
        while file.peek(1):
            found.append([pickle.load(file) for _ in range(3)])
    return found


def go_on(name, path, epochs=EPOCHS, n_threads=None):
    """Train a case to its end: from where its file ends, if it has anything; not at all, if its fit came to an end."""
    try:
        with cr.Checkpoints(path) as run:
            finished = run.is_finished
    except (FileNotFoundError, ValueError) as error:
        if isinstance(error, ValueError) and "train from the beginning" not in str(error):
            raise
        return fit(name, path, epochs, n_threads=n_threads)
    trainer = cr.Trainer.resume(path)
    return trainer if finished else fit(name, path, epochs, trainer, n_threads)


if __name__ == "__main__":
    warnings.simplefilter("ignore", cr.TornEntryWarning)
    print("training", file=sys.stderr, flush=True)
    print(digest(go_on(*sys.argv[1:3], *map(int, sys.argv[3:]))))

"""Trainers that a report is written of, and the update that it is to show."""

from __future__ import annotations

import pickle
from typing import Any

import chainrule as cr
import numpy as np
from chainrule.datasets import load_digits
from chainrule.passes import without_randomness

XOR = (np.array([[0.0, 1.0], [0.0, 0.0], [1.0, 0.0], [1.0, 1.0]]), np.array([1.0, 0.0, 1.0, 0.0]))


def xor_trainer(epochs: int = 30, **settings: Any) -> cr.Trainer:
    """Return a trainer of a small network in float64."""
    model = cr.MLP([2, 3, 1], activation="tanh", output_activation="sigmoid", dtype="float64", seed=1)
    settings = {
        "loss": "binary_cross_entropy",
        "optimizer": cr.SGD(0.5, momentum=0.9),
        "batch_size": 4,
        **settings,
    }
    trainer = cr.Trainer(model, **settings)
    trainer.fit(*XOR, epochs=epochs, validation_data=XOR, metrics=["accuracy"])
    return trainer


def digits_trainer() -> tuple[cr.Trainer, Any, Any]:
    """Return a trainer of more units than a page shows, with dropout and Adam, and rows that it did not learn."""
    digits = load_digits()
    X, y = (digits.data / 16).astype(np.float32), digits.target
    model = cr.MLP([64, 20, 16, 10], output_activation="softmax", dropout=0.1, seed=0)
    trainer = cr.Trainer(model, loss="cross_entropy", optimizer=cr.Adam(0.003), batch_size=64)
    trainer.fit(X[:600], y[:600], epochs=5, validation_data=(X[600:800], y[600:800]))
    return trainer, X[600:800], y[600:800]


def quantity_trainer() -> tuple[cr.Trainer, Any, Any]:
    """Return a trainer of two quantities, with one bias a layer, and rows."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 4))
    y = np.column_stack([X[:, 0] - X[:, 1], np.sin(X[:, 2])])
    model = cr.MLP([4, 5, 2], activation="sigmoid", bias="layer", dtype="float64", seed=0)
    trainer = cr.Trainer(model, loss="mean_squared_error", optimizer=cr.SGD(0.1), batch_size=10)
    trainer.fit(X, y, epochs=4)
    return trainer, X, y


def next_update(trainer: cr.Trainer, X: Any, y: Any) -> Any:
    """Return a trace of what a copy of the trainer would do next with these rows, without dropout."""
    copy = pickle.loads(pickle.dumps(trainer))
    copy.model._network = without_randomness(copy.model.network)
    with copy.trace() as trace:
        copy.train_on_batch(X, y)
    return trace

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


def _made(
    sizes: list[int],
    y: Any,
    loss: Any = "mean_squared_error",
    optimizer: Any = None,
    frozen: Any = (),
    **shape: Any,
) -> Any:
    """Return a trainer that has made some updates, and its rows."""
    X = np.random.default_rng(5).normal(size=(6, sizes[0])).astype(shape.get("dtype", "float64"))
    model = cr.MLP(sizes, **{"activation": "tanh", "dtype": "float64", "seed": 2, **shape})
    optimizer = cr.SGD(0.05) if optimizer is None else optimizer
    trainer = cr.Trainer(model, loss=loss, optimizer=optimizer, batch_size="full", frozen=frozen)
    y = y if y.dtype.kind == "i" else y.astype(X.dtype)
    trainer.fit(X, y, epochs=2)
    return trainer, X, y


def _own_loss(prediction: Any, target: Any) -> Any:
    """Return the sum of the fourth powers of the errors, and its derivative."""
    return float(((prediction - target) ** 4).sum()), 4 * (prediction - target) ** 3


_CLASSES, _QUANTITY = np.array([0, 2, 1, 0, 1, 2]), np.linspace(-1, 1, 6)
_SOME_MISSING = np.array([[1, np.nan], [0.5, 0], [np.nan, 1], [0, 0], [1, 1], [0.2, 0.3]])
CASES: dict[str, Any] = {
    "no hidden layer": lambda: _made([3, 1], _QUANTITY),
    "one hidden unit": lambda: _made([1, 1, 1], _QUANTITY, activation="relu"),
    "no biases": lambda: _made([2, 4, 3], _CLASSES, "cross_entropy", output_activation="softmax", bias=None),
    "one bias a layer": lambda: _made(
        [2, 4, 3], _CLASSES, "cross_entropy", output_activation="softmax", bias="layer"
    ),
    "softmax with another loss": lambda: _made([2, 4, 3], _CLASSES, output_activation="softmax"),
    "counts": lambda: _made([2, 3, 1], np.arange(6.0), "poisson", output_activation="exponential"),
    "hinge": lambda: _made([2, 3, 1], np.array([0.0, 1, 1, 0, 1, 0]), "hinge"),
    "smoothed labels": lambda: _made(
        [2, 3, 3], _CLASSES, cr.losses.CrossEntropy(0.1), output_activation="softmax"
    ),
    "a loss of one's own": lambda: _made([2, 3, 2], np.column_stack([_QUANTITY, _QUANTITY]), _own_loss),
    "missing targets": lambda: _made([2, 3, 2], _SOME_MISSING, "huber"),
    "a frozen layer": lambda: _made([2, 3, 3, 1], _QUANTITY, optimizer=cr.Adam(0.01), frozen=[1]),
    "nesterov and decay": lambda: _made(
        [2, 3, 1], _QUANTITY, optimizer=cr.SGD(0.05, momentum=0.5, nesterov=True, weight_decay=0.1)
    ),
    "clipped": lambda: _made(
        [2, 3, 1], _QUANTITY, optimizer=cr.SGD(0.05, clip_norm=0.01, l1=0.001, max_norm=1.0)
    ),
    "adamw": lambda: _made([2, 3, 1], _QUANTITY, optimizer=cr.AdamW(0.01)),
    "rmsprop": lambda: _made([2, 3, 1], _QUANTITY, optimizer=cr.RMSprop(0.01, momentum=0.3), dtype="float32"),
    "adagrad": lambda: _made([2, 3, 1], _QUANTITY, optimizer=cr.Adagrad(0.1)),
    "rprop": lambda: _made([2, 3, 1], _QUANTITY, optimizer=cr.RPROP(0.1)),
    "many outputs": lambda: _made([2, 15], np.tile(_QUANTITY[:, np.newaxis], 15), "half_squared_error"),
}
"""Trainers of every kind of network, loss and optimizer that a chain rule is different for, with rows."""

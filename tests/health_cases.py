"""Fits with a known fault, and what is to be found in them: for tests of the verdicts on the health of a fit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import chainrule as cr
import numpy as np
from chainrule.datasets import load_digits

SEEDS = range(5)


def blobs(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return 400 rows of three classes, of the size of standardised inputs."""
    rng = np.random.default_rng(seed)
    centres, y = 2 * rng.normal(size=(3, 8)), rng.integers(0, 3, 400)
    return (centres[y] + rng.normal(size=(400, 8))) / 2, y


def noise(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return 150 rows of 20 inputs, of which one and noise make the class."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(150, 20))
    return X, (X[:, 0] + rng.normal(size=150) > 0).astype(int)


def fitted(
    model: cr.MLP, optimizer: Any, X: np.ndarray, y: np.ndarray, epochs: int = 20, **options: Any
) -> cr.Trainer:
    """Return a trainer after a fit that recorded its health, however that ended."""
    loss = "mean_squared_error" if model.network.output_activation == "identity" else "cross_entropy"
    trainer = cr.Trainer(model, loss=loss, optimizer=optimizer, batch_size=16, seed=model.seed)
    target = y.astype(model.dtype) if y.dtype.kind == "f" else y
    try:
        trainer.fit(X.astype(model.dtype), target, epochs=epochs, health=True, **options)
    except FloatingPointError:
        assert trainer.history.stopped_because == "not_finite"
    return trainer


def network(seed: int, sizes: list[int], activation: str, **options: Any) -> cr.MLP:
    """Return one that tells classes, or of a single output for a quantity."""
    output = "identity" if sizes[-1] == 1 else "softmax"
    options = {"dtype": "float64", **options}
    return cr.MLP(sizes, activation=activation, output_activation=output, seed=seed, **options)


def deep_sigmoid(seed: int) -> cr.Trainer:
    return fitted(network(seed, [8, *[16] * 8, 3], "sigmoid"), cr.SGD(0.1), *blobs(seed))


def deep_sigmoid_by_adam(seed: int) -> cr.Trainer:
    return fitted(network(seed, [8, *[16] * 8, 3], "sigmoid", dtype="float32"), cr.Adam(), *blobs(seed))


def large_weights(seed: int, n_out: int = 3) -> cr.Trainer:
    model = network(seed, [8, 32, 32, 32, n_out], "relu")
    rng = np.random.default_rng(seed)
    for array in model.weights:
        array[...] = rng.normal(size=array.shape)
    X, y = blobs(seed)
    return fitted(model, cr.SGD(0.01), X, y if n_out > 1 else X[:, 0])


def large_weights_until_nothing_is_finite(seed: int) -> cr.Trainer:
    return large_weights(seed, 1)


def low_biases(seed: int) -> cr.Trainer:
    model = network(seed, [8, 32, 32, 3], "relu")
    for array in model.biases[:-1]:
        array[...] = -10
    return fitted(model, cr.SGD(0.05), *blobs(seed))


def huge_rate(seed: int) -> cr.Trainer:
    X, y = load_digits(return_X_y=True)
    return fitted(network(seed, [64, 32, 10], "relu"), cr.SGD(8.0), X[::4] / 16, y[::4])


def huge_rate_with_dropout(seed: int) -> cr.Trainer:
    return fitted(network(seed, [8, 32, 32, 3], "relu", dropout=0.1), cr.SGD(20.0), *blobs(seed))


def large_inputs(seed: int, activation: str = "sigmoid") -> cr.Trainer:
    X, y = blobs(seed)
    return fitted(network(seed, [8, 16, 16, 3], activation), cr.SGD(0.1), 1000 * X, y)


def large_inputs_of_tanh(seed: int) -> cr.Trainer:
    return large_inputs(seed, "tanh")


def tiny_inputs(seed: int) -> cr.Trainer:
    X, y = blobs(seed)
    return fitted(network(seed, [8, 16, 3], "relu"), cr.SGD(0.05), X / 1000, y)


def high_rate(seed: int) -> cr.Trainer:
    X, _ = blobs(seed)
    return fitted(network(seed, [8, 32, 1], "tanh"), cr.SGD(1.0), X, X[:, 0])


def high_rate_without_layers(seed: int) -> cr.Trainer:
    X, _ = blobs(seed)
    return fitted(network(seed, [8, 1], "relu"), cr.SGD(1.0), X, X[:, 0])


def high_rate_of_adam(seed: int) -> cr.Trainer:
    X, y = noise(seed)
    return fitted(network(seed, [20, 32, 2], "tanh"), cr.Adam(1.0), X, y)


def low_rate(seed: int) -> cr.Trainer:
    return fitted(network(seed, [8, 32, 3], "relu"), cr.SGD(1e-5), *blobs(seed))


def low_rate_of_adam(seed: int) -> cr.Trainer:
    return fitted(network(seed, [8, 32, 3], "tanh"), cr.Adam(1e-6), *blobs(seed))


def learned_by_heart(seed: int) -> cr.Trainer:
    model = network(seed, [20, 64, 2], "relu")
    return fitted(model, cr.Adam(0.01), *noise(seed), epochs=60, validation_split=0.3)


def inputs_that_are_all_the_same(seed: int) -> cr.Trainer:
    _, y = blobs(seed)
    return fitted(network(seed, [8, 16, 3], "tanh"), cr.SGD(0.05), np.ones((400, 8)), y)


def weights_of_zero(seed: int) -> cr.Trainer:
    model = network(seed, [8, 16, 3], "tanh")
    for array in model.weights:
        array[...] = 0
    return fitted(model, cr.SGD(0.05), *blobs(seed))


def quantity(seed: int, output: str, y: np.ndarray, optimizer: Any) -> cr.Trainer:
    model = cr.MLP([8, 16, 1], output_activation=output, dtype="float64", seed=seed)
    trainer = cr.Trainer(model, loss="mean_squared_error", optimizer=optimizer, batch_size=16, seed=seed)
    try:
        trainer.fit(blobs(seed)[0], y, epochs=20, health=True)
    except FloatingPointError:
        assert trainer.history.stopped_because == "not_finite"
    return trainer


def quantity_behind_a_sigmoid(seed: int) -> cr.Trainer:
    return quantity(seed, "sigmoid", 50 * blobs(seed)[0][:, 0], cr.Adam(0.01))


def negative_quantity_behind_a_relu(seed: int) -> cr.Trainer:
    return quantity(seed, "relu", -1 - np.abs(blobs(seed)[0][:, 0]), cr.Adam(0.01))


def prices(seed: int, optimizer: Any = None) -> cr.Trainer:
    y = 200_000 + 50_000 * blobs(seed)[0][:, 0]
    return quantity(seed, "identity", y, cr.SGD(0.01) if optimizer is None else optimizer)


def prices_by_adam(seed: int) -> cr.Trainer:
    return prices(seed, cr.Adam(0.01))


def weights_decayed(seed: int) -> cr.Trainer:
    X, _ = blobs(seed)
    return fitted(network(seed, [8, 32, 32, 1], "relu"), cr.SGD(0.05, weight_decay=5.0), X, X[:, 0])


def weights_decayed_by_l1(seed: int) -> cr.Trainer:
    return fitted(network(seed, [8, 16, 3], "tanh"), cr.Adam(0.01, l1=1.0), *blobs(seed), epochs=40)


def inputs_of_zero(seed: int) -> cr.Trainer:
    _, y = blobs(seed)
    return fitted(network(seed, [8, 16, 3], "relu"), cr.SGD(0.05), np.zeros((400, 8)), y)


FAULTS: dict[str, tuple[Callable[[int], cr.Trainer], list[str], list[str]]] = {
    "deep sigmoid": (deep_sigmoid, ["vanishing_gradients"], []),
    "deep sigmoid by Adam": (deep_sigmoid_by_adam, ["vanishing_gradients"], []),
    "large weights": (large_weights, ["exploding_gradients"], []),
    "large weights, not finite": (
        large_weights_until_nothing_is_finite,
        ["exploding_gradients"],
        ["dead_units"],
    ),
    "biases of -10": (low_biases, ["dead_units"], []),
    "huge rate": (huge_rate, ["dead_units", "learning_rate_too_high"], []),
    "huge rate with dropout": (huge_rate_with_dropout, ["learning_rate_too_high"], ["dead_units"]),
    "inputs times 1000": (large_inputs, ["saturated_units", "inputs_not_scaled"], []),
    "inputs times 1000, tanh": (large_inputs_of_tanh, ["saturated_units", "inputs_not_scaled"], []),
    "inputs by 1000": (tiny_inputs, ["inputs_not_scaled"], ["dead_units"]),
    "high rate": (high_rate, ["learning_rate_too_high"], []),
    "high rate, linear": (high_rate_without_layers, ["learning_rate_too_high"], []),
    "high rate of Adam": (high_rate_of_adam, ["learning_rate_too_high"], []),
    "low rate": (low_rate, ["learning_rate_too_low"], []),
    "low rate of Adam": (low_rate_of_adam, ["learning_rate_too_low"], []),
    "learned by heart": (learned_by_heart, ["overfitting"], []),
    "inputs all the same": (inputs_that_are_all_the_same, ["constant_output"], []),
    "quantity behind a sigmoid": (quantity_behind_a_sigmoid, ["targets_not_scaled"], []),
    "negative behind a relu": (negative_quantity_behind_a_relu, ["targets_not_scaled"], []),
    "prices": (prices, ["targets_not_scaled"], ["dead_units"]),
    "prices by Adam": (prices_by_adam, ["targets_not_scaled"], []),
    "weights decayed": (weights_decayed, ["weights_shrunk"], []),
    "weights decayed by l1": (weights_decayed_by_l1, ["weights_shrunk"], []),
    "inputs of zero": (inputs_of_zero, ["constant_output"], []),
    "weights of zero": (weights_of_zero, ["constant_output"], []),
}
"""Of each fault the fit, the kinds of findings that must be made, and those that may be made too."""

"""Networks and scalers for the tests of exported files, and the judgement on their predictions."""

from __future__ import annotations

from typing import Any

import chainrule as cr
import numpy as np
from chainrule._network import ACTIVATIONS
from chainrule.export._bound import row_bounds
from chainrule.export._network_parts import Parts, parts_of
from chainrule.export._vectors import predict
from chainrule.preprocessing import MinMaxScaler, StandardScaler

BIASES = ("unit", "layer", None)
SCALERS = {"minmax": MinMaxScaler, "minmax -1..3": lambda: MinMaxScaler((-1, 3)), "standard": StandardScaler,
           "no mean": lambda: StandardScaler(with_mean=False), "no std": lambda: StandardScaler(with_std=False)}  # fmt: skip


def network(
    activation: str = "tanh", dtype: str = "float32", bias: str | None = "unit", sizes: Any = (5, 9, 17, 3)
) -> cr.MLP:
    """A network with that activation everywhere (softmax: at the output), and biases that are not 0."""
    hidden = "sigmoid" if activation == "softmax" else activation
    model = cr.MLP(sizes, activation=hidden, output_activation=activation, bias=bias, dtype=dtype, seed=3)
    rng = np.random.default_rng(1)
    model.biases = [rng.normal(size=b.shape).astype(dtype) for b in model.biases]
    return model


ALL_ACTIVATIONS = [
    (activation, BIASES[i % 3], "float32" if i % 2 else "float64") for i, activation in enumerate(ACTIVATIONS)
] + [
    (activation, BIASES[(i + 1) % 3], "float64" if i % 2 else "float32")
    for i, activation in enumerate(ACTIVATIONS)
]
"""Each activation in both dtypes, with two kinds of bias."""


def table(columns: int, rows: int = 40) -> np.ndarray:
    """A table with columns of very different scales: years, tiny numbers, a constant."""
    rng = np.random.default_rng(columns)
    scale = 10.0 ** np.linspace(-3, 4, columns)
    values = 1e5 * (np.arange(columns) % 2) + scale * rng.normal(size=(rows, columns))
    values[:, columns // 2] = 7.25
    return values


def fitted(kind: str, columns: int) -> Any:
    return SCALERS[kind]().fit(table(columns))


def rows_for(parts: Parts, rows: int, seed: int = 5) -> np.ndarray:
    """Random rows, in the range of the scaler where there is one, with a few far out."""
    rng = np.random.default_rng(seed)
    if parts.scaler is None:
        X = rng.normal(size=(rows, parts.network.n_in)) * np.where(rng.random((rows, 1)) < 0.2, 5, 1)
        return X.astype(parts.input_dtype)
    learned = table(parts.network.n_in)
    return learned[rng.integers(0, len(learned), rows)] + 0.1 * rng.normal(size=(rows, 1)) * learned.std(
        axis=0
    )


def assert_right(parts: Parts, X: np.ndarray, found: np.ndarray, what: object = "") -> float:
    """Fail unless these are the library's predictions up to the derived bound; return the largest difference."""
    expected = predict(parts, X)
    assert found.shape == expected.shape, what
    assert found.dtype == expected.dtype == parts.output_dtype, what
    finite = np.isfinite(expected)
    np.testing.assert_array_equal(
        np.where(finite, 0, found), np.where(finite, 0, expected), err_msg=str(what)
    )
    bounds = row_bounds(parts, X)
    with np.errstate(all="ignore"):
        difference = np.where(finite, np.abs(found.astype(float) - expected.astype(float)), 0)
    wrong = finite & ~(difference <= bounds)
    assert not wrong.any(), (what, difference[wrong], bounds[wrong])
    return float(difference.max(initial=0))


SPECIAL = (np.nan, np.inf, -np.inf, 0.0, -0.0, 1e-30, -1e-30, 30.0, -30.0, 700.0, -700.0, 1e30, -1e30)
"""Inputs of a network of one weight of 1, on which activations are tried at their ends."""


def single(activation: str, dtype: str) -> cr.MLP:
    """One activation of the inputs themselves; softmax of the input beside its half."""
    n_out = 2 if activation == "softmax" else 1
    model = cr.MLP([1, n_out], output_activation=activation, bias=None, dtype=dtype, seed=0)
    model.weights = [np.array([[1.0, 0.5][:n_out]], dtype)]
    return model


def overflowing(dtype: str) -> cr.MLP:
    """A network whose outputs are infinite and NaN for most rows."""
    model = cr.MLP([1, 2, 2], activation="exponential", bias=None, dtype=dtype, seed=0)
    model.weights = [np.array([[5000.0, 5000.0]], dtype), np.array([[1.0, 1.0], [1.0, -1.0]], dtype)]
    return model


def assert_right_at_the_ends(parts: Parts, X: np.ndarray, found: np.ndarray) -> None:
    """Fail unless NaN and infinities stand where the library has them, and all else is right to many digits."""
    assert_right(parts, X, found)
    double = parts.network.dtype == "float64"
    rtol, atol = (1e-11, 1e-304) if double else (1e-5, 1e-35)
    np.testing.assert_allclose(found, predict(parts, X), rtol=rtol, atol=atol)


__all__ = [
    "ALL_ACTIVATIONS", "BIASES", "SCALERS", "SPECIAL", "assert_right", "assert_right_at_the_ends", "fitted", "network", "overflowing", "parts_of", "rows_for",
    "single", "table"
]  # fmt: skip

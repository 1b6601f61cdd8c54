"""A whole network: prediction, and loss with all gradients.

The error model: roundings are independent, so that variances add. A chain of n multiply-adds rounds n partial sums; they
wander like a random walk and drift towards the result, which adds ``n u^2`` times the sum of the squared terms and the
squared result; an error of a factor passes with the square of the other factor; an activation passes at most its largest slope. The unit of an element is the standard deviation that comes
out of this, the bound is `DEVIATIONS` of them. The slope of relu may be the other one where z is within that of zero.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from types import ModuleType
from typing import Any

import numpy as np
from _case import Array, Case, Expected, Problem, random_array, rounding
from chainrule import reference
from chainrule._network import Network

DEVIATIONS = 10
STEEPEST = {"relu": 1.0, "tanh": 1.0, "sigmoid": 0.25, "identity": 1.0}
PREDICTIONS = [
    ((8, 16, 1), "relu"), ((32, 64, 64, 1), "relu"), ((784, 512, 256, 10), "relu"),
    ((64, 256, 256, 1), "sigmoid"), ((37, 101, 53, 3), "tanh")
]  # fmt: skip
GRADIENTS = [
    ((8, 64, 64, 1), "relu", 32), ((64, 128, 128, 2), "relu", 128), ((784, 128, 10), "relu", 64),
    ((300, 300, 300, 300, 300, 300), "tanh", 100), ((37, 101, 53, 3), "sigmoid", 100), ((4, 32, 16, 4), "tanh", 10_000)
]  # fmt: skip


@dataclass
class Pass:
    """The forward pass in float64: what each layer is given and computes, with the variances of the errors."""

    given: list[Array]
    given_variance: list[Array]
    Z: list[Array]
    Z_variance: list[Array]


def network(sizes: tuple[int, ...], name: str, dtype: str) -> tuple[Network, list[Array], list[Array]]:
    names = (*[name] * (len(sizes) - 2), "identity")
    made = Network(sizes, names, dropout=(0.0,) * (len(sizes) - 2), dtype=dtype)
    weights = [random_array(i, s, dtype, s[0] ** -0.5) for i, s in enumerate(made.weight_shapes)]
    return made, weights, [random_array(50 + i, s, dtype, 0.1) for i, s in enumerate(made.bias_shapes)]


def forward_pass(net: Network, weights: list[Array], biases: list[Array], X: Array, u: float) -> Pass:
    A, V = X.astype(np.float64), np.zeros(X.shape)
    found = Pass([A], [V], [], [])
    for name, W, b in zip(net.activations, weights, biases, strict=True):
        w, c = W.astype(np.float64), b.astype(np.float64)
        Z = A @ w + c
        V = V @ w**2 + u**2 * len(w) * (A**2 @ w**2 + c**2 + Z**2)
        found.Z.append(Z)
        found.Z_variance.append(V)
        A = reference.activation(name, Z)
        V = STEEPEST[name] ** 2 * V + (5 * u * A) ** 2
        found.given.append(A)
        found.given_variance.append(V)
    return found


def slope(name: str, A: Array, V: Array, Z: Array, Z_variance: Array, u: float) -> tuple[Array, Array]:
    """Return f'(z), and the variance of its error."""
    f = reference.activation_gradient(name, A, np.ones_like(A))
    if name == "relu":
        return f, (np.abs(Z) <= DEVIATIONS * np.sqrt(Z_variance)).astype(np.float64)
    return f, (2 * A) ** 2 * V + u**2 if name == "tanh" else (1 - 2 * A) ** 2 * V + u**2


def expected_gradients(
    net: Network, weights: list[Array], biases: list[Array], X: Array, Y: Array, u: float
) -> Sequence[Expected]:
    forward = forward_pass(net, weights, biases, X, u)
    y = Y.astype(np.float64)
    value, dZ = reference.loss_and_gradient("mean_squared_error", forward.Z[-1], y)
    factor, error = 2 / y.size, np.abs(forward.Z[-1] - y)
    V = factor**2 * (forward.Z_variance[-1] + (2 * u * error) ** 2)
    loss_unit = 2 * float((error * np.sqrt(forward.Z_variance[-1])).mean()) + u * value
    dWs: list[Expected] = []
    dbs: list[Expected] = []
    for i in range(net.n_layers - 1, -1, -1):
        A, VA, w = forward.given[i], forward.given_variance[i], weights[i].astype(np.float64)
        chain = u**2 * len(X)
        dW, db = A.T @ dZ, dZ.sum(axis=0)
        VdW = (A**2).T @ V + VA.T @ dZ**2 + chain * ((A**2).T @ dZ**2 + dW**2)
        Vdb = V.sum(axis=0) + chain * ((dZ**2).sum(axis=0) + db**2)
        dWs.insert(0, Expected(dW, np.sqrt(VdW), DEVIATIONS))
        dbs.insert(0, Expected(db, np.sqrt(Vdb), DEVIATIONS))
        if i > 0:
            dA = dZ @ w.T
            VdA = V @ (w**2).T + u**2 * w.shape[1] * (dZ**2 @ (w**2).T + dA**2)
            f, Vf = slope(net.activations[i - 1], A, VA, forward.Z[i - 1], forward.Z_variance[i - 1], u)
            dZ, V = f * dA, f**2 * VdA + dA**2 * Vf + (4 * u * f * dA) ** 2
    return [Expected(value, loss_unit, DEVIATIONS), *dWs, *dbs]


def forward(sizes: tuple[int, ...], name: str, rows: int, dtype: str, threads: int) -> Problem:
    net, weights, biases = network(sizes, name, dtype)
    X = random_array(9, (rows, sizes[0]), dtype)

    def expected() -> Sequence[Expected]:
        found = forward_pass(net, weights, biases, X, rounding(dtype))
        return [Expected(found.Z[-1], np.sqrt(found.Z_variance[-1]), DEVIATIONS)]

    def start(core: ModuleType) -> Any:
        out = np.empty((rows, sizes[-1]), dtype)
        return lambda: [core.forward(net, weights, biases, X, out=out, n_threads=threads)]

    return Problem(start, expected)


def gradients(sizes: tuple[int, ...], name: str, rows: int, dtype: str, threads: int) -> Problem:
    net, weights, biases = network(sizes, name, dtype)
    X, Y = random_array(9, (rows, sizes[0]), dtype), random_array(10, (rows, sizes[-1]), dtype)

    def start(core: ModuleType) -> Any:
        def call() -> Sequence[Any]:
            value, dWs, dbs = core.gradients(
                net, weights, biases, X, Y, loss="mean_squared_error", n_threads=threads
            )
            return [value, *dWs, *dbs]

        return call

    return Problem(start, lambda: expected_gradients(net, weights, biases, X, Y, rounding(dtype)))


def cases(short: bool) -> Iterator[Case]:
    for sizes, name in PREDICTIONS:
        weights = sum(a * b for a, b in pairwise(sizes))
        for rows in (1, 33) if short else (1, 64, 8192):
            work = f"{'-'.join(map(str, sizes))} {name}, {rows} rows"
            yield Case(
                "forward",
                work,
                rows * sizes[-1],
                partial(forward, sizes, name, rows),
                2 * rows * weights,
                True,
            )
    for sizes, name, batch in GRADIENTS:
        rows = min(batch, 100) if short else batch
        weights = sum(a * b for a, b in pairwise(sizes))
        flops = rows * (6 * weights - 2 * sizes[0] * sizes[1])
        work = f"{'-'.join(map(str, sizes))} {name}, {rows} rows"
        yield Case("gradients", work, rows * sizes[-1], partial(gradients, sizes, name, rows), flops, True)

"""Activations, their gradients, losses and the update: a few roundings an element, counted below."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from types import ModuleType
from typing import Any

import numpy as np
from _case import WIDER, Array, Case, Expected, Problem, last_place, random_array, rounding
from chainrule import reference
from chainrule._losses import loss_rule
from chainrule._network import SLOPE_NEEDS_INPUT
from chainrule.reference import mathematics

# In units in the last place. Exact, or one product with a rounded slope, or an exponential and a division; or a gate of
# these and a product; gelu has a polynomial of 11 or 24 terms beside.
ACTIVATIONS = {
    "identity": 0.0, "relu": 0.0, "step": 0.0, "leaky_relu": 1.5, "sigmoid": 2.5, "tanh": 2.5, "elu": 2.0, "selu": 4.0,
    "gelu": 10.0, "gelu_tanh": 5.0, "silu": 5.0, "mish": 7.0, "softplus": 6.0, "softsign": 2.0, "hard_sigmoid": 2.0,
    "exponential": 2.5
}  # fmt: skip
PARTIAL_SUMS = 16  # a sum along a row has so many, and then as many additions
LOSSES = (
    ("half_squared_error", "identity"), ("mean_squared_error", "identity"), ("mean_squared_error", "sigmoid"),
    ("cross_entropy", "softmax"), ("binary_cross_entropy", "sigmoid")
)  # fmt: skip


def row_sum(width: int) -> int:
    """Return how many roundings a sum along a row has."""
    return -(-width // PARTIAL_SUMS) + PARTIAL_SUMS


def below_maximum(Z: Array) -> Array:
    """Return how far each sum lies below the largest of its row: so much its rounding costs the exponential."""
    below: Array = Z.max(axis=1, keepdims=True) - Z
    return below


def unit_of(name: str, Z: Array, A: Array, dtype: str) -> Array:
    """Return the unit of an activation: of the last place, more where an exponent is rounded or a gate flushed to zero."""
    unit = last_place(A, dtype)
    if name not in SLOPE_NEEDS_INPUT:
        return unit
    z = np.clip(Z, -40, 0)  # the exponents are z^2 / 2 (rounded where the right values come from), and 2 u
    exponent = {"gelu": z * z / 2, "gelu_tanh": 1.6 * np.abs(z + 0.044715 * z**3)}.get(name, 0)
    wider: Array = np.maximum(unit * (1 + exponent), np.finfo(dtype).tiny * np.abs(Z))
    return wider


def activation(name: str, rows: int, width: int, dtype: str, _threads: int) -> Problem:
    Z = random_array(1, (rows, width), dtype, 4.0)

    def expected() -> Sequence[Expected]:
        wide = Z.astype(WIDER[dtype])
        A = mathematics.activation(name, wide)
        if name in ACTIVATIONS:
            return [Expected(A, unit_of(name, wide, A, dtype), ACTIVATIONS[name])]
        # softmax: the subtraction counts by its size; exponential 5, the sum, the division
        return [Expected(A, rounding(dtype) * A * (1 + below_maximum(wide)), 8 + row_sum(width))]

    def start(core: ModuleType) -> Any:
        out = np.empty_like(Z)
        return lambda: [core.activation(name, Z, out=out)]

    return Problem(start, expected)


def activation_gradient(name: str, rows: int, width: int, dtype: str, _threads: int) -> Problem:
    Z = random_array(1, (rows, width), dtype, 2.0)
    A = reference.activation(name, Z)
    dA = random_array(2, (rows, width), dtype)

    def expected() -> Sequence[Expected]:
        a, da, z = (array.astype(WIDER[dtype]) for array in (A, dA, Z))
        dZ = mathematics.activation_gradient(name, a, da, z)
        u = rounding(dtype)
        if name == "softmax":
            size = a * (np.abs(da) + np.abs(a * da).sum(axis=1, keepdims=True))
            return [Expected(dZ, u * size, 4 + row_sum(width))]
        # a product, a difference, a product; or the rounded slope of 0.01; or an exponential; or a gate, 1 minus it, and z
        steep = np.maximum(np.abs(a), 1) if name == "exponential" else 1
        bound = 16 if name in SLOPE_NEEDS_INPUT else 4
        return [Expected(dZ, u * np.abs(da) * steep, bound)]

    def start(core: ModuleType) -> Any:
        out = np.empty_like(A)
        return lambda: [core.activation_gradient(name, A, dA, Z=Z, out=out)]

    return Problem(start, expected)


def loss_and_gradient(
    loss: str, name: str, labels: bool, rows: int, width: int, dtype: str, _threads: int
) -> Problem:
    Z = random_array(1, (rows, width), dtype, 2.0)
    rng = np.random.default_rng(2)
    target: Array = rng.integers(0, width, rows) if labels else rng.random((rows, width)).astype(dtype)
    if loss == "cross_entropy" and not labels:
        target /= target.sum(axis=1, keepdims=True)

    def expected() -> Sequence[Expected]:
        z = Z.astype(WIDER[dtype])
        y = np.eye(width, dtype=z.dtype)[target] if labels else target.astype(z.dtype)
        value, dZ = mathematics.loss_and_gradient(loss_rule(loss), z, y, name)
        a = mathematics.activation(name, z)
        factor = 2 / (rows * width) if loss == "mean_squared_error" else 1 / rows
        if loss == "cross_entropy":
            below = below_maximum(z)
            gradient, terms = (
                a * (1 + below) + y,
                y * (below + np.log(np.exp(-below).sum(axis=1, keepdims=True)) + 1),
            )
        else:
            gradient = np.abs(a) + np.abs(y)
            terms = np.abs(z) + 1 if loss == "binary_cross_entropy" else gradient**2
        mean = float(terms.sum() / rows / (width if loss == "mean_squared_error" else 1))
        u, bound = rounding(dtype), 12 + row_sum(width)
        return [Expected(value, u * mean, bound), Expected(dZ, u * factor * gradient, bound)]

    return Problem(
        start=lambda core: lambda: core.loss_and_gradient(loss, Z, target, output_activation=name),
        expected=expected,
    )


def update(nesterov: bool, decay: float, shape: tuple[int, int], dtype: str, _threads: int) -> Problem:
    w0, v0, g = (random_array(seed, shape, dtype, scale) for seed, scale in ((1, 1.0), (2, 0.01), (3, 1.0)))
    eta, mu = 1e-3, 0.9

    def expected() -> Sequence[Expected]:
        w, v, slope = (array.astype(WIDER[dtype]) for array in (w0, v0, g))
        size_v = mu * np.abs(v) + eta * (np.abs(slope) + decay * np.abs(w))
        size_w = np.abs(w) + (2 if nesterov else 1) * size_v
        change = -eta * (slope + decay * w)
        v = mu * v + change
        w = w + (mu * v + change if nesterov else v)
        u = rounding(dtype)  # three rounded numbers, three products, up to four sums
        return [Expected(w, u * size_w, 10), Expected(v, u * size_v, 8)]

    def start(core: ModuleType) -> Any:
        w, v = w0.copy(), v0.copy()  # the first call is compared; later ones go on from there

        def step() -> Sequence[Any]:
            core.sgd_momentum_step(
                w, v, g, learning_rate=eta, momentum=mu, nesterov=nesterov, weight_decay=decay
            )
            return w, v

        return step

    return Problem(start, expected)


def cases(short: bool) -> Iterator[Case]:
    sizes = [(1, 3), (5, 37), (64, 128)]
    wide = (
        sizes
        if short
        else [
            (1, 3),
            (1, 64),
            (1, 2048),
            (32, 37),
            (64, 128),
            (512, 300),
            (8192, 3),
            (8192, 128),
            (2048, 2048),
        ]
    )
    some = sizes if short else [(1, 64), (32, 37), (64, 128), (512, 300), (8192, 128)]
    outputs = (
        [(1, 3), (33, 10)] if short else [(1, 10), (64, 1), (64, 10), (512, 10), (8192, 10), (512, 1024)]
    )
    names = [*ACTIVATIONS, "softmax"]
    for name in names:
        for rows, width in wide:
            made = partial(activation, name, rows, width)
            yield Case("activation", f"{name} {rows}x{width}", rows * width, made)
    for name in names:
        for rows, width in some if name != "step" else ():
            made = partial(activation_gradient, name, rows, width)
            yield Case("activation_gradient", f"{name} {rows}x{width}", rows * width, made)
    for loss, name in LOSSES:
        for labels in (False, True) if loss == "cross_entropy" else (False,):
            for rows, width in outputs:
                if width == 1 and name == "softmax":
                    continue
                work = f"{loss} {name}{' labels' if labels else ''} {rows}x{width}"
                made = partial(loss_and_gradient, loss, name, labels, rows, width)
                yield Case("loss_and_gradient", work, rows * width, made)
    for nesterov, decay in ((False, 0.0), (True, 1e-4)):
        for shape in [(3, 3), (37, 101)] if short else [(3, 3), (64, 64), (784, 512), (2048, 2048)]:
            work = f"{'Nesterov, decay' if nesterov else 'momentum'} {shape[0]}x{shape[1]}"
            yield Case(
                "sgd_momentum_step", work, shape[0] * shape[1], partial(update, nesterov, decay, shape)
            )

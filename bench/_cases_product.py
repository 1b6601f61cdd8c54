"""One layer, forward and back. An element that is a chain of n multiply-adds has at most n roundings, each at most
u times the sum of the magnitudes that were added: u (|X| |W| + |b|), u (|dZ| |W|^T), u (|X|^T |dZ|)
(Higham, "Accuracy and stability of numerical algorithms", 2nd edition, 2002, section 3.1).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from types import ModuleType
from typing import Any

import numpy as np
from _case import Array, Case, Expected, Problem, random_array, rounding
from chainrule import reference
from chainrule.reference import mathematics

LARGEST = 2e10  # operations of a product; the check needs several of them in float64
LAYERS = [
    (3, 3), (8, 16), (64, 64), (37, 101), (128, 128), (784, 128), (300, 300), (512, 256), (1024, 1024), (2048, 2048)
]  # fmt: skip
SHORT_LAYERS = [(3, 3), (37, 101), (64, 128), (300, 17)]


def arrays(rows: int, n_in: int, n_out: int, dtype: str) -> tuple[Array, Array, Array, Array]:
    X, dZ = random_array(1, (rows, n_in), dtype), random_array(2, (rows, n_out), dtype)
    return X, random_array(3, (n_in, n_out), dtype, n_in**-0.5), random_array(4, (n_out,), dtype), dZ


def wide(*given: Array) -> list[Array]:
    """Return the arrays in float64, which the reference multiplies fast. For float64 it is no wider: see `count`."""
    return [array.astype(np.float64) for array in given]


def count(n: int, dtype: str) -> int:
    """Return how many roundings a chain of n may differ by; twice as many where the other side has them too."""
    return n if dtype == "float32" else 2 * n


def matmul_bias(name: str, rows: int, n_in: int, n_out: int, dtype: str, threads: int) -> Problem:
    X, W, b, _ = arrays(rows, n_in, n_out, dtype)

    def expected() -> Sequence[Expected]:
        x, w, c = wide(X, W, b)
        A = mathematics.activation(name, mathematics.weighted_sums(x, w, c))
        size = np.abs(x) @ np.abs(w) + np.abs(c)  # no activation is steeper than 1
        return [Expected(A, rounding(dtype) * (size + np.abs(A)), count(n_in + 6, dtype))]

    def start(core: ModuleType) -> Any:
        out = np.empty((rows, n_out), dtype)
        return lambda: [core.matmul_bias(X, W, b, activation=name, out=out, n_threads=threads)]

    return Problem(start, expected)


def matmul_gradients(rows: int, n_in: int, n_out: int, dtype: str, threads: int) -> Problem:
    X, W, _, dZ = arrays(rows, n_in, n_out, dtype)

    def expected() -> Sequence[Expected]:
        x, w, dz = wide(X, W, dZ)
        u, sizes = rounding(dtype), reference.matmul_gradients(np.abs(x), np.abs(w), np.abs(dz))
        bounds = count(n_out, dtype), count(rows, dtype), count(rows, dtype)
        right = reference.matmul_gradients(x, w, dz)
        return [Expected(v, u * s, n) for v, s, n in zip(right, sizes, bounds, strict=True)]

    return Problem(
        start=lambda core: lambda: core.matmul_gradients(X, W, dZ, n_threads=threads), expected=expected
    )


def cases(short: bool) -> Iterator[Case]:
    layers = SHORT_LAYERS if short else LAYERS
    for rows in (1, 7, 64) if short else (1, 8, 64, 512, 8192):
        for n_in, n_out in layers:
            flops = 2 * rows * n_in * n_out
            if flops > LARGEST:
                continue
            work = f"{rows}x{n_in} {n_in}x{n_out}"
            given = rows, n_in, n_out
            made = partial(matmul_bias, "identity", *given)
            yield Case("matmul_bias", work, rows * n_out, made, flops, True)
            if (n_in, n_out) in [(64, 128), (128, 128), (784, 128)] and rows == 64:
                for name in ("relu", "sigmoid", "tanh"):
                    made = partial(matmul_bias, name, *given)
                    yield Case("matmul_bias", f"{work} {name}", rows * n_out, made, flops, True)
    for rows in (1, 33) if short else (8, 64, 512, 8192):
        for n_in, n_out in layers:
            flops = 4 * rows * n_in * n_out
            if flops > LARGEST:
                continue
            made = partial(matmul_gradients, rows, n_in, n_out)
            yield Case("matmul_gradients", f"{rows}x{n_in} {n_in}x{n_out}", rows * n_in, made, flops, True)

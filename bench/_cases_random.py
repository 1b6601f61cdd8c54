"""Random words, permutations, dropout masks, normal numbers: the same operations in both cores, so every bit must be right."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from types import ModuleType
from typing import Any

from _case import Case, Expected, Problem
from chainrule import reference

Draw = Callable[[ModuleType, str], Any]


def words(n: int, core: ModuleType, _dtype: str) -> Any:
    return core.random_words(n, seed=7, stream=3, step=5)


def order(n: int, core: ModuleType, _dtype: str) -> Any:
    return core.permutation(n, seed=7, epoch=5)


def mask(rows: int, width: int, core: ModuleType, dtype: str) -> Any:
    return core.dropout_mask(rows, width, 0.2, seed=7, step=5, layer=1, dtype=dtype)


def noise(rows: int, width: int, core: ModuleType, dtype: str) -> Any:
    return core.gaussian_noise(rows, width, seed=7, step=5, dtype=dtype)


def problem(draw: Draw, dtype: str, _threads: int) -> Problem:
    return Problem(
        start=lambda core: lambda: [draw(core, dtype)],
        expected=lambda: [Expected(draw(reference, dtype), 1, 0)],
    )


def cases(short: bool) -> Iterator[Case]:
    for n in (100, 3000) if short else (16, 1000, 65_536, 4_194_304):
        yield Case("random_words", f"{n:,}", n, partial(problem, partial(words, n)))
    for n in (100, 3000) if short else (100, 2000, 65_536, 1_048_576):
        yield Case("permutation", f"{n:,}", n, partial(problem, partial(order, n)))
    for rows, width in ((1, 3), (64, 37)) if short else ((1, 64), (64, 128), (512, 2048), (8192, 300)):
        for name, draw in (("dropout_mask", mask), ("gaussian_noise", noise)):
            yield Case(name, f"{rows}x{width}", rows * width, partial(problem, partial(draw, rows, width)))

"""Check the activations and the exponential of softmax for each of the 2^32 float32 numbers against float64.

``python bench/every_float32.py --output FOLDER``, an hour or two; ``--short`` takes one number of ten thousand. Ends with a
failure if an error is above its bound, or if a NaN, an infinity, a sign or a saturated value is wrong.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from _case import Array
from _record import describe_chainrule, document, machine, save, table
from chainrule.reference import mathematics

COUNT, CHUNK, STRIDE = 1 << 32, 1 << 15, 9973  # numbers, as many at a time, one of so many in a short run
SMALLEST = 2.0**-126
BEYOND = 2.0**128 - 2.0**103  # from here on the nearest float32 is infinity
WITHOUT_FMA = {"tanh": 2.6, "gelu": 8.2}  # bounds where the instruction set has no fused multiply-add
HEADER = ("function", "of", "numbers", "largest error", "at", "bound", "exactly 0 up to", "exactly 1 from")


def unit_alone(x: Array) -> Array:
    return np.ones_like(x)


@dataclass(frozen=True)
class Function:
    """What the core makes of x, the right value in float64, and how many units it may be off by.

    ``roundings``: so many more units where x < 0, for the roundings of an exponent of that size. ``gated``: it is x times a
    gate, and 0 where the gate is below the smallest normal number. ``most``: nothing is above it.
    """

    name: str
    work: str
    of: Callable[[ModuleType, Array], Array]
    truth: Callable[[Array], Array]
    bound: float = 2.5
    most: float = 1.0
    gated: bool = False
    roundings: Callable[[Array], Array] = unit_alone


def smaller_of_pair(core: ModuleType, x: Array) -> Array:
    """Return the smaller of the two outputs of softmax of 0 and x."""
    pairs = np.zeros((x.size, 2), np.float32)
    pairs[:, 1] = x
    made = core.activation("softmax", pairs)
    return np.asarray(np.minimum(made[:, 0], made[:, 1]))


def smaller_truth(x: Array) -> Array:
    e = np.exp(-np.abs(x))
    return np.where(np.isinf(x) & (x > 0), np.nan, e / (1 + e))  # infinity less infinity


def activated(name: str, core: ModuleType, x: Array) -> Array:
    return np.asarray(core.activation(name, x[None])[0])


def reference_truth(name: str, x: Array) -> Array:
    """Return what the reference core has in float64, whose errors are a ten thousandth of a unit at most."""
    return np.asarray(mathematics.activation(name, x[None])[0])


def twice_u(x: Array) -> Array:
    """Return 1 and the size of the rounded exponent of gelu_tanh, on which only the small results depend."""
    z = np.clip(x, -30, 0)
    return np.asarray(1 + 2 * (2 / np.pi) ** 0.5 * np.abs(z + 0.044715 * z**3))


def learned(name: str, work: str, bound: float, most: float = np.inf, **more: Any) -> Function:
    """Return an activation of the core, with the reference core's formula as the right value."""
    return Function(name, work, partial(activated, name), partial(reference_truth, name), bound, most, **more)


FUNCTIONS = (
    Function("exp", "the smaller of softmax(0, x)", smaller_of_pair, smaller_truth),
    Function("sigmoid", "1 / (1 + e^-x)", partial(activated, "sigmoid"), lambda x: 1 / (1 + np.exp(-x))),
    Function("tanh", "tanh x", partial(activated, "tanh"), np.tanh),
    learned("elu", "e^x - 1 or x", 1.1),
    learned("selu", "s a (e^x - 1) or s x", 2.2),
    learned("gelu", "x P(x)", 7.6, gated=True),
    learned("gelu_tanh", "x sigmoid(2 u), in 1 + 2 u units", 3.3, gated=True, roundings=twice_u),
    learned("silu", "x sigmoid(x)", 3.2, gated=True),
    learned("mish", "x tanh(log(1 + e^x))", 5.2, gated=True),
    learned("softplus", "log(1 + e^x)", 4.7),
    learned("softsign", "x / (1 + abs(x))", 1.6, 1.0),
    learned("hard_sigmoid", "min(max(x + 3, 0), 6) / 6", 1.1, 1.0),
    learned("exponential", "e^x", 1.1),
)


@dataclass
class Found:
    """The largest error in units in the last place, where it is, and the numbers that are wrong in another way."""

    error: float = 0.0
    at: float = 0.0
    numbers: int = 0
    wrong: int = 0
    wrong_at: float = 0.0
    last_zero: float = -np.inf  # the largest x with a result of 0
    last_other: float = -np.inf  # the largest x whose result is not 1

    def add(self, function: Function, core: ModuleType, x: Array) -> None:
        """Compare the results for x. A unit in the last place is the distance of neighbours at the right value.

        Numbers below the smallest normal one are zero in native calls: given, they are replaced by it here, and where
        the right result is one, the result must be zero or the smallest normal number (or x, which is only moved). Where
        the right result is infinity in float32, the result must be that.
        """
        y = function.of(core, x)
        with np.errstate(all="ignore"):
            given = np.where(np.abs(x) < SMALLEST, np.copysign(np.float32(0), x), x).astype(np.float64)
            right = function.truth(given)
        size, number = np.abs(right), ~np.isnan(right)
        smallest = SMALLEST * (np.maximum(np.abs(given), 1) if function.gated else 1.0)
        beyond = size >= BEYOND
        normal = (size >= smallest) & ~beyond
        unit = np.ldexp(1.0, np.frexp(np.where(normal, size, 1.0))[1] - 24) * function.roundings(given)
        with np.errstate(invalid="ignore"):
            error = np.where(normal, np.abs(y - right) / unit, 0)
        wrong = np.isnan(y) == number
        wrong |= number & ((np.signbit(y) != np.signbit(right)) | (np.abs(y) > function.most))
        wrong |= beyond & np.isfinite(y)
        small = number & (size < smallest) & (y != 0) & (y != x)
        wrong |= small & ((np.abs(y) > smallest) if function.gated else (np.abs(y) != SMALLEST))
        worst = int(np.argmax(np.where(np.isnan(error), 0, error)))
        if error[worst] > self.error:
            self.error, self.at = float(error[worst]), float(x[worst])
        if wrong.any():
            self.wrong_at = float(x[wrong][0])
        self.wrong += int(wrong.sum())
        self.numbers += x.size
        self.last_zero = max(self.last_zero, float(x[y == 0].max(initial=-np.inf)))
        self.last_other = max(self.last_other, float(x[y < 1].max(initial=-np.inf)))

    def right(self, bound: float) -> bool:
        """Whether the bound holds and nothing else is wrong."""
        return self.error <= bound and not self.wrong


def numbers(short: bool) -> Iterator[Array]:
    """Yield all float32 numbers, or a sample of them with zero, one, infinity and NaN, in chunks."""
    step = STRIDE if short else 1
    for start in range(0, COUNT, CHUNK * step):
        bits = np.arange(start, min(start + CHUNK * step, COUNT), step, dtype=np.uint64).astype(np.uint32)
        yield bits.view(np.float32)
    special = np.array(
        [0, 1, SMALLEST, SMALLEST / 2, 9.0109134, 87.33654, 88.8, 1e4, np.inf, np.nan], np.float32
    )
    yield np.concatenate([special, -special])


def bound_of(function: Function, instruction_set: str) -> float:
    return WITHOUT_FMA.get(function.name, function.bound) if instruction_set == "baseline" else function.bound


def cells(function: Function, found: Found, bound: float) -> list[str]:
    zero, one = "–", "–"
    if function.name in ("sigmoid", "tanh"):
        one = f"{np.nextafter(np.float32(found.last_other), np.float32(np.inf)):.7g}"
    if function.name == "sigmoid":
        zero = f"{found.last_zero:.7g}"
    return [
        function.name, function.work, f"{found.numbers:,}", f"{found.error:.4f}", f"{found.at:.9g}", f"{bound:g}",
        zero, one
    ]  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--short", action="store_true", help="one number of ten thousand")
    parser.add_argument(
        "--only", default="", metavar="TEXT", help="only the functions with this in their name"
    )
    parser.add_argument("--output", type=Path, metavar="FOLDER", help="write the results there")
    use = parser.parse_args()
    import chainrule as cr
    from chainrule import native

    about = machine() | {"chainrule": describe_chainrule(), "mode": "short" if use.short else "full"}
    isa = str(cr.show_config()["instruction_set"])
    rows, failed = [], False
    for function in FUNCTIONS:
        if use.only not in function.name:
            continue
        found, bound = Found(), bound_of(function, isa)
        for x in numbers(use.short):
            found.add(function, native, x)
        rows.append(cells(function, found, bound))
        if not found.right(bound):
            failed = True
            print(f"WRONG: {function.name}: {found}", file=sys.stderr)
    words = (
        "Errors are in units in the last place of the right value, which is NumPy's in float64. NaN, infinities, signs\n"
        "and zeros are right for every number. Results below 2^-126 are 0 (or 2^-126), products of x and a gate where the\n"
        "gate is."
    )
    text = document("Every float32 number", about, table(HEADER, rows), words)
    print(text)
    if use.output and not failed:
        save(use.output, f"every-float32-{isa}", {"about": about, "header": HEADER, "rows": rows}, text)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())

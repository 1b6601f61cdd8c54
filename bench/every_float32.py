"""Check tanh, sigmoid and the exponential of softmax for each of the 2^32 float32 numbers against float64.

``python bench/every_float32.py --output FOLDER``, some minutes; ``--short`` takes one number of ten thousand. Ends with a
failure if an error is above its bound, or if a NaN, an infinity, a sign or a saturated value is wrong.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import numpy as np
from _case import Array
from _record import describe_chainrule, document, machine, save, table

COUNT, CHUNK, STRIDE = 1 << 32, 1 << 15, 9973  # numbers, as many at a time, one of so many in a short run
SMALLEST = 2.0**-126
BOUND = 2.5
WITHOUT_FMA = 2.6  # tanh, where the instruction set has no fused multiply-add
HEADER = ("function", "of", "numbers", "largest error", "at", "bound", "exactly 0 up to", "exactly 1 from")


@dataclass(frozen=True)
class Function:
    """What the core makes of x, and the right value in float64."""

    name: str
    work: str
    of: Callable[[ModuleType, Array], Array]
    truth: Callable[[Array], Array]


def smaller_of_pair(core: ModuleType, x: Array) -> Array:
    """Return the smaller of the two outputs of softmax of 0 and x."""
    pairs = np.zeros((x.size, 2), np.float32)
    pairs[:, 1] = x
    made = core.activation("softmax", pairs)
    return np.asarray(np.minimum(made[:, 0], made[:, 1]))


def smaller_truth(x: Array) -> Array:
    e = np.exp(-np.abs(x))
    return np.where(np.isinf(x) & (x > 0), np.nan, e / (1 + e))  # infinity less infinity


FUNCTIONS = (
    Function("exp", "the smaller of softmax(0, x)", smaller_of_pair, smaller_truth),
    Function("sigmoid", "1 / (1 + e^-x)", lambda core, x: core.activation("sigmoid", x[None])[0],
             lambda x: 1 / (1 + np.exp(-x))),
    Function("tanh", "tanh x", lambda core, x: core.activation("tanh", x[None])[0], np.tanh),
)  # fmt: skip


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
        the right result is one, the result must be zero or the smallest normal number.
        """
        y = function.of(core, x)
        with np.errstate(all="ignore"):
            given = np.where(np.abs(x) < SMALLEST, np.copysign(np.float32(0), x), x).astype(np.float64)
            right = function.truth(given)
        size = np.abs(right)
        normal = size >= SMALLEST
        unit = np.ldexp(1.0, np.frexp(np.where(normal, size, 1.0))[1] - 24)
        error = np.where(normal, np.abs(y - right) / unit, 0)
        number = ~np.isnan(right)
        wrong = np.isnan(y) == number
        wrong |= number & ((np.signbit(y) != np.signbit(right)) | (np.abs(y) > 1))
        wrong |= number & ~normal & (y != 0) & (np.abs(y) != SMALLEST)
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
    return WITHOUT_FMA if function.name == "tanh" and instruction_set == "baseline" else BOUND


def cells(function: Function, found: Found, bound: float) -> list[str]:
    zero, one = "–", "–"
    if function.name != "exp":
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
        "and zeros are right for every number. Results below 2^-126 are 0 (or 2^-126)."
    )
    text = document("Every float32 number", about, table(HEADER, rows), words)
    print(text)
    if use.output and not failed:
        save(use.output, f"every-float32-{isa}", {"about": about, "header": HEADER, "rows": rows}, text)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())

"""Cycles an element of activations and softmax in the first-level cache, beside NumPy and PyTorch.

``python bench/elementwise.py --output FOLDER``; ``--short`` for a quick pass. See bench/README.md.
"""

from __future__ import annotations

import importlib
import statistics
import sys
import time
from contextlib import ExitStack, closing
from functools import partial
from typing import Any

import _cases_elementwise
import numpy as np
from _case import Array, Error, largest_error, random_array
from _peak import Peak
from _record import (
    comparison,
    describe_chainrule,
    describe_numpy,
    document,
    machine,
    save,
    significant,
    table,
)
from _settings import Settings, parser, settings
from _workers import Unavailable, Worker, alternate

SMALL, LARGE = 512, 2560
"""Elements of a row: in and out fit a first-level cache of 32 KB in float32 and float64. A call's own cost, some
microseconds in Python, is the same for both, so the difference of the times is that of the elements between them."""
NAMES = (
    "sigmoid", "tanh", "softmax", "relu", "elu", "selu", "gelu", "gelu_tanh", "silu", "mish", "softplus", "softsign",
    "hard_sigmoid", "exponential"
)  # fmt: skip
CORES = {"chainrule": "native", "NumPy": "reference", "PyTorch": None}
HEADER = (
    "function",
    "dtype",
    "cycles",
    "median",
    "ns",
    "NumPy's cycles",
    "PyTorch's",
    "faster than NumPy",
    "PyTorch",
    "error",
)


def aligned(n: int, dtype: str) -> Array:
    """Return a row that begins with a cache line, as the rows inside a model do; NumPy's own begin where they like."""
    size = n * np.dtype(dtype).itemsize
    room = np.zeros(size + 64, np.uint8)
    start = -room.ctypes.data % 64
    return room[start : start + size].view(dtype)[None]


class Torch:
    """PyTorch's activations with the interface of a core."""

    def __init__(self) -> None:
        try:
            self.torch = importlib.import_module("torch")
        except ImportError:
            raise Unavailable("torch is not installed") from None
        self.torch.set_num_threads(1)
        self.torch.set_flush_denormal(True)

    def activation(self, name: str, Z: Array, out: Array) -> Array:
        """Fill ``out``, the way PyTorch documents."""
        given, made = self.torch.from_numpy(Z), self.torch.from_numpy(out)
        ours = {"exponential": "exp", "relu": "clamp_min", "gelu_tanh": "gelu", "hard_sigmoid": "hardsigmoid"}
        more = {"relu": {"min": 0.0}, "softmax": {"dim": 1}, "gelu_tanh": {"approximate": "tanh"}}.get(
            name, {}
        )
        if name in ("sigmoid", "tanh", "exponential", "relu", "softmax"):
            getattr(self.torch, ours.get(name, name))(given, **more, out=made)
        elif name in ("selu", "softsign"):  # these have no `out`
            made.copy_(getattr(self.torch.nn.functional, name)(given))
        else:
            getattr(self.torch.ops.aten, ours.get(name, name)).out(given, **more, out=made)
        return out


class Rival:
    """One library in its own process."""

    def __init__(self, name: str, dtype: str, loops: int) -> None:
        module = CORES[name]
        self.core: Any = importlib.import_module(f"chainrule.{module}") if module else Torch()
        self.name, self.dtype, self.loops = name, dtype, loops

    def describe(self) -> str:
        """Return versions and settings."""
        if self.name == "PyTorch":
            return str(self.core.torch.__version__)
        return describe_chainrule() if self.name == "chainrule" else describe_numpy()

    def prepare(self, name: str) -> Error:
        """Make the arrays and return the error of the longer one's first result."""
        self.calls = []
        for n in (SMALL, LARGE):
            Z, out = aligned(n, self.dtype), aligned(n, self.dtype)
            Z[:] = random_array(1, (1, n), self.dtype, 4.0)
            self.calls.append(partial(self.core.activation, name, Z, out=out))
        expected = _cases_elementwise.activation(name, 1, LARGE, self.dtype, 1).expected()
        return largest_error([self.calls[1]()], expected)

    def time(self) -> float:
        """Return the seconds of an element, from the fastest of many calls of either length."""
        best = [np.inf, np.inf]
        for _ in range(self.loops):
            for i, call in enumerate(self.calls):
                started = time.perf_counter()
                for _ in range(10):
                    call()
                best[i] = min(best[i], (time.perf_counter() - started) / 10)
        return float(best[1] - best[0]) / (LARGE - SMALL)


def hertz(peak: Worker, dtype: str) -> float:
    """Return the clock under vector arithmetic, if two units begin a multiply-add in each cycle.

    NaN on baseline: it has products and sums, and processors differ in how many of these they begin.
    """
    import chainrule as cr

    isa = str(cr.show_config()["instruction_set"])
    lanes = {"avx2": 32, "avx512": 64}.get(isa, np.nan) / np.dtype(dtype).itemsize
    return float(1e9 * max(peak.ask("time") for _ in range(5)) / (4 * lanes))


def measure(use: Settings, versions: dict[str, str]) -> list[dict[str, Any]]:
    """Check and time all functions; a wrong answer of the native core raises."""
    rows: list[dict[str, Any]] = []
    with ExitStack() as stack:
        workers = {}
        for name in CORES:
            make = partial(Worker, name, Rival, name, use.dtype, 20 if use.short else 2000, threads=1)
            try:
                workers[name] = stack.enter_context(closing(make()))
            except Unavailable as reason:
                print(f"left out: {name}: {reason}")
        versions.update({name: worker.ask("describe") for name, worker in workers.items()})
        peak = stack.enter_context(closing(Worker("peak", Peak, 1, use.dtype, threads=1)))
        for name in NAMES:
            if use.only not in name:
                continue
            errors = {rival: Error(*worker.ask("prepare", name)) for rival, worker in workers.items()}
            if not errors["chainrule"].right:
                raise AssertionError(f"{name}, {use.dtype}: {errors['chainrule']}")
            seconds = alternate(workers, use.rounds, "time")
            clock = hertz(peak, use.dtype)
            rows.append({"function": name, "dtype": use.dtype, "seconds": seconds, "hertz": clock,
                         "error": errors["chainrule"].units})  # fmt: skip
    return rows


def cells(row: dict[str, Any]) -> list[str]:
    """Return a row as it is printed."""
    best = {name: min(times) for name, times in row["seconds"].items()}
    clock, ours = row["hertz"], best["chainrule"]
    theirs = [best.get(name) for name in ("NumPy", "PyTorch")]
    return [
        row["function"], row["dtype"], f"{ours * clock:.2f}",
        f"{statistics.median(row['seconds']['chainrule']) * clock:.2f}", significant(1e9 * ours),
        *(f"{t * clock:.2f}" if t else "–" for t in theirs),
        *(comparison(t / ours) if t else "–" for t in theirs), f"{row['error']:.2g}"
    ]  # fmt: skip


def main() -> int:
    use = settings(parser(__doc__.splitlines()[0], "1").parse_args(), seconds=0.0)
    about, versions = machine(), {}  # type: dict[str, str], dict[str, str]
    try:
        rows = measure(use, versions)
    except AssertionError as wrong:
        print(f"WRONG ANSWER, not timed: {wrong}", file=sys.stderr)
        return 1
    clock = f"{1e-9 * min(row['hertz'] for row in rows):.2f} to {1e-9 * max(row['hertz'] for row in rows):.2f} GHz"
    about |= versions | {"clock": clock} | use.described()
    words = (
        f"Cycles an element: the best time of a row of {LARGE:,} elements less that of {SMALL}, by {LARGE - SMALL:,},\n"
        "times the clock, which is measured after each row: multiply-adds in registers, two units assumed. `median` is\n"
        "that of the rounds' best. Errors as in the record of the kernels."
    )
    text = document("Elementwise", about, table(HEADER, [cells(row) for row in rows]), words)
    print(text)
    if use.output:
        isa = versions["chainrule"].split(", ")[1]
        save(use.output, f"elementwise-{use.dtype}-{isa}", {"about": about, "rows": rows}, text)
    return 0


if __name__ == "__main__":
    sys.exit(main())

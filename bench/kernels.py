"""Time every function of ``chainrule.native`` against its twin in NumPy, over a grid of sizes.

``python bench/kernels.py --threads 1,2 --output FOLDER``; ``--short`` for a quick pass. See bench/README.md.
"""

from __future__ import annotations

import importlib
import statistics
import sys
import time
from contextlib import ExitStack, closing
from typing import Any

import _cases_elementwise
import _cases_network
import _cases_product
import _cases_random
from _case import Case, Error, largest_error
from _peak import Peak
from _record import comparison, describe_chainrule, describe_numpy, document, machine, significant, table
from _settings import Settings, parser, settings
from _workers import Unavailable, Worker, alternate

CORES = {"chainrule": "native", "NumPy": "reference"}
FAMILIES = (_cases_product, _cases_network, _cases_elementwise, _cases_random)
HEADER = (
    "kernel", "work", "threads", "best µs", "median µs", "NumPy's best", "median", "faster by", "rate", "of peak",
    "error", "NumPy's", "bound"
)  # fmt: skip


class WrongAnswerError(AssertionError):
    """A result is not the reference's, so its time means nothing."""


class Bench:
    """One core in its own process."""

    def __init__(self, name: str, dtype: str, threads: int, short: bool) -> None:
        self.name = name
        self.core = importlib.import_module(f"chainrule.{CORES[name]}")
        self.dtype, self.threads = dtype, threads
        self.cases = all_cases(short)

    def describe(self) -> str:
        """Return versions and settings."""
        return describe_chainrule() if self.name == "chainrule" else describe_numpy()

    def prepare(self, index: int, seconds: float) -> Error:
        """Make the arrays, return the error of the first result, and find how many calls fill the time."""
        problem = self.cases[index].make(self.dtype, self.threads)
        self.call = problem.start(self.core)
        error = largest_error(self.call(), problem.expected())
        self.repeats = 1
        while error.right and (spent := self.time() * self.repeats) < seconds:  # warms up too
            self.repeats = max(self.repeats + 1, min(10 * self.repeats, int(self.repeats * seconds / spent)))
        return error

    def time(self) -> float:
        """Return the seconds of one call, averaged over the repeats."""
        call, started = self.call, time.perf_counter()
        for _ in range(self.repeats):
            call()
        return (time.perf_counter() - started) / self.repeats


def all_cases(short: bool) -> list[Case]:
    return [case for family in FAMILIES for case in family.cases(short)]


def measure_case(case: Case, index: int, workers: dict[str, Worker], use: Settings) -> dict[str, Any]:
    """Check both cores, the native one against its bound, then time them in turns."""
    errors = {name: Error(*worker.ask("prepare", index, use.seconds)) for name, worker in workers.items()}
    native = errors["chainrule"]
    if not native.right:
        raise WrongAnswerError(
            f"{case.name}, {use.dtype}: error {native.units:.3g}, bound {native.bound:.3g}"
        )
    return {
        "kernel": case.kernel,
        "work": case.work,
        "elements": case.elements,
        "flops": case.flops,
        "errors": {name: error.units for name, error in errors.items()},
        "bound": native.bound,
        "seconds": alternate(workers, use.rounds, "time"),
    }


def measure_threads(use: Settings, threads: int, versions: dict[str, str]) -> list[dict[str, Any]]:
    with ExitStack() as stack:
        workers = {
            name: stack.enter_context(
                closing(Worker(name, Bench, name, use.dtype, threads, use.short, threads=threads))
            )
            for name in CORES
        }
        versions.update({name: worker.ask("describe") for name, worker in workers.items()})
        peak = None
        try:
            peak = stack.enter_context(closing(Worker("peak", Peak, threads, use.dtype, threads=threads)))
        except Unavailable as reason:
            print(f"no peak: {reason}")
        found, peaks = [], []
        for index, case in enumerate(all_cases(use.short)):
            if use.only not in case.name or (threads > 1 and not case.threaded):
                continue
            if peak is not None and case.flops:
                peaks.append(peak.ask("time"))
            found.append({"threads": threads, **measure_case(case, index, workers, use)})
            progress(found[-1])
    return [{**row, "peak": max(peaks, default=None)} for row in found]


def progress(row: dict[str, Any]) -> None:
    if sys.stderr.isatty():
        print(f"\r{row['kernel']} {row['work']}".ljust(100), end="\r", file=sys.stderr)


def cells(row: dict[str, Any]) -> list[str]:
    """Return a row as it is printed."""
    ours, theirs = row["seconds"]["chainrule"], row["seconds"]["NumPy"]
    best, middle = min(ours), statistics.median(ours)
    faster = statistics.median(theirs) / middle
    flops, share = row["flops"], "–"
    rate = (
        f"{significant(1e-9 * flops / best)} GFLOP/s"
        if flops
        else f"{significant(1e9 * best / row['elements'])} ns/el."
    )
    if flops and row["peak"]:
        share = f"{1e-9 * flops / best / row['peak']:.0%}"
    return [
        row["kernel"], row["work"], str(row["threads"]),
        *(significant(1e6 * t) for t in (best, middle, min(theirs), statistics.median(theirs))),
        comparison(faster), rate, share,
        f"{row['errors']['chainrule']:.2g}", f"{row['errors']['NumPy']:.2g}", f"{row['bound']:g}"
    ]  # fmt: skip


def report(rows: list[dict[str, Any]], about: dict[str, str]) -> str:
    slower = [row for row in rows if cells(row)[7].startswith("SLOWER")]
    closing_words = (
        f"{len(slower)} of {len(rows)} rows are slower than NumPy. Times are best and median of the rounds; `rate` and\n"
        "`of peak` are of the best, `faster by` is of the medians. bench/README.md explains the units of the errors."
    )
    return document("Kernels", about, table(HEADER, [cells(row) for row in rows]), closing_words)


def main() -> int:
    use = settings(parser(__doc__.splitlines()[0], "1").parse_args(), seconds=0.02)
    about, rows = machine(), []
    versions: dict[str, str] = {}
    try:
        for threads in use.threads:
            rows += measure_threads(use, threads, versions)
    except WrongAnswerError as wrong:
        print(f"WRONG ANSWER, not timed: {wrong}", file=sys.stderr)
        return 1
    about |= versions | use.described()
    use.publish("kernels", about, rows, report(rows, about))
    return 0


if __name__ == "__main__":
    sys.exit(main())

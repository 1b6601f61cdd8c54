"""Time whole epochs of training: chainrule, its NumPy reference and PyTorch, against the multiply-add peak.

``python bench/epochs.py --threads 1,2 --output FOLDER``; ``--short`` for a quick pass. See bench/README.md.
"""

from __future__ import annotations

import statistics
import sys
from collections.abc import Callable
from contextlib import ExitStack, closing
from typing import Any

import numpy as np
from _epoch_check import Distance, largest_distance
from _epoch_rivals import Chainrule, PyTorch
from _peak import Peak
from _record import comparison, machine, save, significant, table
from _settings import Settings, parser, settings
from _workers import Unavailable, Worker, alternate
from _works import WORKS, Array, Work

HEADER = (
    "work", "who", "threads", "best ms", "median ms", "rows/s", "ns/row", "best of peak", "median of peak", "chainrule faster by",
    "than on 1 thread", "error", "bound"
)  # fmt: skip
RIVALS: dict[str, tuple[Callable[..., Any], tuple[Any, ...]]] = {
    "chainrule": (Chainrule, ("native",)),
    "NumPy": (Chainrule, ("reference",)),
    "PyTorch": (PyTorch, ()),
}


class WrongAnswerError(AssertionError):
    """The parameters are not those of the reference, so the time means nothing."""


class Team:
    """The processes of one number of threads, those that can take part."""

    def __init__(self, stack: ExitStack, names: list[str], threads: int, dtype: str) -> None:
        self.threads, self.dtype = threads, dtype
        self.rivals: dict[str, Worker] = {}
        for name in names:
            make, arguments = RIVALS[name]
            self._add(stack, self.rivals, name, make, *arguments, threads)
        self.others: dict[str, Worker] = {}
        self._add(stack, self.others, "peak", Peak, threads, dtype)
        self._add(stack, self.others, "truth", Chainrule, "reference", threads)

    def _add(self, stack: ExitStack, group: dict[str, Worker], name: str, make: Any, *arguments: Any) -> None:
        try:
            group[name] = stack.enter_context(closing(Worker(name, make, *arguments, threads=self.threads)))
        except Unavailable as reason:
            print(f"skipped: {name} with {self.threads} threads: {reason}")

    def check(self, work: Work, bits: dict[str, list[Array]]) -> dict[str, Distance]:
        """Compare what each learns in a few steps with the truth, and chainrule's bits with other numbers of threads.

        Raises
        ------
        WrongAnswerError
            If one is too far off, or the bits differ.
        """
        before, after, undecided = self.others["truth"].ask("truth", work, self.dtype)
        found = {}
        for name, worker in self.rivals.items():
            answer = worker.ask("answer", work, self.dtype)
            found[name] = largest_distance(answer, before, after, undecided, work, self.dtype)
            if not found[name].right:
                raise WrongAnswerError(
                    f"{work.name}, {name}, {self.threads} threads, {self.dtype}: after {work.checked_steps} steps "
                    f"{found[name].distance:.3g} from the reference, bound {found[name].bound:.3g}"
                )
            if name == "chainrule":
                same = zip(answer, bits.setdefault(work.name, answer), strict=True)
                if not all(np.array_equal(a, b) for a, b in same):
                    raise WrongAnswerError(f"{work.name}: the bits depend on the number of threads")
        return found

    def measure(self, work: Work, errors: dict[str, Distance], use: Settings) -> list[dict[str, Any]]:
        """Time all in turns; return a row for each."""
        for worker in self.rivals.values():
            worker.ask("load", work, self.dtype, use.seconds)
        runners = {**self.rivals, **{name: w for name, w in self.others.items() if name == "peak"}}
        timings = alternate(runners, use.rounds, "time")
        peak = timings.pop("peak", None)
        return [
            {
                "work": work.name,
                "who": name,
                "threads": self.threads,
                "rows": work.rows,
                "flops": work.flops,
                "seconds": seconds,
                "peak": peak,
                "error": errors[name].distance,
                "bound": errors[name].bound,
            }
            for name, seconds in timings.items()
        ]


def cells(row: dict[str, Any], all_rows: list[dict[str, Any]]) -> list[str]:
    """Return a row as it is printed."""
    best, middle = min(row["seconds"]), statistics.median(row["seconds"])
    share = ["–", "–"]
    if row["peak"]:
        top = 1e9 * max(row["peak"])
        share = [f"{row['flops'] / t / top:.1%}" for t in (best, middle)]

    def ratio(key: str, value: Any) -> float | None:
        """Return this row's median over that of the row that differs in one thing."""
        wanted = {name: row[name] for name in ("work", "who", "threads")} | {key: value}
        for other in all_rows:
            if wanted.items() <= other.items():
                return float(middle / statistics.median(other["seconds"]))
        return None

    faster = ratio("who", "chainrule") if row["who"] != "chainrule" else None
    gain = ratio("threads", 1) if row["threads"] > 1 else None
    return [
        row["work"], row["who"], str(row["threads"]), significant(1e3 * best), significant(1e3 * middle),
        f"{row['rows'] / middle:,.0f}", significant(1e9 * middle / row["rows"]), *share,
        "–" if faster is None else comparison(faster),
        "–" if gain is None else f"{1 / gain:.2f}", f"{row['error']:.1e}", f"{row['bound']:.1e}"
    ]  # fmt: skip


def report(rows: list[dict[str, Any]], about: dict[str, str]) -> str:
    lines = [f"- {name}: {value}" for name, value in about.items()]
    body = table(HEADER, [cells(row, rows) for row in rows])
    closing_words = (
        "Rates and ratios are of the medians. SLOWER: chainrule loses.\nbench/README.md explains the columns."
    )
    return "\n".join(["# Epochs", "", *lines, "", body, "", closing_words])


def main() -> int:
    options = parser(__doc__.splitlines()[0], "1,2")
    names = ",".join(RIVALS)
    options.add_argument("--rivals", default=names, help=f"who takes part (default: {names})")
    arguments = options.parse_args()
    use, chosen = settings(arguments, seconds=0.2), arguments.rivals.split(",")
    works = [work.shortened() if use.short else work for work in WORKS if use.only in work.name]
    about, rows = machine(), []
    bits: dict[str, list[Array]] = {}
    versions: dict[str, str] = {}
    try:
        for threads in use.threads:
            with ExitStack() as stack:
                team = Team(stack, [name for name in RIVALS if name in chosen], threads, use.dtype)
                versions |= {name: worker.ask("describe") for name, worker in team.rivals.items()}
                for work in works:
                    rows += team.measure(work, team.check(work, bits), use)
    except WrongAnswerError as wrong:
        print(f"WRONG ANSWER, not timed: {wrong}", file=sys.stderr)
        return 1
    about |= versions | {
        "dtype": use.dtype,
        "rounds": str(use.rounds),
        "mode": "short" if use.short else "full",
    }
    rows.sort(key=lambda row: [work.name for work in works].index(row["work"]))
    text = report(rows, about)
    print(text)
    if use.output:
        save(use.output, f"epochs-{use.dtype}", {"benchmark": "epochs", "about": about, "rows": rows}, text)
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Time the estimators of `chainrule.sklearn` beside scikit-learn's own: fits, predictions, searches.

``python bench/drop_in.py --threads 1,2 --output FOLDER``; ``--short`` for a quick pass. See bench/README.md.
"""

from __future__ import annotations

import statistics
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from _drop_in_rivals import MODULES, NETWORKS, SEARCHES, TABLES, Estimators, works
from _record import comparison, describe_chainrule, document, machine, significant, table
from _settings import Settings, parser, settings
from _workers import Unavailable, Worker, alternate

HEADER = ("what", "of", "threads", "scikit-learn", "chainrule", "unit", "faster by", "difference")
TOLERANCE = {"float32": 2e-3, "float64": 1e-6}
JOBS = 2


@dataclass(frozen=True)
class Timing:
    """What is asked of both libraries.

    Parameters
    ----------
    what, of : str
        For the table.
    method, arguments
        Of `Estimators`, giving seconds; the last argument is left to the sizing if ``sized``.
    check : callable
        Takes both workers, returns the difference of their answers.
    unit, scale : str and float
        What the times are shown in, and how many of them a second has.
    """

    what: str
    of: str
    method: str
    arguments: tuple[Any, ...]
    check: Callable[[dict[str, Worker]], float]
    unit: str
    scale: float
    sized: bool = False
    threads: tuple[int, ...] = ()


class Wrong(Exception):  # noqa: N818 - ends the program with a line
    """The two libraries came to different answers."""


def difference(method: str, *arguments: Any, tolerance: float) -> Callable[[dict[str, Worker]], float]:
    """Return a check: the largest difference of two lists of arrays, each relative to the size of its array."""

    def check(workers: dict[str, Worker]) -> float:
        ours, theirs = (workers[name].ask(method, *arguments) for name in ("chainrule", "scikit-learn"))
        worst = 0.0
        for one, other in zip(ours, theirs, strict=True):
            size = float(np.abs(other).max()) or 1.0
            worst = max(worst, float(np.abs(np.asarray(one) - other).max()) / size)
        if not worst <= tolerance:
            raise Wrong(f"{method} {arguments}: the answers differ by {worst:.2g}, more than {tolerance:.2g}")
        return worst

    return check


def timings(use: Settings) -> list[Timing]:
    found = []
    near, near64 = TOLERANCE[use.dtype], TOLERANCE["float64"]
    for work in works(use.short)[: 4 if use.short else None]:
        check = difference("work_answer", work, use.dtype, tolerance=near)
        found.append(Timing("fit", work.name, "fit_work", (work, use.dtype), check, "ms an epoch", 1e3, True))
    for name in TABLES[: 1 if use.short else None]:
        for solver in ("adam", "sgd", "lbfgs"):
            check = difference("table_answer", name, solver, tolerance=near64)
            found.append(
                Timing(f"fit, defaults, {solver}", name, "fit_table", (name, solver), check, "ms", 1e3)
            )
    for name in list(NETWORKS)[: 2 if use.short else None]:
        for rows in (1, 1000):
            check = difference("prediction", name, use.dtype, rows, tolerance=near)
            found.append(
                Timing(f"predict, {rows} rows", name, "predict", (name, use.dtype, rows), check, "us", 1e6, True)
            )  # fmt: skip
    for kind in SEARCHES[: 1 if use.short else None]:
        for name in ("breast_cancer",) if use.short else ("breast_cancer", "digits", "diabetes"):
            found.append(Timing(f"{kind}, n_jobs={JOBS}", name, "search", (kind, name, JOBS), _scores(name),
                                "s", 1.0, threads=(JOBS,)))  # fmt: skip
    return [one for one in found if use.only in f"{one.what} {one.of}"]


def _scores(name: str) -> Callable[[dict[str, Worker]], float]:
    """Return a check of the scores of folds: roundings of many epochs may turn a few rows."""

    def check(workers: dict[str, Worker]) -> float:
        ours, theirs = (
            np.array(workers[one].ask("scores", name, JOBS)) for one in ("chainrule", "scikit-learn")
        )
        worst = float(np.abs(ours - theirs).max())
        if worst > 0.03:
            raise Wrong(f"the scores of folds of {name} differ by {worst:.2g}")
        return worst

    return check


def take(timing: Timing, workers: dict[str, Worker], use: Settings) -> dict[str, Any]:
    """Check the answers, then time both in turn."""
    worst, arguments, repeats = timing.check(workers), timing.arguments, 1
    if timing.sized:
        slow = workers["scikit-learn"]
        slow.ask(timing.method, *arguments, 1)
        repeats = max(1, round(use.seconds / slow.ask(timing.method, *arguments, 1)))
        arguments = (*arguments, repeats)
    for worker in workers.values():
        worker.ask(timing.method, *arguments)
    taken = alternate(workers, use.rounds, timing.method, *arguments)
    seconds = {name: [one / repeats for one in many] for name, many in taken.items()}
    return {"what": timing.what, "of": timing.of, "unit": timing.unit, "scale": timing.scale, "repeats": repeats,
            "difference": worst, "seconds": seconds}  # fmt: skip


def report(rows: list[dict[str, Any]], parts: list[str], about: dict[str, str]) -> str:
    lines = []
    for row in rows:
        middle = {name: statistics.median(row["seconds"][name]) for name in MODULES}
        shown = [significant(row["scale"] * middle[name]) for name in MODULES]
        faster = comparison(middle["scikit-learn"] / middle["chainrule"])
        lines.append(
            [row["what"], row["of"], str(row["threads"]), *shown, row["unit"], faster, f"{row['difference']:.1e}"]
        )  # fmt: skip
    words = (
        "Medians of rounds that alternate. The same script with one import line changed; each library in a process of its own, "
        "with so many threads. *difference*: of the parameters, losses or outputs that are compared first, relative to the "
        "largest; of searches, the largest of the scores of folds, after 60 epochs.\n\n" + "\n".join(parts)
    )
    return document("In place of scikit-learn's estimators", about, table(HEADER, lines), words)


def what_predict_costs(workers: dict[str, Worker], use: Settings) -> list[str]:
    """Return where the time of one row goes in scikit-learn's own `predict`."""
    calls, lines = 20 if use.short else 1000, []
    for name in NETWORKS:
        found = workers["scikit-learn"].ask("parts_of_a_prediction", name, use.dtype, calls)
        words = ", ".join(f"{part} {significant(1e6 * taken / calls)} us" for part, taken in found.items())
        lines.append(f"- scikit-learn's `predict` of one row, {name}: {words}.")
    return lines


def threads_in_use(workers: dict[str, Worker]) -> list[str]:
    """Return the threads of the processes of a search, of both libraries."""
    return [
        f"- Threads of the {JOBS} processes of `cross_val_score`, after each of five folds of digits: "
        + "; ".join(
            f"{name} {', '.join(f'{n:.0f}' for n in workers[name].ask('threads', 'digits', JOBS))}"
            for name in MODULES
        )
        + "."
    ]


def main() -> int:
    arguments = parser(__doc__.splitlines()[0], "1,2").parse_args()
    use = settings(arguments, seconds=0.5)
    rows: list[dict[str, Any]] = []
    parts: list[str] = []
    about = machine() | {"chainrule": describe_chainrule()} | use.described()
    for threads in use.threads:
        try:
            workers = {
                name: Worker(name, Estimators, name, use.short, threads=threads, has_children=True)
                for name in MODULES
            }
        except Unavailable as reason:
            print(f"skipped: {reason}")
            return 0
        try:
            about["scikit-learn"] = workers["scikit-learn"].ask("describe")
            for timing in timings(use):
                if timing.threads and threads not in timing.threads:
                    continue
                if use.short and threads != (timing.threads or use.threads)[0]:
                    continue
                rows.append(take(timing, workers, use) | {"threads": threads})
            if threads == 1 and not use.only:
                parts += what_predict_costs(workers, use)
            if threads == JOBS and not use.only:
                parts += threads_in_use(workers)
        except Wrong as reason:
            print(f"WRONG ANSWER: {reason}", file=sys.stderr)
            return 1
        finally:
            for worker in workers.values():
                if JOBS in use.threads:
                    worker.ask("end")
                worker.close()
    use.publish("drop_in", about, rows, report(rows, parts, about))
    return 0


if __name__ == "__main__":
    sys.exit(main())

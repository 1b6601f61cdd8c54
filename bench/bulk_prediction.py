"""Time predictions of many rows in one call: `MLP.predict` against NumPy, PyTorch, ONNX Runtime and scikit-learn.

``python bench/bulk_prediction.py --output FOLDER``; ``--short`` for a quick pass. See bench/README.md.
"""

from __future__ import annotations

import statistics
import sys
from contextlib import ExitStack, closing
from typing import Any

from _bulk_rivals import RIVALS, Work
from _case import Error
from _peak import Peak
from _record import comparison, document, machine, significant, table
from _settings import Settings, parser, settings
from _workers import Unavailable, Worker, alternate

HEADER = (
    "work", "who", "threads", "best ms", "median ms", "ns/row", "best of peak", "median of peak",
    "chainrule faster by", "than on 1 thread", "error", "bound"
)  # fmt: skip
FIRST = "chainrule"
NETWORKS = (
    ((32, 64, 64, 1), "relu", 65_536), ((784, 512, 256, 10), "relu", 16_384),
    ((64, 256, 256, 1), "sigmoid", 32_768), ((101, 53, 37, 3), "tanh", 65_536),
)  # fmt: skip
FEW_ROWS = 1_000
SHORT_ROWS = 301  # more than a block of rows, and no multiple of anything


class WrongAnswerError(AssertionError):
    """A prediction is not that of the formula, so its time means nothing."""


def works(use: Settings) -> list[Work]:
    """Return what is predicted: each network with few rows and with many."""
    rows = [(SHORT_ROWS,) if use.short else (FEW_ROWS, many) for _, _, many in NETWORKS]
    made = [Work(net[0], net[1], n) for net, counts in zip(NETWORKS, rows, strict=True) for n in counts]
    return [work for work in made if use.only in work.name]


def start(stack: ExitStack, threads: int, dtype: str) -> tuple[dict[str, Worker], dict[str, Worker]]:
    """Start the processes of all rivals that can take part, and that of the peak."""
    rivals, peak = {}, {}
    for name, make in {**RIVALS, "peak": Peak}.items():
        arguments = (threads, dtype) if name == "peak" else (threads,)
        try:
            worker = stack.enter_context(closing(Worker(name, make, *arguments, threads=threads)))
        except Unavailable as reason:
            print(f"skipped: {name} with {threads} threads: {reason}")
            continue
        (peak if name == "peak" else rivals)[name] = worker
    return rivals, peak


def check(work: Work, rivals: dict[str, Worker], bits: dict[Work, str], use: Settings) -> dict[str, Error]:
    """Compare every row of every rival with the formula, and chainrule's bits with other numbers of threads.

    Raises
    ------
    WrongAnswerError
        If one is too far off, or the bits differ.
    """
    errors = {}
    for name, worker in rivals.items():
        error, digest = worker.ask("load", work, use.dtype, use.seconds)
        errors[name] = Error(*error)
        if not errors[name].right:
            raise WrongAnswerError(
                f"{work.name}, {name}, {use.dtype}: error {error.units:.3g}, bound {error.bound:.3g}"
            )
        if name == FIRST and bits.setdefault(work, digest) != digest:
            raise WrongAnswerError(f"{work.name}: the bits depend on the number of threads")
    return errors


def measure(work: Work, threads: int, team: tuple[dict[str, Worker], ...], errors: dict[str, Error],
            rounds: int) -> list[dict[str, Any]]:  # fmt: skip
    """Time all in turns, the peak among them; return a row for each."""
    rivals, peak = team
    timings = alternate({**rivals, **peak}, rounds, "time")
    top = timings.pop("peak", None)
    return [
        {
            "work": work.name,
            "who": name,
            "threads": threads,
            "rows": work.rows,
            "flops": work.flops,
            "seconds": seconds,
            "peak": top,
            "error": errors[name].units,
            "bound": errors[name].bound,
        }
        for name, seconds in timings.items()
    ]


def cells(row: dict[str, Any], rows: list[dict[str, Any]]) -> list[str]:
    """Return a row as it is printed."""
    best, middle = min(row["seconds"]), statistics.median(row["seconds"])
    medians = {(r["work"], r["who"], r["threads"]): statistics.median(r["seconds"]) for r in rows}
    first = medians.get((row["work"], FIRST, row["threads"]))
    alone = medians.get((row["work"], row["who"], 1))
    share = [
        f"{row['flops'] / t / (1e9 * max(row['peak'])):.1%}" if row["peak"] else "–" for t in (best, middle)
    ]
    return [
        row["work"], row["who"], str(row["threads"]), significant(1e3 * best), significant(1e3 * middle),
        significant(1e9 * middle / row["rows"]), *share,
        "–" if row["who"] == FIRST or not first else comparison(middle / first),
        "–" if row["threads"] == 1 or not alone else f"{alone / middle:.2f}",
        f"{row['error']:.2g}", f"{row['bound']:g}"
    ]  # fmt: skip


def report(rows: list[dict[str, Any]], about: dict[str, str]) -> str:
    body = table(HEADER, [cells(row, rows) for row in rows])
    closing_words = "Ratios are of the medians. bench/README.md explains the columns."
    return document("Many rows", about, body, closing_words)


def main() -> int:
    use = settings(parser(__doc__.splitlines()[0], "1,2").parse_args(), seconds=0.1)
    about, rows, chosen = machine(), [], works(use)
    bits: dict[Work, str] = {}
    versions: dict[str, str] = {}
    try:
        for threads in use.threads:
            with ExitStack() as stack:
                team = start(stack, threads, use.dtype)
                versions |= {name: worker.ask("describe") for name, worker in team[0].items()}
                for work in chosen:
                    rows += measure(work, threads, team, check(work, team[0], bits, use), use.rounds)
    except WrongAnswerError as wrong:
        print(f"WRONG ANSWER, not timed: {wrong}", file=sys.stderr)
        return 1
    about |= versions | use.described()
    rows.sort(key=lambda row: [work.name for work in chosen].index(row["work"]))
    use.publish("bulk_prediction", about, rows, report(rows, about))
    return 0


if __name__ == "__main__":
    sys.exit(main())

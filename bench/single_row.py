"""Time predictions of one row, on one thread: `Predictor` against NumPy, scikit-learn, PyTorch, ONNX Runtime and JAX.

``python bench/single_row.py --output FOLDER``; ``--short`` for a quick pass. See bench/README.md.
"""

from __future__ import annotations

import statistics
import sys
from contextlib import ExitStack, closing
from typing import Any

from _case import Error
from _cases_network import PREDICTIONS
from _record import comparison, document, machine, significant, table
from _row_rivals import Chainrule, NumPy, OnnxRuntime, PyTorch, Rival, ScikitLearn, Work
from _row_rivals_compiled import JAX, CompiledPyTorch
from _settings import Settings, parser, settings
from _workers import Unavailable, Worker, alternate

HEADER = (
    "work", "who", "back to back µs", "best", "median µs", "99 % below µs", "predictor faster by", "compile s",
    "error", "bound"
)  # fmt: skip
FIRST = "predictor(x, out)"
RIVALS: dict[str, tuple[type[Rival], tuple[Any, ...]]] = {
    FIRST: (Chainrule, (0,)),
    "predictor(x)": (Chainrule, (1,)),
    "MLP.predict": (Chainrule, (2,)),
    "NumPy": (NumPy, ()),
    "PyTorch": (PyTorch, ()),
    "PyTorch compiled": (CompiledPyTorch, ()),
    "JAX": (JAX, ()),
    "ONNX Runtime": (OnnxRuntime, ()),
    "scikit-learn": (ScikitLearn, ()),
}


class WrongAnswerError(AssertionError):
    """A prediction is not that of the formula, so its time means nothing."""


def start(stack: ExitStack) -> dict[str, Worker]:
    """Start the processes of all rivals that can take part."""
    workers = {}
    for name, (make, arguments) in RIVALS.items():
        try:
            workers[name] = stack.enter_context(closing(Worker(name, make, *arguments, threads=1)))
        except Unavailable as reason:
            print(f"skipped: {name}: {reason}")
    return workers


def name_of(work: Work) -> str:
    return f"{'-'.join(map(str, work[0]))} {work[1]}"


def measure(work: Work, workers: dict[str, Worker], use: Settings) -> list[dict[str, Any]]:
    """Check all, then time them in turns; return a row for each.

    Raises
    ------
    WrongAnswerError
        If one is too far off.
    """
    errors, compiling = {}, {}
    for name, worker in workers.items():
        *error, compiling[name] = worker.ask("load_and_compile", work, use.dtype, use.seconds)
        errors[name] = Error(*error)
    for name, error in errors.items():
        if not error.right:
            raise WrongAnswerError(
                f"{name_of(work)}, {name}, {use.dtype}: error {error.units:.3g}, bound {error.bound:.3g}"
            )
    return [
        {
            "work": name_of(work),
            "who": name,
            "back_to_back": [t[0] for t in timings],
            "median": [t[1] for t in timings],
            "percentile_99": [t[2] for t in timings],
            "compile_seconds": compiling[name],
            "error": errors[name].units,
            "bound": errors[name].bound,
        }
        for name, timings in alternate(workers, use.rounds, "time").items()
    ]


def cells(row: dict[str, Any], rows: list[dict[str, Any]]) -> list[str]:
    """Return a row as it is printed; every time but the best is the median of the rounds."""
    keys = ("back_to_back", "median", "percentile_99")
    loop, single, slow = (statistics.median(row[key]) for key in keys)
    first = next(other for other in rows if (other["work"], other["who"]) == (row["work"], FIRST))
    faster = loop / statistics.median(first["back_to_back"])
    return [
        row["work"], row["who"], *(significant(1e6 * t) for t in (loop, min(row["back_to_back"]), single, slow)),
        "–" if row is first else comparison(faster),
        "–" if row["compile_seconds"] is None else significant(row["compile_seconds"]),
        f"{row['error']:.2g}", f"{row['bound']:g}"
    ]  # fmt: skip


def report(rows: list[dict[str, Any]], about: dict[str, str]) -> str:
    body = table(HEADER, [cells(row, rows) for row in rows])
    closing_words = "Ratios are of the calls back to back. bench/README.md explains the columns."
    return document("Single rows", about, body, closing_words)


def main() -> int:
    use = settings(parser(__doc__.splitlines()[0], "1").parse_args(), seconds=0.1)
    about, rows = machine(), []
    with ExitStack() as stack:
        workers = start(stack)
        versions = {name: worker.ask("describe") for name, worker in workers.items()}
        try:
            for work in PREDICTIONS:
                if use.only in name_of(work):
                    rows += measure(work, workers, use)
        except WrongAnswerError as wrong:
            print(f"WRONG ANSWER, not timed: {wrong}", file=sys.stderr)
            return 1
    about |= versions | use.described()
    use.publish("single_row", about, rows, report(rows, about))
    return 0


if __name__ == "__main__":
    sys.exit(main())

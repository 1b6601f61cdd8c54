"""Time whole epochs of training: chainrule, NumPy, scikit-learn, PyTorch and JAX, against the multiply-add peak.

``python bench/epochs.py --threads 1,2 --output FOLDER``; ``--short`` for a quick pass. See bench/README.md.
"""

from __future__ import annotations

import statistics
import sys
from contextlib import ExitStack
from typing import Any

from _epoch_team import COMPILED, RIVALS, Team, WrongAnswerError
from _record import comparison, document, machine, significant, table
from _settings import parser, settings
from _works import OTHER_WORKS, WORKS, Array

HEADER = (
    "work", "who", "threads", "best ms", "median ms", "rows/s", "ns/row", "best of peak", "median of peak",
    "chainrule faster by", "than on 1 thread", "compile s", "error", "bound"
)  # fmt: skip


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
        "–" if gain is None else f"{1 / gain:.2f}",
        "–" if row["compile_seconds"] is None else significant(row["compile_seconds"]),
        "only timed" if row["only_timed"] else f"{row['error']:.1e}",
        "–" if row["only_timed"] else f"{row['bound']:.1e}"
    ]  # fmt: skip


def report(rows: list[dict[str, Any]], about: dict[str, str]) -> str:
    body = table(HEADER, [cells(row, rows) for row in rows])
    reasons = sorted({row["only_timed"] for row in rows if row["only_timed"]})
    closing_words = [
        "Rates and ratios are of the medians. SLOWER: chainrule loses.",
        *(f"Only timed: {reason}." for reason in reasons),
        "bench/README.md explains the columns.",
    ]
    return document("Epochs", about, body, "\n".join(closing_words))


def main() -> int:
    options = parser(__doc__.splitlines()[0], "1,2")
    names = ",".join(RIVALS)
    options.add_argument("--rivals", default=names, help=f"who takes part (default: {names})")
    options.add_argument("--others", action="store_true", help="shapes that nothing was tuned on")
    arguments = options.parse_args()
    use, chosen = settings(arguments, seconds=0.2), arguments.rivals.split(",")
    chosen_works = OTHER_WORKS if arguments.others else WORKS
    works = [work.shortened() if use.short else work for work in chosen_works if use.only in work.name]
    about, rows = machine(), []
    bits: dict[str, list[Array]] = {}
    versions: dict[str, str] = {}
    try:
        for threads in use.threads:
            taking_part = [name for name in RIVALS if name in chosen]
            if use.short and threads != use.threads[0] and COMPILED in taking_part:
                print(
                    f"left out: {COMPILED} with {threads} threads, as compiling takes too long for a short run"
                )
                taking_part.remove(COMPILED)
            with ExitStack() as stack:
                team = Team(stack, taking_part, threads, use.dtype)
                versions |= {name: worker.ask("describe") for name, worker in team.rivals.items()}
                for work in works:
                    rows += team.measure(work, team.check(work, bits), use)
                    if use.short and team.rivals.pop(COMPILED, None):
                        print(f"left out: {COMPILED} after the first work, as compiling takes too long")
    except WrongAnswerError as wrong:
        print(f"WRONG ANSWER, not timed: {wrong}", file=sys.stderr)
        return 1
    about |= versions | use.described()
    rows.sort(key=lambda row: [work.name for work in works].index(row["work"]))
    use.publish("epochs_other_shapes" if arguments.others else "epochs", about, rows, report(rows, about))
    return 0


if __name__ == "__main__":
    sys.exit(main())

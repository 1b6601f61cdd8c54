"""Count the instructions of fixed runs and compare them with the record, so that a slip shows on a noisy machine.

``python bench/instruction_counts.py``; ``--update`` writes the record, bench/instruction_counts.json, anew. Valgrind's
callgrind counts, the AVX2 kernels on one thread. See bench/README.md.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
from _callgrind import INSTRUCTION_SET, CountError, Verdict, count, judge, run, why_not
from _instruction_works import COUNTED, Counted, answer, digest
from _record import machine, save, significant, table

RECORD = Path(__file__).with_suffix(".json")
NEAR = 1e-4
"""How far from the reference a result may be, relative to its largest element: some hundred steps in float32."""


class WrongAnswerError(AssertionError):
    """What came out is wrong, so its count means nothing."""


def right_digests() -> dict[str, str]:
    """Return the digests of the results, each of which was found near that of the reference core.

    Raises
    ------
    WrongAnswerError
        If one is not.
    """
    found = {}
    for counted in COUNTED:
        native, reference = answer(counted, "native"), answer(counted, "reference")
        must_be_near(counted.name, native, reference)
        found[counted.name] = digest(native)
    return found


def must_be_near(name: str, native: Any, reference: Any) -> None:
    error = float(np.abs(native - reference).max() / np.abs(reference).max())
    if not error <= NEAR:
        raise WrongAnswerError(f"{name}: {error:.3g} from the reference, bound {NEAR:g}")


def must_be_the_same(name: str, found: str, right: str) -> None:
    """Raise a `WrongAnswerError` if the result has other bits than outside of valgrind."""
    if found != right:
        raise WrongAnswerError(
            f"{name}: other bits than in the instruction set of this machine, outside of valgrind"
        )


def measure() -> dict[str, float]:
    """Return the instructions a row of each work, after its result was checked."""
    right = right_digests()
    run("")  # Python compiles what it has not compiled yet, which must not be counted
    start, _ = count("")

    def instructions(counted: Counted) -> float:
        total, found = count(counted.name)
        must_be_the_same(counted.name, found.get(counted.name, "nothing"), right[counted.name])
        return (total - start) / (counted.repeats * counted.rows)

    return {counted.name: round(instructions(counted), 1) for counted in COUNTED}


def compiler() -> str:
    """Return name and major version of the compiler: others make other code, and have a record of their own."""
    import chainrule as cr

    return str(cr.show_config()["compiler"]).partition(".")[0]


def report(
    found: dict[str, float], recorded: dict[str, float], about: dict[str, str]
) -> tuple[str, list[Verdict]]:
    rows, verdicts = [], []
    for name, value in found.items():
        before = recorded.get(name)
        verdicts.append(judge(name, value, before))
        rows.append(
            [
                name, verdicts[-1].text, significant(value), "–" if before is None else significant(before),
                "–" if before is None else f"{value / before - 1:+.1%}"
            ]
        )  # fmt: skip
    body = table(("work", "verdict", "instructions a row", "record", "change"), rows)
    lines = [f"- {name}: {value}" for name, value in about.items()]
    return "\n".join(["# Instruction counts", "", *lines, "", body]), verdicts


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument(
        "--short", action="store_true", help="changes nothing: the works are small, and always the same"
    )
    options.add_argument("--update", action="store_true", help=f"write the counts into {RECORD.name}")
    options.add_argument(
        "--output", type=Path, metavar="FOLDER", help="write the results there, JSON and Markdown"
    )
    arguments = options.parse_args()
    if reason := why_not():
        print(f"skipped: instruction counts: {reason}")
        return 0
    record = json.loads(RECORD.read_text(encoding="utf-8")) if RECORD.exists() else {}
    valgrind = subprocess.run(
        ["valgrind", "--version"], capture_output=True, text=True, check=True
    ).stdout.strip()
    about = machine() | {"compiler": compiler(), "instruction set": INSTRUCTION_SET, "counted by": valgrind}
    try:
        found = measure()
    except (CountError, WrongAnswerError) as wrong:
        print(f"NOT COUNTED: {wrong}", file=sys.stderr)
        return 1
    text, verdicts = report(found, record.get(compiler(), {}), about)
    print(text)
    if arguments.update:
        record[compiler()] = found
        RECORD.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
        print(f"\nwritten: {RECORD.name}")
        return 0
    if arguments.output:
        rows = [{"work": name, "instructions": value} for name, value in found.items()]
        save(
            arguments.output,
            "instruction_counts",
            {"benchmark": "instruction_counts", "about": about, "rows": rows},
            text,
        )
    return int(any(verdict.failed for verdict in verdicts))


if __name__ == "__main__":
    sys.exit(main())

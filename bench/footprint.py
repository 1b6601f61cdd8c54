"""Measure what a library costs beside computing: time of its import, size on the disk, memory in training.

``python bench/footprint.py --output FOLDER``; ``--wheel FILE`` names the wheel; ``--short`` for a quick pass. See
bench/README.md.
"""

from __future__ import annotations

import importlib.metadata
import os
import statistics
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from _epoch_team import COMPILED, RIVALS, Team, WrongAnswerError
from _installed import find_wheel, size_beyond_numpy
from _record import comparison, machine, significant, table
from _settings import Settings, parser, settings
from _works import WORKS

WITH_TRAINER = (
    "chainrule and its trainer"  # which the others are compared with: what is not asked for is not imported
)
IMPORTS = {  # what a program imports that trains and predicts, and the distribution that it comes from
    "chainrule": ("import chainrule", "chainrule"),
    "chainrule and its core": ("import chainrule.native", ""),
    WITH_TRAINER: ("import chainrule; chainrule.MLP, chainrule.Trainer, chainrule.native", ""),
    "NumPy alone": ("", ""),
    "scikit-learn": ("import sklearn.neural_network", "scikit-learn"),
    "PyTorch": ("import torch", "torch"),
    "JAX": ("import jax", "jax"),
    "ONNX Runtime": ("import onnxruntime", "onnxruntime"),
}
TIMED = "from time import perf_counter as t; a = t(); import numpy; b = t(); {}; c = t(); print({} - {})"  # seconds
IMPORT_AIM, WHEEL_AIM = 0.015, 2e6  # seconds, bytes
MEMORY = WORKS[3:]


def time_of_import(statement: str) -> float:
    """Return the seconds of an import after that of NumPy, or of NumPy's own, in a fresh process.

    Raises
    ------
    subprocess.CalledProcessError
        If it fails, for instance because the library is not installed.
    """
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": ""}  # or modules are compiled at each import
    code = TIMED.format(statement, "c", "b") if statement else TIMED.format("pass", "b", "a")
    run = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    return float(run.stdout)


def measure_imports(rounds: int) -> list[dict[str, Any]]:
    """Time all imports in turns; the first round, which reads the files into memory, does not count."""
    found: dict[str, list[float]] = {}
    for name, (statement, _) in IMPORTS.items():
        try:
            time_of_import(statement)
            found[name] = []
        except subprocess.CalledProcessError as error:
            if name.startswith("chainrule"):
                raise
            print(f"skipped: import of {name}: {error.stderr.strip().splitlines()[-1]}")
    for turn in range(rounds):
        for name in list(found)[:: 1 if turn % 2 == 0 else -1]:
            found[name].append(time_of_import(IMPORTS[name][0]))
    return [{"what": "import", "who": name, "seconds": seconds} for name, seconds in found.items()]


def measure_sizes(wheel: Path | None) -> list[dict[str, Any]]:
    """Return the bytes of the wheel, and of every library as it is installed."""
    rows = []
    found = find_wheel(wheel)
    if found is None:
        print(
            "skipped: size of the wheel: none in dist/; `python -m build --wheel` makes one, --wheel names another"
        )
    else:
        rows.append({"what": "wheel", "who": "chainrule", "bytes": found.stat().st_size})
    for name, (_, distribution) in IMPORTS.items():
        if distribution:
            try:
                rows.append({"what": "installed", "who": name, "bytes": size_beyond_numpy(distribution)})
            except importlib.metadata.PackageNotFoundError:
                print(f"skipped: size of {name}, which is not installed")
    return rows


def measure_memory(use: Settings) -> list[dict[str, Any]]:
    """Train each work in a process of its own that does nothing else; what it learns is checked after that.

    Raises
    ------
    WrongAnswerError
        If what one learns is too far from the reference.
    """
    rows = []
    for work in [work.shortened() if use.short else work for work in MEMORY[:: 3 if use.short else 1]]:
        if use.only not in work.name:
            continue
        data = sum(array.nbytes for array in work.data(use.dtype))
        for name in RIVALS:
            if name == COMPILED:  # its compiler is what would be measured
                continue
            with ExitStack() as stack:
                team = Team(stack, [name], 1, use.dtype)
                if name not in team.rivals:
                    continue
                before, peak = team.rivals[name].ask("memory", work, use.dtype)
                team.check(work, {})
            rows.append(
                {
                    "what": "memory",
                    "work": work.name,
                    "who": name,
                    "data": data,
                    "before": before,
                    "bytes": peak,
                }
            )
    return rows


def megabytes(n: float) -> str:
    return significant(n / 1e6)


def report(rows: list[dict[str, Any]], about: dict[str, str]) -> str:
    lines = ["# Footprint", "", *(f"- {name}: {value}" for name, value in about.items()), ""]

    def section(title: str, header: tuple[str, ...], body: list[list[str]]) -> None:
        if body:
            lines.extend([f"## {title}", "", table(header, body), ""])

    kinds = {kind: [row for row in rows if row["what"] == kind] for kind in ("import", "memory")}
    middle = {row["who"]: statistics.median(row["seconds"]) for row in kinds["import"]}
    section(
        f"Import, beyond that of NumPy (aim for chainrule: {1e3 * IMPORT_AIM:g} ms)",
        ("who", "statement", "best ms", "median ms", "chainrule faster by"),
        [
            [
                row["who"], f"`{IMPORTS[row['who']][0] or 'import numpy'}`", significant(1e3 * min(row["seconds"])),
                significant(1e3 * middle[row["who"]]),
                "–" if row["who"].startswith("chainrule") else comparison(middle[row["who"]] / middle[WITH_TRAINER])
            ]
            for row in kinds["import"]
        ],
    )  # fmt: skip
    section(
        f"On the disk (aim for the wheel: {WHEEL_AIM / 1e6:g} MB)",
        ("what", "who", "MB"),
        [[row["what"], row["who"], megabytes(row["bytes"])] for row in rows if row["what"] in ("wheel", "installed")],
    )  # fmt: skip
    section(
        "Largest resident memory of an epoch of training, one thread",
        ("work", "who", "data MB", "before data MB", "peak MB", "of which training MB"),
        [
            [
                row["work"], row["who"],
                *(megabytes(row[key]) for key in ("data", "before", "bytes")), megabytes(row["bytes"] - row["before"])
            ]
            for row in kinds["memory"]
        ],
    )  # fmt: skip
    return "\n".join([*lines, "bench/README.md explains the columns."])


def main() -> int:
    options = parser(__doc__.splitlines()[0], "1")
    options.add_argument(
        "--wheel", type=Path, metavar="FILE", help="the wheel (default: the newest in dist/)"
    )
    arguments = options.parse_args()
    use = settings(arguments, seconds=0)
    about = machine() | use.described()
    try:
        rows = [*measure_imports(use.rounds), *measure_sizes(arguments.wheel), *measure_memory(use)]
    except WrongAnswerError as wrong:
        print(f"WRONG ANSWER, not measured: {wrong}", file=sys.stderr)
        return 1
    use.publish("footprint", about, rows, report(rows, about))
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""From the records of the benchmarks to one document: who takes how long, and first of all where chainrule lost."""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from _record import significant, table

BEHIND = 0.995  # below, a ratio is printed as less than 1.00


@dataclass(frozen=True)
class Part:
    """A benchmark whose rows are compared.

    Parameters
    ----------
    program, title : str
    ours : str
        Who of its rows is chainrule.
    key : str
        Of the timings that are compared.
    unit : str
    scale : float
        Units in a second.
    threads : bool
        Whether the program is run with several numbers of threads.
    """

    program: str
    title: str
    ours: str
    key: str
    unit: str
    scale: float
    threads: bool


PARTS = (
    Part("epochs", "Training, an epoch", "chainrule", "seconds", "ms", 1e3, True),
    Part("bulk_prediction", "Prediction, many rows", "chainrule", "seconds", "ms", 1e3, True),
    Part(
        "single_row",
        "Prediction, one row, back to back",
        "predictor(x, out)",
        "back_to_back",
        "µs",
        1e6,
        False,
    ),
)
FOOTPRINT = "footprint"
OURS = (
    "chainrule",
    "predictor(x, out)",
    "predictor(x)",
    "MLP.predict",
)  # other ways of the same library are no rivals


class Row(NamedTuple):
    """A work on a number of threads: the median seconds of each that took part."""

    part: Part
    work: str
    threads: int
    seconds: dict[str, float]

    @property
    def ours(self) -> float:
        """Chainrule's seconds."""
        return self.seconds[self.part.ours]

    @property
    def rivals(self) -> dict[str, float]:
        """How many times as long the others take."""
        return {name: t / self.ours for name, t in self.seconds.items() if name not in OURS}


def read(folder: Path, program: str, dtype: str) -> dict[str, Any] | None:
    """Return the record of a benchmark, if it is there."""
    file = folder / f"{program}-{dtype}.json"
    return json.loads(file.read_text(encoding="utf-8")) if file.exists() else None


def rows_of(part: Part, record: dict[str, Any]) -> list[Row]:
    """Return the rows of a part in the order of its record."""
    found: dict[tuple[str, int], dict[str, float]] = {}
    for row in record["rows"]:
        cell = found.setdefault((row["work"], row.get("threads", 1)), {})
        cell[row["who"]] = statistics.median(row[part.key])
    return [Row(part, *place, seconds) for place, seconds in found.items() if part.ours in seconds]


def lost(rows: list[Row]) -> list[str]:
    """Return a line for each rival that is faster, the worst one first."""
    found = []
    for row in rows:
        for name, ratio in row.rivals.items():
            if ratio < BEHIND:
                ours, theirs = (significant(row.part.scale * t) for t in (row.ours, row.seconds[name]))
                threads = f", {row.threads} thread{'s' if row.threads > 1 else ''}"
                text = f"{row.part.title}, {row.work}{threads}: {name} {theirs} {row.part.unit}, chainrule {ours}"
                found.append((ratio, f"- {text}: {ratio:.2f} times as fast as {name}"))
    return [text for _, text in sorted(found)]


def part_table(part: Part, rows: list[Row]) -> str:
    """Return the times of all, and who of the others is the fastest."""
    names = list(dict.fromkeys(name for row in rows for name in row.seconds))
    names.sort(key=lambda name: name != part.ours)
    body = []
    for row in rows:
        times = [significant(part.scale * row.seconds[n]) if n in row.seconds else "–" for n in names]
        best = min(row.rivals, key=row.rivals.__getitem__, default="")
        ratio = f"{best} {significant(row.rivals[best])}" if best else "–"
        if best and row.rivals[best] < BEHIND:
            ratio = f"**{best} {row.rivals[best]:.2f}**"
        body.append([row.work, str(row.threads), *times, ratio])
    return table(("work", "threads", *names, "fastest other, times as long"), body)


def about(records: dict[str, dict[str, Any]]) -> Iterator[str]:
    """Return machine and versions, each once; a value that differs between the parts is named with its part."""
    seen: dict[str, dict[str, str]] = {}
    for program, record in records.items():
        for name, value in record["about"].items():
            seen.setdefault(name, {})[program] = value
    for name, values in seen.items():
        if len(set(values.values())) == 1:
            yield f"- {name}: {next(iter(values.values()))}"
        else:
            yield f"- {name}: {'; '.join(f'{value} ({program})' for program, value in values.items())}"


def document(records: dict[str, dict[str, Any]], folder: Path, dtype: str, plot: str) -> str:
    """Return RESULTS.md; ``plot`` is the name of the plot's file, or empty."""
    parts = {part: rows_of(part, records[part.program]) for part in PARTS if part.program in records}
    behind = lost([row for rows in parts.values() for row in rows])
    short = any(record["about"].get("mode") == "short" for record in records.values())
    lines = [
        "# chainrule beside other libraries", "",
        *(["**Made in a short run: the times say nothing.**", ""] if short else []),
        "## Where another library is ahead", "",
        *(behind or ["In no row of this run."]), "",
    ]  # fmt: skip
    if plot:
        lines += [f"![How many times as long the others take]({plot})", ""]
    for part, rows in parts.items():
        where = f"{part.program}-{dtype}.md"
        lines += [f"## {part.title} ({part.unit}, medians)", "", part_table(part, rows), ""]
        lines += [f"Errors, best times and the share of the peak: [{where}]({where}).", ""]
    if FOOTPRINT in records:
        text = (folder / f"{FOOTPRINT}-{dtype}.md").read_text(encoding="utf-8")
        sections = text[text.index("\n## ") :].rpartition("\n\n")[0].strip()
        lines += ["## Footprint", "", sections.replace("\n## ", "\n### ").replace("## ", "### ", 1), ""]
    return "\n".join([*lines, *READING, *about(records)])


READING = [
    "## How to read it", "",
    "Each number is the median of alternating rounds, every library in a process of its own, on the same number of",
    "threads, after its answer was compared with the reference; *fastest other* is that library's time over",
    "chainrule's, bold where it is below 1. What JAX and compiled PyTorch take to compile is not in these times: it",
    "stands in the tables of the parts. A library that the tables call only timed trains the same network, but not the",
    "same steps. Differences of a few per cent are noise. bench/README.md in the source tree has the rules.", "",
    "## How to reproduce it", "",
    "On a machine that does nothing else, in the source tree:", "",
    "```sh",
    "python -m venv .venv && .venv/bin/pip install . scikit-learn torch jax onnx onnxruntime matplotlib",
    ".venv/bin/python bench/compare_with_other_libraries.py --output bench/results",
    "```", "",
    "## Machine and versions", "",
]  # fmt: skip

"""What a number depends on besides the code: machine, threads, versions and commit, written down beside it."""

from __future__ import annotations

import contextlib
import datetime
import json
import os
import platform
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
CACHES = Path("/sys/devices/system/cpu/cpu0/cache")


def usable_processors() -> int:
    """Return how many processors this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def processor() -> str:
    """Return the model name of the processor."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def caches() -> str:
    """Return the caches of the first processor, such as "L1d 48K, L1i 64K, L2 2048K"."""
    found = []
    for folder in sorted(CACHES.glob("index*")):
        level, kind, size = (
            (folder / name).read_text(encoding="utf-8").strip() for name in ("level", "type", "size")
        )
        found.append(f"L{level}{ {'Data': 'd', 'Instruction': 'i'}.get(kind, '') } {size}")
    return ", ".join(found) or "unknown"


def commit() -> str:
    """Return the commit of the source tree, with "-dirty" if something in it is changed."""
    command = ["git", "-C", str(ROOT), "describe", "--always", "--dirty", "--exclude=*", "--abbrev=12"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def machine() -> dict[str, str]:
    """Return what all rivals share."""
    return {
        "processor": processor(),
        "usable processors": str(usable_processors()),
        "caches": caches(),
        "system": f"{platform.system()} {platform.machine()}",
        "Python": platform.python_version(),
        "commit": commit(),
        "date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
    }


def describe_chainrule() -> str:
    """Return what the native core says of itself; asked in its own process."""
    import chainrule as cr

    config = cr.show_config()
    openmp = str(config["openmp"])
    if "(" in openmp:  # the name of the library, not the folder it lies in
        version, _, library = openmp.partition("(")
        openmp = f"{version}({Path(library.rstrip(')')).name})"
    return f"{cr.__version__}, {config['instruction_set']}, {config['compiler']}, {openmp}"


def describe_numpy() -> str:
    """Return the version of NumPy and of its BLAS; asked in the process that uses it."""
    text = str(np.__version__)
    with contextlib.suppress(TypeError, KeyError):  # NumPy before 1.25 prints instead
        blas = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
        text += f", {blas['name']} {blas['version']}"
    return str(text)


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table whose columns line up; all but the first two are aligned to the right."""
    widths = [max(len(line[i]) for line in (header, *rows)) for i in range(len(header))]

    def line(cells: Sequence[str]) -> str:
        padded = [
            c.ljust(w) if i < 2 else c.rjust(w) for i, (c, w) in enumerate(zip(cells, widths, strict=True))
        ]
        return f"| {' | '.join(padded)} |"

    rule = ["-" * w if i < 2 else "-" * (w - 1) + ":" for i, w in enumerate(widths)]
    return "\n".join(line(cells) for cells in (header, rule, *rows))


def significant(value: float) -> str:
    """Return three digits, without an exponent: "0.0123", "12.3", "12,345"."""
    if value >= 100:
        return f"{value:,.0f}"
    return str(np.format_float_positional(value, 3, fractional=False, unique=False, trim="-"))


def comparison(faster: float) -> str:
    """Return how many times as fast chainrule is; where it loses, that stands out."""
    return significant(faster) if faster >= 0.995 else f"SLOWER {faster:.2f}"


def document(title: str, about: dict[str, str], body: str, closing_words: str) -> str:
    """Return a record as Markdown: what it is of, what it was taken on, its table, and how to read it."""
    lines = [f"- {name}: {value}" for name, value in about.items()]
    return "\n".join([f"# {title}", "", *lines, "", body, "", closing_words])


def save(folder: Path, name: str, record: dict[str, Any], text: str) -> None:
    """Write ``name.json``, a line for each of its rows, and ``name.md`` into the folder, which is made if need be."""
    folder.mkdir(parents=True, exist_ok=True)
    head = json.dumps({key: value for key, value in record.items() if key != "rows"}, indent=1)[: -len("\n}")]
    rows = ",\n".join(f"  {json.dumps(row)}" for row in record["rows"])
    (folder / f"{name}.json").write_text(f'{head},\n "rows": [\n{rows}\n ]\n}}\n', encoding="utf-8")
    (folder / f"{name}.md").write_text(text + "\n", encoding="utf-8")
    print(f"\nwritten: {folder / name}.json and .md")

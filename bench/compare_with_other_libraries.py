"""Run every benchmark that has other libraries in it, one after another, and write one document and one plot.

``python bench/compare_with_other_libraries.py --output bench/results``, on a machine that does nothing else;
``--short`` for a quick pass; ``--reuse`` runs nothing and writes the document of the records that are in the folder.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

from _comparison import FOOTPRINT, PARTS, document, read, rows_of
from _plot import draw

BENCH = Path(__file__).resolve().parent
DOCUMENT, PLOT = "RESULTS.md", "comparison.svg"


def run(program: str, *arguments: str) -> None:
    """Run one benchmark to its end; what it prints is seen.

    Raises
    ------
    subprocess.CalledProcessError
        If it fails, because an answer is wrong for instance: then there is no document.
    """
    file = BENCH / f"{program}.py"
    if not file.exists():
        print(f"skipped: {file.name}, which is not here")
        return
    print(f"\n=== {file.name} {' '.join(arguments)}", flush=True)
    subprocess.run([sys.executable, str(file), *arguments], check=True)


def write(folder: Path, dtype: str) -> None:
    """Write document and plot of the records that are in the folder.

    Raises
    ------
    FileNotFoundError
        If there are none.
    """
    programs = [*(part.program for part in PARTS), FOOTPRINT]
    records = {name: record for name in programs if (record := read(folder, name, dtype)) is not None}
    if not records:
        raise FileNotFoundError(f"{folder} has no records of {', '.join(programs)} in {dtype}")
    rows = [row for part in PARTS if part.program in records for row in rows_of(part, records[part.program])]
    plot = PLOT if rows and draw(rows, folder / PLOT) else ""
    (folder / DOCUMENT).write_text(document(records, folder, dtype, plot) + "\n", encoding="utf-8")
    print(f"\nwritten: {folder / DOCUMENT}{f' and {plot}' if plot else ''}")


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument(
        "--short", action="store_true", help="little work, all checks; the times say nothing"
    )
    options.add_argument("--reuse", action="store_true", help="run nothing, use the records in the folder")
    options.add_argument("--threads", default="1,2", help="numbers of threads (default: 1,2)")
    options.add_argument("--dtype", choices=("float32", "float64"), default="float32")
    options.add_argument("--rounds", metavar="N", help="timings of each (default: 7, short: 2)")
    options.add_argument(
        "--wheel", metavar="FILE", help="the wheel whose size is told (default: the newest in dist/)"
    )
    options.add_argument(
        "--output", type=Path, metavar="FOLDER", help="where the results go (default: nowhere)"
    )
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory() as nowhere:
        folder = chosen.output or Path(nowhere)
        common = ["--dtype", chosen.dtype, "--output", str(folder)]
        common += ["--short"] * chosen.short + (["--rounds", chosen.rounds] if chosen.rounds else [])
        try:
            if not chosen.reuse:
                for part in PARTS:
                    run(part.program, *common, *(["--threads", chosen.threads] if part.threads else []))
                run(FOOTPRINT, *common, *(["--wheel", chosen.wheel] if chosen.wheel else []))
            write(folder, chosen.dtype)
        except (subprocess.CalledProcessError, FileNotFoundError) as error:
            print(f"no document: {error}", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""The options that all benchmarks have."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from _record import save, usable_processors


@dataclass(frozen=True)
class Settings:
    """How to measure.

    Parameters
    ----------
    short : bool
        A few small works, all checks, two rounds: for the test command. The times say nothing.
    rounds : int
        How often every rival is timed.
    seconds : float
        What one timing should last; short work is repeated until it does.
    """

    short: bool
    rounds: int
    seconds: float
    threads: tuple[int, ...]
    dtype: str
    only: str
    output: Path | None

    def described(self) -> dict[str, str]:
        """Return what a record says of the settings."""
        mode = "short" if self.short else "full"
        return {"dtype": self.dtype, "rounds": str(self.rounds), "mode": mode}

    def publish(self, name: str, about: dict[str, str], rows: list[dict[str, Any]], text: str) -> None:
        """Print the text; save it and the rows as ``name-dtype`` if there is a folder to save in."""
        print(text)
        if self.output:
            record = {"benchmark": name, "about": about, "rows": rows}
            save(self.output, f"{name}-{self.dtype}", record, text)


def parser(description: str, threads: str) -> argparse.ArgumentParser:
    """Return the parser of a benchmark, which may add options of its own."""
    made = argparse.ArgumentParser(description=description)
    made.add_argument("--short", action="store_true", help="little work, all checks; the times say nothing")
    made.add_argument(
        "--threads", help=f"numbers of threads, e.g. 1,2 (default: {threads}; short: the greatest of them)"
    )
    made.set_defaults(default_threads=threads)
    made.add_argument("--dtype", choices=("float32", "float64"), default="float32")
    made.add_argument("--rounds", type=int, metavar="N", help="timings of each rival (default: 7, short: 2)")
    made.add_argument("--only", default="", metavar="TEXT", help="only the rows with this text in their name")
    made.add_argument(
        "--output", type=Path, metavar="FOLDER", help="write the results there, JSON and Markdown"
    )
    return made


def settings(arguments: argparse.Namespace, seconds: float) -> Settings:
    """Return the settings; numbers of threads that the machine does not have are left out, with a line."""
    usable = usable_processors()
    wanted = sorted({int(text) for text in (arguments.threads or arguments.default_threads).split(",")})
    if arguments.short and arguments.threads is None:
        wanted = [max((n for n in wanted if n <= usable), default=wanted[0])]
    for n in wanted:
        if not 1 <= n <= usable:
            print(f"skipped: {n} threads, because this process may use {usable} processors")
    return Settings(
        short=arguments.short,
        rounds=arguments.rounds or (2 if arguments.short else 7),
        seconds=seconds / 20 if arguments.short else seconds,
        threads=tuple(n for n in wanted if 1 <= n <= usable),
        dtype=arguments.dtype,
        only=arguments.only,
        output=arguments.output,
    )

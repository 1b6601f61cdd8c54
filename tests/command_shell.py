"""Running `python -m chainrule` in a process of its own, and two tables to run it on."""

from __future__ import annotations

import csv
import io
import subprocess
import sys
from pathlib import Path
from typing import Any

COMMAND = [sys.executable, "-W", "error", "-m", "chainrule"]
FLOWERS = "petal,sepal,kind\n" + "".join(
    f"{size + i / 50},{10 - size + i / 40},{kind}\n"
    for i in range(20)
    for size, kind in ((1, "rose"), (4, "lily"), (7, "iris"))
)
PRICES = "rooms,age,price\n" + "".join(
    f"{rooms},{age},{1000 + 50000 * rooms - 300 * age + 0.5}\n"
    for rooms in range(1, 9)
    for age in range(0, 50, 5)
)


class Shell:
    """Commands that are run in one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def run(self, *arguments: object, code: int = 0) -> subprocess.CompletedProcess[str]:
        """Run a command; it must end with the expected code, and without a traceback."""
        done = subprocess.run(
            [*COMMAND, *map(str, arguments)],
            capture_output=True,
            encoding="utf-8",
            cwd=self.folder,
            timeout=300,
            check=False,
        )
        assert done.returncode == code, done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        return done

    def write(self, content: str | bytes, name: str = "data.csv") -> str:
        """Write a file, and return its name."""
        (self.folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
        return name


def read_csv(text: str) -> list[list[str]]:
    """Return the rows of fields."""
    return list(csv.reader(io.StringIO(text)))


def error_of(done: subprocess.CompletedProcess[Any]) -> str:
    """Return the one line that an error prints."""
    assert done.stderr.count("\n") == 1, done.stderr
    assert done.stderr.startswith("chainrule: ")
    return str(done.stderr.removeprefix("chainrule: ").strip())

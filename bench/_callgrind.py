"""Counting instructions with valgrind's callgrind, and comparing the counts with recorded ones."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

WORKS = Path(__file__).with_name("_instruction_works.py")
SLIP = 0.10  # more of them fails: another build of the same compiler and another Python differ by one or two per cent
GAIN = 0.02  # fewer are worth a new record
INSTRUCTION_SET = "avx2"  # valgrind knows no AVX-512
ENVIRONMENT = {
    "CHAINRULE_FORCE_ISA": INSTRUCTION_SET,
    "CHAINRULE_BACKEND": "native",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "PYTHONDONTWRITEBYTECODE": "",  # modules are compiled once, before the first count
    "PYTHONHASHSEED": "0",  # otherwise sets and dictionaries of the start-up take another path each time
}


class CountError(RuntimeError):
    """Valgrind or what ran under it failed; says what they wrote."""


class Verdict(NamedTuple):
    """What is to be said of a count, and whether it is a failure."""

    text: str
    failed: bool


def why_not() -> str:
    """Return why nothing can be counted here, or nothing."""
    if shutil.which("valgrind") is None:
        return "valgrind is not installed (Debian, Ubuntu: apt-get install valgrind)"
    probe = subprocess.run(
        [sys.executable, "-c", "import chainrule.native"],
        env={**os.environ, **ENVIRONMENT}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    return probe.stderr.strip().splitlines()[-1] if probe.returncode else ""


def digests(output: str) -> dict[str, str]:
    """Return the digest of each work from what _instruction_works.py prints."""
    return {name: found for found, _, name in (line.partition(" ") for line in output.splitlines())}


def run(name: str, *before: str) -> dict[str, str]:
    """Run the works, one of them repeated, after the given words; return their digests.

    Raises
    ------
    CountError
        If that fails.
    """
    done = subprocess.run(
        [*before, sys.executable, str(WORKS), name],
        env={**os.environ, **ENVIRONMENT}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise CountError(f"{name or 'start'}: ended with {done.returncode}:\n{done.stderr}")
    return digests(done.stdout)


def count(name: str) -> tuple[int, dict[str, str]]:
    """Return the instructions of a whole process in which one work is repeated, and the digests."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "counts")
        found = run(name, "valgrind", "--quiet", "--tool=callgrind", f"--callgrind-out-file={file}")
        total = re.search(r"^(?:totals|summary): (\d+)", file.read_text(encoding="utf-8"), re.MULTILINE)
    if total is None:
        raise CountError(f"{name or 'start'}: callgrind wrote no total")
    return int(total[1]), found


def judge(name: str, found: float, recorded: float | None) -> Verdict:
    """Compare a count with the recorded one."""
    if recorded is None:
        return Verdict("no record: add it with --update", False)
    change = found / recorded - 1
    if not change <= SLIP:  # also if it is not a number
        return Verdict(
            f"MORE than the {SLIP:.0%} allowed: {name} got slower, or --update records why not", True
        )
    if change < -GAIN:
        return Verdict("fewer: record the gain with --update", False)
    return Verdict("as recorded", False)

"""Train on files four times larger than the memory that is allowed: that it can be done, what memory it takes, how fast.

``python bench/larger_than_memory.py --output FOLDER``; ``--short`` for a quick pass. See bench/README.md.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import Any

from _file_rows import BATCH, FEATURES, WAYS, Work, digest, write
from _record import describe_chainrule, document, machine, significant, table
from _settings import parser, settings

TIMES = 4
"""How many times larger the file is than the allowance."""
HEADER = (
    "way",
    "threads",
    "file MB",
    "rows",
    "allowed MB",
    "peak MB",
    "peak MB, file of a quarter",
    "rows/s",
    "rows/s of fit in memory",
)
MB = 1e6


def status(name: str) -> int:
    """Return a number of bytes that the system says of this process."""
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith(name + ":"):
            return int(line.split()[1]) << 10
    raise RuntimeError(f"this system does not say {name}")


class Peak:
    """Looks every few milliseconds at the anonymous memory of this process, in a thread."""

    def __init__(self) -> None:
        self._end, self.most = threading.Event(), 0
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    def _look(self) -> None:
        while not self._end.wait(0.004):
            self.most = max(self.most, status("RssAnon"))

    def stop(self) -> int:
        """Return the most that was seen."""
        self._end.set()
        self._thread.join()
        return max(self.most, status("RssAnon"))


def train_within(work: Work, allowance: int) -> dict[str, Any]:
    """Train an epoch from the file with no more memory than now and the allowance; show that all rows need more."""
    import resource

    import numpy as np

    if work.suffix == "parquet":
        import pyarrow.parquet  # noqa: F401 - so that its own memory is there

    rng = np.random.default_rng(1)
    few = rng.normal(size=(2 * BATCH, FEATURES)).astype(work.dtype)
    work.trainer().fit(few, few[:, 0])  # the team and what the first call takes
    trainer = work.trainer()
    before, peak = status("RssAnon"), Peak()
    limit = status("VmData") + allowance
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    learn = work.learner(trainer)
    started = perf_counter()
    learn()
    seconds = perf_counter() - started
    most = peak.stop() - before
    return {"seconds": seconds, "peak": most, "digest": digest(trainer), "failed": not can_load(work)}


def can_load(work: Work) -> bool:
    """Return whether all rows can be loaded within the limit; in a child, as libraries may abort where memory is refused."""
    child = os.fork()
    if child == 0:
        try:
            work.load()
        except MemoryError:
            os._exit(1)
        os._exit(0)
    return os.waitpid(child, 0)[1] == 0


def train_in_memory(work: Work, allowance: int) -> dict[str, Any]:
    """Train an epoch on all rows in memory, without a limit; say also where the rows in the order of the stream lead."""
    X, y = work.load()
    trainer = work.trainer()
    started = perf_counter()
    trainer.fit(X, y)
    seconds = perf_counter() - started
    if work.way != "fit, mapped":
        order = work.order()
        trainer = work.trainer(shuffle=False)
        trainer.fit(X[order], y[order])
    return {"seconds": seconds, "digest": digest(trainer)}


def in_a_process(
    function: Callable[[Work, int], dict[str, Any]], work: Work, allowance: int
) -> dict[str, Any]:
    """Call a function of this file in a process of its own."""
    environment = {**os.environ, "ARROW_DEFAULT_MEMORY_POOL": "system"}  # which keeps nothing that is free
    command = [sys.executable, __file__, "--child", function.__name__, json.dumps(work), str(allowance)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{function.__name__} of {work} failed:\n{done.stderr}")
    return dict(json.loads(done.stdout.splitlines()[-1]))


def wrong(
    limited: dict[str, Any], quarter: dict[str, Any], free: dict[str, Any], way: str, allowance: int
) -> str | None:
    """Return what is wrong with the answers of a way, None if nothing is."""
    if limited["digest"] != free["digest"]:
        return "other parameters than those of a fit in memory"
    if not limited["failed"]:
        return "all rows could be loaded too: the limit is none"
    if way != "fit, mapped" and limited["peak"] > quarter["peak"] + allowance / 4:
        return f"memory grows with the file: {limited['peak']} bytes, {quarter['peak']} for a quarter"
    return None


def main() -> int:
    if sys.argv[1:2] == ["--child"]:
        function = {"train_within": train_within, "train_in_memory": train_in_memory}[sys.argv[2]]
        print(json.dumps(function(Work(*json.loads(sys.argv[3])), int(sys.argv[4]))))
        return 0
    arguments = parser(__doc__.splitlines()[0], "1").parse_args()
    arguments.rounds = arguments.rounds or (1 if arguments.short else 3)  # a round takes minutes
    use = settings(arguments, seconds=0.0)
    if not sys.platform.startswith("linux"):
        print("skipped: limits and sizes of memory are read as Linux has them")
        return 0
    window = 4096 if use.short else 32768
    rows: list[dict[str, Any]] = []
    for way, suffix in WAYS.items():
        if use.only not in way:
            continue
        allowance = 64 << 20
        if use.short:  # pyarrow alone takes some 16 MB for so many columns
            allowance = (24 if suffix == "parquet" else 12) << 20
        if suffix == "parquet":
            try:
                import pyarrow.parquet  # noqa: F401
            except ImportError as error:
                print(f"skipped: {way}, because {error}")
                continue
        with tempfile.TemporaryDirectory() as folder:
            places = {}
            for name, size in (("whole", TIMES * allowance), ("quarter", allowance)):
                path = Path(folder, name)
                places[name] = (str(path), write(suffix, path, size, use.dtype))
            for threads in use.threads:
                whole, quarter = (
                    Work(way, *places[name], window, threads, use.dtype) for name in ("whole", "quarter")
                )
                found = measured(whole, quarter, allowance, use.rounds)
                if isinstance(found, str):
                    print(f"WRONG ANSWER: {way}: {found}", file=sys.stderr)
                    return 1
                rows.append({**found, "allowance": allowance, "file": whole.file.stat().st_size})
    load = f"{os.getloadavg()[0]:.1f} processes wanted to run at the end, in the mean of a minute"
    about = machine() | {"load": load, "chainrule": describe_chainrule()} | use.described()
    use.publish("larger_than_memory", about, rows, report(rows, about, window))
    return 0


def measured(whole: Work, quarter: Work, allowance: int, rounds: int) -> dict[str, Any] | str:
    """Return what was measured of a way, or what is wrong with its answers."""
    runs, free = [], []
    for _ in range(rounds):
        runs.append([in_a_process(train_within, work, allowance) for work in (whole, quarter)])
        free.append(in_a_process(train_in_memory, whole, 0))
        if why := wrong(*runs[-1], free[-1], whole.way, allowance):
            return why
    return {
        "way": whole.way,
        "threads": whole.threads,
        "rows": whole.rows,
        "peak": max(run[0]["peak"] for run in runs),
        "peak_quarter": max(run[1]["peak"] for run in runs),
        "seconds": [run[0]["seconds"] for run in runs],
        "seconds_in_memory": [one["seconds"] for one in free],
    }


def report(rows: list[dict[str, Any]], about: dict[str, str], window: int) -> str:
    lines = []
    for row in rows:
        rates = [
            significant(row["rows"] / statistics.median(row[name]))
            for name in ("seconds", "seconds_in_memory")
        ]
        lines.append(
            [
                row["way"],
                str(row["threads"]),
                f"{row['file'] / MB:.0f}",
                f"{row['rows']:,}",
                f"{row['allowance'] / MB:.0f}",
                f"{row['peak'] / MB:.1f}",
                f"{row['peak_quarter'] / MB:.1f}",
                *rates,
            ]
        )
    words = (
        f"An epoch of {FEATURES}-64-64-1 in batches of {BATCH}, in a process that may have so many MB (RLIMIT_DATA) beyond "
        f"what it had before, and in which loading all rows fails. Windows have {window:,} rows. Peak: the most "
        "anonymous memory that was seen, beyond what it had before. Parameters after the epoch have the bits of a fit in "
        "memory on the same rows in the same order. `fit` on a mapped file keeps the order of all rows, which "
        "grows with the file; streams keep a window. Rates are medians; those of streams include reading. The lines of the CSV file "
        "repeat, and reading them is what takes the time."
    )
    return document("Larger than memory", about, table(HEADER, lines), words)


if __name__ == "__main__":
    sys.exit(main())

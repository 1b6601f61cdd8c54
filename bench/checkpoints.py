"""Time what it costs to keep every epoch in a file: a fit with ``checkpoint=``, beside one without, for several intervals.

``python bench/checkpoints.py --threads 1 --output FOLDER``; ``--short`` for a quick pass. See bench/README.md.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
from pathlib import Path
from time import perf_counter
from typing import Any

import chainrule as cr
import numpy as np
from _record import describe_chainrule, document, machine, significant, table
from _settings import parser, settings

WORKS = {  # layers, batch, rows
    "2-3-1": ([2, 3, 1], 1, 2000),
    "8-64-64-1": ([8, 64, 64, 1], 32, 16384),
    "digits, 64-128-10": ([64, 128, 10], 64, 1437),
    "784-128-10": ([784, 128, 10], 64, 32768),
}
INTERVALS = (None, 1, 10, 100)
"""Epochs from one entry to the next; None writes none."""
HEADER = ("work", "threads", "every", "KB an entry", "ms an epoch", "more than without")


def fitted(
    work: tuple[list[int], int, int], every: int | None, epochs: int, threads: int, dtype: str, path: Path
) -> tuple[cr.Trainer, float]:
    """Return a trainer after so many epochs, and the seconds of its fit."""
    sizes, batch, rows = work
    rng = np.random.default_rng(0)
    X = rng.normal(size=(rows, sizes[0])).astype(dtype)
    Y = rng.normal(size=(rows, sizes[-1])).astype(dtype)
    model = cr.MLP(sizes, dtype=dtype, seed=0)
    trainer = cr.Trainer(
        model,
        loss="mean_squared_error",
        optimizer=cr.SGD(1e-3, momentum=0.9),
        batch_size=batch,
        n_threads=threads,
    )
    trainer.fit(X, Y)  # its team and its memory
    path.unlink(missing_ok=True)
    options: dict[str, Any] = {} if every is None else {"checkpoint": path, "checkpoint_every": every}
    started = perf_counter()
    trainer.fit(X, Y, epochs=epochs, **options)
    return trainer, perf_counter() - started


def bits(trainer: cr.Trainer) -> list[bytes]:
    return [array.tobytes() for array in (*trainer.model.weights, *trainer.model.biases)]


def main() -> int:
    arguments = parser(__doc__.splitlines()[0], "1").parse_args()
    use = settings(arguments, seconds=0.5)
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "some.run")
        for name, whole in WORKS.items():
            work = (*whole[:2], min(whole[2], 500)) if use.short else whole
            for threads in use.threads if use.only in name else ():
                _, once = fitted(work, None, 1, threads, use.dtype, path)
                epochs = 100 * max(1, round(use.seconds / once / 100)) if not use.short else 10
                expected = bits(fitted(work, None, epochs, threads, use.dtype, path)[0])
                seconds: dict[int | None, list[float]] = {every: [] for every in INTERVALS}
                entry = 0
                for _ in range(use.rounds):
                    for every in INTERVALS:
                        trainer, taken = fitted(work, every, epochs, threads, use.dtype, path)
                        seconds[every].append(taken / epochs)
                        if bits(trainer) != expected:
                            print(
                                f"WRONG ANSWER: {name} has other bits with checkpoint_every={every}",
                                file=sys.stderr,
                            )
                            return 1
                        if every is not None:
                            with cr.Checkpoints(path) as run:
                                run.verify()
                                if not np.array_equal(run.model().weights[0], trainer.model.weights[0]):
                                    print(
                                        f"WRONG ANSWER: the file of {name} has other weights", file=sys.stderr
                                    )
                                    return 1
                            entry = path.stat().st_size // (epochs // every + 1) if every == 1 else entry
                rows += [
                    {"work": name, "threads": threads, "every": every, "entry": entry, "seconds": taken}
                    for every, taken in seconds.items()
                ]
    about = machine() | {"chainrule": describe_chainrule()} | use.described()
    use.publish("checkpoints", about, rows, report(rows, about))
    return 0


def report(rows: list[dict[str, Any]], about: dict[str, str]) -> str:
    lines, without = [], 0.0
    for row in rows:
        middle = statistics.median(row["seconds"])
        if row["every"] is None:
            without = middle
        more = "–" if row["every"] is None else f"{middle / without - 1:+.1%}"
        every = "no file" if row["every"] is None else str(row["every"])
        lines.append(
            [
                row["work"],
                str(row["threads"]),
                every,
                f"{row['entry'] / 1e3:.1f}",
                significant(1e3 * middle),
                more,
            ]
        )
    words = "Medians of rounds that alternate. A fit with a file ends when its last entry is on the disk."
    return document("Checkpoints", about, table(HEADER, lines), words)


if __name__ == "__main__":
    sys.exit(main())

"""Time several small fits side by side (`fit_many`) beside the same fits one after the other.

``python bench/fit_many.py --threads 2 --output FOLDER``; ``--short`` for a quick pass. See bench/README.md.
"""

from __future__ import annotations

import os
import statistics
import sys
from dataclasses import dataclass, replace
from time import perf_counter
from typing import Any

import chainrule as cr
import numpy as np
from _record import describe_chainrule, document, machine, significant, table
from _settings import parser, settings


@dataclass(frozen=True)
class Work:
    """Fits that differ in their seeds: a network, its rows, and what is to be measured."""

    sizes: list[int]
    batch: int | str
    rows: int
    fits: int = 8
    validation: int = 0
    metrics: tuple[str, ...] = ()
    epochs: int = 0
    """0: as many as fill the time of a run."""


WORKS = {
    "8-16-1, row by row": Work([8, 16, 1], 1, 2000),
    "8-16-1, batch 32": Work([8, 16, 1], 32, 2000),
    "8-64-64-1, batch 32": Work([8, 64, 64, 1], 32, 4096),
    "64-128-10, batch 64": Work([64, 128, 10], 64, 1437),
    "64-128-10, batch 64, 360 rows validated": Work([64, 128, 10], 64, 1437, validation=360),
    "64-128-10, batch 64, accuracy of both": Work(
        [64, 128, 10], 64, 1437, validation=360, metrics=("accuracy",)
    ),
    "8-16-1, batch 32, 500 rows validated": Work([8, 16, 1], 32, 2000, validation=500),
    "8-16-1, batch 32, 5 epochs each": Work([8, 16, 1], 32, 1000, fits=100, epochs=5),
    "64-128-10, batch 64, 3 epochs each": Work([64, 128, 10], 64, 1437, fits=40, epochs=3),
    "784-128-10, batch 64": Work([784, 128, 10], 64, 4096),
}
HEADER = ("fits", "workers", "ms a fit alone", "ms in fit_many", "faster by", "in processes, faster by")


def prepared(work: Work, dtype: str) -> tuple[list[cr.Trainer], Any, Any, dict[str, Any]]:
    """Return new trainers, the rows, and the other arguments of their fits."""
    rng = np.random.default_rng(0)
    n_out, rows = work.sizes[-1], work.rows + work.validation
    X = rng.normal(size=(rows, work.sizes[0])).astype(dtype)
    y = rng.integers(0, n_out, rows) if n_out > 1 else rng.normal(size=(rows, 1)).astype(dtype)
    output, loss = ("softmax", "cross_entropy") if n_out > 1 else ("identity", "mean_squared_error")
    trainers = [
        cr.Trainer(
            cr.MLP(work.sizes, output_activation=output, dtype=dtype, seed=seed),
            loss=loss,
            optimizer=cr.SGD(1e-3, momentum=0.9),
            batch_size=work.batch,
            seed=seed,
            n_threads=1,
        )
        for seed in range(work.fits)
    ]
    options: dict[str, Any] = {"epochs": work.epochs}
    if work.validation:
        options |= {"validation_data": (X[work.rows :], y[work.rows :]), "metrics": list(work.metrics)}
    return trainers, X[: work.rows], y[: work.rows], options


def alone(work: Work, dtype: str) -> tuple[list[cr.Trainer], float]:
    trainers, X, y, options = prepared(work, dtype)
    started = perf_counter()
    for trainer in trainers:
        trainer.fit(X, y, **options)
    return trainers, perf_counter() - started


def together(work: Work, dtype: str, workers: int) -> tuple[list[cr.Trainer], float]:
    trainers, X, y, options = prepared(work, dtype)
    started = perf_counter()
    cr.fit_many(trainers, X, y, n_workers=workers, **options)
    return trainers, perf_counter() - started


def in_processes(work: Work, dtype: str, workers: int) -> float:
    """Return the seconds of the same fits in so many forked processes, which are there and ready before: what the cores give."""
    children, ready, go = [], os.pipe(), os.pipe()
    for i in range(workers):
        child = os.fork()
        if child == 0:
            trainers, X, y, options = prepared(work, dtype)
            os.write(ready[1], b"r")
            os.read(go[0], 1)
            for trainer in trainers[i::workers]:
                trainer.fit(X, y, **options)
            os._exit(0)
        children.append(child)
    for _ in children:
        os.read(ready[0], 1)
    started = perf_counter()
    os.write(go[1], b"g" * workers)
    failed = [child for child in children if os.waitpid(child, 0)[1]]
    taken = perf_counter() - started
    for end in (*ready, *go):
        os.close(end)
    if failed:
        raise RuntimeError("a fit in a process of its own failed")
    return taken


def answers(trainers: list[cr.Trainer]) -> list[Any]:
    """Return what must be the same to the bit: parameters, velocities and all that was measured."""
    states = [trainer.state for trainer in trainers]
    arrays = [[*s.weights, *s.biases, *s.weight_velocity, *s.bias_velocity] for s in states]
    bits = [[array.tobytes() for array in one] for one in arrays]
    return [bits, [trainer.history.__getstate__() for trainer in trainers]]


def sized(work: Work, seconds: float, dtype: str) -> Work:
    """Return the work with epochs that fill the time when the fits are made one after the other."""
    if work.epochs:
        return work
    alone(replace(work, epochs=1), dtype)
    _, once = alone(replace(work, epochs=3), dtype)
    return replace(work, epochs=max(1, round(3 * seconds / once)))


def main() -> int:
    arguments = parser(__doc__.splitlines()[0], "2").parse_args()
    use = settings(arguments, seconds=3.0)
    rows: list[dict[str, Any]] = []
    loads = [os.getloadavg()[0]] if hasattr(os, "getloadavg") else []
    for name, whole in WORKS.items():
        if use.only not in name:
            continue
        work = replace(whole, rows=min(whole.rows, 300), fits=min(whole.fits, 3)) if use.short else whole
        work = sized(work, use.seconds, use.dtype)
        for workers in use.threads:
            seconds: dict[str, list[float]] = {"alone": [], "together": [], "processes": []}
            for _ in range(use.rounds):
                one, taken = alone(work, use.dtype)
                seconds["alone"].append(taken)
                other, taken = together(work, use.dtype, workers)
                seconds["together"].append(taken)
                if answers(one) != answers(other):
                    print(f"WRONG ANSWER: {name} has other bits in fit_many", file=sys.stderr)
                    return 1
                if hasattr(os, "fork"):
                    seconds["processes"].append(in_processes(work, use.dtype, workers))
            rows.append(
                {"work": name, "fits": work.fits, "epochs": work.epochs, "workers": workers, **seconds}
            )
    loads += [os.getloadavg()[0]] if loads else []
    about = machine() | {"chainrule": describe_chainrule()} | use.described()
    if loads:
        about["load average before and after"] = ", ".join(f"{load:.1f}" for load in loads)
    use.publish("fit_many", about, rows, report(rows, about))
    return 0


def report(rows: list[dict[str, Any]], about: dict[str, str]) -> str:
    lines = []
    for row in rows:
        middle = {way: statistics.median(row[way]) for way in ("alone", "together")}
        each = [significant(1e3 * middle[way] / row["fits"]) for way in ("alone", "together")]
        faster = f"{middle['alone'] / middle['together']:.2f}"
        most = f"{middle['alone'] / statistics.median(row['processes']):.2f}" if row["processes"] else "–"
        lines.append([f"{row['fits']} of {row['work']}", str(row["workers"]), *each, faster, most])
    words = (
        "Medians of rounds that alternate, each fit on one thread: one after the other with `Trainer.fit`, and with `fit_many`, "
        "whose checks of all arguments are in its time; the last column has the same fits in as many forked processes, whose start "
        "is not in the time: what the cores gave meanwhile. Parameters, velocities and all that was measured have the same bits."
    )
    return document("Fits side by side", about, table(HEADER, lines), words)


if __name__ == "__main__":
    sys.exit(main())

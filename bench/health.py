"""Time what it costs to measure the health of the layers: epochs of the core with a record beside epochs without, and whole fits.

``python bench/health.py --threads 1 --output FOLDER``; ``--short`` for a quick pass. See bench/README.md.
"""

from __future__ import annotations

import statistics
import sys
from functools import cache
from time import perf_counter
from typing import Any

import chainrule as cr
import numpy as np
from _record import describe_chainrule, document, machine, significant, table
from _settings import parser, settings
from chainrule import native
from chainrule._network import (
    HEALTH_COLUMNS,
    HealthRecord,
    Network,
    TrainingState,
    measured_epochs,
    steps_for_one_measured,
)
from chainrule.reference.health import measured_steps_of

WORKS = {  # layers, output activation and loss, batch, rows
    "2-3-1, online": ((2, 3, 1), "identity", "half_squared_error", 1, 2000),
    "64-128-10, batch 64": ((64, 128, 10), "softmax", "cross_entropy", 64, 1797),
    "64-128-10, 10 batches of 64": ((64, 128, 10), "softmax", "cross_entropy", 64, 640),
    "64-128-10, one of 64": ((64, 128, 10), "softmax", "cross_entropy", 64, 64),
    "784-128-10, batch 128": ((784, 128, 10), "softmax", "cross_entropy", 128, 60000),
    "8-32-1, all of 10,000 rows": ((8, 32, 1), "identity", "half_squared_error", 10000, 10000),
    "4-16-3, all of 150 rows": ((4, 16, 3), "softmax", "cross_entropy", 150, 150),
}
FITS = {  # the same, and epochs
    "digits, 20 epochs": ((64, 128, 10), "softmax", "cross_entropy", 64, 1797, 20),
    "digits, 100 epochs": ((64, 128, 10), "softmax", "cross_entropy", 64, 1797, 100),
    "784-128-10, batch 64, 5 epochs": ((784, 128, 10), "softmax", "cross_entropy", 64, 6000, 5),
    "4-16-3, all of 150 rows, 2,000 epochs": ((4, 16, 3), "softmax", "cross_entropy", 150, 150, 2000),
    "digits, 5 epochs": ((64, 128, 10), "softmax", "cross_entropy", 64, 1797, 5),
    "4-16-3, batch 16, 20 epochs": ((4, 16, 3), "softmax", "cross_entropy", 16, 150, 20),
}
FIT_HEADER = ("whole fit", "threads", "ms", "with health", "more", "us more")
HEADER = ("work", "threads", "steps", "measured", "us an epoch", "with health", "more", "us a measured step")
Work = tuple[tuple[int, ...], str, str, int, int]


@cache  # what is compared reads the same memory
def data(sizes: tuple[int, ...], output: str, rows: int, dtype: str) -> tuple[np.ndarray, np.ndarray]:
    """Return inputs and targets."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(rows, sizes[0])).astype(dtype)
    if output == "softmax":
        return X, rng.integers(0, sizes[-1], rows)
    return X, rng.normal(size=(rows, sizes[-1])).astype(dtype)


class Run:
    """Training of one work, whose epochs are timed."""

    def __init__(self, work: Work, dtype: str, threads: int, health: bool) -> None:
        sizes, output, loss, batch, rows = work
        self.network = Network(
            sizes, ("relu",) * (len(sizes) - 2) + (output,), "unit", (0.0,) * (len(sizes) - 2), dtype
        )
        model = cr.MLP(sizes, activation="relu", output_activation=output, dtype=dtype, seed=0)
        self.state = TrainingState.start(model.weights, model.biases)
        self.X, self.target = data(sizes, output, rows, dtype)
        self.how: dict[str, Any] = {
            "loss": loss, "optimizer": cr.SGD(1e-3, momentum=0.9), "batch_size": batch, "shuffle": True, "seed": 1,
            "n_threads": threads,
        }  # fmt: skip
        self.wants_health = health
        self.health: HealthRecord | None = None

    def epochs(self, count: int) -> float:
        """Train for so many epochs; return the seconds of one."""
        if self.wants_health:
            sizes = self.network.layer_sizes
            values = np.empty((count, self.network.n_layers, len(HEALTH_COLUMNS)))
            quiet = np.zeros(sum(sizes[1:-1]), np.int64)
            self.health = HealthRecord(values, quiet, self.measured(count))
        started = perf_counter()
        native.train_epochs(
            self.network, self.state, self.X, self.target, epochs=count, health=self.health, **self.how
        )
        return (perf_counter() - started) / count

    def measured(self, count: int) -> np.ndarray:
        """Return which of so many epochs a fit measures."""
        rows, batch = len(self.X), self.how["batch_size"]
        each = steps_for_one_measured(self.network, batch)
        return measured_epochs(0, count, -(-rows // batch), each, count - 1)

    def measured_steps(self, count: int) -> tuple[int, float]:
        """Return the steps of an epoch, and how many are measured: in the mean over so many epochs."""
        rows, batch = len(self.X), self.how["batch_size"]
        in_epoch = len(measured_steps_of(self.network, rows, batch))
        return -(-rows // batch), in_epoch * float(self.measured(count).mean())

    def bits(self) -> list[bytes]:
        """What training has come to."""
        return [array.tobytes() for array in self.state.arrays]


def whole_fits(
    sizes: tuple[int, ...], output: str, loss: str, batch: int, rows: int, epochs: int, use: Any, threads: int
) -> dict[str, list[float]]:
    """Return the seconds of fits without and with health, which alternate, each of a new model."""
    X, y = data(sizes, output, rows, use.dtype)

    def one(health: bool) -> tuple[float, bytes]:
        model = cr.MLP(sizes, activation="relu", output_activation=output, dtype=use.dtype, seed=0)
        trainer = cr.Trainer(
            model,
            loss=loss,
            optimizer=cr.SGD(1e-3, momentum=0.9),
            batch_size=batch,
            seed=1,
            n_threads=threads,
        )
        started = perf_counter()
        trainer.fit(X, y, epochs=min(epochs, 2) if use.short else epochs, health=health)
        return perf_counter() - started, b"".join(w.tobytes() for w in model.weights)

    taken: dict[bool, list[float]] = {False: [], True: []}
    rounds = use.rounds if use.short else max(3 * use.rounds, round(15 * use.seconds / one(False)[0]))
    for i in range(rounds):
        bits = set()
        for health in (False, True)[:: (-1) ** i]:
            seconds, learned = one(health)
            taken[health].append(seconds)
            bits.add(learned)
        if len(bits) > 1:
            sys.exit("WRONG ANSWER: fits have other bits where their health is measured")
    return {"without": taken[False], "with": taken[True]}


def main() -> int:
    arguments = parser(__doc__.splitlines()[0], "1").parse_args()
    use = settings(arguments, seconds=0.2)
    rows: list[dict[str, Any]] = []
    for name, whole in WORKS.items():
        work = (*whole[:3], min(whole[3], 500), min(whole[4], 500)) if use.short else whole
        for threads in use.threads if use.only in name else ():
            without, with_health = (Run(work, use.dtype, threads, health) for health in (False, True))
            other = Run(work, use.dtype, threads, health=False)
            once = other.epochs(max(1, round(0.1 * use.seconds / other.epochs(1))))  # the first one is slow
            count = max(1, round(use.seconds / once))
            seconds: tuple[list[float], list[float]] = ([], [])
            for i in range(use.rounds + 1):  # the first warms up
                for run, taken in list(zip((without, with_health), seconds, strict=True))[:: (-1) ** i]:
                    one = run.epochs(count)
                    taken.extend([one] if i else [])
                if without.bits() != with_health.bits():
                    print(
                        f"WRONG ANSWER: {name} has other bits where its health is measured", file=sys.stderr
                    )
                    return 1
                health = with_health.health
                found = np.empty(0) if health is None else health.values[health.measured]
                if not found.size or not np.isfinite(found[..., 2:]).all() or not found[..., 6:].all():
                    print(f"WRONG ANSWER: the health of {name} has numbers that cannot be", file=sys.stderr)
                    return 1
            rows.append(
                {"work": name, "threads": threads, "steps": with_health.measured_steps(count), "without": seconds[0],
                 "with": seconds[1]}
            )  # fmt: skip
    fits = [
        {"fit": name, "threads": threads, **whole_fits(*fit, use, threads)}
        for name, fit in FITS.items()
        for threads in (use.threads if use.only in name else ())
    ]
    about = machine() | {"chainrule": describe_chainrule()} | use.described()
    use.publish("health", about, [*rows, *fits], report(rows, fits, about))
    return 0


def report(rows: list[dict[str, Any]], fits: list[dict[str, Any]], about: dict[str, str]) -> str:
    lines = []
    for row in rows:
        without, with_health = (statistics.median(row[name]) for name in ("without", "with"))
        steps, measured = row["steps"]
        lines.append(
            [
                row["work"],
                str(row["threads"]),
                f"{steps:,}",
                significant(measured),
                significant(1e6 * without),
                significant(1e6 * with_health),
                f"{with_health / without - 1:+.1%}",
                significant(1e6 * max((with_health - without) / measured + without / steps, 0)),
            ]
        )
    whole = []
    for fit in fits:
        without, with_health = (statistics.median(fit[name]) for name in ("without", "with"))
        more = 1e6 * statistics.median(np.subtract(fit["with"], fit["without"]))
        whole.append(
            [
                fit["fit"],
                str(fit["threads"]),
                significant(1e3 * without),
                significant(1e3 * with_health),
                f"{with_health / without - 1:+.1%}",
                significant(more),
            ]
        )
    words = (
        "Medians of rounds that alternate; in the first table each of as many epochs of the core as take 0.2 s, the first of a fit, and all "
        "steps of an epoch without health are taken for equally long; in the second each a `Trainer.fit` of a new model."
    )
    return document(
        "Health of the layers", about, table(HEADER, lines) + "\n\n" + table(FIT_HEADER, whole), words
    )


if __name__ == "__main__":
    sys.exit(main())

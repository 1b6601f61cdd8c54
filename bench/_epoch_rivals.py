"""Who trains, each in a process of its own: here what all have in common, and chainrule's two cores.

All start from the same weights, take the same batches in the check, and as many of the same size in the timing.
"""

from __future__ import annotations

import contextlib
import resource
import sys
import time
from pathlib import Path
from typing import Any

import chainrule as cr
import numpy as np
from _record import describe_chainrule, describe_numpy
from _works import MOMENTUM, SEED, Array, Work


def start_of(work: Work, dtype: str) -> cr.MLP:
    """Return the untrained model; float64 starts from the float32 numbers, so that all start alike."""
    options: dict[str, Any] = {
        "activation": work.activation,
        "output_activation": work.output_activation,
        "seed": SEED,
    }
    model = cr.MLP(list(work.layer_sizes), dtype="float32", **options)
    if dtype == "float64":
        wide = cr.MLP(list(work.layer_sizes), dtype=dtype, **options)
        for new, old in zip(wide.weights + wide.biases, model.weights + model.biases, strict=True):
            new[...] = old
        return wide
    return model


class Rival:
    """What all rivals do: load a work, train a few steps to be checked, and be timed."""

    compile_seconds: float | None = None
    """What compiling the loaded work took, apart from the timings; None where nothing is compiled."""

    def load(self, work: Work, dtype: str, seconds: float) -> float | None:
        """Make data and model, warm up, and find how many epochs fill the time; return `compile_seconds`."""
        self.work, self.dtype = work, dtype
        self.X, self.y = work.data(dtype)
        self.start()
        self.epochs = 1
        while (spent := self.time() * self.epochs) < seconds:
            self.epochs = max(self.epochs + 1, min(10 * self.epochs, int(self.epochs * seconds / spent)))
        return self.compile_seconds

    def time(self) -> float:
        """Return the seconds of one epoch, averaged over the epochs of this timing; training goes on."""
        started = time.perf_counter()
        self.train(self.epochs)
        return (time.perf_counter() - started) / self.epochs

    def memory(self, work: Work, dtype: str) -> tuple[int, int]:
        """Return the largest resident sizes of this process, before there are data and after an epoch, in bytes."""
        before = peak_memory()
        self.load(work, dtype, 0)
        return before, peak_memory()

    def describe(self) -> str:
        """Return versions and settings."""
        raise NotImplementedError

    def start(self) -> None:
        """Make what is trained from the initial weights."""
        raise NotImplementedError

    def train(self, epochs: int) -> None:
        """Train for so many epochs."""
        raise NotImplementedError

    def only_timed(self, work: Work) -> str:
        """Return why its steps cannot be those of the reference, or nothing."""
        return ""

    def answer(self, work: Work, dtype: str) -> list[Array]:
        """Return weights, then biases, after the steps that are checked, in chainrule's order of the rows."""
        raise NotImplementedError

    def losses(self, work: Work, dtype: str) -> tuple[float, float]:
        """Return its own loss in the first and in a later epoch; asked of those that are only timed."""
        raise NotImplementedError


def checked_order(work: Work) -> Array:
    """Return the rows of the steps that are checked, in the order of chainrule's first epoch."""
    return cr.reference.permutation(work.checked_steps * work.batch, seed=SEED, epoch=0)


def peak_memory() -> int:
    """Return the largest resident size of this process so far in bytes.

    Linux hands the largest size of a process on to the program that takes its place, and with it that of the process
    that started it, so that a small program seems as large as a benchmark; what it says of the memory itself is right.
    """
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
            if line.startswith("VmHWM:"):
                return 1024 * int(line.split()[1])
    return (1 if sys.platform == "darwin" else 1024) * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


class Chainrule(Rival):
    """`Trainer.fit`, on one of the two cores."""

    def __init__(self, core: str, threads: int) -> None:
        self.core, self.threads = core, threads

    def describe(self) -> str:
        """Return versions and settings."""
        return describe_chainrule() if self.core == "native" else describe_numpy()

    def trainer(self, work: Work, dtype: str) -> cr.Trainer:
        """Return a trainer of the untrained model, whose weights both cores draw alike."""
        optimizer = cr.SGD(learning_rate=work.learning_rate, momentum=MOMENTUM)
        return cr.Trainer(
            start_of(work, dtype), loss=work.loss, optimizer=optimizer, batch_size=work.batch, seed=SEED,
            n_threads=self.threads,
        )  # fmt: skip

    def start(self) -> None:
        """Make the trainer."""
        self.made = self.trainer(self.work, self.dtype)

    def train(self, epochs: int) -> None:
        """Train for so many epochs."""
        with cr.backend(self.core):
            self.made.fit(self.X, self.y, epochs=epochs)

    def answer(self, work: Work, dtype: str) -> list[Array]:
        """Return weights, then biases, after the steps that are checked."""
        X, y = work.data(dtype)
        rows = work.checked_steps * work.batch
        trainer = self.trainer(work, dtype)
        with cr.backend(self.core):
            trainer.fit(X[:rows], y[:rows])
        return trainer.model.weights + trainer.model.biases

    def truth(self, work: Work, dtype: str) -> tuple[list[Array], list[Array], int]:
        """Return parameters before and after the steps in float64, and how often a relu may fall either way.

        That is where the weighted sum is within its rounding error of 0: sqrt(n) roundings, times the root of the
        sum of the squared terms, for ``dtype``, and for the errors of the layers before twice as much again.
        """
        trainer, u = self.trainer(work, "float64"), float(np.finfo(dtype).eps) / 2
        model = trainer.model
        before = [array.copy() for array in model.weights + model.biases]
        X, y = work.data(dtype)
        undecided = 0
        order = checked_order(work)
        target = y if y.ndim == 1 else y.astype(np.float64)
        for step in range(work.checked_steps):
            batch = order[step * work.batch : (step + 1) * work.batch]
            A = given = X[batch].astype(np.float64)
            for W, b in (
                zip(model.weights[:-1], model.biases[:-1], strict=True) if work.activation == "relu" else ()
            ):
                Z, size = A @ W + b, np.sqrt(A**2 @ W**2 + b**2)
                undecided += int((np.abs(Z) <= 4 * u * np.sqrt(len(W)) * size).sum())
                A = np.maximum(Z, 0)
            with cr.backend("reference"):
                trainer.train_on_batch(given, target[batch])
        return before, model.weights + model.biases, undecided

"""What is counted: small fixed runs of training and prediction, in one thread, always with the same numbers.

``python bench/_instruction_works.py NAME`` sets up all of them, runs each once, then the named one so many times more,
and prints digests of what came out of all. Two such processes differ by that work alone: what the start of Python and
the imports cost falls out of the difference of their counts.
"""

from __future__ import annotations

import gc
import hashlib
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import chainrule as cr
import numpy as np
from _case import random_array
from _cases_network import network
from _epoch_rivals import Chainrule
from _works import SEED, WORKS, Array

Run = Callable[[int], Array]  # does it so many times, returns what came out


@dataclass(frozen=True)
class Counted:
    """A run that is counted.

    Parameters
    ----------
    name : str
    rows : int
        Trained or predicted in one repetition; what is recorded is instructions a row.
    repeats : int
        Enough that the run is some ten million instructions, far more than what the start-up varies by.
    make : function
        Returns the run.
    """

    name: str
    rows: int
    repeats: int
    make: Callable[[], Run]


def train(index: int, rows: int) -> Run:
    work = replace(WORKS[index], rows=rows)
    trainer = Chainrule("native", 1).trainer(work, "float32")
    X, y = work.data("float32")

    def run(epochs: int) -> Array:
        trainer.fit(X, y, epochs=epochs)
        return np.concatenate([array.ravel() for array in trainer.model.weights + trainer.model.biases])

    return run


def model_and_rows(sizes: tuple[int, ...], activation: str, rows: int) -> tuple[cr.MLP, Array]:
    net, weights, biases = network(sizes, activation, "float32")
    model = cr.MLP(list(sizes), activation=list(net.activations[:-1]), dtype="float32", seed=SEED)
    model.weights, model.biases = weights, biases
    return model, random_array(9, (rows, sizes[0]), "float32")


def predict(sizes: tuple[int, ...], activation: str, rows: int) -> Run:
    model, X = model_and_rows(sizes, activation, rows)

    def run(times: int) -> Array:
        for _ in range(times):
            out = model.predict(X, n_threads=1)
        return out

    return run


def single_row(sizes: tuple[int, ...], activation: str) -> Run:
    model, X = model_and_rows(sizes, activation, 1)
    predictor, x, out = model.predictor(), X[0], np.empty(sizes[-1], np.float32)

    def run(times: int) -> Array:
        for _ in range(times):
            predictor(x, out)
        return out

    return run


COUNTED = (
    Counted("train 2-3-1 sigmoid, batch 1", 500, 100, partial(train, 0, 500)),
    Counted("train 8-64-64-1 relu, batch 32", 128, 60, partial(train, 1, 128)),
    Counted("train 64-128-128-2 relu, batch 128", 128, 15, partial(train, 2, 128)),
    Counted("train 784-128-10 relu, batch 64", 128, 5, partial(train, 3, 128)),
    Counted("predict 784-512-256-10 relu, 64 rows", 64, 4, partial(predict, (784, 512, 256, 10), "relu", 64)),
    Counted("predict 64-256-256-1 sigmoid, 64 rows", 64, 10, partial(predict, (64, 256, 256, 1), "sigmoid", 64)),
    Counted("one row 32-64-64-1 relu", 1, 10_000, partial(single_row, (32, 64, 64, 1), "relu")),
)  # fmt: skip


def digest(result: Array) -> str:
    return hashlib.sha256(result.tobytes()).hexdigest()


def answer(counted: Counted, core: str) -> Array:
    """Return what comes out of the run on one of the two cores."""
    with cr.backend(core):
        run = counted.make()
        run(1)
        return run(counted.repeats)


def main() -> None:
    gc.disable()  # when it runs depends on all that was allocated before; one pass is a million instructions
    runs = {counted.name: counted.make() for counted in COUNTED}
    results = {name: run(1) for name, run in runs.items()}
    for counted in COUNTED:
        if counted.name == sys.argv[1]:
            results[counted.name] = runs[counted.name](counted.repeats)
    for name, result in results.items():  # all of them, so that this costs the same in every process
        print(f"{digest(result)} {name}")


if __name__ == "__main__":
    main()

"""Who predicts many rows in one call: chainrule, NumPy, PyTorch, ONNX Runtime and scikit-learn, a process each.

They are the rivals of `_row_rivals`, with all rows in one array and the result in another that is there already.
"""

from __future__ import annotations

import gc
import hashlib
from collections.abc import Callable
from itertools import pairwise
from timeit import Timer
from typing import Any, NamedTuple

import chainrule as cr
import numpy as np
from _case import Array, Error, Expected, largest_error, random_array, rounding
from _cases_network import DEVIATIONS, forward_pass, network
from _record import describe_chainrule, describe_numpy
from _row_rivals import OnnxRuntime, PyTorch, Rival, ScikitLearn, activate
from chainrule._network import Network

NUMPY_ROWS = 512
"""Of a block that NumPy takes through all layers: its activations stay in a cache of 2 MB."""


class Work(NamedTuple):
    """A network and how many rows it predicts."""

    sizes: tuple[int, ...]
    activation: str
    rows: int

    @property
    def name(self) -> str:
        """Sizes, activation and rows."""
        return f"{'-'.join(map(str, self.sizes))} {self.activation}, {self.rows:,} rows"

    @property
    def flops(self) -> int:
        """Operations of the products."""
        return 2 * self.rows * sum(a * b for a, b in pairwise(self.sizes))


class Bulk(Rival):
    """What changes for all: many rows, and the answer to each of them is checked."""

    def load(self, work: Work, dtype: str, seconds: float) -> tuple[Error, str]:  # type: ignore[override]
        """Return the error of the first answer and a digest of its bits, and find how many calls fill the time."""
        net, weights, biases = network(work.sizes, work.activation, dtype)
        X = random_array(9, (work.rows, net.n_in), dtype)
        out = np.full((work.rows, net.n_out), np.nan, dtype)
        names = self.start(net, weights, biases, X, out)
        result = eval(self.statement, names)
        answer = np.reshape(np.asarray(result), out.shape) if np.isnan(out).any() else out
        digest = hashlib.sha256(answer.tobytes()).hexdigest()
        right = forward_pass(net, weights, biases, X, rounding(dtype))
        expected = Expected(right.Z[-1], np.sqrt(right.Z_variance[-1]), DEVIATIONS)
        error = largest_error([answer], [expected])
        self.timer, self.calls = Timer(self.statement, globals=names), 1
        while (spent := self.timer.timeit(self.calls)) < seconds:  # warms up too
            self.calls = max(self.calls + 1, min(10 * self.calls, int(self.calls * seconds / spent)))
        return error, digest

    def time(self) -> float:  # type: ignore[override]
        """Return the mean seconds of a call, calls back to back."""
        gc.collect()
        return self.timer.timeit(self.calls) / self.calls


class Chainrule(Bulk):
    """`MLP.predict` into an array for the result."""

    statement = "model.predict(X, out=out, n_threads=threads)"

    def __init__(self, threads: int) -> None:
        self.threads = threads

    def describe(self) -> str:
        """Return versions and settings."""
        return describe_chainrule()

    def start(self, net: Network, weights: list[Array], biases: list[Array], x: Array, out: Array) -> Any:
        """Return the model."""
        model = cr.MLP(list(net.layer_sizes), activation=list(net.activations[:-1]), dtype=net.dtype, seed=0)
        model.weights, model.biases = weights, biases
        return {"model": model, "X": x, "out": out, "threads": self.threads}


class NumPy(Bulk):
    """The same by hand: blocks of rows through all layers, without new arrays."""

    statement = "forward(X, out)"

    def __init__(self, threads: int) -> None:
        """Its threads are those of its BLAS, which the environment has set."""

    def describe(self) -> str:
        """Return versions and settings."""
        return describe_numpy()

    def start(self, net: Network, weights: list[Array], biases: list[Array], x: Array, out: Array) -> Any:
        """Return a function with its arrays."""
        buffers = [np.empty((NUMPY_ROWS, len(b)), net.dtype) for b in biases[:-1]]
        layers = list(zip(weights, biases, net.activations, strict=True))

        def forward(X: Array, out: Array) -> None:
            for first in range(0, len(X), NUMPY_ROWS):
                a, to = X[first : first + NUMPY_ROWS], out[first : first + NUMPY_ROWS]
                for (W, b, name), z in zip(layers, [*(z[: len(a)] for z in buffers), to], strict=True):
                    np.add(np.dot(a, W, out=z), b, out=z)
                    activate(name, z)
                    a = z

        return {"forward": forward, "X": x, "out": out}


class BulkPyTorch(Bulk, PyTorch):
    """Eager PyTorch in inference mode."""

    statement = "model(x)"


class BulkOnnxRuntime(Bulk, OnnxRuntime):
    """ONNX Runtime with input and output bound to the arrays, one Gemm a layer."""


class BulkScikitLearn(Bulk, ScikitLearn):
    """`MLPRegressor.predict`, its parameters replaced."""

    statement = "model.predict(X)"

    def __init__(self, threads: int) -> None:
        super().__init__()


RIVALS: dict[str, Callable[[int], Bulk]] = {
    "chainrule": Chainrule,
    "NumPy": NumPy,
    "PyTorch": BulkPyTorch,
    "ONNX Runtime": BulkOnnxRuntime,
    "scikit-learn": BulkScikitLearn,
}

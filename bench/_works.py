"""The networks and data of the epoch benchmark: from three weights learned row by row to eight million in big batches."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
MOMENTUM = 0.9
SEED = 1  # of the initial weights, the orders of the rows and the data
SHORT_BATCHES, LARGEST_SHORT_BATCH, LARGEST_SHORT_LAYER = 4, 64, 784


@dataclass(frozen=True)
class Work:
    """A network, its data and how it is trained.

    Parameters
    ----------
    layer_sizes : tuple of int
    activation : str
        Of the hidden layers.
    output_activation, loss : str
    batch, rows : int
        Rows per update, rows per epoch.
    learning_rate : float
        Small enough that hundreds of epochs neither diverge nor come to rest.
    """

    layer_sizes: tuple[int, ...]
    activation: str
    output_activation: str
    loss: str
    batch: int
    rows: int
    learning_rate: float

    @property
    def name(self) -> str:
        """Sizes, activation and batch."""
        return f"{'-'.join(map(str, self.layer_sizes))} {self.activation}, batch {self.batch}, {self.rows:,} rows"

    @property
    def flops(self) -> int:
        """Operations of the products of an epoch: forward, dW and dX of every layer, but no dX of the first."""
        products = [a * b for a, b in pairwise(self.layer_sizes)]
        return self.rows * (6 * sum(products) - 2 * products[0])

    @property
    def checked_steps(self) -> int:
        """How many updates are compared before anything is timed: at least 3, and some 256 rows."""
        return max(3, 256 // self.batch)

    def shortened(self) -> Work:
        """Return the same kind of work with little data, and narrower where it is very wide."""
        batch = min(self.batch, LARGEST_SHORT_BATCH)
        sizes = tuple(min(size, LARGEST_SHORT_LAYER) for size in self.layer_sizes)
        rows = batch * max(SHORT_BATCHES, self.checked_steps)
        return replace(self, layer_sizes=sizes, batch=batch, rows=rows)

    def data(self, dtype: str) -> tuple[Array, Array]:
        """Return inputs and targets, to the bit the same in every process: no product, whose bits BLAS may choose.

        Noise keeps the gradients from vanishing.
        """
        rng, (n_in, *_, n_out) = np.random.default_rng(SEED), self.layer_sizes
        X = rng.standard_normal((self.rows, n_in), np.float32)
        j = np.arange(n_out)
        score = X[:, j % n_in] * (1 + X[:, (7 * j + 1) % n_in])
        score += rng.standard_normal(score.shape, np.float32) / 2
        if self.loss == "cross_entropy":
            return X.astype(dtype), score.argmax(axis=1)
        if self.output_activation == "sigmoid":
            return X.astype(dtype), (score > 0).astype(dtype)
        return X.astype(dtype), score.astype(dtype)


CLASSES = ("softmax", "cross_entropy")
NUMBERS = ("identity", "mean_squared_error")
WORKS = (
    Work((2, 3, 1), "sigmoid", "sigmoid", "half_squared_error", 1, 2000, 0.01),
    Work((8, 64, 64, 1), "relu", *NUMBERS, 32, 16_384, 0.001),
    Work((64, 128, 128, 2), "relu", *NUMBERS, 128, 65_536, 0.001),
    Work((784, 128, 10), "relu", *CLASSES, 64, 32_768, 0.001),
    Work((784, 512, 256, 10), "relu", *CLASSES, 128, 32_768, 0.001),
    Work((1024, 2048, 2048, 1024), "relu", *NUMBERS, 512, 4096, 0.01),
)
# What nothing was tuned on: odd and prime widths, deep and narrow networks, batches from one row to all of them.
OTHER_WORKS = (
    Work((37, 101, 53, 3), "relu", *CLASSES, 50, 20_000, 0.001),
    Work((101, 53, 37, 1), "sigmoid", "sigmoid", "half_squared_error", 1, 2000, 0.001),
    Work((28, 300, 300, 300, 300, 300, 1), "tanh", *NUMBERS, 100, 10_000, 0.001),
    Work((4, 32, 16, 4), "tanh", *NUMBERS, 10_000, 30_000, 0.01),
    Work((64, 257, 131, 1), "sigmoid", *NUMBERS, 32, 16_384, 0.001),
    Work((64, 128, 128, 2), "relu", *NUMBERS, 4096, 65_536, 0.001),
    Work((500, 1500, 10), "relu", *CLASSES, 1024, 8192, 0.001),
)

"""What a fit begins with, measured for its health on some of its rows before the first update."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ._health_epochs import Beginning
from ._network import Array, Network

if TYPE_CHECKING:
    from ._evaluation import Rows

MOST_ROWS, ROWS_ENOUGH, MOST_NUMBERS = 1000, 200, 2**17
"""Rows that are looked at when a fit begins, spread over all, so that sorted rows count alike: of wide ones as many as have so many
numbers, or the second number."""
TRAINED_FOR_ONE = 64
"""Of a short fit no more rows than one in so many that are trained on, if that is more than `ROWS_ENOUGH`: one takes a third of
the time, for its loss."""
GOLDEN_SECTION = (math.sqrt(5) - 1) / 2
LEAST = 1e-30
"""A variance below which squares may have come to 0."""
REACH = {
    **dict.fromkeys(("sigmoid", "hard_sigmoid", "softmax"), (0.0, 1.0)),
    **dict.fromkeys(("tanh", "softsign"), (-1.0, 1.0)),
    **dict.fromkeys(("relu", "softplus", "exponential"), (0.0, math.inf)),
}
"""What output activations can give. Those that go a little below 0, such as silu, are left to the eye."""


def some_of(rows: Rows, epochs: int) -> Rows:
    """Return some of the rows of a fit for so many epochs, spread over all: see `MOST_ROWS`.

    One of each of as many parts, at a place that goes on by the golden section: in step with nothing that comes again every few rows.
    """
    n, features = rows.inputs.shape
    most = min(MOST_ROWS, max(ROWS_ENOUGH, min(MOST_NUMBERS // features, n * epochs // TRAINED_FOR_ONE)))
    if n <= most:
        return rows
    part = np.arange(most)
    return rows.part(((part + part * GOLDEN_SECTION % 1) * (n / most)).astype(np.int64))


@np.errstate(all="ignore")  # squares of large numbers are infinite
def beginning_of(
    network: Network, weights: Sequence[Array], some: Rows, in_epoch: int, loss: float, own_loss: bool
) -> Beginning:
    """Measure what a fit begins with, on some of its rows; ``own_loss`` says that the loss is a function of the user's."""
    mean, std = _moments(some.inputs)
    rms = np.hypot(mean, std)
    feature = int(rms.argmax())
    return Beginning(
        in_epoch,
        feature,
        float(rms[feature]),
        float(mean[feature]),
        float(std[feature]),
        float(std.max()),
        loss,
        *_of_targets(some.target, network, own_loss),
        tuple(
            math.sqrt(_squares(w) / shape[1]) for w, shape in zip(weights, network.weight_shapes, strict=True)
        ),
    )


def _of_targets(target: Array, network: Network, own_loss: bool) -> tuple[float, float, float]:
    """Return `target_std`, `target_rms` and `beyond` of a `Beginning`."""
    if target.ndim == 1:
        share = np.bincount(target, minlength=network.n_out)[: network.n_out] / len(target)
        return math.sqrt(float((share * (1 - share)).mean())), 0.0, 0.0
    known = np.isfinite(target)
    mean, std = _moments(target) if known.all() else _moments_of_known(target, known)
    unit = float(std.max(initial=0.0)) or 1.0  # squares of huge numbers are infinite
    spread = unit * math.sqrt(float(np.square(std / unit).sum()) / network.n_out)
    if own_loss or not len(mean):
        return spread, 0.0, 0.0
    largest = float(np.hypot(mean, std).max())
    if network.output_activation not in REACH:
        return spread, largest, 0.0
    low, high = REACH[network.output_activation]
    beyond = known & ((target < low) | (target > high))
    return spread, largest, float(beyond.sum() / known.sum())


def _moments(X: Array) -> tuple[Array, Array]:
    """Return the mean and the standard deviation of each column.

    Beside the first row, so that nothing is rounded where all rows are the same; as that row is one of them, what an outlier there
    takes of the digits is little beside what it adds to the standard deviation.
    """
    around = X - X[0]
    mean = around.sum(axis=0) / len(X)
    variance = np.einsum("ij,ij->j", around, around) / len(X) - mean * mean
    mean = mean + X[0]
    if not LEAST < float(variance.max()) < math.inf or not np.isfinite(mean).all():
        unit = float(np.abs(X).max())
        if unit not in (0.0, 1.0):
            return tuple(unit * moment for moment in _moments(X / np.float64(unit)))  # type: ignore[return-value]
    return mean.astype(np.float64), np.sqrt(np.maximum(variance, 0), dtype=np.float64)


def _moments_of_known(target: Array, known: Array) -> tuple[Array, Array]:
    """Return the moments of the columns that have a number, of what is known."""
    columns = [
        _moments(column[there, None]) for column, there in zip(target.T, known.T, strict=True) if there.any()
    ]
    mean, std = np.concatenate([np.zeros((2, 0)), *columns], axis=1)  # fmt: skip
    return mean, std


def _squares(w: Array) -> float:
    """Return the sum of the squares; numpy.linalg.norm would wake its library's threads."""
    found = float(np.einsum("ij,ij->", w, w))
    return found if math.isfinite(found) else float(np.square(w, dtype=np.float64).sum())

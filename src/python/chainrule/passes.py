"""A forward pass that is kept, and what comes back from it: gradients for losses that nobody but the user knows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any, NamedTuple, Protocol

import numpy as np

from . import _checks
from ._checks_values import describe
from ._network import Array, Network
from .backend import core
from .inputs import as_dtype


class Gradients(NamedTuple):
    """The loss and its derivatives with respect to all weights and biases, in lists of arrays of their shapes."""

    loss: float
    weights: list[Array]
    biases: list[Array]

    def times(self, factor: float) -> Gradients:
        """Return these, multiplied by a number; so does ``*``."""
        if isinstance(factor, bool) or not isinstance(factor, (int, float, np.integer, np.floating)):
            raise TypeError(f"factor must be a number, but it is {describe(factor)}")
        number = float(factor)
        return Gradients(self.loss * number, *([a * a.dtype.type(number) for a in each] for each in self[1:]))

    def plus(self, other: Gradients) -> Gradients:
        """Return the sum of these and others, loss and all derivatives, as gradient accumulation wants it; so does ``+``.

        Dropout masks and noise depend on the place of a row in its batch: those of the parts of a batch, each taken alone,
        are not those of the whole. With another ``trainer.seed`` for each part, no two parts have the same.

        Raises
        ------
        ValueError, TypeError
            If the other ones are not of a network of the same shape and dtype.
        """
        if not isinstance(other, Gradients):
            raise TypeError(f"other must be Gradients, but it is {describe(other)}")
        shapes = [[(a.shape, a.dtype) for each in g[1:] for a in each] for g in (self, other)]
        if shapes[0] != shapes[1]:
            raise ValueError("other must be of a network of the same shape and dtype, but it is not")
        sums = ([a + b for a, b in zip(x, y, strict=True)] for x, y in zip(self[1:], other[1:], strict=True))
        return Gradients(self.loss + other.loss, *sums)

    def __add__(self, other: Any) -> Gradients:  # a tuple would be made longer
        return self.plus(other)

    def __radd__(self, other: Any) -> Gradients:  # for sum()
        return self if isinstance(other, int) and other == 0 else NotImplemented

    def __mul__(self, factor: Any) -> Gradients:
        return self.times(factor)

    def __rmul__(self, factor: Any) -> Gradients:
        return self.times(factor)


# So that NumPy's numbers leave a product with these to them, instead of making an array of them first.
Gradients.__array_ufunc__ = None  # type: ignore[attr-defined]


class Kept(Protocol):
    """What a core has of a pass; ``d`` are derivatives by the outputs or the sums of the last layer, (rows, outputs)."""

    def sums(self) -> Array:
        """Return the weighted sums of the output layer."""

    def output(self) -> Array:
        """Return the outputs."""

    def hidden(self, layer: int, /) -> Array:
        """Return what a hidden layer gave to the next."""

    def backward(self, d: Array, of_sums: bool, /) -> tuple[list[Array], list[Array]]:
        """Return lists of dW and db."""

    def input_gradients(self, d: Array, of_sums: bool, /) -> Array:
        """Return dX."""


class ForwardPass:
    """The rows of a batch on their way through a network, kept for the way back; `Trainer.forward` and `MLP.forward` make it.

    What it was made of is copied: parameters and rows that change later do not change it. It may be used any number of
    times, from any thread.

    Attributes
    ----------
    output : ndarray, shape (rows, outputs)
        The activations of the output layer.
    sums : ndarray, shape (rows, outputs)
        Its weighted sums, before the output activation.
    hidden : list of ndarray, shapes (rows, units)
        What each hidden layer gave to the next: its activations, in training after dropout.

    All are copies, made when they are asked for.

    Notes
    -----
    With g the derivative of the loss with respect to the outputs A = f(Z), the chain rule begins with ``dZ = f'(Z) g`` and
    goes on as in `chainrule.reference`. Where the loss is easier by Z (``a - y`` for a cross-entropy after softmax), give
    that as ``d_sums``: nothing is divided by activations near 0 then.

    Examples
    --------
    The mean squared error, by hand:

    >>> import numpy as np
    >>> import chainrule as cr
    >>> model = cr.MLP([1, 3, 1], activation="tanh", dtype="float64", seed=0)
    >>> X, y = np.array([[0.0], [1.0]]), np.array([[1.0], [2.0]])
    >>> kept = model.forward(X, keep=True)
    >>> mine = kept.backward(2 * (kept.output - y) / 2)
    >>> theirs = cr.Trainer(model, loss="mean_squared_error").gradients(X, y)
    >>> bool(np.allclose(mine.weights[0], theirs.weights[0], rtol=1e-14))
    True
    """

    __slots__ = ("_kept", "_network", "_rows")

    def __init__(self, network: Network, kept: Kept, rows: int) -> None:
        self._network, self._kept, self._rows = network, kept, rows

    @property
    def output(self) -> Array:
        """The activations of the output layer."""
        return self._kept.output()

    @property
    def sums(self) -> Array:
        """The weighted sums of the output layer."""
        return self._kept.sums()

    @property
    def hidden(self) -> list[Array]:
        """What each hidden layer gave to the next."""
        return [self._kept.hidden(i) for i in range(self._network.n_layers - 1)]

    def backward(self, d_output: Any = None, *, d_sums: Any = None) -> Gradients:
        """Return the derivatives of a loss with respect to all parameters, given those with respect to the outputs.

        Parameters
        ----------
        d_output : array-like, shape (rows, outputs)
            The derivatives of the loss with respect to `output`; sums over the rows are formed, so that for a mean over rows
            they are divided by the number of rows.
        d_sums : array-like, shape (rows, outputs)
            Those with respect to `sums`, instead.

        Returns
        -------
        Gradients
            Its ``loss`` is NaN: only you know it. `Trainer.apply_gradients` takes it.

        Raises
        ------
        ValueError, TypeError
            If none of the two is given, or both, or one of another shape; the message names it.
        """
        d, of_sums = self._given(d_output, d_sums)
        return Gradients(float("nan"), *self._kept.backward(d, of_sums))

    def input_gradients(self, d_output: Any = None, *, d_sums: Any = None) -> Array:
        """Return the derivatives of a loss with respect to the rows X, given those with respect to the outputs.

        Parameters
        ----------
        d_output, d_sums : array-like, shape (rows, outputs)
            As in `backward`.

        Returns
        -------
        ndarray, shape (rows, features)
            ``dX = dZ W^T`` of the first layer; with input dropout times its mask.

        Raises
        ------
        ValueError, TypeError
            As `backward`.
        """
        return self._kept.input_gradients(*self._given(d_output, d_sums))

    def _given(self, d_output: Any, d_sums: Any) -> tuple[Array, bool]:
        dtype = self._network.dtype
        given = [
            None if value is None else as_dtype(value, name, dtype)
            for value, name in ((d_output, "d_output"), (d_sums, "d_sums"))
        ]
        return _checks.check_output_gradient(self._network, self._rows, *given)

    def __repr__(self) -> str:
        sizes = "-".join(map(str, self._network.layer_sizes))
        return f"ForwardPass({self._rows} rows through {sizes})"


ROWS_AT_ONCE = 4096
"""Derivatives by inputs are taken of so many rows together: their activations are in memory at the same time."""


@lru_cache(maxsize=64)
def without_randomness(network: Network) -> Network:
    """Return the network as it predicts: no dropout and no noise."""
    return replace(network, dropout=(0.0,) * len(network.dropout), input_dropout=0.0, input_noise=0.0)


def jacobians(
    network: Network, weights: list[Array], biases: list[Array], X: Array, d_output: Array | None,
    outputs: Sequence[int], n_threads: int | None
) -> Array:  # fmt: skip
    """Return the derivatives of some outputs, or of the sum of all outputs times ``d_output``: (rows, how many, features)."""
    found = np.empty((len(X), len(outputs) if d_output is None else 1, network.n_in), network.dtype)
    for start in range(0, len(X), ROWS_AT_ONCE):
        part = slice(start, start + ROWS_AT_ONCE)
        kept = core().forward_pass(without_randomness(network), weights, biases, X[part], n_threads=n_threads)
        if d_output is not None:
            found[part, 0] = kept.input_gradients(d_output[part])
            continue
        for i, output in enumerate(outputs):
            unit = np.zeros((len(X[part]), network.n_out), network.dtype)
            unit[:, output] = 1
            found[part, i] = kept.input_gradients(unit)
    return found

"""The predictor of the reference core; see `chainrule.predictor`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from . import reference
from ._checks_rows import check_row, check_row_out
from ._network import Array, Network
from .predictor import Predictor, description, freeze


class ReferencePredictor(Predictor):
    """A predictor of the reference core: NumPy, and no compiled code."""

    __slots__ = ("__weakref__", "_biases", "_network", "_weights")

    def __init__(self, network: Network, weights: Sequence[Array], biases: Sequence[Array]) -> None:
        self._network, self._weights, self._biases = network, _frozen(weights), _frozen(biases)

    @property
    def network(self) -> Network:  # type: ignore[override]
        """The shape of the network."""
        return self._network

    @property
    def n_inputs(self) -> int:  # type: ignore[override]
        """Number of features."""
        return self._network.n_in

    @property
    def n_outputs(self) -> int:  # type: ignore[override]
        """Number of outputs."""
        return self._network.n_out

    @property
    def dtype(self) -> str:  # type: ignore[override]
        """``"float32"`` or ``"float64"``."""
        return self._network.dtype

    def __call__(self, x: Array, out: Array | None = None) -> Array:
        row = check_row(x, self.n_inputs, self._network.numpy_dtype)
        result = check_row_out(out, row, self.n_outputs)
        X, A = np.atleast_2d(row, result)
        reference.forward(self._network, self._weights, self._biases, X, out=A)
        return result if out is None else out

    def __repr__(self) -> str:
        return description(self, "reference")

    def __reduce__(self) -> tuple[Any, ...]:
        return freeze, (self._network, list(self._weights), list(self._biases))


def _frozen(arrays: Sequence[Array]) -> tuple[Array, ...]:
    copies = tuple(array.copy() for array in arrays)
    for array in copies:
        array.flags.writeable = False
    return copies

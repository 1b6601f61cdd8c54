"""Test vectors: rows that are stored in an exported file, with the predictions of the library for them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from chainrule._network import Array
from chainrule._normal import unit_interval
from chainrule.backend import core, get_backend

from ._bound import error_bound
from ._network_parts import Parts
from ._scaling import learned_range

N_ROWS = 8

_STREAM = 6 << 24
"""Of the random numbers: those below are taken by shuffles, masks and noise."""


@dataclass(frozen=True, eq=False)
class Vectors:
    """Rows and what the library says of them.

    Parameters
    ----------
    inputs : ndarray, shape (N_ROWS, n_in)
        Of `Parts.input_dtype`.
    outputs : ndarray, shape (N_ROWS, n_out)
        Of `Parts.output_dtype`.
    bound : float
        How far a right file may be off, see `error_bound`.
    core : str
        Which core predicted.
    """

    inputs: Array
    outputs: Array
    bound: float
    core: str


def make_vectors(parts: Parts) -> Vectors:
    """Return the test vectors of a network.

    They are random numbers that depend on nothing but the number of inputs, from -1 to 1, or in the range that the
    scaler has learned; the first row is the middle, and the last three mirror others, so that no input stays on one
    side. The predictions are the library's, by the core that is in use.
    """
    shape = (N_ROWS, parts.network.n_in)
    words = core().random_words(shape[0] * shape[1], seed=0, stream=_STREAM)
    u: Array = unit_interval(words).reshape(shape)
    u[0], u[5:] = 0.5, 1 - u[1:4]
    low, high = (-1.0, 1.0) if parts.scaler is None else learned_range(parts.scaler)
    inputs = np.ascontiguousarray(low * (1 - u) + high * u, dtype=parts.input_dtype)
    outputs = predict(parts, inputs)
    return Vectors(inputs, outputs, error_bound(parts, inputs, outputs), get_backend())


def predict(parts: Parts, inputs: Array) -> Array:
    """Return what the library predicts: scaler, network, scaler, each as a program would call it."""
    network = parts.network
    scaled = inputs if parts.scaler is None else parts.scaler.transform(inputs)
    with np.errstate(over="ignore"):
        X = scaled.astype(network.dtype, copy=False)
    outputs: Array = core().forward(network, parts.weights, parts.biases, X, out=None, n_threads=None)
    if parts.target_scaler is None:
        return outputs
    return parts.target_scaler.inverse_transform(outputs.astype(np.float64))

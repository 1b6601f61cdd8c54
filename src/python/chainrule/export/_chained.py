"""The operations of the C header in NumPy: the same types, the same order. What is measured of it at the export."""

from __future__ import annotations

import numpy as np

from chainrule._network import Array

from ._network_parts import Parts
from ._numpy_template import ACTIVATIONS


def chained_prediction(parts: Parts, inputs: Array) -> Array:
    """Return the outputs for these inputs, each weighted sum a chain of products started from the bias."""
    A = parts.scaled_inputs(inputs)
    with np.errstate(all="ignore"):
        for layer, W in enumerate(parts.weights):
            bias = parts.bias(layer)
            Z = np.zeros((len(A), W.shape[1]), W.dtype)
            if bias is not None:
                Z += bias
            for i, row in enumerate(W):
                Z += A[:, i : i + 1] * row
            A = ACTIVATIONS[parts.network.activations[layer]](Z)
    return parts.scaled_outputs(A)

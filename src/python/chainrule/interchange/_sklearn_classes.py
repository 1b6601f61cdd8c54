"""The classes of a classifier of scikit-learn, which has to know them in its own way."""

from __future__ import annotations

from typing import Any

import numpy as np

from chainrule._checks_values import count, describe
from chainrule._network import Array, Network


def check_classes(classes: Any, network: Network) -> Array:
    """Return the labels of a classifier with the outputs of this network.

    Raises
    ------
    ValueError, TypeError
        If they are missing, or not as many as needed, in ascending order and none twice.
    """
    sigmoid = network.output_activation == "sigmoid"
    expected = 2 if sigmoid and network.n_out == 1 else network.n_out
    if classes is None:
        if sigmoid:
            raise ValueError(
                "classes must be given where the output activation is sigmoid: two for one output, range(n_out) for several"
            )
        classes = range(expected)
    if isinstance(classes, (str, bytes)) or not hasattr(classes, "__len__"):
        raise TypeError(f"classes must be a list of labels, but it is {describe(classes)}")
    labels = np.asarray(classes)
    if labels.ndim != 1 or len(labels) != expected:
        raise ValueError(
            f"classes must be {count(expected, 'label')} for {count(network.n_out, 'output')} of "
            f"{network.output_activation}, but it has the shape {labels.shape}"
        )
    try:
        ascending = bool((labels[:-1] < labels[1:]).all())
    except TypeError as error:
        raise TypeError(
            f"classes must be labels of one kind, but they cannot be compared: {error}"
        ) from error
    if not ascending:
        raise ValueError(
            f"classes must be in ascending order and none twice, as scikit-learn keeps them, but they are {labels.tolist()}"
        )
    if sigmoid and expected == network.n_out and labels.tolist() != list(range(expected)):
        raise ValueError(
            f"classes must be range({expected}) for several labels, as scikit-learn numbers them, but they are {labels.tolist()}"
        )
    if labels.dtype.kind == "f" and not (labels == np.trunc(labels)).all():
        raise ValueError(
            f"classes must be integers or texts for scikit-learn, but they are {labels.tolist()}"
        )
    return labels

"""What predictions of one fitted estimator have in common, found once as long as its parameters are the same arrays."""

from __future__ import annotations

from functools import partial
from typing import Any
from weakref import ref

import numpy as np

from chainrule._checks import check_parameters

from . import _settings


class Prepared:
    """A network and the very arrays of a fitted estimator, checked: what is written into them counts.

    Parameters
    ----------
    estimator : BaseMultilayerPerceptron
    """

    __slots__ = (
        "_activations",
        "_arrays",
        "_shapes",
        "biases",
        "dtype",
        "n_in",
        "n_out",
        "network",
        "weights",
    )

    def __init__(self, estimator: Any) -> None:
        coefs, intercepts = estimator.coefs_, estimator.intercepts_
        self.dtype = _settings.working_dtype(*coefs, *intercepts)
        self.network = _settings.network_of(estimator, self.dtype)
        self.weights = check_parameters(self.network, tuple(coefs), "coefs_", self.network.weight_shapes)
        self.biases = check_parameters(
            self.network, tuple(intercepts), "intercepts_", self.network.bias_shapes
        )
        self.n_in, self.n_out = self.network.n_in, self.network.n_out
        self._arrays = (*self.weights, *self.biases)
        self._shapes = tuple(a.shape for a in self._arrays)
        self._activations = (estimator.activation, estimator.out_activation_)

    def is_of(self, estimator: Any) -> bool:
        """Return whether the estimator still has these arrays, in this shape, and these activations."""
        coefs, intercepts = estimator.coefs_, estimator.intercepts_
        if len(coefs) + len(intercepts) != len(self._arrays) or len(coefs) != len(self.weights):
            return False
        for array, own, shape in zip((*coefs, *intercepts), self._arrays, self._shapes, strict=True):
            if array is not own or array.shape != shape:
                return False
        hidden, output = self._activations
        return estimator.activation is hidden and estimator.out_activation_ is output


_known: dict[int, tuple[Any, Prepared]] = {}
"""By the identity of an estimator, which need not be hashable: a weak reference to it, and what is prepared."""


def prepared(estimator: Any) -> Prepared | None:
    """Return what is prepared for the estimator as it is now; None where its parameters are to be converted at each call.

    It is kept beside the estimator: predicting changes no attribute, and nothing of it is pickled.
    """
    key = id(estimator)
    known = _known.get(key)
    if known is not None and known[0]() is estimator and known[1].is_of(estimator):
        return known[1]
    arrays = (*estimator.coefs_, *estimator.intercepts_)
    if not isinstance(estimator.activation, str) or not all(_is_ready(array, arrays[0]) for array in arrays):
        return None
    found = Prepared(estimator)
    _known[key] = ref(estimator, partial(_forget, key)), found
    return found


def _forget(key: int, reference: Any) -> None:
    """Drop what was prepared for an estimator that is no more; another one may have its place already."""
    known = _known.get(key)
    if known is not None and known[0] is reference:
        del _known[key]


def _is_ready(array: Any, first: Any) -> bool:
    """Return whether the cores read this very array, of the same dtype as the first one."""
    return (
        type(array) is np.ndarray
        and array.dtype.char in "df"
        and array.dtype == first.dtype
        and array.dtype.isnative
        and array.flags.c_contiguous
        and array.flags.aligned
    )

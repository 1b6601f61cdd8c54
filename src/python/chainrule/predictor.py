"""Predictors: frozen copies of a model for single rows, called millions of times.

`MLP.predictor` makes one, of the core in use then. A predictor keeps that core.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import cast

from . import _checks
from ._network import Array, Network
from .backend import core, get_backend


class Predictor(ABC):
    """A model frozen for predictions of one row, or of a few: ``A = f(A W + b)``, layer by layer, with A = x at first.

    `MLP.predictor` makes it. It has its own copy of the parameters: training the model further does not change it. Any
    number of threads may call it at once. It can be pickled; what is loaded runs on the core in use there.

    With the native core a call converts nothing, starts no threads, gives the bits of `MLP.predict`, and with ``out``
    takes no memory (unless a hidden layer is wider than about 4,000 units). The interpreter's lock is released where a
    call takes ten microseconds or more. Compiled code calls it without Python: see ``chainrule.cython_api``.
    With layers hundreds of units wide `MLP.predict` is faster from some fifty rows on, and it uses several threads.

    Attributes
    ----------
    network : Network
        The shape of the network.
    n_inputs, n_outputs : int
    dtype : "float32" or "float64"
        Of inputs and outputs.

    Examples
    --------
    >>> import chainrule as cr, numpy as np
    >>> model = cr.MLP([4, 8, 3], output_activation="softmax", seed=0)
    >>> predictor = model.predictor()
    >>> x, out = np.ones(4, "float32"), np.empty(3, "float32")
    >>> predictor(x, out) is out
    True
    >>> bool((out == model.predict(x.reshape(1, -1))[0]).all())
    True
    """

    __slots__ = ()

    network: Network
    n_inputs: int
    n_outputs: int
    dtype: str

    @abstractmethod
    def __call__(self, x: Array, out: Array | None = None) -> Array:
        """Return the outputs for x.

        Parameters
        ----------
        x : ndarray, shape (n_inputs,) or (rows, n_inputs)
            C-contiguous, of exactly this predictor's dtype.
        out : ndarray, shape (n_outputs,) or (rows, n_outputs), optional
            Where the outputs go: C-contiguous, of the same dtype, writable, apart from x.

        Returns
        -------
        ndarray, shape (n_outputs,) or (rows, n_outputs)
            ``out`` if it was given.

        Raises
        ------
        TypeError, ValueError
            If an argument does not fit the description above; the message names it.
        """


def freeze(network: Network, weights: Sequence[Array], biases: Sequence[Array]) -> Predictor:
    """Return a predictor of the core in use, with copies of these parameters.

    Raises
    ------
    ValueError, TypeError
        If the parameters do not fit the network; the message names the array.
    ImportError
        If the native core is in use, but not there.
    """
    _checks.check_network(network)
    weights = _checks.check_parameters(network, weights, "weights", network.weight_shapes)
    biases = _checks.check_parameters(network, biases, "biases", network.bias_shapes)
    if get_backend() == "reference":
        from ._reference_predictor import ReferencePredictor

        return ReferencePredictor(network, weights, biases)
    plan = core().make_plan(network, weights, biases)
    from ._predictor import NativePredictor

    Predictor.register(NativePredictor)
    return cast(Predictor, NativePredictor(network, plan))


def description(predictor: Predictor, backend: str) -> str:
    """Return what ``repr`` of a predictor gives."""
    network = predictor.network
    return (
        f"Predictor({list(network.layer_sizes)}, activation={list(network.activations[:-1])}, "
        f"output_activation={network.output_activation!r}, dtype={network.dtype!r}, backend={backend!r})"
    )

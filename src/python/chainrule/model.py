"""The model: the shape of a network and its parameters."""

from __future__ import annotations

import math
import os
from typing import Any

import numpy as np

from . import _checks
from ._checks_values import check_bool, check_choice, check_dtype, check_real, check_sequence, count
from ._explained_model import ExplainedModel
from ._network import ACTIVATIONS, HIDDEN_ACTIVATIONS, Array, Network
from ._plain import array_to_record, arrays_from_records, check_record
from ._summary import layer_table
from ._version import __version__
from .backend import core
from .initializers import find_initializer
from .inputs import as_dtype, as_inputs
from .passes import ForwardPass, jacobians, without_randomness
from .predictor import Predictor, freeze

_FIELDS = ("network", "seed", "weights", "biases")
_NETWORK_FIELDS = ("layer_sizes", "activations", "bias", "dropout", "dtype")
_LATER_FIELDS = ("input_dropout", "input_noise")
"""Of the network, too: records that were written before there were any lack them, and mean their defaults."""


class MLP(ExplainedModel):
    """A multilayer perceptron: its shape and its parameters. `Trainer` trains it.

    Layer by layer ``A = f(A W + b)``, with A = X at the start.

    Parameters
    ----------
    layer_sizes : list of int
        Features, hidden units of each layer, outputs: at least two entries, each at least 1.
    activation : str or list of str, default "relu"
        Of the hidden layers, one for all or one for each: identity, sigmoid, tanh, relu, leaky_relu, elu, selu, gelu,
        gelu_tanh, silu, mish, softplus, softsign, hard_sigmoid, exponential, or step (for prediction only). Their formulas
        are in `chainrule.reference.activation`.
    output_activation : str, default "identity"
        One of these, or softmax: for one class of several, each with an output. sigmoid is for two classes, or for several labels of which a
        row may have any number; exponential and softplus are for quantities above 0.
    bias : "unit", "layer" or None, default "unit"
        One bias per neuron, one for all neurons of a layer, or none.
    dropout : float or list of float, default 0.0
        The share of the units of the hidden layers that is left out in training, one for all layers or one for each;
        ``0 <= dropout < 1``.
    input_dropout : float, default 0.0
        The share of the inputs that is left out in training, anew for each row of each update; ``0 <= input_dropout < 1``.
    input_noise : float, default 0.0
        The standard deviation of the normal noise that is added to the inputs in training, before some are left out; at
        least 0. It is in units of the inputs, and the same for all of them: scale them first.
    initializer : str or function, default "glorot_uniform"
        How weights begin; see `chainrule.initializers`. Biases begin at zero.
    dtype : "float32" or "float64", default "float32"
        Of the parameters, the inputs and the predictions.
    seed : int, optional
        Of the initial weights, ``0 <= seed < 2^64``; None draws one, which the attribute `seed` holds.

    Attributes
    ----------
    weights : list of ndarray, shapes (n_in, n_out)
    biases : list of ndarray, shapes (n_out,) or (1,)
        Empty without biases. Both are the truth between calls: write into the arrays, or put others of the same
        shape and dtype in their place. They are checked at each call.

    Raises
    ------
    ValueError, TypeError
        If an argument does not fit the description above; the message names it.

    Notes
    -----
    Dropout is inverted: what is kept is divided by ``1 - rate``. Masks and noise are functions of the trainer's seed, the
    number of the update and the position in its batch. Predictions, evaluations and validation have neither.

    References
    ----------
    Srivastava, Hinton, Krizhevsky, Sutskever and Salakhutdinov, "Dropout: a simple way to prevent neural networks from
    overfitting", JMLR 15, 2014 (of hidden units and of inputs); Bishop, "Training with noise is equivalent to Tikhonov
    regularization", Neural Computation 7, 1995: noise of variance s^2 adds ``s^2 / 2`` times the squared slopes of the
    outputs to a half squared error, as far as the noise is small and the minimum near.

    Examples
    --------
    >>> import chainrule as cr
    >>> model = cr.MLP([4, 8, 3], output_activation="softmax", seed=0)
    >>> model.n_parameters
    67
    >>> model.predict([[5.1, 3.5, 1.4, 0.2]]).shape
    (1, 3)
    """

    __slots__ = ("__weakref__", "_network", "_seed", "biases", "weights")

    weights: list[Array]
    biases: list[Array]

    def __init__(
        self,
        layer_sizes: Any,
        *,
        activation: Any = "relu",
        output_activation: str = "identity",
        bias: str | None = "unit",
        dropout: Any = 0.0,
        input_dropout: float = 0.0,
        input_noise: float = 0.0,
        initializer: Any = "glorot_uniform",
        dtype: Any = "float32",
        seed: int | None = None,
    ) -> None:
        layer_sizes = check_sequence(layer_sizes, "layer_sizes")
        hidden = max(len(layer_sizes) - 2, 0)
        network = Network(
            layer_sizes=layer_sizes,
            activations=(
                *_hidden_activations(activation, hidden),
                check_choice(output_activation, "output_activation", ACTIVATIONS),
            ),
            bias=bias,
            dropout=_dropout(dropout, hidden),
            dtype=check_dtype(dtype),
            input_dropout=input_dropout,
            input_noise=input_noise,
        )
        if network.output_activation == "softmax" and network.n_out == 1:
            raise ValueError(
                "output_activation is softmax, which is 1 for a single output, whatever the inputs; use sigmoid, or "
                "one output a class"
            )
        initial = find_initializer(initializer)
        seed = int.from_bytes(os.urandom(8), "little") if seed is None else _checks.check_seed(seed)
        made = [
            np.array(initial(shape, seed=seed, layer=layer, dtype=network.dtype), order="C")
            for layer, shape in enumerate(network.weight_shapes)
        ]
        self.weights = _checks.check_parameters(network, made, "initializer(...)", network.weight_shapes)
        self._network, self._seed = network, seed
        self.biases = [np.zeros(shape, network.dtype) for shape in network.bias_shapes]

    @property
    def network(self) -> Network:
        """The shape of the network: sizes, activations, bias, dropout, noise and dtype; it cannot be changed."""
        return self._network

    @property
    def seed(self) -> int:
        """The seed of the initial weights."""
        return self._seed

    @property
    def layer_sizes(self) -> tuple[int, ...]:
        """Features, hidden units of each layer, outputs."""
        return self._network.layer_sizes

    @property
    def dtype(self) -> str:
        """``"float32"`` or ``"float64"``."""
        return self._network.dtype

    @property
    def n_parameters(self) -> int:
        """Number of weights and biases."""
        shapes = (*self._network.weight_shapes, *self._network.bias_shapes)
        return sum(map(math.prod, shapes))

    def predict(self, X: Any, out: Array | None = None, n_threads: int | None = None) -> Array:
        """Return the activations of the output layer, without dropout and noise.

        With the native core a row gives the same bits whatever rows are predicted with it. NaN and infinity flow
        through.

        Parameters
        ----------
        X : array-like, shape (rows, features)
            A C-contiguous array of the model's dtype is read as it is, without a copy.
        out : ndarray, shape (rows, outputs), optional
            Where the result goes: C-contiguous, of the model's dtype, apart from X and the parameters.
        n_threads : int, optional
            At most so many threads; None leaves the choice to the core.

        Returns
        -------
        ndarray, shape (rows, outputs)
            ``out`` if it was given.

        Raises
        ------
        ValueError, TypeError
            If an argument does not fit the description above; the message names it.

        Warns
        -----
        DtypeConversionWarning
            If X comes in a wider floating-point type than the model's.
        """
        X = as_dtype(X, "X", self._network.dtype)
        prediction: Array = core().forward(
            self._network, self.weights, self.biases, X, out=out, n_threads=n_threads
        )
        return prediction

    def forward(self, X: Any, keep: bool = False, n_threads: int | None = None) -> Array | ForwardPass:
        """Take rows through the network, as `predict` does, and keep what the way back needs.

        Parameters
        ----------
        X : array-like, shape (rows, features)
            At least one row, where it is kept.
        keep : bool, default False
            Whether to keep it. `Trainer.forward` does so with dropout and noise.
        n_threads : int, optional
            At most so many threads; None leaves the choice to the core.

        Returns
        -------
        ndarray, shape (rows, outputs), or ForwardPass
            The outputs; with ``keep=True`` a pass that has them as ``output``, the activations of the hidden layers as
            ``hidden``, and methods that go back.

        Raises
        ------
        ValueError, TypeError
            If an argument does not fit; the message names it.
        """
        if not check_bool(keep, "keep"):
            return self.predict(X, n_threads=n_threads)
        X, network = as_dtype(X, "X", self._network.dtype), without_randomness(self._network)
        kept: ForwardPass = core().forward_pass(network, self.weights, self.biases, X, n_threads=n_threads)
        return kept

    def input_gradients(
        self, X: Any, d_output: Any = None, *, output: int | None = None, n_threads: int | None = None
    ) -> Array:
        """Return the derivatives of an output with respect to the inputs, row by row, without dropout and noise.

        Parameters
        ----------
        X : array-like, shape (rows, features)
        d_output : array-like, shape (rows, outputs), optional
            Factors g of the outputs: the derivatives are those of ``sum_j g_j a_j``, as where g are derivatives of something
            that is computed from the outputs.
        output : int, optional
            The number of one output, from 0 on, instead. Neither is needed where there is only one.
        n_threads : int, optional
            At most so many threads; None leaves the choice to the core.

        Returns
        -------
        ndarray, shape (rows, features)

        Raises
        ------
        ValueError, TypeError
            If an argument does not fit; the message names it.

        Examples
        --------
        >>> import chainrule as cr
        >>> model = cr.MLP([3, 1], dtype="float64", seed=0)
        >>> bool((model.input_gradients([[1.0, 2.0, 3.0]]) == model.weights[0].T).all())
        True
        """
        X = as_inputs(X, self._network, finite=False)
        outputs: tuple[int, ...] = ()
        if d_output is None:
            outputs = (_checks.check_output_number(self._network, output),)
        elif output is not None:
            raise ValueError("d_output and output exclude each other; give one of them")
        else:
            d_output = as_dtype(d_output, "d_output", self._network.dtype)
            d_output, _ = _checks.check_output_gradient(self._network, len(X), d_output, None)
        return jacobians(self._network, self.weights, self.biases, X, d_output, outputs, n_threads)[:, 0]

    def jacobian(self, X: Any, n_threads: int | None = None) -> Array:
        """Return the derivatives of all outputs with respect to all inputs, row by row, without dropout and noise.

        Parameters
        ----------
        X : array-like, shape (rows, features)
        n_threads : int, optional
            At most so many threads; None leaves the choice to the core.

        Returns
        -------
        ndarray, shape (rows, outputs, features)
            ``[r, j, i]`` is the derivative of output j of row r with respect to its input i. One way back for each output.

        Raises
        ------
        ValueError, TypeError
            If an argument does not fit; the message names it.
        """
        X, outputs = as_inputs(X, self._network, finite=False), range(self._network.n_out)
        return jacobians(self._network, self.weights, self.biases, X, None, outputs, n_threads)

    def predictor(self) -> Predictor:
        """Return a frozen copy for predictions of single rows: ``predictor(x)`` or ``predictor(x, out)``.

        The core is the one in use now. Training this model further does not change what is returned.

        Returns
        -------
        Predictor

        Raises
        ------
        ValueError, TypeError
            If weights or biases do not fit the model any more; the message names the array.
        """
        return freeze(self._network, self.weights, self.biases)

    def summary(self) -> str:
        """Return a table of the layers: sizes, activations, dropout, noise and number of parameters."""
        return layer_table(self._network)

    def copy(self) -> MLP:
        """Return a model of the same shape with its own copies of the parameters (so does `copy.copy`)."""
        model = object.__new__(type(self))
        model.__setstate__(self.__getstate__())
        return model

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the model to a file, whole or not at all; `chainrule.load` reads it.

        Parameters
        ----------
        path : str or path
            A file of that name is replaced, when the new one is safely on the disk. The ending ``.safetensors`` (in any case)
            makes a file of that format, every other a pickle; `chainrule.export` writes .onnx, .h and .py.

        Raises
        ------
        ValueError
            If the name ends with .onnx, .h or .py.
        OSError
            If the file cannot be written; one that was there is as before.
        """
        from .persistence import save

        save(self, path)

    def __repr__(self) -> str:
        network = self._network
        return (
            f"MLP({list(network.layer_sizes)}, activation={list(network.activations[:-1])}, "
            f"output_activation={network.output_activation!r}, bias={network.bias!r}, "
            f"dropout={list(network.dropout)}, input_dropout={network.input_dropout}, "
            f"input_noise={network.input_noise}, dtype={network.dtype!r}, seed={self._seed})"
        )

    def __getstate__(self) -> dict[str, Any]:
        network = self._network
        parameters = {}
        for name, arrays, shapes in (
            ("weights", self.weights, network.weight_shapes),
            ("biases", self.biases, network.bias_shapes),
        ):
            checked = _checks.check_parameters(network, arrays, name, shapes)
            parameters[name] = [array_to_record(array) for array in checked]
        shape = {name: getattr(network, name) for name in (*_NETWORK_FIELDS, *_LATER_FIELDS)}
        head = {"format": "chainrule.model", "version": 1, "chainrule": __version__}
        return {**head, "network": shape, "seed": self._seed, **parameters}

    def __setstate__(self, record: dict[str, Any]) -> None:
        fields = check_record(record, "chainrule.model", 1, _FIELDS)
        shape = fields["network"]
        if not isinstance(shape, dict) or shape.keys() - set(_LATER_FIELDS) != set(_NETWORK_FIELDS):
            raise ValueError(f"network must be a dict of {', '.join((*_NETWORK_FIELDS, *_LATER_FIELDS))}")
        network, seed = Network(**shape), _checks.check_seed(fields["seed"])
        weights = arrays_from_records(fields["weights"], "weights")
        biases = arrays_from_records(fields["biases"], "biases")
        _checks.check_parameters(network, weights, "weights", network.weight_shapes)
        _checks.check_parameters(network, biases, "biases", network.bias_shapes)
        self._network, self._seed, self.weights, self.biases = network, seed, weights, biases


def _hidden_activations(activation: Any, hidden: int) -> tuple[str, ...]:
    """Return one activation per hidden layer."""
    if not isinstance(activation, (list, tuple)):
        return (check_choice(activation, "activation", HIDDEN_ACTIVATIONS),) * hidden
    if len(activation) != hidden:
        raise ValueError(
            f"activation has {count(len(activation), 'entry')}, but there are {count(hidden, 'hidden layer')}"
        )
    return tuple(
        check_choice(name, f"activation[{i}]", HIDDEN_ACTIVATIONS) for i, name in enumerate(activation)
    )


def _dropout(dropout: Any, hidden: int) -> tuple[float, ...]:
    """Return one rate per hidden layer."""
    if isinstance(dropout, (list, tuple)):
        return tuple(dropout)  # Network checks them one by one
    return (check_real(dropout, "dropout", 0.0, 1.0),) * hidden

"""`from_keras_weights` and `to_keras_weights`: the lists of arrays that Keras models give and take."""

from __future__ import annotations

from typing import Any

import numpy as np

from chainrule._checks_values import check_sequence
from chainrule._network import Array
from chainrule.export._network_parts import parts_of
from chainrule.model import MLP

from ._layers import Layer, as_floats, check_dimensions, given_activations, make_model, unit_bias


def from_keras_weights(
    weights: Any, *, activation: Any = None, output_activation: Any = None, dtype: Any = None
) -> MLP:
    """Return an MLP with the weights of a Keras model of Dense layers, one after the other.

    Keras is not needed.

    Parameters
    ----------
    weights : list of ndarray
        As ``model.get_weights()`` gives them: kernel (n_in, n_out), bias (n_out,), kernel, bias, ...; or kernels alone,
        where the layers have ``use_bias=False``. They are copied.
    activation : str or list of str
        Of the hidden layers, one for all or one for each, by the names of `MLP`; needed where there are hidden layers, as
        the list does not tell. Many of the names are Keras's too, not all with the same numbers: see below.
    output_activation : str
        Of the output layer: ``"identity"`` where Keras has linear or None.
    dtype : "float32" or "float64", optional
        None takes float64 if any array has it, else float32; float16 and bfloat16 become float32, which is exact.

    Returns
    -------
    MLP
        With the seed 0, which nothing was drawn by.

    Raises
    ------
    ValueError, TypeError
        If an array does not fit its place, some layers have biases and others have none, a number is not finite or too
        large for the dtype, or an activation is missing or unknown; the message names the array.

    Notes
    -----
    Kernels stand as those of `MLP`, so nothing is transposed. Arrays of other layers (normalisation, embeddings) do not
    fit and are refused; a vector that follows a kernel without bias and has its length is taken for a bias. Dropout has
    no weights, and is not carried.

    Keras's names for ours: linear is identity, swish is silu, ``gelu(approximate=True)`` is gelu_tanh. elu, selu, sigmoid,
    tanh, relu, softplus, softsign, exponential, mish and softmax are the same. leaky_relu has slopes of 0.2 or 0.3 in Keras
    unless it is told ``negative_slope=0.01``, which is the one here; hard_sigmoid is ours from Keras 3 on.

    Examples
    --------
    >>> import numpy as np
    >>> from chainrule.interchange import from_keras_weights
    >>> weights = [np.eye(3, 2, dtype="float32"), np.zeros(2, "float32")]
    >>> from_keras_weights(weights, output_activation="identity").predict([[1.0, 2.0, 3.0]]).tolist()
    [[1.0, 2.0]]
    """
    arrays = [as_floats(array, f"weights[{i}]") for i, array in enumerate(check_sequence(weights, "weights"))]
    if not arrays:
        raise ValueError("weights must have at least one array, a kernel, but it is empty")
    layers: list[Layer] = []
    i = 0
    while i < len(arrays):
        check_dimensions(arrays[i], f"weights[{i}]", "(n_in, n_out)")
        has_bias = i + 1 < len(arrays) and arrays[i + 1].ndim == 1
        layers.append(
            Layer(
                f"weights[{i}]",
                arrays[i],
                f"weights[{i + 1}]" if has_bias else f"a bias after weights[{i}]",
                arrays[i + 1] if has_bias else None,
            )
        )
        i += 1 + has_bias
    activation, output_activation = given_activations(
        activation, output_activation, len(layers) - 1, "a list of arrays"
    )
    return make_model(layers, activation=activation, output_activation=output_activation, dtype=dtype)


def to_keras_weights(model: Any) -> list[Array]:
    """Return the parameters of an MLP as ``set_weights`` of a Keras model takes them.

    Parameters
    ----------
    model : MLP

    Returns
    -------
    list of ndarray
        Kernel (n_in, n_out), bias (n_out,), kernel, bias, ...; kernels alone, for layers with ``use_bias=False``, where the
        model has no biases. A single bias of a layer is repeated for each of its units. They are copies.

    Raises
    ------
    TypeError, ValueError
        If ``model`` is no MLP, or a parameter does not fit it or is not finite.

    Examples
    --------
    >>> import chainrule as cr
    >>> from chainrule.interchange import to_keras_weights
    >>> [array.shape for array in to_keras_weights(cr.MLP([4, 8, 3], seed=0))]
    [(4, 8), (8,), (8, 3), (3,)]
    """
    parts = parts_of(model)
    arrays: list[Array] = []
    for i, kernel in enumerate(parts.weights):
        arrays.append(kernel)  # `parts_of` has copied it
        if (bias := unit_bias(parts, i)) is not None:
            arrays.append(np.array(bias))
    return arrays

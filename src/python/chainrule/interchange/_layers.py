"""What every way in does: arrays of several float types become the layers of an `MLP`; and what every way out begins with."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import Any, NamedTuple

import numpy as np

from chainrule._checks_arrays import check_ndarray
from chainrule._checks_values import check_dtype, count
from chainrule._network import Array
from chainrule.export._network_parts import Parts
from chainrule.inputs import all_finite, check_finite
from chainrule.model import MLP

_FLOATS = ("float16", "bfloat16", "float32", "float64")


class Layer(NamedTuple):
    """A layer of weights as its owner keeps it, with the names that errors give to its arrays."""

    weight_name: str
    weight: Array
    bias_name: str
    bias: Array | None


def as_floats(value: Any, name: str) -> Array:
    """Return an array as float32 or float64: float16 and bfloat16 as float32, which is exact.

    Raises
    ------
    TypeError, ValueError
        If it is no NumPy array, is of another type, or has a number that is not finite.
    """
    array = check_ndarray(value, name)
    if array.dtype.name not in _FLOATS:
        raise TypeError(f"{name} must be {', '.join(_FLOATS[:-1])} or {_FLOATS[-1]}, but it is {array.dtype}")
    wide = array.astype(np.float64 if array.dtype.name == "float64" else np.float32, copy=False)
    check_finite(wide, name)
    return wide


def check_dimensions(array: Array, name: str, axes: str) -> None:
    """Refuse an array that has not as many dimensions as there are axes, ``"(n_in, n_out)"``."""
    expected = axes.count(",") + (not axes.endswith(",)"))
    if array.ndim != expected:
        raise ValueError(
            f"{name} has shape {array.shape}, but {count(expected, 'dimension')} {axes} "
            f"{'is' if expected == 1 else 'are'} expected; only fully connected layers can be taken"
        )


def make_model(
    layers: Sequence[Layer],
    *,
    activation: Any,
    output_activation: Any,
    dtype: Any,
    transposed: bool = False,
    dropout: Sequence[float] = (),
    input_dropout: float = 0.0,
) -> MLP:
    """Return an MLP with copies of these layers.

    ``transposed`` says that weights come as (n_out, n_in). A dtype of None is float64 if any array is, else float32.

    Raises
    ------
    ValueError, TypeError
        If shapes do not fit each other, some layers have biases and others have none, a number is too large for the
        dtype, or `MLP` refuses an argument.
    """
    sizes = _layer_sizes(layers, transposed)
    arrays = [array for layer in layers for array in (layer.weight, layer.bias) if array is not None]
    if dtype is None:
        dtype = "float64" if any(array.dtype == np.float64 for array in arrays) else "float32"
    dtype = check_dtype(dtype)
    has_bias = layers[0].bias is not None
    for layer in layers:
        if (layer.bias is not None) != has_bias:
            without, other = (layers[0], layer) if not has_bias else (layer, layers[0])
            raise ValueError(
                f"{without.bias_name} is missing, but {other.bias_name} is there; an MLP has biases in all layers or in "
                f"none: give that layer biases of 0"
            )
    weights = [
        _copy(layer.weight.T if transposed else layer.weight, layer.weight_name, dtype) for layer in layers
    ]
    biases = [_copy(layer.bias, layer.bias_name, dtype) for layer in layers if layer.bias is not None]
    model = MLP(
        sizes,
        activation=activation,
        output_activation=output_activation,
        bias="unit" if has_bias else None,
        dropout=list(dropout) if dropout else 0.0,
        input_dropout=input_dropout,
        initializer=_zeros,
        dtype=dtype,
        seed=0,  # any will do, as nothing is drawn; the same each time, so that files of the model are the same
    )
    model.weights, model.biases = weights, biases
    return model


def _zeros(shape: tuple[int, int], *, seed: int, layer: int, dtype: str) -> Array:
    return np.zeros(shape, dtype)


def _layer_sizes(layers: Sequence[Layer], transposed: bool) -> list[int]:
    """Return features, hidden units and outputs of layers that fit each other."""
    axes = "(n_out, n_in)" if transposed else "(n_in, n_out)"
    sizes: list[int] = []
    for layer in layers:
        check_dimensions(layer.weight, layer.weight_name, axes)
        n_in, n_out = layer.weight.shape[::-1] if transposed else layer.weight.shape
        if sizes and n_in != sizes[-1]:
            turned = f"; {axes} is expected, and transposed it would fit" if n_out == sizes[-1] else ""
            raise ValueError(
                f"{layer.weight_name} has shape {layer.weight.shape}, for {count(n_in, 'input')}, but the layer before it "
                f"has {count(sizes[-1], 'output')}{turned}"
            )
        if layer.bias is not None:
            check_dimensions(layer.bias, layer.bias_name, "(n_out,)")
            if layer.bias.shape != (n_out,):
                raise ValueError(
                    f"{layer.bias_name} has shape {layer.bias.shape}, but {layer.weight_name} of shape "
                    f"{layer.weight.shape} has {count(n_out, 'output')}"
                )
        sizes += [n_out] if sizes else [n_in, n_out]
    return sizes


def _copy(array: Array, name: str, dtype: str) -> Array:
    with np.errstate(over="ignore", under="ignore"):
        copy: Array = np.array(array, dtype, order="C")
    if copy.dtype != array.dtype and not all_finite(copy):
        raise ValueError(f"{name} has a number that is too large for {dtype}; choose dtype='float64'")
    return copy


def given_activations(activation: Any, output_activation: Any, hidden: int, what: str) -> tuple[Any, Any]:
    """Return both, which must be given, as ``what`` holds parameters alone; `MLP` checks the names."""
    if activation is None and hidden:
        raise ValueError(
            f"activation must be given, as {what} does not tell; one for all hidden layers, or a list with one for each"
        )
    if output_activation is None:
        raise ValueError(
            f"output_activation must be given, as {what} does not tell; 'identity' where there is none"
        )
    return ("relu" if activation is None else activation), output_activation


def unit_bias(parts: Parts, layer: int) -> Array | None:
    """Return the biases of a layer, shape (n_out,), a single one repeated; None if there are none."""
    bias = parts.bias(layer)
    return None if bias is None else np.broadcast_to(bias, parts.network.layer_sizes[layer + 1 : layer + 2])


def import_peer(module: str, caller: str, package: str, install: str) -> Any:
    """Return a module of another package; what is missing is an ImportError that says how to get it."""
    try:
        return import_module(module)
    except ImportError as error:
        raise ImportError(f"{caller} needs {package}, which cannot be imported: {install}") from error

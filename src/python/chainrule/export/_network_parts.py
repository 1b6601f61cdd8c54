"""What every exporter writes down: the shape of a network, its parameters, and the scaling around it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from chainrule import _checks
from chainrule._checks_values import describe
from chainrule._network import Array, Network
from chainrule.model import MLP
from chainrule.preprocessing import MinMaxScaler, StandardScaler

from ._numpy_template import scaled
from ._scaling import Step, backward_steps, check_scaler, forward_steps


@dataclass(frozen=True, eq=False)
class Parts:
    """A network with what is done to its inputs and outputs; its arrays are its own copies.

    Parameters
    ----------
    network : Network
    weights, biases : list of ndarray
        As `MLP.weights` and `MLP.biases`.
    scaler, target_scaler : MinMaxScaler, StandardScaler or None
    before, after : tuple of Step
        The operations of the two, in float64.
    input_names, output_names : tuple of str, or None
        What the columns are called, where that is known.
    """

    network: Network
    weights: list[Array]
    biases: list[Array]
    scaler: MinMaxScaler | StandardScaler | None
    target_scaler: MinMaxScaler | StandardScaler | None
    before: tuple[Step, ...]
    after: tuple[Step, ...]
    input_names: tuple[str, ...] | None
    output_names: tuple[str, ...] | None

    @property
    def input_dtype(self) -> str:
        """The dtype of the inputs of the file.

        It is float64 before a scaler, whatever the model has: rounding a number to float32 first could lose all that
        the scaler is to bring out (a year, a temperature in kelvin).
        """
        return "float64" if self.before else self.network.dtype

    @property
    def output_dtype(self) -> str:
        """The dtype of the outputs of the file: float64 after a target_scaler."""
        return "float64" if self.after else self.network.dtype

    def bias(self, layer: int) -> Array | None:
        """Return the biases of a layer, shape (n_out,) or (1,); None if there are none."""
        return self.biases[layer] if self.biases else None

    def scaled_inputs(self, X: Array) -> Array:
        """Return what the network is given for these inputs."""
        with np.errstate(all="ignore"):
            inputs: Array = scaled(X, self.before).astype(self.network.dtype, copy=False)
        return inputs

    def scaled_outputs(self, outputs: Array) -> Array:
        """Return what the file gives for these outputs of the network."""
        with np.errstate(all="ignore"):
            found: Array = scaled(outputs.astype(self.output_dtype, copy=False), self.after)
        return found


@dataclass(frozen=True)
class Exported:
    """What was measured when a file was written: largest error on its test vectors, and the bound on it."""

    error: float
    bound: float


Writer = Callable[[Parts, str], Exported]
"""Writes a file of that name."""


def parts_of(
    model: Any,
    scaler: Any = None,
    target_scaler: Any = None,
    input_names: Sequence[str] | None = None,
    output_names: Sequence[str] | None = None,
) -> Parts:
    """Return the parts of a model and of its scalers, checked.

    Raises
    ------
    TypeError, ValueError
        If an argument is of another kind, a scaler is not fitted or to another number of columns, or a parameter of
        the model is not finite.
    """
    if not isinstance(model, MLP):
        hint = (
            "; it limits its inputs softly, which no scaler says"
            if type(model).__name__ == "FittedRecipe"
            else ""
        )
        raise TypeError(f"model must be an MLP, but it is {describe(model)}{hint}")
    network = model.network
    weights, biases = (
        [np.array(array, order="C") for array in _checks.check_parameters(network, arrays, name, shapes)]
        for name, arrays, shapes in (
            ("weights", model.weights, network.weight_shapes),
            ("biases", model.biases, network.bias_shapes),
        )
    )
    for name, arrays in ("weights", weights), ("biases", biases):
        for layer, array in enumerate(arrays):
            _check_finite(array, f"{name}[{layer}]")
    before = check_scaler(scaler, "scaler", network.n_in, "feature")
    after = check_scaler(target_scaler, "target_scaler", network.n_out, "output")
    return Parts(
        network,
        weights,
        biases,
        before,
        after,
        forward_steps(before),
        backward_steps(after),
        None if input_names is None else tuple(input_names),
        None if output_names is None else tuple(output_names),
    )


def _check_finite(array: Array, name: str) -> None:
    # Not a matter of the formats, which could hold them: the test vectors of such a file could tell nothing.
    if not np.isfinite(array).all():
        index = tuple(int(i) for i in np.argwhere(~np.isfinite(array))[0])
        raise ValueError(
            f"model must have finite parameters to be exported, but {name}[{', '.join(map(str, index))}] is {array[index]}"
        )

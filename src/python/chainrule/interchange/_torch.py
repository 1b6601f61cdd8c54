"""`from_torch`, `to_torch` and `to_torch_state_dict`."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

import numpy as np

from chainrule._checks_values import describe
from chainrule._network import Network
from chainrule.export._network_parts import Parts, parts_of
from chainrule.model import MLP

from ._layers import given_activations, import_peer, make_model, unit_bias
from ._sequential import read_module
from ._state_dict import read_state_dict
from ._torch_modules import activation_module


def from_torch(
    module_or_state_dict: Any, *, activation: Any = None, output_activation: Any = None, dtype: Any = None
) -> MLP:
    """Return an MLP with the layers of a PyTorch module, or with the parameters of a state dict.

    A state dict of NumPy arrays (as ``safetensors.numpy.load_file`` gives it) needs no PyTorch.

    Parameters
    ----------
    module_or_state_dict : torch.nn.Sequential, torch.nn.Linear or mapping
        A module of Linear, activations, Dropout, Identity, a Flatten before the first Linear, and Sequentials of these. Or
        a state dict, a mapping of names that end with ``weight``, shape (n_out, n_in), and ``bias``, shape (n_out,), to
        tensors or NumPy arrays. Layers come in the order of the mapping, which is PyTorch's order of the parts of a module; names
        in the order of the alphabet that differ in numbers alone (layers.10.weight, layers.2.weight, as files have them)
        in the order of the numbers. Parameters are copied, from any device.
    activation : str or list of str
        For a state dict, which does not tell: that of the hidden layers, one for all or one for each, by the names of
        `MLP`. A module has its own.
    output_activation : str
        For a state dict: that of the output layer, "identity" where there is none. For a module that ends with a Linear:
        what is put after it, such as "softmax" where PyTorch's loss took the logits.
    dtype : "float32" or "float64", optional
        None takes float64 if any parameter has it, else float32; float16 and bfloat16 become float32, which is exact.

    Returns
    -------
    MLP
        With the seed 0, which nothing was drawn by. A Dropout before the first Linear is ``input_dropout``, one after an
        activation ``dropout``. A weight that two layers share comes as two copies.

    Raises
    ------
    ValueError, TypeError
        If a module is none that an MLP has, has other numbers than ours (a slope of LeakyReLU that is not 0.01), stands
        elsewhere, or has hooks; if an array does not fit its place, is no dense floating-point tensor with values, or
        has a number that is not finite or too large for the dtype; if some layers have biases and others have none; or
        if an activation is missing or unknown. The message names the module by its place, or the array.

    Notes
    -----
    Outputs are those of the module in eval mode, but for rounding. Softplus of PyTorch gives z for ``log(1 + exp(z))`` where
    z is above its threshold of 20, in which it differs by 2e-9 at most; ours does not.

    A subclass of Sequential counts as one if it has its ``forward``; of every other module of one's own nobody knows what
    it computes, and its state dict is the way.

    Examples
    --------
    >>> import numpy as np
    >>> from chainrule.interchange import from_torch
    >>> state = {"0.weight": np.ones((2, 3), "float32"), "0.bias": np.zeros(2, "float32"), "2.weight": np.ones((1, 2), "float32"),
    ...          "2.bias": np.zeros(1, "float32")}
    >>> model = from_torch(state, activation="relu", output_activation="identity")
    >>> model.layer_sizes, model.predict([[1.0, 2.0, 3.0]]).tolist()
    ((3, 2, 1), [[12.0]])
    """
    torch = sys.modules.get("torch")  # who has a module or a tensor has imported it
    if isinstance(module_or_state_dict, Mapping):
        layers = read_state_dict(module_or_state_dict)
        activation, output_activation = given_activations(
            activation, output_activation, len(layers) - 1, "a state dict"
        )
        return make_model(
            layers,
            activation=activation,
            output_activation=output_activation,
            dtype=dtype,
            transposed=True,
        )
    if torch is None or not isinstance(module_or_state_dict, torch.nn.Module):
        raise TypeError(
            "module_or_state_dict must be a torch.nn.Sequential or a state dict, a mapping of names to arrays, but it is "
            f"{describe(module_or_state_dict)}"
        )
    if activation is not None:
        raise ValueError("activation is for state dicts; a module has activations of its own")
    chain = read_module(module_or_state_dict, torch)
    *hidden, own = chain.activations
    if output_activation not in (None, own) and own != "identity":
        raise ValueError(
            f"output_activation is {output_activation!r}, but the module ends with an activation, {own}"
        )
    return make_model(
        chain.layers,
        activation=hidden,
        output_activation=own if output_activation is None else output_activation,
        dtype=dtype,
        transposed=True,
        dropout=chain.dropout,
        input_dropout=chain.input_dropout,
    )


def to_torch_state_dict(model: Any, prefix: str = "") -> dict[str, Any]:
    """Return the parameters of an MLP as ``load_state_dict`` takes them.

    Parameters
    ----------
    model : MLP
    prefix : str, default ""
        Put before each name, ``"net."`` for a Sequential that is ``self.net``.

    Returns
    -------
    dict of str to torch.Tensor
        ``0.weight`` (n_out, n_in), ``0.bias`` (n_out,), ``2.weight``, ...: those of the Sequential that `to_torch` makes, in
        which Linear, activation (none for identity) and Dropout (where there is any) follow each other, after a Dropout of
        the inputs, where there is one. A single bias of a layer is repeated for each of its units; without biases there
        are weights alone, for ``Linear(..., bias=False)``. The tensors own their memory.

    Raises
    ------
    ImportError
        If PyTorch is not installed: ``pip install torch``.
    TypeError, ValueError
        If ``model`` is no MLP, a parameter does not fit it or is not finite, or ``prefix`` is no text.
    """
    parts = parts_of(model)
    if not isinstance(prefix, str):
        raise TypeError(f"prefix must be a str, but it is {describe(prefix)}")
    torch = import_peer("torch", "to_torch_state_dict", "PyTorch", "pip install torch")
    return _state(parts, torch, prefix)


def to_torch(model: Any) -> Any:
    """Return an MLP as a PyTorch module.

    Parameters
    ----------
    model : MLP

    Returns
    -------
    torch.nn.Sequential
        In eval mode, with copies of the parameters, the output activation and the dropout, also of the inputs; `from_torch`
        brings it back to the same bits. Noise of the inputs, which PyTorch has no module for, is left out: it is for
        training only.

    Raises
    ------
    ImportError
        If PyTorch is not installed: ``pip install torch``.
    ValueError, TypeError
        If ``model`` is no MLP, a parameter does not fit it or is not finite, or an activation has no module in PyTorch
        (exponential, step); the message names the layer.

    Notes
    -----
    The random numbers of PyTorch are not touched. A single bias of a layer becomes one for each unit, which may then
    learn apart.
    """
    parts = parts_of(model)
    nn = import_peer("torch.nn", "to_torch", "PyTorch", "pip install torch")
    torch = sys.modules["torch"]
    network, modules = parts.network, []
    if network.input_dropout:
        modules.append(nn.Dropout(network.input_dropout))
    for i, (n_out, n_in) in enumerate(shape[::-1] for shape in network.weight_shapes):
        dtype = getattr(torch, network.dtype)
        has_bias = network.bias is not None
        # Made without weights: those that Linear begins with would be drawn from the user's random numbers.
        modules.append(nn.utils.skip_init(nn.Linear, n_in, n_out, bias=has_bias, dtype=dtype, device="cpu"))
        f = activation_module(nn, network.activations[i], network.dtype, i)
        modules += [] if f is None else [f]
        if i < network.n_layers - 1 and network.dropout[i]:
            modules.append(nn.Dropout(network.dropout[i]))
    sequential = nn.Sequential(*modules).eval()
    sequential.load_state_dict(_state(parts, torch, ""))
    return sequential


def _state(parts: Parts, torch: Any, prefix: str) -> dict[str, Any]:
    state = {}
    for i, place in enumerate(_places(parts.network)):
        # torch.tensor copies, but keeps the order of the memory: rows are made contiguous before
        state[f"{prefix}{place}.weight"] = torch.tensor(
            np.ascontiguousarray(parts.weights[i].T), device="cpu"
        )
        if (bias := unit_bias(parts, i)) is not None:
            state[f"{prefix}{place}.bias"] = torch.tensor(np.array(bias), device="cpu")
    return state


def _places(network: Network) -> list[int]:
    """Return where the Linear of each layer stands in the Sequential."""
    places, place = [], int(network.input_dropout > 0)
    for i, name in enumerate(network.activations):
        places.append(place)
        dropped = i < network.n_layers - 1 and network.dropout[i] > 0
        place += 1 + (name != "identity") + dropped
    return places

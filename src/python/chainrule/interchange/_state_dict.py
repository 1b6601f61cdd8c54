"""A state dict as layers: pairs of ``*.weight`` and ``*.bias``, of tensors or NumPy arrays."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from typing import Any

from chainrule._checks_values import describe
from chainrule._network import Array

from ._layers import Layer, as_floats
from ._tensors import tensor_to_array


def read_state_dict(state: Mapping[Any, Any]) -> list[Layer]:
    """Return the layers of a state dict in their order, weights (n_out, n_in).

    Raises
    ------
    ValueError, TypeError
        If it holds anything but weights and biases, or a bias without a weight.
    """
    arrays: dict[str, dict[str, Array]] = {}
    for key, value in state.items():
        if not isinstance(key, str):
            raise TypeError(f"the names of a state dict must be texts, but one is {describe(key)}")
        if isinstance(value, Mapping):
            raise TypeError(f"{key!r} is a dict, so this is no state dict, but may hold one there; give that")
    for key, value in state.items():
        stem, _, kind = key.rpartition(".")
        if kind not in ("weight", "bias"):
            raise ValueError(
                f"{key} is neither a weight nor a bias of a Linear; only fully connected layers can be taken"
            )
        arrays.setdefault(stem, {})[kind] = _array(value, key)
    if not arrays:
        raise ValueError("the state dict is empty, but an MLP has at least one layer")
    for stem, kinds in arrays.items():
        if "weight" not in kinds:
            raise ValueError(f"{_name(stem, 'bias')} has no {_name(stem, 'weight')} beside it")
    return [
        Layer(_name(stem, "weight"), arrays[stem]["weight"], _name(stem, "bias"), arrays[stem].get("bias"))
        for stem in _in_order(list(arrays))
    ]


def _name(stem: str, kind: str) -> str:
    return f"{stem}.{kind}" if stem else kind


def _in_order(stems: list[str]) -> list[str]:
    """Return the names as they come; those in the order of the alphabet by their numbers, where they differ in nothing else.

    PyTorch gives names in the order in which a module has got its parts, files (safetensors) in that of the alphabet, in
    which layers.10 comes before layers.2.
    """
    if stems != sorted(stems) or len({re.sub(r"[0-9]+", "#", stem) for stem in stems}) > 1:
        return stems
    return sorted(stems, key=lambda stem: [int(number) for number in re.findall(r"[0-9]+", stem)])


def _array(value: Any, name: str) -> Array:
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(value, torch.Tensor):
        return tensor_to_array(value, name, torch)
    return as_floats(value, name)

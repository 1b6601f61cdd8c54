"""The names of parameters: "W1[0, 2]", "b2[0]"."""

from __future__ import annotations

import re
from typing import NamedTuple

from chainrule._checks_values import count, describe
from chainrule._network import Network

_NAME = re.compile(r"\s*([Wb])\s*(\d{1,18})\s*(?:\[\s*(\d{1,18})\s*(?:,\s*(\d{1,18})\s*)?\])?\s*", re.ASCII)


class Parameter(NamedTuple):
    """A weight ``W{layer}[i, j]`` or a bias ``b{layer}[j]``; i and j count from 0 on, layers from 1 on."""

    is_weight: bool
    layer: int
    i: int
    j: int
    name: str


def find_parameter(name: object, network: Network) -> Parameter:
    """Return the parameter of that name.

    Raises
    ------
    ValueError, TypeError
        If there is none.
    """
    if not isinstance(name, str):
        raise TypeError(f'name must be a text such as "W1[0, 2]" or "b2[0]", but it is {describe(name)}')
    found = _NAME.fullmatch(name)
    if found is None:
        raise ValueError(f'name must be like "W1[0, 2]" or "b2[0]", but it is {describe(name)}')
    kind, layer, first, second = found[1], int(found[2]), found[3], found[4]
    if not 1 <= layer <= network.n_layers:
        raise ValueError(
            f"{name} is of layer {layer}, but this MLP has {count(network.n_layers, 'layer')}, from 1 on"
        )
    n_in, n_out = network.weight_shapes[layer - 1]
    if kind == "W":
        if first is None or second is None:
            raise ValueError(
                f'{name} needs two indices, its input and its unit, as in "W{layer}[0, {n_out - 1}]"'
            )
        i, j = int(first), int(second)
        if i >= n_in or j >= n_out:
            raise ValueError(
                f"{name} is not there: W{layer} has the shape ({n_in}, {n_out}), and indices count from 0 on"
            )
        return Parameter(True, layer, i, j, f"W{layer}[{i}, {j}]")
    if network.bias is None:
        raise ValueError(f"{name} is not there: this MLP has no biases")
    if second is not None:
        raise ValueError(f"{name} has two indices, but a bias has one")
    if network.bias == "layer":
        if first not in (None, "0"):
            raise ValueError(
                f"{name} is not there: layer {layer} has one bias for all of its units, b{layer}"
            )
        return Parameter(False, layer, 0, 0, f"b{layer}")
    if first is None:
        raise ValueError(f'{name} needs an index, as in "b{layer}[0]"')
    if int(first) >= n_out:
        raise ValueError(
            f"{name} is not there: b{layer} has {count(n_out, 'entry')}, and indices count from 0 on"
        )
    return Parameter(False, layer, 0, int(first), f"b{layer}[{int(first)}]")

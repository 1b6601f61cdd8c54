"""An ``nn.Sequential`` as layers: the modules one after the other, each refused by its place if an MLP has no such thing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from chainrule._checks_values import check_real

from ._layers import Layer
from ._tensors import tensor_to_array
from ._torch_modules import HINTS, KNOWN, activation_name

_AFTER_DROPOUT = ("relu", "leaky_relu")
"""Activations with ``f(m z) = m f(z)`` for any m >= 0, so that units may be dropped before them as well as after."""


@dataclass
class _Unit:
    """A Linear, and what comes after it."""

    layer: Layer
    place: str
    activation: str | None = None
    rate: float = 0.0
    dropout_place: str = ""


@dataclass
class Chain:
    """What was read of a module: layers, one activation for each, one rate of dropout for each hidden layer."""

    units: list[_Unit] = field(default_factory=list)
    input_dropout: float = 0.0

    @property
    def layers(self) -> list[Layer]:
        """The arrays."""
        return [unit.layer for unit in self.units]

    @property
    def activations(self) -> list[str]:
        """One for each layer."""
        return [unit.activation or "identity" for unit in self.units]

    @property
    def dropout(self) -> list[float]:
        """One rate for each hidden layer."""
        return [unit.rate for unit in self.units[:-1]]


def read_module(module: Any, torch: Any) -> Chain:
    """Return what a Linear or a Sequential of modules consists of.

    Raises
    ------
    ValueError, TypeError
        If a module is none that an MLP has, or stands where an MLP has none; the message names place and module.
    """
    chain, nn = Chain(), torch.nn
    for place, leaf in _leaves(module, "module", nn):
        kind = type(leaf)  # a subclass may compute something else
        is_activation = kind not in (nn.Linear, nn.Flatten, nn.Dropout)
        name = activation_name(leaf, nn, place) if is_activation else None
        if is_activation and name is None:
            raise TypeError(_unknown(leaf, place))
        _check_hooks(leaf, place)
        if kind is nn.Linear:
            chain.units.append(_read_linear(leaf, place, torch))
        elif kind is nn.Flatten:
            _check_flatten(leaf, place, chain)
        elif kind is nn.Dropout:
            _add_dropout(chain, check_real(leaf.p, f"p of {place}", 0.0, 1.0), place)
        elif name is not None and name != "identity":
            _add_activation(chain, name, place)
    _check_ends(chain)
    return chain


def _leaves(module: Any, path: str, nn: Any) -> Iterator[tuple[str, Any]]:
    """Give each module that is no Sequential, with its place: ``module[2][0] (ReLU)``."""
    place = f"{path} ({type(module).__name__})"
    if isinstance(module, nn.Sequential) and type(module).forward is nn.Sequential.forward:
        _check_hooks(module, place)
        for i, child in enumerate(module):  # a module that stands in it twice comes twice
            yield from _leaves(child, f"{path}[{i}]", nn)
    else:
        yield place, module


def _check_hooks(module: Any, place: str) -> None:
    """Refuse a module that may compute something else than its kind does."""
    if module._forward_hooks or module._forward_pre_hooks or "forward" in vars(module):
        raise ValueError(
            f"{place} has hooks or a forward of its own, which may change what it computes; remove them first (prune.remove, "
            "remove_weight_norm)"
        )


def _read_linear(linear: Any, place: str, torch: Any) -> _Unit:
    weight_name, bias_name = f"the weight of {place}", f"the bias of {place}"
    weight = tensor_to_array(linear.weight, weight_name, torch)
    bias = None if linear.bias is None else tensor_to_array(linear.bias, bias_name, torch)
    return _Unit(Layer(weight_name, weight, bias_name, bias), place)


def _unknown(module: Any, place: str) -> str:
    name, known = type(module).__name__, ("Linear", "Dropout", "Flatten", *KNOWN)
    hint = HINTS.get(name)
    if name in known:
        hint = f"it is of {type(module).__module__}, not of torch.nn"
    elif hint is None and next(module.children(), None) is not None:
        hint = (
            "what it computes cannot be seen; give its state_dict() with activation= and output_activation="
        )
    return f"{place} has no equal here; {hint or 'what can be taken is Sequential, ' + ', '.join(known)}"


def _check_flatten(module: Any, place: str, chain: Chain) -> None:
    if chain.units or (module.start_dim, module.end_dim) != (1, -1):
        raise ValueError(f"{place} must be Flatten(start_dim=1, end_dim=-1) before the first Linear")


def _add_dropout(chain: Chain, rate: float, place: str) -> None:
    if rate == 0:
        return
    before = chain.units[-1].rate if chain.units else chain.input_dropout
    if before:
        raise ValueError(f"{place} follows another Dropout; an MLP has one between two layers")
    if chain.units:
        chain.units[-1].rate, chain.units[-1].dropout_place = rate, place
    else:
        chain.input_dropout = rate


def _add_activation(chain: Chain, name: str, place: str) -> None:
    if not chain.units:
        raise ValueError(f"{place} stands before the first Linear, where an MLP has no activation")
    last = chain.units[-1]
    if last.activation is not None:
        raise ValueError(f"{place} follows another activation; an MLP has one after each Linear")
    if last.rate and name not in _AFTER_DROPOUT:
        raise ValueError(
            f"{place} stands after {last.dropout_place}, but an MLP drops units after the activation"
        )
    last.activation = name


def _check_ends(chain: Chain) -> None:
    if not chain.units:
        raise ValueError("module has no Linear, but an MLP has at least one layer")
    for unit in chain.units[:-1]:
        if unit.activation == "softmax":
            raise ValueError(
                f"the Softmax after {unit.place} must be the last activation, as it fits outputs only"
            )
    if chain.units[-1].rate:
        raise ValueError(
            f"{chain.units[-1].dropout_place} drops outputs, but an MLP drops hidden units and inputs only"
        )

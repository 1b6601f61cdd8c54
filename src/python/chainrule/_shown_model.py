"""How a model shows itself, as text and in notebooks."""

from __future__ import annotations

from ._network import Network
from ._summary import layer_html, layer_table


class ShownModel:
    """The methods of `MLP` that say what it is."""

    __slots__ = ()

    _network: Network
    _seed: int

    def summary(self) -> str:
        """Return a table of the layers: sizes, activations, dropout, noise, number of parameters and the memory they take."""
        return layer_table(self._network)

    def _repr_html_(self) -> str:
        return layer_html(self._network)

    def __repr__(self) -> str:
        network = self._network
        return (
            f"MLP({list(network.layer_sizes)}, activation={list(network.activations[:-1])}, "
            f"output_activation={network.output_activation!r}, bias={network.bias!r}, "
            f"dropout={list(network.dropout)}, input_dropout={network.input_dropout}, "
            f"input_noise={network.input_noise}, dtype={network.dtype!r}, seed={self._seed})"
        )

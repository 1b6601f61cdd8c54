"""One update of a trace, cut to the units that are shown, for the page's script."""

from __future__ import annotations

from typing import Any

import numpy as np

from chainrule._network import Array
from chainrule.trace import TracedLayer
from chainrule.trace._plain import plain

from ._given import Given
from ._units import shown_units, unit_names

MOST_ROWS = 4
"""Rows of a batch that are shown."""
_OF_ROWS = ("z", "a", "mask", "dL_da", "dL_dz")
_OF_WEIGHTS = ("W", "dL_dW", "velocity_W", "previous_velocity_W", "square_W", "previous_square_W", "new_W")
_OF_BIASES = ("b", "dL_db", "velocity_b", "previous_velocity_b", "square_b", "previous_square_b", "new_b")


def step_data(given: Given) -> dict[str, Any]:
    """Return what the script needs: the network's shape, the units shown, and of the update what is about them.

    Numbers are those of the trace. What is left out of a sum is told by its difference to the traced result.
    """
    units, network, step = shown_units(given), given.network, given.step
    data: dict[str, Any] = {
        "sizes": list(network.layer_sizes),
        "activations": list(network.activations),
        "bias": network.bias,
        "units": units,
        "names": unit_names(given, units),
        "step": None,
    }
    if step is None or given.trace is None:
        data["weights"] = [
            plain(weights[np.ix_(before, after)])
            for weights, before, after in zip(given.model.weights, units[:-1], units[1:], strict=True)
        ]
        return data
    shown = slice(0, MOST_ROWS)
    data["step"] = {
        "loss_name": given.trace.loss,
        "optimizer": {name: plain(value) for name, value in given.trace.optimizer.items()},
        **{
            name: plain(getattr(step, name))
            for name in ("epoch", "step", "loss", "learning_rate", "batch_rows")
        },
        "update": step.update,
        "frozen": list(step.frozen),
        "rows": step.rows[shown],
        "target": plain(step.target[shown, units[-1]]),
        "layers": [
            _layer(layer, shown, before, after)
            for layer, before, after in zip(step.layers, units[:-1], units[1:], strict=True)
        ],
    }
    return data


def _layer(layer: TracedLayer, shown: slice, before: list[int], after: list[int]) -> dict[str, Any]:
    cut: dict[str, Any] = {"number": layer.number, "activation": layer.activation}
    cut["given"] = plain(layer.given[shown, before])
    for name in _OF_ROWS:
        cut[name] = _cut(getattr(layer, name), (shown, after))
    slope = layer.da_dz[shown][..., after]
    cut["da_dz"] = plain(slope if slope.ndim == 2 else slope[:, after])
    for name in _OF_WEIGHTS:
        cut[name] = _cut(getattr(layer, name), np.ix_(before, after))
    for name in _OF_BIASES:
        values = getattr(layer, name)  # one for each unit, or one for all of them
        cut[name] = _cut(values, slice(None) if values is None or len(values) != layer.n_out else after)
    return cut


def _cut(values: Array | None, where: Any) -> Any:
    return None if values is None else plain(values[where])

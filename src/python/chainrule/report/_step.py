"""One update of the trace, cut to the units that are shown, for the page's script."""

from __future__ import annotations

from typing import Any

from ._given import Given
from ._units import part, shown_units, unit_names

MOST_ROWS = 4
"""Rows of a batch that are shown."""


def step_data(given: Given) -> dict[str, Any]:
    """Return what the script needs: the network's shape, the units shown, and of the update what is about them.

    Numbers are those of the trace. What is left out of a sum is told by its difference to the traced result.
    """
    units = shown_units(given)
    network = given.network
    data: dict[str, Any] = {
        "sizes": list(network.layer_sizes),
        "activations": list(network.activations),
        "bias": network.bias,
        "units": units,
        "names": unit_names(given, units),
        "step": None,
    }
    if given.trace is None:
        data["weights"] = [
            part(weights.tolist(), *units[level : level + 2]) for level, weights in enumerate(given.model.weights)
        ]
        return data
    step = given.trace["steps"][0]
    rows = list(range(min(MOST_ROWS, len(step["rows"]))))
    data["step"] = {
        "loss_name": given.trace["loss"],
        "optimizer": given.trace["optimizer"],
        **{name: step[name] for name in ("epoch", "step", "loss", "learning_rate", "batch_rows")},
        "rows": [step["rows"][row] for row in rows],
        "target": part([step["target"][row] for row in rows], units[-1]),
        "layers": [
            _layer(layer, rows, units[level], units[level + 1]) for level, layer in enumerate(step["layers"])
        ],
    }
    return data


def _layer(layer: dict[str, Any], rows: list[int], before: list[int], after: list[int]) -> dict[str, Any]:
    cut: dict[str, Any] = {"number": layer["number"], "activation": layer["activation"]}
    cut["given"] = part([layer["given"][row] for row in rows], before)
    for name in ("z", "a", "mask", "dL_da", "dL_dz"):
        values = layer[name]
        cut[name] = None if values is None else part([values[row] for row in rows], after)
    slope = [layer["da_dz"][row] for row in rows]
    jacobian = bool(slope) and bool(slope[0]) and isinstance(slope[0][0], list)
    cut["da_dz"] = [part(row, after, after) for row in slope] if jacobian else part(slope, after)
    for name in ("W", "dL_dW", "velocity_W", "new_W"):
        cut[name] = part(layer[name], before, after)
    for name in ("b", "dL_db", "velocity_b", "new_b"):
        values = layer[name]
        cut[name] = values if values is None or len(values) <= 1 else part(values, after)
    return cut

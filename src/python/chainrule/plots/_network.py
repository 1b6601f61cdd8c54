"""A network as a diagram: units in columns, weights as lines."""

from __future__ import annotations

from typing import Any

import numpy as np

from chainrule._checks_values import check_bool, check_int, check_sequence
from chainrule._network import Array
from chainrule.model import MLP

from ._around import NEGATIVE, NEGATIVE_DASHES, POSITIVE, room_below, write_legend, write_names
from ._axes import check_model, new_axes

WIDEST = 3.0
"""Points: the line of the largest weight."""
MOST_NUMBERS = 30
"""Weights of a network whose numbers are written beside the lines, unless it is said otherwise."""


def network(
    model: MLP, *, most: int = 10, numbers: bool | None = None, input_names: Any = None, output_names: Any = None,
    ax: Any = None,
) -> Any:  # fmt: skip
    """Draw the units of each layer as circles, and the weights between them as lines.

    A line is as wide as its weight is large, beside the largest one of the network; weights below 0 are dashed. Of layers with many
    units the first and the last ones are drawn, with dots between them; the sizes are written below.

    Parameters
    ----------
    model : MLP
    most : int, default 10
        At most so many circles a layer; at least 2.
    numbers : bool, optional
        Whether to write the weights beside the lines and the biases into the circles; None does so in networks with at most
        30 weights whose units are all drawn.
    input_names, output_names : list of str, optional
        What to write beside the circles, one for each feature or output. Of a name of more than 24 letters the first 23 are
        written, and an ellipsis. A new figure is as wide as they need; in axes of yours they take 60 % of the width at most, and
        are shortened further.
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib Axes
        Lines are two `LineCollection` for each layer, of weights from 0 on and below, labelled "layer 1, positive" and so on.

    Raises
    ------
    ValueError, TypeError
        If an argument does not fit, or a weight is not finite.
    ImportError
        If matplotlib is not installed.
    """
    model, most = check_model(model), check_int(most, "most", 2)
    for i, weights in enumerate(model.weights):
        if not np.isfinite(weights).all():
            raise ValueError(f"weights[{i}] has numbers that are not finite, for which no line has a width")
    sizes = model.layer_sizes
    shown = [_shown(size, most) for size in sizes]
    n_weights = sum(weights.size for weights in model.weights)
    if numbers is None:
        numbers = n_weights <= MOST_NUMBERS and max(sizes) <= most
    numbers = check_bool(numbers, "numbers")
    names = [
        _names(given, name, size)
        for given, name, size in (
            (input_names, "input_names", sizes[0]),
            (output_names, "output_names", sizes[-1]),
        )
    ]
    tallest = max(len(rows) + (len(rows) < size) for rows, size in zip(shown, sizes, strict=True))
    is_new = ax is None
    ax = new_axes(ax, (2.2 + 1.7 * len(model.weights), min(7.0, 1.5 + (0.75 if numbers else 0.5) * tallest)))
    places = [_places(rows, size, tallest) for rows, size in zip(shown, sizes, strict=True)]
    largest = max(float(np.abs(weights).max()) for weights in model.weights) or 1.0
    _lines(ax, model, shown, places, numbers, largest)
    _units(ax, model, shown, places, numbers)
    ends = [
        [(names[side][unit], y) for unit, y in zip(shown[layer], places[layer], strict=True) if names[side]]
        for side, layer in enumerate((0, -1))
    ]
    legend = write_legend(ax, largest, is_new)
    top = tallest - 0.6
    low = -0.4 if is_new else room_below(ax, legend, top)
    ax.set(xlim=write_names(ax, ends, len(model.weights), numbers, is_new), ylim=(low, top))
    ax.axis("off")
    return ax


def _shown(size: int, most: int) -> list[int]:
    """Return the numbers of the units that are drawn."""
    if size <= most:
        return list(range(size))
    return [*range((most + 1) // 2), *range(size - most // 2, size)]


def _places(rows: list[int], size: int, tallest: int) -> list[float]:
    """Return the heights of the units, the first at the top; the dots take the room of a unit."""
    gap = len(rows) < size
    span = len(rows) - 1 + gap
    top = (tallest - 1 + span) / 2
    half = (len(rows) + 1) // 2
    return [top - i - (gap and i >= half) for i in range(len(rows))]


def _names(given: Any, name: str, size: int) -> tuple[str, ...]:
    if given is None:
        return ()
    return tuple(map(str, check_sequence(given, name, size)))


def _lines(
    ax: Any, model: MLP, shown: list[list[int]], places: list[list[float]], numbers: bool, largest: float
) -> None:
    import matplotlib as mpl
    from matplotlib.collections import LineCollection

    for layer, weights in enumerate(model.weights):
        drawn: Array = weights[np.ix_(shown[layer], shown[layer + 1])].astype(np.float64)
        order = np.argsort(np.abs(drawn), axis=None)  # the largest on top
        for positive in (True, False):
            ends, widths = [], []
            for i, j in zip(*np.unravel_index(order, drawn.shape), strict=True):
                if (drawn[i, j] >= 0) == positive:
                    ends.append([(layer, places[layer][i]), (layer + 1, places[layer + 1][j])])
                    widths.append(WIDEST * (abs(drawn[i, j]) / largest))
            with mpl.rc_context({"lines.scale_dashes": False}):  # or thin lines look solid
                lines = LineCollection(
                    ends, linewidths=widths, colors=POSITIVE if positive else NEGATIVE,
                    linestyles="solid" if positive else NEGATIVE_DASHES, zorder=1,
                    label=f"layer {layer + 1}, {'positive' if positive else 'negative'}",
                )  # fmt: skip
            ax.add_collection(lines)
        if numbers:
            _write_weights(ax, layer, drawn, places)


def _write_weights(ax: Any, layer: int, drawn: Array, places: list[list[float]]) -> None:
    """Write the numbers on their lines, near the units of which there are more, where lines are apart; every other farther off."""
    n_in, n_out = drawn.shape
    for i in range(n_in):
        for j in range(n_out):
            at = 0.73 - 0.22 * (i % 2) if n_out > n_in else 0.27 + 0.22 * (j % 2)
            start, end = places[layer][i], places[layer + 1][j]
            ax.text(
                layer + at, start + at * (end - start), f"{drawn[i, j]:.2f}", fontsize=7, ha="center", va="center", zorder=2,
                bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.6},
            )  # fmt: skip


def _units(ax: Any, model: MLP, shown: list[list[int]], places: list[list[float]], numbers: bool) -> None:
    sizes, activations = model.layer_sizes, model.network.activations
    for x, (rows, heights) in enumerate(zip(shown, places, strict=True)):
        size = 24 if numbers and x else 13
        ax.plot(
            [x] * len(rows), heights, "o", markersize=size, markerfacecolor="white", markeredgecolor="black",
            zorder=3, linestyle="none", label=f"units {x}",
        )  # fmt: skip
        if len(rows) < sizes[x]:
            half = (len(rows) + 1) // 2
            ax.text(
                x,
                (heights[half - 1] + heights[half]) / 2,
                "⋮",
                fontsize=14,
                ha="center",
                va="center",
                zorder=3,
            )
        if numbers and x and model.biases:
            biases = np.broadcast_to(model.biases[x - 1], sizes[x])
            for unit, y in zip(rows, heights, strict=True):
                ax.text(x, y, f"{biases[unit]:.2f}", fontsize=7, ha="center", va="center", zorder=4)
        kind = "input" if x == 0 else "output" if x == len(sizes) - 1 else "unit"
        below = f"{sizes[x]:,} {kind}{'' if sizes[x] == 1 else 's'}"
        if x:
            below += f"\n{activations[x - 1]}"
        ax.annotate(below, (x, 0), (0, -16), textcoords="offset points", ha="center", va="top", fontsize=8)

"""What all pictures share: axes to draw on, and how things differ without colour. matplotlib is imported when it is needed."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from chainrule._checks_values import describe
from chainrule._network import Array
from chainrule.inputs import as_array, as_inputs
from chainrule.model import MLP

COLORS = ("#000000", "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7f7f7f")
"""Okabe and Ito's, which people with any colour vision tell apart; with black first."""
DASHES: tuple[Any, ...] = (
    "-",
    "--",
    "-.",
    ":",
    (0, (6, 1, 1, 1, 1, 1)),
    (0, (8, 3)),
    (0, (3, 1, 1, 1)),
    (0, (1, 3)),
)
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
HATCHES = ("", "///", "|||", "\\\\\\", "---", "xxx", "+++", "...")


def new_axes(ax: Any, figsize: tuple[float, float] | None = None) -> Any:
    """Return the axes that were given, or those of a new figure.

    Raises
    ------
    ImportError
        If matplotlib is not installed; the message says how to install it.
    TypeError
        If ``ax`` is no axes.
    """
    try:
        from matplotlib import pyplot
        from matplotlib.axes import Axes
    except ImportError as error:
        raise ImportError('the pictures need matplotlib; pip install "chainrule[plot]"') from error
    if ax is None:
        return pyplot.subplots(figsize=figsize, layout="constrained")[1]
    if not isinstance(ax, Axes):
        raise TypeError(f"ax must be matplotlib Axes or None, but it is {describe(ax)}")
    return ax


def nth(things: tuple[Any, ...], i: int) -> Any:
    """Return one of the colours, dashes, markers or hatches; after the last one they begin anew."""
    return things[i % len(things)]


_NOT_DRAWN = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")


def literal(name: Any) -> str:
    """Return a name of the user's so that matplotlib writes it as it is: no dollar signs begin a formula, no letter is one that fonts lack."""
    return _NOT_DRAWN.sub("\N{REPLACEMENT CHARACTER}", str(name)).replace("$", r"\$")


def label(name: Any) -> str:
    """Return a name for a legend, from which an underscore at the beginning would keep it away."""
    text = literal(name)
    return f" {text}" if text.startswith("_") else text


ROOM = 60
"""Letters in a row of a legend, about as wide as the axes; each entry has a sample as wide as some letters, too."""
SAMPLE = 8


def legend_above(ax: Any, handles: list[Any] | None = None) -> None:
    """Put the legend above the axes, where it hides nothing, in as many columns as there is room for."""
    if handles is None:
        handles = ax.get_legend_handles_labels()[0]
    longest = max((len(str(handle.get_label())) for handle in handles), default=0)
    columns = max(1, min(len(handles), ROOM // (longest + SAMPLE)))
    if len(handles) == 4 and columns == 3:
        columns = 2
    ax.legend(
        handles=handles, loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=columns, frameon=False, fontsize="small"
    )  # fmt: skip


def whole_numbers(ax: Any) -> None:
    """Let the ticks of the horizontal axis be whole numbers; a single one has half a unit of room at each side."""
    from matplotlib.ticker import MaxNLocator

    first, last = ax.dataLim.intervalx
    if first == last:
        ax.dataLim.intervalx = (first - 0.5, last + 0.5)
        ax.autoscale_view(scaley=False)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))  # two ticks would be fractions


def check_model(model: Any) -> MLP:
    """Return the model, which must be an MLP."""
    if not isinstance(model, MLP):
        raise TypeError(f"model must be an MLP, but it is {describe(model)}")
    return model


def inputs_of(model: MLP, X: Any) -> Array:
    """Return X as the model takes it, rounded without a warning: nobody sees the difference in a picture."""
    with np.errstate(over="ignore"):  # infinities are refused by their place
        array = as_array(X, "X").astype(model.dtype)
    return as_inputs(array, model.network)

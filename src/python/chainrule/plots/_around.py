"""What stands around the diagram of a network, with room made for it: names of inputs and outputs, and the legend."""

from __future__ import annotations

from typing import Any

from ._axes import COLORS, literal

POSITIVE, NEGATIVE, NEGATIVE_DASHES = COLORS[0], COLORS[2], (0, (4, 2.5))
LONGEST = 24
"""Letters of a name."""
SHARE = 0.6
"""Of the width of axes that were given: what names take at most."""
MARGIN = 0.4
"""Between the outer units and the edges, where names need no more; a column of units is 1 from the next."""
PAD = 6
"""Points between a name and the edge, and on the edges of a new figure."""
SIZES = 40
"""Points from the lowest units to what is below their sizes, which are written there on two lines."""


def write_legend(ax: Any, largest: float, is_new: bool) -> Any:
    """Write below the diagram what its lines mean, in one row where there is room for it; in axes that were given, within them."""
    from matplotlib.lines import Line2D
    from matplotlib.transforms import ScaledTranslation

    handles = [
        Line2D([], [], color=POSITIVE, label="positive weight"),
        Line2D([], [], color=NEGATIVE, linestyle=NEGATIVE_DASHES, label="negative"),
        Line2D([], [], color="none", label=f"widest: {largest:.3g}"),
    ]
    below = ax.transAxes + ScaledTranslation(0, -32 / 72, ax.figure.dpi_scale_trans)
    place = (
        {"loc": "upper center", "bbox_transform": below}
        if is_new
        else {"loc": "lower center", "borderaxespad": 0.0}
    )
    inches = ax.get_window_extent().width / ax.figure.dpi
    columns = 3 if is_new or inches > 3.8 else 1
    return ax.legend(
        handles=handles, bbox_to_anchor=(0.5, 0.0), ncols=columns, frameon=False, fontsize=8, **place
    )  # fmt: skip


def room_below(ax: Any, legend: Any, top: float) -> float:
    """Return the lower limit of the vertical axis with which sizes and legend are within the axes; the lowest units are at 0."""
    points = 72 / ax.figure.dpi
    needed = SIZES + legend.get_window_extent().height * points
    height = ax.get_window_extent().height * points
    return float(-top * needed / max(height - needed, height / 2))


def write_names(
    ax: Any, ends: list[list[tuple[str, float]]], columns: int, numbers: bool, is_new: bool
) -> tuple[float, float]:
    """Write the names, and return the limits of the horizontal axis, between which they are.

    Parameters
    ----------
    ax : matplotlib Axes
    ends : two lists of (name, height)
        Of the inputs and of the outputs.
    columns : int
        Where the outputs are; the inputs are at 0.
    numbers : bool
        Whether the circles are large, since numbers are in them.
    is_new : bool
        Whether the figure is of our own, and may become wider.
    """
    figure = ax.figure
    point = figure.dpi / 72
    width = figure.bbox.width - 2 * PAD * point if is_new else ax.get_window_extent().width
    sides: list[list[Any]] = []
    rooms = []
    for side, named in enumerate(ends):
        offset = (-12, 17 if numbers else 12)[side]
        sides.append([
            ax.annotate(literal(_cut(name, LONGEST)), (columns * side, y), (offset, 0), textcoords="offset points",
                        ha=("right", "left")[side], va="center")
            for name, y in named
        ])  # fmt: skip
        beside = (abs(offset) + PAD) * point
        if not is_new:
            most = SHARE * width / (2 if all(ends) else 1) - beside
            for text, (name, _) in zip(sides[side], named, strict=True):
                _fit(text, name, most)
        widest = max((text.get_window_extent().width for text in sides[side]), default=0.0)
        rooms.append(beside + widest if named else 0.0)
    left, right = rooms
    usual = width / (columns + 2 * MARGIN)
    unit = usual
    if not is_new:  # what the names leave of the width
        unit = min(
            usual,
            (width - left - right) / columns,
            (width - left) / (columns + MARGIN),
            (width - right) / (columns + MARGIN),
        )
    low, high = -max(MARGIN, left / unit), columns + max(MARGIN, right / unit)
    if is_new and high - low > columns + 2 * MARGIN:
        more = unit * (high - low) - width
        figure.set_size_inches((figure.bbox.width + more) / figure.dpi, figure.get_figheight())
    return low, high


def _fit(text: Any, name: str, most: float) -> None:
    """Shorten a text until it is no wider than so many pixels, or nothing but an ellipsis."""
    letters = min(len(name), LONGEST)
    while letters > 1 and text.get_window_extent().width > most:
        letters -= 1
        text.set_text(literal(_cut(name, letters)))


def _cut(name: str, letters: int) -> str:
    return name if len(name) <= letters else f"{name[: letters - 1].rstrip()}…"

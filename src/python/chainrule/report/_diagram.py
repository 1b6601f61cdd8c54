"""The network as inline SVG: a circle for each unit that is shown, a line for each weight."""

from __future__ import annotations

from typing import Any

from ._given import Given
from ._html import escape, number, paragraph, section
from ._units import most_units

ACROSS, DOWN, MARGIN, RADIUS = 190, 44, 46, 17
LABEL = 96
"""Room for the names of inputs and outputs, beside the circles."""


def diagram(given: Given, data: dict[str, Any]) -> str:
    """Return the section; ``data`` is what `step_data` gave."""
    units, names = data["units"], data["names"]
    weights = data["weights"] if data["step"] is None else [layer["W"] for layer in data["step"]["layers"]]
    left_out = [size - len(shown) for size, shown in zip(data["sizes"], units, strict=True)]
    height = 2 * MARGIN + DOWN * max(
        len(shown) + (rest > 0) for shown, rest in zip(units, left_out, strict=True)
    )
    width = 2 * LABEL + 2 * MARGIN + ACROSS * (len(units) - 1)
    places = [
        [_place(level, i, len(shown) + (rest > 0), height) for i in range(len(shown) + (rest > 0))]
        for level, (shown, rest) in enumerate(zip(units, left_out, strict=True))
    ]
    lines = [_lines(level, places, units, matrix) for level, matrix in enumerate(weights)]
    circles = [
        _circles(level, places[level], names[level], left_out[level], len(units))
        for level in range(len(units))
    ]
    sizes = "-".join(map(str, data["sizes"]))
    picture = (
        f'<div class="wide diagram"><svg viewBox="0 0 {width} {height}" style="min-width:{min(width, max(620, 165 * len(units)))}px" role="group" '
        f'aria-label="Diagram of the {sizes} network: arrow keys go from weight to weight, Enter chooses one">\n'
        + "\n".join([*lines, *circles])
        + "</svg></div>"
    )
    return section("diagram", "Diagram", _explained(given, data, left_out), picture)


def _explained(given: Given, data: dict[str, Any], left_out: list[int]) -> str:
    text = (
        "A solid line is a positive weight, a dashed one a negative; the wider, the greater among those of its layer. "
        "Choose a line to see its chain rule below."
    )
    if data["step"] is None:
        text = text.replace("its chain rule below", "its value")
    if any(left_out):
        chosen = "the greatest gradients" if data["step"] is not None else "the greatest weights"
        text += (
            f" Of a layer with more than {most_units(given.network.n_layers)} units those with {chosen} are shown; the others are counted, and are in all "
            "sums."
        )
    return paragraph(text)


def _place(level: int, i: int, n: int, height: int) -> tuple[float, float]:
    return LABEL + MARGIN + ACROSS * level, height / 2 + DOWN * (i - (n - 1) / 2)


def _lines(level: int, places: list[Any], units: list[list[int]], matrix: list[list[float | None]]) -> str:
    largest = max((abs(w) for row in matrix for w in row if w is not None), default=0.0) or 1.0
    parts = []
    for i, row in enumerate(matrix):
        for j, weight in enumerate(row):
            (x1, y1), (x2, y2) = places[level][i], places[level + 1][j]
            name = f"W{level + 1}[{units[level][i]}, {units[level + 1][j]}]"
            line = f"M{x1 + RADIUS} {y1:.0f}L{x2 - RADIUS} {y2:.0f}"
            size = 0.5 + 4 * (abs(weight or 0) / largest)
            sign = "negative" if weight is not None and weight < 0 else "positive"
            first = level == i == j == 0
            parts.append(
                f'<g class="weight {sign}" data-weight="{name}" data-layer="{level + 1}" role="button" '
                f'tabindex="{0 if first else -1}"><title>{name} = '
                f'{number(weight, 4)}</title><path class="hit" d="{line}"/><path class="seen" d="{line}" '
                f'stroke-width="{size:.2f}"/></g>'
            )
    return "\n".join(parts)


def _circles(level: int, places: list[Any], names: list[str], left_out: int, levels: int) -> str:
    parts = []
    for i, (x, y) in enumerate(places):
        if i == len(names):
            parts.append(
                f'<text class="rest" x="{x}" y="{y + 4:.0f}" text-anchor="middle">… {left_out:,} more</text>'
            )
            continue
        parts.append(f'<circle class="unit" cx="{x}" cy="{y:.0f}" r="{RADIUS}"/>')
        parts.append(
            f'<text class="value" data-unit="{level},{i}" x="{x}" y="{y + 3:.0f}" text-anchor="middle"></text>'
        )
        if level in (0, levels - 1):
            side, anchor = (x - RADIUS - 6, "end") if level == 0 else (x + RADIUS + 6, "start")
            parts.append(
                f'<text x="{side}" y="{y + 4:.0f}" text-anchor="{anchor}">{escape(_short(names[i]))}'
                f"<title>{escape(names[i])}</title></text>"
            )
    title = "inputs" if level == 0 else "outputs" if level == levels - 1 else f"layer {level}"
    parts.append(f'<text class="level" x="{places[0][0]}" y="16" text-anchor="middle">{title}</text>')
    return "\n".join(parts)


def _short(name: str, most: int = 18) -> str:
    return name if len(name) <= most else name[: most - 1] + "…"

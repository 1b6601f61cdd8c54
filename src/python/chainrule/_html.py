"""Short HTML for notebooks: tables and lines that take the colours of the page, light or dark. All text is escaped."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

_CELL = "padding:0.15em 0.7em;text-align:{};background:transparent"
_WIDTH, _HEIGHT = 120, 24


class Svg(str):
    """HTML that is made here, and is not escaped in a cell."""

    __slots__ = ()


def table(
    caption: str, head: Sequence[str], rows: Sequence[Sequence[str]], *, left: Sequence[int] = (0,), foot: bool = False
) -> str:  # fmt: skip
    """Return a table; the first cell of a row is its header.

    Parameters
    ----------
    caption : str
        A sentence or two above it.
    head : sequence of str
        Of the columns; empty for a table without.
    rows : sequence of sequences of str
    left : sequence of int, default (0,)
        Columns of words; those of numbers are aligned at the right.
    foot : bool, default False
        Whether the last row is a sum.
    """
    parts = [
        '<table style="border-collapse:collapse;color:inherit;background:transparent">',
        f'<caption style="caption-side:top;text-align:left;color:inherit">{_lines(caption)}</caption>',
    ]
    if head:
        cells = "".join(_cell("th", name, i in left, "col") for i, name in enumerate(head))
        parts.append(f'<thead><tr style="border-bottom:1px solid currentColor">{cells}</tr></thead>')
    parts.append("<tbody>")
    for number, row in enumerate(rows):
        rule = ' style="border-top:1px solid currentColor"' if foot and number == len(rows) - 1 else ""
        cells = "".join(
            _cell("td" if i else "th", cell, i in left, "" if i else "row") for i, cell in enumerate(row)
        )
        parts.append(f"<tr{rule}>{cells}</tr>")
    return "\n".join([*parts, "</tbody>", "</table>"])


def _cell(tag: str, text: str, is_left: bool, scope: str) -> str:
    scope = f' scope="{scope}"' if scope else ""
    inside = text if isinstance(text, Svg) else escape(text)
    return f'<{tag}{scope} style="{_CELL.format("left" if is_left else "right")}">{inside}</{tag}>'


def _lines(text: str) -> str:
    return "<br>".join(escape(line) for line in text.splitlines())


def sparkline(values: Sequence[float], name: str) -> Svg:
    """Return the course of some numbers as a small SVG in the colour of the text; what is not finite leaves a gap.

    Of many numbers so many are drawn as there are pixels, the last among them.
    """
    shown = _some(values, _WIDTH)
    finite = [value for value in shown if math.isfinite(value)]
    low, high = (min(finite), max(finite)) if finite else (0.0, 1.0)
    step = (_WIDTH - 4) / max(len(shown) - 1, 1)
    path, pen = [], "M"
    for i, value in enumerate(shown):
        if math.isfinite(value):
            height = (
                (value / 2 - low / 2) / (high / 2 - low / 2) if high > low else 0.5
            )  # high - low may overflow
            path.append(f"{pen}{2 + i * step:.1f} {_HEIGHT - 2 - height * (_HEIGHT - 4):.1f}")
            pen = "L"
        else:
            pen = "M"
    if len(path) == 1:  # a single place has no length to be drawn along
        path.append("h0.1")
    return Svg(
        f'<svg role="img" width="{_WIDTH}" height="{_HEIGHT}" viewBox="0 0 {_WIDTH} {_HEIGHT}">'
        f"<title>{escape(name)}</title>"
        f'<path d="{" ".join(path)}" fill="none" stroke="currentColor" stroke-width="1.5" stroke-linecap="round"/></svg>'
    )


def _some(values: Sequence[float], most: int) -> list[float]:
    if len(values) <= most:
        return list(values)
    return [values[round(i * (len(values) - 1) / (most - 1))] for i in range(most)]

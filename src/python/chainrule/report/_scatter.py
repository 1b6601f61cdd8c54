"""Points of rows as inline SVG."""

from __future__ import annotations

import numpy as np

from chainrule._network import Array

from ._chart import Axis
from ._html import escape, figure_id, number, some

WIDTH, HEIGHT = 440, 270
LEFT, RIGHT, TOP, BOTTOM = 62, 10, 10, 40
MOST_POINTS = 500


def scatter(title: str, x: Array, y: Array, x_label: str, y_label: str) -> str:
    """Return a figure of the points, with the line on which a prediction is right."""
    finite = np.isfinite(x) & np.isfinite(y)
    x, y = x[finite], y[finite]
    if not len(x):
        return ""
    n, chosen = len(x), some(len(x), MOST_POINTS)
    x, y = x[chosen], y[chosen]
    across = Axis(x.tolist(), (LEFT + 8, WIDTH - RIGHT - 8))
    up = Axis([*y.tolist(), *_right(x, y_label)], (HEIGHT - BOTTOM - 8, TOP + 8))
    name = figure_id("points", title)
    parts = [_axes(across, up, x_label, y_label)]
    ends = [float(x.min()), float(x.max())]
    d = "L".join(
        f"{across.place(a):.1f} {up.place(b):.1f}" for a, b in zip(ends, _right(x, y_label), strict=True)
    )
    parts.append(f'<path class="ideal" d="M{d}"/>')
    dots = "".join(
        f"M{across.place(a):.1f} {up.place(b):.1f}h0" for a, b in zip(x.tolist(), y.tolist(), strict=True)
    )
    parts.append(f'<path class="points" d="{dots}"/>')
    caption = title + (f" ({MOST_POINTS} of {n:,} rows)" if n > MOST_POINTS else "")
    said = f"{title}. {n:,} rows; {y_label} from {number(float(y.min()), 4)} to {number(float(y.max()), 4)}"
    return (
        f"<figure><figcaption>{escape(caption)}; on the dashed line a prediction is right</figcaption>"
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-labelledby="{name}" class="chart">'
        f'<title id="{name}">{escape(said)}</title>\n' + "\n".join(parts) + "</svg></figure>"
    )


def _right(x: Array, y_label: str) -> list[float]:
    """Return where a right prediction is drawn, at the two ends of x."""
    return [0.0, 0.0] if y_label == "residual" else [float(x.min()), float(x.max())]


def _axes(across: Axis, up: Axis, x_label: str, y_label: str) -> str:
    parts = []
    for tick in up.ticks():
        y = up.place(tick)
        parts.append(f'<path class="grid" d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}"/>')
        parts.append(
            f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{number(float(tick), 4)}</text>'
        )
    for tick in across.ticks(5):
        x = across.place(tick)
        parts.append(f'<path class="grid" d="M{x:.1f} {HEIGHT - BOTTOM}v5"/>')
        place = f'x="{x:.1f}" y="{HEIGHT - BOTTOM + 18}"'
        parts.append(f'<text {place} text-anchor="middle">{number(float(tick), 4)}</text>')
    middle, half = (LEFT + WIDTH - RIGHT) / 2, (TOP + HEIGHT - BOTTOM) / 2
    parts.append(f'<text x="{middle}" y="{HEIGHT - 4}" text-anchor="middle">{escape(x_label)}</text>')
    parts.append(
        f'<text transform="translate(12 {half}) rotate(-90)" text-anchor="middle">{escape(y_label)}</text>'
    )
    return "\n".join(parts)

"""Curves as inline SVG: a line for each series, told apart by dashes as well as by colour."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from ._html import escape, figure_id, number

WIDTH, HEIGHT = 520, 260
LEFT, RIGHT, TOP, BOTTOM = 62, 12, 10, 40
MOST_POINTS = 400
"""A longer series is drawn by the least and the greatest value of each of half as many stretches."""
LOG_FROM = 50.0
"""Positive series whose greatest value is this many times the least are drawn on a logarithmic scale."""

HUGE = 1e300
"""The unit of values that are greater: their difference might overflow."""


class Axis:
    """A scale from values to places: linear, or of logarithms."""

    def __init__(self, values: Sequence[float], places: tuple[float, float], log: bool = False) -> None:
        self.log, self._places = log, places
        low, high = min(values), max(values)
        self._unit = 1.0 if log or max(abs(low), abs(high)) < HUGE else HUGE
        low, high = low / self._unit, high / self._unit
        if log:
            low, high = math.log10(low), math.log10(high)
        if high - low < 1e-12 * max(abs(low), abs(high), 1e-300):
            low, high = low - (abs(low) / 10 or 0.5), high + (abs(high) / 10 or 0.5)
        self._low, self._high = low, high

    def place(self, value: float) -> float:
        """Return where a value is drawn."""
        if self.log:
            value = math.log10(value)
        value /= self._unit
        start, end = self._places
        return start + (end - start) * (value - self._low) / (self._high - self._low)

    def ticks(self, most: int = 6, whole: bool = False) -> list[float]:
        """Return round values on the scale: at least one, about ``most`` at most."""
        if self.log:
            powers = range(math.ceil(self._low - 1e-9), math.floor(self._high + 1e-9) + 1)
            step = max(1, math.ceil(len(powers) / most))
            found = [10.0**power for power in powers if power % step == 0]
            if len(found) >= 2:
                return found
            low, high = 10**self._low, 10**self._high
            return [tick for tick in _round_values(low, high, most, False) if tick > 0]
        found = [tick * self._unit for tick in _round_values(self._low, self._high, most, whole)]
        return [tick for tick in found if math.isfinite(tick)]


def _round_values(low: float, high: float, most: int, whole: bool) -> list[float]:
    step = 10 ** math.floor(math.log10((high - low) / most))
    step = next(step * factor for factor in (1, 2, 5, 10, 20) if (high - low) / (step * factor) <= most)
    if whole:
        step = max(step, 1)
    first = math.ceil(low / step - 1e-9)
    return [i * step for i in range(first, math.floor(high / step + 1e-9) + 1)]


def line_chart(
    title: str,
    x_label: str,
    x: Sequence[float],
    series: Mapping[str, Sequence[float]],
    *,
    log: bool | None = None,
) -> str:
    """Return a figure of the series over x, NaN being left out; ``log=None`` chooses the scale by the values."""
    values = [value for line in series.values() for value in line if math.isfinite(value)]
    if not values:
        return ""
    positive = min(values) > 0
    log = positive and (max(values) / min(values) >= LOG_FROM if log is None else log)
    across = Axis(x, (LEFT, WIDTH - RIGHT))
    up = Axis(values, (HEIGHT - BOTTOM, TOP), log)
    parts = [_grid(up, across, x_label)]
    for i, line in enumerate(series.values()):
        parts += _lines(across, up, x, line, i)
    scale = ", logarithmic scale" if log else ""
    said = "; ".join(
        f"{name}: from {number(known[0], 4)} to {number(known[-1], 4)}"
        for name, line in series.items()
        if (known := [value for value in line if math.isfinite(value)])
    )
    name = figure_id("chart", title, *series)
    return (
        f"<figure><figcaption>{escape(title + scale)}</figcaption>"
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-labelledby="{name}" class="chart">'
        f'<title id="{name}">{escape(f"{title} by {x_label}{scale}. {said}")}</title>\n'
        + "\n".join(parts)
        + f"</svg>{_legend(list(series))}</figure>"
    )


def _grid(up: Axis, across: Axis, x_label: str) -> str:
    parts = []
    for tick in up.ticks():
        y = up.place(tick)
        parts.append(f'<path class="grid" d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}"/>')
        parts.append(f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{number(tick, 4)}</text>')
    for tick in across.ticks(8, whole=True):
        x = across.place(tick)
        parts.append(f'<path class="grid" d="M{x:.1f} {HEIGHT - BOTTOM}v5"/>')
        parts.append(
            f'<text x="{x:.1f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">{number(tick, 6)}</text>'
        )
    middle = (LEFT + WIDTH - RIGHT) / 2
    parts.append(f'<text x="{middle}" y="{HEIGHT - 4}" text-anchor="middle">{escape(x_label)}</text>')
    return "\n".join(parts)


def _lines(across: Axis, up: Axis, x: Sequence[float], line: Sequence[float], i: int) -> list[str]:
    """Return a path for each stretch without a gap, and a mark where a stretch is one point."""
    stretches: list[list[tuple[float, float]]] = [[]]
    for place, value in zip(*_thinned(x, line), strict=True):
        if math.isfinite(value):
            stretches[-1].append((across.place(place), up.place(value)))
        elif stretches[-1]:
            stretches.append([])
    parts = []
    for points in stretches:
        if len(points) > 1:
            d = "L".join(f"{px:.1f} {py:.1f}" for px, py in points)
            parts.append(f'<path class="line s{i % 6}" d="M{d}"/>')
        elif points:
            (px, py) = points[0]
            parts.append(f'<circle class="dot s{i % 6}" cx="{px:.1f}" cy="{py:.1f}" r="3.5"/>')
    return parts


def _thinned(x: Sequence[float], line: Sequence[float]) -> tuple[list[float], list[float]]:
    if len(line) <= MOST_POINTS:
        return list(x), list(line)
    kept: set[int] = {0, len(line) - 1}
    stretches = MOST_POINTS // 2
    for i in range(stretches):
        places = range(i * len(line) // stretches, (i + 1) * len(line) // stretches)
        known = [place for place in places if math.isfinite(line[place])]
        if len(known) < len(places):
            kept.add(next(place for place in places if not math.isfinite(line[place])))
        if known:
            kept |= {min(known, key=line.__getitem__), max(known, key=line.__getitem__)}
    chosen = sorted(kept)
    return [x[i] for i in chosen], [line[i] for i in chosen]


def _legend(names: Sequence[str]) -> str:
    if len(names) == 1:
        return ""
    sample = '<svg viewBox="0 0 28 10" aria-hidden="true"><path class="line s{}" d="M1 5h26"/></svg>'
    items = "".join(f"<li>{sample.format(i % 6)}{escape(name)}</li>" for i, name in enumerate(names))
    return f'<ul class="legend">{items}</ul>'

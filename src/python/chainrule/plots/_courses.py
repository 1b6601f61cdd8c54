"""Lines over epochs: losses on the left axis, scores on an axis of their own at the right. For `curves` and `LossCurveDisplay`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from ._axes import MARKERS, legend_above, nth

SMALLEST = 5
"""Points: the first marker of a single epoch, and all of them in its legend."""


class Course(NamedTuple):
    """A line: its name, its values, its style as matplotlib's ``plot`` takes it, and whether it is a score."""

    label: str
    values: Sequence[float]
    style: dict[str, Any]
    is_score: bool = False


def draw_courses(
    ax: Any, epochs: Sequence[int], courses: Sequence[Course], score_label: str
) -> tuple[list[Any], Any]:
    """Draw them, with one legend; return the lines and the axes of the scores, None if there are none.

    A line without a colour of its own has that of the first one, which is the next of the axes' cycle. Of a single epoch no line
    would be seen: there are markers, the first one filled and each other a larger one around it, as all may lie at one place.
    """
    lines: list[Any] = []
    right: Any = None
    for i, course in enumerate(courses):
        if course.is_score and right is None:
            right = ax.twinx()
            right.set_ylabel(score_label)
        style = {"label": course.label, **({"color": lines[0].get_color()} if lines else {})}
        if len(epochs) == 1:
            style |= {"marker": nth(MARKERS, i), "markersize": SMALLEST * (1 + i % len(MARKERS))}
            style |= {"markerfacecolor": "none"} if i else {}
        style |= course.style
        lines += (right if course.is_score else ax).plot(epochs[: len(course.values)], course.values, **style)
    legend_above(ax, lines)
    if len(epochs) == 1:
        for handle in ax.get_legend().legend_handles:
            handle.set_markersize(SMALLEST)
        for each in (ax,) if right is None else (ax, right):
            each.margins(y=0.15)  # the largest markers are not cut off
    return lines, right

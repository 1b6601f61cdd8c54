"""Lines over epochs: losses on the left axis, scores on an axis of their own at the right. For `curves` and `LossCurveDisplay`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from ._axes import legend_above


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

    A line without a colour of its own has that of the first one, which is the next of the axes' cycle.
    """
    lines: list[Any] = []
    right: Any = None
    for course in courses:
        if course.is_score and right is None:
            right = ax.twinx()
            right.set_ylabel(score_label)
        style = {"label": course.label, **({"color": lines[0].get_color()} if lines else {}), **course.style}
        lines += (right if course.is_score else ax).plot(epochs[: len(course.values)], course.values, **style)
    legend_above(ax, lines)
    return lines, right

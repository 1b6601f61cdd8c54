"""Losses and metrics over epochs."""

from __future__ import annotations

from typing import Any

from chainrule._checks_values import check_sequence, describe
from chainrule.history import History

from ._axes import COLORS, MARKERS, label, literal, new_axes, nth, whole_numbers
from ._courses import Course, draw_courses

MOST_MARKERS = 12
"""Markers on a line: on each of hundreds of epochs they would hide it."""


def curves(history: History, names: Any = None, *, ax: Any = None) -> Any:
    """Draw the losses and metrics of each epoch: solid for training, dashed for validation, a marker for each metric.

    Of a single epoch there are markers alone, each larger than the one before: where numbers are equal, they lie around each other.
    Metrics have an axis of their own at the right, ``ax.figure.axes[-1]``. Where early stopping looked for the best epoch, a
    dotted vertical line is there.

    Parameters
    ----------
    history : History
        Of at least one epoch. Epochs count from 0 on, as in its `epochs`.
    names : list of str, optional
        Which ones: "loss", "validation_loss", names of metrics, and these with ``validation_`` before them; None is all.
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib Axes
        With the losses.

    Raises
    ------
    ValueError, TypeError
        If there is no epoch, or nothing of that name.
    ImportError
        If matplotlib is not installed.
    """
    if not isinstance(history, History):
        raise TypeError(f"history must be a History, but it is {describe(history)}")
    if not len(history):
        raise ValueError("history has no epoch yet: fit first")
    known = _courses(history)
    chosen = (
        list(known) if names is None else [_known(name, known) for name in check_sequence(names, "names")]
    )
    if not chosen:
        raise ValueError("names must have at least 1 entry, but it has 0 entries")
    ax = new_axes(ax)
    of_metrics = dict.fromkeys(_metric(name) for name in chosen if known[name].is_score)
    score_label = next(iter(of_metrics)) if len(of_metrics) == 1 else "metrics"
    draw_courses(ax, history.epochs, [known[name] for name in chosen], literal(score_label.replace("_", " ")))
    whole_numbers(ax)
    ax.set(xlabel="epoch")
    ax.set_ylabel("loss")
    if not any(not known[name].is_score for name in chosen):
        ax.set_yticks([])
        ax.set_ylabel("")
    if history.best_epoch is not None:
        ax.axvline(history.best_epoch, color="gray", linestyle=":", linewidth=1, zorder=0)
    return ax


def _courses(history: History) -> dict[str, Course]:
    """Return all lines there are, by name."""
    found = {"loss": history.loss}
    if history.validation_loss:
        found["validation_loss"] = history.validation_loss
    metrics = {
        **history.metrics,
        **{f"validation_{name}": v for name, v in history.validation_metrics.items()},
    }
    markers = {name: i for i, name in enumerate(dict.fromkeys(map(_metric, metrics)))}
    every = max(1, -(-len(history) // MOST_MARKERS))
    courses = {name: Course(_label(name), values, _style(name, 0)) for name, values in found.items()}
    for name, values in metrics.items():
        i = markers[_metric(name)]
        marked = {"marker": nth(MARKERS, i), "markevery": every, "markersize": 5}
        if name.startswith("validation_"):
            marked["markerfacecolor"] = "white"
        style = _style(name, i + 1) if len(history) == 1 else {**_style(name, i + 1), **marked}
        courses[name] = Course(_label(name), values, style, True)
    return courses


def _style(name: str, color: int) -> dict[str, Any]:
    dashes = "--" if name.startswith("validation_") else "-"
    return {"color": nth(COLORS, color), "linestyle": dashes}


def _metric(name: str) -> str:
    return name.removeprefix("validation_")


def _label(name: str) -> str:
    return label(name.replace("_", " "))


def _known(name: Any, known: dict[str, Course]) -> str:
    if not isinstance(name, str) or name not in known:
        raise ValueError(f"names must be of {', '.join(known)}, but one is {describe(name)}")
    return name

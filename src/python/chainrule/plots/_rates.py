"""The search for a learning rate."""

from __future__ import annotations

from typing import Any

from chainrule._checks_values import describe
from chainrule.learning_rate_finder import LearningRates

from ._axes import COLORS, legend_above, new_axes


def learning_rates(found: LearningRates, *, ax: Any = None) -> Any:
    """Draw the losses over the rising learning rate, smoothed and as they were, with the rate that is suggested.

    Parameters
    ----------
    found : LearningRates
        What `chainrule.find_learning_rate` returned.
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    TypeError
        If it is something else.
    ImportError
        If matplotlib is not installed.
    """
    if not isinstance(found, LearningRates):
        raise TypeError(f"found must be LearningRates, but it is {describe(found)}")
    ax = new_axes(ax)
    ax.plot(found.rates, found.losses, color="#999999", linewidth=0.7, label="loss of each batch")
    ax.plot(found.rates, found.smoothed, color="black", linewidth=1.6, label="smoothed")
    if found.suggestion is not None:
        label = f"suggestion {found.suggestion:.2g}"
        ax.axvline(found.suggestion, color=COLORS[2], linestyle="--", label=label)
    low, high = found.losses.min(), found.smoothed[: found.smoothed.argmin() + 1].max()
    room = float(high - low) or 1.0
    ax.set_ylim(low - 0.1 * room, high + 0.5 * room)  # the explosion itself would flatten all the rest
    ax.set(xscale="log", xlabel="learning rate", ylabel="loss")
    legend_above(ax)
    return ax

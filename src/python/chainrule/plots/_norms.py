"""Gradients, layer by layer, over epochs."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from chainrule._checks_values import check_int, check_number, check_sequence, count, describe
from chainrule._health_seen import numbers_of_their_own
from chainrule.history import History

from ._axes import COLORS, DASHES, MARKERS, label, legend_above, literal, new_axes, nth, whole_numbers


def gradient_norms(health: Any, column: str = "gradient_norm", *, ax: Any = None) -> Any:
    """Draw the norm of the gradient of each layer's weights over the epochs, on a logarithmic axis.

    Where lines of the first layers lie far below the last ones, gradients vanish on the way back; where they rise, they
    explode. Epochs that were not measured, in long fits of short epochs, are no points of the lines.

    Parameters
    ----------
    health : History or list of dict
        A history of ``fit(..., health=True)``, or what its attribute ``health`` holds: for each epoch a number for each layer,
        by the name of the column.
    column : str, default "gradient_norm"
        Something else that was recorded, such as "activation_std", "update_norm" or "dead".
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    ValueError, TypeError
        If nothing was recorded, or nothing of that name.
    ImportError
        If matplotlib is not installed.
    """
    epochs, values, own = _table(health, column)
    epochs, values = [epochs[i] for i in own], values[own]
    ax = new_axes(ax)
    every = max(1, -(-len(epochs) // 12))
    for layer in range(values.shape[1]):
        style = {
            "color": nth(COLORS, layer),
            "linestyle": nth(DASHES, layer),
            "marker": nth(MARKERS, layer + layer // len(DASHES)),
        }
        ax.plot(epochs, values[:, layer], label=f"layer {layer + 1}", markevery=every, markersize=4, **style)
    finite = values[np.isfinite(values)]
    if finite.size and finite.min() > 0:
        ax.set_yscale("log")
    words = {"gradient_norm": "norm of the gradient", "dead": "share of dead units"}
    whole_numbers(ax)
    ax.set_xlabel("epoch")
    ax.set_ylabel(literal(words.get(column, column.replace("_", " "))))
    legend_above(ax)
    return ax


def gradients_by_depth(histories: Any, *, epoch: int = 0, ax: Any = None) -> Any:
    """Draw the norm of the gradient of each layer's weights, from the inputs to the outputs, on a logarithmic axis.

    Where a line falls towards the first layers, gradients vanish on the way back; where it rises, they explode.

    Parameters
    ----------
    histories : History or mapping of names to histories
        Of fits with ``health=True``; several are told apart by their names.
    epoch : int, default 0
        Which of the epochs of each history, counted from 0; -1 is the last.
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    ValueError, TypeError
        If nothing was recorded in that epoch, or one is no history.
    ImportError
        If matplotlib is not installed.
    """
    named = histories if isinstance(histories, Mapping) else {"": histories}
    if not named:
        raise ValueError("histories is empty")
    epoch, lines = check_int(epoch, "epoch", -(2**31)), {}
    for name, history in named.items():
        if not isinstance(history, History):
            raise TypeError(
                f"histories must be a History or a mapping to such, but there is {describe(history)}"
            )
        norms = _table(history, "gradient_norm")[1]
        if not -len(norms) <= epoch < len(norms) or not np.isfinite(norms[epoch]).all():
            raise ValueError(f"epoch must be one that was recorded in each history, but it is {epoch}")
        lines[name] = norms[epoch]
    ax = new_axes(ax)
    for i, (name, norms) in enumerate(lines.items()):
        style = {"color": nth(COLORS, i), "linestyle": nth(DASHES, i), "marker": nth(MARKERS, i)}
        ax.plot(range(1, len(norms) + 1), norms, label=label(name), markersize=5, **style)
    if min(norms.min() for norms in lines.values()) > 0:
        ax.set_yscale("log")
    whole_numbers(ax)
    ax.set(xlabel="layer, from the inputs on", ylabel="norm of the gradient")
    if any(lines):
        legend_above(ax)
    return ax


def _table(health: Any, column: Any) -> tuple[list[int], Any, list[int]]:
    """Return the epochs, and the values of the column as an array (epochs, layers), NaN where an epoch was not recorded.

    Besides, which of them have numbers of their own.
    """
    epochs, entries = None, health
    if isinstance(health, History):
        epochs, entries = health.epochs, getattr(health, "health", None)
        if entries is None:
            raise ValueError("history has no record of health; fit(..., health=True) makes one")
    entries = check_sequence(entries, "health")
    known = [entry for entry in entries if entry is not None]
    if not known:
        raise ValueError("health has no epoch yet: fit first")
    for i, entry in enumerate(entries):
        if entry is not None and not isinstance(entry, dict):
            raise TypeError(f"health[{i}] must be a dict of lists by column, but it is {describe(entry)}")
        if entry is not None and (not isinstance(column, str) or column not in entry):
            raise ValueError(f"column must be one of {', '.join(entry)}, but it is {describe(column)}")
        if entry is not None:
            values = check_sequence(entry[column], f"health[{i}][{column!r}]")
            if len(values) != len(known[0][column]):
                raise ValueError(
                    f"health[{i}][{column!r}] must have {count(len(known[0][column]), 'number')}, one for each layer, but it has {len(values)}"
                )
            for value in values:
                check_number(value, f"health[{i}][{column!r}]")
    layers = len(known[0][column])
    missing = [math.nan] * layers
    rows = [missing if entry is None else entry[column] for entry in entries]
    return epochs or list(range(len(rows))), np.array(rows, np.float64), numbers_of_their_own(entries)

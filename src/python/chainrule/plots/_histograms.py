"""How weights and activations are spread, layer by layer."""

from __future__ import annotations

from typing import Any

import numpy as np

from chainrule._checks_values import check_int
from chainrule._network import Array
from chainrule.model import MLP

from ._axes import check_model, inputs_of, new_axes


def weight_histograms(model: MLP, *, bins: int = 40, ax: Any = None) -> Any:
    """Draw a histogram of the weights of each layer, one above the other, the first layer at the top.

    Each is scaled to its own highest bin; number, mean and standard deviation of the weights are written beside it.

    Parameters
    ----------
    model : MLP
    bins : int, default 40
        For each layer, between its smallest and its largest weight; at least 1.
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    ValueError, TypeError
        If an argument does not fit, or a weight is not finite.
    ImportError
        If matplotlib is not installed.
    """
    model = check_model(model)
    layers = [np.asarray(weights, np.float64).ravel() for weights in model.weights]
    names = [f"layer {i + 1}" for i in range(len(layers))]
    notes = [f"{w.size:,} weight{'s' * (w.size != 1)}\n{_spread(w)}" for w in layers]
    return _ridges(layers, names, notes, "weight", check_int(bins, "bins", 1), ax)


def activation_histograms(model: MLP, X: Any, *, bins: int = 40, ax: Any = None) -> Any:
    """Draw a histogram of what each layer gives for some rows, one above the other, the first layer at the top.

    Each is scaled to its own highest bin. What is exactly 0, as relu gives for half of its sums or more, is left out, and its share
    written beside it, with mean and standard deviation of all. Without dropout and noise.

    Parameters
    ----------
    model : MLP
    X : array-like, shape (rows, features)
        At least one row.
    bins : int, default 40
        For each layer, between its smallest and its largest activation; at least 1.
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    ValueError, TypeError
        If an argument does not fit, or an activation is not finite.
    ImportError
        If matplotlib is not installed.
    """
    kept: Any = check_model(model).forward(inputs_of(model, X), keep=True)
    layers = [np.asarray(a, np.float64).ravel() for a in (*kept.hidden, kept.output)]
    names = [f"layer {i + 1}\n{name}" for i, name in enumerate(model.network.activations)]
    notes = [f"{_zeros(a)}\n{_spread(a)}" for a in layers]
    return _ridges([a[a != 0] for a in layers], names, notes, "activation", check_int(bins, "bins", 1), ax)


def _spread(values: Array) -> str:
    with np.errstate(all="ignore"):  # what is not finite is refused by its layer
        return f"mean {values.mean():.2g}, std {values.std():.2g}"


def _zeros(values: Array) -> str:
    n = int((values == 0).sum())
    return "no zeros" if n == 0 else f"{n / values.size:.0%} zeros, not drawn"


def _ridges(layers: list[Array], names: list[str], notes: list[str], what: str, bins: int, ax: Any) -> Any:
    """Draw histograms above each other, with what is said of each at the right of it."""
    for i, values in enumerate(layers):
        if not np.isfinite(values).all():
            raise ValueError(f"layer {i + 1} has {what}s that are not finite, of which there is no histogram")
    ax = new_axes(ax, (6.0, 1.0 + 0.9 * len(layers)))
    from matplotlib.ticker import MaxNLocator

    for i, values in enumerate(layers):
        counts, edges = np.histogram(values, bins)
        bottom = float(-i)
        heights = bottom + 0.8 * counts / max(counts.max(), 1)
        ax.stairs(heights, edges, baseline=bottom, fill=True, facecolor="#cccccc", zorder=1 + i)
        ax.stairs(heights, edges, baseline=bottom, color="black", linewidth=0.8, zorder=1 + i, label=names[i])
        ax.axhline(bottom, color="black", linewidth=0.5, zorder=1 + i)
        ax.annotate(
            notes[i], (1.02, bottom + 0.4), xycoords=("axes fraction", "data"), fontsize=8, va="center"
        )
    ax.axvline(0, color="gray", linestyle=":", linewidth=0.8, zorder=0)
    ax.set_yticks([0.4 - i for i in range(len(layers))], names)
    ax.tick_params(axis="y", length=0)
    inches = (
        ax.get_window_extent().width / ax.figure.dpi
    )  # as they are before the notes beside them take their room
    ax.xaxis.set_major_locator(MaxNLocator(nbins=5 if inches > 4 else 3, steps=[1, 2, 5, 10]))
    ax.set(xlabel=what, ylim=(0.1 - len(layers) + 0.85, 0.95))
    return ax

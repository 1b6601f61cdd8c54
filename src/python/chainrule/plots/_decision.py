"""The classes that a network sees over two features."""

from __future__ import annotations

from typing import Any

import numpy as np

from chainrule._checks_values import check_int, check_sequence
from chainrule._metric_arrays import true_and_predicted_classes
from chainrule._network import Array
from chainrule.model import MLP

from ._axes import COLORS, HATCHES, MARKERS, check_model, inputs_of, label, legend_above, new_axes, nth

AREAS = ("#ffffff", "#c9dcec", "#f5d9c4", "#cfe8df", "#e8dced", "#f6ebc8", "#dbeef8", "#dddddd")


def decision_boundary(
    model: MLP,
    X: Any,
    y: Any,
    *,
    features: Any = None,
    labels: Any = None,
    resolution: int = 200,
    ax: Any = None,
) -> Any:
    """Draw which class the model predicts where, with the rows as markers.

    With one output, the shades of grey are the output (the darker, the larger), and the line is where it is 0.5; after sigmoid there are
    dotted lines at 0.1 and 0.9. With several outputs, the areas are where each of them is the largest.

    Parameters
    ----------
    model : MLP
        For classes: with one output, or with one for each class.
    X : array-like, shape (rows, features)
        At least one row.
    y : array-like
        Classes, as `chainrule.metrics.accuracy` takes them: labels (rows,), 0 and 1 for one output, or rows with a 1 for the class.
    features : pair of int, optional
        Which of more than two features to draw over, from 0 on; the others are held at their mean in X, so that rows
        may lie elsewhere than they seem to.
    labels : list of str, optional
        Names of the classes.
    resolution : int, default 200
        Points of the grid to each side; at least 2.
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    ValueError, TypeError
        If an argument does not fit, the model has not two inputs and no `features` were given, or an output is not finite.
    ImportError
        If matplotlib is not installed.
    """
    model = check_model(model)
    pair = _features(features, model.network.n_in)
    X = inputs_of(model, X)
    if not len(X):
        raise ValueError("X must have at least 1 row, but it has 0 rows")
    classes = true_and_predicted_classes(y, model.predict(X), "decision boundary", "y")[0]
    n_classes = max(model.network.n_out, 2)
    names = (
        [str(i) for i in range(n_classes)] if labels is None else check_sequence(labels, "labels", n_classes)
    )
    grid = _grid(X, pair, check_int(resolution, "resolution", 2))
    horizontal, vertical, rows = grid
    Z = np.asarray(model.predict(rows), np.float64).T.reshape(-1, len(vertical), len(horizontal))
    if not np.isfinite(Z).all():
        raise ValueError("model gives outputs that are not finite, between which there is no boundary")
    ax = new_axes(ax)
    if len(Z) == 1:
        _shades(ax, horizontal, vertical, Z[0], model.network.output_activation == "sigmoid")
    else:
        _areas(ax, horizontal, vertical, Z)
    for k in range(n_classes):
        face = (nth(COLORS, k), "white")[k % 2] if n_classes == 2 else nth(COLORS, k)
        ax.plot(
            *X[classes == k][:, pair].T, nth(MARKERS, k), markersize=4.5, markerfacecolor=face, markeredgecolor="black",
            markeredgewidth=0.8, label=label(names[k]), linestyle="none",
        )  # fmt: skip
    ax.set(xlabel=f"feature {pair[0]}", ylabel=f"feature {pair[1]}")
    ax.set(xlim=horizontal[[0, -1]], ylim=vertical[[0, -1]])
    legend_above(ax)
    return ax


def _features(features: Any, n_in: int) -> list[int]:
    if n_in < 2:
        raise ValueError(f"model must have 2 inputs or more to draw over two of them, but it has {n_in}")
    if features is None:
        if n_in != 2:
            raise ValueError(
                f"model must have 2 inputs, but it has {n_in}; say by features=(i, j) which two to draw over"
            )
        return [0, 1]
    pair = [check_int(i, "features", 0, n_in - 1) for i in check_sequence(features, "features", 2)]
    if pair[0] == pair[1]:
        raise ValueError(f"features must be two different ones, but both are {pair[0]}")
    return pair


def _grid(X: Array, pair: list[int], resolution: int) -> tuple[Array, Array, Array]:
    """Return the places to both sides, and a row of inputs for each pair of them."""
    sides = []
    for feature in pair:
        low, high = float(X[:, feature].min()), float(X[:, feature].max())
        room = 0.08 * (high - low) or 1.0
        sides.append(np.linspace(low - room, high + room, resolution))
    rows = np.tile(X.mean(axis=0, dtype=np.float64), (resolution**2, 1))
    rows[:, pair[0]] = np.tile(sides[0], resolution)
    rows[:, pair[1]] = np.repeat(sides[1], resolution)
    return sides[0], sides[1], rows.astype(X.dtype)


def _shades(ax: Any, x: Array, y: Array, Z: Array, is_sigmoid: bool) -> None:
    """Draw one output: ten shades of light grey, and its lines."""
    from matplotlib.colors import LinearSegmentedColormap

    greys = LinearSegmentedColormap.from_list("light greys", ["#ffffff", "#a0a0a0"], 10)
    low, high = (0.0, 1.0) if is_sigmoid else (min(float(Z.min()), 0.0), max(float(Z.max()), 1.0))
    ends = (*x[[0, -1]], *y[[0, -1]])
    ax.imshow(
        Z,
        extent=ends,
        origin="lower",
        aspect="auto",
        interpolation="bilinear",
        cmap=greys,
        vmin=low,
        vmax=high,
    )
    if is_sigmoid:
        lines = ax.contour(x, y, Z, levels=[0.1, 0.9], colors="#555555", linestyles=":", linewidths=0.9)
        ax.clabel(lines, fontsize=7)
    ax.contour(x, y, Z, levels=[0.5], colors="black", linewidths=1.6)


def _areas(ax: Any, x: Array, y: Array, Z: Array) -> None:
    """Draw where each output is the largest: light areas with hatches, and the lines between them."""
    import matplotlib as mpl

    for k in range(len(Z)):
        ahead = Z[k] - np.delete(Z, k, axis=0).max(axis=0)
        if (ahead > 0).any():
            with mpl.rc_context({"hatch.color": "#999999", "hatch.linewidth": 0.5}):
                top = float(ahead.max())
                area = ax.contourf(
                    x, y, ahead, levels=[0.0, top], colors=[nth(AREAS, k)], hatches=[nth(HATCHES, k) or None]
                )
                area.set_edgecolor("#999999")
                area.set_linewidth(0.0)
        if (ahead > 0).any() and (ahead < 0).any():
            ax.contour(x, y, ahead, levels=[0.0], colors="black", linewidths=1.0)

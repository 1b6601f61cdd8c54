"""What a network predicts, beside what is true."""

from __future__ import annotations

from typing import Any

import numpy as np

from chainrule._checks_values import check_bool, check_sequence, count
from chainrule._metric_arrays import true_and_predicted_classes, truth_and_prediction
from chainrule._network import Array
from chainrule.metrics import r2
from chainrule.model import MLP
from chainrule.targets import one_hot

from ._axes import COLORS, MARKERS, inputs_of, label, literal, new_axes, nth

MOST_CLASSES = 60
"""With more of them there are no numbers in the matrix, and not every class is marked: the figure would grow beyond any screen."""


def confusion_matrix(
    model: Any, X: Any, y: Any, *, labels: Any = None, shares: bool = False, ax: Any = None
) -> Any:
    """Draw how many rows of each class were taken for which: a row for each true class, a column for each predicted one.

    Parameters
    ----------
    model : MLP or array-like, shape (rows, outputs)
        Predictions of a model may be given in its place, with None as X.
    X : array-like, shape (rows, features), or None
    y : array-like
        Classes, as `chainrule.metrics.accuracy` takes them.
    labels : list of str, optional
        Names of the classes.
    shares : bool, default False
        Whether to write shares of the rows of each true class instead of numbers.
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib Axes
        Without numbers where there are more than 60 classes. Its image, ``ax.images[0]``, holds the shares of each true class.

    Raises
    ------
    ValueError, TypeError
        If an argument does not fit.
    ImportError
        If matplotlib is not installed.
    """
    prediction = _prediction(model, X)
    true, predicted, nan = true_and_predicted_classes(y, prediction, "confusion matrix", "y")
    if nan.any():
        raise ValueError(f"the prediction has NaN in {count(int(nan.sum()), 'row')}, which are of no class")
    n = max(prediction.shape[1], 2)
    names = [str(i) for i in range(n)] if labels is None else check_sequence(labels, "labels", n)
    counts = np.zeros((n, n), np.int64)
    np.add.at(counts, (true, predicted), 1)
    share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    written = [[f"{v:.2f}" for v in row] for row in share]
    if not check_bool(shares, "shares"):
        written = [[f"{v:,}" for v in row] for row in counts]
    names = [literal(name) for name in names]
    drawn = min(n, MOST_CLASSES)
    ax = new_axes(ax, (2.0 + 0.45 * drawn, 1.6 + 0.42 * drawn))
    ax.imshow(share, cmap="Greys", vmin=0, vmax=1)
    size = 9 if max(len(text) for row in written for text in row) <= 4 else 7
    for i, j in np.argwhere(counts).tolist() if n <= MOST_CLASSES else ():
        color = "white" if share[i, j] > 0.5 else "black"
        ax.text(j, i, written[i][j], ha="center", va="center", color=color, fontsize=size)
    turned = {"rotation": 45, "ha": "right", "rotation_mode": "anchor"} if max(map(len, names)) > 3 else {}
    marked = range(0, n, -(-n // MOST_CLASSES))
    ax.set_xticks(marked, [names[i] for i in marked], **turned)
    ax.set_yticks(marked, [names[i] for i in marked])
    ax.set(xlabel="predicted", ylabel="true")
    return ax


def predictions(model: Any, X: Any, y: Any, *, names: Any = None, ax: Any = None) -> Any:
    """Draw the predictions over the targets: the nearer to the diagonal, the better. The legend has each output's R².

    Parameters
    ----------
    model : MLP or array-like, shape (rows, outputs)
        Predictions of a model may be given in its place, with None as X.
    X : array-like, shape (rows, features), or None
    y : array-like, shape (rows, outputs) or, for one output, (rows,)
        NaN is a target that is missing, which is left out.
    names : list of str, optional
        Of the outputs.
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib Axes
        A line of markers for each output, after the diagonal.

    Raises
    ------
    ValueError, TypeError
        If an argument does not fit.
    ImportError
        If matplotlib is not installed.
    """
    prediction = _prediction(model, X)
    truth, p = truth_and_prediction(y, prediction, "y", missing=True)
    truth = one_hot(truth, p.shape[1], np.float64)
    n = p.shape[1]
    if names is None:
        names = ["prediction"] if n == 1 else [f"output {i}" for i in range(n)]
    names = [label(name) for name in check_sequence(names, "names", n)]
    ax = new_axes(ax, (4.8, 4.6))
    known = ~np.isnan(truth)
    both = np.concatenate([truth[known], p[known]])
    both = both[np.isfinite(both)]
    ends = [both.min(), both.max()] if both.size else [0.0, 1.0]
    ax.plot(ends, ends, color="black", linewidth=0.8, linestyle="--", label="as the target", zorder=1)
    size = 5 if len(p) < 200 else 3
    for i in range(n):
        mark = nth(MARKERS, i)
        y_i, p_i = truth[known[:, i]][:, [i]], p[known[:, i]][:, [i]]
        said = names[i] if len(p_i) < 2 else f"{names[i]}, R² {r2(y_i, p_i):.3f}"
        ax.plot(
            y_i[:, 0], p_i[:, 0], mark, markersize=size, markerfacecolor="none", markeredgecolor=nth(COLORS, i),
            markeredgewidth=0.7, linestyle="none", label=said, zorder=2,
        )  # fmt: skip
    ax.set(xlabel="target", ylabel="prediction", aspect="equal")
    ax.legend()
    return ax


def _prediction(model: Any, X: Any) -> Array:
    """Return the predictions (rows, outputs) of a model, or those that were given in its place."""
    if isinstance(model, MLP):
        return model.predict(inputs_of(model, X))
    if X is not None:
        raise TypeError(
            "model must be an MLP, or an array of predictions with None as X; for an estimator use scikit-learn's displays"
        )
    prediction = np.asarray(model)
    if prediction.ndim == 1:
        raise ValueError(
            f"prediction must have 2 dimensions (rows, outputs), as model.predict returns it, but its shape is {prediction.shape}; "
            "use prediction.reshape(-1, 1) for a single output"
        )
    return prediction

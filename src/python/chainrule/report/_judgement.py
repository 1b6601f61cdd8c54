"""The section that holds predictions against what they should have been."""

from __future__ import annotations

import numpy as np

from chainrule._metric_arrays import has_several_labels
from chainrule._network import Array
from chainrule.targets import one_hot

from ._given import Given
from ._html import Markup, missing, paragraph, section, table
from ._scatter import scatter

MOST_CLASSES = 25
"""A larger matrix is left out; the pairs that are confused most stand instead."""
MOST_OUTPUTS = 4
MOST_PAIRS = 30
MOST_NAMED = 200
"""Classes or outputs that have a line of their own."""
HUGE = 1e100
"""The squares of greater residuals might overflow."""


def judgement(given: Given) -> str:
    """Return the section: a confusion matrix of classes, or targets and residuals of quantities."""
    if given.rows is None:
        return section(
            "judgement",
            "Predictions",
            missing(
                "There are no rows to predict.", "Give X and y (on the command line --data and --target)."
            ),
        )
    outputs = given.model.predict(given.rows.inputs, n_threads=given.n_threads)
    target = one_hot(given.rows.target, given.network.n_out, np.float64)
    whole = np.isfinite(target).all(axis=1)
    said = f"{len(outputs):,} row{'s' * (len(outputs) != 1)} that the report was given."
    if not whole.all():
        said += f" {int((~whole).sum()):,} of them have a target that is missing and are left out."
    known = ~np.isnan(outputs).any(axis=1)
    if missing_outputs := int((whole & ~known).sum()):
        said += f" For {missing_outputs:,} of them the network gives NaN, and they are left out."
    outputs, target = outputs[whole & known], target[whole & known]
    if not len(outputs):
        return section("judgement", "Predictions", paragraph(said))
    if given.words.classes is not None:
        parts = _classes(given.words.classes, *_labels(outputs, target))
    elif has_several_labels(target) and given.network.output_activation == "sigmoid":
        parts = [_several(given.words.outputs, outputs, target)]
    else:
        with np.errstate(all="ignore"):  # outputs may be infinite
            parts = _quantities(given, outputs, target)
    return section("judgement", "Predictions", paragraph(said), *parts)


def _labels(outputs: Array, target: Array) -> tuple[Array, Array]:
    if outputs.shape[1] == 1:
        return (outputs[:, 0] >= 0.5).astype(np.int64), (target[:, 0] >= 0.5).astype(np.int64)
    return outputs.argmax(axis=1), target.argmax(axis=1)


def _classes(names: tuple[str, ...], predicted: Array, true: Array) -> list[str]:
    n, is_right = len(names), true == predicted
    right = int(is_right.sum())
    parts = [
        paragraph(f"{right:,} of {len(true):,} rows are right: accuracy {right / len(true):.4f}.", "result")
    ]
    if n <= MOST_CLASSES:
        parts.append(_matrix(names, np.bincount(true * n + predicted, minlength=n * n).reshape(n, n)))
    else:
        parts.append(_pairs(names, true[~is_right], predicted[~is_right]))
    hits, found, there = (np.bincount(which, minlength=n) for which in (true[is_right], predicted, true))
    rows = (
        [names[i], *(Markup(_share(hits[i], total)) for total in (found[i], there[i])), int(there[i])]
        for i in range(min(n, MOST_NAMED))
    )
    parts.append(table("Each class" + _first(n), ("class", "precision", "recall", "rows"), rows))
    return parts


def _first(n: int) -> str:
    return f" (the first {MOST_NAMED} of {n:,})" if n > MOST_NAMED else ""


def _share(part: int, total: int) -> str:
    return f"{part / total:.3f}" if total else "–"


def _matrix(names: tuple[str, ...], matrix: Array) -> str:
    rows = []
    for i, name in enumerate(names):
        total = max(int(matrix[i].sum()), 1)
        cells = [_cell(int(n), n / total, i == j) for j, n in enumerate(matrix[i])]
        rows.append([name, *cells])
    head = ("true ↓ predicted →", *names)
    note = paragraph("Framed cells are right. The bar below a number is its share of the row.", "note")
    return table("Confusion matrix", head, rows, kind="confusion") + note


def _cell(n: int, share: float, right: bool) -> Markup:
    kind = "right" if right else "wrong" if n else "none"
    return Markup(f'<span class="cell {kind}" style="--share:{share:.3f}">{n:,}</span>')


def _pairs(names: tuple[str, ...], true: Array, predicted: Array) -> str:
    """Return the pairs that are confused most; no matrix is made, which would have the square of so many classes."""
    pairs, numbers = np.unique(true * len(names) + predicted, return_counts=True)
    rows = []
    for place in np.argsort(-numbers, kind="stable")[:MOST_PAIRS]:
        i, j = divmod(int(pairs[place]), len(names))
        rows.append([names[i], names[j], int(numbers[place])])
    return paragraph(
        f"A matrix of {len(names)} classes is not shown; these are the pairs that are confused most."
    ) + table("Confused most", ("true", "predicted", "rows"), rows, text_columns=2)


def _several(names: tuple[str, ...], outputs: Array, target: Array) -> str:
    yes, is_one = outputs >= 0.5, target == 1
    rows = []
    for i, name in enumerate(names[:MOST_NAMED]):
        counts = (yes & is_one, yes & ~is_one, ~yes & is_one, ~yes & ~is_one)
        rows.append([name, *(int(which[:, i].sum()) for which in counts)])
    head = ("label", "yes, rightly", "yes, wrongly", "no, wrongly", "no, rightly")
    return table(f"Each label, yes where its output is at least 0.5{_first(len(names))}", head, rows)


def _quantities(given: Given, outputs: Array, target: Array) -> list[str]:
    preprocessing = given.words.preprocessing
    outputs, target = outputs.astype(np.float64), target.astype(np.float64)
    if preprocessing is not None and preprocessing.target_scaler is not None:
        outputs, target = (preprocessing.target_scaler.inverse_transform(a) for a in (outputs, target))
    rows, figures = [], []
    for i, name in enumerate(given.words.outputs[:MOST_NAMED]):
        residual, y = outputs[:, i] - target[:, i], target[:, i]
        rows.append([name, *_errors(residual, y)])
        if i < MOST_OUTPUTS:
            figures.append(
                scatter(f"{name}: target and prediction", y, outputs[:, i], "target", "prediction")
            )
            figures.append(scatter(f"{name}: target and residual", y, residual, "target", "residual"))
    head = ("output", "mean absolute error", "root mean squared error", "mean residual", "R²")
    parts = [
        table(f"Residuals: prediction less target{_first(len(given.words.outputs))}", head, rows),
        f'<div class="figures">{"".join(figures)}</div>',
    ]
    if len(given.words.outputs) > MOST_OUTPUTS:
        parts.append(
            paragraph(f"Drawn are the first {MOST_OUTPUTS} outputs of {len(given.words.outputs)}.", "note")
        )
    return parts


def _errors(residual: Array, y: Array) -> list[float]:
    """Return mean absolute error, root mean squared error, mean residual and R²."""
    largest = max(float(np.abs(residual).max()), float(np.abs(y).max()))
    unit = largest if HUGE < largest < np.inf else 1.0
    residual, y = residual / unit, y / unit
    spread = float(((y - y.mean()) ** 2).sum())
    r2 = 1 - float((residual**2).sum()) / spread if spread else float("nan")
    means = (float(np.abs(residual).mean()), float(np.sqrt((residual**2).mean())), float(residual.mean()))
    return [*(mean * unit for mean in means), r2]

"""What the metrics are computed from: truth and prediction as arrays that fit each other, and their classes."""

from __future__ import annotations

from typing import Any

import numpy as np

from ._checks_arrays import check_data
from ._checks_layers import check_rows
from ._network import Array
from .inputs import as_array
from .targets import as_target, one_hot


def truth_and_prediction(
    y_true: Any, prediction: Any, y_name: str = "y_true", *, missing: bool = False
) -> tuple[Array, Array]:
    """Return the truth, as int64 class labels (rows,) or float64 (rows, n_out), and the prediction in float64.

    ``missing`` says whether some of the truth may be NaN.
    """
    p = check_data(as_array(prediction, "prediction").astype(np.float64), "prediction", "(rows, n_out)")
    check_rows(p, "prediction")
    return as_target(y_true, p.shape[1], "float64", "", y_name, len(p), "prediction", missing=missing), p


def truth_and_error(y_true: Any, prediction: Any, y_name: str = "y_true") -> tuple[Array, Array]:
    """Return the truth (rows, n_out) and its distance from the prediction, in float64."""
    y, p = truth_and_prediction(y_true, prediction, y_name)
    y = one_hot(y, p.shape[1], np.float64)
    return y, y - p


def has_several_labels(y: Array) -> bool:
    """Whether each column of a truth says yes (1) or no (0) for itself: some row has not exactly one 1."""
    if y.ndim == 1 or y.shape[1] == 1 or not ((y == 0) | (y == 1)).all():
        return False
    return bool((y.sum(axis=1) != 1).any())


def refuse_several_labels(y: Array, name: str, y_name: str = "y_true") -> None:
    """Raise ValueError if the rows of a truth have none or several labels: then no output is the answer."""
    if has_several_labels(y):
        row = int((y.sum(axis=1) != 1).argmax())
        raise ValueError(
            f"{name} is for one class in each row, but row {row} of {y_name} has {int(y[row].sum())}; for any number of labels "
            "use accuracy, precision_macro, recall_macro, f1_macro or roc_auc"
        )


def true_and_predicted_classes(
    y_true: Any, prediction: Any, name: str, y_name: str = "y_true"
) -> tuple[Array, Array, Array]:
    """Return the classes (rows,) of truth and prediction, and which rows of the prediction have NaN.

    With several outputs the class is the column of the largest value (of the first one, if several are equal). With
    one output it is whether the value is at least 0.5. ``name`` is what errors call the metric, ``y_name`` the truth.
    """
    y, p = truth_and_prediction(y_true, prediction, y_name)
    refuse_several_labels(y, name, y_name)
    nan: Array = np.asarray(np.isnan(p).any(axis=1))
    if p.shape[1] > 1:
        if y.ndim == 2 and (outside := (y < 0) | (y > 1)).any():
            row, column = np.argwhere(outside)[0]
            raise ValueError(
                f"{y_name}[{row}, {column}] is {y[row, column]:g}, but the {name} is of classes, each a number from 0 to 1 in its "
                "column; for quantities use something else"
            )
        return (y if y.ndim == 1 else y.argmax(axis=1)), p.argmax(axis=1), nan
    if not ((y == 0) | (y == 1)).all():
        raise ValueError(
            f"{y_name} must hold 0 or 1 for the {name} of one output; for a quantity use something else"
        )
    return (y[:, 0] == 1).astype(np.int64), (p[:, 0] >= 0.5).astype(np.int64), nan

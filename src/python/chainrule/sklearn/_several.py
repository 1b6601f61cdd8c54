"""Several targets that are classes each: a softmax for each column of y, and the sum of their cross-entropies as the loss."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.utils.multiclass import type_of_target

KIND = "multiclass-multioutput"
"""What `sklearn.utils.multiclass.type_of_target` calls them."""


class Columns:
    """From labels of several columns to blocks of outputs, one for each class, and back; in the place of a LabelBinarizer.

    Parameters
    ----------
    classes : list of ndarray
        The labels of each column, sorted.
    """

    y_type_ = KIND

    def __init__(self, classes: list[Any]) -> None:
        self.classes_ = [np.unique(labels) for labels in classes]
        self.sizes = [len(labels) for labels in self.classes_]

    def blocks(self, output: Any) -> list[Any]:
        """Return views of the outputs of each column, (rows, classes)."""
        return np.split(output, np.cumsum(self.sizes)[:-1], axis=1)

    def transform(self, y: Any) -> Any:
        """Return whether each row has each class, (rows, classes of all columns).

        Raises
        ------
        ValueError
            If y has another number of columns, or a label is unknown.
        """
        if y.ndim != 2 or y.shape[1] != len(self.classes_):
            raise ValueError(
                f"y must have {len(self.classes_)} columns of labels, but its shape is {y.shape}"
            )
        for j, labels in enumerate(self.classes_):
            unknown = np.setdiff1d(y[:, j], labels)
            if len(unknown):
                raise ValueError(f"`y` has classes not in `self.classes_[{j}]`: {unknown}; that has {labels}")
        return np.hstack([y[:, [j]] == labels for j, labels in enumerate(self.classes_)])

    def inverse_transform(self, output: Any) -> Any:
        """Return the labels with the largest outputs, (rows, columns)."""
        chosen = [
            labels[block.argmax(axis=1)]
            for labels, block in zip(self.classes_, self.blocks(output), strict=True)
        ]
        return np.column_stack(chosen)

    def probabilities(self, sums: Any) -> list[Any]:
        """Return the softmax of each column's block."""
        return [_softmax(block) for block in self.blocks(sums)]

    def __call__(self, sums: Any, target: Any) -> tuple[float, Any]:
        """Return the mean over rows of the sum of the cross-entropies, and its derivative with respect to the sums.

        A row of the target may be multiplied by a weight: all then is divided by the sum of these.
        """
        weight = self.blocks(target)[0].sum(axis=1, dtype=np.float64)
        total = float(weight.sum())
        if total == 0:
            return 0.0, np.zeros_like(sums)
        value, derivatives = 0.0, []
        for block, wanted in zip(self.blocks(sums), self.blocks(target), strict=True):
            p = _softmax(block)
            logs = block - block.max(axis=1, keepdims=True)
            logs = logs - np.log(np.exp(logs).sum(axis=1, keepdims=True))
            value -= float((wanted * logs).sum(dtype=np.float64))
            derivatives.append((p * weight[:, None] - wanted) / total)
        return value / total, np.hstack(derivatives)


def _softmax(sums: Any) -> Any:
    powers = np.exp(sums - sums.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def are_several(y: Any) -> bool:
    """Return whether y has several columns that are classes each; what is no array at all is left to scikit-learn's checks."""
    try:
        array = y if hasattr(y, "ndim") else np.asarray(y)
        if array.ndim != 2 or array.shape[1] < 2:
            return False
        kind = type_of_target(array)
        if kind == "multilabel-indicator" and not hasattr(array, "toarray"):
            numbers = np.asarray(
                array
            )  # of two values, which scikit-learn takes for yes and no whatever they are
            return not bool(((numbers == 0) | (numbers == 1)).all())
        return bool(kind == KIND)
    except (ValueError, TypeError):
        return False


def are_of_columns(classes: Any) -> bool:
    """Return whether labels are those of several columns: a list with a list for each."""
    return (
        isinstance(classes, (list, tuple))
        and len(classes) > 1
        and all(np.ndim(labels) == 1 for labels in classes)
    )


def columns_of(estimator: Any) -> Columns | None:
    """Return what encodes the columns of y, where an estimator was fitted to several; None else."""
    found = getattr(estimator, "_label_binarizer", None)
    return found if isinstance(found, Columns) else None

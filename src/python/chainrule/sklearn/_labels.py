"""Labels that a classifier was not trained on, as its outputs should be."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.utils.multiclass import unique_labels
from sklearn.utils.validation import column_or_1d

from ._several import Columns


def encoded(binarizer: Any, y: Any) -> Any:
    """Return the labels as the binarizer of a fit has those that it was given, (rows, n_out).

    Parameters
    ----------
    binarizer : LabelBinarizer or Columns
    y : array-like or sparse matrix
        Sparse only where rows have several labels.

    Raises
    ------
    ValueError
        If labels are unknown, or y has not the columns of those trained on.
    """
    if isinstance(binarizer, Columns):
        return binarizer.transform(np.asarray(y))
    if binarizer.y_type_.startswith("multilabel"):
        y = y.toarray() if hasattr(y, "toarray") else np.asarray(y)
        if y.ndim != 2:
            raise ValueError(
                f"y of validation_data must have a column for each label, but its shape is {y.shape}"
            )
        if not ((y == 0) | (y == 1)).all():
            raise ValueError(
                "y of validation_data must say by 0 and 1 which labels a row has, but it holds other values"
            )
        return y.astype(bool)
    y = column_or_1d(y)
    unknown = np.setdiff1d(unique_labels(y), binarizer.classes_)
    if len(unknown):
        raise ValueError(
            f"validation_data has classes not in `self.classes_`: {unknown}; `self.classes_` has {binarizer.classes_}"
        )
    return binarizer.transform(y).astype(bool)

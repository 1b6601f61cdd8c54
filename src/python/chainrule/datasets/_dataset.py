"""What a loader gives back."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray


class Dataset(NamedTuple):
    """Rows with their targets, under the names that scikit-learn's loaders use.

    Attributes
    ----------
    data : ndarray of float32, shape (rows, features)
        One sample a row, unscaled.
    target : ndarray, shape (rows,)
        Class labels as int64, or float32 numbers where the target is a quantity.
    feature_names : tuple of str
        One name a column of `data`.
    target_names : tuple of str
        The name of each class, in the order of the labels; for a quantity, its one name.
    description : str
        What the data are, where they come from, and their licence.
    """

    data: NDArray[np.float32]
    target: NDArray[Any]
    feature_names: tuple[str, ...]
    target_names: tuple[str, ...]
    description: str

"""Checks of scikit-learn's that would find nothing, and take longer than an epoch of few rows: made here in microseconds.

Each answer is "surely right" or "not known": then scikit-learn's own checks are made, with their errors and warnings.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator

from ._prediction import is_finite, is_plain
from ._theirs import LabelBinarizer

SIMPLE = frozenset({str, int, float, bool, type(None)})
"""Types of arguments that are equal only where they mean the same."""
MOST = 512
FEW = 20
"""So few labels are never said to be suspiciously many."""

_valid: dict[Any, None] = {}


def validate_settings(estimator: Any, validate: Callable[[], None]) -> None:
    """Validate the constructor's arguments, but not those that have been found valid before: a search fits them again and again."""
    kind = type(estimator)
    given = vars(estimator)
    if kind.get_params is not BaseEstimator.get_params:
        validate()
        return
    known = []
    for name in kind._parameter_constraints:
        value = given.get(name)
        if type(value) is tuple and all(type(each) is int for each in value):
            known.append(value)
        elif type(value) in SIMPLE:
            known.append((type(value), value))
        else:
            validate()
            return
    key = (kind, *known)
    if key not in _valid:
        validate()
        if len(_valid) >= MOST:
            _valid.clear()
        _valid[key] = None


def are_plain(estimator: Any, X: Any, y: Any, reset: bool) -> bool:
    """Return whether X, and y of one column, surely are what an estimator can be fitted to, as they are.

    With ``reset`` the features of the estimator are then those of X.
    """
    if not (type(X) is np.ndarray and type(y) is np.ndarray and X.ndim == 2 and y.shape == X.shape[:1]):
        return False
    if not reset:
        return is_plain(estimator, X)
    if not is_finite(X):
        return False
    vars(estimator).pop("feature_names_in_", None)
    estimator.n_features_in_ = X.shape[1]
    return True


def known_labels(binarizer: Any, y: Any) -> Any:
    """Return labels as `LabelBinarizer.transform` does, as truth values; None where something is to be said of them."""
    if type(binarizer) is not LabelBinarizer or binarizer.y_type_ not in ("binary", "multiclass"):
        return None
    classes = binarizer.classes_
    if y.dtype.kind != classes.dtype.kind or y.dtype.kind not in "iuU" or len(classes) < 2:
        return None
    if len(y) > FEW and 2 * len(classes) > len(y):
        return None
    places = np.minimum(classes.searchsorted(y), len(classes) - 1)
    return _encoded(places, len(classes)) if (classes[places] == y).all() else None


def new_labels(y: Any) -> Any:
    """Return a LabelBinarizer of these labels, and what it makes of them; None where something is to be said of them."""
    if type(y) is not np.ndarray or y.ndim != 1 or y.dtype.kind not in "iuU":
        return None
    classes, places = np.unique(y, return_inverse=True)
    if not 2 <= len(classes) <= FEW or (len(y) > FEW and 2 * len(classes) > len(y)):
        return None
    return LabelBinarizer().fit(classes), _encoded(places, len(classes))


def _encoded(places: Any, n_classes: int) -> Any:
    """Return whether each row has each class, or the second of two."""
    if n_classes == 2:
        return places.reshape(-1, 1) == 1
    found = np.zeros((len(places), n_classes), bool)
    found[np.arange(len(places)), places] = True
    return found

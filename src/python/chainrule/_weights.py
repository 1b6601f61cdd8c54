"""From what users have as weights of rows and classes to what the cores take."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ._checks_values import check_real, describe
from ._network import Array
from .inputs import as_dtype

SMALLEST, LARGEST = 1e-20, 1e20
"""Weights of rows farther out could overflow in float32 when multiplied by a loss, or be flushed to 0."""

_OF_CLASSES = ("cross_entropy", "binary_cross_entropy", "hinge")


def as_weight(
    sample_weight: Any, class_weight: Any, target: Array, dtype: str, loss: str, name: str = "sample_weight",
    may_be_idle: bool = False
) -> Array | None:  # fmt: skip
    """Return the weight of each row, (rows,), of the dtype; None where all are equal.

    Parameters
    ----------
    sample_weight : array-like, shape (rows,), optional
        0, or from 1e-20 to 1e20; one of them more than 0.
    class_weight : "balanced" or mapping of class labels to weights, optional
        Times `sample_weight`. Balanced: ``rows / (classes * rows of the class)``, over the classes that occur. Classes
        that a mapping leaves out have weight 1.
    target : ndarray
        As `as_target` returns it.
    dtype : "float32" or "float64"
    loss : str
        Its kind.
    name : str
        What errors call the weights of rows.
    may_be_idle : bool, default False
        Whether all may be 0: of a batch among others.

    Raises
    ------
    TypeError, ValueError
        If an argument does not fit.
    """
    weight = None
    if sample_weight is not None:
        weight = as_dtype(sample_weight, name, dtype)
        if weight.shape != (len(target),):
            raise ValueError(f"{name} must have shape ({len(target)},), but its shape is {weight.shape}")
        _check_range(weight, name)
    if class_weight is not None:
        of_class = _of_classes(class_weight, _classes(target, loss))
        product = of_class if weight is None else weight * of_class
        given = "class_weight" if weight is None else f"class_weight times {name}"
        _check_range(product, given)
        weight = product.astype(dtype)
    if weight is not None and not may_be_idle and not weight.any():
        given = " times ".join(
            [name] * (sample_weight is not None) + ["class_weight"] * (class_weight is not None)
        )
        raise ValueError(f"{given} must be greater than 0 for some row, but it is 0 for all of them")
    return weight


def with_int_classes(class_weight: Any, y: Any) -> Any:
    """Return a mapping whose classes are True and False as one whose classes are 1 and 0, if the labels are such."""
    if not isinstance(class_weight, Mapping) or np.asarray(y).dtype.kind != "b":
        return class_weight
    return {
        int(label) if isinstance(label, (bool, np.bool_)) else label: weight
        for label, weight in class_weight.items()
    }


def _check_range(weight: Array, name: str) -> None:
    wrong = ~((weight == 0) | ((weight >= SMALLEST) & (weight <= LARGEST)))
    if wrong.any():
        i = int(np.argmax(wrong))
        raise ValueError(
            f"{name} must be 0 or from {SMALLEST:g} to {LARGEST:g}, but it is {weight[i]} in row {i}"
        )


def _classes(target: Array, loss: str) -> Array:
    """Return the class of each row."""
    if loss not in _OF_CLASSES:
        instead = "weigh the rows in it" if loss == "custom" else "use sample_weight"
        raise ValueError(
            f"class_weight needs a loss of classes ({', '.join(_OF_CLASSES)}), but the loss is {loss}; {instead}"
        )
    if target.ndim == 1:
        return target
    certain = ((target == 0) | (target == 1)).all()
    if certain and target.shape[1] == 1:
        return target[:, 0].astype(np.int64)
    if certain and (target.sum(axis=1) == 1).all():
        return np.asarray(target.argmax(axis=1))
    raise ValueError(
        "class_weight needs one class in each row (labels, or one 1 among 0), but y holds something else; use "
        "sample_weight or output_weights"
    )


def _of_classes(class_weight: Any, classes: Array) -> Array:
    """Return the weight of the class of each row."""
    names, numbers, counts = np.unique(classes, return_inverse=True, return_counts=True)
    if isinstance(class_weight, str):
        if class_weight != "balanced":
            raise ValueError(f"class_weight must be 'balanced' or a mapping, but it is {class_weight!r}")
        weights = len(classes) / (len(names) * counts)
    elif isinstance(class_weight, Mapping):
        known = ", ".join(str(name) for name in names[:10]) + ", ..." * (len(names) > 10)
        for label in class_weight:
            if isinstance(label, (bool, np.bool_)) or not isinstance(label, (int, np.integer)):
                raise TypeError(
                    f"the classes of class_weight must be ints, but one is {describe(label)}; those of y are {known}"
                )
        given = {
            int(label): check_real(weight, f"class_weight[{label}]", 0.0)
            for label, weight in class_weight.items()
        }
        unknown = sorted(set(given) - {int(name) for name in names})
        if unknown:
            raise ValueError(f"class_weight has class {unknown[0]}, but the classes of y are {known}")
        weights = np.array([given.get(int(name), 1.0) for name in names])
    else:
        raise TypeError(f"class_weight must be 'balanced' or a mapping, but it is {describe(class_weight)}")
    found: Array = weights[numbers.reshape(-1)]
    return found

"""The ten rows of a tutorial on back-propagation."""

from __future__ import annotations

from typing import Any, Literal, overload

import numpy as np
from numpy.typing import NDArray

from chainrule._checks_values import check_bool

from ._dataset import Dataset

_DESCRIPTION = """\
Ten rows, three inputs A, B, C and a target, all four equal: 100, 90, ..., 10.

The data of a worked example on the chain rule: min-max normalised to 1, 0.888889, ..., 0, split
80 : 20 into training and test rows, and learned row by row by a 3-4-1 network of sigmoids."""


@overload
def load_three_inputs(*, return_X_y: Literal[False] = False) -> Dataset: ...
@overload
def load_three_inputs(*, return_X_y: Literal[True]) -> tuple[NDArray[np.float32], NDArray[np.float32]]: ...
@overload
def load_three_inputs(*, return_X_y: bool) -> Dataset | tuple[NDArray[np.float32], NDArray[np.float32]]: ...


def load_three_inputs(*, return_X_y: bool = False) -> Any:
    """Load ten rows in which the inputs A, B and C and the target are all 100, 90, ..., 10.

    Parameters
    ----------
    return_X_y : bool
        Give the pair ``(data, target)`` instead of the whole `Dataset`.

    Returns
    -------
    Dataset, or (data, target)
        `data`: float32, shape (10, 3), unscaled. `target`: float32, shape (10,), a quantity and not
        a class. New, writable arrays at each call.
    """
    target = np.arange(100, 0, -10, dtype=np.float32)
    data = np.repeat(target[:, np.newaxis], 3, axis=1)
    if check_bool(return_X_y, "return_X_y"):
        return data, target
    return Dataset(data, target, ("A", "B", "C"), ("target",), _DESCRIPTION)

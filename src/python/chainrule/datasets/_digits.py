"""Handwritten digits: 1,797 images of 8 x 8 pixels."""

from __future__ import annotations

from importlib import resources
from typing import Any, Literal, overload

import numpy as np
from numpy.typing import NDArray

from chainrule._checks_values import check_bool

from ._dataset import Dataset

_DESCRIPTION = """\
Optical recognition of handwritten digits: 1,797 images of 8 x 8 pixels, written by 13 people.

Each pixel counts the dark points, 0 to 16, in one 4 x 4 block of a 32 x 32 bitmap. The ten classes
are the digits 0 to 9, with 174 to 183 images each. These are the 1,797 test images of the full set.

E. Alpaydin and C. Kaynak (1998), Optical Recognition of Handwritten Digits, UCI Machine Learning
Repository, https://doi.org/10.24432/C50P49. Licence: CC BY 4.0,
https://creativecommons.org/licenses/by/4.0/. Values unchanged; stored as compressed integers."""


@overload
def load_digits(*, return_X_y: Literal[False] = False) -> Dataset: ...
@overload
def load_digits(*, return_X_y: Literal[True]) -> tuple[NDArray[np.float32], NDArray[np.int64]]: ...
@overload
def load_digits(*, return_X_y: bool) -> Dataset | tuple[NDArray[np.float32], NDArray[np.int64]]: ...


def load_digits(*, return_X_y: bool = False) -> Any:
    """Load the handwritten digits.

    Parameters
    ----------
    return_X_y : bool
        Give the pair ``(data, target)`` instead of the whole `Dataset`.

    Returns
    -------
    Dataset, or (data, target)
        `data`: float32, shape (1797, 64), the pixels row by row, 0 (white) to 16 (black), unscaled;
        `data.reshape(-1, 8, 8)` are the images. `target`: int64, shape (1797,), the digit, 0 to 9.
        New, writable arrays at each call.

    Notes
    -----
    E. Alpaydin and C. Kaynak (1998), Optical Recognition of Handwritten Digits, UCI Machine Learning
    Repository, https://doi.org/10.24432/C50P49, under CC BY 4.0. The rows, their order and their
    values are those of `sklearn.datasets.load_digits`.
    """
    with (
        resources.files(__package__).joinpath("digits.npz").open("rb") as file,
        np.load(file, allow_pickle=False) as arrays,
    ):
        data = arrays["data"].astype(np.float32)
        target = arrays["target"].astype(np.int64)
    if check_bool(return_X_y, "return_X_y"):
        return data, target
    feature_names = tuple(f"pixel_{row}_{column}" for row in range(8) for column in range(8))
    return Dataset(data, target, feature_names, tuple("0123456789"), _DESCRIPTION)

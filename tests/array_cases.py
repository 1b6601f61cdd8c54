"""Sizes around the widths of vectors, and the ways in which an array may lie in memory."""

from __future__ import annotations

import numpy as np

WIDTHS = (1, 3, 7, 8, 9, 15, 16, 17, 31, 32, 33, 64)
"""One below, at and above the lanes of each instruction set (2 to 16), a panel (twice that) and a block (16)."""

LONG = [(5, 300, 40), (2, 2048, 33), (100, 257, 600), (113, 16, 5), (1, 2048, 300), (4, 513, 129), (33, 1, 1100),
        (7, 1031, 1024), (513, 741, 713), (4097, 260, 257)]  # fmt: skip
"""(rows, K, N) beyond the blocks of the kernels: 256 products in a row, 512 columns, 112 rows; weights that count as
large, 2^20, and 2^19 beside many rows; 2^16 beside 4096."""

SPECIAL = [np.nan, np.inf, -np.inf, 0.0, -0.0, 1.0, -1.0]


def whole_numbers(
    rng: np.random.Generator, shape: tuple[int, ...], dtype: str, largest: int = 3
) -> np.ndarray:
    """Small whole numbers: products and sums of them are exact, so their order cannot matter."""
    return rng.integers(-largest, largest + 1, shape).astype(dtype)


def _part(array: np.ndarray) -> np.ndarray:
    whole = np.full((array.shape[0] + 2, array.shape[1] + 5), np.nan, array.dtype)
    whole[1:-1, 3:-2] = array
    return whole[1:-1, 3:-2]


def _every_second_column(array: np.ndarray) -> np.ndarray:
    whole = np.full((array.shape[0], 2 * array.shape[1]), np.nan, array.dtype)
    whole[:, ::2] = array
    return whole[:, ::2]


def _every_second_row(array: np.ndarray) -> np.ndarray:
    return np.repeat(array, 2, axis=0)[::2]


def _read_only(array: np.ndarray) -> np.ndarray:
    copy = array.copy()
    copy.flags.writeable = False
    return copy


LAYOUTS = {
    "contiguous": np.ascontiguousarray,
    "read-only": _read_only,
    "part of a larger array": _part,
    "every second row": _every_second_row,
    "every second column": _every_second_column,
    "transposed": np.asfortranarray,
    "rows backwards": lambda array: np.ascontiguousarray(array[::-1])[::-1],
}
"""The same values; NaN lies around them where there is room, so that a read beyond the array is seen."""


def guarded(shape: tuple[int, int], dtype: str) -> tuple[np.ndarray, np.ndarray]:
    """An array for a result, and the larger one it is the middle of: what lies around it is 99."""
    whole = np.full((shape[0] + 2, shape[1]), 99, dtype)
    return whole[1:-1], whole

"""Rows of .npy files, read a window at a time and never mapped: a file that is cut meanwhile is an error, not a crash."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any, BinaryIO, NamedTuple

import numpy as np

from chainrule._checks_values import count
from chainrule._files import check_path, open_regular
from chainrule._network import Array

from ._order import Piece, order_of_windows
from ._stream import WINDOW, Stream, _as_dtype

_READ = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
    (3, 0): np.lib.format.read_array_header_2_0,
}
"""What reads the header of each version; 3.0 differs from 2.0 in the encoding of names of fields, which numbers lack."""


class _Header(NamedTuple):
    """What a .npy file says of itself."""

    path: str
    shape: tuple[int, ...]
    by_columns: bool
    dtype: np.dtype[Any]
    offset: int

    def rows(self, file: BinaryIO, start: int, stop: int) -> Array:
        """Return some rows, in the byte order of this machine."""
        shape = (stop - start, *self.shape[1:])
        if not self.by_columns:
            array = np.empty(shape, self.dtype)
            self._fill(file, array, start * math.prod(self.shape[1:]), stop)
        else:
            array, column = np.empty(shape, self.dtype), np.empty(shape[0], self.dtype)
            for j in range(shape[1]):
                self._fill(file, column, j * self.shape[0] + start, stop)
                array[:, j] = column
        return array.astype(self.dtype.newbyteorder("="), copy=False)

    def _fill(self, file: BinaryIO, array: Array, element: int, stop: int) -> None:
        file.seek(self.offset + element * self.dtype.itemsize)
        left = memoryview(array.reshape(-1).view(np.uint8).data)
        while left:
            n = file.readinto(left)  # type: ignore[attr-defined]
            if not n:
                raise ValueError(f"{self.path} ends before row {stop}; it was cut while it was read")
            left = left[n:]


class NpyStream(Stream):
    """Rows of ``.npy`` files, as `numpy.save` writes them.

    Parameters
    ----------
    X_path : str or path
        Holds X, (rows, features): floats, ints or bools, of any byte order and layout.
    y_path : str or path, optional
        Holds y, (rows,) or (rows, outputs). Integers stay what they are, such as class labels; floats get `dtype`, and may be
        NaN, for a target that is missing. None is for prediction.
    batch_size : int, default 32
        Rows of a batch; the last of an epoch may be smaller.
    window : int, default 32768
        Rows that are held in memory, and shuffled together. A stream needs about as much memory as two copies of them.
    shuffle : bool, default True
        Whether each epoch has an order of its own: of the windows, and in each of them. If False, that of the file.
    seed : int, default 0
        Of the orders.
    dtype : "float32" or "float64", optional
        What X becomes, and y if it holds floats; that of the file if it is one of them and none is given, else float32.
    transform : object with a method transform, or function, optional
        What X becomes window by window, such as a fitted scaler of `chainrule.preprocessing`: (rows, features) to (rows, any).

    Attributes
    ----------
    n_rows : int

    Raises
    ------
    ValueError, TypeError
        If an argument does not fit; or a file is no .npy file, holds objects or no numbers, or has no rows or another number
        of them.
    OSError
        If a file cannot be read.

    Notes
    -----
    The files must stay as they are as long as the stream is used: where their size or the time they were last written to
    changes, the window that is read then, or next, is an error and not given.

    Examples
    --------
    >>> stream = cr.streams.NpyStream("X.npy", "y.npy", batch_size=64)
    >>> trainer.fit_batches(stream, epochs=5)
    """

    def __init__(
        self, X_path: Any, y_path: Any = None, *, batch_size: int = 32, window: int = WINDOW, shuffle: bool = True,
        seed: int = 0, dtype: Any = None, transform: Any = None
    ) -> None:  # fmt: skip
        self._X = _header(check_path(X_path, "X_path"), (2,), "(rows, features)")
        self._y = None
        if y_path is not None:
            self._y = _header(check_path(y_path, "y_path"), (1, 2), "(rows,) or (rows, outputs)")
            if self._y.shape[0] != self._X.shape[0]:
                raise ValueError(
                    f"{self._y.path} has {count(self._y.shape[0], 'row')}, but {self._X.path} has {self._X.shape[0]}"
                )
        self.n_rows, self.n_features = self._X.shape
        if dtype is None:
            dtype = "float64" if self._X.dtype.kind == "f" and self._X.dtype.itemsize == 8 else "float32"
        super().__init__(
            [header.path for header in self._headers], self._y is not None, batch_size=batch_size, window=window,
            shuffle=shuffle, seed=seed, dtype=dtype, transform=transform
        )  # fmt: skip

    def __len__(self) -> int:
        """Return the number of batches in an epoch."""
        return math.ceil(self.n_rows / self.batch_size)

    @property
    def _headers(self) -> list[_Header]:
        return [self._X] if self._y is None else [self._X, self._y]

    def _windows(self, epoch: int | None) -> Iterator[tuple[int, Piece]]:
        n = -(-self.n_rows // self.window)
        with ExitStack() as stack:
            files = [stack.enter_context(open(header.path, "rb", buffering=0)) for header in self._headers]
            for number in range(n) if epoch is None else order_of_windows(n, self.seed, epoch).tolist():
                yield number, self._window(files, number)

    def _window(self, files: list[Any], number: int) -> Piece:
        start = number * self.window
        stop = min(start + self.window, self.n_rows)
        X = self._inputs(self._X.rows(files[0], start, stop), start)
        if self._y is None:
            return (X,)
        y = self._y.rows(files[1], start, stop)
        return X, _as_dtype(y, self.dtype) if y.dtype.kind == "f" else y


def _header(path: str, dimensions: tuple[int, ...], axes: str) -> _Header:
    """Return what a file says of itself; refuse what is no array of numbers."""
    file, size = open_regular(path)
    with file:
        try:
            version = np.lib.format.read_magic(file)
            if version not in _READ:
                raise ValueError(f"it has version {version[0]}.{version[1]}, but 1.0, 2.0 and 3.0 are read")
            shape, by_columns, dtype = _READ[version](file)
        except Exception as error:  # noqa: BLE001 - NumPy parses the header as Python: even MemoryError may come of that
            raise ValueError(f"{path} is no .npy file of numbers: {error}") from None
        offset = file.tell()
    if dtype.hasobject:
        raise TypeError(f"{path} holds Python objects, which are never read; save an array of numbers")
    if dtype.kind not in "fiub" or dtype.itemsize > 8:
        raise TypeError(
            f"{path} must hold floats of at most 64 bits, ints or bools, but its dtype is {dtype}"
        )
    if len(shape) not in dimensions:
        raise ValueError(f"{path} must hold an array {axes}, but its shape is {shape}")
    if any(isinstance(n, bool) or n < 0 for n in shape):
        raise ValueError(f"{path} is no .npy file of numbers: there is no array of shape {shape}")
    if 0 in shape:
        raise ValueError(f"{path} must have at least one row and one column, but its shape is {shape}")
    if size < offset + math.prod(shape) * dtype.itemsize:
        raise ValueError(f"{path} is cut short: it has {size} bytes, too few for an array of shape {shape}")
    return _Header(path, shape, by_columns and len(shape) == 2, dtype, offset)

"""What all streams share: their order, their batches, and that the file stays what it was."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from chainrule._checks_layers import MAX_WORDS, check_seed
from chainrule._checks_values import check_bool, check_dtype, check_int, describe
from chainrule._files import open_regular
from chainrule._network import Array
from chainrule.inputs import all_finite, as_array

from ._order import Piece, order_in_window, regroup, shuffled

WINDOW = 32768
"""Rows that are held and shuffled together, if nothing else is asked for."""


class Stream(ABC):
    """Rows of files, a window of them at a time: what `NpyStream`, `CsvStream` and `ParquetStream` share.

    ``stream(epoch)`` returns an iterator over the batches ``(X, y)`` of an epoch, which is how `Trainer.fit_batches` takes it.
    ``iter(stream)`` goes over all rows in the order of the file, in batches of ``(X, y)``, or of X alone where the stream
    has no target.

    Attributes
    ----------
    n_features : int
        Columns of X in the file, before `transform`.
    batch_size, window, shuffle, seed, dtype, transform
        The arguments.
    """

    n_features: int

    def __init__(
        self, paths: Sequence[str], has_target: bool, *, batch_size: Any, window: Any, shuffle: Any, seed: Any, dtype: Any,
        transform: Any
    ) -> None:  # fmt: skip
        self._stamps = {path: _stamp(path) for path in paths}
        self._has_target = has_target
        self.batch_size = check_int(batch_size, "batch_size", 1)
        self.window = check_int(window, "window", 1, MAX_WORDS)
        self.shuffle, self.seed = check_bool(shuffle, "shuffle"), check_seed(seed)
        self.dtype = check_dtype(dtype)
        if isinstance(transform, type):
            raise TypeError(f"transform is the class {transform.__name__}; give an object of it")
        if transform is not None and not callable(getattr(transform, "transform", transform)):
            raise TypeError(
                f"transform must be a function of X, or have a method transform, but it is {describe(transform)}"
            )
        self.transform = transform

    def __call__(self, epoch: int) -> Iterator[Piece]:
        """Return an iterator over the batches (X, y) of an epoch, counted from 0: in its own order, the same each time.

        Raises
        ------
        ValueError, TypeError
            If `epoch` is no whole number from 0 to 2^32 - 1, or there is no target; while it is iterated, if the file holds
            what cannot be used, or has changed. The message names the file and the line or the row.
        OSError
            If the file cannot be read.
        """
        epoch = check_int(epoch, "epoch", 0, 2**32 - 1)
        if not self._has_target:
            raise ValueError(f"{self!r} has no target to learn from; iterate over it for prediction")
        return regroup(self._pieces(epoch if self.shuffle else None), self.batch_size)

    def __iter__(self) -> Iterator[Any]:
        """Return an iterator over all rows in the order of the file: (X, y), or X where there is no target."""
        batches = regroup(self._pieces(None), self.batch_size)
        return batches if self._has_target else (X for (X,) in batches)

    def __repr__(self) -> str:
        settings = ", ".join(
            f"{name}={getattr(self, name)!r}" for name in ("batch_size", "window", "shuffle", "seed")
        )
        return f"{type(self).__name__}({', '.join(map(repr, self._stamps))}, {settings})"

    # For streams of files of a certain kind ------------------------------------------------------------------------

    @abstractmethod
    def _windows(self, epoch: int | None) -> Iterator[tuple[int, Piece]]:
        """Yield the windows, each with its number in the file, in the order for an epoch; None is that of the file.

        All but the last of the file have `window` rows. What is yielded is held nowhere else.
        """

    def _pieces(self, epoch: int | None) -> Iterator[Piece]:
        """Yield all rows in the order for an epoch, no more than a batch at a time."""
        windows = self._windows(epoch)
        while (numbered := self._unchanged(windows)) is not None:
            number, window = numbered
            order = None
            if epoch is not None:
                order = order_in_window(len(window[0]), self.seed, epoch, number)
            yield from shuffled(window, order, self.batch_size)
            del numbered, window, order  # before the next one is read

    def _unchanged(self, windows: Iterator[tuple[int, Piece]]) -> tuple[int, Piece] | None:
        """Return the next window, None after the last, of a file that was the same before it was read and is after it."""
        self._check_unchanged()
        try:
            numbered = next(windows, None)
        except (ValueError, TypeError):
            self._check_unchanged()  # which says why there is something wrong with it
            raise
        self._check_unchanged()
        return numbered

    def _check_unchanged(self) -> None:
        """Refuse to go on with a file that is no more what it was when the stream was made."""
        for path, stamp in self._stamps.items():
            if _stamp(path) != stamp:
                raise ValueError(f"{path} has changed since the stream was made; make a new one")

    def _inputs(self, X: Array, first: int, names: Sequence[str] = ()) -> Array:
        """Return the X of a window as batches have it: of the dtype, finite, transformed. ``first`` is its first row."""
        path = next(iter(self._stamps))
        X = _as_dtype(X, self.dtype)
        if not all_finite(X):
            row, column = (int(i) for i in np.argwhere(~np.isfinite(X))[0])
            name = f'"{names[column]}"' if names else str(column)
            raise ValueError(
                f"{path}, row {first + row}, column {name} is {X[row, column]}, but every number must be finite in {self.dtype}"
            )
        if self.transform is None:
            return X
        rows, shape = f"rows {first} to {first + len(X) - 1} of {path}", X.shape
        made = getattr(self.transform, "transform", self.transform)(X)
        if hasattr(made, "toarray"):  # scipy.sparse
            raise TypeError(
                f"transform returned a sparse matrix ({type(made).__name__}) for {rows}, but it must return an array"
            )
        X = as_array(made, f"what transform returned for {rows}")
        if X.ndim != 2 or len(X) != shape[0]:
            raise ValueError(
                f"transform must return an array (rows, features) of as many rows, but for one of shape {shape} it returned "
                f"one of shape {X.shape}"
            )
        X = _as_dtype(X, self.dtype)
        if not all_finite(X):
            row, column = (int(i) for i in np.argwhere(~np.isfinite(X))[0])
            raise ValueError(
                f"transform made column {column} of row {first + row} of {path} {X[row, column]}, but every number must be finite"
            )
        return X


def _as_dtype(X: Array, dtype: str) -> Array:
    """Return X, C-contiguous, of the dtype; what is too large for it becomes infinite."""
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        return np.ascontiguousarray(X, dtype)


def _stamp(path: str) -> tuple[int, int]:
    """Return what tells a file from the same one after it was written to: its size and when that was.

    Raises
    ------
    OSError
        If it is not there, or no regular file.
    """
    file, size = open_regular(path)
    with file:
        return size, os.fstat(file.fileno()).st_mtime_ns

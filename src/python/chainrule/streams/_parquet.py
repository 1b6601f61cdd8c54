"""Rows of a Parquet file by pyarrow, read a window at a time."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from chainrule._files import check_path, open_regular
from chainrule._network import Array

from ._columns import Columns, find_classes, no_class
from ._order import Piece, regroup
from ._stream import WINDOW, Stream, _as_dtype

_AT_ONCE, _BUFFER = 8192, 1 << 16
"""Rows that pyarrow converts at once, and bytes it reads of a column at once."""
_INT64_MAX = np.uint64(2**63 - 1)


class ParquetStream(Stream):
    """Rows of a Parquet file, read by pyarrow (``pip install "chainrule[parquet]"``).

    Parameters
    ----------
    path : str or path
    target : str or list of str, optional
        The column that is y, (rows,); or several, (rows, outputs). One column of integers stays integers, such as class
        labels, at most 2^63 - 1. Floats may be NaN or null (as pandas writes NaN), which become NaN: a target that is missing.
        None is for prediction.
    classes : list of str, optional
        The texts of the classes in the order of their labels: a target column of text.
    features : list of str, optional
        The columns of X, in this order; all but the others if not given. They hold floats, ints or bools.
    ignore : list of str, default ()
        Columns that are left out.
    batch_size : int, default 32
        Rows of a batch; the last of an epoch may be smaller.
    window : int, default 32768
        Rows that are held in memory, and shuffled together.
    shuffle : bool, default True
        Whether the rows of each window come in another order in each epoch. The windows come in the order of the file.
    seed : int, default 0
        Of the orders.
    dtype : "float32" or "float64", optional
        What X becomes, and y if it is no integers; if none is given, float64 where a column of X has it, else float32.
    transform : object with a method transform, or function, optional
        What X becomes window by window, such as a fitted scaler of `chainrule.preprocessing`: (rows, features) to (rows, any).

    Attributes
    ----------
    feature_names : list of str
        The columns of X.
    n_rows : int

    Raises
    ------
    ImportError
        If pyarrow is not installed.
    ValueError, TypeError
        If an argument does not fit, the file is no Parquet file, or a column is not there or of another type. While it is iterated:
        if a value is missing (but a float of the target) or not finite, a whole number too large, or of no class. The message has the
        file, the row (from 0 on) and the column.
    OSError
        If the file cannot be read.

    Notes
    -----
    The file must stay as it is as long as the stream is used: where its size or the time it was last written to changes,
    the window that is read then, or next, is an error and not given. Memory also depends on how the
    file was written: a page of each column is held.

    Examples
    --------
    >>> stream = cr.streams.ParquetStream("rides.parquet", target="fare", dtype="float32")
    >>> trainer.fit_batches(stream, epochs=5)
    """

    def __init__(
        self, path: Any, *, target: Any = None, classes: Any = None, features: Any = None, ignore: Any = (),
        batch_size: int = 32, window: int = WINDOW, shuffle: bool = True, seed: int = 0, dtype: Any = None,
        transform: Any = None
    ) -> None:  # fmt: skip
        self._path = check_path(path)
        self.n_rows: int
        open_regular(self._path)[0].close()
        with self._open() as file:
            schema, self.n_rows = file.schema_arrow, file.metadata.num_rows
        names = list(schema.names)
        places: dict[str, int] = {}
        for place, name in enumerate(names, start=1):
            if (first := places.setdefault(name, place)) != place:
                raise ValueError(f'{self._path}: columns {first} and {place} have the same name, "{name}"')
        shown = ", ".join(names[:8]) + (", ..." if len(names) > 8 else "")
        try:
            columns = Columns(
                names,
                features,
                target,
                ignore,
                lambda name: f'there is no column "{name}"; the columns are {shown}',
            )
        except ValueError as error:
            raise ValueError(f"{self._path}: {error}") from None
        if not self.n_rows:
            raise ValueError(f"{self._path} has no rows")
        self._classes = find_classes(classes, columns)
        self._columns, self.feature_names = columns, list(columns.features)
        self.n_features = len(columns.features)
        kinds = {name: self._kind(schema, name) for name in columns.features}
        self._integers = False
        for name in columns.targets if self._classes is None else ():
            self._integers = columns.is_single and self._kind(schema, name) in "iu"
        if self._classes is not None:
            self._check_text(schema, columns.targets[0])
        if dtype is None:
            dtype = "float64" if "d" in kinds.values() else "float32"
        super().__init__(
            [self._path], bool(columns.targets), batch_size=batch_size, window=window, shuffle=shuffle, seed=seed,
            dtype=dtype, transform=transform
        )  # fmt: skip

    def __len__(self) -> int:
        """Return the number of batches in an epoch."""
        return math.ceil(self.n_rows / self.batch_size)

    def _windows(self, epoch: int | None) -> Iterator[tuple[int, Piece]]:
        windows = regroup(self._read(), self.window)
        number = 0
        while (piece := next(windows, None)) is not None:
            X = self._inputs(piece[0], number * self.window, self.feature_names)
            window = (X, *piece[1:])
            del piece, X
            yield number, window
            del window
            number += 1

    def _read(self) -> Iterator[Piece]:
        """Yield the rows as they come; what is too large for the dtype becomes infinite."""
        first, wanted = 0, [*self._columns.features, *self._columns.targets]
        with self._open() as file:
            batches = file.iter_batches(min(_AT_ONCE, self.window), columns=wanted, use_threads=False)
            while True:
                try:
                    batch = next(batches, None)
                except (OSError, ValueError) as error:  # pyarrow's own are both
                    raise ValueError(f"{self._path} cannot be read from row {first} on: {error}") from error
                if batch is None:
                    return
                X = np.empty((batch.num_rows, self.n_features), self.dtype)
                with np.errstate(over="ignore", under="ignore"):
                    for j, name in enumerate(self._columns.features):
                        X[:, j] = self._values(batch, name, first)
                yield (X, *self._targets(batch, first))
                first += batch.num_rows

    def _targets(self, batch: Any, first: int) -> Piece:
        names = self._columns.targets
        if not names:
            return ()
        if self._classes is not None:
            return (self._labels(batch, names[0], first),)
        values = [self._values(batch, name, first, may_miss=True) for name in names]
        if self._integers:
            return (self._int64(values[0], names[0], first),)
        if self._columns.is_single:
            return (_as_dtype(values[0], self.dtype),)
        return (_as_dtype(np.stack(values, axis=1), self.dtype),)

    def _int64(self, values: Array, name: str, first: int) -> Array:
        """Return whole numbers as int64, which not all of uint64 are."""
        if values.dtype == np.uint64 and (values > _INT64_MAX).any():
            i = int(np.argmax(values > _INT64_MAX))
            raise ValueError(
                f'{self._path}, row {first + i}, column "{name}" is {values[i]}, but whole numbers of a target must be at '
                "most 2^63 - 1"
            )
        return values.astype(np.int64)

    def _values(self, batch: Any, name: str, first: int, may_miss: bool = False) -> Array:
        """Return a column of numbers, where it lies: `to_numpy` would import pandas, if it is installed.

        Floats that are missing are NaN if they may be.
        """
        column, types = batch.column(name), _pyarrow().types
        is_float = types.is_floating(column.type)
        if column.null_count and not (may_miss and is_float):
            row = first + column.is_null().to_pylist().index(True)
            raise ValueError(f'{self._path}, row {row}, column "{name}": missing value')
        valid, buffer = column.buffers()
        start, stop = column.offset, column.offset + len(column)
        if types.is_boolean(column.type):
            return _bits(buffer, start, stop)
        kind = "f" if is_float else "u" if types.is_unsigned_integer(column.type) else "i"
        values = np.frombuffer(buffer, f"{kind}{column.type.bit_width // 8}")[start:stop]
        if column.null_count:
            values = np.where(_bits(valid, start, stop), values, values.dtype.type(np.nan))
        return values

    def _labels(self, batch: Any, name: str, first: int) -> Array:
        classes = self._classes or {}
        labels = np.empty(batch.num_rows, np.int64)
        for i, text in enumerate(batch.column(name).to_pylist()):
            label = classes.get(text)
            if label is None:
                raise ValueError(
                    f'{self._path}, row {first + i}, column "{name}": {no_class(text or "", classes)}'
                )
            labels[i] = label
        return labels

    def _kind(self, schema: Any, name: str) -> str:
        """Return ``d`` for doubles, ``f`` for other floats, ``i`` for ints, ``b`` for bools."""
        types, found = _pyarrow().types, schema.field(name).type
        for kind, is_one in (
            ("d", types.is_float64),
            ("f", types.is_floating),
            ("i", types.is_integer),
            ("b", types.is_boolean),
        ):
            if is_one(found):
                return kind
        raise TypeError(
            f'{self._path}: column "{name}" must hold floats, ints or bools, but its type is {found}'
        )

    def _check_text(self, schema: Any, name: str) -> None:
        types, found = _pyarrow().types, schema.field(name).type
        text = found.value_type if types.is_dictionary(found) else found
        if not (types.is_string(text) or types.is_large_string(text)):
            raise TypeError(f'{self._path}: classes are texts, but the type of column "{name}" is {found}')

    def _open(self) -> Any:
        _pyarrow()
        from pyarrow.parquet import ParquetFile

        try:
            return ParquetFile(self._path, pre_buffer=False, buffer_size=_BUFFER, memory_map=False)
        except FileNotFoundError:
            raise
        except (OSError, ValueError) as error:
            raise ValueError(f"{self._path} is no Parquet file: {error}") from error


def _bits(buffer: Any, start: int, stop: int) -> Array:
    """Return bits of a buffer of pyarrow's, a byte each."""
    packed = np.frombuffer(buffer, np.uint8)[start // 8 : (stop + 7) // 8]
    return np.unpackbits(packed, bitorder="little")[start % 8 :][: stop - start]


def _pyarrow() -> Any:
    try:
        import pyarrow
    except ImportError as error:
        raise ImportError(
            'ParquetStream needs pyarrow, which is not installed: pip install "chainrule[parquet]"'
        ) from error
    return pyarrow

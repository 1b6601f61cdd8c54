"""Rows of a CSV file, read a window at a time."""

from __future__ import annotations

import math
import re
from array import array
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import numpy as np

from chainrule._checks_values import check_bool, check_dtype, describe
from chainrule._csv_records import (
    LARGEST,
    CsvError,
    check_fields,
    check_header,
    no_column,
    parse_number,
    records,
    shorten,
)
from chainrule._files import check_path, open_regular

from ._columns import Columns, find_classes, no_class
from ._order import Piece
from ._stream import WINDOW, Stream

_LABEL = re.compile(r"\+?[0-9]{1,18}")
_MISSING_TARGET = frozenset(["", "nan", "+nan", "-nan"])
"""Fields of a target of numbers that is missing, in any case."""


class CsvStream(Stream):
    """Rows of a CSV file of numbers with a header, in UTF-8, read line by line.

    Parameters
    ----------
    path : str or path
    target : str or list of str, optional
        The column that is y, (rows,); or several, (rows, outputs). In a column of numbers (no labels, no classes) a field
        that is empty or ``nan`` becomes NaN: a target that is missing. None is for prediction.
    labels : bool, default False
        Whether the target column holds class labels: integers from 0 on.
    classes : list of str, optional
        Or the texts of the classes in the order of their labels: a target column of text.
    features : list of str, optional
        The columns of X, in this order; all but the others if not given.
    ignore : list of str, default ()
        Columns that are left out; ``""`` are those without a name, such as the index that pandas writes first.
    delimiter : str, default ","
        What separates columns: one character.
    batch_size : int, default 32
        Rows of a batch; the last of an epoch may be smaller.
    window : int, default 32768
        Rows that are held in memory, and shuffled together.
    shuffle : bool, default True
        Whether the rows of each window come in another order in each epoch. The windows come in the order of the file.
    seed : int, default 0
        Of the orders.
    dtype : "float32" or "float64", default "float32"
        What numbers become.
    transform : object with a method transform, or function, optional
        What X becomes window by window, such as a fitted scaler of `chainrule.preprocessing`: (rows, features) to (rows, any).

    Attributes
    ----------
    feature_names : list of str
        The columns of X.

    Raises
    ------
    ValueError, TypeError
        If an argument does not fit, or the header is none or has no such column. While it is iterated: if a line has
        another number of fields, or a field is missing, no number, infinite or too large, or of no class. The message has the file,
        the line and the column.
    OSError
        If the file cannot be read.

    Notes
    -----
    The file must stay as it is as long as the stream is used: where its size or the time it was last written to changes,
    the window that is read then, or next, is an error and not given. Reading text takes longer than
    training a small network; `NpyStream` reads the same numbers many times as fast.

    Examples
    --------
    >>> stream = cr.streams.CsvStream("flowers.csv", target="species", classes=["setosa", "versicolor", "virginica"])
    >>> trainer.fit_batches(stream, epochs=5)
    """

    def __init__(
        self, path: Any, *, target: Any = None, labels: bool = False, classes: Any = None, features: Any = None,
        ignore: Any = (), delimiter: Any = ",", batch_size: int = 32, window: int = WINDOW, shuffle: bool = True,
        seed: int = 0, dtype: Any = "float32", transform: Any = None
    ) -> None:  # fmt: skip
        self._path = check_path(path)
        if not isinstance(delimiter, str) or len(delimiter) != 1 or delimiter in '"\r\n':
            raise ValueError(f"delimiter must be one character, but it is {describe(delimiter)}")
        self._delimiter = delimiter
        open_regular(self._path)[0].close()
        with closing(records(self._path, delimiter)) as rows:
            line, header = next(rows, (1, []))
        self._header = check_header(
            self._path, line, header, may_be_unnamed=_has_unnamed(ignore), hint='; ignore=[""] leaves it out'
        )
        try:
            columns = Columns(
                self._header,
                features,
                target,
                ignore,
                lambda name: no_column(name, self._header, "delimiter="),
            )
            if "" in columns.features or "" in columns.targets:
                raise ValueError("a column without a name can only be left out")
        except ValueError as error:
            raise CsvError(self._path, str(error), line=line) from None
        self._labels, self._classes = check_bool(labels, "labels"), find_classes(classes, columns)
        if self._labels and (self._classes is not None or not columns.is_single):
            raise ValueError("labels is about target, which must be the name of one column, without classes")
        self._columns, self.feature_names = columns, list(columns.features)
        self.n_features = len(columns.features)
        numbers = columns.features if self._labels or self._classes else [*columns.features, *columns.targets]
        place_of = {name: place for place, name in enumerate(self._header)}
        self._numbers = [(place_of[name], name) for name in numbers]
        self._all_in_order = numbers == self._header
        super().__init__(
            [self._path], bool(columns.targets), batch_size=batch_size, window=window, shuffle=shuffle, seed=seed,
            dtype=check_dtype(dtype), transform=transform
        )  # fmt: skip

    def _windows(self, epoch: int | None) -> Iterator[tuple[int, Piece]]:
        number, numbers, labels = 0, array("d"), array("q")
        label_place = None
        if self._labels or self._classes is not None:
            label_place = self._header.index(self._columns.targets[0])
        with closing(records(self._path, self._delimiter)) as rows:
            next(rows, None)  # the header, which is as it was
            n = 0
            for line, fields in rows:
                check_fields(self._path, line, self._header, fields)
                numbers.extend(self._parsed(line, fields))
                if label_place is not None:
                    labels.append(self._label(line, fields[label_place].strip()))
                n += 1
                if n == self.window:
                    ready = [self._window(numbers, labels, number * self.window)]
                    n, numbers, labels = 0, array("d"), array("q")
                    yield number, ready.pop()  # so that it is held nowhere else
                    number += 1
            if n:
                yield number, self._window(numbers, labels, number * self.window)
            elif not number:
                raise CsvError(self._path, "there is a header but no row below it")

    def _parsed(self, line: int, fields: list[str]) -> list[float]:
        """Return the numbers of a record."""
        picked = fields if self._all_in_order else [fields[place] for place, _ in self._numbers]
        try:
            found = list(map(float, picked))
            if sum(map(abs, found)) <= LARGEST[self.dtype] and "_" not in "".join(picked):
                return found  # nothing is NaN, infinite or too large
        except ValueError:
            pass
        found = []
        for text, (_, name) in zip(picked, self._numbers, strict=True):
            if len(found) >= self.n_features and text.strip().lower() in _MISSING_TARGET:
                found.append(math.nan)
                continue
            try:
                found.append(parse_number(text, self.dtype))
            except ValueError as error:
                raise CsvError(self._path, str(error), line=line, column=name) from None
        return found

    def _label(self, line: int, text: str) -> int:
        """Return the label of a record."""
        if self._classes is not None:
            if (label := self._classes.get(text)) is not None:
                return label
            why = no_class(shorten(text), self._classes)
        else:
            if _LABEL.fullmatch(text):
                return int(text)
            why = f'"{shorten(text)}" is no class label, an integer from 0 on' if text else "missing value"
        raise CsvError(self._path, why, line=line, column=self._columns.targets[0])

    def _window(self, numbers: array[float], labels: array[int], first: int) -> Piece:
        """Return what was read as arrays; ``first`` is the number of the first row, from 0."""
        values = np.frombuffer(numbers).reshape(-1, len(self._numbers))
        X = self._inputs(values[:, : self.n_features], first, self.feature_names)
        if not self._columns.targets:
            return (X,)
        if len(labels):
            return X, np.array(labels, dtype=np.int64)
        y = values[:, self.n_features :].astype(self.dtype)
        return X, y[:, 0].copy() if self._columns.is_single else y


def _has_unnamed(ignore: Any) -> bool:
    """Return whether columns without a name are left out; whether these are texts is not looked at yet."""
    return isinstance(ignore, (list, tuple)) and any(isinstance(name, str) and not name for name in ignore)

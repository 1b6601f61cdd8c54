"""Reading a whole CSV file: rows of numbers, and a column of text."""

from __future__ import annotations

from array import array
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from chainrule._csv_records import (
    CsvError,
    check_fields,
    check_header,
    no_column,
    parse_number,
    records,
    shorten,
)
from chainrule._network import Array

__all__ = ["CsvError", "Table", "parse_number", "read_table", "shorten"]


@dataclass
class Table:
    """Some columns of a CSV file.

    Attributes
    ----------
    feature_names : list of str
        The columns of `X`.
    X : ndarray of float64, shape (rows, features)
        Finite numbers that fit in float32.
    lines : sequence of int
        The line of the file on which each row begins, counted from 1.
    target : list of str
        The text of the target column, one a row, without surrounding spaces; empty if none was asked for.
    """

    path: str
    feature_names: list[str]
    X: Array
    lines: Sequence[int]
    target: list[str]


def read_table(
    path: str,
    *,
    features: Sequence[str] | None = None,
    target: str | None = None,
    ignore: Collection[str] = (),
    delimiter: str = ",",
) -> Table:
    """Read columns of numbers, and one of text, from a CSV file with a header.

    Parameters
    ----------
    features : sequence of str, optional
        The columns of numbers, in this order. All but `target` and those in `ignore` if not given.
    target : str, optional
        The column whose text is kept.

    Raises
    ------
    CsvError
        If the file is empty or not UTF-8; if it has no header, or a header with a name missing or twice; if a
        column asked for is not there; if a row has more or fewer fields than the header; if a value is missing,
        is no number, is infinite or is too large for float32; or if there are no rows.
    OSError
        If the file cannot be read.
    """
    rows = records(path, delimiter)
    header_line, header = next(rows, (1, []))
    header = check_header(path, header_line, header)
    place_of = {name: place for place, name in enumerate(header)}
    for name in [*(features or ()), *([] if target is None else [target]), *ignore]:
        if name not in place_of:
            raise CsvError(path, no_column(name, header), line=header_line)
    hint = "; --ignore leaves it out" if features is None and target is not None else ""
    if features is None:
        left_out = set(ignore)
        features = [name for name in header if name != target and name not in left_out]
        if not features:
            raise CsvError(path, "no column is left for the inputs", line=header_line)
    places = [(place_of[name], name) for name in features]
    target_place = None if target is None else place_of[target]
    numbers, lines, texts = array("d"), array("q"), []
    for line, fields in rows:
        check_fields(path, line, header, fields)
        for place, name in places:
            try:
                numbers.append(parse_number(fields[place]))
            except ValueError as error:
                why = str(error)
                if not lines and "is not a number" in why:  # no slip: the column holds text
                    why += hint
                raise CsvError(path, why, line=line, column=name) from None
        if target_place is not None:
            texts.append(fields[target_place].strip())
        lines.append(line)
    if not lines:
        raise CsvError(path, "there is a header but no row below it")
    X = np.array(numbers, dtype=np.float64).reshape(len(lines), len(places))
    return Table(path, list(features), X, lines, texts)

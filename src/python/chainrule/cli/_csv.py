"""Reading a CSV file: rows of text with their line numbers, and errors that say where and why."""

from __future__ import annotations

import csv
import math
import re
from array import array
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from chainrule._network import Array

MISSING = frozenset(["", "na", "n/a", "nan", "null", "none", "?"])
"""What counts as a missing value in a column of numbers, in any case."""

_LARGEST = float(np.finfo(np.float32).max)
_NOT_UTF8 = re.compile("[\udc80-\udcff]")


class CsvError(ValueError):
    """What is wrong with a CSV file, with the file, the line and the column where that is known."""

    def __init__(self, path: str, why: str, *, line: int | None = None, column: str | None = None) -> None:
        where = "" if line is None else f", line {line}"
        where += "" if column is None else f', column "{column}"'
        super().__init__(f"{path}{where}: {why}")


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
    rows = _rows(path, delimiter)
    header_line, header = next(rows, (1, []))
    header = _check_header(path, header_line, header)
    for name in [*(features or ()), *([] if target is None else [target]), *ignore]:
        if name not in header:
            raise CsvError(path, _no_column(name, header), line=header_line)
    hint = "; --ignore leaves it out" if features is None and target is not None else ""
    if features is None:
        features = [name for name in header if name != target and name not in ignore]
        if not features:
            raise CsvError(path, "no column is left for the inputs", line=header_line)
    places = [(header.index(name), name) for name in features]
    target_place = None if target is None else header.index(target)
    numbers, lines, texts = array("d"), array("q"), []
    for line, fields in rows:
        _check_fields(path, line, header, fields)
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


def parse_number(text: str) -> float:
    """Return the number that a field holds; a ValueError says why it holds none that can be used."""
    text = text.strip()
    if text.lower() in MISSING:
        raise ValueError(f'missing value ("{text}")' if text else "missing value")
    try:
        number = float(text.replace("_", " "))  # Python would take 1_000 for a thousand
    except ValueError:
        raise ValueError(f'"{shorten(text)}" is not a number') from None
    if math.isinf(number) and not any(sign.isdigit() for sign in text):
        raise ValueError(f'infinite value ("{text}")')
    if abs(number) > _LARGEST:
        raise ValueError(f'"{shorten(text)}" is too large (the largest number of float32 is {_LARGEST:.3g})')
    return number


def shorten(text: str) -> str:
    """Return at most 40 characters of a text, on one line."""
    text = text.replace("\n", " ").replace("\r", " ")
    return text if len(text) <= 40 else text[:37] + "..."


def _rows(path: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the line on which each record begins and its fields; lines without anything are left out."""
    # Bytes that are not UTF-8 become lone surrogates, so that they are found in their line and column.
    with open(path, newline="", encoding="utf-8-sig", errors="surrogateescape") as file:
        reader = csv.reader(file, delimiter=delimiter, strict=True)
        line = 1
        try:
            for fields in reader:
                if fields:
                    yield line, fields
                line = reader.line_num + 1
        except csv.Error as error:
            raise CsvError(path, f"this is not CSV: {error}", line=line) from None


def _check_header(path: str, line: int, header: list[str]) -> list[str]:
    if not header:
        raise CsvError(path, "the file is empty")
    for place, text in enumerate(header, start=1):
        if _NOT_UTF8.search(text):
            raise CsvError(
                path, f"the name of column {place} is not UTF-8; save the file as UTF-8", line=line
            )
    header = [name.strip() for name in header]
    if all(_is_number(name) for name in header):
        raise CsvError(
            path, "there is no header: the first line must hold the names of the columns", line=line
        )
    for place, name in enumerate(header, start=1):
        if not name:
            raise CsvError(path, f"column {place} has no name in the header", line=line)
        if name in header[: place - 1]:
            first = header.index(name) + 1
            raise CsvError(path, f"columns {first} and {place} have the same name", line=line, column=name)
    return header


def _check_fields(path: str, line: int, header: list[str], fields: list[str]) -> None:
    if len(fields) != len(header):
        what = f"{len(fields)} field{'s' * (len(fields) != 1)}, but the header has {len(header)}"
        if len(fields) < len(header):
            raise CsvError(path, f"missing value: {what}", line=line, column=header[len(fields)])
        raise CsvError(path, what, line=line)
    for name, text in zip(header, fields, strict=True):
        if not text.isascii() and (found := _NOT_UTF8.search(text)):
            byte = ord(found.group()) - 0xDC00
            raise CsvError(
                path, f"byte 0x{byte:02x} is not UTF-8; save the file as UTF-8", line=line, column=name
            )


def _no_column(name: str, header: list[str]) -> str:
    if len(header) == 1:
        return f'there is no column "{name}", only "{shorten(header[0])}"; --delimiter sets what separates columns'
    shown = ", ".join(shorten(known) for known in header[:8]) + (", ..." if len(header) > 8 else "")
    return f'there is no column "{name}"; the columns are {shown}'


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True

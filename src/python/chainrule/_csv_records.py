"""Records of a CSV file with their line numbers, and errors that say where and why."""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Generator

import numpy as np

MISSING = frozenset(["", "na", "n/a", "nan", "null", "none", "?"])
"""What counts as a missing value in a column of numbers, in any case."""

LARGEST = {name: float(np.finfo(name).max) for name in ("float32", "float64")}
"""The largest number of each dtype."""
_GZIP = b"\x1f\x8b"
_NOT_UTF8 = re.compile("[\udc80-\udcff]")


class CsvError(ValueError):
    """What is wrong with a CSV file, with the file, the line and the column where that is known."""

    def __init__(self, path: str, why: str, *, line: int | None = None, column: str | None = None) -> None:
        where = "" if line is None else f", line {line}"
        where += "" if column is None else f', column "{column}"'
        super().__init__(f"{path}{where}: {why}")


def parse_number(text: str, dtype: str = "float32") -> float:
    """Return the number that a field holds; a ValueError says why it holds none that can be used in this dtype."""
    text = text.strip()
    if text.lower() in MISSING:
        raise ValueError(f'missing value ("{text}")' if text else "missing value")
    try:
        number = float(text.replace("_", " "))  # Python would take 1_000 for a thousand
    except ValueError:
        raise ValueError(f'"{shorten(text)}" is not a number') from None
    if math.isnan(number):  # with a sign, as C writes it
        raise ValueError(f'missing value ("{text}")')
    if math.isinf(number) and not any(sign.isdigit() for sign in text):
        raise ValueError(f'infinite value ("{text}")')
    if abs(number) > LARGEST[dtype]:
        why = f'"{shorten(text)}" is too large (the largest number of {dtype} is {LARGEST[dtype]:.3g})'
        raise ValueError(why)
    return number


def shorten(text: str) -> str:
    """Return at most 40 characters of a text, on one line; what a terminal would obey is written as Python writes it."""
    text = "".join(c if c.isprintable() else " " if c in "\n\r" else ascii(c)[1:-1] for c in text[:41])
    return text if len(text) <= 40 else text[:37] + "..."


def records(path: str, delimiter: str) -> Generator[tuple[int, list[str]], None, None]:
    """Yield the line on which each record begins and its fields; lines without anything are left out."""
    # Bytes that are not UTF-8 become lone surrogates, so that they are found in their line and column.
    with open(path, newline="", encoding="utf-8-sig", errors="surrogateescape") as file:
        if file.buffer.peek(2)[:2] == _GZIP:  # type: ignore[attr-defined]
            raise CsvError(path, "the file is compressed (gzip); unpack it first")
        reader = csv.reader(file, delimiter=delimiter, strict=True)
        line = 1
        try:
            for fields in reader:
                if fields:
                    yield line, fields
                line = reader.line_num + 1
        except csv.Error as error:
            raise CsvError(path, f"this is not CSV: {error}", line=line) from None


def check_header(
    path: str, line: int, header: list[str], *, may_be_unnamed: bool = False, hint: str = ""
) -> list[str]:
    """Return the names of the columns, which a header must have, each but once.

    What is said of a column without a name, where all must have one, ends with ``hint``.
    """
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
    places: dict[str, int] = {}
    for place, name in enumerate(header, start=1):
        if not name:
            if may_be_unnamed:
                continue
            raise CsvError(path, f"column {place} has no name in the header{hint}", line=line)
        if (first := places.setdefault(name, place)) != place:
            raise CsvError(path, f"columns {first} and {place} have the same name", line=line, column=name)
    return header


def check_fields(path: str, line: int, header: list[str], fields: list[str]) -> None:
    """Refuse a record with more or fewer fields than the header, or text that is not UTF-8."""
    if len(fields) != len(header):
        what = f"{len(fields)} field{'s' * (len(fields) != 1)}, but the header has {len(header)}"
        if len(fields) < len(header):
            raise CsvError(path, f"missing value: {what}", line=line, column=header[len(fields)])
        raise CsvError(path, what, line=line)
    if "".join(fields).isascii():
        return
    for name, text in zip(header, fields, strict=True):
        if not text.isascii() and (found := _NOT_UTF8.search(text)):
            byte = ord(found.group()) - 0xDC00
            raise CsvError(
                path, f"byte 0x{byte:02x} is not UTF-8; save the file as UTF-8", line=line, column=name
            )


def no_column(name: str, header: list[str], delimiter: str = "--delimiter") -> str:
    """Return what is said of a column that is not there; ``delimiter`` is what sets the delimiter."""
    if len(header) == 1:
        return f'there is no column "{name}", only "{shorten(header[0])}"; {delimiter} sets what separates columns'
    shown = ", ".join(shorten(known) for known in header[:8]) + (", ..." if len(header) > 8 else "")
    return f'there is no column "{name}"; the columns are {shown}'


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True

"""What the column to be predicted is: the names of classes, or a quantity."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from chainrule._network import Array

from ._csv import CsvError, Table, parse_number, shorten

MOST_INTEGER_CLASSES = 20
"""More different integers than this are taken for a quantity, unless the task is given."""

_INTEGER = re.compile(r"[+-]?[0-9]+")
_MISSING_CLASS = frozenset(["", "na", "n/a", "nan"])  # not "none" or "null", which may well be names


@dataclass
class Target:
    """The target of each row.

    Attributes
    ----------
    values : ndarray, shape (rows,)
        int64 labels, which index `class_names`; or float64 numbers.
    class_names : tuple of str, or None
        The classes in the order of their labels; None where the target is a quantity.
    """

    values: Array
    class_names: tuple[str, ...] | None


def read_target(table: Table, column: str, task: str = "auto") -> Target:
    """Turn the text of a table's target column into labels or numbers.

    ``task="auto"`` takes it for classes where no value is a number, or where all are integers, at most
    `MOST_INTEGER_CLASSES` different ones, each in two rows on the average.

    Raises
    ------
    CsvError
        If a value is missing, or is not a number where the others are; if all are equal; or if there are as many
        classes as rows.
    """
    hint = "; --task classification takes each value as the name of a class" if task == "auto" else ""
    if task == "auto":
        task = _guess_task(table)
    if task == "regression":
        numbers = np.array(_numbers(table, column, hint))
        if len(numbers) > 1 and (numbers == numbers[0]).all():
            why = f"every row has the value {numbers[0]}; there is nothing to learn"
            raise CsvError(table.path, why, column=column)
        return Target(numbers, None)
    for line, text in zip(table.lines, table.target, strict=True):
        if text.lower() in _MISSING_CLASS:
            raise CsvError(table.path, "missing value", line=line, column=column)
    integers = all(_INTEGER.fullmatch(text) for text in table.target)
    names = sorted(set(table.target), key=lambda text: (int(text) if integers else 0, text))
    if len(names) == 1:
        why = f'every row has the class "{shorten(names[0])}"; there is nothing to learn'
        raise CsvError(table.path, why, column=column)
    if len(names) == len(table.target):
        why = f"each of the {len(names)} rows has a class of its own; --task regression is for quantities"
        raise CsvError(table.path, why, column=column)
    label = {name: i for i, name in enumerate(names)}
    return Target(np.array([label[text] for text in table.target], dtype=np.int64), tuple(names))


def _guess_task(table: Table) -> str:
    texts = set(table.target)
    if all(_INTEGER.fullmatch(text) for text in texts):
        few = len(texts) <= MOST_INTEGER_CLASSES and 2 * len(texts) <= len(table.target)
        return "classification" if few else "regression"
    if not any(_is_finite(text) for text in texts):
        return "classification"
    return "regression"


def _numbers(table: Table, column: str, hint: str) -> list[float]:
    numbers = []
    for line, text in zip(table.lines, table.target, strict=True):
        try:
            numbers.append(parse_number(text))
        except ValueError as error:
            why = f"{error}{hint * ('is not a number' in str(error))}"
            raise CsvError(table.path, why, line=line, column=column) from None
    return numbers


def _is_finite(text: str) -> bool:
    try:
        parse_number(text)
    except ValueError:
        return False
    return True

"""Columns of data frames that a network cannot take: which they are, and what makes numbers of them.

scikit-learn turns a frame into an array before it looks, and then can no longer say which column was to blame. What it
takes is taken here too: text that reads as numbers, and categories that are numbers.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np

from chainrule._checks_values import describe

SHOWN = 5
SEVERAL = (list, tuple, dict, set, np.ndarray)
ENCODE = (
    "use sklearn.preprocessing.OneHotEncoder, or OrdinalEncoder where the categories have an order, for these "
    "columns (sklearn.compose.make_column_transformer takes the columns and passes the others through)"
)
DATES = "use a number in its place, for instance the days since a date"
NESTED = "use a column for each number"
IMPUTE = (
    "use sklearn.impute.SimpleImputer before it in a pipeline (with add_indicator=True if it matters that a value is "
    "missing), or drop these rows"
)


class _Column(NamedTuple):
    """A column as both libraries have it: what kind it is, how many values are missing, one that is there."""

    name: Any
    kind: str
    missing: int
    example: Callable[[], Any]


def refuse_unfit_columns(X: Any, name: str = "X") -> None:
    """Refuse a data frame with columns that hold something else than numbers, or lack values; leave all else alone.

    Parameters
    ----------
    X : anything
        Looked at only if it is a DataFrame of pandas or polars.
    name : str, default "X"
        What the argument is called in messages.

    Raises
    ------
    ValueError
        The message names the columns, shows what is in them, and says what to use. Where scikit-learn refuses the same
        frame, its own words are in it.
    """
    if type(X) is np.ndarray or (columns := _columns(X)) is None:
        return
    numbers = numbers_of(X)
    if numbers is not None and (numbers.size == 0 or not np.isnan(numbers.min())):
        return
    texts, dates, nested, missing = [], [], [], []
    for column in columns:
        if column.missing:
            missing.append(f"{column.name!r} ({column.missing})")
        example = column.example() if column.kind == "text" else None
        if column.kind == "date":
            dates.append(repr(column.name))
        elif column.kind == "nested" or isinstance(example, SEVERAL):
            nested.append(repr(column.name))
        elif example is not None:
            texts.append((column.name, example))
    faults = []
    if texts:
        shown = _listed(f"{column!r} ({describe(example)})" for column, example in texts)
        faults.append(f"{name} has columns that do not hold numbers: {shown}: {ENCODE}")
    if dates:
        faults.append(f"{name} has columns of dates or times: {_listed(dates)}: {DATES}")
    if nested:
        faults.append(f"{name} has columns with several values in an entry: {_listed(nested)}: {NESTED}")
    if missing:
        faults.append(
            f"Input {name} contains NaN. Columns with missing values, and how many: {_listed(missing)}: {IMPUTE}"
        )
    if texts and isinstance(texts[0][1], str):
        faults.append(f"could not convert string to float: {texts[0][1]!r}")
    if faults:
        raise ValueError(". ".join(faults))


def numbers_of(X: Any) -> Any:
    """Return the values of a frame whose columns all hold numbers of NumPy's kinds, (rows, columns); None for all else."""
    for library in ("pandas", "polars"):
        module: Any = sys.modules.get(library)
        if module is None or not isinstance(X, module.DataFrame):
            continue
        if library == "polars":
            is_numeric = all(dtype.is_integer() or dtype.is_float() for dtype in X.dtypes)
        else:
            is_numeric = all(isinstance(dtype, np.dtype) and dtype.kind in "iuf" for dtype in X.dtypes)
        values = X.to_numpy() if is_numeric else None
        return values if values is not None and values.dtype.kind in "iuf" else None
    return None


def _columns(X: Any) -> Iterator[_Column] | None:
    """Return the columns of a frame; None if it is none. A library that nobody has imported has made no frame."""
    for library, columns in (("pandas", _of_pandas), ("polars", _of_polars)):
        module = sys.modules.get(library)
        if module is not None and isinstance(X, module.DataFrame):
            return columns(module, X)
    return None


def _of_pandas(pandas: Any, frame: Any) -> Iterator[_Column]:
    types, missing = pandas.api.types, frame.isna().to_numpy().sum(axis=0)
    for j, dtype in enumerate(frame.dtypes):
        if types.is_numeric_dtype(dtype):  # bool too
            kind = "number"
        elif types.is_datetime64_any_dtype(dtype) or types.is_timedelta64_dtype(dtype):
            kind = "date"
        elif isinstance(dtype, (pandas.PeriodDtype, pandas.IntervalDtype)):
            kind = "date" if isinstance(dtype, pandas.PeriodDtype) else "nested"
        else:
            kind = "text"
        yield _Column(
            frame.columns[j],
            kind,
            int(missing[j]),
            lambda j=j: _no_number(frame.iloc[:, j].dropna()),  # type: ignore[misc]
        )


def _of_polars(polars: Any, frame: Any) -> Iterator[_Column]:
    for column in frame.get_columns():
        dtype = column.dtype
        if dtype.is_numeric() or dtype == polars.Boolean:
            kind = "number"
        elif dtype.is_temporal():
            kind = "date"
        elif dtype.is_nested():
            kind = "nested"
        else:
            kind = "text"
        missing = column.null_count()
        if dtype.is_float():
            missing += int(column.is_nan().sum())
        yield _Column(
            column.name,
            kind,
            int(missing),
            lambda column=column: _no_number(column.drop_nulls()),  # type: ignore[misc]
        )


def _no_number(values: Any) -> Any:
    """Return the first of the values, none of which is missing, that cannot be read as a number; None if all can."""
    for value in values:
        try:
            float(value)
        except (TypeError, ValueError):
            return value
    return None


def _listed(items: Iterable[str]) -> str:
    items = list(items)
    more = f" and {len(items) - SHOWN} more" if len(items) > SHOWN else ""
    return ", ".join(items[:SHOWN]) + more

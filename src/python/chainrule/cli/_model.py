"""A saved network with what was saved beside it."""

from __future__ import annotations

from typing import Any

from chainrule.model import MLP
from chainrule.persistence import load_with_preprocessing
from chainrule.tabular import TablePreprocessing


def load_model(path: str) -> tuple[MLP, TablePreprocessing | None]:
    """Return the model in a file, and how its table was prepared (None for a model saved without that).

    Raises
    ------
    ValueError, OSError
        As `chainrule.load`; and ValueError if the preprocessing is malformed, of another program, or does not fit.
    """
    model, record = load_with_preprocessing(path)
    return model, table_preprocessing(path, model, record)


def table_preprocessing(path: str, model: MLP, record: dict[str, Any] | None) -> TablePreprocessing | None:
    """Return how a table was prepared, by what was saved with its model; None if nothing was.

    Raises
    ------
    ValueError
        If it is malformed, of another program, or does not fit.
    """
    if record is None:
        return None
    try:
        return TablePreprocessing.from_record(record, model.network)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{path}: the preprocessing saved with the model cannot be used: {error}") from error

"""Which columns of a table are the inputs, and what the targets become."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from chainrule._checks_values import check_sequence, describe


class Columns:
    """The arguments of a stream about columns, checked against the names that a file has.

    Parameters
    ----------
    names : list of str
        The columns of the file.
    features : list of str or None
        The inputs; None for all but the others.
    target : str, list of str or None
    ignore : list of str
    no_column : function of a name
        Says that there is no such column.

    Attributes
    ----------
    features, targets : list of str
    is_single : bool
        Whether y is (rows,), of one column.
    """

    def __init__(
        self, names: Sequence[str], features: Any, target: Any, ignore: Any, no_column: Callable[[str], str]
    ) -> None:
        self.is_single = isinstance(target, str)
        if not isinstance(target, (str, list, tuple, type(None))):
            raise TypeError(
                f"target must be the name of a column or a list of names, but it is {describe(target)}"
            )
        self.targets: list[str] = (
            [] if target is None else [target] if isinstance(target, str) else _texts(target, "target")
        )
        left_out = _texts(ignore, "ignore")
        wanted = None if features is None else _texts(features, "features")
        known, aims = set(names), set(self.targets)
        for name in [*self.targets, *left_out, *(wanted or ())]:
            if name not in known:
                raise ValueError(no_column(name))
        if wanted is None:
            others = aims.union(left_out)
            self.features = [name for name in names if name not in others]
        else:
            self.features = wanted
        for name in self.features:
            if name in aims:
                raise ValueError(f'column "{name}" is among features and target')
        if not self.features:
            raise ValueError("no column is left for the inputs")
        if target is not None and not self.targets:
            raise ValueError("target must be the name of a column or several, but it is empty")


def find_classes(classes: Any, columns: Columns) -> dict[str, int] | None:
    """Return the label of each class by its text.

    Raises
    ------
    ValueError, TypeError
        If these are no different texts, or there is not one target column.
    """
    if classes is None:
        return None
    names = _texts(classes, "classes")
    if not columns.is_single:
        raise ValueError("classes is about target, which must be the name of one column then")
    if len(names) < 2:
        raise ValueError(f"classes must be at least two, but there are {len(names)}")
    return {name: label for label, name in enumerate(names)}


def no_class(text: str, classes: dict[str, int]) -> str:
    """Return what is said of a text that names no class."""
    shown = ", ".join(list(classes)[:8]) + (", ..." if len(classes) > 8 else "")
    return f'"{text}" is none of the classes {shown}' if text else "missing value"


def _texts(value: Any, name: str) -> list[str]:
    texts = list(check_sequence(value, name))
    seen: set[str] = set()
    for text in texts:
        if not isinstance(text, str):
            raise TypeError(f"{name} must hold texts, but one is {describe(text)}")
        if text in seen:
            raise ValueError(f'{name} has "{text}" twice')
        seen.add(text)
    return texts

"""Losses, optimizers and schedules as builtins, so that a file can hold them without naming a class.

One of ours is a dict of its ``kind``, the name it has in `chainrule.optimizers`, `chainrule.schedules` or `chainrule.losses`, and
its arguments; a name or a number is what it is. A function of the user's cannot be kept: its place is a dict of kind
``function`` and its name, and whoever reads the file gives the function again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, is_dataclass
from typing import Any

from . import losses, optimizers, schedules
from ._checks_values import describe

_LOSSES = (losses.Huber, losses.Quantile, losses.CrossEntropy, losses.BinaryCrossEntropy)
_OPTIMIZERS = (
    optimizers.SGD, optimizers.Adam, optimizers.AdamW, optimizers.RMSprop, optimizers.Adagrad, optimizers.RPROP
)  # fmt: skip
_SCHEDULES = (
    schedules.Constant, schedules.StepDecay, schedules.Exponential, schedules.InverseScaling, schedules.Cosine,
    schedules.OneCycle, schedules.LinearWarmup, schedules.ReduceOnPlateau
)  # fmt: skip
_KINDS: dict[str, Callable[..., Any]] = {
    kind.__name__: kind for kind in (*_LOSSES, *_OPTIMIZERS, *_SCHEDULES)
}
FUNCTION = "function"


def to_plain(value: Any) -> Any:
    """Return a setting as builtins."""
    if value is None or type(value) in (bool, int, float, str):
        return value
    if type(value) in (tuple, list):
        return [to_plain(each) for each in value]
    if type(value) in _KINDS.values() and is_dataclass(value):
        arguments = {field.name: to_plain(getattr(value, field.name)) for field in fields(value)}
        return {"kind": type(value).__name__, **arguments}
    return {"kind": FUNCTION, "name": getattr(value, "__qualname__", type(value).__qualname__)}


def function_in(plain: Any) -> str | None:
    """Return the name of a function of the user's that this setting holds, None if it holds none."""
    if not isinstance(plain, dict):
        return None
    if plain.get("kind") == FUNCTION:
        return str(plain.get("name"))
    return next((name for part in plain.values() if (name := function_in(part))), None)


def from_plain(plain: Any, name: str) -> Any:
    """Return the setting that `to_plain` made this of.

    Raises
    ------
    ValueError, TypeError
        If it was not made by `to_plain`, or its numbers do not fit; the message begins with ``name``.
    """
    if plain is None or type(plain) in (bool, int, float, str):
        return plain
    if type(plain) is list:
        return tuple(from_plain(each, name) for each in plain)
    kind = plain.get("kind") if type(plain) is dict else None
    if type(kind) is not str or kind not in _KINDS:
        raise ValueError(
            f"{name} must be of a kind that this version knows, but it is {describe(kind or plain)}"
        )
    made = _KINDS[kind]
    known = {field.name for field in fields(made)}  # type: ignore[arg-type]
    given = plain.keys() - {"kind"}
    if given != known:
        wrong = ", ".join(sorted(map(str, given ^ known)))
        raise ValueError(f"{name} is a {kind} that lacks or does not know {wrong}")
    try:
        return made(**{key: from_plain(plain[key], f"{name}.{key}") for key in known})
    except (ValueError, TypeError) as error:
        raise type(error)(f"{name}: {error}") from error

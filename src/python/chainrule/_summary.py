"""What a network, a trainer and a history are, in a few lines of text or of HTML."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from ._checks_values import count
from ._html import sparkline, table
from ._network import Array, Network

if TYPE_CHECKING:
    from .history import History

_HEAD = ("layer", "inputs", "outputs", "activation", "dropout", "parameters", "bytes")
_COURSES = ("measured", "course", "first", "last", "lowest", "highest")
_WORDS = (0, 3)
"""Columns that hold words; the others hold numbers."""


def layer_rows(network: Network) -> list[tuple[str, ...]]:
    """Return one row per layer: sizes, activation, dropout after it, number and bytes of its parameters; and their sum."""
    counts, size = [prod(shape) for shape in network.weight_shapes], np.dtype(network.dtype).itemsize
    rows = []
    for i, (shape, name) in enumerate(zip(network.weight_shapes, network.activations, strict=True)):
        if network.bias is not None:
            counts[i] += network.bias_shapes[i][0]
        dropout = f"{network.dropout[i]:g}" if i < len(network.dropout) and network.dropout[i] else "-"
        numbers = [f"{n:,}" for n in (*shape, counts[i], counts[i] * size)]
        rows.append((str(i + 1), *numbers[:2], name, dropout, *numbers[2:]))
    return [*rows, ("total", "", "", "", "", f"{sum(counts):,}", f"{sum(counts) * size:,}")]


def headline(network: Network) -> str:
    """Return what is the same for all layers: dtype, biases, what inputs get in training."""
    words = {"unit": "one bias per neuron", "layer": "one bias per layer", None: "no biases"}[network.bias]
    for name in ("input_dropout", "input_noise"):
        if value := getattr(network, name):
            words += f", {name.replace('_', ' ')} {value:g}"
    return f"MLP, {network.dtype}, {words}"


def layer_table(network: Network) -> str:
    """Return the headline and the rows as text."""
    rows = [_HEAD, *layer_rows(network)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEAD))]
    lines = [
        "  ".join(_align(cell, width, i) for i, (cell, width) in enumerate(zip(row, widths, strict=True)))
        for row in rows
    ]
    return "\n".join([headline(network), *(line.rstrip() for line in lines)])


def layer_html(network: Network) -> str:
    """Return the same as a table of HTML."""
    return table(headline(network), _HEAD, layer_rows(network), left=_WORDS, foot=True)


def _align(cell: str, width: int, column: int) -> str:
    return cell.ljust(width) if column in _WORDS else cell.rjust(width)


def settings_text(settings: Mapping[str, Any], done: str, remembered: int) -> str:
    """Return what a trainer is, but for its model: a line for each setting."""
    rows = settings_rows(settings, done, remembered)
    width = max(len(name) for name, _ in rows)
    return "\n".join(f"{name.ljust(width)}  {value}" for name, value in rows)


def settings_html(settings: Mapping[str, Any], done: str, remembered: int) -> str:
    """Return the same as a table of HTML."""
    return table("Trainer", (), settings_rows(settings, done, remembered), left=(0, 1))


def settings_rows(settings: Mapping[str, Any], done: str, remembered: int) -> list[tuple[str, str]]:
    """Return settings that say something, what was done, and the bytes that the optimizer remembers."""
    rows = [("loss", _value(settings["loss"])), ("optimizer", _optimizer(settings["optimizer"]))]
    rows += [(name.replace("_", " "), str(settings[name])) for name in ("batch_size", "shuffle", "seed")]
    for name in ("output_weights", "n_threads", "frozen"):
        if settings[name] not in (None, ()):
            rows.append((name.replace("_", " "), str(settings[name])))
    return [*rows, ("done", done), ("optimizer's memory", f"{remembered:,} bytes")]


def _value(value: Any) -> str:
    """Return a name as it is, a function by its name, anything else as Python shows it."""
    if isinstance(value, str):
        return value
    return str(getattr(value, "__name__", None) or repr(value))


def _optimizer(optimizer: Any) -> str:
    """Return an optimizer with those of its numbers that are not the defaults; its rate in any case."""
    fields = getattr(optimizer, "__dataclass_fields__", None)
    if fields is None:
        return repr(optimizer)
    values = {name: getattr(optimizer, name) for name, field in fields.items() if field.init}
    shown = [
        f"{name}={_value(value)}"
        for name, value in values.items()
        if name == "learning_rate" or value != fields[name].default
    ]
    return f"{type(optimizer).__name__}({', '.join(shown)})"


def history_html(history: History, reason: str | None) -> str:
    """Return a row for each number that was measured: its course, where it began and ended, its range; and why it ended."""
    courses: dict[str, Sequence[float]] = {"loss": history.loss}
    if history.validation_loss:
        courses["validation loss"] = history.validation_loss
    courses.update({name.replace("_", " "): values for name, values in history.metrics.items()})
    courses.update(
        {f"validation {name.replace('_', ' ')}": v for name, v in history.validation_metrics.items()}
    )
    caption = f"History of {count(len(history), 'epoch')}"
    if reason is not None:
        caption += f": {reason}"
    if history.best_epoch is not None:
        caption += f"; best epoch {history.best_epoch}"
    rows = [_course(name, values) for name, values in courses.items()] if len(history) else []
    return table(caption, _COURSES, rows, left=(0, 1))


def losses_html(caption: str, losses: Array, smoothed: Array) -> str:
    """Return the course of losses over a rising learning rate; the explosion at the end, which would flatten all the rest, is cut off."""
    top = float(smoothed[: int(np.argmin(smoothed)) + 1].max())
    named = {"loss of each batch": losses, "smoothed": smoothed}
    rows = [_course(name, values.tolist(), top) for name, values in named.items()]
    return table(caption, _COURSES, rows, left=(0, 1))


def _course(name: str, values: Sequence[float], top: float = math.inf) -> tuple[str, ...]:
    known = [value for value in values if not math.isnan(value)]
    ends = (values[0], values[-1], min(known, default=math.nan), max(known, default=math.nan))
    return (
        name,
        sparkline([min(value, top) for value in values], f"{name}, {values[0]:.4g} to {values[-1]:.4g}"),
        *(f"{v:.4g}" for v in ends),
    )

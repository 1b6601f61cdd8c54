"""The section that says what the network and its training are."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from math import prod
from typing import Any

from chainrule._checks_values import count
from chainrule._settings import SETTINGS
from chainrule.losses import loss_name

from ._given import Given
from ._html import missing, paragraph, section, table

_BIAS = {"unit": "one for each unit", "layer": "one for each layer", None: "none"}
MOST_LAYERS = 40


def configuration(given: Given) -> str:
    """Return the section."""
    return section(
        "configuration",
        "Configuration",
        *(paragraph(note) for note in given.notes),
        _layers(given),
        '<div class="tables">',
        table("The network", ("setting", "value"), _network(given), text_columns=2, kind="settings"),
        _training(given),
        "</div>",
    )


def _layers(given: Given) -> str:
    network = given.network
    counts = [prod(shape) for shape in network.weight_shapes]
    if network.bias is not None:
        counts = [n + shape[0] for n, shape in zip(counts, network.bias_shapes, strict=True)]
    rows: list[tuple[Any, ...]] = []
    for i, ((n_in, n_out), name) in enumerate(zip(network.weight_shapes, network.activations, strict=True)):
        dropout = f"{network.dropout[i]:g}" if i < len(network.dropout) else "–"
        rows.append((f"layer {i + 1}", name, n_in, n_out, dropout, counts[i]))
    left_out = len(rows) - MOST_LAYERS
    if left_out > 0:
        rows = [*rows[: MOST_LAYERS - 1], (f"… {left_out} further layers", "", "", "", "", ""), rows[-1]]
    rows.append(("all", "", "", "", "", sum(counts)))
    head = ("layer", "activation", "inputs", "outputs", "dropout", "parameters")
    return table("Layers", head, rows, text_columns=2)


def _network(given: Given) -> Iterator[tuple[str, str]]:
    network, model = given.network, given.model
    yield "numbers", network.dtype
    yield "biases", _BIAS[network.bias]
    for name in ("input_dropout", "input_noise"):
        if value := getattr(network, name):
            yield name.replace("_", " "), f"{value:g}"
    yield "seed of the first weights", str(model.seed)
    size = model.n_parameters * network.numpy_dtype.itemsize
    yield "memory of the parameters", f"{size:,} bytes"


def _training(given: Given) -> str:
    trainer = given.trainer
    if trainer is None:
        return missing(
            "How the network was trained is not known: a saved network holds its parameters alone.",
            "A report of the trainer, or of a run (Trainer.fit(checkpoint=...)), has it here.",
        )
    rows = [("loss", loss_name(trainer.loss)), *_optimizer(trainer.optimizer)]
    rows += [
        (name.replace("_", " "), _said(getattr(trainer, name)))
        for name in SETTINGS
        if name not in ("loss", "optimizer") and getattr(trainer, name) not in (None, ())
    ]
    rows.append(("done", f"{count(trainer.epoch, 'epoch')}, {count(trainer.step, 'update')}"))
    return table("Training", ("setting", "value"), rows, text_columns=2, kind="settings")


def _optimizer(optimizer: Any) -> Iterator[tuple[str, str]]:
    yield "optimizer", type(optimizer).__name__
    for one in dataclasses.fields(optimizer) if dataclasses.is_dataclass(optimizer) else ():
        value = getattr(optimizer, one.name)
        if value != one.default or one.name == "learning_rate":
            yield one.name.replace("_", " "), _said(value)


def _said(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, float) else str(getattr(value, "__name__", value))

"""The update that a page steps through."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._checks_values import check_int, check_sequence, describe
from .._evaluation import Objective, Rows
from .._network import Network
from .._whole_batch import takes_all_rows
from ..model import MLP


def traced(
    model: MLP, trainer: Any, objective: Objective, data: Rows | None, rows: Any, trace: Any
) -> tuple[dict[str, Any] | None, str]:
    """Return an update as `Trace.to_dict` does, None where there is nothing to make it with; and what is to be said of it.

    Raises
    ------
    ValueError, TypeError
        If `rows` are not some of those that are given, or `trace` is not of this network, or has no step.
    """
    if trace is not None:
        return _checked(trace, model.network), ""
    if data is None:
        return None, ""
    chosen = [check_int(row, f"rows[{i}]", 0) for i, row in enumerate(check_sequence(rows, "rows"))]
    if not chosen:
        raise ValueError("rows must name at least one row of X, but it is empty")
    for i, row in enumerate(chosen):
        if row >= len(data.inputs):
            raise ValueError(f"rows[{i}] is {row}, but X has {len(data.inputs)} rows")
    optimizer, said = (None if trainer is None else trainer.optimizer), ""
    if optimizer is not None and takes_all_rows(optimizer):
        said = (
            f"{type(optimizer).__name__} chooses its step from all rows at once; the update below is one of SGD instead."
        )
        optimizer = None
    part = data.part(np.array(chosen))
    shown = model.explain(part.inputs, part.target, loss=objective.loss, optimizer=optimizer, sample_weight=part.weight)
    record: dict[str, Any] = shown.to_dict()
    record["steps"][0]["rows"] = chosen
    return record, said


def _checked(trace: Any, network: Network) -> dict[str, Any]:
    if not callable(getattr(trace, "to_dict", None)):
        raise TypeError(f"trace must be a Trace, but it is {describe(trace)}")
    record: dict[str, Any] = trace.to_dict()
    sizes = tuple(record["network"]["layer_sizes"])
    if sizes != network.layer_sizes:
        raise ValueError(f"trace is of a network {sizes}, but this one is {network.layer_sizes}")
    if not record["steps"]:
        raise ValueError("trace has no step; train while it is open")
    return record

"""The update that a page steps through."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule._checks_values import check_int, check_sequence, count, describe
from chainrule._evaluation import Objective, Rows, counts
from chainrule._whole_batch import takes_all_rows
from chainrule.model import MLP
from chainrule.optimizers import SGD
from chainrule.passes import without_randomness
from chainrule.trace import Trace

from ._step import MOST_ROWS

if TYPE_CHECKING:
    from chainrule.trainer import Trainer


def traced(
    model: MLP, trainer: Trainer | None, objective: Objective, data: Rows | None, rows: Any, trace: Any
) -> tuple[Trace | None, str]:
    """Return a trace whose first step is shown, None where there is nothing to make it with; and what is to be said of it.

    Raises
    ------
    ValueError, TypeError
        If `rows` are not some of those that are given, or `trace` is not of this network, or has no step.
    """
    if trace is not None:
        return _checked(trace, model), ""
    if data is None:
        return None, ""
    chosen = [check_int(row, f"rows[{i}]", 0) for i, row in enumerate(check_sequence(rows, "rows"))]
    if not chosen:
        raise ValueError("rows must name at least one row of X, but it is empty")
    for i, row in enumerate(chosen):
        if row >= len(data.inputs):
            raise ValueError(f"rows[{i}] is {row}, but X has {count(len(data.inputs), 'row')}")
    part = data.part(np.array(chosen))
    if not counts(part, objective.output_weights):
        which = ", ".join(map(str, chosen[:12])) + (", …" if len(chosen) > 12 else "")
        return None, (
            f"There is no update to show: in the rows that it was to be made with ({which}) nothing counts, as targets are missing "
            "or weights are 0; other rows may be chosen (rows=, --rows)."
        )
    try:
        made, said = _update(model, trainer, objective, part)
    except FloatingPointError as error:
        return None, f"There is no update to show: {error}"
    made.steps[0].rows[:] = chosen[:MOST_ROWS]
    return made, said


def _update(model: MLP, trainer: Trainer | None, objective: Objective, part: Rows) -> tuple[Trace, str]:
    """Return the trainer's next update with these rows, made by a copy of it without dropout and noise."""
    from chainrule.trainer import Trainer

    copy = model.copy()
    copy._network = without_randomness(model.network)
    optimizer: Any = SGD(0.01)
    said, frozen = "", trainer.frozen if trainer is not None else ()
    if trainer is None:
        said = "The update at the end of the page is one of SGD with a learning rate of 0.01."
    elif takes_all_rows(trainer.optimizer):
        name = type(trainer.optimizer).__name__
        said = f"{name} takes all rows at once; the update at the end of the page is one of SGD with a learning rate of 0.01."
    else:
        optimizer = trainer.optimizer
    own = Trainer(
        copy, loss=objective.loss, output_weights=objective.output_weights, optimizer=optimizer, frozen=frozen
    )
    if trainer is not None and not said:
        _go_on(own, trainer)
    with own.trace(rows=range(MOST_ROWS)) as trace:
        own.train_on_batch(part.inputs, part.target, part.weight)
    return trace, said


def _go_on(own: Trainer, trainer: Trainer) -> None:
    """Let a copy begin where the trainer is: with its velocities and its count of updates, which schedules go by."""
    state, there = own.state, trainer.state
    for name in ("weight_velocity", "bias_velocity", "weight_square", "bias_square"):
        setattr(state, name, [array.copy() for array in getattr(there, name)])
    for name in ("epoch", "step", "started", "rule", "plateau"):
        setattr(state, name, getattr(there, name))


def _checked(trace: Any, model: MLP) -> Trace:
    if not isinstance(trace, Trace):
        raise TypeError(f"trace must be a Trace, but it is {describe(trace)}")
    for name, what in (("layer_sizes", "a network"), ("activations", "activations"), ("bias", "biases")):
        there, here = (getattr(one.network, name) for one in (trace, model))
        if there != here:
            there, here = (list(one) if isinstance(one, tuple) else repr(one) for one in (there, here))
            raise ValueError(f"trace is of {what} {there}, but this one is {here}")
    if not trace.steps:
        raise ValueError("trace has no step; train while it is open")
    return trace

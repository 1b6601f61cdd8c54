"""All quantities of a trace as text."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from chainrule._network import Array

from ._step import TracedStep
from ._symbols import format_number

if TYPE_CHECKING:
    from ._trace import Trace

QUANTITIES = {
    "given": "what the layer was given", "W": "weights", "b": "biases", "z": "given W + b", "a": "f(z)",
    "mask": "factors of dropout", "dL_da": "dL/da", "da_dz": "da/dz", "dL_dz": "dL/dz = dL/da da/dz",
    "dL_dW": "dL/dW, of all rows", "dL_db": "dL/db, of all rows", "velocity_W": "remembered of W", "velocity_b": "remembered of b",
    "square_W": "remembered of W, second", "square_b": "remembered of b, second", "new_W": "weights after the step",
    "new_b": "biases after the step"
}  # fmt: skip
"""The arrays of a layer that are shown, in the order of a step, and what they are."""


def trace_to_text(trace: Trace, digits: int) -> str:
    """Return a trace as text."""
    out = [settings(trace)]
    for step in trace.steps:
        out += ["", step_title(step)]
        for name, words, array in targets(step):
            out += _array(f"{name} ({words})", array, digits)
        for layer in step.layers:
            out += ["", f"  layer {layer.number}: {layer.n_in} to {layer.n_out}, {layer.activation}"]
            for name, words in QUANTITIES.items():
                array = getattr(layer, name)
                if array is not None:
                    out += _array(f"{name} ({words})", array, digits)
    return "\n".join(out) + "\n"


def settings(trace: Trace) -> str:
    """Return what is the same for all steps, on one line."""
    shape = f"{'-'.join(map(str, trace.network.layer_sizes))}, {trace.network.dtype}"
    if not trace.steps:
        return f"{shape}: no step yet, as nothing was trained while this trace was open"
    numbers = ", ".join(f"{name}={value:g}" if isinstance(value, float) else f"{name}={value}"
                        for name, value in trace.optimizer.items() if name != "name")  # fmt: skip
    return f"{shape}, loss {trace.loss}, optimizer {trace.optimizer['name']}({numbers})"


def targets(step: TracedStep) -> list[tuple[str, str, Array]]:
    """Return what the rows of a step should come to, and how much each counts: name, what it is, numbers."""
    found = [("target", "what the outputs should be", step.target)]
    if step.weight is not None:
        found.append(("weight", "of each row", step.weight))
    return found


def step_title(step: TracedStep) -> str:
    """Return what a step is, on one line."""
    rows = ", ".join(map(str, step.rows[:12])) + (", ..." if len(step.rows) > 12 else "")
    one = "row" if len(step.rows) == 1 else "rows"
    return (
        f"epoch {step.epoch}, step {step.step}: {one} {rows} of a batch of {step.batch_rows}; loss {step.loss:.7g}, "
        f"learning rate {step.learning_rate:g}"
    )


def _array(title: str, array: Array, digits: int) -> list[str]:
    with np.printoptions(precision=digits, threshold=120, edgeitems=3, linewidth=110, suppress=False):
        lines = np.array2string(
            array, formatter={"float_kind": lambda x: format_number(float(x), digits)}
        ).splitlines()
    return [f"    {title}", *(f"      {line}" for line in lines)]

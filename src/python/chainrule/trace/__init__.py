"""Training, opened up: every factor of the chain rule of a step, and the derivation of each parameter.

=============================  ==================================================================================
`MLP.explain`                  a trace of one step for rows of yours, without dropout and noise
`Trainer.trace`                ``with trainer.trace() as trace:`` traces steps of training, as they are made
`Trace`                        the numbers, as arrays, text, dicts, JSON; ``trace.check()`` recomputes them
`Trace.of`                     the derivation of one parameter: symbols, numbers, result; text, Markdown, LaTeX, HTML
`worked_example`               the examples that tutorials print, number by number
=============================  ==================================================================================

The numbers are those of the kernels that train, and training is the same, to the bit, whether it is traced or not.
"""

from __future__ import annotations

from ._derivation import Derivation, Line
from ._layer import TracedLayer
from ._step import TracedStep
from ._trace import Trace
from .worked import EXAMPLES, WorkedExample, worked_example

__all__ = [
    "EXAMPLES",
    "Derivation",
    "Line",
    "Trace",
    "TracedLayer",
    "TracedStep",
    "WorkedExample",
    "worked_example",
]

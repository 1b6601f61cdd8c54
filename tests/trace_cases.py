"""Networks, losses and optimizers that traces are tested with, and the formulas of a derivation as numbers."""

from __future__ import annotations

import math
import re
from typing import Any

import chainrule as cr
import numpy as np
from chainrule import losses
from chainrule._network import HIDDEN_ACTIVATIONS
from chainrule.trace._symbols import with_numbers

TRAINABLE = [name for name in HIDDEN_ACTIVATIONS if name != "step"]
OUTPUTS: list[tuple[Any, str]] = [
    ("half_squared_error", "identity"), ("mean_squared_error", "sigmoid"), ("mean_squared_error", "softmax"),
    ("cross_entropy", "softmax"), (losses.CrossEntropy(label_smoothing=0.1), "softmax"),
    ("binary_cross_entropy", "sigmoid"), ("mean_absolute_error", "identity"), (losses.Huber(delta=0.3), "tanh"),
    ("log_cosh", "identity"), (losses.Quantile([0.1, 0.5, 0.9]), "identity"), ("poisson", "exponential"),
    ("hinge", "identity"),
]  # fmt: skip
OPTIMIZERS: list[Any] = [
    cr.SGD(0.1), cr.SGD(0.1, momentum=0.9), cr.SGD(0.05, momentum=0.9, nesterov=True, weight_decay=0.01),
    cr.SGD(0.1, l1=0.01, clip_norm=0.05), cr.SGD(0.1, clip_value=0.02), cr.SGD(0.5, max_norm=0.8),
    cr.Adam(0.01, weight_decay=0.1), cr.AdamW(0.01), cr.RMSprop(momentum=0.5), cr.Adagrad(), cr.RPROP(),
]  # fmt: skip


def data(rows: int = 11, dtype: str = "float64") -> tuple[np.ndarray, np.ndarray]:
    """Rows of four features, and three targets of 0 and 1, a single 1 in each row."""
    rng = np.random.default_rng(7)
    return rng.normal(size=(rows, 4)).astype(dtype), np.eye(3, dtype=dtype)[rng.integers(0, 3, rows)]


def model(activation: Any = "tanh", output: str = "identity", **more: Any) -> cr.MLP:
    """A network 4-8-5-3."""
    more = {"dtype": "float64", "seed": 3, **more}
    return cr.MLP([4, 8, 5, 3], activation=activation, output_activation=output, **more)


_FUNCTIONS = {
    "exp": math.exp, "log": math.log, "tanh": math.tanh, "cosh": math.cosh, "sqrt": math.sqrt, "max": max, "min": min,
    "abs": abs, "sigmoid": lambda z: 1 / (1 + math.exp(-z)), "Phi": lambda z: math.erfc(-z / math.sqrt(2)) / 2,
    "phi": lambda z: math.exp(-z * z / 2) / math.sqrt(2 * math.pi),
    "u": lambda z: math.sqrt(2 / math.pi) * (z + 0.044715 * z**3), "sign": lambda x: (x > 0) - (x < 0),
}  # fmt: skip


def evaluated(form: str, values: dict[str, float]) -> float | None:
    """The value of a formula with its numbers put in; None where terms are left out or it is of words."""
    text = with_numbers(form, values, 17)
    if "..." in text or "sum_" in text or "'" in text:
        return None
    text = re.sub(r"\|([^|]*)\|", r"abs(\1)", text).replace("^", "**")
    return float(eval(text, {"__builtins__": {}}, _FUNCTIONS))


def trainer_of(
    loss="half_squared_error", output="identity", optimizer=None, activation="tanh", batch_size=4, **more
):
    shape = model(activation, output, **more)
    return cr.Trainer(
        shape, loss=loss, optimizer=optimizer or cr.SGD(0.1, momentum=0.9), batch_size=batch_size
    )


def assert_same_bits(first, second):
    assert first.step == second.step
    for a, b in zip(first.state.arrays, second.state.arrays, strict=True):
        np.testing.assert_array_equal(a, b)

"""Every loss with what it is for: objects with numbers of their own, output activations, targets, weights."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from chainrule.losses import BinaryCrossEntropy, CrossEntropy, Huber, Quantile


class LossCase(NamedTuple):
    """A loss, an output activation it can have, and the kind of its targets."""

    loss: Any
    output: str
    targets: str = "numbers"

    def __str__(self) -> str:
        return f"{self.loss}-{self.output}"


LOSS_CASES = [
    *(
        LossCase(loss, output)
        for loss in ("half_squared_error", "mean_squared_error", "mean_absolute_error", "huber", Huber(0.3), "log_cosh",
                     "quantile", Quantile((0.1,)), Quantile((0.05, 0.5, 0.95)))
        for output in ("identity", "tanh", "gelu", "softplus")
    ),
    *(LossCase(loss, "softmax", "distributions") for loss in ("half_squared_error", "mean_squared_error")),
    *(LossCase(loss, "softmax", "distributions") for loss in ("cross_entropy", CrossEntropy(0.2))),
    *(LossCase(loss, "sigmoid", "shares") for loss in ("binary_cross_entropy", BinaryCrossEntropy(0.2))),
    *(LossCase("hinge", output, "choices") for output in ("identity", "tanh")),
    LossCase("poisson", "exponential", "counts"),
]  # fmt: skip
"""Three outputs, as one of them has three levels."""
N_OUT = 3


def make_target(
    rng: np.random.Generator, rows: int, kind: str, dtype: str = "float64", n_out: int = N_OUT
) -> Any:
    """Return targets (rows, n_out)."""
    shape = (rows, n_out)
    made = {
        "numbers": lambda: rng.normal(size=shape),
        "distributions": lambda: rng.dirichlet(np.ones(n_out), rows),
        "shares": lambda: rng.uniform(size=shape),
        "choices": lambda: rng.integers(0, 2, shape),
        "counts": lambda: rng.poisson(2, shape),
    }[kind]()
    return np.asarray(made, dtype)


def allows_output_weights(case: LossCase) -> bool:
    return getattr(case.loss, "kind", case.loss) != "cross_entropy"


def with_missing(target: Any, case: LossCase) -> Any:
    """Return the target with some entries missing: single ones, and a whole row."""
    target = target.copy()
    target[1] = np.nan
    if allows_output_weights(case):
        target[0, 0] = target[3, -1] = np.nan
    return target

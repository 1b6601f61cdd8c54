"""The quasi-Newton method of limited memory, by SciPy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ._checks_values import check_int, check_real
from ._network import Array
from ._whole_batch import AfterEpoch, Problem


@dataclass(frozen=True)
class LBFGS:
    """L-BFGS, for any differentiable loss; all rows at once. Needs SciPy.

    The last few steps and changes of the gradient stand for the second derivatives of the loss; a line search makes
    each step a long one. An epoch is one iteration of ``scipy.optimize.minimize(method="L-BFGS-B")``, which computes
    loss and gradient once or some times; everything is computed in float64 and rounded to the model's dtype after each
    iteration. Much better than gradient descent where the rows are few, up to some thousands.

    It is used with ``batch_size="full"``, without dropout and noise. A fit ends before its last epoch where the tolerance is
    reached or the line search finds nothing lower. The memory starts anew with each `Trainer.fit`.

    Parameters
    ----------
    memory : int, default 10
        Steps that are remembered; at least 1.
    tolerance : float, default 1e-8
        A fit ends where no derivative of the loss is larger; at least 0.
    weight_decay : float, default 0.0
        The factor of an L2 penalty ``weight_decay / 2 * sum(w^2)``; at least 0.

    Raises
    ------
    ValueError, TypeError
        If an argument does not fit the description above; the message names it.

    References
    ----------
    Liu and Nocedal, "On the limited memory BFGS method for large scale optimization", Mathematical Programming, 1989;
    Zhu, Byrd, Lu and Nocedal, "Algorithm 778: L-BFGS-B", ACM Transactions on Mathematical Software, 1997.

    Examples
    --------
    >>> import chainrule as cr
    >>> model = cr.MLP([2, 4, 1], activation="tanh", output_activation="sigmoid", dtype="float64", seed=0)
    >>> trainer = cr.Trainer(model, loss="binary_cross_entropy", optimizer=cr.LBFGS(), batch_size="full")
    >>> history = trainer.fit([[0, 0], [0, 1], [1, 0], [1, 1]], [0, 1, 1, 0], epochs=50)
    >>> model.predict([[0, 1], [1, 1]]).round().tolist()
    [[1.0], [0.0]]
    """

    memory: int = 10
    tolerance: float = 1e-8
    weight_decay: float = 0.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "memory", check_int(self.memory, "memory", 1))
        for name in ("tolerance", "weight_decay"):
            object.__setattr__(self, name, check_real(getattr(self, name), name, 0.0))

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.memory, self.tolerance, self.weight_decay)

    def minimise(self, problem: Problem, epochs: int, after: AfterEpoch | None) -> None:
        """Make so many iterations, fewer where nothing lowers the loss any more."""
        try:
            from scipy.optimize import minimize  # type: ignore[import-untyped]
        except ImportError as error:
            raise ImportError(
                "LBFGS needs SciPy; install chainrule[scipy], or use another optimizer"
            ) from error
        if epochs == 0:
            return
        start = problem.start()
        last = problem.loss_and_gradient(start)
        problem.require_finite(*last)
        before = last[0] - problem.penalty(start)  # the loss before the iteration under way

        def fun(vector: Array) -> tuple[float, Array]:
            nonlocal last
            last = problem.loss_and_gradient(vector)
            if np.isfinite(last[0]) and np.isfinite(last[1]).all():
                return last
            return np.inf, np.zeros_like(vector)  # the line search is to come back

        def callback(intermediate_result: Any) -> None:
            nonlocal before
            problem.finish_epoch(intermediate_result.x, before)
            before = float(intermediate_result.fun) - problem.penalty(intermediate_result.x)
            if after is not None and after():
                raise StopIteration

        options = {
            "maxcor": self.memory,
            "gtol": self.tolerance,
            "ftol": 0.0,
            "maxiter": epochs,
            "maxfun": 1000 * epochs,
        }
        minimize(fun, start, method="L-BFGS-B", jac=True, callback=callback, options=options)

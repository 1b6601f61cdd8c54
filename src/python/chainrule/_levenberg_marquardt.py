"""Least squares for small networks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ._checks_least_squares import check_least_squares
from ._checks_values import check_real
from ._network import Array
from ._whole_batch import AfterEpoch, Problem
from .losses import loss_name
from .targets import has_missing

_LOSSES = ("half_squared_error", "mean_squared_error")

_MOST_DAMPING = 1e16
"""Times the largest second derivative: a step that short changes nothing in float64."""

_ROUNDING = float(np.finfo(np.float64).eps)
"""Times the loss: what a step is foreseen to lower it by must be more, or it cannot be seen."""


@dataclass(frozen=True)
class LevenbergMarquardt:
    """Levenberg and Marquardt's method, for small networks with a squared loss; all rows at once.

    With the errors ``e = a - y`` of all rows and outputs and their derivatives J, each epoch solves::

        (2 c J^T J + weight_decay I + damping I) step = -(2 c J^T e + weight_decay w)

    for a loss of ``c sum(e^2)`` (``weight_decay`` for weights only), and takes the step if the loss falls. How well
    the fall was foreseen, ``gain = (loss - new loss) / foreseen``, sets the next damping: times ``max(1/3, 1 - (2 gain
    - 1)^3)`` after a step that is taken, times 2, 4, 8, ... after each that is not. An epoch is one step that is taken.
    Near a minimum with small errors that is Gauss and Newton's method, which needs some tens of steps where gradient
    descent needs thousands; a step costs ``rows * outputs * P^2`` multiply-adds and memory for two matrices of
    ``P^2`` numbers, P the number of parameters, at most 8192.

    It is used with ``batch_size="full"`` and a loss of ``half_squared_error`` or ``mean_squared_error``, without
    dropout and noise. Everything is computed in float64, and rounded to the model's dtype after each step. A fit ends before its
    last epoch where no step lowers the loss any more, or by less than can be seen in float64. The damping starts anew with each `Trainer.fit`.

    Parameters
    ----------
    damping : float, default 1e-3
        At the start, times the largest element of the diagonal of ``2 c J^T J``; greater than 0.
    tolerance : float, default 1e-10
        A fit ends where no derivative of the loss is larger; at least 0.
    weight_decay : float, default 0.0
        The factor of an L2 penalty ``weight_decay / 2 * sum(w^2)``; at least 0.

    Raises
    ------
    ValueError, TypeError
        If an argument does not fit the description above; the message names it.

    References
    ----------
    Levenberg, "A method for the solution of certain non-linear problems in least squares", 1944; Marquardt, "An
    algorithm for least-squares estimation of nonlinear parameters", 1963; Hagan and Menhaj, "Training feedforward
    networks with the Marquardt algorithm", 1994; the damping from Madsen, Nielsen and Tingleff, "Methods for
    non-linear least squares problems", 2004.

    Examples
    --------
    >>> import chainrule as cr
    >>> X = [[x / 10] for x in range(-10, 11)]
    >>> y = [x[0] ** 3 - x[0] for x in X]
    >>> model = cr.MLP([1, 5, 1], activation="tanh", dtype="float64", seed=0)
    >>> trainer = cr.Trainer(model, loss="mean_squared_error", optimizer=cr.LevenbergMarquardt(), batch_size="full")
    >>> trainer.fit(X, y, epochs=40).loss[-1] < 1e-3
    True
    """

    damping: float = 1e-3
    tolerance: float = 1e-10
    weight_decay: float = 0.0

    def __post_init__(self) -> None:
        for name in ("damping", "tolerance", "weight_decay"):
            object.__setattr__(self, name, check_real(getattr(self, name), name, 0.0))
        if self.damping == 0:
            raise ValueError("damping must be greater than 0, but it is 0.0")

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.damping, self.tolerance, self.weight_decay)

    def minimise(self, problem: Problem, epochs: int, after: AfterEpoch | None) -> None:
        """Make so many steps, fewer where nothing lowers the loss any more."""
        if problem.objective.loss not in _LOSSES:
            raise ValueError(
                f"LevenbergMarquardt needs a squared loss ({' or '.join(_LOSSES)}), but the loss is "
                f"{loss_name(problem.objective.loss)}; use LBFGS or SGD"
            )
        for what, there in (
            ("sample_weight", problem.rows.weight is not None),
            ("output_weights", problem.objective.output_weights is not None),
            ("missing targets (NaN in y)", has_missing(problem.rows.target)),
        ):
            if there:
                raise ValueError(f"LevenbergMarquardt cannot be combined with {what}; use LBFGS or SGD")
        check_least_squares(problem.network)
        vector, damping, growth = problem.start(), None, 2.0
        for _ in range(epochs):
            value, g, H = self._expand(problem, vector)
            largest = float(H.diagonal().max())
            if np.abs(g).max() <= self.tolerance or largest == 0:
                return
            damping = self.damping * largest if damping is None else damping
            while True:
                step = self._step(problem, H, g, damping)
                if step is not None:
                    foreseen = float(step @ (damping * step - g)) / 2
                    if foreseen <= _ROUNDING * value:
                        return
                    fall = value - self._value(problem, vector + step)
                    if fall > 0:
                        break
                damping, growth = damping * growth, growth * 2
                if damping > _MOST_DAMPING * largest:
                    return
            gain = fall / foreseen
            damping, growth = damping * max(1 / 3, 1 - (2 * gain - 1) ** 3), 2.0
            loss, vector = value - problem.penalty(vector), vector + step
            problem.finish_epoch(vector, loss)
            if after is not None and after():
                return

    def _expand(self, problem: Problem, vector: Array) -> tuple[float, Array, Array]:
        """Return the loss, its gradient and what stands for its second derivatives."""
        scale, decay = self._scale(problem), self.weight_decay * problem.is_weight
        squares, H, g = problem.core.normal_equations(
            problem.double, *problem.split(vector), *problem.data, n_threads=problem.n_threads
        )
        H *= 2 * scale
        H[np.diag_indices_from(H)] += decay
        g = 2 * scale * g + decay * vector
        value = scale * squares + problem.penalty(vector)
        problem.require_finite(value, g)
        return value, g, H

    def _step(self, problem: Problem, H: Array, g: Array, damping: float) -> Array | None:
        try:
            step: Array = problem.core.damped_step(H, g, damping, n_threads=problem.n_threads)
        except np.linalg.LinAlgError:
            return None
        return step if np.isfinite(step).all() else None

    def _value(self, problem: Problem, vector: Array) -> float:
        """Return the loss; the same sum as in `_expand`, without the derivatives."""
        X, target = problem.data
        A = problem.core.forward(problem.double, *problem.split(vector), X, n_threads=problem.n_threads)
        Y = np.arange(A.shape[1]) == target[:, None] if target.ndim == 1 else target
        squares = float(np.square(A - Y).sum())
        return self._scale(problem) * squares + problem.penalty(vector)

    def _scale(self, problem: Problem) -> float:
        rows = len(problem.rows.inputs)
        return (
            0.5 / rows
            if problem.objective.loss == "half_squared_error"
            else 1 / (rows * problem.network.n_out)
        )

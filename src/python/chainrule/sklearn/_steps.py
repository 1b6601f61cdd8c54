"""Between scikit-learn's optimizers, which remember velocities and moments, and the state that the cores change."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from chainrule._network import Network, TrainingState
from chainrule._rules import HAS_SQUARE, Rule
from chainrule.optimizers import SGD, Adam

from ._theirs import AdamOptimizer, BaseOptimizer, SGDOptimizer


@dataclass(frozen=True)
class BatchSGD(SGD):
    """Gradient descent as scikit-learn has it: the penalty of a batch is divided by its rows."""

    decay_per_batch: ClassVar[bool] = True


@dataclass(frozen=True)
class BatchAdam(Adam):
    """Adam as scikit-learn has it: so is its penalty, and epsilon is added to the uncorrected root."""

    decay_per_batch: ClassVar[bool] = True
    raw_epsilon: ClassVar[bool] = True


class OwnOptimizer(BaseOptimizer):  # type: ignore[misc]
    """One of chainrule's optimizers, with what it remembers, where scikit-learn has its own.

    Parameters
    ----------
    optimizer : Any
        Given as ``solver``.
    coefs, intercepts : list of ndarray
        The parameters, of whose shapes the memory is.
    """

    def __init__(self, optimizer: Any, coefs: list[Any], intercepts: list[Any]) -> None:
        rate = optimizer.learning_rate
        super().__init__(rate(0) if callable(rate) else rate)
        self.optimizer = optimizer
        self.state = TrainingState.start(coefs, intercepts)
        self.state.restart(optimizer.kind, optimizer.kind in HAS_SQUARE)


def new_optimizer(estimator: Any, coefs: list[Any], intercepts: list[Any]) -> Any:
    """Return an optimizer that remembers nothing yet."""
    solver, params = estimator.solver, [*coefs, *intercepts]
    if solver == "sgd":
        return SGDOptimizer(
            params, estimator.learning_rate_init, estimator.learning_rate, estimator.momentum,
            estimator.nesterovs_momentum, estimator.power_t
        )  # fmt: skip
    if solver == "adam":
        numbers = (estimator.learning_rate_init, estimator.beta_1, estimator.beta_2, estimator.epsilon)
        return AdamOptimizer(params, *numbers)
    return OwnOptimizer(solver, coefs, intercepts)


def use_solver(estimator: Any) -> None:
    """Let what an optimizer remembers go to another one of its kind that was set as ``solver`` since, and else be forgotten.

    Between scikit-learn's two solvers the first one stays, as there.
    """
    optimizer, solver = getattr(estimator, "_optimizer", None), estimator.solver
    if (
        isinstance(optimizer, OwnOptimizer)
        and not isinstance(solver, str)
        and optimizer.optimizer.kind == solver.kind
    ):
        optimizer.optimizer = solver
    elif optimizer is not None and isinstance(optimizer, OwnOptimizer) is isinstance(solver, str):
        del estimator._optimizer


def rule_of(estimator: Any) -> Any:
    """Return the optimizer of the next epoch, as the cores take it."""
    optimizer, alpha = estimator._optimizer, float(estimator.alpha)
    if isinstance(optimizer, SGDOptimizer):
        return BatchSGD(
            optimizer.learning_rate, float(optimizer.momentum), bool(optimizer.nesterov), weight_decay=alpha
        )
    if isinstance(optimizer, AdamOptimizer):
        rate, epsilon = float(optimizer.learning_rate_init), float(optimizer.epsilon)
        return BatchAdam(rate, float(optimizer.beta_1), float(optimizer.beta_2), epsilon, weight_decay=alpha)
    return optimizer.optimizer


def at_present(rule: Rule, optimizer: Any) -> Rule:
    """Return the checked rule of the epoch before with the learning rate of the next."""
    if isinstance(optimizer, SGDOptimizer):
        return rule._replace(learning_rate=float(optimizer.learning_rate))
    return rule


def state_of(
    optimizer: Any, network: Network, coefs: list[Any], intercepts: list[Any], steps: int
) -> TrainingState:
    """Return the state that training starts from; its arrays are those of the estimator and of its optimizer.

    ``steps`` is the number of updates so far, from which masks of dropout are drawn.
    """
    n, dtype = len(coefs), network.numpy_dtype
    if isinstance(optimizer, SGDOptimizer):
        velocity = writable(optimizer.velocities, dtype)
        optimizer.velocities = velocity
        return TrainingState(coefs, intercepts, velocity[:n], velocity[n:], step=steps)
    if isinstance(optimizer, AdamOptimizer):
        optimizer.ms, optimizer.vs = writable(optimizer.ms, dtype), writable(optimizer.vs, dtype)
        ms, vs, steps = optimizer.ms, optimizer.vs, max(steps, optimizer.t)
        return TrainingState(
            coefs, intercepts, ms[:n], ms[n:], step=steps, rule="adam", started=steps - optimizer.t,
            weight_square=vs[:n], bias_square=vs[n:]
        )  # fmt: skip
    state: TrainingState = optimizer.state
    state.weights, state.biases = coefs, intercepts
    for name in ("weight_velocity", "bias_velocity", "weight_square", "bias_square"):
        setattr(state, name, writable(getattr(state, name), dtype))
    return state


def note_steps(optimizer: Any, state: TrainingState) -> None:
    """Tell the optimizer how many updates there were."""
    if isinstance(optimizer, AdamOptimizer):
        t = optimizer.t = state.step - state.started
        if t:
            corrections = np.sqrt(1 - optimizer.beta_2**t) / (1 - optimizer.beta_1**t)
            optimizer.learning_rate = optimizer.learning_rate_init * corrections
    elif isinstance(optimizer, OwnOptimizer):
        rate = optimizer.optimizer.learning_rate
        optimizer.learning_rate = float(rate(max(state.step - 1, 0)) if callable(rate) else rate)


def writable(arrays: list[Any], dtype: np.dtype[Any]) -> list[Any]:
    """Return arrays that the cores can change in place: those that are so, and copies of the others."""
    return [
        a
        if type(a) is np.ndarray and a.dtype == dtype and a.flags.carray
        else np.array(a, dtype, order="C", copy=True)
        for a in arrays
    ]

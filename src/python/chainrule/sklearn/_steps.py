"""Between scikit-learn's optimizers, which remember velocities and moments, and the state that the cores change."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, ClassVar

import numpy as np

from chainrule._network import Network, TrainingState
from chainrule._plateau import at_present as of_state
from chainrule._plateau import look, plateau_of
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
        self.optimizer = optimizer
        self.state = TrainingState.start(coefs, intercepts)
        rate = of_state(optimizer, self.state).learning_rate
        super().__init__(rate(0) if callable(rate) else rate)
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


def note_epoch(optimizer: Any, loss: float, score: float | None) -> None:
    """Let `schedules.ReduceOnPlateau` see the loss of an epoch, or the score of rows held out, and lower the rate."""
    schedule = plateau_of(optimizer.optimizer) if isinstance(optimizer, OwnOptimizer) else None
    if schedule is not None:
        watches_score = schedule.monitor != "loss"
        value = score if watches_score else loss
        if value is None:
            raise ValueError(
                f"ReduceOnPlateau watches {schedule.monitor}, but no rows are held out; use early_stopping=True, "
                "validation_data, or monitor='loss'"
            )
        measured: Any = SimpleNamespace(value=lambda monitor: value)
        look(schedule, "max" if watches_score else "min", measured, optimizer.state)


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
        rate = float(optimizer.learning_rate_init)
        # A smaller number may be 0 in the cores' arithmetic, which then divides 0 by 0 where there is no gradient.
        epsilon = max(float(optimizer.epsilon), float(np.finfo(optimizer.ms[0].dtype).tiny))
        return BatchAdam(rate, float(optimizer.beta_1), float(optimizer.beta_2), epsilon, weight_decay=alpha)
    return of_state(optimizer.optimizer, optimizer.state)


def at_present(rule: Rule, optimizer: Any) -> Rule:
    """Return the checked rule of the epoch before with the learning rate of the next."""
    if isinstance(optimizer, SGDOptimizer):
        return rule._replace(learning_rate=float(optimizer.learning_rate))
    if isinstance(optimizer, OwnOptimizer) and plateau_of(optimizer.optimizer) is not None:
        return rule._replace(learning_rate=of_state(optimizer.optimizer, optimizer.state).learning_rate)
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
        rate = of_state(optimizer.optimizer, state).learning_rate
        optimizer.learning_rate = float(rate(max(state.step - 1, 0)) if callable(rate) else rate)


def writable(arrays: list[Any], dtype: np.dtype[Any]) -> list[Any]:
    """Return arrays that the cores can change in place: those that are so, and copies of the others."""
    return [
        a
        if type(a) is np.ndarray and a.dtype == dtype and a.flags.carray
        else np.array(a, dtype, order="C", copy=True)
        for a in arrays
    ]

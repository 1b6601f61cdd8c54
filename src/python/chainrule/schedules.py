"""Learning rates that change with the updates: functions of their number, from 0 on, that optimizers take as `learning_rate`.

A trainer counts updates in ``trainer.step``, ever, so that a second `fit` goes on where the first one ended. Any function
that returns a rate, at least 0, for the number of an update is a schedule too: ``cr.SGD(lambda step: 0.1 / (1 + step))``.
An epoch has ``ceil(rows / batch_size)`` updates.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ._checks_values import check_bool, check_choice, check_int, check_real, describe
from ._rules import check_positive
from .stopping import MODES


def _set(schedule: Any, **values: Any) -> None:
    for name, value in values.items():
        object.__setattr__(schedule, name, value)


@dataclass(frozen=True)
class Constant:
    """The same rate always.

    Parameters
    ----------
    learning_rate : float
        At least 0.
    """

    learning_rate: float

    def __post_init__(self) -> None:
        _set(self, learning_rate=check_real(self.learning_rate, "learning_rate", 0.0))

    def __call__(self, step: int) -> float:
        """Return the rate of an update."""
        return self.learning_rate


@dataclass(frozen=True)
class StepDecay:
    """``learning_rate * factor^floor(step / every)``: the rate falls at once, every so many updates.

    Parameters
    ----------
    learning_rate : float
        At the start; at least 0.
    every : int
        Updates; at least 1.
    factor : float, default 0.1
        At least 0.
    """

    learning_rate: float
    every: int
    factor: float = 0.1

    def __post_init__(self) -> None:
        _set(
            self,
            learning_rate=check_real(self.learning_rate, "learning_rate", 0.0),
            every=check_int(self.every, "every", 1),
            factor=check_real(self.factor, "factor", 0.0),
        )

    def __call__(self, step: int) -> float:
        """Return the rate of an update."""
        return self.learning_rate * self.factor ** (step // self.every)


@dataclass(frozen=True)
class Exponential:
    """``learning_rate * factor^(step / every)``: the rate falls evenly.

    Parameters
    ----------
    learning_rate : float
        At the start; at least 0.
    factor : float
        At least 0.
    every : int, default 1
        Updates in which the rate changes by the factor; at least 1.
    """

    learning_rate: float
    factor: float
    every: int = 1

    def __post_init__(self) -> None:
        _set(
            self,
            learning_rate=check_real(self.learning_rate, "learning_rate", 0.0),
            factor=check_real(self.factor, "factor", 0.0),
            every=check_int(self.every, "every", 1),
        )

    def __call__(self, step: int) -> float:
        """Return the rate of an update."""
        return float(self.learning_rate * self.factor ** (step / self.every))


@dataclass(frozen=True)
class InverseScaling:
    """``learning_rate / (step + 1)^power``.

    Parameters
    ----------
    learning_rate : float
        At the start; at least 0.
    power : float, default 0.5
        At least 0.

    References
    ----------
    Robbins and Monro, "A stochastic approximation method", 1951: with a power above 1/2 and up to 1 the noise of the
    batches dies out, and the minimum still is reached.
    """

    learning_rate: float
    power: float = 0.5

    def __post_init__(self) -> None:
        _set(
            self,
            learning_rate=check_real(self.learning_rate, "learning_rate", 0.0),
            power=check_real(self.power, "power", 0.0),
        )

    def __call__(self, step: int) -> float:
        """Return the rate of an update."""
        return float(self.learning_rate / (step + 1) ** self.power)


@dataclass(frozen=True)
class Cosine:
    """``lowest + (learning_rate - lowest) (1 + cos(pi t / T)) / 2``: half a cosine, from the top to the bottom.

    t counts updates and T is `steps`. Afterwards the rate stays the lowest; or, with restarts, it jumps to the top again,
    for a period `growth` times as long.

    Parameters
    ----------
    learning_rate : float
        At the top; at least 0.
    steps : int
        Updates from top to bottom; at least 1.
    lowest : float, default 0.0
        At least 0.
    restarts : bool, default False
    growth : int, default 1
        How many times as long each period is as the one before; at least 1. Only with restarts.

    References
    ----------
    Loshchilov and Hutter, "SGDR: stochastic gradient descent with warm restarts", ICLR 2017.
    """

    learning_rate: float
    steps: int
    lowest: float = 0.0
    restarts: bool = False
    growth: int = 1

    def __post_init__(self) -> None:
        _set(
            self,
            learning_rate=check_real(self.learning_rate, "learning_rate", 0.0),
            steps=check_int(self.steps, "steps", 1),
            lowest=check_real(self.lowest, "lowest", 0.0),
            restarts=check_bool(self.restarts, "restarts"),
            growth=check_int(self.growth, "growth", 1),
        )
        if self.growth > 1 and not self.restarts:
            raise ValueError(
                f"growth is about restarts, but restarts is False and growth is {self.growth}; set restarts=True"
            )

    def __call__(self, step: int) -> float:
        """Return the rate of an update."""
        t, period = step, self.steps
        if not self.restarts:
            t = min(t, period)
        elif self.growth == 1:
            t %= period
        else:
            while t >= period:
                t -= period
                period *= self.growth
        return self.lowest + (self.learning_rate - self.lowest) * (1 + math.cos(math.pi * t / period)) / 2


@dataclass(frozen=True)
class OneCycle:
    """Up along half a cosine from ``highest / start_divisor``, and down along another to that over ``end_divisor``.

    With ``T = steps``, the top comes at update ``warm_up * T - 1`` and the bottom at ``T - 1``, where the rate stays.

    Parameters
    ----------
    highest : float
        At least 0.
    steps : int
        Updates of the whole cycle; at least 1.
    warm_up : float, default 0.3
        Share of it on the way up; ``0 <= warm_up < 1``.
    start_divisor : float, default 25.0
        Greater than 0.
    end_divisor : float, default 1e4
        Greater than 0.

    References
    ----------
    Smith and Topin, "Super-convergence: very fast training of neural networks using large learning rates", 2018.
    """

    highest: float
    steps: int
    warm_up: float = 0.3
    start_divisor: float = 25.0
    end_divisor: float = 1e4

    def __post_init__(self) -> None:
        _set(
            self,
            highest=check_real(self.highest, "highest", 0.0),
            steps=check_int(self.steps, "steps", 1),
            warm_up=check_real(self.warm_up, "warm_up", 0.0, 1.0),
            start_divisor=check_positive(self.start_divisor, "start_divisor"),
            end_divisor=check_positive(self.end_divisor, "end_divisor"),
        )

    def __call__(self, step: int) -> float:
        """Return the rate of an update."""
        start = self.highest / self.start_divisor
        top, bottom = self.warm_up * self.steps - 1, self.steps - 1
        if step < top:
            return _between(start, self.highest, step / top)
        if step >= bottom:
            return start / self.end_divisor
        return _between(self.highest, start / self.end_divisor, (step - max(top, 0)) / (bottom - max(top, 0)))


def _between(first: float, last: float, share: float) -> float:
    """Go from the first to the last along half a cosine."""
    return last + (first - last) / 2 * (1 + math.cos(math.pi * share))


@dataclass(frozen=True)
class LinearWarmup:
    """``(step + 1) / steps`` of the first rate of another schedule, and then that schedule from its beginning.

    Parameters
    ----------
    then : float, schedule or function
        What follows; a number stays.
    steps : int
        Updates of the warm-up; at least 1.

    References
    ----------
    Goyal and others, "Accurate, large minibatch SGD: training ImageNet in 1 hour", 2017.
    """

    then: Any
    steps: int

    def __post_init__(self) -> None:
        then = self.then
        if isinstance(then, (ReduceOnPlateau, type)):
            raise TypeError(f"then must be a rate or a function of the step, but it is {describe(then)}")
        if not callable(then):
            then = Constant(check_real(then, "then", 0.0))
        _set(self, then=then, steps=check_int(self.steps, "steps", 1))

    def __call__(self, step: int) -> float:
        """Return the rate of an update."""
        if step < self.steps:
            return float(self.then(0)) * (step + 1) / self.steps
        return float(self.then(step - self.steps))


@dataclass(frozen=True)
class ReduceOnPlateau:
    """The rate is multiplied by a factor when what is monitored has not got better for some epochs.

    It looks at the end of each epoch of `Trainer.fit` (``train_on_batch`` uses the rate as it is), and counts on from one
    `fit` to the next; the trainer's pickle has its counters. Setting another optimizer starts it anew.

    Parameters
    ----------
    learning_rate : float
        At the start; at least 0.
    factor : float, default 0.1
        ``0 <= factor < 1``.
    patience : int, default 10
        Epochs without getting better that are borne; the rate falls after one more. At least 0.
    min_delta : float, default 1e-4
        Better is less by more than this (more, for a mode of max); at least 0.
    lowest : float, default 0.0
        At least 0.
    monitor : str, default "loss"
        ``loss``, ``validation_loss``, a metric of the fit, or ``validation_`` and its name.
    mode : "auto", "min" or "max", default "auto"
        Which is better; auto knows for losses and the metrics of `chainrule.metrics`.
    """

    learning_rate: float
    factor: float = 0.1
    patience: int = 10
    min_delta: float = 1e-4
    lowest: float = 0.0
    monitor: str = "loss"
    mode: str = "auto"

    def __post_init__(self) -> None:
        if not isinstance(self.monitor, str):
            raise TypeError(
                f"monitor must be the name of what is measured, but it is {describe(self.monitor)}"
            )
        _set(
            self,
            learning_rate=check_real(self.learning_rate, "learning_rate", 0.0),
            factor=check_real(self.factor, "factor", 0.0, 1.0),
            patience=check_int(self.patience, "patience", 0),
            min_delta=check_real(self.min_delta, "min_delta", 0.0),
            lowest=check_real(self.lowest, "lowest", 0.0),
            mode=check_choice(self.mode, "mode", MODES),
        )

    def __call__(self, step: int) -> float:
        """Return the rate at the start, whatever the update: a trainer keeps the factor it has come to."""
        return self.learning_rate


Schedule = Callable[[int], float]

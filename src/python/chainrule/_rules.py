"""What an optimizer does with a gradient, as numbers that both cores take; and their checks."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from ._checks_values import check_bool, check_real, describe
from ._network import Array

Rates = Callable[[int, int], Array]
"""``rates(first, count)`` returns the learning rates of updates ``first``, ``first + 1``, ...: at least one, at most count."""

NO_LIMIT = math.inf

_COMMON = ("learning_rate",)
ATTRIBUTES: dict[str, tuple[str, ...]] = {
    "sgd": (*_COMMON, "momentum", "nesterov", "weight_decay"),
    "adam": (*_COMMON, "beta1", "beta2", "epsilon", "weight_decay", "decoupled"),
    "rmsprop": (*_COMMON, "beta2", "epsilon", "momentum", "weight_decay"),
    "adagrad": (*_COMMON, "epsilon", "weight_decay"),
    "rprop": (*_COMMON, "eta_minus", "eta_plus", "smallest", "largest"),
}
"""The kinds of rules, and the attributes that an optimizer of each kind must have."""

HAS_SQUARE = ("adam", "rmsprop", "adagrad", "rprop")
"""Kinds that keep two numbers a parameter, not one."""


class Rule(NamedTuple):
    """The numbers of an update; those that its kind has no use for stay as they are here."""

    kind: str
    learning_rate: float
    momentum: float = 0.0
    nesterov: bool = False
    weight_decay: float = 0.0
    decoupled: bool = False
    beta1: float = 0.0
    beta2: float = 0.0
    epsilon: float = 0.0
    eta_minus: float = 0.0
    eta_plus: float = 0.0
    smallest: float = 0.0
    largest: float = 0.0
    l1: float = 0.0
    clip_value: float = NO_LIMIT
    clip_norm: float = NO_LIMIT
    max_norm: float = NO_LIMIT
    decay_per_batch: bool = False
    """Whether the weight decay is that of a whole batch: divided by the number of its rows, or the sum of their weights."""
    raw_epsilon: bool = False
    """Whether Adam adds epsilon to the root of the mean square as it is, before that is corrected for having begun at 0."""
    rates: Rates | None = None

    @property
    def is_plain(self) -> bool:
        """Whether this is gradient descent with momentum and weight decay, and no more."""
        limits = (self.clip_value, self.clip_norm, self.max_norm)
        return self.kind == "sgd" and self.l1 == 0 and all(limit == NO_LIMIT for limit in limits)

    def for_biases(self) -> Rule:
        """Return the rule for biases, which no penalty and no limit of weights concerns."""
        return self._replace(weight_decay=0.0, l1=0.0, max_norm=NO_LIMIT)

    def of_batch(self, weight: float) -> Rule:
        """Return the rule for a batch of so many rows, or of rows with weights of that sum."""
        if not self.decay_per_batch:
            return self
        decay = self.weight_decay / weight if weight > 0 else 0.0
        return self._replace(weight_decay=decay, decay_per_batch=False)

    def at_rate(self, learning_rate: float) -> Rule:
        """Return the rule with the rate of one update."""
        return self._replace(learning_rate=learning_rate, rates=None)

    def rate_of(self, step: int) -> float:
        """Return the learning rate of an update."""
        return self.learning_rate if self.rates is None else float(self.rates(step, 1)[0])


_LEAST_BELOW: dict[str, tuple[float, float]] = {
    "momentum": (0.0, 1.0),
    "beta1": (0.0, 1.0),
    "beta2": (0.0, 1.0),
    "eta_minus": (0.0, 1.0),
    "eta_plus": (1.0, math.inf),
}
_POSITIVE = ("epsilon", "eta_minus", "smallest", "largest")
_WAYS = ("decay_per_batch", "raw_epsilon")
_SWITCHES = ("nesterov", "decoupled", *_WAYS)
_LIMITS = ("clip_value", "clip_norm", "max_norm")


def check_number(value: Any, name: str) -> Any:
    """Return one number of a rule, as a Python number (a NumPy scalar would turn float32 into float64)."""
    if name in _SWITCHES:
        return check_bool(value, name)
    if name in _LIMITS:
        return None if value is None else check_positive(value, name)
    if name in _POSITIVE:
        check_positive(value, name)
    return check_real(value, name, *_LEAST_BELOW.get(name, (0.0,)))


def check_positive(value: Any, name: str) -> float:
    """Return ``value`` as a finite float greater than 0."""
    number = check_real(value, name, 0.0)
    if number == 0:
        raise ValueError(f"{name} must be greater than 0, but it is {number}")
    return number


def check_rate(learning_rate: Any) -> Any:
    """Return a learning rate as a float, or the schedule or function of the step that it is."""
    if callable(learning_rate) and not isinstance(learning_rate, type):
        return learning_rate
    return check_real(learning_rate, "learning_rate", 0.0)


def rule_of(optimizer: Any) -> str:
    """Return the kind of an optimizer."""
    return str(getattr(optimizer, "kind", "sgd"))


def check_optimizer(optimizer: Any) -> Rule:
    """Return the rule of an optimizer, which must have the attributes of its kind (``sgd`` if it has no kind)."""
    if isinstance(optimizer, type):
        raise TypeError(f"optimizer must be an object, but it is the class {optimizer.__name__}; call it")
    kind = getattr(optimizer, "kind", "sgd")
    names = ATTRIBUTES.get(kind) if isinstance(kind, str) else None
    if names is None:
        raise ValueError(f"optimizer.kind must be one of {', '.join(ATTRIBUTES)}, but it is {describe(kind)}")
    missing = [name for name in names if not hasattr(optimizer, name)]
    if missing:
        raise TypeError(f"optimizer must have {', '.join(names)}; {describe(optimizer)} lacks {missing[0]}")
    numbers: dict[str, Any] = {name: check_number(getattr(optimizer, name), name) for name in names[1:]}
    if numbers.get("smallest", 0.0) > numbers.get("largest", 0.0):
        raise ValueError(
            f"smallest must not be greater than largest, but they are {numbers['smallest']} and {numbers['largest']}"
        )
    numbers["l1"] = check_real(getattr(optimizer, "l1", 0.0), "l1", 0.0)
    for name in _LIMITS:
        limit = check_number(getattr(optimizer, name, None), name)
        numbers[name] = NO_LIMIT if limit is None else limit
    for name in _WAYS:
        numbers[name] = check_number(getattr(optimizer, name, False), name)
    _check_ways(kind, numbers)
    rate = check_rate(optimizer.learning_rate)
    if not callable(rate):
        return Rule(kind, rate, **numbers)
    if kind == "rprop":
        raise ValueError(
            "learning_rate of RPROP is the first size of its steps, which it then chooses itself: give a number"
        )
    return Rule(kind, 0.0, rates=rates_of(rate), **numbers)


def _check_ways(kind: str, numbers: dict[str, Any]) -> None:
    if numbers["decay_per_batch"] and "weight_decay" not in numbers:
        raise ValueError(f"decay_per_batch is about weight_decay, which {kind} does not have")
    if numbers["decay_per_batch"] and numbers.get("decoupled"):
        raise ValueError("decay_per_batch must be False where decoupled is True, but both are True")
    if numbers["raw_epsilon"] and kind != "adam":
        raise ValueError(f"raw_epsilon is about adam, but optimizer.kind is {kind!r}")


def rates_of(schedule: Callable[[int], float]) -> Rates:
    """Return a function that gives the rates of some updates in a row, checked.

    Where one of them is wrong it gives those before it, so that the updates before it are made; asked for that one first,
    it raises.
    """

    def rates(first: int, count: int) -> Array:
        found: list[float] = []
        for step in range(first, first + count):
            try:
                found.append(check_real(schedule(step), f"learning_rate({step})", 0.0))
            except Exception:
                if not found:
                    raise
                break
        return np.array(found)

    return rates

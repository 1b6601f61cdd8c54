"""How a gradient becomes an update of the parameters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from . import _checks


@dataclass(frozen=True)
class SGD:
    """Stochastic gradient descent, with momentum.

    For a parameter w with gradient g and velocity v (zero at the start), in this order::

        g = g + weight_decay * w                      (weights only, never biases)
        v = momentum * v - learning_rate * g
        w = w + v                                     (classical momentum)
        w = w + momentum * v - learning_rate * g      (nesterov=True)

    Parameters
    ----------
    learning_rate : float, default 0.01
        At least 0.
    momentum : float, default 0.0
        ``0 <= momentum < 1``; 0 is plain gradient descent.
    nesterov : bool, default False
        Whether to look ahead along the velocity.
    weight_decay : float, default 0.0
        The factor of an L2 penalty ``weight_decay / 2 * sum(w^2)``; at least 0.

    Raises
    ------
    ValueError, TypeError
        If an argument does not fit the description above; the message names it.

    References
    ----------
    Polyak, "Some methods of speeding up the convergence of iteration methods", 1964; Sutskever, Martens, Dahl and
    Hinton, "On the importance of initialization and momentum in deep learning", ICML 2013 (Nesterov's form).
    """

    learning_rate: float = 0.01
    momentum: float = 0.0
    nesterov: bool = False
    weight_decay: float = 0.0

    def __post_init__(self) -> None:
        checked = _checks.check_update(self.learning_rate, self.momentum, self.nesterov, self.weight_decay)
        for name, value in checked._asdict().items():
            object.__setattr__(self, name, value)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.learning_rate, self.momentum, self.nesterov, self.weight_decay)

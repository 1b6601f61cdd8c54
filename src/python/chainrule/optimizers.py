"""How a gradient becomes an update of the parameters.

Each optimizer is a set of numbers; what is done with them stands in `chainrule.reference`. For all of them, in this order:
the gradient of the batch is clipped; the penalties of weights (never of biases) are added to it; the rule turns it into an
update; `max_norm` limits the new weights. A learning rate may be a number, one of `chainrule.schedules`, or any function of
the number of the update. What an optimizer remembers of the updates before belongs to the trainer, and starts anew, from
zero, when its optimizer becomes one of another kind.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, ClassVar

from ._rules import check_number, check_optimizer, check_rate


class _Optimizer:
    """Checks its numbers when it is made."""

    kind: ClassVar[str]

    def __post_init__(self) -> None:
        for each in fields(self):  # type: ignore[arg-type]
            value = getattr(self, each.name)
            checked = check_rate(value) if each.name == "learning_rate" else check_number(value, each.name)
            object.__setattr__(self, each.name, checked)
        check_optimizer(self)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), tuple(getattr(self, each.name) for each in fields(self))  # type: ignore[arg-type]


@dataclass(frozen=True)
class SGD(_Optimizer):
    """Stochastic gradient descent, with momentum.

    For a parameter w with gradient g and velocity v (zero at the start), in this order::

        g = g + weight_decay * w                      (weights only, never biases)
        v = momentum * v - learning_rate * g
        w = w + v                                     (classical momentum)
        w = w + momentum * v - learning_rate * g      (nesterov=True)

    Parameters
    ----------
    learning_rate : float or function, default 0.01
        At least 0; or a function of the number of the update, as those of `chainrule.schedules`.
    momentum : float, default 0.0
        ``0 <= momentum < 1``; 0 is plain gradient descent.
    nesterov : bool, default False
        Whether to look ahead along the velocity.
    weight_decay : float, default 0.0
        The factor of an L2 penalty ``weight_decay / 2 * sum(w^2)``; at least 0.
    l1 : float, default 0.0
        The factor of an L1 penalty ``l1 * sum(|w|)``: ``l1 * sign(w)`` is added to the gradient of a weight; at least 0.
    clip_value : float, optional
        Gradients of the loss are limited to ``-clip_value ... clip_value``, each by itself; greater than 0.
    clip_norm : float, optional
        The gradients of all parameters together, as one vector, are shortened to at most this length (after
        `clip_value`): multiplied by ``clip_norm / (length + 1e-6)`` where that is less than 1; greater than 0.
    max_norm : float, optional
        After the update the weights into a unit, as one vector, are shortened to at most this length; greater than 0.

    Raises
    ------
    ValueError, TypeError
        If an argument does not fit the description above; the message names it.

    References
    ----------
    Polyak, "Some methods of speeding up the convergence of iteration methods", 1964; Sutskever, Martens, Dahl and
    Hinton, "On the importance of initialization and momentum in deep learning", ICML 2013 (Nesterov's form); Pascanu,
    Mikolov and Bengio, "On the difficulty of training recurrent neural networks", ICML 2013 (`clip_norm`); Srivastava and
    others, "Dropout", JMLR, 2014 (`max_norm`).
    """

    kind: ClassVar[str] = "sgd"
    learning_rate: Any = 0.01
    momentum: float = 0.0
    nesterov: bool = False
    weight_decay: float = 0.0
    l1: float = 0.0
    clip_value: float | None = None
    clip_norm: float | None = None
    max_norm: float | None = None


@dataclass(frozen=True)
class Adam(_Optimizer):
    """Adam: steps of about the learning rate, in the direction of the mean gradient over its root mean square.

    For a parameter w with gradient g, in its t-th update (t from 1 on; m and v are zero at the start)::

        g = g + weight_decay * w                      (weights only, never biases)
        m = beta1 * m + (1 - beta1) * g
        v = beta2 * v + (1 - beta2) * g^2
        w = w - learning_rate * (m / (1 - beta1^t)) / (sqrt(v / (1 - beta2^t)) + epsilon)

    Parameters
    ----------
    learning_rate : float or function, default 0.001
        As of `SGD`.
    beta1, beta2 : float, default 0.9 and 0.999
        ``0 <= beta < 1``: how long gradients and their squares are remembered.
    epsilon : float, default 1e-8
        Greater than 0.
    weight_decay : float, default 0.0
        The factor of an L2 penalty, in the gradient. `AdamW` keeps the decay apart.
    l1, clip_value, clip_norm, max_norm : float, optional
        As of `SGD`.

    Raises
    ------
    ValueError, TypeError
        If an argument does not fit the description above; the message names it.

    References
    ----------
    Kingma and Ba, "Adam: a method for stochastic optimization", ICLR 2015.
    """

    kind: ClassVar[str] = "adam"
    decoupled: ClassVar[bool] = False
    learning_rate: Any = 0.001
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8
    weight_decay: float = 0.0
    l1: float = 0.0
    clip_value: float | None = None
    clip_norm: float | None = None
    max_norm: float | None = None


@dataclass(frozen=True)
class AdamW(Adam):
    """Adam with decoupled weight decay: weights shrink by themselves, not through the gradient.

    As `Adam` without weight decay, after ``w = w - learning_rate * weight_decay * w`` for weights (never biases).

    Parameters
    ----------
    learning_rate : float or function, default 0.001
        As of `SGD`.
    beta1, beta2 : float, default 0.9 and 0.999
        ``0 <= beta < 1``: how long gradients and their squares are remembered.
    epsilon : float, default 1e-8
        Greater than 0.
    weight_decay : float, default 0.01
        At least 0.
    l1, clip_value, clip_norm, max_norm : float, optional
        As of `SGD`.

    Raises
    ------
    ValueError, TypeError
        If an argument does not fit the description above; the message names it.

    References
    ----------
    Loshchilov and Hutter, "Decoupled weight decay regularization", ICLR 2019.
    """

    decoupled: ClassVar[bool] = True
    weight_decay: float = 0.01


@dataclass(frozen=True)
class RMSprop(_Optimizer):
    """Gradients over their root mean square.

    For a parameter w with gradient g (s and v are zero at the start)::

        g = g + weight_decay * w                      (weights only, never biases)
        s = beta2 * s + (1 - beta2) * g^2
        v = momentum * v + g / (sqrt(s) + epsilon)
        w = w - learning_rate * v

    Parameters
    ----------
    learning_rate : float or function, default 0.01
        As of `SGD`.
    beta2 : float, default 0.99
        ``0 <= beta2 < 1``: how long the squares are remembered.
    epsilon : float, default 1e-8
        Greater than 0.
    momentum : float, default 0.0
        ``0 <= momentum < 1``.
    weight_decay : float, default 0.0
        The factor of an L2 penalty, in the gradient.
    l1, clip_value, clip_norm, max_norm : float, optional
        As of `SGD`.

    Raises
    ------
    ValueError, TypeError
        If an argument does not fit the description above; the message names it.

    References
    ----------
    Tieleman and Hinton, "Lecture 6.5: rmsprop", Coursera, 2012.
    """

    kind: ClassVar[str] = "rmsprop"
    learning_rate: Any = 0.01
    beta2: float = 0.99
    epsilon: float = 1e-8
    momentum: float = 0.0
    weight_decay: float = 0.0
    l1: float = 0.0
    clip_value: float | None = None
    clip_norm: float | None = None
    max_norm: float | None = None


@dataclass(frozen=True)
class Adagrad(_Optimizer):
    """Gradients over the root of the sum of all their squares so far: each parameter's rate falls as it moves.

    For a parameter w with gradient g (s is zero at the start)::

        g = g + weight_decay * w                      (weights only, never biases)
        s = s + g^2
        w = w - learning_rate * g / (sqrt(s) + epsilon)

    Parameters
    ----------
    learning_rate : float or function, default 0.01
        As of `SGD`.
    epsilon : float, default 1e-10
        Greater than 0.
    weight_decay : float, default 0.0
        The factor of an L2 penalty, in the gradient.
    l1, clip_value, clip_norm, max_norm : float, optional
        As of `SGD`.

    Raises
    ------
    ValueError, TypeError
        If an argument does not fit the description above; the message names it.

    References
    ----------
    Duchi, Hazan and Singer, "Adaptive subgradient methods for online learning and stochastic optimization", JMLR, 2011.
    """

    kind: ClassVar[str] = "adagrad"
    learning_rate: Any = 0.01
    epsilon: float = 1e-10
    weight_decay: float = 0.0
    l1: float = 0.0
    clip_value: float | None = None
    clip_norm: float | None = None
    max_norm: float | None = None


@dataclass(frozen=True)
class RPROP(_Optimizer):
    """Resilient propagation: only the signs of the gradients count. For all rows at once, ``batch_size="full"``.

    Each parameter w has a step size d (`learning_rate` at the start) and the gradient p of the update before (zero at the
    start). With the gradient g::

        d = min(eta_plus * d, largest)                if g p > 0
        d = max(eta_minus * d, smallest), and g = 0   if g p < 0
        w = w - sign(g) * d;  p = g

    Parameters
    ----------
    learning_rate : float, default 0.01
        The first step size of each parameter; at least 0.
    eta_minus, eta_plus : float, default 0.5 and 1.2
        ``0 < eta_minus < 1 <= eta_plus``.
    smallest, largest : float, default 1e-6 and 50.0
        Limits of the step sizes; greater than 0.
    l1, clip_value, clip_norm, max_norm : float, optional
        As of `SGD`.

    Raises
    ------
    ValueError, TypeError
        If an argument does not fit the description above; the message names it.

    References
    ----------
    Riedmiller and Braun, "A direct adaptive method for faster backpropagation learning: the RPROP algorithm", 1993.
    """

    kind: ClassVar[str] = "rprop"
    learning_rate: float = 0.01
    eta_minus: float = 0.5
    eta_plus: float = 1.2
    smallest: float = 1e-6
    largest: float = 50.0
    l1: float = 0.0
    clip_value: float | None = None
    clip_norm: float | None = None
    max_norm: float | None = None

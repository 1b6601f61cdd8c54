"""Updates: from a gradient to new parameters."""

from __future__ import annotations

import numpy as np

from chainrule import _checks
from chainrule._network import Array


def sgd_momentum_step(
    w: Array, v: Array, g: Array, *, learning_rate: float, momentum: float = 0.0,
    nesterov: bool = False, weight_decay: float = 0.0
) -> None:  # fmt: skip
    """Update the parameter w and its velocity v in place, given the gradient g; all of one shape.

    With ``s = -learning_rate (g + weight_decay w)``: ``v = momentum v + s`` and ``w = w + v``, or, looking
    ahead as Nesterov did, ``w = w + momentum v + s`` with the new v.
    Source: Polyak, "Some methods of speeding up the convergence of iteration methods", 1964; Sutskever,
    Martens, Dahl, Hinton, "On the importance of initialization and momentum in deep learning", ICML, 2013.
    """
    w, v, g, update = _checks.check_sgd_momentum_step(
        w, v, g, learning_rate, momentum, nesterov, weight_decay
    )
    with np.errstate(all="ignore"):
        _sgd_momentum_step(w, v, g, w, v, update)


def _sgd_momentum_step(
    w: Array, v: Array, g: Array, new_w: Array, new_v: Array, update: _checks.Update
) -> None:
    eta, mu, nesterov, decay = update
    s = -eta * (g + decay * w if decay else g)
    np.multiply(mu, v, out=new_v)
    new_v += s
    np.add(w, mu * new_v + s if nesterov else new_v, out=new_w)

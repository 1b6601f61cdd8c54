"""Further rules: Adam, RMSprop, Adagrad and RPROP, which remember more of each parameter; limits of gradients and weights; layers that stay."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from chainrule import _checks
from chainrule._network import Array
from chainrule._rules import NO_LIMIT, Rule


def adam_step(
    w: Array, m: Array, v: Array, g: Array, *, t: int, learning_rate: float, beta1: float = 0.9,
    beta2: float = 0.999, epsilon: float = 1e-8, weight_decay: float = 0.0, decoupled: bool = False
) -> None:  # fmt: skip
    """Update w, the mean m of its gradients and the mean v of their squares in place; t counts updates from 1 on.

    With ``g = g + weight_decay w``, or with ``w = (1 - learning_rate weight_decay) w`` first if decoupled:
    ``m = beta1 m + (1 - beta1) g``, ``v = beta2 v + (1 - beta2) g^2``,
    ``w = w - learning_rate (m / (1 - beta1^t)) / (sqrt(v / (1 - beta2^t)) + epsilon)``.
    Source: Kingma and Ba, "Adam: a method for stochastic optimization", 2015; Loshchilov and Hutter, "Decoupled
    weight decay regularization", 2019.
    """
    numbers = {"learning_rate": learning_rate, "beta1": beta1, "beta2": beta2, "epsilon": epsilon,
               "weight_decay": weight_decay, "decoupled": decoupled}  # fmt: skip
    (w, m, v), g, rule, t = _checks.check_rule_step("adam", {"w": w, "m": m, "v": v}, g, numbers, t)
    with np.errstate(all="ignore"):
        _adam_step(rule, t, w, m, v, g)


def rmsprop_step(
    w: Array, v: Array, s: Array, g: Array, *, learning_rate: float, beta2: float = 0.99, epsilon: float = 1e-8,
    momentum: float = 0.0, weight_decay: float = 0.0
) -> None:  # fmt: skip
    """Update w, its velocity v and the mean s of its squared gradients in place.

    With ``g = g + weight_decay w``: ``s = beta2 s + (1 - beta2) g^2``, ``v = momentum v + g / (sqrt(s) + epsilon)``,
    ``w = w - learning_rate v``. Source: Tieleman and Hinton, "Lecture 6.5: rmsprop", 2012.
    """
    numbers = {"learning_rate": learning_rate, "beta2": beta2, "epsilon": epsilon, "momentum": momentum,
               "weight_decay": weight_decay}  # fmt: skip
    (w, v, s), g, rule, _ = _checks.check_rule_step("rmsprop", {"w": w, "v": v, "s": s}, g, numbers)
    with np.errstate(all="ignore"):
        _rmsprop_step(rule, w, v, s, g)


def adagrad_step(
    w: Array, s: Array, g: Array, *, learning_rate: float, epsilon: float = 1e-10, weight_decay: float = 0.0
) -> None:
    """Update w and the sum s of its squared gradients in place.

    With ``g = g + weight_decay w``: ``s = s + g^2``, ``w = w - learning_rate g / (sqrt(s) + epsilon)``.
    Source: Duchi, Hazan and Singer, "Adaptive subgradient methods", 2011.
    """
    numbers = {"learning_rate": learning_rate, "epsilon": epsilon, "weight_decay": weight_decay}
    (w, s), g, rule, _ = _checks.check_rule_step("adagrad", {"w": w, "s": s}, g, numbers)
    with np.errstate(all="ignore"):
        _adagrad_step(rule, w, s, g)


def rprop_step(
    w: Array, p: Array, d: Array, g: Array, *, learning_rate: float, eta_minus: float = 0.5,
    eta_plus: float = 1.2, smallest: float = 1e-6, largest: float = 50.0
) -> None:  # fmt: skip
    """Update w, the gradient p of the update before and the step size d in place; a d of 0 begins as learning_rate.

    ``d`` grows by ``eta_plus`` where ``g p > 0``; where ``g p < 0`` it shrinks by ``eta_minus``, and g counts as 0. It stays
    from `smallest` to `largest`. Then ``w = w - sign(g) d`` and ``p = g``.
    Source: Riedmiller and Braun, "A direct adaptive method for faster backpropagation learning", 1993.
    """
    numbers = {"learning_rate": learning_rate, "eta_minus": eta_minus, "eta_plus": eta_plus,
               "smallest": smallest, "largest": largest}  # fmt: skip
    (w, p, d), g, rule, _ = _checks.check_rule_step("rprop", {"w": w, "p": p, "d": d}, g, numbers)
    with np.errstate(all="ignore"):
        _rprop_step(rule, w, p, d, g)


def _adam_step(rule: Rule, t: int, w: Array, m: Array, v: Array, g: Array) -> None:
    if rule.decoupled:
        w *= 1 - rule.learning_rate * rule.weight_decay
    else:
        g = g + rule.weight_decay * w
    m[...] = rule.beta1 * m + (1 - rule.beta1) * g
    v[...] = rule.beta2 * v + (1 - rule.beta2) * g * g
    rate, root = rule.learning_rate / (1 - rule.beta1**t), 1 / (1 - rule.beta2**t) ** 0.5
    w -= rate * (m / (np.sqrt(v) * root + (rule.epsilon * root if rule.raw_epsilon else rule.epsilon)))


def _rmsprop_step(rule: Rule, w: Array, v: Array, s: Array, g: Array) -> None:
    g = g + rule.weight_decay * w
    s[...] = rule.beta2 * s + (1 - rule.beta2) * g * g
    v[...] = rule.momentum * v + g / (np.sqrt(s) + rule.epsilon)
    w -= rule.learning_rate * v


def _adagrad_step(rule: Rule, w: Array, s: Array, g: Array) -> None:
    g = g + rule.weight_decay * w
    s += g * g
    w -= rule.learning_rate * (g / (np.sqrt(s) + rule.epsilon))


def _rprop_step(rule: Rule, w: Array, p: Array, d: Array, g: Array) -> None:
    agreement = np.sign(g) * np.sign(p)
    begun = np.where(d == 0, w.dtype.type(rule.learning_rate), d)
    factor = np.where(agreement > 0, rule.eta_plus, np.where(agreement < 0, rule.eta_minus, 1)).astype(
        w.dtype
    )
    d[...] = np.clip(begun * factor, rule.smallest, rule.largest)
    p[...] = np.where(agreement < 0, 0, g)
    w -= np.sign(p) * d


def step(rule: Rule, t: int, g: Array, old: list[Array], new: list[Array]) -> None:
    """Compute one parameter and the two arrays that are remembered of it from the old ones, by any of these rules."""
    stay(old, new)
    w, first, second = new
    if rule.kind == "adam":
        _adam_step(rule, t, w, first, second, g)
    elif rule.kind == "rmsprop":
        _rmsprop_step(rule, w, first, second, g)
    elif rule.kind == "adagrad":
        _adagrad_step(rule, w, second, g)
    else:
        _rprop_step(rule, w, first, second, g)


def clip(gradients: list[Array], rule: Rule) -> list[Array]:
    """Return the gradients of all parameters within the limits of the rule: each number, then all as one vector."""
    if rule.clip_value != NO_LIMIT:
        gradients = [np.clip(g, -rule.clip_value, rule.clip_value) for g in gradients]
    if rule.clip_norm != NO_LIMIT:
        length = sum_of_squares(gradients) ** 0.5
        scale = rule.clip_norm / (length + 1e-6)
        if scale < 1:
            gradients = [g * g.dtype.type(scale) for g in gradients]
    return gradients


def sum_of_squares(arrays: Sequence[Array]) -> float:
    """Return the sum of the squares of all numbers, in float64."""
    return sum(float(np.square(array, dtype=np.float64).sum()) for array in arrays)


def without_frozen(
    dWs: list[Array], dbs: list[Array], frozen: Sequence[int]
) -> tuple[list[Array], list[Array]]:
    """Return the gradients with zeros for the layers that are not to learn, so that they count in no norm either."""
    return (
        [np.zeros_like(dW) if i in frozen else dW for i, dW in enumerate(dWs)],
        [np.zeros_like(db) if i in frozen else db for i, db in enumerate(dbs)],
    )


def stay(old: list[Array], new: list[Array]) -> None:
    """Take a parameter of a frozen layer, and what is remembered of it, over as it is."""
    for before, after in zip(old, new, strict=True):
        np.copyto(after, before)


def limit_norms(W: Array, most: float) -> None:
    """Shorten, in place, each unit's vector of weights (a column) that is longer than this."""
    if most != NO_LIMIT:
        length = np.sqrt(np.square(W).sum(axis=0))
        W *= np.where(length > most, most / length, 1).astype(W.dtype)

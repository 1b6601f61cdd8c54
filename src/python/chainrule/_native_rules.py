"""The rules of updates in the native core, and how it takes their numbers; see `chainrule.native`, which offers the functions."""

from __future__ import annotations

from typing import Any

import numpy as np

from . import _checks
from ._compiled_core import _core
from ._network import Array
from ._rules import Rates, Rule

_RULE = {name: i for i, name in enumerate(_core.RULES)}


def sgd_momentum_step(
    w: Array, v: Array, g: Array, *, learning_rate: float, momentum: float = 0.0,
    nesterov: bool = False, weight_decay: float = 0.0
) -> None:  # fmt: skip
    w, v, g, update = _checks.check_sgd_momentum_step(
        w, v, g, learning_rate, momentum, nesterov, weight_decay
    )
    _core.update(w, v, np.ascontiguousarray(g), *update)


def _rule_step(kind: str, arrays: dict[str, Array], g: Array, numbers: dict[str, Any], t: int = 1) -> None:
    checked, g, rule, t = _checks.check_rule_step(kind, arrays, g, numbers, t)
    w, velocity, square = (
        (*checked[:1], *checked[-2:]) if len(checked) == 3 else (checked[0], None, checked[1])
    )
    _core.apply_rule(w, velocity, square, np.ascontiguousarray(g), *_numbers(rule), t)


def adam_step(
    w: Array, m: Array, v: Array, g: Array, *, t: int, learning_rate: float, beta1: float = 0.9,
    beta2: float = 0.999, epsilon: float = 1e-8, weight_decay: float = 0.0, decoupled: bool = False
) -> None:  # fmt: skip
    numbers = {"learning_rate": learning_rate, "beta1": beta1, "beta2": beta2, "epsilon": epsilon,
               "weight_decay": weight_decay, "decoupled": decoupled}  # fmt: skip
    _rule_step("adam", {"w": w, "m": m, "v": v}, g, numbers, t)


def rmsprop_step(
    w: Array, v: Array, s: Array, g: Array, *, learning_rate: float, beta2: float = 0.99, epsilon: float = 1e-8,
    momentum: float = 0.0, weight_decay: float = 0.0
) -> None:  # fmt: skip
    numbers = {"learning_rate": learning_rate, "beta2": beta2, "epsilon": epsilon, "momentum": momentum,
               "weight_decay": weight_decay}  # fmt: skip
    _rule_step("rmsprop", {"w": w, "v": v, "s": s}, g, numbers)


def adagrad_step(
    w: Array, s: Array, g: Array, *, learning_rate: float, epsilon: float = 1e-10, weight_decay: float = 0.0
) -> None:
    numbers = {"learning_rate": learning_rate, "epsilon": epsilon, "weight_decay": weight_decay}
    _rule_step("adagrad", {"w": w, "s": s}, g, numbers)


def rprop_step(
    w: Array, p: Array, d: Array, g: Array, *, learning_rate: float, eta_minus: float = 0.5,
    eta_plus: float = 1.2, smallest: float = 1e-6, largest: float = 50.0
) -> None:  # fmt: skip
    numbers = {"learning_rate": learning_rate, "eta_minus": eta_minus, "eta_plus": eta_plus,
               "smallest": smallest, "largest": largest}  # fmt: skip
    _rule_step("rprop", {"w": w, "p": p, "d": d}, g, numbers)


def _numbers(rule: Rule) -> tuple[int, list[float], Rates | None]:
    """Return a rule as the core takes it: its kind as a number, and all of its numbers."""
    return (_RULE[rule.kind], [float(x) for x in rule[1:-1]], rule.rates)

"""What an activation, its slope and the slope of a loss are as formulas, for the numbers at hand."""

from __future__ import annotations

import math

from chainrule._losses import LossRule
from chainrule._network import LEAKY_SLOPE, SELU_ALPHA, SELU_SCALE

_VALUE = {
    "identity": "{z}",
    "sigmoid": "1 / (1 + exp(-{z}))",
    "tanh": "tanh({z})",
    "relu": "max(0, {z})",
    "leaky_relu": f"max({{z}}, {LEAKY_SLOPE} * {{z}})",
    "softplus": "log(1 + exp({z}))",
    "softsign": "{z} / (1 + |{z}|)",
    "hard_sigmoid": "min(max({z} + 3, 0), 6) / 6",
    "exponential": "exp({z})",
    "gelu": "{z} * Phi({z})",
    "gelu_tanh": "{z} * sigmoid(2 * u({z}))",
    "silu": "{z} * sigmoid({z})",
    "mish": "{z} * tanh(log(1 + exp({z})))",
}
_SLOPE = {
    "identity": "1",
    "sigmoid": "{a} * (1 - {a})",
    "tanh": "1 - {a}^2",
    "softplus": "1 - exp(-{a})",
    "softsign": "(1 - |{a}|)^2",
    "exponential": "{a}",
    "silu": "sigmoid({z}) * (1 + {z} * (1 - sigmoid({z})))",
    "gelu": "Phi({z}) + {z} * phi({z})",
    "gelu_tanh": "sigmoid(2 * u({z})) * (1 + {z} * (1 - sigmoid(2 * u({z}))) * 2 * sqrt(2 / pi) * (1 + 0.134145 * {z}^2))",
    "mish": "tanh(log(1 + exp({z}))) + {z} * sigmoid({z}) / cosh(log(1 + exp({z})))^2",
}
CONSTANTS = {"selu": {"scale": SELU_SCALE, "alpha": SELU_ALPHA}, "gelu_tanh": {"pi": math.pi}}
"""Numbers that formulas of an activation name."""
_NOTES = {
    "gelu": "Phi is the cumulative distribution function of the standard normal distribution, phi its density",
    "gelu_tanh": "u(z) is sqrt(2 / pi) (z + 0.044715 z^3)",
}


def value_formula(name: str, a: str, z: str, z_value: float) -> tuple[str, str]:
    """Return a = f(z) as a formula, and a remark or nothing."""
    if name == "elu":
        return ("exp({z}) - 1", "{z} < 0") if z_value < 0 else ("{z}", "{z} >= 0")
    if name == "selu":
        low, high = "scale * alpha * (exp({z}) - 1)", "scale * {z}"
        return (low, "{z} < 0") if z_value < 0 else (high, "{z} >= 0")
    return _VALUE[name], _NOTES.get(name, "")


def slope_formula(name: str, a_value: float) -> tuple[str, str]:
    """Return da/dz = f'(z) as a formula, and a remark or nothing."""
    above = a_value > 0
    if name == "relu":
        return ("1", "{a} > 0") if above else ("0", "{a} <= 0")
    if name == "leaky_relu":
        return ("1", "{a} > 0") if above else (f"{LEAKY_SLOPE}", "{a} <= 0")
    if name == "elu":
        return ("{a} + 1", "{a} < 0") if a_value < 0 else ("1", "{a} >= 0")
    if name == "selu":
        return ("scale", "{a} > 0") if above else ("{a} + scale * alpha", "{a} <= 0")
    if name == "hard_sigmoid":
        return ("1 / 6", "0 < {a} < 1") if 0 < a_value < 1 else ("0", "{a} is at its end")
    return _SLOPE[name], ""


def loss_slope(rule: LossRule, a: float, y: float, output: int) -> tuple[str, str]:
    """Return dl/da of an entry of the loss as a formula of {a} and {y}, and a remark or nothing."""
    e, kind = a - y, rule.kind
    if kind == "half_squared_error":
        return "-({y} - {a})", ""
    if kind == "mean_squared_error":
        return "-2 * ({y} - {a})", ""
    if kind == "mean_absolute_error":
        return _sign(e), "{a} " + (">" if e > 0 else "<" if e < 0 else "=") + " {y}"
    if kind == "huber":
        if abs(e) < rule.delta:
            return "-({y} - {a})", f"|{{a}} - {{y}}| < delta = {rule.delta:g}"
        return f"{'-' if e < 0 else ''}{rule.delta:g}", f"|{{a}} - {{y}}| >= delta = {rule.delta:g}"
    if kind == "log_cosh":
        return "tanh({a} - {y})", ""
    if kind == "quantile":
        level = rule.levels[output if len(rule.levels) > 1 else 0]
        text = f"-{level:g}" if e < 0 else f"(1 - {level:g})" if e > 0 else "0"
        return text, "{a} " + (">" if e > 0 else "<" if e < 0 else "=") + " {y}"
    if kind == "hinge":
        inside = 1 - (2 * y - 1) * a > 0
        return ("-(2 * {y} - 1)", "(2 y - 1) a < 1") if inside else ("0", "(2 y - 1) a >= 1")
    if kind == "poisson":
        return "(1 - {y} / {a})", ""
    if kind == "cross_entropy":
        return "-{y} / {a}", ""
    if kind == "binary_cross_entropy":
        return "({a} - {y}) / ({a} * (1 - {a}))", ""
    return "", "as the function that is the loss returns it"


def _sign(e: float) -> str:
    return "1" if e > 0 else "-1" if e < 0 else "0"


LOSS_VALUE = {
    "half_squared_error": "({y} - {a})^2 / 2",
    "mean_squared_error": "({y} - {a})^2",
    "mean_absolute_error": "|{a} - {y}|",
    "binary_cross_entropy": "-({y} * log({a}) + (1 - {y}) * log(1 - {a}))",
    "cross_entropy": "-{y} * log({a})",
    "poisson": "{a} - {y} * log({a})",
    "hinge": "max(0, 1 - (2 * {y} - 1) * {a})",
    "log_cosh": "log(cosh({a} - {y}))",
}
"""The loss of one entry, where a formula without cases says it."""
TAKES_LOGS = ("binary_cross_entropy", "cross_entropy")
"""Losses with logarithms of outputs from 0 to 1, which the cores compute from the weighted sums."""
TAKEN_DIRECTLY = {
    "cross_entropy": "f' cancels: the derivative of -sum y log a through softmax is a - y",
    "binary_cross_entropy": "f' cancels: that of the loss is (a - y) / (a (1 - a)), and of sigmoid a (1 - a)",
    "poisson": "f' cancels: that of the loss is 1 - y / a, and of the exponential a",
}
"""Losses whose derivative is taken by the weighted sums at once, and why."""

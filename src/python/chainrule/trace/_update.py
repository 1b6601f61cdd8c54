"""From a derivative to a new parameter: the rule of the optimizer, with the numbers put in."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from chainrule._rules import NO_LIMIT, Rule

from ._derivation import Line
from ._layer import TracedLayer
from ._names import Parameter
from ._step import TracedStep

_SMALL = 1e-6  # what the length of a gradient is made longer by, before it divides the limit


def update_lines(
    step: TracedStep, parameter: Parameter, values: dict[str, float], gradient: float
) -> tuple[list[Line], float]:
    """Return the lines of the update, and the new parameter; the numbers of their variables go into ``values``."""
    layer = step.layers[parameter.layer - 1]
    return _Update(step, layer, parameter, values, gradient).lines()


class _Update:
    def __init__(
        self,
        step: TracedStep,
        layer: TracedLayer,
        parameter: Parameter,
        values: dict[str, float],
        gradient: float,
    ) -> None:
        self.step, self.layer, self.p, self.values = step, layer, parameter, values
        self.rule: Rule = step.rule if parameter.is_weight else step.rule.for_biases()
        self.w, self.new = parameter.name, f"new {parameter.name}"
        self.found: list[Line] = []
        values[f"dL/d{self.w}"] = gradient

    def lines(self) -> tuple[list[Line], float]:
        rule, new = self.rule, self._array("new_W", "new_b")
        if self.p.layer in self.step.frozen:
            self._add(self.new, [self.w], new, "the layer is frozen")
            return self.found, new
        g = self._gradient()
        if rule.kind != "rprop":
            self.values["eta"] = rule.learning_rate
        _RULES[rule.kind](self, g)
        return self.found, new

    def _array(self, of_weight: str, of_bias: str) -> float:
        array = getattr(self.layer, of_weight if self.p.is_weight else of_bias)
        return float(array[self.p.i, self.p.j] if self.p.is_weight else array[self.p.j])

    def _add(self, symbol: str, forms: list[str], value: float, note: str = "") -> None:
        self.values[symbol] = value
        self.found.append(Line("update", symbol, tuple(forms), value, note))

    def _gradient(self) -> str:
        """Write what is done to the derivative before the rule takes it; return the name of what comes of it."""
        rule, name = self.rule, f"dL/d{self.w}"
        value = self.values[name]
        form, note = name, []
        if rule.clip_value != NO_LIMIT:
            value = min(max(value, -rule.clip_value), rule.clip_value)
            form = f"min(max({form}, -{rule.clip_value:g}), {rule.clip_value:g})"
            note.append("clip_value")
        if rule.clip_norm != NO_LIMIT:
            length = self._length()
            scale = rule.clip_norm / (length + _SMALL)
            if scale < 1:
                value, self.values["norm"] = value * scale, length
                form = f"{form} * {rule.clip_norm:g} / (norm + {_SMALL:g})"
                note.append("clip_norm: norm is the length of the gradient of all parameters")
        if rule.l1:
            w = self.values[self.w]
            sign = float(np.sign(w))
            value += rule.l1 * sign
            form += f" + {rule.l1:g} * ({sign:g})"
            note.append("the penalty of |w|")
        if rule.weight_decay and not rule.decoupled:
            self.values["lambda"] = rule.weight_decay
            value += rule.weight_decay * self.values[self.w]
            form += f" + lambda * {self.w}"
            note.append("weight decay")
        if form == name:
            return name
        self._add("g", [form], value, ", ".join(note))
        return "g"

    def _length(self) -> float:
        """Return the length of the gradients of all parameters that learn, each number limited."""
        total, limit = 0.0, self.rule.clip_value
        for layer in self.step.layers:
            for array in (layer.dL_dW, layer.dL_db):
                if array is not None and layer.number not in self.step.frozen:
                    total += float(np.square(np.clip(array, -limit, limit), dtype=np.float64).sum())
        return math.sqrt(total)

    def _finish(self, *forms: str) -> None:
        """Write the new parameter, shortened if the weights of its unit are too long."""
        new, note = self._array("new_W", "new_b"), ""
        limit = self.rule.max_norm
        if limit != NO_LIMIT:
            # The column after the step is at its limit if it was shortened.
            column = np.sqrt(np.square(self.layer.new_W[:, self.p.j], dtype=np.float64).sum())
            if column > limit * (1 - 1e-5):
                note = (
                    f"then shortened, as the weights of the unit may not be longer than max_norm = {limit:g}"
                )
        self._add(self.new, list(forms), new, note)

    def sgd(self, g: str) -> None:
        rule = self.rule
        if not rule.momentum:
            step = -rule.learning_rate * self.values[g]
            self._add("step", [f"-eta * {g}"], step)
            self._finish(f"{self.w} - eta * {g}", f"{self.w} + step")
            return
        self.values["mu"] = rule.momentum
        self.values["old v"] = self._array("previous_velocity_W", "previous_velocity_b")
        self._add("v", [f"mu * old v - eta * {g}"], self._array("velocity_W", "velocity_b"), "the velocity")
        if rule.nesterov:
            self._finish(f"{self.w} + mu * v - eta * {g}")
        else:
            self._finish(f"{self.w} + v")

    def adam(self, g: str) -> None:
        rule, t = self.rule, self.step.update
        self.values |= {"beta1": rule.beta1, "beta2": rule.beta2, "t": t, "epsilon": rule.epsilon}
        self.values["old m"] = self._array("previous_velocity_W", "previous_velocity_b")
        self.values["old s"] = self._array("previous_square_W", "previous_square_b")
        m, s = self._array("velocity_W", "velocity_b"), self._array("square_W", "square_b")
        self._add("m", [f"beta1 * old m + (1 - beta1) * {g}"], m, "the mean of the gradients")
        self._add("s", [f"beta2 * old s + (1 - beta2) * {_squared(g)}"], s, "the mean of their squares")
        first, second = 1 - rule.beta1**t, 1 - rule.beta2**t
        self._add("m_hat", ["m / (1 - beta1^t)"], m / first, "it began at 0")
        start = self.w
        if rule.decoupled and rule.weight_decay:
            self.values["lambda"] = rule.weight_decay
            start = f"(1 - eta * lambda) * {self.w}"
        if rule.raw_epsilon:
            self._finish(f"{start} - eta * m_hat * sqrt(1 - beta2^t) / (sqrt(s) + epsilon)")
            return
        self._add("s_hat", ["s / (1 - beta2^t)"], s / second)
        self._finish(f"{start} - eta * m_hat / (sqrt(s_hat) + epsilon)")

    def rmsprop(self, g: str) -> None:
        rule = self.rule
        self.values |= {"beta2": rule.beta2, "epsilon": rule.epsilon, "mu": rule.momentum}
        self.values["old s"] = self._array("previous_square_W", "previous_square_b")
        self.values["old v"] = self._array("previous_velocity_W", "previous_velocity_b")
        square = self._array("square_W", "square_b")
        self._add("s", [f"beta2 * old s + (1 - beta2) * {_squared(g)}"], square, "the mean of the squares")
        self._add("v", [f"mu * old v + {g} / (sqrt(s) + epsilon)"], self._array("velocity_W", "velocity_b"))
        self._finish(f"{self.w} - eta * v")

    def adagrad(self, g: str) -> None:
        self.values |= {
            "epsilon": self.rule.epsilon,
            "old s": self._array("previous_square_W", "previous_square_b"),
        }
        self._add(
            "s", [f"old s + {_squared(g)}"], self._array("square_W", "square_b"), "the sum of the squares"
        )
        self._finish(f"{self.w} - eta * {g} / (sqrt(s) + epsilon)")

    def rprop(self, g: str) -> None:
        rule, before = self.rule, self._array("previous_square_W", "previous_square_b")
        old = self._array("previous_velocity_W", "previous_velocity_b")
        d, p = self._array("square_W", "square_b"), self._array("velocity_W", "velocity_b")
        begins = before == 0
        self.values |= {"old d": rule.learning_rate if begins else before, "old p": old}
        self._add("agreement", [f"{g} * old p"], self.values[g] * old, "p is the gradient that counted last")
        agrees = self.values["agreement"]
        factor = rule.eta_plus if agrees > 0 else rule.eta_minus if agrees < 0 else 1.0
        why = "the step grows" if agrees > 0 else "the step shrinks" if agrees < 0 else "the step stays"
        why += f", within {rule.smallest:g} to {rule.largest:g}"
        why += "; it begins as the learning rate" if begins else ""
        self._add("d", [f"{factor:g} * old d"], d, why)
        self._add("p", ["0" if agrees < 0 else g], p, "the sign changed" if agrees < 0 else "")
        self._add("direction", ["sign(p)"], float(np.sign(p)))
        self._finish(f"{self.w} - direction * d")


def _squared(g: str) -> str:
    return f"{g}^2" if g == "g" else f"({g})^2"


_RULES: dict[str, Callable[[_Update, str], None]] = {
    "sgd": _Update.sgd,
    "adam": _Update.adam,
    "rmsprop": _Update.rmsprop,
    "adagrad": _Update.adagrad,
    "rprop": _Update.rprop,
}

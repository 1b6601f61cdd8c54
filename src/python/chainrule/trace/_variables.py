"""The variables of a derivation: their names, and the numbers that they have in a step."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ._derivation import Line
from ._formulas import CONSTANTS
from ._names import Parameter
from ._step import TracedStep

if TYPE_CHECKING:
    from ._trace import Trace

MOST_TERMS = 6
"""Sums of more terms than this are written with the first three, dots and the last."""


def shown(n: int) -> list[int]:
    """Return which of so many terms are written."""
    return list(range(n)) if n <= MOST_TERMS else [0, 1, 2, n - 1]


def added(terms: Sequence[str], n: int) -> str:
    """Return a sum as a formula, given the terms that are `shown` of n."""
    written = list(terms)
    if n > len(written):
        written.insert(len(written) - 1, "...")
    return " + ".join(written)


class Variables:
    """Collects the lines of a derivation, and the numbers of the variables in them."""

    def __init__(self, trace: Trace, step: TracedStep, place: int, parameter: Parameter) -> None:
        self.trace, self.step, self.place, self.parameter = trace, step, place, parameter
        self.values: dict[str, float] = {}
        self.lines: list[Line] = []
        for layer in step.layers:
            self.values |= CONSTANTS.get(layer.activation, {})
        self.several = step.batch_rows > 1
        self.row = step.rows[place]
        self.n = len(step.layers)

    def var(self, letter: str, number: int, unit: int) -> str:
        """Return the name of a quantity of the row, with its number kept."""
        text = self.symbol(letter, number, unit)
        layer = self.step.layers[number - 1]
        array = {"z": layer.z, "a": layer.a, "m": layer.mask}[letter]
        assert array is not None
        self.values[text] = float(array[self.place, unit])
        return text

    def symbol(self, letter: str, number: int, unit: int, row: int | None = None) -> str:
        """Return the name of a quantity: of layer and unit, and where there are several rows of the row."""
        row = self.row if row is None else row
        index = f"{row}, {unit}" if self.several else f"{unit}"
        return f"{letter}{number or ''}[{index}]"

    def weight(self, number: int, i: int, j: int) -> str:
        """Return the name of a weight."""
        text = f"W{number}[{i}, {j}]"
        self.values[text] = float(self.step.layers[number - 1].W[i, j])
        return text

    def bias(self, number: int, j: int) -> str | None:
        """Return the name of the bias of a unit, None without."""
        b = self.step.layers[number - 1].b
        if b is None:
            return None
        whole = self.trace.network.bias == "layer"
        text = f"b{number}" if whole else f"b{number}[{j}]"
        self.values[text] = float(b[0 if whole else j])
        return text

    def given(self, number: int, i: int) -> str:
        """Return what layer `number` was given by its input i, as a formula."""
        if number == 1:
            text = self.symbol("x", 0, i)
            self.values[text] = float(self.step.layers[0].given[self.place, i])
            return text
        a = self.var("a", number - 1, i)
        before = self.step.layers[number - 2]
        return a if before.mask is None else f"{a} * {self.var('m', number - 1, i)}"

    def target(self, j: int) -> str:
        """Return the name of the target of an output."""
        text = self.symbol("y", 0, j)
        self.values[text] = float(self.step.target[self.place, j])
        return text

    def known(self, text: str, value: float) -> str:
        """Keep the number of a derivative, and return its name."""
        self.values[text] = float(value)
        return text

    def add(self, section: str, symbol: str, forms: Sequence[str], value: float, note: str = "") -> None:
        """Write a line."""
        self.values.setdefault(symbol, float(value))
        self.lines.append(Line(section, symbol, tuple(form for form in forms if form), float(value), note))

    def units(self, number: int) -> list[int]:
        """Return the units of a layer that are written: one of the parameter's own layer, else all or the first and the last."""
        p = self.parameter
        if number == p.layer and (p.is_weight or self.trace.network.bias == "unit"):
            return [p.j]
        return shown(self.step.layers[number - 1].n_out)

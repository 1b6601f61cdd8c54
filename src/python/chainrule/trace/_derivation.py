"""The derivation of one parameter: lines of symbols, numbers and results, and how they are written."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from chainrule._checks_values import describe

from ._plain import check_digits, plain
from ._symbols import format_number, is_trivial, rename, to_latex, with_numbers, without_trivial

SECTIONS = ("forward", "derivative", "update")
"""The parts of a derivation, in their order."""
TITLES = {"forward": "Forward", "derivative": "Back, by the chain rule", "update": "The update"}


@dataclass(frozen=True)
class Line:
    """One quantity: ``symbol = forms[0] = forms[1] = ... = numbers = value``.

    Attributes
    ----------
    section : "forward", "derivative" or "update"
    symbol : str
    forms : tuple of str
        Formulas of it, the most general first. The numbers go into the last one.
    value : float
    note : str
        Why it is so, where that is not to be seen.
    printed : str
        The figure that a textbook prints, rounded along the way; empty for none.
    """

    section: str
    symbol: str
    forms: tuple[str, ...]
    value: float
    note: str = ""
    printed: str = ""


@dataclass(frozen=True)
class Derivation:
    """How a step came to the derivative of one parameter and to its new value. `Trace.of` makes it.

    Attributes
    ----------
    name : str
        The parameter: "W1[0, 2]".
    title : str
    derivative : float
        dL/dW, of all rows of the batch.
    new_value : float
        The parameter after the step.
    lines : list of Line
    values : dict
        The numbers of the variables and derivatives in the formulas.
    names : dict
        Names to write in the place of variables, such as those of a textbook.
    """

    name: str
    title: str
    derivative: float
    new_value: float
    lines: list[Line]
    values: Mapping[str, float] = field(repr=False)
    names: Mapping[str, str] = field(default_factory=dict, repr=False)

    def named(self, names: Mapping[str, str], printed: Mapping[str, str] | None = None) -> Derivation:
        """Return the same with other names of the variables.

        Parameters
        ----------
        names : mapping
            By variable, as "a1[0]", the name to write in its place.
        printed : mapping, optional
            By quantity, as "dL/dW2[0, 0]", the figure that a textbook prints.

        Returns
        -------
        Derivation

        Raises
        ------
        ValueError, TypeError
            If they are no mappings of texts of one line.
        """
        _check_names(names, "names")
        _check_names({} if printed is None else printed, "printed")
        figures, lines = printed or {}, []
        for line in self.lines:
            symbol = rename(line.symbol, names)
            forms = tuple(without_trivial(form, names) for form in line.forms)
            if is_trivial(symbol) or symbol in [rename(form, names) for form in forms]:
                continue  # two variables that have one name there, such as the sum and the activation of a linear output
            lines.append(replace(line, forms=forms, printed=figures.get(line.symbol, line.printed)))
        title = f"{names[self.name]} = {self.title}" if self.name in names else self.title
        return replace(self, title=title, names=dict(names), lines=lines)

    def equations(self, line: Line, digits: int = 7) -> list[str]:
        """Return what a line says, each an equal sign further: its formulas, the numbers put in, the result."""
        digits = check_digits(digits)
        numbers = with_numbers(line.forms[-1], self.values, digits) if line.forms else ""
        result = format_number(line.value, digits)
        found = [rename(form, self.names) for form in line.forms]
        found += [text for text in (numbers, result) if text]
        return [text for i, text in enumerate(found) if i == 0 or text != found[i - 1]]

    def to_text(self, digits: int = 7) -> str:
        """Return it as a student writes it; numbers with so many significant digits."""
        digits = check_digits(digits)
        out = [self.title, "=" * len(self.title)]
        for section in SECTIONS:
            lines = [line for line in self.lines if line.section == section]
            if lines:
                out += ["", TITLES[section]]
            for line in lines:
                out += self._text_of(line, digits)
        return "\n".join(out) + "\n"

    def _text_of(self, line: Line, digits: int) -> list[str]:
        symbol, equations = rename(line.symbol, self.names), self.equations(line, digits)
        remark = _remark(self._note(line), line.printed)
        whole = f"  {symbol} = " + " = ".join(equations) + remark
        if len(whole) <= 100:
            return [whole]
        first, *rest = equations
        out = [f"  {symbol} = {first}", *(" " * (len(symbol) + 3) + f"= {text}" for text in rest)]
        return [*out[:-1], out[-1] + remark]

    def _note(self, line: Line) -> str:
        return rename(line.note, self.names) if line.note else ""

    def to_markdown(self, digits: int = 7) -> str:
        """Return it as Markdown: a table for each part."""
        digits = check_digits(digits)
        out = [f"## {_code(self.title, False)}"]
        for section in SECTIONS:
            lines = [line for line in self.lines if line.section == section]
            if not lines:
                continue
            out += [
                "",
                f"### {TITLES[section]}",
                "",
                "| quantity | formula | with numbers | result |",
                "|---|---|---|---|",
            ]
            for line in lines:
                formulas, numbers, result = self.cells(line, digits)
                result = f"{result}{_remark(self._note(line), line.printed)}"
                written = [
                    _code(rename(line.symbol, self.names)),
                    " = ".join(map(_code, formulas)),
                    _code(numbers),
                ]
                out.append(f"| {' | '.join([*written, result.replace('|', chr(92) + '|')])} |")
        return "\n".join(out) + "\n"

    def cells(self, line: Line, digits: int = 7) -> tuple[list[str], str, str]:
        """Return the formulas of a line, the last with numbers (or nothing), and the result."""
        digits = check_digits(digits)
        formulas = [rename(form, self.names) for form in line.forms]
        numbers = with_numbers(line.forms[-1], self.values, digits) if line.forms else ""
        result = format_number(line.value, digits)
        return formulas, "" if numbers in (result, formulas[-1] if formulas else "") else numbers, result

    def to_latex(self, digits: int = 7) -> str:
        r"""Return it as LaTeX: an ``align*`` for each part, which needs the package amsmath."""
        digits = check_digits(digits)
        out = [r"\paragraph{" + _latex_text(self.title) + "}"]
        for section in SECTIONS:
            lines = [line for line in self.lines if line.section == section]
            if not lines:
                continue
            rows = []
            for line in lines:
                symbol, equations = to_latex(rename(line.symbol, self.names)), self.equations(line, digits)
                remark = _remark(self._note(line), line.printed)
                rows += [
                    f"{symbol} &= {to_latex(equations[0])}",
                    *(f"&= {to_latex(text)}" for text in equations[1:]),
                ]
                rows[-1] += r" && \text{" + _latex_text(remark.strip()) + "}" if remark else ""
            out += [
                r"\noindent " + _latex_text(TITLES[section]),
                r"\begin{align*}",
                " \\\\\n".join(rows),
                r"\end{align*}",
            ]
        return "\n".join(out) + "\n"

    def to_dict(self) -> dict[str, Any]:
        """Return it as dicts, lists, texts and numbers."""
        lines = [
            {
                "section": line.section,
                "symbol": rename(line.symbol, self.names),
                "formulas": [rename(form, self.names) for form in line.forms],
                "numbers": with_numbers(line.forms[-1], self.values, 17) if line.forms else "",
                "value": plain(float(line.value)),
                "note": self._note(line),
                "printed": line.printed,
            }
            for line in self.lines
        ]
        head = {"parameter": self.name, "name": self.names.get(self.name, self.name), "title": self.title}
        return {
            **head,
            "derivative": plain(self.derivative),
            "new_value": plain(self.new_value),
            "lines": lines,
        }

    def __str__(self) -> str:
        return self.to_text()

    def to_html(self, digits: int = 7) -> str:
        """Return it as HTML: a table for each part, in the colours of the page that it stands in."""
        from ._html import derivation_to_html

        return derivation_to_html(self, check_digits(digits))

    def _repr_html_(self) -> str:
        return self.to_html()


def _check_names(names: Any, name: str) -> None:
    if not isinstance(names, Mapping):
        raise TypeError(f"{name} must be a mapping of texts, but it is {describe(names)}")
    for key, value in names.items():
        if not isinstance(value, str):
            raise TypeError(f"{name}[{key!r}] must be a text, but it is {describe(value)}")
        if not value.isprintable():
            raise ValueError(
                f"{name}[{key!r}] must be a text of one line that can be printed, but it is {value!r}"
            )


def _remark(note: str, printed: str) -> str:
    said = [note] if note else []
    said += [f"printed as {printed}"] if printed else []
    return f"   ({'; '.join(said)})" if said else ""


def _code(text: str, ticks: bool = True) -> str:
    escaped = text.replace("|", "\\|")
    if not ticks:
        return re.sub(r"[\\`*<&]", r"\\\g<0>", text).replace("|", "\\|")
    if "`" in text:  # two enclose what has one, and so on
        fence = "`" * (1 + max(map(len, re.findall("`+", text))))
        return f"{fence} {escaped} {fence}"
    return f"`{escaped}`" if text else ""


_LATEX_TEXT = {"\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{", "}": r"\}",
               "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"\textless{}", ">": r"\textgreater{}",
               "|": r"\textbar{}"}  # fmt: skip


def _latex_text(text: str) -> str:
    return "".join(_LATEX_TEXT.get(c, c) for c in text)

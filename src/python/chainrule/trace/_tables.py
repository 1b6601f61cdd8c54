"""All quantities of a trace in Markdown and in LaTeX; and long arrays, shortened."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from chainrule._network import Array

from ._derivation import _code, _latex_text
from ._step import TracedStep
from ._symbols import format_number, to_latex
from ._text import QUANTITIES, settings, step_title, targets

if TYPE_CHECKING:
    from ._trace import Trace

MOST_ROWS, MOST_COLUMNS = 6, 8
"""What is shown of an array."""
_SYMBOLS = {
    "given": r"X^{(\ell)}", "W": r"W^{(\ell)}", "b": r"b^{(\ell)}", "z": r"Z^{(\ell)}", "a": r"A^{(\ell)}", "mask": r"M^{(\ell)}",
    "target": "y", "weight": "w", "new_W": r"W^{(\ell),\mathrm{new}}", "new_b": r"b^{(\ell),\mathrm{new}}"
}  # fmt: skip


def shortened(array: Array, digits: int, dots: str) -> list[list[str]]:
    """Return the numbers of an array as rows of text; where there are more, ``dots`` stands for the rest."""
    rows = array.reshape(-1, array.shape[-1]) if array.ndim > 1 else array[np.newaxis]
    found = [
        [format_number(x, digits) for x in row[:MOST_COLUMNS]] + [dots] * (len(row) > MOST_COLUMNS)
        for row in rows[:MOST_ROWS].tolist()
    ]
    return found + [[dots]] * (len(rows) > MOST_ROWS)


def trace_to_markdown(trace: Trace, digits: int) -> str:
    """Return a trace as Markdown."""
    out = [f"## {trace!r}", "", _code(settings(trace), False)]
    for step in trace.steps:
        out += ["", f"### {step_title(step)}"]
        for title, quantities in parts(step):
            out += ["", f"#### {title}", ""]
            out += ["| quantity | what it is | shape | numbers |", "|---|---|---|---|"]
            for name, words, array in quantities:
                numbers = "; ".join(" ".join(cells) for cells in shortened(array, digits, "..."))
                out.append(f"| `{name}` | {words} | {'x'.join(map(str, array.shape))} | {numbers} |")
    return "\n".join(out) + "\n"


def parts(step: TracedStep) -> list[tuple[str, list[tuple[str, str, Array]]]]:
    """Return the tables of a step, in the order of the text: the title of each; name, what it is and numbers of its quantities."""
    found = [("Targets", targets(step))]
    for layer in step.layers:
        title = f"Layer {layer.number}: {layer.n_in} to {layer.n_out}, {layer.activation}"
        known = [(name, words, getattr(layer, name)) for name, words in QUANTITIES.items()]
        found.append((title, [each for each in known if each[2] is not None]))
    return found


def trace_to_latex(trace: Trace, digits: int) -> str:
    """Return a trace as LaTeX."""
    out = [r"\paragraph{" + _latex_text(repr(trace)) + "} " + _latex_text(settings(trace)), ""]
    for step in trace.steps:
        out.append(r"\noindent " + _latex_text(step_title(step)))
        for number, (title, quantities) in enumerate(parts(step)):
            lines = []
            for name, _, array in quantities:
                rows = [" & ".join(map(to_latex, cells)) for cells in shortened(array, digits, "...")]
                lines.append(
                    f"{_symbol(name, number)} &= "
                    r"\begin{pmatrix} " + r" \\ ".join(rows) + r" \end{pmatrix}"
                )
            out += [
                r"\noindent " + _latex_text(title),
                r"\begin{align*}",
                " \\\\\n".join(lines),
                r"\end{align*}",
            ]
    return "\n".join(out) + "\n"


def _symbol(name: str, number: int) -> str:
    """Return the name of a quantity of a layer in LaTeX."""
    if name in _SYMBOLS:
        return _SYMBOLS[name].replace(r"\ell", str(number))
    if name.startswith(("dL_d", "da_d")):
        of, by = name.split("_")
        letters = (of[1:] if of == "dL" else "A", by[1:] if by[1:] in ("W", "b") else by[1:].upper())
        above, below = (letter if letter == "L" else f"{letter}^{{({number})}}" for letter in letters)
        return rf"\partial {above} / \partial {below}"
    return rf"\mathrm{{{_latex_text(name)}}}^{{({number})}}"

"""A trace and a derivation in HTML, as notebooks show them: the formula beside the numbers."""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING

from chainrule._network import Array

from ._symbols import rename, to_html
from ._tables import parts, shortened

if TYPE_CHECKING:
    from ._derivation import Derivation
    from ._trace import Trace

# No colours of our own: text and lines are those of the page, light or dark.
STYLE = (
    "<style>.chainrule-trace table{border-collapse:collapse;margin:0.5em 0}"
    ".chainrule-trace th,.chainrule-trace td{border:1px solid currentColor;padding:0.2em 0.6em;text-align:left;"
    "vertical-align:top;color:inherit;background:transparent}"
    ".chainrule-trace caption{text-align:left;font-weight:bold;padding:0.3em 0;color:inherit}"
    ".chainrule-trace .number{font-variant-numeric:tabular-nums;white-space:nowrap}</style>"
)
MOST_STEPS = 4
"""What a notebook shows of a trace."""


def derivation_to_html(derivation: Derivation, digits: int = 7) -> str:
    """Return a derivation as tables, one for each part."""
    from ._derivation import SECTIONS, TITLES

    out = [f'<section class="chainrule-trace">{STYLE}<h4>{html.escape(derivation.title)}</h4>']
    for section in SECTIONS:
        lines = [line for line in derivation.lines if line.section == section]
        if not lines:
            continue
        heads = "".join(
            f'<th scope="col">{name}</th>' for name in ("quantity", "formula", "with numbers", "result")
        )
        out.append(f"<table><caption>{TITLES[section]}</caption><thead><tr>{heads}</tr></thead><tbody>")
        for line in lines:
            formulas, numbers, result = derivation.cells(line, digits)
            said = [rename(line.note, derivation.names)] if line.note else []
            said += [f"printed as {line.printed}"] if line.printed else []
            note = f"{'<br>' * bool(formulas)}<small>{raised('; '.join(said))}</small>" if said else ""
            out.append(
                f'<tr><th scope="row">{to_html(rename(line.symbol, derivation.names))}</th>'
                f"<td>{' = '.join(map(to_html, formulas))}{note}</td>"
                f'<td class="number">{to_html(numbers)}</td><td class="number">{html.escape(result)}</td></tr>'
            )
        out.append("</tbody></table>")
    return "".join([*out, "</section>"])


def raised(text: str) -> str:
    """Return a text escaped, with exponents such as that of z^2 raised."""
    return re.sub(r"\^(\w+)", r"<sup>\1</sup>", html.escape(text))


def trace_to_html(trace: Trace, digits: int = 6) -> str:
    """Return a trace as a table for each layer of each step: the quantity, what it is, and its numbers."""
    from ._text import settings, step_title

    out = [f'<section class="chainrule-trace">{STYLE}<h4>{html.escape(repr(trace))}</h4>']
    out.append(f"<p>{html.escape(settings(trace))}</p>")
    heads = "".join(f'<th scope="col">{name}</th>' for name in ("quantity", "what it is", "shape", "numbers"))
    for step in trace.steps[:MOST_STEPS]:
        out.append(f"<details open><summary>{html.escape(step_title(step))}</summary>")
        for title, quantities in parts(step):
            out.append(
                f"<table><caption>{html.escape(title)}</caption><thead><tr>{heads}</tr></thead><tbody>"
            )
            for name, words, array in quantities:
                shape = " &times; ".join(map(str, array.shape))
                out.append(
                    f'<tr><th scope="row"><code>{name}</code></th><td>{html.escape(words)}</td><td>{shape}</td>'
                    f'<td class="number">{_numbers(array, digits)}</td></tr>'
                )
            out.append("</tbody></table>")
        out.append("</details>")
    if len(trace.steps) > MOST_STEPS:
        out.append(f"<p>and {len(trace.steps) - MOST_STEPS} more steps</p>")
    return "".join([*out, "</section>"])


def _numbers(array: Array, digits: int) -> str:
    return "<br>".join("&ensp;".join(cells) for cells in shortened(array, digits, "&hellip;"))

"""Pieces of HTML, with everything escaped that comes from outside."""

from __future__ import annotations

import html
import json
import math
import re
import zlib
from collections.abc import Iterable, Sequence
from typing import Any

MOST_ROWS = 60
"""A longer table shows the first and the last row, and every so manyth between them."""

_NOT_IN_HTML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")


def escape(value: Any) -> str:
    """Return a value as text that means itself in HTML, in an attribute too."""
    return html.escape(str(value), quote=True)


def readable(page: str) -> str:
    """Return the page with a sign of replacement for what no file of HTML may hold: control characters, lone surrogates."""
    return _NOT_IN_HTML.sub("\N{REPLACEMENT CHARACTER}", page)


def number(value: Any, digits: int = 6) -> str:
    """Return a number as text of so many digits; a dash for None and NaN."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "–"
    if isinstance(value, int):
        return f"{value:,}"
    text = re.sub(r"e([+-])0*", lambda found: "e" + found[1].strip("+"), f"{value:.{digits}g}")
    return text.replace("-", "\N{MINUS SIGN}")


def figure_id(kind: str, title: str, *names: str) -> str:
    """Return an id that no figure of another title, or with other names in it, has; they may differ in what ids have not."""
    text = "\n".join([title, *names]).encode("utf-8", "surrogatepass")
    return f"{kind}-{re.sub(r'[^a-z0-9]+', '-', title.lower())[:40]}-{zlib.crc32(text):08x}"


def section(name: str, title: str, *parts: str) -> str:
    """Return a section with a heading, which is its landmark's name."""
    body = "\n".join(part for part in parts if part)
    return (
        f'<section id="{name}" aria-labelledby="{name}-title">\n<h2 id="{name}-title">{escape(title)}</h2>\n'
        f"{body}\n</section>"
    )


def paragraph(text: str, kind: str = "") -> str:
    """Return a paragraph of text."""
    return f"<p{f' class={kind!r}' if kind else ''}>{escape(text)}</p>"


def missing(what: str, how: str) -> str:
    """Say what is not there, and what would show it."""
    return f'<p class="missing">{escape(what)} <span class="how">{escape(how)}</span></p>'


def table(
    caption: str,
    head: Sequence[str],
    rows: Iterable[Sequence[Any]],
    *,
    text_columns: int = 1,
    first: str = "row",
    kind: str = "",
) -> str:
    """Return a table with a caption; the first cell of a row names it. Cells may be `Markup`, else they are escaped.

    The columns after the first ``text_columns`` are numbers, set to the right.
    """
    cells = "".join(
        f'<th scope="col"{_align(i, text_columns)}>{_inner(name)}</th>' for i, name in enumerate(head)
    )
    lines = []
    for row in rows:
        name, *others = row
        rest = "".join(
            f"<td{_align(i, text_columns)}>{_inner(cell)}</td>" for i, cell in enumerate(others, 1)
        )
        lines.append(f'<tr><th scope="{first}">{_inner(name)}</th>{rest}</tr>')
    opening = f'<table class="{kind}">' if kind else "<table>"
    body = "\n".join(lines)
    return (
        f'<div class="wide">{opening}<caption>{escape(caption)}</caption>\n<thead><tr>{cells}</tr></thead>\n'
        f"<tbody>\n{body}\n</tbody></table></div>"
    )


class Markup(str):
    """Text that is HTML already."""

    __slots__ = ()


def details(summary: str, body: str) -> str:
    """Return what is shown when it is asked for."""
    return f"<details><summary>{escape(summary)}</summary>\n{body}\n</details>"


def some(count: int, most: int = MOST_ROWS) -> list[int]:
    """Return at most so many of the numbers below ``count``, evenly spread, the first and the last among them."""
    if count <= most:
        return list(range(count))
    return sorted({round(i * (count - 1) / (most - 1)) for i in range(most)})


def embedded(data: Any) -> str:
    """Return data as JSON that stands in a script element: no tag ends it, and no NaN is in it."""
    text = json.dumps(_finite(data), ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    for sign in "<>&\u2028\u2029":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return text


def _finite(data: Any) -> Any:
    """Return the same with texts for the numbers that JSON has not: NaN, Infinity."""
    if isinstance(data, float) and not math.isfinite(data):
        return "NaN" if math.isnan(data) else "Infinity" if data > 0 else "-Infinity"
    if isinstance(data, dict):
        return {str(key): _finite(value) for key, value in data.items()}
    if isinstance(data, (list, tuple)):
        return [_finite(value) for value in data]
    return data


def _inner(cell: Any) -> str:
    if isinstance(cell, Markup):
        return cell
    return escape(number(cell) if isinstance(cell, (int, float)) and not isinstance(cell, bool) else cell)


def _align(column: int, text_columns: int) -> str:
    return ' class="n"' if column >= text_columns else ""

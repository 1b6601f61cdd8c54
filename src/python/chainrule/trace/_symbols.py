"""Formulas as text, and the same with numbers put in, in LaTeX and in HTML.

A formula is written as ``dL/dz2[0] * W2[1, 0]``: variables have a letter, the number of their layer and indices, derivatives
``d``, a variable, ``/d`` and a variable. Names may be put in the place of variables, such as those of a textbook.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Mapping

_VARIABLE = r"(?:new |old )?[A-Za-z_]\w*(?:\[[^\]]*\])?'?"
_TOKEN = re.compile(
    rf"(?P<derivative>\bd(?P<of>[A-Za-z]\w*(?:\[[^\]]*\])?)/d(?P<by>[A-Za-z]\w*(?:\[[^\]]*\])?))"
    rf"|(?P<sum>\bsum_[a-z]\b)|(?P<variable>{_VARIABLE})|(?P<number>\d+(?:\.\d+)?(?:e[+-]?\d+)?)"
    r"|(?P<dots>\.\.\.)|(?P<other>.)"
)
_PARTS = re.compile(
    r"(?P<when>new |old )?(?P<letters>[A-Za-z_]+?)(?P<layer>\d*)(?:\[(?P<index>[^\]]*)\])?(?P<prime>'?)$"
)
_GREEK = ("alpha", "eta", "mu", "lambda", "beta", "epsilon", "delta", "tau", "pi")

Names = Mapping[str, str]


def rename(formula: str, names: Names) -> str:
    """Return the formula with names in the place of its variables."""
    if not names:
        return formula

    def one(match: re.Match[str]) -> str:
        if match["derivative"]:
            return f"d{names.get(match['of'], match['of'])}/d{names.get(match['by'], match['by'])}"
        text = match[0]
        for prefix in ("new ", "old "):
            if text.startswith(prefix):
                bare = text[len(prefix) :]
                return prefix + names.get(bare, bare)
        return names.get(text, text)

    return _TOKEN.sub(one, formula)


def without_trivial(formula: str, names: Names) -> str:
    """Return the formula without the factors that the names make dO/dO."""
    parts = re.split(r"( \* )", formula)
    kept = [part for part in parts[::2] if not is_trivial(rename(part, names))]
    return " * ".join(kept) if kept and len(kept) < len(parts[::2]) else formula


def is_trivial(symbol: str) -> bool:
    """Return whether this is the derivative of something by itself."""
    match = _TOKEN.fullmatch(symbol)
    return match is not None and bool(match["derivative"]) and match["of"] == match["by"]


def with_numbers(formula: str, values: Mapping[str, float], digits: int) -> str:
    """Return the formula with the numbers of its variables and derivatives, as far as they are known."""
    out = ""
    for match in _TOKEN.finditer(formula):
        token = match[0]
        if (match["derivative"] or match["variable"]) and token in values:
            number = format_number(values[token], digits)
            before, after = out.rstrip()[-1:], formula[match.end() :].lstrip()[:1]
            if number.startswith("-") and ((before and before not in "(,=") or after == "^"):
                number = f"({number})"
            out += number
        else:
            out += token
    return out


def format_number(value: float, digits: int) -> str:
    """Return a number with so many significant digits."""
    return format(float(value) + 0.0, f".{digits}g")  # no -0


def to_latex(formula: str) -> str:
    r"""Return the formula in LaTeX, as it stands in ``align``: ``\frac{\partial L}{\partial z^{(2)}_{0}}``."""
    return _write(formula, _latex)


def to_html(formula: str) -> str:
    """Return the formula in HTML, escaped, with exponents raised."""
    tokens, out, i = list(_TOKEN.finditer(formula)), "", 0
    while i < len(tokens):
        end = _exponent_end(tokens, i + 1) if tokens[i][0] == "^" else 0
        if end:
            out += f"<sup>{to_html(formula[tokens[i].end() : tokens[end - 1].end()])}</sup>"
        else:
            out += _html(tokens[i])
        i = end or i + 1
    return out


def _exponent_end(tokens: list[re.Match[str]], start: int) -> int:
    """Return where the exponent ends that begins there: one thing, or all within parentheses, with a sign or without; 0 if there is none."""
    words = [token[0] for token in tokens]
    first = start + (words[start : start + 1] == ["-"])
    if words[first : first + 1] == ["("]:
        depth = 0
        for i in range(first, len(words)):
            depth += (words[i] == "(") - (words[i] == ")")
            if depth == 0:
                return i + 1
        return 0
    return first + 1 if first < len(tokens) and (tokens[first]["number"] or tokens[first]["variable"]) else 0


def _write(formula: str, write: Callable[[re.Match[str]], str]) -> str:
    return "".join(write(match) for match in _TOKEN.finditer(formula))


_LATEX_OTHER = {"*": r"\cdot", "%": r"\%", "#": r"\#", "&": r"\&", "$": r"\$", "_": r"\_", "{": r"\{", "}": r"\}", "~": r"\sim",
                "\\": r"\backslash", "<": "<", "|": r"\vert "}  # fmt: skip


def _latex(match: re.Match[str]) -> str:
    """Return a token in LaTeX; in braces where it has or is an exponent: two exponents of one thing are no LaTeX."""
    around = (
        match.string[max(match.start() - 1, 0) : match.start()],
        match.string[match.end() : match.end() + 1],
    )
    written = _latex_token(match)
    if re.fullmatch(r"\\[a-z]+", written) and around[1].isalpha():
        written += " "  # or the name of the command would go on
    return f"{{{written}}}" if "^" in around and match[0] not in ("^", "(", ")") else written


def _latex_token(match: re.Match[str]) -> str:
    if match["derivative"]:
        of, by = (_latex_variable(match[name]) for name in ("of", "by"))
        return rf"\frac{{\partial {of}}}{{\partial {by}}}"
    if match["sum"]:
        return rf"\sum_{{{match['sum'][4:]}}}"
    if match["variable"]:
        return _latex_variable(match["variable"])
    if match["dots"]:
        return r"\cdots"
    if match["number"] and "e" in match["number"]:
        number, power = match["number"].split("e")
        return rf"{number} \cdot 10^{{{int(power)}}}"
    return _LATEX_OTHER.get(match[0], match[0])


def _latex_variable(text: str) -> str:
    parts = _PARTS.match(text)
    if parts is None:
        return r"\mathrm{" + text.replace("_", r"\_") + "}"
    letters, layer, index = parts["letters"], parts["layer"], parts["index"]
    if letters in _GREEK:
        written = "\\" + letters
    elif len(letters) == 1:
        written = letters
    else:
        written = r"\operatorname{" + letters.replace("_", r"\_") + "}"
    above = [f"({layer})"] if layer and index is not None else []
    below = index if index is not None else layer
    if parts["when"]:
        above.append(rf"\mathrm{{{parts['when'].strip()}}}")
    if above:
        written += "^{" + ",".join(above) + "}"
    if below:
        written += "_{" + below.replace(" ", "") + "}"
    return written + ("'" if parts["prime"] and not above else "")


def _html(match: re.Match[str]) -> str:
    if match["derivative"]:
        return f"&part;{_html_variable(match['of'])}/&part;{_html_variable(match['by'])}"
    if match["sum"]:
        return f"&sum;<sub>{match['sum'][4:]}</sub>"
    if match["variable"]:
        return _html_variable(match["variable"])
    if match["dots"]:
        return "&hellip;"
    return "&middot;" if match[0] == "*" else html.escape(match[0])


def _html_variable(text: str) -> str:
    parts = _PARTS.match(text)
    if parts is None:
        return html.escape(text)
    letters, layer, index = parts["letters"], parts["layer"], parts["index"]
    written = f"&{letters};" if letters in _GREEK and letters != "lambda" else html.escape(letters)
    written = "&lambda;" if letters == "lambda" else written
    if len(letters) == 1:
        written = f"<i>{written}</i>"
    if layer:
        written += f"<sup>({layer})</sup>" if index is not None else f"<sub>{layer}</sub>"
    if index is not None:
        written += f"<sub>{html.escape(index)}</sub>"
    return (html.escape(parts["when"]) if parts["when"] else "") + written + parts["prime"]

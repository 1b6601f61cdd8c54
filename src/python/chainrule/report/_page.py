"""The page: its parts, its style and its script in one file that asks nothing of a network."""

from __future__ import annotations

from importlib import resources

from chainrule._version import __version__

from ._configuration import configuration
from ._curves import curves
from ._diagram import diagram
from ._given import Given
from ._health import health
from ._html import embedded, escape, missing, paragraph, section
from ._judgement import judgement
from ._step import MOST_ROWS, step_data

SCRIPTS = ("numbers.js", "phases.js", "rules.js", "chain.js", "page.js")
_PARTS = {
    "configuration": "Configuration",
    "curves": "Curves",
    "health": "Health",
    "judgement": "Predictions",
    "diagram": "Diagram",
    "step": "One update, step by step",
}


def page(given: Given) -> str:
    """Return the whole page."""
    data = step_data(given)
    sections = [
        configuration(given),
        curves(given),
        health(given),
        judgement(given),
    ]
    bench = [diagram(given, data), _stepper(given)]
    links = "".join(f'<li><a href="#{name}">{escape(title)}</a></li>' for name, title in _PARTS.items())
    script = "\n".join(_file(name) for name in SCRIPTS)
    parts = {
        "TITLE": escape(given.title),
        "STYLE": _file("page.css"),
        "LINKS": links,
        "SECTIONS": "\n".join(sections),
        "BENCH": "\n".join(bench),
        "DATA": embedded(data),
        "SCRIPT": script,
        "VERSION": escape(__version__),
    }
    template = _file("page.html")
    pieces = template.split("{{")
    whole = [pieces[0]]
    for piece in pieces[1:]:  # one pass: what is put in is not looked at again
        name, rest = piece.split("}}", 1)
        whole += [parts[name], rest]
    return "".join(whole)


def _stepper(given: Given) -> str:
    step = given.step
    if step is None:
        return section(
            "step",
            _PARTS["step"],
            missing(
                "There is no update to step through.",
                "Give X and y (on the command line --data and --target).",
            ),
        )
    n, shown = step.batch_rows, min(len(step.rows), MOST_ROWS)
    said = f"Update {step.step + 1:,}, with {n:,} row{'s' * (n != 1)}"
    said += f", {shown} of which {'are' if shown != 1 else 'is'} shown." if shown < n else "."
    said += " Go through it with the buttons or the arrow keys; choose a weight to see its chain rule."
    return section("step", _PARTS["step"], paragraph(said), _file("stepper.html"))


def _file(name: str) -> str:
    return resources.files(__package__).joinpath(name).read_text(encoding="utf-8")

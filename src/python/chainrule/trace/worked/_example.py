"""What a worked example is: a network, a row, and which derivatives are derived, under the names of its tutorial."""

from __future__ import annotations

import html
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from chainrule.model import MLP
from chainrule.trace._derivation import Derivation, _code, _latex_text
from chainrule.trace._html import STYLE, raised
from chainrule.trace._plain import check_digits
from chainrule.trace._trace import Trace

_PRINTED = "(printed as: the figure of the tutorial, which rounds or cuts off along the way)"


@dataclass(frozen=True)
class WorkedExample:
    """An example of a tutorial.

    Attributes
    ----------
    name : str
    about : str
        What it shows.
    model : MLP or None
        With the weights of the tutorial, in float64; None where the example is no step of a network.
    X, y : lists of numbers
    loss : str
    optimizer : object
    parameters : sequence of str
        Those that are derived, in the order of the tutorial.
    names : mapping
        The tutorial's names of variables.
    printed : mapping
        By quantity, as "dL/dW2[0, 0]", the figure that the tutorial prints, rounded along the way.
    before, after : functions that return text, or None
        What comes before the derivations, and after them.
    """

    name: str
    about: str
    model: MLP | None = None
    X: Any = ()
    y: Any = ()
    loss: str = "half_squared_error"
    optimizer: Any = None
    parameters: Sequence[str] = ()
    names: Mapping[str, str] = field(default_factory=dict)
    printed: Mapping[str, str] = field(default_factory=dict)
    before: Callable[[], str] | None = None
    after: Callable[[], str] | None = None

    def trace(self) -> Trace:
        """Return its step, by the core in use.

        Raises
        ------
        ValueError
            If the example is no step of a network.
        """
        if self.model is None:
            raise ValueError(f"{self.name} is about whole runs; it has no single step to trace")
        return self.model.explain(self.X, self.y, loss=self.loss, optimizer=self.optimizer)

    def derivations(self) -> list[Derivation]:
        """Return the derivations, under the tutorial's names."""
        if not self.parameters:
            return []
        trace = self.trace()
        return [trace.of(name).named(self.names, self.printed) for name in self.parameters]

    def to_text(self, digits: int = 9) -> str:
        """Return all of it as text."""
        digits = check_digits(digits)
        head = f"{self.name}\n{'-' * len(self.name)}\n{self._about()}\n"
        return self._written(head, str, lambda one: one.to_text(digits))

    def to_markdown(self, digits: int = 9) -> str:
        """Return all of it as Markdown; what comes before and after the derivations as it stands in the text."""
        digits = check_digits(digits)
        head = f"# {self.name}\n\n{_code(self._about(), False)}\n"
        return self._written(head, _fenced, lambda one: one.to_markdown(digits))

    def to_latex(self, digits: int = 9) -> str:
        r"""Return all of it as LaTeX, which needs the package amsmath; what comes before and after the derivations is ``verbatim``."""
        digits = check_digits(digits)
        head = rf"\section*{{{_latex_text(self.name)}}}" + f"\n{_latex_text(self._about())}\n"
        return self._written(head, _verbatim, lambda one: one.to_latex(digits))

    def to_html(self, digits: int = 9) -> str:
        """Return all of it as HTML, in the colours of the page that it stands in."""
        digits = check_digits(digits)
        head = f'<section class="chainrule-trace">{STYLE}<h3>{html.escape(self.name)}</h3>\n<p>{raised(self._about())}</p>\n'
        body = self._written(head, _preformatted, lambda one: f"{one.to_html(digits)}\n")
        return f"{body}</section>"

    def to_dict(self) -> dict[str, Any]:
        """Return all of it as dicts, lists, texts and numbers; texts that it has not are empty."""
        return {
            "name": self.name,
            "about": self._about(),
            "before": self.before() if self.before else "",
            "derivations": [derivation.to_dict() for derivation in self.derivations()],
            "after": self.after() if self.after else "",
        }

    def _about(self) -> str:
        return f"{self.about}\n{_PRINTED}" if self.printed else self.about

    def _written(
        self, head: str, block: Callable[[str], str], derivation: Callable[[Derivation], str]
    ) -> str:
        """Return the head and all parts in their order, an empty line between them."""
        parts = [head]
        parts += [block(self.before())] if self.before else []
        parts += [derivation(one) for one in self.derivations()]
        parts += [block(self.after())] if self.after else []
        return "\n".join(parts)

    def __str__(self) -> str:
        return self.to_text()


def _fenced(text: str) -> str:
    return f"```text\n{text}```\n"


def _verbatim(text: str) -> str:
    return f"\\begin{{verbatim}}\n{text}\\end{{verbatim}}\n"


def _preformatted(text: str) -> str:
    return f"<pre>{html.escape(text)}</pre>\n"

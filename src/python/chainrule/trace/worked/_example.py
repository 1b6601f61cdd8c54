"""What a worked example is: a network, a row, and which derivatives are derived, under the names of its tutorial."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from chainrule.model import MLP
from chainrule.trace._derivation import Derivation
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
        about = f"{self.about}\n{_PRINTED}" if self.printed else self.about
        parts = [f"{self.name}\n{'-' * len(self.name)}\n{about}\n"]
        parts += [self.before()] if self.before else []
        parts += [derivation.to_text(digits) for derivation in self.derivations()]
        parts += [self.after()] if self.after else []
        return "\n".join(parts)

    def __str__(self) -> str:
        return self.to_text()

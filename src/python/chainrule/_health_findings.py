"""What a report on the health of a fit is made of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from ._checks_values import count

SEVERITIES = ("critical", "warning")
"""critical: the network, or a part of it, does not learn. warning: it learns, but worse than it could."""


class Finding(NamedTuple):
    """Something that is wrong with a fit.

    Parameters
    ----------
    kind : str
        One of `KINDS`.
    layer : int or None
        The layer of weights it is about, counted from 1; None for all of the network.
    severity : str
        "critical" or "warning".
    words : str
        What is wrong.
    evidence : str
        What was measured, and the bound it was compared with.
    remedy : str
        What usually helps.
    """

    kind: str
    layer: int | None
    severity: str
    words: str
    evidence: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.severity}: {self.words}\n  evidence: {self.evidence}\n  remedy:   {self.remedy}"


class HealthReport:
    """What `Trainer.health` returns: what was found in the fit whose health was recorded last.

    Its text says it in plain words; so does what a notebook shows of it.

    Parameters
    ----------
    findings : list of Finding
        The most severe first; empty for a fit that nothing is wrong with.
    epochs : list of int
        The epochs that were looked at, as in `History.epochs`.

    Attributes
    ----------
    findings, epochs
        The arguments.
    """

    __slots__ = ("epochs", "findings")

    def __init__(self, findings: Sequence[Finding], epochs: Sequence[int]) -> None:
        self.findings, self.epochs = list(findings), list(epochs)

    @property
    def is_healthy(self) -> bool:
        """Whether nothing was found."""
        return not self.findings

    @property
    def kinds(self) -> list[str]:
        """The kinds of what was found, each once, the most severe first."""
        return list(dict.fromkeys(finding.kind for finding in self.findings))

    def to_dict(self) -> dict[str, Any]:
        """Return it as dicts, lists, texts and numbers, as JSON holds them."""
        return {"epochs": self.epochs, "findings": [finding._asdict() for finding in self.findings]}

    def __str__(self) -> str:
        return "\n".join([self._first_line(), *map(str, self.findings)])

    def __repr__(self) -> str:
        return f"<HealthReport of {count(len(self.epochs), 'epoch')}: {', '.join(self.kinds) or 'healthy'}>"

    def _repr_html_(self) -> str:
        from html import escape  # its tables of entities are for notebooks only

        rows = "".join(
            "<tr>" + "".join(f"<td>{escape(text)}</td>" for text in finding[2:]) + "</tr>"
            for finding in self.findings
        )
        heads = "".join(f"<th>{name}</th>" for name in Finding._fields[2:])
        table = f"<table><tr>{heads}</tr>{rows}</table>" if rows else ""
        return f"<div><p>{escape(self._first_line())}</p>{table}</div>"

    def _first_line(self) -> str:
        where = "before the first epoch was done"
        if self.epochs:
            first, last = self.epochs[0], self.epochs[-1]
            where = f"in epoch {first}" if first == last else f"in epochs {first} to {last}"
        found = count(len(self.findings), "finding") if self.findings else "nothing wrong"
        return f"health: {found} {where}"

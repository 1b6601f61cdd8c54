"""The section of what each layer was like while it was trained, with verdicts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ._chart import line_chart
from ._given import Given
from ._html import Markup, details, escape, missing, number, paragraph, section, table

_SIGNS = {"problem": "✖", "error": "✖", "severe": "✖", "warning": "▲", "hint": "●", "note": "●", "info": "●"}
MOST_LAYERS = 6
"""A chart of more layers draws so many of them."""


def health(given: Given) -> str:
    """Return the section: the findings, charts of gradients and of relative updates, and the last epoch's numbers."""
    recorded: list[dict[str, list[float]]] | None = getattr(given.history, "health", None)
    if not recorded:
        return section(
            "health",
            "Health",
            missing(
                "Nothing of the layers was recorded.",
                "trainer.fit(..., health=True) records norms of activations, gradients and updates, and the report then "
                "judges them.",
            ),
        )
    assert given.history is not None, "it has the record"
    first = given.history.epochs[-1] + 2 - len(recorded)
    epochs = [first + i for i in range(len(recorded))]
    layers = len(recorded[0]["gradient_norm"])
    chosen = sorted({round(i * (layers - 1) / (MOST_LAYERS - 1)) for i in range(MOST_LAYERS)})
    gradients = {f"layer {i + 1}": [epoch["gradient_norm"][i] for epoch in recorded] for i in chosen}
    updates = {
        f"layer {i + 1}": [_ratio(epoch["update_norm"][i], epoch["weight_norm"][i]) for epoch in recorded]
        for i in chosen
    }
    return section(
        "health",
        "Health",
        _findings(given),
        '<div class="figures">',
        line_chart("Norm of the gradient of each layer", "epoch", epochs, gradients),
        line_chart("Norm of an update divided by that of the weights", "epoch", epochs, updates),
        "</div>",
        details("The numbers of the last epoch", _last(recorded[-1])),
    )


def _ratio(update: float, weights: float) -> float:
    return update / weights if weights else float("nan")


def _findings(given: Given) -> str:
    if given.trainer is None:
        return missing("The record is not judged here.", "A report of the trainer has verdicts.")
    findings: Sequence[Any] = given.trainer.health().findings  # type: ignore[attr-defined]
    if not findings:
        return paragraph("✔ No fault was found in what was recorded.", "verdict good")
    items = []
    for finding in findings:
        where = "" if finding.layer is None else f", layer {finding.layer}"
        severity = str(finding.severity)
        items.append(
            f'<li class="finding {escape(severity)}"><h3><span aria-hidden="true">{_SIGNS.get(severity, "▲")}</span> '
            f"{escape(severity.capitalize())}: {escape(str(finding.kind).replace('_', ' '))}{escape(where)}</h3>"
            f"<p>{escape(finding.words)}</p><dl><dt>Evidence</dt><dd>{_evidence(finding.evidence)}</dd>"
            f"<dt>Remedy</dt><dd>{escape(finding.remedy)}</dd></dl></li>"
        )
    return f'<ul class="findings">{"".join(items)}</ul>'


def _evidence(evidence: Any) -> str:
    if not isinstance(evidence, dict):
        return escape(evidence)
    return "; ".join(
        f"{escape(str(key).replace('_', ' '))} {escape(_value(value))}" for key, value in evidence.items()
    )


def _value(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        return ", ".join(map(_value, value))
    return number(value, 4) if isinstance(value, (int, float)) else str(value)


def _last(epoch: dict[str, list[float]]) -> str:
    columns = [(name, values) for name, values in epoch.items() if name in epoch]
    layers = range(len(columns[0][1]))
    rows = ([f"layer {i + 1}", *(Markup(number(values[i], 4)) for _, values in columns)] for i in layers)
    return table(
        "The layers in the last epoch", ("layer", *(name.replace("_", " ") for name, _ in columns)), rows
    )

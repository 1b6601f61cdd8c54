"""The section of what each layer was like while it was trained, with verdicts."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from chainrule._health_seen import is_judged, numbers_of_their_own
from chainrule.health import diagnose

from ._chart import line_chart
from ._given import Given
from ._html import Markup, details, escape, missing, number, paragraph, section, table

_SIGNS = {"critical": "✖", "warning": "▲"}
MOST_LAYERS = 6
"""A chart of more layers draws so many of them."""


def health(given: Given) -> str:
    """Return the section: the findings, charts of gradients and of relative updates, and the last epoch's numbers."""
    history = given.history
    recorded = None if history is None else history.health
    if history is None or recorded is None:
        return section(
            "health",
            "Health",
            missing(
                "Nothing of the layers was recorded.",
                "trainer.fit(..., health=True) records norms of activations, gradients and updates, and the report then "
                "judges them.",
            ),
        )
    known = [epoch for epoch in recorded if epoch is not None]
    layers = len(known[0]["gradient_norm"])
    if layers != given.network.n_layers:
        raise ValueError(
            f"history is of a network with {layers} layers of weights, but the model has {given.network.n_layers}"
        )
    chosen = sorted({round(i * (layers - 1) / (MOST_LAYERS - 1)) for i in range(MOST_LAYERS)})
    own = numbers_of_their_own(recorded)
    epochs, points = [history.epochs[i] for i in own], [recorded[i] for i in own]
    gradients, updates = {}, {}
    for i in chosen:
        name = f"layer {i + 1}"
        gradients[name] = [math.nan if one is None else one["gradient_norm"][i] for one in points]
        updates[name] = [
            math.nan if one is None else _ratio(one["update_norm"][i], one["weight_norm"][i])
            for one in points
        ]
    return section(
        "health",
        "Health",
        _findings(given),
        '<div class="figures">',
        line_chart("Norm of the gradient of each layer", "epoch", epochs, gradients),
        line_chart("Norm of an update divided by that of the weights", "epoch", epochs, updates),
        "</div>",
        details("The numbers of the last epoch that was recorded", _last(known[-1])),
    )


def _ratio(update: float, weights: float) -> float:
    return update / weights if weights else math.nan


def _findings(given: Given) -> str:
    assert given.history is not None, "it has the record"
    if not is_judged(given.history):
        return missing(
            "There is no verdict: the first epoch of this fit is not in this history, with which its beginning was recorded.",
            "A report of the trainer, or of the history that fit has returned, has it.",
        )
    found = diagnose(given.history, given.model).findings
    if not found:
        return paragraph("✔ No fault was found in what was recorded.", "verdict good")
    items = []
    for finding in found:
        where = "" if finding.layer is None else f", layer {finding.layer}"
        title = f"{finding.severity.capitalize()}: {finding.kind.replace('_', ' ')}{where}"
        items.append(
            f'<li class="finding {escape(finding.severity)}">'
            f'<h3><span aria-hidden="true">{_SIGNS.get(finding.severity, "▲")}</span> {escape(title)}</h3>'
            f"<p>{escape(finding.words)}</p><dl><dt>Evidence</dt><dd>{escape(finding.evidence)}</dd>"
            f"<dt>Remedy</dt><dd>{escape(finding.remedy)}</dd></dl></li>"
        )
    return f'<ul class="findings">{"".join(items)}</ul>'


def _last(epoch: Mapping[str, Sequence[float]]) -> str:
    layers = range(len(epoch["gradient_norm"]))
    rows = ([f"layer {i + 1}", *(Markup(number(values[i], 4)) for values in epoch.values())] for i in layers)
    return table("The layers", ("layer", *(name.replace("_", " ") for name in epoch)), rows)

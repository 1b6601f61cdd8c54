"""The section of what was measured epoch by epoch."""

from __future__ import annotations

import math

from chainrule.history import REASONS, History

from ._chart import line_chart
from ._given import Given
from ._html import MOST_ROWS, details, missing, paragraph, section, some, table


def curves(given: Given) -> str:
    """Return the section: a chart of the losses, one of each metric, and their numbers."""
    history = given.history
    if history is None or not len(history):
        return section(
            "curves",
            "Curves",
            missing(
                "No epoch was recorded.",
                "A report of a trainer that has fitted, or of a run (Trainer.fit(checkpoint=...)), shows its losses and metrics.",
            ),
        )
    epochs = history.epochs
    parts = [paragraph(_ended(history)), '<div class="figures">']
    losses = {"loss": history.loss, "validation loss": history.validation_loss}
    parts.append(_chart("Loss", epochs, losses))
    for name in {**history.metrics, **history.validation_metrics}:
        lines = {
            name: history.metrics.get(name, []),
            f"validation {name}": history.validation_metrics.get(name, []),
        }
        parts.append(_chart(name, epochs, lines))
    return section("curves", "Curves", *parts, "</div>", _numbers(history, epochs))


def _chart(title: str, epochs: list[int], lines: dict[str, list[float]]) -> str:
    return line_chart(title, "epoch", epochs, {name: line for name, line in lines.items() if line})


def _ended(history: History) -> str:
    done = len(history)
    text = f"{done:,} epoch{'s' * (done != 1)}, the last with loss {history.loss[-1]:.6g}; epochs count from 0 on."
    if history.stopped_because is not None:
        text += f" The fit ended because {REASONS[history.stopped_because]}."
    if history.best_epoch is not None:
        text += f" Its best epoch was {history.best_epoch}."
    return text


def _numbers(history: History, epochs: list[int]) -> str:
    columns = [("loss", history.loss), ("validation loss", history.validation_loss), *history.metrics.items()]
    columns += [(f"validation {name}", values) for name, values in history.validation_metrics.items()]
    columns = [column for column in columns if any(math.isfinite(value) for value in column[1])]
    rows = ([str(epochs[i]), *(values[i] for _, values in columns)] for i in some(len(epochs)))
    caption = "What was measured"
    if len(epochs) > MOST_ROWS:
        caption += f": {MOST_ROWS} of {len(epochs):,} epochs, evenly spread"
    return details(
        "The numbers of these curves", table(caption, ("epoch", *(name for name, _ in columns)), rows)
    )

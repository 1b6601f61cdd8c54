"""What the tests of pictures share: drawing without a warning, and what is written on the axes."""

from __future__ import annotations

from typing import Any


def drawn(ax: Any) -> Any:
    """The axes, after everything was drawn without a warning."""
    ax.figure.canvas.draw()
    return ax


def texts(ax: Any) -> list[str]:
    return [text.get_text() for text in ax.texts]


def labels(ax: Any) -> list[str]:
    legend = ax.get_legend()
    return [] if legend is None else [text.get_text() for text in legend.get_texts()]

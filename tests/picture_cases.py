"""What the tests of pictures share: drawing without a warning, and what is written in them."""

from __future__ import annotations

import re
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


def saved_texts(monkeypatch: Any) -> list[str]:
    """Return a list that takes up every text of every figure that is saved from now on."""
    from matplotlib.figure import Figure
    from matplotlib.text import Text

    found: list[str] = []
    save = Figure.savefig

    def watched(figure: Any, *args: Any, **kwargs: Any) -> Any:
        done = save(figure, *args, **kwargs)  # which makes the labels of the axes, too
        found.extend(text.get_text() for text in figure.findobj(Text))
        return done

    monkeypatch.setattr(Figure, "savefig", watched)
    return found


def with_dollar_signs(written: list[str]) -> list[str]:
    """Return those in which a reader sees a dollar sign; what stands between two without a backslash is set as a formula."""
    return [text for text in written if "$" in re.sub(r"(?<!\\)\$.*?(?<!\\)\$", "", text)]


def assert_whole_numbers(ax: Any, first: int, last: int) -> None:
    """The ticks of the horizontal axis that are seen are whole numbers, one of them from the first to the last."""
    low, high = drawn(ax).get_xlim()
    ticks = zip(ax.get_xticks(), ax.get_xticklabels(), strict=True)
    seen = [text.get_text() for x, text in ticks if low <= x <= high]
    assert seen
    assert all(re.fullmatch(r"\d+", text) for text in seen), seen
    assert {int(text) for text in seen} & set(range(first, last + 1))

"""The progress of a fit as a bar of tqdm's: on a terminal or in a notebook, where tqdm is installed."""

from __future__ import annotations

import sys
from collections.abc import Callable
from time import perf_counter
from typing import Any

from .history import Ending, Measurements
from .progress import INTERVAL, RowCount, ending_words, measured_values


def bar_class() -> Callable[..., Any] | None:
    """Return tqdm's bar for where this runs; None where it is not installed, or there is neither terminal nor notebook."""
    notebook = in_notebook()
    if not notebook and not sys.stderr.isatty():
        return None
    try:
        if notebook:
            import ipywidgets  # noqa: F401 - without it, tqdm's bar for notebooks is none
            from tqdm.notebook import tqdm
        else:
            from tqdm.std import tqdm
    except ImportError:
        return None
    return tqdm  # type: ignore[no-any-return]


def in_notebook() -> bool:
    """Return whether this runs in a kernel of Jupyter's."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return shell is not None and type(shell).__name__ == "ZMQInteractiveShell"


class ProgressBar:
    """Shows the progress of a fit; see `progress.Progress`, whose methods it has."""

    def __init__(self, kind: Callable[..., Any], epochs: int, rows: RowCount, unit: str = "epoch") -> None:
        self._bar = kind(total=epochs, unit=unit, file=sys.stderr, dynamic_ncols=True)
        self._done, self._last, self._shown = 0, -1, perf_counter()

    def poll(self, epoch: int, step_in_epoch: int, steps_per_epoch: int, loss: float) -> None:
        """Move the bar in the middle of an epoch, if not too soon."""
        now = perf_counter()
        if now - self._shown >= INTERVAL:
            self._shown = now
            part = step_in_epoch / steps_per_epoch if steps_per_epoch else 0.0
            self._show(self._done + part, {"loss": loss})

    def epoch(self, measured: Measurements) -> None:
        """Show the measurements of a finished epoch."""
        self._done, self._last = self._done + 1, measured.epoch
        self._show(self._done, measured_values(measured))

    def end(self, ending: Ending) -> None:
        """Say why the fit ended, if it did before its last epoch, and which epoch was the best."""
        words = ending_words(ending, self._last - self._done)
        self.close()
        if words:
            self._bar.write(words, file=sys.stderr)

    def close(self) -> None:
        """End the bar where it is."""
        self._bar.close()

    def _show(self, n: float, values: dict[str, float]) -> None:
        self._bar.n = round(n, 2)
        self._bar.set_postfix_str(
            ", ".join(f"{name} {value:.5g}" for name, value in values.items()), refresh=False
        )
        self._bar.refresh()

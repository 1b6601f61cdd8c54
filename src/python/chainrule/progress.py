"""The progress of a fit as text, where it is asked for: a line that is written over on a terminal, else one an epoch."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from time import perf_counter
from typing import Any, Protocol

from ._checks_values import describe
from .history import REASONS, Ending, Measurements

INTERVAL = 0.1
"""Seconds between two updates of the line on a terminal."""


class Display(Protocol):
    """What shows the progress of a fit."""

    def poll(self, epoch: int, step_in_epoch: int, steps_per_epoch: int, loss: float) -> None:
        """Show something in the middle of an epoch."""

    def epoch(self, measured: Measurements) -> None:
        """Show the measurements of a finished epoch."""

    def end(self, ending: Ending) -> None:
        """Say how the fit ended."""

    def close(self) -> None:
        """Leave what is shown as it is."""


RowCount = int | Callable[[], int]
"""Rows per epoch; or, where nobody knows them beforehand, a function that says how many there were so far."""


def find_display(progress: Any, unit: str = "epoch") -> Callable[[int, RowCount], Display] | None:
    """Return what makes the display of a fit of so many epochs and rows; None if there is to be none.

    With another unit it is one of so many of these, of which nobody counts the rows.

    Raises
    ------
    ValueError, TypeError
        If ``progress`` is nothing that `Trainer.fit` takes.
    """
    if isinstance(progress, str) and progress != "auto":
        raise ValueError(f"progress must be True, False, 'auto' or a stream, but it is {progress!r}")
    if progress is False:
        return None
    if progress is True or isinstance(progress, str):
        from ._progress_bar import ProgressBar, bar_class, in_notebook

        if (kind := bar_class()) is not None:
            return partial(ProgressBar, kind, unit=unit)
        if progress is not True and not in_notebook() and not sys.stderr.isatty():
            return None
        progress = sys.stderr
    if not callable(getattr(progress, "write", None)):
        raise TypeError(
            f"progress must be True, False, 'auto' or something with a method write, but it is {describe(progress)}"
        )
    return partial(Progress, progress, unit=unit)


def measured_values(measured: Measurements) -> dict[str, float]:
    """Return what was measured in an epoch, by the names it is shown with."""
    values = {"loss": measured.loss, **measured.metrics}
    if measured.validation_loss is not None:
        values["validation loss"] = measured.validation_loss
    values.update({f"validation {name}": value for name, value in measured.validation_metrics.items()})
    return values


def ending_words(ending: Ending, before: int) -> str:
    """Return how a fit ended that came after ``before`` epochs, if that is worth words, counting epochs from 1 on."""
    words = [] if ending.reason == "epochs" else [f"ended because {REASONS[ending.reason]}"]
    if ending.best_epoch is not None:
        back = ", to which the model went back" if ending.restored else ""
        words.append(
            f"best {ending.monitor} {ending.best_value:.5g} after epoch {ending.best_epoch - before}{back}"
        )
    return "; ".join(words)


class Progress:
    """Writes the progress of a fit.

    Parameters
    ----------
    stream : text stream
    epochs : int
        How many epochs this fit has.
    rows : int or function
        Rows per epoch, or what returns how many there were so far; 0 says nothing of rows.
    unit : str, default "epoch"
        What to call an epoch.
    """

    def __init__(self, stream: Any, epochs: int, rows: RowCount, unit: str = "epoch") -> None:
        self._stream, self._epochs, self._rows, self._unit = stream, epochs, rows, unit
        self._terminal = bool(getattr(stream, "isatty", bool)())
        self._start = self._shown = perf_counter()
        self._done, self._last = 0, -1  # epochs of this fit, and the last one as `Measurements` counts it
        self._width = 0  # of the line that is on the terminal, 0 for none

    def poll(self, epoch: int, step_in_epoch: int, steps_per_epoch: int, loss: float) -> None:
        """Update the line in the middle of an epoch, if it is on a terminal and not too soon."""
        now = perf_counter()
        if self._terminal and now - self._shown >= INTERVAL:
            self._shown = now
            done, batch = float(self._done), f"  batch {step_in_epoch}"
            if steps_per_epoch:
                done, batch = done + step_in_epoch / steps_per_epoch, ""
            line = f"{self._unit} {self._done + 1}/{self._epochs}{batch}  loss {loss:.5g}"
            self._overwrite(line + self._rate(done, now))

    def epoch(self, measured: Measurements) -> None:
        """Show the measurements of a finished epoch."""
        self._done, self._last = self._done + 1, measured.epoch
        values = measured_values(measured)
        line = f"{self._unit} {self._done}/{self._epochs}" + "".join(
            f"  {name} {v:.5g}" for name, v in values.items()
        )
        line += self._rate(self._done, perf_counter())
        if self._terminal:
            self._overwrite(line)
        else:
            self._stream.write(line + "\n")
            self._flush()

    def end(self, ending: Ending) -> None:
        """Say why the fit ended, if it did before its last epoch, and which epoch was the best."""
        if words := ending_words(ending, self._last - self._done):
            self.close()
            self._stream.write(words + "\n")
            self._flush()

    def close(self) -> None:
        """End the line that is on the terminal."""
        if self._width:
            self._stream.write("\n")
            self._flush()
            self._width = 0

    def _rate(self, done: float, now: float) -> str:
        """Return the rows per second and the time still to go, for so many epochs done."""
        seconds = max(now - self._start, 1e-9)
        rows = self._rows() if callable(self._rows) else done * self._rows
        rate = f"  {rows / seconds:,.0f} rows/s" if self._rows else ""
        if not done:  # in the first epoch, which nobody knows the end of
            return rate
        left = seconds * (self._epochs - done) / done
        return f"{rate}  {'ETA' if left else 'took'} {_clock(left or seconds)}"

    def _overwrite(self, line: str) -> None:
        self._stream.write("\r" + line.ljust(self._width))
        self._flush()
        self._width = len(line)

    def _flush(self) -> None:
        flush = getattr(self._stream, "flush", None)
        if flush is not None:
            flush()


def _clock(seconds: float) -> str:
    """Return ``1:02:03`` or ``2:03``."""
    minutes, second = divmod(round(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}" if hours else f"{minute}:{second:02}"

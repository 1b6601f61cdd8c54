"""Training that is shown: the method of `Trainer` that writes a report."""

from __future__ import annotations

import os
from typing import Any

from ._base_trainer import BaseTrainer


class ReportingTrainer(BaseTrainer):
    """Adds reports to what a trainer is."""

    __slots__ = ()

    def report(
        self, path: str | os.PathLike[str], X: Any = None, y: Any = None, *, sample_weight: Any = None, rows: Any = (0,),
        trace: Any = None, title: str | None = None
    ) -> None:  # fmt: skip
        """Write a page of the network and its training: one HTML file that opens from the disk and loads nothing.

        It has the configuration, the curves, the health of the layers (of ``fit(health=True)``), a confusion matrix or residuals, a
        diagram, and the next update to step through, in which a weight that is chosen shows its chain rule. What is not there is
        left out, with a line that says what would show it. Nothing of the trainer changes.

        Parameters
        ----------
        path : str or path
            A file of that name is replaced, when the new one is safely on the disk.
        X, y : array-like, optional
            Rows as in `fit`, best some that were held out: they are predicted, and the update is made with some of them.
        sample_weight : array-like, shape (rows,), optional
            How much a row counts in that update.
        rows : list of int, default (0,)
            The rows of X that the update is made with, by a copy and without dropout and noise. A single row shows each product
            of the chain rule for itself; at most four are shown.
        trace : chainrule.trace.Trace, optional
            Show the first step of this instead: one that was traced while the trainer trained.
        title : str, optional

        Raises
        ------
        ValueError, TypeError
            If an argument does not fit; the message names it, and no file is written.
        OSError
            If the file cannot be written; one that was there is as before.
        """
        from .report import write_report

        write_report(path, self, X, y, sample_weight=sample_weight, rows=rows, trace=trace, title=title)

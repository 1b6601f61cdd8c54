"""What a fit measured, shown: the method of `History` that writes a report."""

from __future__ import annotations

import os
import weakref
from typing import TYPE_CHECKING, Any, cast

from ._checks_values import describe

if TYPE_CHECKING:
    from ._base_trainer import BaseTrainer
    from .history import History


class ReportedHistory:
    """Adds reports to what a history is."""

    __slots__ = ("_trainer",)  # a weak reference: a history that is kept keeps no model

    _trainer: weakref.ref[BaseTrainer] | None

    def belong_to(self, trainer: BaseTrainer | None) -> None:
        """Remember whose history it is, as long as that lives."""
        self._trainer = None if trainer is None else weakref.ref(trainer)

    def owner(self) -> BaseTrainer | None:
        """Return the trainer whose history it is; None if that is not known, or gone."""
        reference = getattr(self, "_trainer", None)  # a history that was read from a file has none
        return None if reference is None else reference()

    def report(
        self, path: str | os.PathLike[str], X: Any = None, y: Any = None, *, trainer: Any = None, model: Any = None,
        sample_weight: Any = None, rows: Any = (0,), trace: Any = None, title: str | None = None
    ) -> None:  # fmt: skip
        """Write the page that `Trainer.report` writes, with the curves of this history: those of one fit, for instance.

        Parameters
        ----------
        path : str or path
            A file of that name is replaced, when the new one is safely on the disk.
        X, y : array-like, optional
            As in `Trainer.report`.
        trainer : Trainer, optional
            Whose history it is; known of one that `fit` has returned, as long as there is the trainer. The page shows its network
            as it is now.
        model : MLP, optional
            Instead of a trainer.
        sample_weight, rows, trace, title : optional
            As in `Trainer.report`.

        Raises
        ------
        ValueError, TypeError
            If an argument does not fit, or neither trainer nor model is given or known; no file is written.
        OSError
            If the file cannot be written; one that was there is as before.
        """
        from ._base_trainer import BaseTrainer
        from .model import MLP
        from .report import write_report

        if trainer is not None and model is not None:
            raise ValueError("trainer and model exclude each other; give one of them")
        for value, name, kind in ((trainer, "trainer", BaseTrainer), (model, "model", MLP)):
            if value is not None and not isinstance(value, kind):
                raise TypeError(
                    f"{name} must be of {kind.__name__.removeprefix('Base')}, but it is {describe(value)}"
                )
        what = trainer if trainer is not None else model if model is not None else self.owner()
        if what is None:
            raise ValueError(
                "trainer is needed: this history does not know whose it is (it was loaded, or its trainer is gone); give "
                "trainer=, or model="
            )
        write_report(
            path, what, X, y, history=cast("History", self), sample_weight=sample_weight, rows=rows, trace=trace, title=title
        )  # fmt: skip

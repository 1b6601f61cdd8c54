"""What a fit measured, epoch by epoch."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from ._plain import check_record, copy_numbers
from ._version import __version__

_NONE: Mapping[str, float] = {}


class History:
    """The measurements of a fit, one entry per epoch; `Trainer.fit` returns one, `Trainer.history` holds all.

    Attributes
    ----------
    epochs : list of int
        The epochs, counted from 0 since the trainer was made.
    loss : list of float
        The mean loss of the rows while they were trained on, with dropout.
    validation_loss : list of float
        The loss of the validation data after the epoch; empty if there were none.
    metrics, validation_metrics : dict of str to list of float
        Each metric of the training and of the validation data after the epoch, without dropout.

    An entry is NaN where nothing was measured in that epoch but in others there was.
    """

    __slots__ = ("epochs", "loss", "metrics", "validation_loss", "validation_metrics")

    def __init__(self) -> None:
        self.epochs: list[int] = []
        self.loss: list[float] = []
        self.validation_loss: list[float] = []
        self.metrics: dict[str, list[float]] = {}
        self.validation_metrics: dict[str, list[float]] = {}

    def __len__(self) -> int:
        return len(self.epochs)

    def __repr__(self) -> str:
        last = f", loss {self.loss[-1]:.6g}" if self.loss else ""
        return f"<History of {len(self)} epoch{'s' * (len(self) != 1)}{last}>"

    def append(
        self,
        epoch: int,
        loss: float,
        validation_loss: float | None = None,
        metrics: Mapping[str, float] = _NONE,
        validation_metrics: Mapping[str, float] = _NONE,
    ) -> None:
        """Add the measurements of one epoch."""
        before = len(self.epochs)
        self.epochs.append(epoch)
        self.loss.append(loss)
        if validation_loss is not None or self.validation_loss:
            _add(self.validation_loss, before, validation_loss)
        for table, values in ((self.metrics, metrics), (self.validation_metrics, validation_metrics)):
            for name in [*table, *(new for new in values if new not in table)]:
                _add(table.setdefault(name, []), before, values.get(name))

    def extend(self, other: History) -> None:
        """Add all epochs of another history."""
        for i, epoch in enumerate(other.epochs):
            self.append(
                epoch,
                other.loss[i],
                other.validation_loss[i] if other.validation_loss else None,
                {name: column[i] for name, column in other.metrics.items()},
                {name: column[i] for name, column in other.validation_metrics.items()},
            )

    def __getstate__(self) -> dict[str, Any]:
        fields = {name: copy_numbers(getattr(self, name)) for name in self.__slots__}
        return {"format": "chainrule.history", "version": 1, "chainrule": __version__, **fields}

    def __setstate__(self, record: dict[str, Any]) -> None:
        fields = check_record(record, "chainrule.history", 1, self.__slots__)
        for name in self.__slots__:
            setattr(self, name, copy_numbers(fields[name]))


def _add(column: list[float], before: int, value: float | None) -> None:
    column.extend([math.nan] * (before - len(column)))
    column.append(math.nan if value is None else value)

"""What a fit measured, epoch by epoch."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from ._checks_values import check_sequence, count
from ._plain import check_record
from ._version import __version__

_NOTHING: Mapping[str, float] = {}


class Measurements(NamedTuple):
    """What was measured in one epoch; None and missing names for what was not."""

    epoch: int
    loss: float
    validation_loss: float | None = None
    metrics: Mapping[str, float] = _NOTHING
    validation_metrics: Mapping[str, float] = _NOTHING


class History:
    """The measurements of a fit, one entry per epoch; `Trainer.fit` returns one, `Trainer.history` is that of all fits.

    In the lists, an entry is NaN where nothing was measured in that epoch but in others there was.

    Parameters
    ----------
    measured : iterable of Measurements
        One per epoch.
    """

    __slots__ = ("_measured",)

    def __init__(self, measured: Iterable[Measurements] = ()) -> None:
        self._measured = list(measured)

    @property
    def epochs(self) -> list[int]:
        """The epochs, counted from 0 since the trainer was made."""
        return [measured.epoch for measured in self._measured]

    @property
    def loss(self) -> list[float]:
        """The mean loss of the rows of each epoch, while they were trained on and with dropout."""
        return [measured.loss for measured in self._measured]

    @property
    def validation_loss(self) -> list[float]:
        """The loss of the validation data after each epoch; empty if there were none."""
        losses = [measured.validation_loss for measured in self._measured]
        if all(loss is None for loss in losses):
            return []
        return [math.nan if loss is None else loss for loss in losses]

    @property
    def metrics(self) -> dict[str, list[float]]:
        """Each metric of the training data after each epoch, without dropout."""
        return _columns([measured.metrics for measured in self._measured])

    @property
    def validation_metrics(self) -> dict[str, list[float]]:
        """Each metric of the validation data after each epoch."""
        return _columns([measured.validation_metrics for measured in self._measured])

    def append(self, measured: Measurements) -> None:
        """Add an epoch (or replace the last, if it is the same) at one stroke: a history is never half written."""
        if self._measured and self._measured[-1].epoch == measured.epoch:
            self._measured[-1] = measured
        else:
            self._measured.append(measured)

    def since(self, n: int) -> History:
        """Return the history without its first ``n`` entries."""
        return History(self._measured[n:])

    def __len__(self) -> int:
        return len(self._measured)

    def __repr__(self) -> str:
        last = f", loss {self._measured[-1].loss:.6g}" if self._measured else ""
        return f"<History of {count(len(self), 'epoch')}{last}>"

    def __getstate__(self) -> dict[str, Any]:
        measured = [[e, loss, v, dict(m), dict(vm)] for e, loss, v, m, vm in self._measured]
        return {
            "format": "chainrule.history",
            "version": 1,
            "chainrule": __version__,
            "measured": measured,
        }

    def __setstate__(self, record: dict[str, Any]) -> None:
        fields = check_record(record, "chainrule.history", 1, ("measured",))
        entries = check_sequence(fields["measured"], "measured")
        if any(len(check_sequence(entry, f"measured[{i}]")) != 5 for i, entry in enumerate(entries)):
            raise ValueError("each entry of measured must have 5 values")
        self._measured = [Measurements(*entry) for entry in entries]


def _columns(rows: list[Mapping[str, float]]) -> dict[str, list[float]]:
    names = dict.fromkeys(name for row in rows for name in row)  # in the order they came
    return {name: [row.get(name, math.nan) for row in rows] for name in names}

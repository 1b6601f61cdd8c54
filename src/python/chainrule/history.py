"""What a fit measured, epoch by epoch, and why it ended."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from itertools import repeat
from typing import Any, NamedTuple

from ._checks_values import check_bool, check_choice, check_int, check_number, check_sequence, count, describe
from ._health_epochs import HealthOfEpoch, health_from_plain
from ._plain import check_record
from ._reported_history import ReportedHistory
from ._summary import history_html
from ._version import __version__

_NOTHING: Mapping[str, float] = {}


class Measurements(NamedTuple):
    """What was measured in one epoch; None and missing names for what was not."""

    epoch: int
    loss: float
    validation_loss: float | None = None
    metrics: Mapping[str, float] = _NOTHING
    validation_metrics: Mapping[str, float] = _NOTHING
    health: HealthOfEpoch | None = None

    def value(self, name: str) -> float:
        """Return one of them, by the name that `EarlyStopping` has for it; NaN if it was not measured."""
        values = {"loss": self.loss, **self.metrics}
        values.update({f"validation_{key}": value for key, value in self.validation_metrics.items()})
        if self.validation_loss is not None:
            values["validation_loss"] = self.validation_loss
        return values.get(name, math.nan)


def measurements_of(
    first: int, losses: Sequence[float], health: Iterable[HealthOfEpoch | None] = repeat(None)
) -> list[Measurements]:
    """Return entries of epochs from number ``first`` on, of which nothing else was measured."""
    epochs, nothing = range(first, first + len(losses)), repeat(_NOTHING)
    values = zip(epochs, losses, repeat(None), nothing, nothing, health)
    return list(map(tuple.__new__, repeat(Measurements), values))  # half the time of Measurements(*values)


class Ending(NamedTuple):
    """How a fit ended.

    Parameters
    ----------
    reason : str
        See `History.stopped_because`.
    monitor : str or None
        What early stopping looked at; None without it.
    best_epoch : int or None
        The epoch with the best value of that, counted as in `History.epochs`; None if there is none.
    best_value : float or None
    restored : bool
        Whether the parameters after that epoch were put back; also False where it was the last anyway.
    """

    reason: str
    monitor: str | None = None
    best_epoch: int | None = None
    best_value: float | None = None
    restored: bool = False


REASONS = {
    "epochs": "all epochs were done",
    "early_stopping": "what early_stopping monitors got no better",
    "converged": "the optimizer found nothing lower",
    "settled": "the loss fell by no more than tolerance",
    "target_loss": "the loss reached target_loss",
    "time_budget": "the time_budget was used up",
    "callback": "a callback asked for it",
    "interrupted": "Ctrl-C, or an error of another fit in fit_many",
    "not_finite": "a loss, a gradient or a parameter was not finite",
    "error": "an exception, for instance of a metric",
}
"""Why a fit ended: the values of `History.stopped_because`."""


class History(ReportedHistory):
    """The measurements of a fit, one entry per epoch; `Trainer.fit` returns one, `Trainer.history` is that of all fits.

    In the lists, an entry is NaN where nothing was measured in that epoch but in others there was.

    Parameters
    ----------
    measured : iterable of Measurements
        One per epoch.
    ending : Ending, optional
        How the fit ended; of several fits, the last one.

    Attributes
    ----------
    ending
        The argument.
    """

    __slots__ = ("_measured", "ending")

    def __init__(self, measured: Iterable[Measurements] = (), ending: Ending | None = None) -> None:
        self._measured, self.ending = list(measured), ending

    @property
    def stopped_because(self) -> str | None:
        """Why the (last) fit ended; None before one has.

        "epochs": all were done. "early_stopping", "settled" (tolerance), "target_loss", "time_budget": the argument of
        `Trainer.fit` that ended it. "callback": `Fit.stop`. "interrupted" (Ctrl-C, or an error of another fit in `fit_many`), "not_finite" (FloatingPointError), "error": an exception.
        "converged": an optimizer that takes all rows at once found nothing lower.
        """
        return None if self.ending is None else self.ending.reason

    @property
    def best_epoch(self) -> int | None:
        """The best epoch of the (last) fit by what early stopping monitors, as in `epochs`; None without it."""
        return None if self.ending is None else self.ending.best_epoch

    @property
    def epochs(self) -> list[int]:
        """The epochs, counted from 0 since the trainer was made."""
        return [measured.epoch for measured in self._measured]

    @property
    def loss(self) -> list[float]:
        """The mean loss of the rows of each epoch, while they were trained on, with dropout and noise."""
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
        """Each metric of the training data after each epoch, without dropout and noise."""
        return _columns([measured.metrics for measured in self._measured])

    @property
    def validation_metrics(self) -> dict[str, list[float]]:
        """Each metric of the validation data after each epoch."""
        return _columns([measured.validation_metrics for measured in self._measured])

    @property
    def health(self) -> list[dict[str, list[float]] | None] | None:
        """What ``fit(health=True)`` measured in each epoch; None where no epoch has it, and in place of each that has not.

        Of each epoch a dict, with a number for each layer of weights: the means over the updates that were looked at, up to
        eight an epoch, and at most 64 rows of each, evenly spread. From the ninth epoch of a fit on, where epochs have fewer than
        64 updates, some are not looked at; they have the numbers of the last one that was.

        ==================  ==================================================================================
        activation_rms      root mean square of what the layer gives on, after dropout
        activation_std      root mean square, over its units, of their standard deviations over the rows
        dead                share of its units that were 0 in all rows
        saturated           share of values at the flat ends of a sigmoid, tanh, hard_sigmoid or softsign
        delta_rms           root mean square of the derivative of a row's loss with respect to the weighted sums
        gradient_norm       Euclidean norm of the derivative with respect to the weights, without weight decay
        weight_norm         Euclidean norm of the weights
        update_norm         Euclidean norm of what the update added to them
        ==================  ==================================================================================
        """
        found = [measured.health for measured in self._measured]
        if all(one is None for one in found):
            return None
        return [None if one is None else one.columns() for one in found]

    def entries(self, first: int = 0) -> list[Measurements]:
        """Return a copy of the list of the entries from one on."""
        return self._measured[first:]

    def append(self, measured: Measurements) -> None:
        """Add an epoch (or replace the last, if it is the same) at one stroke: a history is never half written."""
        if self._measured and self._measured[-1].epoch == measured.epoch:
            self._measured[-1] = measured
        else:
            self._measured.append(measured)

    def put(self, n: int, measured: Iterable[Measurements]) -> None:
        """Add epochs after the first ``n``, at one stroke: doing it twice is doing it once."""
        self._measured[n:] = measured

    def since(self, n: int) -> History:
        """Return the history without its first ``n`` entries."""
        part = History(self._measured[n:], self.ending)
        part.belong_to(self.owner())
        return part

    def last(self, n: int = 0) -> Measurements | None:
        """Return the last entry, None if there are not more than ``n``."""
        return self._measured[-1] if len(self._measured) > n else None

    def __len__(self) -> int:
        return len(self._measured)

    def __repr__(self) -> str:
        last = f", loss {self._measured[-1].loss:.6g}" if self._measured else ""
        return f"<History of {count(len(self), 'epoch')}{last}>"

    def _repr_html_(self) -> str:
        return history_html(self, REASONS.get(self.stopped_because or ""))

    def __getstate__(self) -> dict[str, Any]:
        measured = [
            [e, loss, v, _plain(m), _plain(vm), *([] if health is None else [health.to_plain()])]
            for e, loss, v, m, vm, health in self._measured
        ]
        return {
            "format": "chainrule.history",
            "version": 1,
            "chainrule": __version__,
            "measured": measured,
            "ending": None if self.ending is None else list(self.ending),
        }

    def __setstate__(self, record: dict[str, Any]) -> None:
        fields = check_record(record, "chainrule.history", 1, ("measured", "ending"))
        entries = check_sequence(fields["measured"], "measured")
        measured = [_measurements(entry, f"measured[{i}]") for i, entry in enumerate(entries)]
        ending = None if fields["ending"] is None else _ending(fields["ending"])
        self._measured, self.ending = measured, ending


def _measurements(entry: Any, name: str) -> Measurements:
    """Return the measurements of an epoch that a record holds."""
    entries = check_sequence(entry, name)
    if len(entries) not in (5, 6):
        raise ValueError(f"{name} must have 5 values, but it has {len(entries)}; a sixth is its health")
    epoch, loss, validation_loss, *both = entries[:5]
    for metrics in both:
        if not isinstance(metrics, dict) or not all(type(key) is str for key in metrics):
            raise TypeError(f"{name} must have its metrics by name, but it has {describe(metrics)}")
    metrics, validation_metrics = (
        {key: check_number(value, f"a metric of {name}") for key, value in each.items()} for each in both
    )
    return Measurements(
        check_int(epoch, f"the epoch of {name}", 0),
        check_number(loss, f"the loss of {name}"),
        None if validation_loss is None else check_number(validation_loss, f"the validation loss of {name}"),
        metrics,
        validation_metrics,
        health_from_plain(entries[5], f"the health of {name}") if len(entries) == 6 else None,
    )


def _ending(values: Any) -> Ending:
    """Return the ending that a record holds."""
    reason, monitor, best_epoch, best_value, restored = check_sequence(values, "ending", 5)
    if monitor is not None and type(monitor) is not str:
        raise TypeError(f"ending[1] must be a str or None, but it is {describe(monitor)}")
    return Ending(
        check_choice(reason, "ending[0]", tuple(REASONS)),
        monitor,
        None if best_epoch is None else check_int(best_epoch, "ending[2]", 0),
        None if best_value is None else check_number(best_value, "ending[3]"),
        check_bool(restored, "ending[4]"),
    )


def _plain(values: Mapping[str, float]) -> dict[str, float]:
    """Return what was measured as Python's own numbers: a metric may return one of NumPy's."""
    return {str(name): float(value) for name, value in values.items()}


def _columns(rows: list[Mapping[str, float]]) -> dict[str, list[float]]:
    names = dict.fromkeys(name for row in rows for name in row)  # in the order they came
    return {name: [row.get(name, math.nan) for row in rows] for name in names}

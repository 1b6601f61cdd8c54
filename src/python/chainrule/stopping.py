"""When a fit ends before its last epoch because more training would not help."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ._checks_values import check_bool, check_choice, check_int, check_real, describe
from .metrics import Metric, direction, is_known

MODES = ("auto", "min", "max")


@dataclass(frozen=True)
class EarlyStopping:
    """Stop a fit when what is monitored gets no better, and take the best parameters back.

    An epoch improves if its value is better, by more than `min_delta`, than that of the last epoch that improved. After
    `patience` epochs in a row that do not, the fit ends. The best epoch is the one with the best value of this fit,
    however little better it is, and the first of several that are equal. NaN is never better than anything.

    Parameters
    ----------
    monitor : str, default "validation_loss"
        ``"loss"`` or ``"validation_loss"``; or a metric that `Trainer.fit` is asked for, by its name for the rows that
        are trained on, by ``"validation_"`` and its name for the validation rows.
    patience : int, default 10
        How many epochs in a row without improvement end the fit; 0 is taken as 1.
    min_delta : float, default 0.0
        At least 0, in the unit of what is monitored.
    mode : "auto", "min" or "max", default "auto"
        Whether less or more is better. ``"auto"`` knows it of the losses and of all metrics of `chainrule.metrics`; for
        a function of your own it must be said.
    restore_best : bool, default True
        Whether the parameters and the velocities after the best epoch come back at the end of the fit, whatever
        ends it: patience, the last epoch, the time budget, Ctrl-C, an error. A copy of them is held during the fit.

    Raises
    ------
    ValueError, TypeError
        If an argument does not fit the description above; the message names it.

    References
    ----------
    Prechelt, "Early stopping - but when?", in: Neural Networks: Tricks of the Trade, 1998.

    Examples
    --------
    >>> import chainrule as cr
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(60, 5))
    >>> y = X[:, 0] + rng.normal(size=60)  # as much noise as there is to learn
    >>> model = cr.MLP([5, 50, 1], dtype="float64", seed=0)
    >>> trainer = cr.Trainer(model, loss="mean_squared_error", optimizer=cr.SGD(0.05))
    >>> stopping = cr.EarlyStopping(monitor="validation_loss", patience=5)
    >>> history = trainer.fit(X, y, epochs=500, validation_split=0.25, early_stopping=stopping)
    >>> history.stopped_because, len(history) == history.best_epoch + 1 + 5
    ('early_stopping', True)
    """

    monitor: str = "validation_loss"
    patience: int = 10
    min_delta: float = 0.0
    mode: str = "auto"
    restore_best: bool = True

    def __post_init__(self) -> None:
        monitor: object = self.monitor
        if not isinstance(monitor, str) or not monitor:
            kind = ValueError if isinstance(monitor, str) else TypeError
            raise kind(
                f"monitor must be loss, validation_loss or the name of a metric, but it is {describe(monitor)}"
            )
        checked = {
            "patience": check_int(self.patience, "patience", 0),
            "min_delta": check_real(self.min_delta, "min_delta", 0.0),
            "mode": check_choice(self.mode, "mode", MODES),
            "restore_best": check_bool(self.restore_best, "restore_best"),
        }
        for name, value in checked.items():
            object.__setattr__(self, name, value)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.monitor, self.patience, self.min_delta, self.mode, self.restore_best)


def find_early_stopping(
    early_stopping: Any, metrics: Mapping[str, Metric], validation: bool, by_batches: bool = False
) -> EarlyStopping | None:
    """Return the settings with their mode found out, for a fit with these metrics, with validation data or without.

    ``by_batches`` is as `find_mode` takes it.

    Raises
    ------
    TypeError
        If it is something else than an `EarlyStopping` or None.
    ValueError
        If what it monitors is not measured, or its mode is not known or the wrong one.
    """
    if early_stopping is None:
        return None
    if not isinstance(early_stopping, EarlyStopping):
        raise TypeError(
            f"early_stopping must be an EarlyStopping or None, but it is {describe(early_stopping)}"
        )
    monitor, mode = early_stopping.monitor, early_stopping.mode
    return EarlyStopping(
        monitor,
        early_stopping.patience,
        early_stopping.min_delta,
        find_mode(monitor, mode, metrics, validation, "early_stopping", by_batches),
        early_stopping.restore_best,
    )


def find_mode(
    monitor: str,
    mode: str,
    metrics: Mapping[str, Metric],
    validation: bool,
    name: str,
    by_batches: bool = False,
) -> str:
    """Return whether less ("min") or more ("max") of what is monitored is better, for a fit that measures these.

    One ``by_batches`` has no rows to split, and measures metrics on validation data only.

    Raises
    ------
    ValueError
        If it is not measured, or the mode is not known or the wrong one; the message says for whom: ``name``.
    """
    known: dict[str, str | None] = {"loss": "min"}
    judged: dict[str, str | None] = {"validation_loss": "min"}
    for key, metric in metrics.items():
        known[key] = judged[f"validation_{key}"] = direction(metric)
    if both := known.keys() & judged.keys():
        raise ValueError(f"the metric {min(both)} has the name of something measured on validation data")
    if monitor in judged and not validation:
        advice = ["give validation_data" if by_batches else "give validation_data or validation_split"]
        if not by_batches or monitor == "validation_loss":
            advice.append(f"or monitor {monitor.removeprefix('validation_')}")
        raise ValueError(f"{name} monitors {monitor}, but there are no validation data: {', '.join(advice)}")
    known.update(judged if validation else {})
    if monitor not in known:
        key = monitor.removeprefix("validation_")
        hint = f"; add {key!r} to metrics" if is_known(key) else ""
        raise ValueError(f"{name} monitors {monitor!r}, but measured are only {', '.join(known)}{hint}")
    better = known[monitor]
    if mode == "auto" and better is None:
        raise ValueError(
            f"{name} needs mode='min' or mode='max' to monitor {monitor}, a function of your own"
        )
    if "auto" != mode != better and better is not None:
        more = "more" if better == "max" else "less"
        raise ValueError(f"{name} has mode={mode!r}, but of {monitor} {more} is better")
    return better or mode

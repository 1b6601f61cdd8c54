"""What is wrong with a fit, in plain words, from what it recorded of its layers: vanishing gradients, dead units and the like.

>>> import chainrule as cr
>>> from chainrule.datasets import load_digits
>>> digits = load_digits()
>>> model = cr.MLP([64, 32, 10], output_activation="softmax", seed=0)
>>> trainer = cr.Trainer(model, loss="cross_entropy", optimizer=cr.SGD(0.1))
>>> X = (digits.data / 16).astype("float32")
>>> history = trainer.fit(X, digits.target, epochs=2, health=True)
>>> print(trainer.health())
health: nothing wrong in epochs 0 to 1
"""

from __future__ import annotations

import numpy as np

from ._checks_values import describe
from ._health_epochs import Beginning
from ._health_findings import SEVERITIES, Finding, HealthReport
from ._health_layers import dead, exploding, saturated, vanishing
from ._health_seen import Seen, seen_of
from ._health_training import (
    constant_output,
    inputs_not_scaled,
    learning_rate_too_high,
    learning_rate_too_low,
    overfitting,
    targets_not_scaled,
    weights_shrunk,
)
from .history import History
from .model import MLP

__all__ = ["KINDS", "Finding", "HealthReport", "diagnose"]

_RULES = {
    "inputs_not_scaled": inputs_not_scaled,
    "targets_not_scaled": targets_not_scaled,
    "weights_shrunk": weights_shrunk,
    "exploding_gradients": exploding,
    "learning_rate_too_high": learning_rate_too_high,
    "dead_units": dead,
    "saturated_units": saturated,
    "vanishing_gradients": vanishing,
    "learning_rate_too_low": learning_rate_too_low,
    "overfitting": overfitting,
    "constant_output": constant_output,
}
KINDS = tuple(_RULES)
"""The kinds of findings, causes before what may come of them."""
_SCALES = KINDS[: KINDS.index("exploding_gradients")]
_EXPLAINED_BY = {
    "learning_rate_too_high": (*_SCALES, "exploding_gradients"),
    "dead_units": ("weights_shrunk",),
    "saturated_units": ("learning_rate_too_high",),
    "vanishing_gradients": ("weights_shrunk", "learning_rate_too_high", "dead_units", "saturated_units"),
    "learning_rate_too_low": KINDS[: KINDS.index("learning_rate_too_low")],
    "constant_output": KINDS[: KINDS.index("overfitting")],
}
"""Kinds that are not reported beside one of these, of which they are a consequence."""


def diagnose(history: History, model: MLP, *, began: tuple[int, Beginning] | None = None) -> HealthReport:
    """Judge the last fit in a history whose health was recorded.

    Parameters
    ----------
    history : History
        Of `Trainer.fit` with ``health=True``, or `Trainer.history`, or that of a run.
    model : MLP
        The model that was trained; only its layers and activations are looked at.
    began : tuple, optional
        The first epoch of the fit and what it began with, where the history may not have it: a fit that ended in its first
        epoch. `Trainer.health` gives it.

    Returns
    -------
    HealthReport

    Raises
    ------
    ValueError, TypeError
        If an argument does not fit, or the history holds no record of the health of a fit.
    """
    for value, name, kind in ((history, "history", History), (model, "model", MLP)):
        if not isinstance(value, kind):
            raise TypeError(f"{name} must be of {kind.__name__}, but it is {describe(value)}")
    return report_of(seen_of(model.network, history, began))


def report_of(seen: Seen) -> HealthReport:
    """Return the report on a fit."""
    told: list[Finding] = []
    with np.errstate(all="ignore"):  # losses may be infinite, as means of finite numbers that are huge
        for kind, rule in _RULES.items():
            if not {finding.kind for finding in told}.intersection(_EXPLAINED_BY.get(kind, ())):
                told += rule(seen)
    told.sort(key=lambda finding: SEVERITIES.index(finding.severity))
    return HealthReport(told, [measured.epoch for measured in seen.epochs])

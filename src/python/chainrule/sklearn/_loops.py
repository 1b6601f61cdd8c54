"""Which loop over epochs a fit runs in: chainrule's, or, where that is the better or the only one, scikit-learn's own."""

from __future__ import annotations

from typing import Any

import numpy as np

from . import _settings
from ._prediction import is_mostly_zero
from ._several import columns_of
from ._theirs import HAS_LOSS, HAS_WEIGHTS


def runs_in_scikit_learns(
    estimator: Any, X: Any, incremental: bool, *, is_weighed: bool, is_validated: bool, is_watched: bool
) -> bool:
    """Return whether scikit-learn's own loop is to run: few entries of X are stored, or momentum is 1.

    Raises
    ------
    ValueError
        If momentum is 1, and something is asked for that the loop lacks.
    """
    asked = [*lacking(estimator)]
    for name, is_asked in (
        ("sample_weight", is_weighed and not HAS_WEIGHTS),
        ("validation_data", is_validated),
        ("callbacks", is_watched),
    ):
        if is_asked:
            asked.append(name)
    if _momentum(estimator, incremental) == 1:
        if asked:
            raise ValueError(
                f"momentum=1 trains in scikit-learn's own loop, which does not have {', '.join(asked)}; use a momentum below 1"
            )
        return True
    return is_mostly_zero(X) and not asked


def lacking(estimator: Any) -> list[str]:
    """Return the settings that are not scikit-learn's."""
    losses = ("log_loss", "squared_error", *(["poisson"] if HAS_LOSS else []))
    activation, loss = estimator.activation, estimator.loss
    found = {
        "this solver": not isinstance(estimator.solver, str),
        "this activation": not (isinstance(activation, str) and activation in _settings.OF_SCIKIT_LEARN),
        "dropout": np.any(estimator.dropout),
        "time_budget": estimator.time_budget is not None,
        "warm_start='optimizer'": estimator.warm_start == "optimizer",
        "this loss": not (isinstance(loss, str) and loss in losses),
        "missing_targets": getattr(estimator, "missing_targets", False),
        "class_weight": getattr(estimator, "class_weight", None) is not None,
        "several columns of classes": columns_of(estimator) is not None,
    }
    return [name for name, is_asked in found.items() if is_asked]


def _momentum(estimator: Any, incremental: bool) -> float:
    """Return the momentum of the next update: what an optimizer goes on with, or the setting."""
    optimizer = getattr(estimator, "_optimizer", None)
    if optimizer is not None and (incremental or estimator.warm_start == "optimizer"):
        return float(getattr(optimizer, "momentum", 0.0))
    return (
        float(estimator.momentum) if isinstance(estimator.solver, str) and estimator.solver == "sgd" else 0.0
    )

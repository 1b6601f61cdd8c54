"""What only quantities need: targets that are missing, levels of quantiles, and the order of arguments before 1.7."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from inspect import signature
from typing import Any, TypeVar

import numpy as np
from sklearn.metrics import d2_pinball_score
from sklearn.utils import check_array

from ._theirs import HAS_LOSS

F = TypeVar("F", bound=Callable[..., None])


def as_old_signature(init: F, has_loss: bool = HAS_LOSS) -> F:
    """Return a constructor whose first argument is not ``loss``, if the installed scikit-learn's is not either."""
    if has_loss:
        return init
    own, loss, *others = signature(init).parameters.values()

    @wraps(init)
    def reordered(self: Any, *given: Any, **named: Any) -> None:
        names = [parameter.name for parameter in others if parameter.kind is parameter.POSITIONAL_OR_KEYWORD]
        if len(given) > len(names):
            raise TypeError(
                f"MLPRegressor takes {len(names)} arguments by position, but {len(given)} were given"
            )
        init(self, **dict(zip(names, given, strict=False)), **named)

    reordered.__signature__ = signature(init).replace(  # type: ignore[attr-defined]
        parameters=[own, *others, loss.replace(kind=loss.KEYWORD_ONLY)]
    )
    return reordered  # type: ignore[return-value]


def levels_of(loss: Any) -> int:
    """Return how many outputs a loss wants for each target."""
    return len(loss.levels) if getattr(loss, "kind", None) == "quantile" else 1


def quantile_score(loss: Any, y: Any, output: Any, sample_weight: Any = None) -> float:
    """Return how much of the quantile loss of constants the levels' outputs save, on the average over the levels: 1 at best.

    Parameters
    ----------
    loss : chainrule.losses.Quantile
    y : ndarray of shape (rows,)
    output : ndarray of shape (rows, levels)
    sample_weight : ndarray of shape (rows,), optional

    Returns
    -------
    score : float
        The mean of `sklearn.metrics.d2_pinball_score`.
    """
    scores = [
        d2_pinball_score(y, column, alpha=level, sample_weight=sample_weight)
        for level, column in zip(loss.levels, output.T, strict=True)
    ]
    return float(np.mean(scores))


def numbers_with_gaps(y: Any, missing: bool = True) -> Any:
    """Return targets as numbers, of which some may be NaN, but not all.

    Raises
    ------
    ValueError
        If one is infinite, or all are missing, or none may be and one is.
    """
    found = check_array(
        y, ensure_2d=False, dtype=(np.float64, np.float32), input_name="y", **_finite(missing)
    )
    if found.ndim == 2 and found.shape[1] == 1:
        found = found[:, 0]
    if missing and np.isnan(found).all():
        raise ValueError("y holds nothing but NaN: there is nothing to learn from")
    return found


def _finite(missing: bool) -> dict[str, Any]:
    """Return the setting that allows NaN, by the name that this version has for it."""
    name = (
        "ensure_all_finite"
        if "ensure_all_finite" in signature(check_array).parameters
        else "force_all_finite"
    )
    return {name: "allow-nan" if missing else True}

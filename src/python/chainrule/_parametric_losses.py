"""Losses with numbers of their own, as objects; `losses` has them and the plain ones."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, ClassVar

from ._losses import LossRule, check_loss_number, loss_rule
from ._network import Array


class _Loss:
    """Checks its numbers when it is made; called, it gives the value and the gradient."""

    kind: ClassVar[str]

    def __post_init__(self) -> None:
        for each in fields(self):  # type: ignore[arg-type]
            object.__setattr__(self, each.name, check_loss_number(getattr(self, each.name), each.name))

    def __call__(self, prediction: Any, target: Any) -> tuple[float, Array]:
        """Return the value, and its gradient with respect to the prediction, as the functions of `losses` do."""
        from .losses import apply

        return apply(loss_rule(self), prediction, target)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), tuple(getattr(self, each.name) for each in fields(self))  # type: ignore[arg-type]

    @property
    def rule(self) -> LossRule:
        """What the cores take."""
        return loss_rule(self)


@dataclass(frozen=True)
class Huber(_Loss):
    """The Huber loss: squared errors up to `delta`, and no steeper from there on.

    ``e^2 / 2`` where ``abs(e) <= delta``, else ``delta (abs(e) - delta / 2)``, averaged over rows and outputs: single
    targets that are far off do not decide about the fit.

    Parameters
    ----------
    delta : float, default 1.0
        Greater than 0.

    Raises
    ------
    ValueError, TypeError
        If `delta` is no such number.

    References
    ----------
    Huber, "Robust estimation of a location parameter", Annals of Mathematical Statistics 35, 1964.
    """

    kind: ClassVar[str] = "huber"
    delta: float = 1.0


@dataclass(frozen=True)
class Quantile(_Loss):
    """The quantile loss: least for the number that the given share of the targets lies below.

    For ``e = a - y``: ``-level e`` where ``e < 0``, else ``(1 - level) e``, averaged over rows and outputs. With several
    levels a network has one output for each, and y may have one column, which counts for all of them: the outputs of
    levels 0.05 and 0.95 bound an interval with nine tenths of the targets. Outputs of different levels may cross.

    Parameters
    ----------
    levels : float or list of float, default 0.5
        Greater than 0 and less than 1; one for each output, or one for all. 0.5 gives the median.

    Raises
    ------
    ValueError, TypeError
        If a level is no such number.

    References
    ----------
    Koenker and Bassett, "Regression quantiles", Econometrica 46, 1978.
    """

    kind: ClassVar[str] = "quantile"
    levels: Any = (0.5,)


@dataclass(frozen=True)
class CrossEntropy(_Loss):
    """The cross-entropy of softmax outputs, with label smoothing: y becomes ``(1 - s) y + s / n_out`` first.

    Parameters
    ----------
    label_smoothing : float, default 0.0
        s, the share of each target that is spread over all classes; at least 0 and less than 1.

    Raises
    ------
    ValueError, TypeError
        If `label_smoothing` is no such number.

    References
    ----------
    Szegedy, Vanhoucke, Ioffe, Shlens and Wojna, "Rethinking the inception architecture for computer vision", CVPR 2016.
    """

    kind: ClassVar[str] = "cross_entropy"
    label_smoothing: float = 0.0


@dataclass(frozen=True)
class BinaryCrossEntropy(_Loss):
    """The cross-entropy of sigmoid outputs, with label smoothing: y becomes ``(1 - s) y + s / 2`` first.

    Parameters
    ----------
    label_smoothing : float, default 0.0
        s, the share of each target that is spread over yes and no; at least 0 and less than 1.

    Raises
    ------
    ValueError, TypeError
        If `label_smoothing` is no such number.

    References
    ----------
    As of `CrossEntropy`.
    """

    kind: ClassVar[str] = "binary_cross_entropy"
    label_smoothing: float = 0.0

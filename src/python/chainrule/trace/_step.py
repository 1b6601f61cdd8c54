"""What a trace holds of one step: its batch, the loss, and every layer."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from chainrule._losses import LossRule
from chainrule._network import Array
from chainrule._rules import Rule

from ._layer import TracedLayer
from ._plain import plain


@dataclass(frozen=True, eq=False)
class TracedStep:
    """One step of training: a batch on its way forward and back, and the update.

    Attributes
    ----------
    epoch, step : int
        Whole epochs and updates done before, as ``trainer.epoch`` and ``trainer.step`` count them.
    rows : list of int
        The numbers of the rows that are shown: of X in a fit (of its part to train on, where it holds rows out), else in their
        batch.
    batch_rows : int
        How many rows the batch has.
    loss : float
        Of the whole batch, before the update.
    learning_rate : float
    target : ndarray, shape (rows, outputs)
        Class labels as rows of 0 and 1, and smoothed where the loss does so.
    weight : ndarray, shape (rows,), or None
        The weights of the rows shown.
    layers : list of TracedLayer
    update : int
        The number of this update since the optimizer began, from 1 on: t of Adam.
    frozen : tuple of int
        Numbers of the layers, from 1 on, that did not learn.
    rule, loss_rule
        The numbers of optimizer and loss, as both cores take them.
    output_weights : tuple of float or None
    total_weight : float
        What divides the loss of the batch: its number of rows, or the sum of their weights.
    batch_target, batch_weight : ndarray
        `target` and `weight` of all rows of the batch, shown or not.
    places : list of int
        Where in the batch the rows are that are shown.
    numbers : list of int
        The numbers of all rows of the batch.
    """

    epoch: int
    step: int
    rows: list[int]
    batch_rows: int
    loss: float
    learning_rate: float
    target: Array
    weight: Array | None
    layers: list[TracedLayer]
    update: int
    frozen: tuple[int, ...]
    rule: Rule
    loss_rule: LossRule
    output_weights: tuple[float, ...] | None
    total_weight: float
    batch_target: Array = field(repr=False)
    batch_weight: Array | None = field(repr=False)
    places: list[int] = field(repr=False)
    numbers: list[int] = field(repr=False)

    def to_dict(self) -> dict[str, Any]:
        """Return the same as plain numbers and lists; None stands for a number that is not finite, too."""
        names = (
            "epoch",
            "step",
            "rows",
            "loss",
            "learning_rate",
            "batch_rows",
            "target",
            "weight",
            "update",
            "total_weight",
        )
        head = {name: plain(getattr(self, name)) for name in names}
        layers = [layer.to_dict() for layer in self.layers]
        return {**head, "frozen": list(self.frozen), "layers": layers}

    def __repr__(self) -> str:
        return (
            f"TracedStep(epoch {self.epoch}, step {self.step}, {len(self.rows)} of {self.batch_rows} rows shown, "
            f"loss {self.loss:.6g}, {len(self.layers)} layers)"
        )

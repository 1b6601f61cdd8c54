"""Rows of data and their targets, and how well a model does on them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from operator import is_
from typing import Any, NamedTuple

import numpy as np

from ._checks_layers import check_loss_and_gradient, check_rows
from ._checks_network import check_forward
from ._losses import loss_rule
from ._metric_arrays import has_several_labels
from ._network import Array, MeasuredRows, Network, without_output_activation
from ._weights import as_weight, with_int_classes
from .backend import core
from .inputs import as_inputs
from .metrics import Metric, measure
from .model import MLP
from .targets import as_target, has_missing


class Rows(NamedTuple):
    """Inputs (rows, features), targets, and weights (rows,) or None, as the cores take them."""

    inputs: Array
    target: Array
    weight: Array | None = None

    def part(self, which: Array | slice) -> Rows:
        """Return some of the rows."""
        return Rows(*(None if array is None else array[which] for array in self))  # type: ignore[arg-type]


class Objective(NamedTuple):
    """What is minimised: the loss and the weights of the outputs, as the cores take them."""

    loss: Any
    output_weights: tuple[float, ...] | None = None


def as_rows(
    X: Any, y: Any, network: Network, objective: Objective, X_name: str = "X", y_name: str = "y",
    sample_weight: Any = None, class_weight: Any = None, weight_name: str = "sample_weight", may_be_idle: bool = False
) -> Rows:  # fmt: skip
    """Return X and y as the cores take them: at least one row, finite, of the dtype of the network; y may have NaN.

    Some target must count, unless ``may_be_idle``: be there, and have a weight that is not 0.

    Raises
    ------
    ValueError, TypeError
        If they do not fit the network, the loss or each other; the message has the names given here.
    """
    inputs = as_inputs(X, network, X_name)
    check_rows(inputs, X_name)
    kind = loss_rule(objective.loss).kind
    target = as_target(
        y, network.n_out, network.dtype, kind, y_name, len(inputs), missing=True, may_be_idle=may_be_idle
    )
    class_weight = with_int_classes(class_weight, y)
    weight = as_weight(sample_weight, class_weight, target, network.dtype, kind, weight_name, may_be_idle)
    if not may_be_idle:
        _check_something_counts(target, weight, objective.output_weights, y_name, weight_name)
    return Rows(inputs, target, weight)


def _check_something_counts(
    target: Array, weight: Array | None, output_weights: tuple[float, ...] | None, y_name: str, weight_name: str
) -> None:  # fmt: skip
    if not counts(Rows(np.empty(0), target, weight), output_weights):
        factors = {weight_name: weight, "output_weights": output_weights}
        zeros = [name for name, factor in factors.items() if factor is not None and not np.all(factor)]
        raise ValueError(
            f"{' times '.join(zeros)} is 0 wherever {y_name} is not NaN: there is nothing to learn from"
        )


def counts(rows: Rows, output_weights: tuple[float, ...] | None) -> bool:
    """Return whether some target is there and has a weight that is not 0."""
    target, weight = rows.target, rows.weight
    if weight is not None and not weight.any():
        return False
    if not has_missing(target):
        return True
    counted = ~np.isnan(target)
    if weight is not None:
        counted[weight == 0] = False
    if output_weights is not None:
        counted[:, np.array(output_weights) == 0] = False
    return bool(counted.any())


class Evaluation:
    """The loss and the metrics of the prediction for some rows, to be measured as often as parameters change in place.

    The arguments are checked when it is made. The metrics leave rows out where a target is missing, and know no weights.
    """

    def __init__(self, model: MLP, rows: Rows, objective: Objective) -> None:
        network, name = model.network, model.network.output_activation
        self._network, self._name = without_output_activation(network), name
        forward = check_forward(self._network, model.weights, model.biases, rows.inputs, None, None)
        self._forward, Z = forward[:3], forward[3]
        self._loss = check_loss_and_gradient(
            objective.loss, Z, rows.target, name, rows.weight, objective.output_weights
        )[1:]

    def is_of(self, model: MLP) -> bool:
        """Return whether the model still has the arrays of parameters that it had."""
        return are_same(self._forward[0], model.weights) and are_same(self._forward[1], model.biases)

    def to_collect(self, loss: bool, accuracy: bool) -> MeasuredRows:
        """Return the rows for a call that measures their loss, or their accuracy (with `classes`), after each epoch."""
        target, _, weight, _ = self._loss
        classes = self.classes if accuracy else None
        return MeasuredRows(
            self._forward[2], target, weight, [] if loss else None, classes, None if classes is None else []
        )

    @cached_property
    def classes(self) -> Array | None:
        """The class of each row, as the metric `accuracy` has it of the target; None where that needs more than these."""
        target, rule, *_ = self._loss
        if rule.kind == "hinge" or has_missing(target) or has_several_labels(target):
            return None
        if target.ndim == 2 and target.shape[1] == 1:
            return target[:, 0].astype(np.int64) if ((target == 0) | (target == 1)).all() else None
        if target.ndim == 2:
            return None if ((target < 0) | (target > 1)).any() else target.argmax(axis=1)
        return np.ascontiguousarray(target)

    def measure(self, metrics: Mapping[str, Metric], n_threads: int | None) -> dict[str, float]:
        """Return the loss and the metrics."""
        active, (weights, biases, X), (target, rule, *_) = core(), self._forward, self._loss
        Z = np.empty((len(X), self._network.n_out), X.dtype)
        active.forward_checked(self._network, weights, biases, X, Z, n_threads)
        value: float = active.loss_checked(self._name, Z, *self._loss)[0]
        if not metrics:
            return {"loss": value}
        A = active.activation(self._name, Z, out=Z)
        if has_missing(target):
            whole = np.isfinite(target).all(axis=1)
            if not whole.any():
                raise ValueError("no row has all of its targets, as metrics need; leave them away")
            A, target = A[whole], target[whole]
        if rule.kind == "hinge" and (A.shape[1] == 1 or has_several_labels(target)):
            A = (A + 1) / 2  # yes is above 0 there, 0.5 for metrics
        return {"loss": value, **measure(metrics, target, A)}


def are_same(first: Sequence[object], second: object) -> bool:
    """Return whether the second is a list of the same objects."""
    return isinstance(second, list) and len(first) == len(second) and all(map(is_, first, second))

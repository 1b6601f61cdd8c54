"""What a loss is, as numbers that both cores take; and their checks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from ._checks_values import check_choice, check_real, check_sequence, count, describe, has_masked
from ._network import ACTIVATIONS, Array

LOSSES = (
    "half_squared_error", "mean_squared_error", "mean_absolute_error", "huber", "log_cosh", "quantile", "poisson",
    "cross_entropy", "binary_cross_entropy", "hinge"
)  # fmt: skip
SUMS_OVER_OUTPUTS = ("half_squared_error", "cross_entropy", "binary_cross_entropy", "hinge")
"""The others are averaged over the outputs."""
OF_QUANTITIES = ("mean_absolute_error", "huber", "log_cosh", "quantile")
NEEDS_OUTPUT = {
    "cross_entropy": ("softmax",),
    "binary_cross_entropy": ("sigmoid",),
    "poisson": ("exponential",),
    "hinge": ("identity", "tanh"),
}
"""The output activations that a loss is made for, where not any will do."""
CUSTOM = "custom"
"""The kind of a loss that is a function of the user's."""

LossFunction = Callable[[Array, Array], Any]

ATTRIBUTES = {
    "huber": ("delta",),
    "quantile": ("levels",),
    "cross_entropy": ("label_smoothing", "margin"),
    "binary_cross_entropy": ("label_smoothing", "margin"),
}
"""What a loss of this kind may have as attributes, to be something else than the default."""

STEP_HAS_NO_GRADIENT = "the derivative of step is zero, so nothing can be learned through it"


class LossRule(NamedTuple):
    """A loss: its kind and its numbers; those that its kind has no use for stay as they are here."""

    kind: str
    delta: float = 1.0
    label_smoothing: float = 0.0
    levels: tuple[float, ...] = (0.5,)
    function: LossFunction | None = None
    margin: float = 0.0
    """Probabilities nearer to 0 or 1 than this are taken to be so far away, in the value of a cross-entropy; 0: as they are."""


def check_loss_number(value: Any, name: str) -> Any:
    """Return one number of a loss, or its levels, as plain Python numbers."""
    if name == "delta":
        delta = check_real(value, name, 0.0)
        if delta == 0:
            raise ValueError(f"delta must be greater than 0, but it is {delta}")
        return delta
    if name == "label_smoothing":
        return check_real(value, name, 0.0, 1.0)
    if name == "margin":
        return check_real(value, name, 0.0, 0.5)
    if isinstance(value, np.ndarray) and value.ndim == 0:
        value = value[()]
    one = not isinstance(value, (list, tuple, np.ndarray))
    given = (value,) if one else tuple(value)
    if not given:
        raise ValueError("levels must have at least 1 entry, but it has 0 entries")
    return tuple(_check_level(v, name if one else f"levels[{i}]") for i, v in enumerate(given))


def _check_level(value: Any, name: str) -> float:
    try:
        level = check_real(value, name, 0.0, 1.0)
    except ValueError:
        level = 0.0
    if level == 0:
        raise ValueError(
            f"{name} must be greater than 0 and less than 1, but it is {value}; it is the share of the targets that lie "
            "below the prediction: 0.5 for the median"
        )
    return level


def loss_rule(loss: Any) -> LossRule:
    """Return what a loss is, given as a name, as an object with its kind and numbers, or as a function."""
    kind = getattr(loss, "kind", None)
    if not isinstance(loss, (str, type)) and isinstance(kind, str) and kind in LOSSES:
        numbers = {
            name: check_loss_number(getattr(loss, name), name)
            for name in ATTRIBUTES.get(kind, ())
            if hasattr(loss, name)
        }
        return LossRule(kind, **numbers)
    if isinstance(loss, type):
        raise TypeError(
            f"loss must be a name, an object or a function, but it is the class {loss.__name__}; call it"
        )
    if callable(loss):
        return LossRule(CUSTOM, function=loss)
    return LossRule(check_choice(loss, "loss", LOSSES))


def check_loss(loss: Any, output_activation: Any, n_out: int | None = None) -> LossRule:
    """Return the loss, which must fit the activation of the output layer and, if it is known, the number of outputs."""
    rule = loss_rule(loss)
    check_choice(output_activation, "output_activation", ACTIVATIONS)
    needed = NEEDS_OUTPUT.get(rule.kind, (output_activation,))
    if output_activation not in needed:
        raise ValueError(
            f"loss {rule.kind} needs output_activation {' or '.join(needed)}, but it is {output_activation}"
        )
    if output_activation == "softmax" and rule.kind in OF_QUANTITIES:
        raise ValueError(
            f"loss {rule.kind} is for quantities, but output_activation softmax gives probabilities of classes; use "
            "cross_entropy, or output_activation identity"
        )
    if output_activation == "step":
        raise ValueError(f"output_activation is step, but {STEP_HAS_NO_GRADIENT}")
    if rule.kind == "quantile" and n_out is not None and len(rule.levels) not in (1, n_out):
        raise ValueError(
            f"levels has {count(len(rule.levels), 'entry')}, but the number of outputs is {n_out}; a quantile loss has one "
            "level for each output, or one for all"
        )
    return rule


def check_output_weights(
    output_weights: Any, rule: LossRule, n_out: int | None = None
) -> tuple[float, ...] | None:
    """Return the weights of the outputs, which must fit the loss and, if it is known, the number of outputs."""
    if output_weights is None:
        return None
    if isinstance(output_weights, np.ndarray) and output_weights.ndim == 1:
        output_weights = tuple(output_weights)
    given = check_sequence(output_weights, "output_weights")
    weights = tuple(check_real(w, f"output_weights[{i}]", 0.0) for i, w in enumerate(given))
    if n_out is not None and len(weights) != n_out:
        entries = count(len(weights), "entry")
        raise ValueError(f"output_weights has {entries}, but the number of outputs is {n_out}")
    if not any(weights):
        raise ValueError("output_weights must have an entry greater than 0, but all are 0")
    if rule.kind == "cross_entropy":
        raise ValueError(
            "output_weights cannot be combined with loss cross_entropy, whose outputs are one distribution; use "
            "class_weight or sample_weight"
        )
    if rule.kind == CUSTOM:
        raise ValueError("output_weights cannot be combined with a loss of your own; weigh the outputs in it")
    return weights


def call_loss(function: LossFunction, prediction: Array, target: Array) -> tuple[float, Array]:
    """Return what a loss of the user's returns, the gradient in the dtype of the prediction, checked.

    Raises
    ------
    TypeError, ValueError
        If that is not a number and an array of the prediction's shape.
    """
    shape, dtype = prediction.shape, prediction.dtype  # the function may do to the array what it likes
    with np.errstate(all="ignore"):
        found = function(prediction, target)
        if not isinstance(found, (tuple, list)) or len(found) != 2:
            raise TypeError(f"loss must return (value, gradient), but it returned {describe(found)}")
        for part, name in zip(found, ("value", "gradient"), strict=True):
            if has_masked(part):
                raise TypeError(
                    f"the {name} that loss returned is a masked array with masked entries; fill them"
                )
        try:
            value, gradient = np.asarray(found[0]), np.asarray(found[1])
        except ValueError as error:
            raise ValueError(f"what loss returned cannot be made arrays: {error}") from error
        if value.shape != () or value.dtype.kind not in "fiu":
            raise TypeError(
                f"the value that loss returned must be a real number, but it is {describe(found[0])}"
            )
        if gradient.dtype.kind not in "fiu":
            raise TypeError(
                f"the gradient that loss returned must hold real numbers, but it is {describe(found[1])}"
            )
        if gradient.shape != shape:
            raise ValueError(
                f"the gradient that loss returned has shape {gradient.shape}, but the prediction's is {shape}"
            )
        return float(value), np.array(gradient, dtype, order="C")

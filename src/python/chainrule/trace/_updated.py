"""The update of a traced step, recomputed by the reference core, with how far two cores may be apart in it."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from chainrule._network import Array
from chainrule._rules import NO_LIMIT, Rule
from chainrule.reference import further_rules, mathematics

from ._bounds import eps_of, smallest_of
from ._layer import TracedLayer
from ._step import TracedStep

_STEPS = 32
"""An update has at most so many roundings, of numbers no larger than the terms it adds."""

Checked = tuple[str, int, Array, Array, Array]
"""A quantity: its name, its layer, as it was found, as the reference core has it, and the bound of the difference."""


def updated(step: TracedStep) -> Iterator[Checked]:
    """Yield what the update of a step made of each array."""
    layers = step.layers
    has_bias = layers[0].b is not None
    dWs, dbs = [layer.dL_dW for layer in layers], [layer.dL_db for layer in layers if layer.dL_db is not None]
    frozen = [number - 1 for number in step.frozen]
    dWs, dbs = further_rules.without_frozen(dWs, dbs, frozen)
    names = ["W", "b"] if has_bias else ["W"]
    before, after = ("", "previous_velocity_", "previous_square_"), ("new_", "velocity_", "square_")
    old = [_or_zeros(layer, part, which) for part in before for which in names for layer in layers]
    found = [getattr(layer, part + which) for part in after for which in names for layer in layers]
    where = [(part + which, layer.number) for part in after for which in names for layer in layers]
    new = [np.empty_like(array) for array in old]
    with np.errstate(all="ignore"):
        mathematics.update(old, new, dWs, dbs, step.rule, step.update, frozen)
    m = len(dWs) + len(dbs)
    clipped = further_rules.clip([*dWs, *dbs], step.rule)
    for i, ((name, number), actual, expected) in enumerate(zip(where, found, new, strict=True)):
        if actual is None:
            continue
        k = i % m
        rule = step.rule if k < len(dWs) else step.rule.for_biases()
        bounds = _bounds(rule, step.update, old[k::m], clipped[k], new[2 * m + k])
        yield name, number, actual, expected, bounds[i // m]


def _or_zeros(layer: TracedLayer, part: str, which: str) -> Array:
    """Return an array of a layer; zeros where the optimizer has no use for it."""
    array = getattr(layer, part + which)
    return np.zeros_like(getattr(layer, which)) if array is None else np.asarray(array)


def _bounds(rule: Rule, t: int, old: list[Array], g: Array, square: Array) -> tuple[Array, Array, Array]:
    """Return the bounds of the new parameter and of what is remembered of it, first and second.

    `square` is the second after the step. Terms count by their absolute values, as they may cancel; an error of what stands
    under a root counts by its share of that.
    """
    w, first, second = (np.abs(array).astype(np.float64) for array in old)
    unit, tiny = _STEPS * eps_of(g), smallest_of(g)
    if rule.clip_norm != NO_LIMIT:
        unit *= 1 + np.sqrt(g.size) / _STEPS  # the length is a sum of many squares
    size = np.abs(g).astype(np.float64) + (0 if rule.decoupled else rule.weight_decay) * w + rule.l1
    rate, velocity, squares = rule.learning_rate, first, second
    if rule.kind == "sgd":
        velocity = rule.momentum * first + rate * size
        change = 2 * velocity
    elif rule.kind == "rprop":
        velocity, squares = size, np.maximum(rule.eta_plus * second, rate)
        change = squares
    else:
        decay = 1.0 if rule.kind == "adagrad" else rule.beta2
        squares = decay * second + (1.0 if rule.kind == "adagrad" else 1 - decay) * size * size
        after = np.asarray(square, np.float64)
        largest = 1 + squares / np.maximum(after, tiny)
        if rule.kind == "adam":
            velocity = rule.beta1 * first + (1 - rule.beta1) * size
            root = np.sqrt(after / (1 - rule.beta2**t)) + rule.epsilon
            change = rate * velocity / (1 - rule.beta1**t) / root * largest + rate * rule.weight_decay * w
        else:
            moved = size / (np.sqrt(after) + rule.epsilon) * largest
            velocity = rule.momentum * first + moved
            change = rate * velocity if rule.kind == "rmsprop" else rate * moved
    bounds = [unit * np.asarray(each) + tiny for each in (w + change, velocity, squares)]
    return bounds[0], bounds[1], bounds[2]

"""Which units of a network a page shows: all, or those of each layer that matter most."""

from __future__ import annotations

import math

import numpy as np

from chainrule._network import Array

from ._given import Given

MOST_UNITS = 12
"""Of a layer, the inputs and the outputs included."""
MOST_WEIGHTS = 1500
"""A network of many layers shows fewer units of each, so that there are no more lines than this: a line takes 0.6 kB of the page."""


def most_units(n_layers: int) -> int:
    """Return how many units of a layer are shown in a network of so many layers of weights: at least 3."""
    return max(3, min(MOST_UNITS, math.isqrt(MOST_WEIGHTS // n_layers)))


def shown_units(given: Given) -> list[list[int]]:
    """Return the numbers of the units that are shown of the inputs and of each layer, in order.

    Where there are more than `most_units`: of the traced update, those with the greatest norm of the gradients of the weights
    beside them; without one, with the greatest norm of the weights.
    """
    arrays = given.model.weights if given.step is None else [layer.dL_dW for layer in given.step.layers]
    with np.errstate(over="ignore"):  # infinite ones are the greatest, too
        squares = [np.nan_to_num(array.astype(np.float64)) ** 2 for array in arrays]
    chosen = []
    for level, size in enumerate(given.network.layer_sizes):
        importance = np.zeros(size)
        if level < len(squares):
            importance += squares[level].sum(axis=1)
        if level > 0:
            importance += squares[level - 1].sum(axis=0)
        chosen.append(_greatest(importance, most_units(given.network.n_layers)))
    return chosen


def _greatest(importance: Array, most: int) -> list[int]:
    order: list[int] = np.argsort(-importance, kind="stable")[:most].tolist()
    return sorted(order)


def unit_names(given: Given, units: list[list[int]]) -> list[list[str]]:
    """Return what the shown units are called: columns, ``a1[0]``, ..., classes or the target."""
    names = [[given.words.inputs[i] for i in units[0]]]
    names += [[f"a{level}[{i}]" for i in units[level]] for level in range(1, len(units) - 1)]
    names.append([given.words.outputs[i] for i in units[-1]])
    return names

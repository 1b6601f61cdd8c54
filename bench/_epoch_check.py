"""How far parameters after a few steps may be from those of the float64 reference.

Distances are Euclidean norms over an array, relative to how far the array has moved since the start, so that a wrong
learning step shows whatever its size. A result may differ by

- storing: each step rounds each parameter, twice with the product before it: ``2 u sqrt(steps)`` of its norm;
- computing: a gradient comes out of up to a dozen chains of n multiply-adds and some `ELEMENTWISE` roundings more;
  roundings are independent, so each chain adds ``u sqrt(n)`` of its partial sums, which can be a few times the
  result: `CHAINS` times that in all;
- choosing: where a weighted sum is within rounding of 0, relu may take the other side, and one unit loses or gains one
  row: about ``1 / sqrt(batch units)`` of a gradient's norm, `FLIPS` of that for each root of their number, as they too
  are independent.

A bias or a momentum forgotten is off by 1 or more, one row of a batch lost by ``1 / sqrt(batch)``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from _works import Array, Work

CHAINS = 32
ELEMENTWISE = 16
FLIPS = 2


class Distance(NamedTuple):
    """The relative distance of the array that comes closest to its bound, and that bound."""

    distance: float
    bound: float

    @property
    def right(self) -> bool:
        """Whether the bound holds; not if something is not a number."""
        return self.distance <= self.bound


def largest_distance(
    answer: Sequence[Array],
    before: Sequence[Array],
    after: Sequence[Array],
    undecided: int,
    work: Work,
    dtype: str,
) -> Distance:
    """Return how far an answer is from the truth."""
    u, steps, hidden = float(np.finfo(dtype).eps) / 2, work.checked_steps, work.layer_sizes[1:-1]
    chain = u * np.sqrt(max(*work.layer_sizes, work.batch) + ELEMENTWISE)
    flips = FLIPS * np.sqrt(undecided / (work.batch * min(hidden)))
    worst, share = Distance(0.0, 0.0), -1.0
    if [array.shape for array in answer] != [array.shape for array in after]:
        return Distance(np.inf, 0.0)
    for found, first, last in zip(answer, before, after, strict=True):
        moved = float(np.linalg.norm(last - first))
        bound = CHAINS * chain + flips + 2 * u * np.sqrt(steps) * float(np.linalg.norm(last)) / moved
        distance = float(np.linalg.norm(found.astype(np.float64) - last)) / moved
        if np.isnan(distance):  # which no comparison with a later array may replace
            return Distance(np.inf, bound)
        if distance / bound > share:
            worst, share = Distance(distance, bound), distance / bound
    return worst

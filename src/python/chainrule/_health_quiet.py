"""Which hidden units have been 0 for so long that they count as dead."""

from __future__ import annotations

from itertools import accumulate

import numpy as np

from ._network import Array

QUIET_ROWS, FEW_QUIET_ROWS = 128, 32
"""A unit that was 0 in so many rows that were looked at, one after the other, is counted as quiet. One that is active in 4 % of
the rows is taken for quiet in 0.5 % of cases: 0.96^128. With 512 rows, healthy fits came to the same shares of quiet units,
and short ones could not be judged. Where two measured epochs have fewer, theirs will do, as with short epochs 128 rows would go
back too far; but no less than the second number (0.96^32 is 27 %, but a finding needs 80 % of a layer's units), or twice all rows there are."""


class QuietUnits:
    """Counts for how many rows that were looked at each hidden unit has been 0.

    Parameters
    ----------
    widths : tuple of int
        Of the hidden layers.
    before : tuple of float, optional
        The shares of quiet units that were found before the first of these rows, in a fit that this one goes on with.

    Attributes
    ----------
    rows : ndarray, shape (hidden units,)
        The cores count here.
    """

    def __init__(self, widths: tuple[int, ...], before: tuple[float, ...] | None = None) -> None:
        self.rows = np.zeros(sum(widths), np.int64)
        self._widths, self._before = widths, before

    def since(self, rows: int) -> tuple[float, ...]:
        """Return for each layer the share of units that were 0 in all of the last rows, so many."""
        return shares(self.rows >= rows, self._widths)

    def shares(self, looked_at: int, needed: int) -> tuple[float, ...]:
        """Return for each layer the share of quiet units: 0 in as many rows as are needed, where so many were looked at.

        Else those that were quiet before, but for units that no longer are.
        """
        if self._before is None or looked_at >= needed:
            return self.since(needed)
        return tuple(map(min, self._before, self.since(looked_at)))


def needed_rows(in_epoch: int, looked_at: int) -> int:
    """Return in how many rows a unit must be 0, where of an epoch with so many rows so many are looked at; 0: not known."""
    if not (in_epoch and looked_at):
        return QUIET_ROWS
    return min(QUIET_ROWS, max(2 * looked_at, min(FEW_QUIET_ROWS, 2 * in_epoch)))


def shares(chosen: Array, widths: tuple[int, ...]) -> tuple[float, ...]:
    """Return for each layer the share of its units that are chosen."""
    ends = accumulate(widths)
    return tuple(
        int(np.count_nonzero(chosen[end - n : end])) / n for n, end in zip(widths, ends, strict=True)
    )

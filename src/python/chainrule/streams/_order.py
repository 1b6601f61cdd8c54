"""In which order rows come, and how pieces of rows become pieces of one size."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from chainrule._network import Array
from chainrule.backend import core

Piece = tuple[Array, ...]
"""Some rows: X, and y where there is one."""

_ROWS, _WINDOWS = 6 << 24, 7 << 24
"""Streams of random words, beside those of `reference.random_numbers`."""


def order_in_window(n: int, seed: int, epoch: int, window: int) -> Array:
    """Return the order of the ``n`` rows of a window in an epoch, by the rank of one random word each."""
    words = core().random_words(n, seed=seed, stream=_ROWS, step=(epoch << 32) + window)
    return np.argsort(words, kind="stable")


def order_of_windows(n: int, seed: int, epoch: int) -> Array:
    """Return the order of ``n`` windows in an epoch."""
    return np.argsort(core().random_words(n, seed=seed, stream=_WINDOWS, step=epoch), kind="stable")


def regroup(pieces: Iterable[Piece], size: int) -> Iterator[Piece]:
    """Yield the same rows in the same order in pieces of ``size`` rows; the last may be smaller."""
    held: list[Piece] = []
    count = 0
    for piece in pieces:
        rest = piece
        while count + len(rest[0]) >= size:
            cut = size - count
            held.append(_part(rest, slice(0, cut)))
            rest, count = _part(rest, slice(cut, None)), 0
            held = [_joined(held)]
            yield held.pop()  # so that it is held nowhere else
        if len(rest[0]):
            held.append(rest)
            count += len(rest[0])
    if held:
        yield _joined(held)


def shuffled(window: Piece, order: Array | None, size: int) -> Iterator[Piece]:
    """Yield copies of the rows of a window in an order, ``size`` rows at a time; None is the order they have."""
    rows = len(window[0])
    for start in range(0, rows, size):
        if order is None:
            yield tuple(array[start : start + size].copy() for array in window)
        else:
            yield _part(window, order[start : start + size])


def _part(piece: Piece, which: slice | Array) -> Piece:
    return tuple(array[which] for array in piece)


def _joined(pieces: list[Piece]) -> Piece:
    if len(pieces) == 1:
        return pieces[0]
    return tuple(np.concatenate(arrays) for arrays in zip(*pieces, strict=True))

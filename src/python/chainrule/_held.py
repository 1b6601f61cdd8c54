"""What a call holds while other people's Python code runs in its middle: a loss, a poll, a schedule."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any
from weakref import ReferenceType, ref

import numpy as np

from ._network import Array

_claimed: dict[int, int] = {}
"""The claim of each parameters, known by the address of the first weights, whichever trainer and core they come from."""


if hasattr(os, "register_at_fork"):
    # A child has none of the threads that train; it may train what they did.
    os.register_at_fork(after_in_child=_claimed.clear)


class Claim:
    """Says, as long as it lasts, that a call trains these parameters: two would write over each other, and lose counts.

    Raises
    ------
    RuntimeError
        If another call trains them.
    """

    _key = 0

    def __init__(self, weights: Sequence[Array]) -> None:
        self._key = int(weights[0].__array_interface__["data"][0])
        if _claimed.setdefault(self._key, id(self)) != id(self):
            raise RuntimeError("these parameters are being trained by another call")

    def __enter__(self) -> None:
        pass

    def __exit__(self, *_: object) -> None:
        self._release()

    def __del__(self) -> None:  # where Ctrl-C came before the block
        self._release()

    def _release(self) -> None:
        if _claimed.get(self._key) == id(self):
            del _claimed[self._key]


def pins(*arrays: Array | None) -> list[ReferenceType[Any]]:
    """Return what keeps arrays, and those that own their memory, where they are as long as it is kept.

    An array may be resized in place, which moves it, even while others use its memory (``refcheck=False``); but not one
    that has a weak reference: NumPy raises ValueError then.
    """
    found: list[ReferenceType[Any]] = []
    for array in arrays:
        owner: Any = array
        while isinstance(owner, np.ndarray):
            found.append(ref(owner))
            owner = owner.base
    return found


def guarded(function: Callable[..., Any], arrays: Sequence[Array]) -> Callable[..., Any]:
    """Return the function, after whose calls the arrays are what they were before, whatever it writes into them."""
    views = [array[...] for array in arrays]  # whose shapes nobody changes

    def call(*arguments: Any) -> Any:
        before = [view.copy() for view in views]
        try:
            return function(*arguments)
        finally:
            for view, values in zip(views, before, strict=True):
                np.copyto(view, values)

    return call

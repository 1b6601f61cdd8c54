"""How many threads there are for this library, and a limit on those that one of several fits side by side may use."""

from __future__ import annotations

import os
from contextvars import ContextVar

_most: ContextVar[int | None] = ContextVar("chainrule_most_threads", default=None)


def limit_threads(most: int) -> None:
    """Let no call from this context use more than so many threads, whatever its ``n_threads`` says."""
    _most.set(most)


def allowed_threads(n_threads: int | None) -> int:
    """Return ``n_threads`` within the limit of this context; 0 where neither says anything and the choice is the core's."""
    most = _most.get()
    if most is None:
        return n_threads or 0
    return most if n_threads is None else min(n_threads, most)


def usable_threads() -> int:
    """Return how many threads a call from here uses at most where the user names no number.

    That is ``OMP_NUM_THREADS`` if it is set, else what OpenMP, the affinity and the control group allow, as the compiled core
    finds it; where that is missing, the environment and the affinity are asked.
    """
    try:
        from . import _core
    except ImportError:
        found = _without_core()
    else:
        found = _core.resolve_threads(0, 1e300)
    most = _most.get()
    return found if most is None else min(found, most)


def _without_core() -> int:
    affinity = getattr(os, "sched_getaffinity", None)
    usable = (os.cpu_count() or 1) if affinity is None else len(affinity(0))
    wanted = os.environ.get("OMP_NUM_THREADS", "").partition(",")[0].strip()
    return min(usable, int(wanted)) if wanted.isdecimal() and int(wanted) > 0 else usable

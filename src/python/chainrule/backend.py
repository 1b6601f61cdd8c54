"""Which core computes: the compiled one (``"native"``, the default) or the readable one (``"reference"``).

The choice is looked up at every call. It is, in this order: that of the innermost ``with backend(...)`` block,
that of the last `set_backend`, that of the environment variable ``CHAINRULE_BACKEND`` (read at the first use), or
native. There is no silent fall-back: where the native core is missing, its use is an error that says what to do.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from ._checks_values import check_choice

BACKENDS = ("native", "reference")
VARIABLE = "CHAINRULE_BACKEND"

_block: ContextVar[str | None] = ContextVar("chainrule_backend", default=None)
_chosen: str | None = None
_cores: dict[str, Any] = {}


def set_backend(name: str) -> None:
    """Choose the core for the whole process, all threads included; it may be changed at any time.

    Inside a ``with backend(...)`` block the block's choice goes on to hold there.

    Parameters
    ----------
    name : "native" or "reference"

    Raises
    ------
    ValueError, TypeError
        If there is no core of that name.
    ImportError
        If the compiled core is not there; the choice is then as before.
    """
    global _chosen
    _load(check_choice(name, "name", BACKENDS))
    _chosen = name


def get_backend() -> str:
    """Return the name of the core that the next call from here will use.

    Raises
    ------
    ValueError
        If the environment variable ``CHAINRULE_BACKEND`` holds another name.
    """
    global _chosen
    name = _block.get() or _chosen
    if name is None:
        name = _chosen = check_choice(os.environ.get(VARIABLE, "native"), VARIABLE, BACKENDS)
    return name


@contextmanager
def backend(name: str) -> Iterator[None]:
    """Use another core inside a ``with`` block, in this thread (or asynchronous task) only.

    Parameters
    ----------
    name : "native" or "reference"

    Raises
    ------
    ValueError, TypeError
        If there is no core of that name.
    ImportError
        If the compiled core is not there.

    Examples
    --------
    >>> import chainrule as cr
    >>> with cr.backend("reference"):
    ...     cr.get_backend()
    'reference'
    """
    _load(check_choice(name, "name", BACKENDS))
    token = _block.set(name)
    try:
        yield
    finally:
        _block.reset(token)


def core() -> Any:
    """Return the module of the core in use: `chainrule.native` or `chainrule.reference`.

    Raises
    ------
    ImportError
        If that is the native core and it is not there.
    """
    return _load(get_backend())


def _load(name: str) -> Any:
    if name not in _cores:
        # Each is imported when it is first asked for; that of the native core raises if the compiled part is missing.
        if name == "reference":
            from . import reference as module
        else:
            from . import native as module  # type: ignore[no-redef]
        _cores[name] = module
    return _cores[name]

"""What this chainrule is made of and runs on."""

from __future__ import annotations

from typing import Any

import numpy as np

from ._version import __version__
from .backend import get_backend


class Config(dict[str, Any]):
    """A dict that reads as a table when it is printed."""

    def __str__(self) -> str:
        width = max(map(len, self))
        return "\n".join(f"{name.replace('_', ' '):{width}}  {_text(value)}" for name, value in self.items())

    __repr__ = __str__


def show_config() -> Config:
    """Return version, core in use, compiler, instruction set, threads and OpenMP runtime; made to be printed.

    Returns
    -------
    dict
        Keys ``version``, ``backend`` and ``numpy``; with the native core also what it says of itself: ``compiler``,
        ``sanitizers`` (built in, mostly none), ``instruction_set`` (in use), ``available_instruction_sets``,
        ``openmp``, ``threads``. Without it, ``native_core`` says that and why it cannot be loaded.

    Raises
    ------
    ValueError
        If the environment variable ``CHAINRULE_BACKEND`` holds no name of a core.
    """
    config = Config(version=__version__, backend=get_backend(), numpy=np.__version__)
    try:
        from . import _core
    except ImportError as error:
        config["native_core"] = f"missing: {error}"
    else:
        config.update({name: value for name, value in _core.config().items() if name not in config})
    return config


def _text(value: Any) -> str:
    text = ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)
    return text or "none"

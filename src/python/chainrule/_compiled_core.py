"""The compiled core, of the version of the Python files; an ImportError says what to do where it cannot be had."""

from __future__ import annotations

from ._version import __version__

try:
    from . import _core
except ImportError as error:
    if "CHAINRULE_FORCE_ISA" in str(error):
        raise
    raise ImportError(
        f"the compiled core chainrule._core cannot be loaded ({error}); install chainrule with pip from a wheel or "
        "from its source tree, or choose the pure NumPy core with CHAINRULE_BACKEND=reference"
    ) from error

if _core.__version__ != __version__:
    raise ImportError(
        f"the compiled core is version {_core.__version__}, but the Python files are {__version__}; install again"
    )

__all__ = ["_core"]

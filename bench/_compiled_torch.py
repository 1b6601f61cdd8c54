"""What every benchmark of `torch.compile` needs: no cache of an earlier run, and a reason where it does not run."""

from __future__ import annotations

import os
import tempfile
import warnings
from typing import Any

from _workers import Unavailable


def without_cache() -> Any:
    """Set the cache of `torch.compile` to an empty folder, before PyTorch is imported; return what keeps it alive.

    What an earlier run compiled would make the time of this run's compiling a lie.
    """
    folder = tempfile.TemporaryDirectory()
    os.environ |= {
        "TORCHINDUCTOR_CACHE_DIR": folder.name,
        "TORCHINDUCTOR_FORCE_DISABLE_CACHES": "1",
        "TORCHINDUCTOR_COMPILE_THREADS": "1",  # no processes beside this one
    }
    return folder


def must_compile(torch: Any) -> None:
    """Compile a small function.

    Raises
    ------
    Unavailable
        If that fails: there may be no C++ compiler, or the Python is one that PyTorch does not know yet.
    """
    warnings.filterwarnings("ignore", message="dynamo_pgo force disabled")  # as was asked for
    try:
        torch.compile(lambda x: x.exp() + 1)(torch.ones(100))
    except Exception as error:  # noqa: BLE001 (whatever it is, compiled code cannot take part)
        reason = next(iter(str(error).strip().splitlines()), type(error).__name__)
        raise Unavailable(f"torch.compile does not run here: {reason}") from None

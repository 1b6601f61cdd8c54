"""Python code in a process of its own, for what must not happen to the process of the tests."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

TESTS = Path(__file__).parent


def run_python(code: str, *, timeout: float = 300, **environment: str) -> str:
    """Run code that may import the helpers of this folder; return what it printed.

    It must end by itself in time, without an error and without a word on stderr. Children it leaves behind when it
    hangs are killed with it.
    """
    code = f"import faulthandler\nfaulthandler.dump_traceback_later({timeout - 10}, exit=True)\n{code}"  # where it hung
    path = os.pathsep.join([str(TESTS), *os.environ.get("PYTHONPATH", "").split(os.pathsep)]).rstrip(
        os.pathsep
    )
    process = subprocess.Popen(
        [sys.executable, "-W", "ignore::DeprecationWarning", "-c", code],  # Python 3.12 on: of forks beside threads
        env={**os.environ, "CHAINRULE_BACKEND": "native", **environment, "PYTHONPATH": path},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    try:
        out, err = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, 9)
        out, err = process.communicate()
        raise AssertionError(f"hung for {timeout} s after it printed {out!r} and {err!r}") from None
    assert (process.returncode, err) == (0, ""), f"ended with {process.returncode}: {out}{err}"
    return out

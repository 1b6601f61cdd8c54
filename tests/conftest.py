"""What all tests share: each runs on both cores, and where it matters in both dtypes."""

from __future__ import annotations

import importlib
import os
import signal
from collections.abc import Iterator
from types import ModuleType

import chainrule
import pytest
from hypothesis import HealthCheck, settings

# A busy machine is no error, and the same code has the same result each time.
settings.register_profile(
    "chainrule", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("chainrule")

# Started in the background by a shell, a process ignores Ctrl-C, and Python then raises no KeyboardInterrupt for it.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def load_core(name: str) -> ModuleType:
    """Return chainrule.native or chainrule.reference; a missing native core fails if it was asked for."""
    if name == "native" and os.environ.get("CHAINRULE_BACKEND") == "reference":
        try:
            importlib.import_module("chainrule._core")
        except ImportError as error:
            pytest.skip(f"CHAINRULE_BACKEND is reference, and the native core cannot be imported: {error}")
    return importlib.import_module(f"chainrule.{name}")


@pytest.fixture(params=["native", "reference"])
def core(request: pytest.FixtureRequest) -> ModuleType:
    """Each of the two cores."""
    return load_core(request.param)


@pytest.fixture(scope="session")
def native() -> ModuleType:
    """The native core, for tests that compare it with the reference or with itself."""
    return load_core("native")


@pytest.fixture
def oversubscribed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let n_threads be obeyed to the letter, beyond the processors and for the smallest work too."""
    monkeypatch.setenv("CHAINRULE_OVERSUBSCRIBE", "1")


@pytest.fixture(params=["float32", "float64"])
def dtype(request: pytest.FixtureRequest) -> str:
    """Each of the two dtypes."""
    return str(request.param)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark as `kernels` what runs on the native core, so that it is run again under each instruction set."""
    for item in items:
        parameters = item.callspec.params if hasattr(item, "callspec") else {}
        native = parameters.get("core") == "native" or "native" in getattr(item, "fixturenames", ())
        if native and not getattr(item.getparent(pytest.Module).obj, "ONE_INSTRUCTION_SET_WILL_DO", False):
            item.add_marker(pytest.mark.kernels)


@pytest.fixture(params=["native", "reference"])
def backend(request: pytest.FixtureRequest) -> Iterator[str]:
    """Each of the two cores as the one the public layer uses; gives its name."""
    load_core(request.param)
    with chainrule.backend(request.param):
        yield str(request.param)

"""Which core computes, and what `import chainrule` costs."""

from __future__ import annotations

import contextvars
import os
import subprocess
import sys
import threading
from typing import Any

import chainrule as cr
import numpy as np
import pytest
from chainrule.backend import core
from conftest import load_core

NO_CORE = "import sys; sys.modules['chainrule._core'] = None\n"


def python(program: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a program in a fresh interpreter, with CHAINRULE_BACKEND unset unless it is given."""
    inherited = {name: value for name, value in os.environ.items() if name != "CHAINRULE_BACKEND"}
    return subprocess.run(
        [sys.executable, "-c", program],
        check=False,
        env={**inherited, **environment},
        capture_output=True,
        text=True,
        timeout=300,
    )


def output(program: str, **environment: str) -> str:
    done = python(program, **environment)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_the_block_says_which_core_runs(backend: str) -> None:
    assert cr.get_backend() == backend
    assert core() is load_core(backend)


def test_blocks_nest_and_end_with_an_error() -> None:
    before = cr.get_backend()
    with cr.backend("reference"):
        with pytest.raises(RuntimeError), cr.backend("reference"):
            raise RuntimeError
        assert cr.get_backend() == "reference"
    assert cr.get_backend() == before


def test_the_outer_block_holds_again_after_the_inner_one() -> None:
    load_core("native")
    with cr.backend("reference"):
        with cr.backend("native"):
            assert core() is cr.native
        assert core() is cr.reference


def test_set_backend_is_for_the_process_and_a_block_for_its_thread() -> None:
    load_core("native")
    found: list[str] = []
    before = cr.get_backend()
    try:
        cr.set_backend("native")
        with cr.backend("reference"):
            for call in (lambda: found.append(cr.get_backend()), lambda: cr.set_backend("native")):
                thread = threading.Thread(target=contextvars.Context().run, args=(call,))
                thread.start()
                thread.join()
            assert cr.get_backend() == "reference"
        assert found == ["native"]
        cr.set_backend("reference")
        assert cr.get_backend() == "reference"
    finally:
        cr.set_backend(before)


@pytest.mark.parametrize("name", ["fast", "", "NATIVE", None, 3, ["native"]])
def test_an_unknown_core_is_refused_and_changes_nothing(name: Any) -> None:
    before = cr.get_backend()
    for choose in (cr.set_backend, lambda name: cr.backend(name).__enter__()):
        with pytest.raises((ValueError, TypeError), match=r"^name must be one of native, reference"):
            choose(name)
    assert cr.get_backend() == before


def test_the_default_is_native() -> None:
    assert output("import chainrule; print(chainrule.get_backend())") == "native"


def test_the_environment_chooses_and_is_read_at_the_first_use() -> None:
    program = (
        "import os, chainrule; os.environ['CHAINRULE_BACKEND'] = 'reference'; print(chainrule.get_backend());"
    )
    program += "os.environ['CHAINRULE_BACKEND'] = 'native'; print(chainrule.get_backend())"
    assert output(program).split() == ["reference", "reference"]
    assert (
        output("import chainrule; print(chainrule.get_backend())", CHAINRULE_BACKEND="reference")
        == "reference"
    )


@pytest.mark.parametrize("use", ["get_backend()", "MLP([1, 1]).predict([[1.0]])", "show_config()"])
def test_an_unknown_name_in_the_environment_is_an_error_at_the_first_use(use: str) -> None:
    done = python(f"import chainrule; print('imported'); chainrule.{use}", CHAINRULE_BACKEND="quick")
    assert done.stdout.strip() == "imported"
    assert "ValueError: CHAINRULE_BACKEND must be one of native, reference, but it is 'quick'" in done.stderr


@pytest.mark.parametrize("use", ["MLP([1, 1]).predict([[1.0]])", "set_backend('native')", "native"])
def test_a_missing_native_core_is_an_error_that_says_what_to_do(use: str) -> None:
    done = python(f"{NO_CORE}import chainrule; print('imported'); chainrule.{use}")
    assert done.stdout.strip() == "imported"
    assert "ImportError" in done.stderr
    assert "CHAINRULE_BACKEND=reference" in done.stderr
    assert "pip" in done.stderr


def test_without_the_native_core_the_reference_does_everything() -> None:
    program = NO_CORE + (
        "import chainrule as cr, chainrule.reference\n"
        "t = cr.Trainer(cr.MLP([2, 3, 1], seed=0), loss='mean_squared_error')\n"
        "t.fit([[0, 1], [1, 0]], [0, 1], epochs=3); print(t.epoch, cr.show_config()['native_core'][:7])"
    )
    assert output(program, CHAINRULE_BACKEND="reference") == "3 missing"
    assert "native core" in output(NO_CORE + "import chainrule; print(chainrule.show_config())")


def test_a_compiled_core_of_another_version_is_refused() -> None:
    load_core("native")
    done = python("import chainrule._version as v; v.__version__ = '9.8.7'; import chainrule.native")
    assert done.returncode == 1
    assert done.stderr.strip().splitlines()[-1] == (
        f"ImportError: the compiled core is version {cr.__version__}, but the Python files are 9.8.7; install again"
    )


def test_the_import_loads_no_core_and_little_else() -> None:
    program = (
        "import numpy, sys; before = set(sys.modules); import chainrule;"
        "print(*sorted(name for name in set(sys.modules) - before if name.split('.')[0] not in ('chainrule', 'numpy')))"
    )
    loaded = set(output(program).split())
    heavy = {
        "importlib.metadata",
        "tempfile",
        "pickletools",
        "hashlib",
        "argparse",
        "json",
        "shutil",
        "logging",
    }
    assert not loaded & heavy
    assert len(loaded) < 12, loaded
    program = "import chainrule, sys; print([m for m in sys.modules if m.startswith('chainrule.')])"
    modules = output(program)
    for name in ("_core", "native", "reference", "datasets", "export", "preprocessing", "streams", "cli"):
        assert f"'chainrule.{name}" not in modules


def test_the_public_names_are_all_there() -> None:
    for name in cr.__all__:
        if name != "native":
            assert getattr(cr, name) is not None
    assert set(cr.__all__) <= set(dir(cr))
    with pytest.raises(AttributeError, match=r"module 'chainrule' has no attribute 'nothing'"):
        cr.nothing  # noqa: B018


def test_show_config_says_what_runs_here() -> None:
    native = load_core("native")
    config = cr.show_config()
    assert config["version"] == cr.__version__
    assert config["backend"] == cr.get_backend()
    assert config["numpy"] == np.__version__
    assert config["instruction_set"] in config["available_instruction_sets"]
    assert config["threads"] >= 1
    assert native.__name__ == "chainrule.native"
    text = str(config)
    for value in (cr.__version__, config["compiler"], config["instruction_set"], config["openmp"]):
        assert str(value) in text
    assert all(line.strip() and not line.endswith(" ") for line in text.splitlines()), "a value is blank"


def test_nothing_is_printed_unless_it_is_asked_for(backend: str, capfd: pytest.CaptureFixture[str]) -> None:
    trainer = cr.Trainer(cr.MLP([2, 1], seed=0), loss="half_squared_error")
    trainer.fit([[0.0, 1.0]], [1.0], epochs=2)
    trainer.evaluate([[0.0, 1.0]], [1.0])
    cr.show_config()
    assert capfd.readouterr() == ("", "")

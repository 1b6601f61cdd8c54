"""What is shipped, and what an import takes with it. The test command names its sdist and wheel by CHAINRULE_DIST_DIR."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
DIST = os.environ.get("CHAINRULE_DIST_DIR")
WHEEL_BYTES = 2_000_000

shipped = pytest.mark.skipif(
    DIST is None, reason="no sdist and wheel: the test command sets CHAINRULE_DIST_DIR"
)


def only(pattern: str) -> Path:
    (path,) = Path(DIST or "").glob(pattern)
    return path


def python(code: str, executable: str | Path = sys.executable) -> str:
    command = [str(executable), "-W", "error", "-c", code]
    environment = {
        name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "CHAINRULE_FORCE_ISA")
    }
    return subprocess.run(
        command, check=True, capture_output=True, text=True, cwd=ROOT / "tests", env=environment
    ).stdout.strip()


@shipped
def test_the_wheel_is_small() -> None:
    assert only("*.whl").stat().st_size < WHEEL_BYTES


@shipped
def test_the_wheel_holds_the_package_its_types_its_data_and_nothing_else() -> None:
    names = zipfile.ZipFile(only("*.whl")).namelist()
    for wanted in ("py.typed", "_core.pyi", "_predictor.pyi", "cython_api.pyi", "cython_api.pxd", "reference/__init__.py",
                   "datasets/digits.npz", "datasets/DATA.md",
                   "report/page.html", "report/page.css", "report/page.js"):  # fmt: skip
        assert f"chainrule/{wanted}" in names
    for module in ("_core", "_predictor", "cython_api"):
        assert [name for name in names if name.startswith(f"chainrule/{module}.") and name.endswith(".so")]
    assert [name for name in names if name.endswith("licenses/LICENSE")]
    assert not [name for name in names if name.split("/")[0].split("-")[0] != "chainrule"]
    assert [name for name in names if name.endswith(".pxd")] == ["chainrule/cython_api.pxd"]
    assert not [
        name for name in names if name.endswith((".cpp", ".hpp", ".c", ".h", ".pyx", ".pyc", ".a", ".o"))
    ]


@shipped
def test_the_sdist_holds_sources_and_tests_but_no_builds() -> None:
    with tarfile.open(only("*.tar.gz")) as archive:
        names = [name.split("/", 1)[1] for name in archive.getnames() if "/" in name]
    for wanted in ("CMakeLists.txt", "LICENSE", "src/cpp/bindings/module.cpp", "src/python/chainrule/_predictor.pyx",
                   "tests/test_installation.py"):  # fmt: skip
        assert wanted in names
    assert not [
        name for name in names if name.startswith(("build/", "dist/", ".venv")) or name.endswith(".so")
    ]


def test_an_import_takes_nothing_but_numpy_with_it() -> None:
    code = (
        "import sys; before = set(sys.modules); import chainrule, chainrule.native;"
        "print(*set(sys.modules) - before)"
    )
    others = {name.split(".")[0] for name in python(code).split()} - set(sys.stdlib_module_names)
    assert others == {"chainrule", "numpy"}


def test_an_editable_install_works_and_says_which_kernels_it_lacks(tmp_path: Path) -> None:
    # Baseline kernels without optimisation, to be quick; every other test runs on what is shipped.
    environment = tmp_path / "venv"
    venv.create(environment, with_pip=True)
    interpreter = environment / "bin" / "python"
    pip = [interpreter, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    settings = {
        "build-dir": tmp_path / "build",
        "cmake.build-type": "Debug",
        "cmake.define.CHAINRULE_INSTRUCTION_SETS": "",
    }
    arguments = [f"--config-settings={name}={value}" for name, value in settings.items()]
    done = subprocess.run([*pip, *arguments, "-e", ROOT], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr

    file, used = python(
        "import chainrule, chainrule.native; print(chainrule.__file__, chainrule._core.config()['instruction_set'])",
        interpreter,
    ).split()
    assert Path(file) == ROOT / "src/python/chainrule/__init__.py"
    assert used == "baseline"
    refusal = python(
        "import os; os.environ['CHAINRULE_FORCE_ISA'] = 'avx2'\n"
        "try: import chainrule.native\n"
        "except ImportError as error: print(error)",
        interpreter,
    )
    assert "this build of chainrule has no such kernels; it has baseline" in refusal

"""The state of the source tree itself: sizes, layers, versions, documentation."""

from __future__ import annotations

import ast
import importlib.metadata
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import chainrule
import pytest
from chainrule._losses import LOSSES
from chainrule._network import ACTIVATIONS
from conftest import load_core

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "src" / "python" / "chainrule"
TEXT = {
    ".py",
    ".pyi",
    ".pyx",
    ".pxd",
    ".cpp",
    ".hpp",
    ".h",
    ".cmake",
    ".md",
    ".toml",
    ".json",
    ".yaml",
    ".sh",
    ".txt",
    ".html",
    ".css",
    ".js",
    "",
}


def source_files() -> list[Path]:
    """Every text file of the project: what git knows, or (in an unpacked sdist) what lies there."""
    command = ["git", "-C", str(ROOT), "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    try:
        names = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split("\0")
        paths = [ROOT / name for name in names if name]
    except (OSError, subprocess.CalledProcessError):
        paths = [
            path
            for path in ROOT.rglob("*")
            if not path.relative_to(ROOT).parts[0].startswith(("build", ".venv"))
        ]
    return sorted(path for path in paths if path.suffix in TEXT and path.is_file())


def matches(pattern: str, paths: list[Path]) -> list[str]:
    """Give "file:line: text" of each line that the pattern is found in."""
    found = []
    for path in paths:
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            if re.search(pattern, line):
                found.append(f"{path.relative_to(ROOT)}:{number}: {line.strip()}")
    return found


def test_no_file_is_longer_than_400_lines() -> None:
    lengths = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in source_files()}
    assert not {str(path.relative_to(ROOT)): n for path, n in lengths.items() if n > 400}


def test_nothing_is_left_for_later() -> None:
    words = "|".join(["TO" + "DO", "FIX" + "ME", "X" * 3])
    assert not matches(rf"\b({words})\b", source_files())


def test_no_path_of_somebodys_machine() -> None:
    assert not matches(r"(?<![\w.\-])/(home|root|work|workspace|mnt|Users)/\w", source_files())


def test_the_patterns_of_these_tests_find_what_they_should(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(globals(), "ROOT", tmp_path)
    bad = tmp_path / "bad.py"
    bad.write_text("path = '/ho" + "me/someone/data'  # TO" + "DO: elsewhere\n", encoding="utf-8")
    monkeypatch.setitem(globals(), "source_files", lambda: [bad])
    with pytest.raises(AssertionError):
        test_nothing_is_left_for_later()
    with pytest.raises(AssertionError):
        test_no_path_of_somebodys_machine()


def test_only_the_bindings_know_pybind11() -> None:
    sources = [path for path in source_files() if path.suffix in {".cpp", ".hpp", ".h"}]
    found = matches("pybind11", sources)
    assert not [line for line in found if not line.startswith("src/cpp/bindings/")]


def test_includes_never_point_back_up() -> None:
    # bindings -> model -> kernels, runtime underneath
    below = {"model": "bindings", "kernels": "bindings|model|runtime", "runtime": "bindings|model"}
    for folder, above in below.items():
        sources = [path for path in source_files() if path.is_relative_to(ROOT / "src" / "cpp" / folder)]
        assert not matches(rf'#include "(\.\./)*({above})/', sources), folder


def test_one_version_everywhere() -> None:
    version = re.search(r'__version__ = "(.+)"', (PACKAGE / "_version.py").read_text(encoding="utf-8"))
    assert version is not None
    assert chainrule.__version__ == version[1]
    assert importlib.metadata.version("chainrule") == version[1]
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    releases = re.findall(r"^## \[?(\d+\.\d+\.\d+)", changelog, re.MULTILINE)
    assert releases[0] == version[1]


def test_the_version_is_written_once() -> None:
    pyproject = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert re.search(r'^dynamic = \["version"\]$', pyproject, re.MULTILINE)
    assert not re.search(r"^version\s*=", pyproject, re.MULTILINE)


def test_type_checking_is_strict() -> None:
    pyproject = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert re.search(r"^\[tool\.mypy\]\nstrict = true$", pyproject, re.MULTILINE)
    assert (PACKAGE / "py.typed").is_file()


def test_the_stub_of_the_compiled_core_has_the_names_it_has() -> None:
    core = load_core("native")._core
    stub = ast.parse((PACKAGE / "_core.pyi").read_text(encoding="utf-8"))
    names = {node.name for node in stub.body if isinstance(node, (ast.FunctionDef, ast.ClassDef))}
    names |= {ast.unparse(node.target) for node in stub.body if isinstance(node, ast.AnnAssign)}
    assert {name for name in names if name[0] != "_"} == {name for name in dir(core) if name[0] != "_"}


def public_definitions(path: Path) -> Iterator[tuple[str, ast.FunctionDef | ast.ClassDef]]:
    """Public functions and classes of a module, and the public methods of these classes."""
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and not node.name.startswith("_"):
            yield node.name, node
            for inner in node.body if isinstance(node, ast.ClassDef) else ():
                if isinstance(inner, ast.FunctionDef) and not inner.name.startswith("_"):
                    yield f"{node.name}.{inner.name}", inner


def test_every_public_name_is_documented() -> None:
    missing = []
    for path in sorted(PACKAGE.rglob("*.py")):
        if path.name in ("native.py", "_native_rules.py"):  # their docstrings come from the reference
            continue
        if not ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))):
            missing.append(f"{path.relative_to(PACKAGE)}")
        for name, node in public_definitions(path):
            decorators = {ast.unparse(decorator).split(".")[-1] for decorator in node.decorator_list}
            if not ast.get_docstring(node) and not decorators & {"overload", "setter"}:
                missing.append(f"{path.relative_to(PACKAGE)}: {name}")
    assert not missing


def test_the_functions_of_the_native_core_have_the_docstrings_of_their_twins() -> None:
    native, reference = load_core("native"), load_core("reference")
    for name in reference.__all__:
        assert getattr(reference, name).__doc__
        assert getattr(native, name).__doc__ == getattr(reference, name).__doc__, name


def test_the_mathematics_is_one_file_of_about_300_lines_that_a_reader_needs_no_other_to_follow() -> None:
    folder = PACKAGE / "reference"
    main = (folder / "mathematics.py").read_text(encoding="utf-8")
    assert len(main.splitlines()) <= 330
    order = [node.name for node in ast.parse(main).body if isinstance(node, ast.FunctionDef)]
    path = [
        "activation",
        "weighted_sums",
        "loss_and_gradient",
        "forward",
        "gradients",
        "update",
        "train_epochs",
    ]
    assert [name for name in order if name in path] == path
    basic = {"identity", "sigmoid", "tanh", "relu", "leaky_relu", "step", "softmax", "half_squared_error",
             "mean_squared_error", "cross_entropy", "binary_cross_entropy"}  # fmt: skip
    assert all(f'"{name}"' in main for name in basic)
    for path_of_one in folder.glob("*.py"):
        if path_of_one.stem.startswith("further") or path_of_one.stem == "random_numbers":
            assert "import mathematics" not in path_of_one.read_text(encoding="utf-8"), path_of_one.name
            assert ".mathematics" not in path_of_one.read_text(encoding="utf-8"), path_of_one.name


def test_the_help_of_activations_and_losses_has_the_formula_of_each() -> None:
    reference = load_core("reference")
    for function, names in (reference.activation, ACTIVATIONS), (reference.loss_and_gradient, LOSSES):
        for name in names:
            assert re.search(rf"^{name} +\S", function.__doc__, re.MULTILINE), name

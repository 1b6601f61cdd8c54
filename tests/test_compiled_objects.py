"""What the compiler made of the kernels: nothing that could run on a machine it is not for.

The objects of one instruction set must share no symbol with another's: of two equal weak symbols (inline functions,
templates) the linker keeps one, and AVX-512 code may run where there is none. A static initialiser would run it at
import. Read with `nm`, `readelf` and `objdump` from the build folder that CHAINRULE_BUILD_DIR names, or that of an
editable install.
"""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
MODULES = ("_core", "_predictor", "cython_api")
BUILD = Path(os.environ.get("CHAINRULE_BUILD_DIR", ROOT / "build" / "editable"))
OBJECTS = sorted(BUILD.glob("CMakeFiles/kernels_*.dir/**/*.o"))
REGISTERS = {"baseline": r"%[yz]mm|%k[1-7]", "avx2": r"%zmm|%k[1-7]"}  # beyond what the set has
# All that a kernel may call: copies of memory. No exp or log of the C library, whose last bit differs between systems.
ALLOWED_CALLS = {"memcpy", "memset", "memmove", "_GLOBAL_OFFSET_TABLE_", "__stack_chk_fail"}

binutils = pytest.mark.skipif(
    sys.platform != "linux" or not all(map(shutil.which, ("nm", "readelf", "objdump"))),
    reason="reads ELF objects with nm, readelf and objdump",
)
built = pytest.mark.skipif(
    not OBJECTS,
    reason="no kernel objects: set CHAINRULE_BUILD_DIR to the build folder of the installed wheel",
)
pytestmark = binutils
each_object = pytest.mark.parametrize(
    "path", OBJECTS, ids=[f"{p.parents[3].name.removesuffix('.dir')}/{p.name.split('.')[0]}" for p in OBJECTS]
)


def run(*command: str | Path) -> str:
    return subprocess.run([*map(str, command)], check=True, capture_output=True, text=True).stdout


def symbols(path: Path) -> list[tuple[str, str]]:
    """(type letter, name) of each symbol; see the manual of nm."""
    lines = (line.split() for line in run("nm", "--format=posix", path).splitlines())
    return [(fields[1], fields[0]) for fields in lines if len(fields) >= 2]


def faults(path: Path) -> list[str]:
    """What in this object must not be: weak symbols, initialisers, unknown calls, more or less than one table."""
    table = symbols(path)
    found = [f"weak symbol {name}" for letter, name in table if letter in "WwVvu"]
    found += [f"initialiser {name}" for _, name in table if "_GLOBAL__sub_I" in name]
    sections = re.findall(
        r"\.(?:init_array|ctors|tbss|tdata)\S*", run("readelf", "--sections", "--wide", path)
    )
    found += [f"section {name}" for name in sections]
    found += [f"calls {name}" for letter, name in table if letter == "U" and name not in ALLOWED_CALLS]
    exported = [(letter, name) for letter, name in table if letter.isupper() and letter not in "UWV"]
    if [letter for letter, _ in exported] not in (["R"], ["D"]):
        found.append(f"exports {exported} where one constant table is expected")
    return found


def test_the_build_folder_is_there_where_it_must_be() -> None:
    if "CHAINRULE_BUILD_DIR" in os.environ:
        assert OBJECTS, f"CHAINRULE_BUILD_DIR={BUILD} holds no kernel objects"


@built
@each_object
def test_a_kernel_object_exports_its_table_and_nothing_else(path: Path) -> None:
    assert not faults(path)


@built
@each_object
def test_a_kernel_object_uses_only_its_own_instruction_set(path: Path) -> None:
    isa = path.parents[3].name.removeprefix("kernels_").removesuffix(".dir")
    code = run("objdump", "--disassemble", path)
    if isa in REGISTERS:
        assert not re.findall(REGISTERS[isa], code)
    if isa == "avx2":
        assert "%ymm" in code
        assert "vfmadd" in code
    if isa == "avx512":
        assert "%zmm" in code


@built
def test_each_table_is_exported_by_one_object_alone() -> None:
    names = [name for path in OBJECTS for letter, name in symbols(path) if letter in "RD"]
    assert len(names) == len(set(names)) == len(OBJECTS)


@built
def test_everything_else_is_compiled_for_every_machine() -> None:
    objects = [
        *BUILD.glob("CMakeFiles/chainrule_model.dir/**/*.o"),
        *(path for name in MODULES for path in BUILD.glob(f"CMakeFiles/{name}.dir/**/*.o")),
    ]
    assert {path.relative_to(BUILD).parts[1].removesuffix(".dir") for path in objects} >= set(MODULES)
    for path in objects:
        assert not re.findall(r"%[yz]mm", run("objdump", "--disassemble", path)), path.name


def extension(module: str) -> Path:
    """The file of a compiled module of the installed package."""
    spec = importlib.util.find_spec(f"chainrule.{module}")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin)


@pytest.mark.parametrize("module", MODULES)
def test_an_extension_exports_its_entry_point_and_nothing_of_ours(module: str) -> None:
    exported = [name for letter, name in symbols_of_extension(extension(module)) if letter in "TDRB"]
    assert f"PyInit_{module}" in exported
    assert not [name for name in exported if "chainrule" in name]


def test_openmp_is_linked_dynamically_and_by_the_core_alone() -> None:
    for module in MODULES:
        needed = run("readelf", "--dynamic", extension(module))
        assert bool(re.search(r"NEEDED.*lib(gomp|omp|iomp5)", needed)) == (module == "_core")


def symbols_of_extension(path: Path) -> list[tuple[str, str]]:
    lines = (
        line.split() for line in run("nm", "--dynamic", "--defined-only", "--format=posix", path).splitlines()
    )
    return [(fields[1], fields[0]) for fields in lines]


FAULTY = {
    "weak symbol": """
        template <class T> T twice(T x) { return x + x; }
        extern const struct Table { float (*f)(float); } table;
        const Table table = {twice<float>};""",
    "initialiser": """
        extern float seed();
        static float s = seed();
        extern float* const table;
        float* const table = &s;""",
    "calls": """
        extern float other(float);
        extern float (*const table)(float);
        float (*const table)(float) = other;""",
    "exports": "int one() { return 1; } int two() { return 2; }",
}


@pytest.mark.skipif(not shutil.which("g++"), reason="needs g++")
@pytest.mark.parametrize("fault", FAULTY)
def test_these_checks_see_a_fault(fault: str, tmp_path: Path) -> None:
    file, compiled = tmp_path / "fault.cpp", tmp_path / "fault.o"
    file.write_text(FAULTY[fault] + "\n", encoding="utf-8")
    run("g++", "-std=c++20", "-O1", "-fPIC", "-c", file, "-o", compiled)
    assert any(found.startswith(fault) for found in faults(compiled))

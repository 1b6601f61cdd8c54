"""Files that are meant to do harm are refused by every loader: nothing in them runs, and they take little memory and time."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import random
import subprocess
import sys
import warnings
from pathlib import Path

import chainrule as cr
import pytest
from chainrule import persistence
from golden_files import GOLDEN
from hostile_files import LOADERS, MARK
from hostile_mutations import frames, mutated_file, slip

HERE = Path(__file__).parent
ONE_INSTRUCTION_SET_WILL_DO = True


def program(name, *arguments, cwd):
    """Run a program of this folder in another one, where it may leave its traces."""
    command = [sys.executable, HERE / name, *arguments]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=600, check=False)


@pytest.mark.skipif(
    not os.access("/proc/self/clear_refs", os.W_OK), reason="the peak of memory cannot be set back here"
)
def test_every_loader_refuses_every_hostile_file(tmp_path):
    done = program("hostile_files.py", tmp_path, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["accepted"] == []
    assert found["largest"][0] < 100e6, found["largest"]
    assert found["slowest"][0] < 20, found["slowest"]  # of processor time: a hang; half a second is usual
    assert found["files"] > 200
    assert not Path(tmp_path, MARK).exists()


def test_the_hostile_pickles_are_dangerous_to_others(tmp_path):
    """What `pickle.load` makes of them: without this, the corpus might be harmless by a slip."""
    others = (
        "import contextlib, pickle, os, sys; sys.path.insert(0, sys.argv[1]); from hostile_files import MARK, bypasses\n"
        "for name, data in bypasses():\n"
        "    with contextlib.suppress(BaseException):\n"
        "        pickle.loads(data)\n"
        "    if os.path.exists(MARK):\n"
        "        os.unlink(MARK)\n"
        "        print(name)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", others, HERE],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    names = done.stdout.splitlines()
    assert len(names) >= 8, done
    assert "os.system, by STACK_GLOBAL" in names
    assert "INST" in names


FILES = sorted(path for path in GOLDEN.rglob("*") if path.suffix in (".pkl", ".safetensors", ".run"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_what_a_well_formed_file_says_is_checked(path, tmp_path, monkeypatch):
    """Values are replaced, dropped and doubled; checksums are made to fit, as whoever writes such a file would."""
    data, rng, file = path.read_bytes(), random.Random(path.name), tmp_path / f"x{path.suffix}"
    monkeypatch.setattr(persistence, "checksum", lambda record: persistence_checksum(record) and AnyText())
    monkeypatch.setattr("chainrule._model_tensors._sum", lambda *given: AnyText())
    refused, slips = 0, []
    for _ in range(400):
        content = data
        for _ in range(rng.randint(1, 3)):
            with contextlib.suppress(Exception):  # where one change leaves nothing to change
                content = mutated_file(content, rng)
        file.write_bytes(content)
        for read in LOADERS.values():
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", cr.TornEntryWarning)
                try:
                    read(str(file))
                except (ValueError, TypeError) as error:
                    refused += 1
                    slips += [repr(error)] if slip(error) else []
    assert refused > 400
    assert slips == []


class AnyText(str):
    """Equal to every text."""

    __slots__ = ()
    __hash__ = str.__hash__

    def __eq__(self, other):
        return isinstance(other, str)

    def __ne__(self, other):
        return not isinstance(other, str)


persistence_checksum = persistence.checksum


def test_the_helper_that_changes_runs_finds_their_entries():
    assert len(frames((GOLDEN / cr.__version__ / "sgd.run").read_bytes())) == 6


@pytest.mark.skipif(
    importlib.util.find_spec("atheris") is None, reason="atheris is not installed: no fuzzing here"
)
def test_a_short_run_of_the_fuzzer_finds_nothing(tmp_path):
    done = program(
        "fuzz_loaders.py",
        "-runs=15000",
        "-seed=1",
        "-rss_limit_mb=0",
        str(tmp_path / "corpus"),
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert "Done 15000 runs" in done.stderr

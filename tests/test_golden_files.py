"""Files of every released version are read, for ever; `golden_files` wrote them."""

from __future__ import annotations

import json

import chainrule as cr
import numpy as np
import pytest
from golden_files import GOLDEN, found

VERSIONS = sorted(path.name for path in GOLDEN.iterdir() if path.is_dir())
FILES = [
    (version, name)
    for version in VERSIONS
    for name in json.loads((GOLDEN / version / "expected.json").read_text("utf-8"))
]


@pytest.mark.parametrize(("version", "name"), FILES)
def test_a_file_of_a_released_version_is_read_as_it_was(version, name):
    expected = json.loads((GOLDEN / version / "expected.json").read_text("utf-8"))
    assert found(GOLDEN / version / name) == expected[name]


@pytest.mark.parametrize("version", VERSIONS)
def test_a_run_of_a_released_version_goes_on(version, tmp_path, backend):
    for path in sorted((GOLDEN / version).glob("*.run")):
        copy = tmp_path / path.name
        copy.write_bytes(path.read_bytes())
        trainer = cr.Trainer.resume(copy)
        done = trainer.epoch
        rows = np.ones((8, 2), "float32")
        trainer.fit(rows, np.zeros(8, int), epochs=2, checkpoint=copy)
        with cr.Checkpoints(copy) as run:
            run.verify()
            assert run.epochs[-1] == done + 2
            assert run.is_finished


def test_no_file_is_without_its_expectation():
    assert VERSIONS
    for version in VERSIONS:
        names = {path.name for path in (GOLDEN / version).iterdir()} - {"expected.json"}
        assert names == {name for of, name in FILES if of == version}
        assert len(names) >= 11

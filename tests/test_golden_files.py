"""Files of every released version are read, for ever; `golden_files` wrote them."""

from __future__ import annotations

import hashlib
import json
import pickle
import struct

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


def fed(value):
    """The bytes whose SHA-256 docs/files.md describes, written down once more from what it says."""
    name = type(value).__name__.encode() + b" "
    if isinstance(value, (str, bytes)):
        content = value.encode() if isinstance(value, str) else value
        return name + b"%d " % len(content) + content
    if isinstance(value, dict):
        return name + b"%d " % len(value) + b"".join(fed(key) + fed(value[key]) for key in sorted(value))
    if isinstance(value, (list, tuple)):
        return name + b"%d " % len(value) + b"".join(map(fed, value))
    return name + (value.hex() if isinstance(value, float) else str(value)).encode() + b" "


@pytest.mark.parametrize("version", VERSIONS)
def test_checksums_are_what_the_document_says(version):
    for path in (GOLDEN / version).glob("*.pkl"):
        record = pickle.loads(path.read_bytes())
        expected = record.pop("sha256")
        assert hashlib.sha256(fed(record)).hexdigest() == expected
    for path in (GOLDEN / version).glob("*.safetensors"):
        data = path.read_bytes()
        n = struct.unpack("<Q", data[:8])[0]
        header = json.loads(data[8 : 8 + n])
        metadata, arrays = header.pop("__metadata__"), {}
        for name, place in header.items():
            begin, end = place["data_offsets"]
            dtype = {"F32": "float32", "F64": "float64"}[place["dtype"]]
            arrays[name] = {
                "dtype": dtype,
                "shape": place["shape"],
                "data": data[8 + n + begin : 8 + n + end],
            }
        signed = {"text": metadata["chainrule"], "arrays": arrays}
        assert hashlib.sha256(fed(signed)).hexdigest() == metadata["sha256"]
    for path in (GOLDEN / version).glob("*.run"):
        data, at, number = path.read_bytes(), 0, 0
        while at < len(data):
            header, first = data[at + 4 : at + 96], at + 97
            magic, came, head, body = struct.unpack("<8sIQQ", header[:28])
            assert (data[at : at + 4], magic, came, data[first - 1 : first]) == (
                b"\x80\x04C\x5c",
                b"chainrun",
                number,
                b".",
            )
            assert hashlib.sha256(header[:28] + data[first : first + head]).digest() == header[28:60]
            assert hashlib.sha256(data[first + head : first + head + body]).digest() == header[60:]
            at, number = first + head + body, number + 1

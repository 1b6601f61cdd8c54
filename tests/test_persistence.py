"""Model files: what comes back, and what is refused."""

from __future__ import annotations

import errno
import os
import pickle
import resource
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import chainrule as cr
import numpy as np
import pytest
from chainrule import persistence
from chainrule._network import Network

DATA = Path(__file__).parent / "data"


def a_model(dtype: str = "float32", **changes: Any) -> cr.MLP:
    settings = {
        "layer_sizes": [2, 3, 1],
        "activation": "tanh",
        "dropout": 0.25,
        "input_dropout": 0.5,
        "input_noise": 0.1,
    }
    return cr.MLP(**{**settings, "dtype": dtype, "seed": 7, **changes})


def same(one: cr.MLP, other: cr.MLP) -> bool:
    pairs = [(one.weights, other.weights), (one.biases, other.biases)]
    return (
        one.network == other.network
        and one.seed == other.seed
        and all(
            a.dtype == b.dtype and a.tobytes() == b.tobytes()
            for x, y in pairs
            for a, b in zip(x, y, strict=True)
        )
    )


def record(**changes: Any) -> dict[str, Any]:
    """What a file holds, with some fields changed (or dropped, for ...), before its checksum is added."""
    fields = {**a_model().__getstate__(), "preprocessing": None, **changes}
    return {name: value for name, value in fields.items() if value is not ...}


def write(path: Path, content: Any, **changes: Any) -> Path:
    """Write a file with a right checksum, whatever it holds."""
    content = {**content, "sha256": persistence.checksum(content), **changes}
    path.write_bytes(pickle.dumps(content, protocol=4))
    return path


@pytest.mark.parametrize("bias", ["unit", "layer", None])
@pytest.mark.parametrize("output", ["identity", "softmax", "step"])
def test_a_model_comes_back_bit_by_bit(dtype: str, bias: str | None, output: str, tmp_path: Path) -> None:
    model = a_model(dtype, layer_sizes=[2, 3, 2], bias=bias, output_activation=output)
    model.weights[0][0] = [np.nan, -0.0, np.inf]
    model.save(tmp_path / "model.pkl")
    loaded = cr.load(str(tmp_path / "model.pkl"))
    assert same(model, loaded)
    assert all(array.flags.writeable and array.flags.owndata for array in loaded.weights + loaded.biases)


def test_the_same_model_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in "ab":
        a_model().save(tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_a_file_of_the_first_version_is_read() -> None:
    loaded = cr.load(DATA / "model_version_1.pkl")
    assert loaded.network == Network((2, 3, 1), ("tanh", "sigmoid"), "layer", (0.25,), "float64", 0.0, 0.0)
    assert loaded.seed == 7
    assert loaded.weights[0].tolist() == [[0.125, -0.25, 0.5], [1.0, 0.0, -3.0]]
    assert loaded.biases[1].tolist() == [-0.75]


def test_a_file_can_be_read_without_this_package(tmp_path: Path) -> None:
    a_model().save(tmp_path / "model.pkl")
    program = (
        "import pickle, sys; r = pickle.load(open(sys.argv[1], 'rb')); w = r['weights'][0];"
        "assert 'numpy' not in sys.modules and 'chainrule' not in sys.modules;"
        "print(r['format'], r['version'], w['dtype'], w['shape'], len(w['data']))"
    )
    found = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "model.pkl")],
        check=True,
        capture_output=True,
        text=True,
    )
    assert found.stdout.split() == ["chainrule.model", "1", "float32", "[2,", "3]", "24"]


def test_what_prepares_the_inputs_is_kept_with_the_model(tmp_path: Path) -> None:
    kept = {
        "scale": [1.5, 2.0],
        "names": ["a", "ß"],
        "more": {"none": None, "yes": True, "tuple": (1, b"\0")},
    }
    persistence.save(a_model(), tmp_path / "model.pkl", preprocessing=kept)
    model, loaded = persistence.load_with_preprocessing(tmp_path / "model.pkl")
    assert loaded == kept
    assert same(model, cr.load(tmp_path / "model.pkl"))
    for wrong in ({"x": np.float64(1)}, {"x": object}, {1: 2}, {"x": {1, 2}}):
        with pytest.raises(TypeError, match=r"model file"):
            persistence.save(a_model(), tmp_path / "model.pkl", preprocessing=wrong)
    assert persistence.load_with_preprocessing(tmp_path / "model.pkl")[1] == kept


def test_a_file_cut_short_anywhere_is_refused(tmp_path: Path) -> None:
    a_model().save(tmp_path / "whole.pkl")
    data = (tmp_path / "whole.pkl").read_bytes()
    cut = tmp_path / "cut.pkl"
    for n in range(len(data)):
        cut.write_bytes(data[:n])
        with pytest.raises(ValueError, match=r"cut\.pkl cannot be loaded as a model"):
            cr.load(cut)
    cut.write_bytes(data + b"\0")
    with pytest.raises(ValueError, match="goes on for 1 byte after its end"):
        cr.load(cut)


@pytest.mark.parametrize("mask", [0x01, 0x20, 0x80, 0xFF])
def test_a_file_with_a_changed_byte_is_refused_or_says_the_same(tmp_path: Path, mask: int) -> None:
    model = a_model()
    model.save(tmp_path / "whole.pkl")
    data = (tmp_path / "whole.pkl").read_bytes()
    bad, refused = tmp_path / "bad.pkl", 0
    for i in range(len(data)):
        bad.write_bytes(data[:i] + bytes([data[i] ^ mask]) + data[i + 1 :])
        try:
            loaded = cr.load(bad)
        except ValueError:
            refused += 1
        else:
            assert same(loaded, model)
    assert refused > len(data) - 20  # those of the frame's length, which unpicklers may ignore, do no harm


class Evil:
    def __reduce__(self) -> Any:
        return os.system, ("touch evil",)


HOSTILE = {
    "a call": pickle.dumps({**record(), "preprocessing": Evil()}, protocol=4),
    "a call, in protocol 0": pickle.dumps(Evil(), protocol=0),
    "a call, in protocol 2": pickle.dumps(Evil(), protocol=2),
    "a class": pickle.dumps(Path, protocol=4),
    "an array": pickle.dumps(np.zeros(3), protocol=4),
    "an object": pickle.dumps(a_model(), protocol=4),
    "an extension": b"\x80\x04\x82\x01.",
    "a persistent id": b"\x80\x04\x8c\x01aQ.",
    "a huge memo slot": b"\x80\x04N\x72\xff\xff\xff\x7f.",
    "a huge string": b"\x80\x04\x8d\xff\xff\xff\xff\xff\xff\xff\x7fa.",
    "huge bytes": b"\x80\x04B\xff\xff\xff\xffa.",
    "a protocol of the future": b"\x80\x63}.",
    "an empty stack": b"\x80\x04.",
    "no pickle": b"PK\x03\x04 this is a zip file",
    "nothing": b"",
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_file_is_refused_and_runs_nothing(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bad.pkl").write_bytes(HOSTILE[kind])
    with pytest.raises(ValueError, match=r"bad\.pkl cannot be loaded as a model"):
        cr.load("bad.pkl")
    assert os.listdir() == ["bad.pkl"]


def test_a_pickled_model_is_not_a_model_file_and_the_error_says_what_is(tmp_path: Path) -> None:
    path = tmp_path / "bad.pkl"
    path.write_bytes(pickle.dumps(cr.MLP([2, 1], seed=0)))
    with pytest.raises(ValueError, match=r"it was not written by MLP\.save: .* STACK_GLOBAL"):
        cr.load(path)


def test_content_that_refers_to_itself_is_refused(tmp_path: Path) -> None:
    endless: list[Any] = []
    endless.append(endless)
    laughs: list[Any] = ["ha"]
    for _ in range(60):
        laughs = [laughs, laughs]
    for content in ({"x": endless}, {"x": laughs}):
        path = tmp_path / "bad.pkl"
        path.write_bytes(pickle.dumps({**record(preprocessing=content), "sha256": ""}, protocol=4))
        with pytest.raises(ValueError, match="the same list is in it twice"):
            cr.load(path)


@pytest.mark.parametrize("text", ["x" * 1001, b"x" * 10**6])
def test_the_same_long_text_many_times_is_refused_at_once(tmp_path: Path, text: Any) -> None:
    """Two bytes in a pickle refer to a million: its checksum would take hours."""
    content = {"x": [text] * 100_000}
    path = tmp_path / "bad.pkl"
    path.write_bytes(pickle.dumps({**record(preprocessing=content), "sha256": ""}, protocol=4))
    with pytest.raises(ValueError, match=f"the same {type(text).__name__} of more than 1000 is in it twice"):
        cr.load(path)
    with pytest.raises(ValueError, match="twice"):  # what could not be read is not written
        persistence.save(a_model(), tmp_path / "new.pkl", preprocessing=content)
    assert os.listdir(tmp_path) == ["bad.pkl"]


def test_content_nested_too_deep_is_refused(tmp_path: Path) -> None:
    head, tail = pickle.dumps({**record(), "sha256": "", "preprocessing": "HERE"}, protocol=4).split(
        b"\x8c\x04HERE"
    )
    path = tmp_path / "bad.pkl"
    path.write_bytes(b"\x80\x04" + head[11:] + b"]" * 100_000 + b"a" * 99_999 + tail[1:])  # without the frame
    with pytest.raises(ValueError, match=r"bad\.pkl cannot be loaded as a model"):
        cr.load(path)


def array(**changes: Any) -> dict[str, Any]:
    return {"dtype": "float32", "shape": [2, 3], "data": bytes(24), **changes}


def shape(**changes: Any) -> dict[str, Any]:
    return {**record()["network"], **changes}


LAST = record()["weights"][1]
WRONG = {
    "another kind": (record(format="chainrule.trainer"), "it holds a 'chainrule.trainer'"),
    "no kind": (record(format=...), "something else"),
    "a later version": (
        record(version=2, chainrule="9.9", new=1),
        "version 2 .* by chainrule 9.9.*install a newer",
    ),
    "a version that is none": (record(version="1"), "version must be an int"),
    "version 0": (record(version=0), "version must be"),
    "an unknown field": (record(colour="red"), "unknown field colour"),
    "no network": (record(network=...), "lacks network"),
    "no weights and biases": (record(weights=..., biases=...), "lacks biases, weights"),
    "no seed": (record(seed=...), "lacks seed"),
    "a network without a field": (record(network={"layer_sizes": [2, 3, 1]}), "network must be a dict"),
    "a network with one more": (record(network=shape(extra=1)), "network must be a dict"),
    "a network that is none": (record(network=[1]), "network must be a dict"),
    "sizes that are none": (record(network=shape(layer_sizes=[2, "3", 1])), r"layer_sizes\[1\]"),
    "sizes of zero": (record(network=shape(layer_sizes=[2, 0, 1])), r"layer_sizes\[1\]"),
    "huge sizes": (record(network=shape(layer_sizes=[10**12, 10**12, 1])), "this MLP expects"),
    "an unknown activation": (record(network=shape(activations=["tanh", "cosine"])), r"activations\[1\]"),
    "an unknown dtype": (record(network=shape(dtype="float16")), "dtype must be"),
    "a dropout of 1": (record(network=shape(dropout=[1.0])), r"dropout\[0\]"),
    "a dropout of inputs that is none": (record(network=shape(input_dropout=None)), "input_dropout must be"),
    "negative noise": (record(network=shape(input_noise=-0.5)), "input_noise must be"),
    "a negative seed": (record(seed=-1), "seed must be"),
    "a seed that is none": (record(seed="0"), "seed must be"),
    "too few weights": (record(weights=[array()]), "weights has 1 array,"),
    "too many biases": (
        record(biases=[array(shape=[3], data=bytes(12)) for _ in range(3)]),
        "biases has 3 arrays",
    ),
    "weights that are none": (record(weights=None), "weights must be a list"),
    "an array that is none": (record(weights=[b"", LAST]), r"weights\[0\] must be a dict"),
    "an array without data": (record(weights=[{"dtype": "float32"}, LAST]), r"weights\[0\] must be a dict"),
    "data too short": (
        record(weights=[array(data=bytes(23)), LAST]),
        r"weights\[0\] .* must have 24 bytes.* 23",
    ),
    "data too long": (
        record(weights=[array(data=bytes(25)), LAST]),
        r"weights\[0\] .* must have 24 bytes.* 25",
    ),
    "data that are none": (
        record(weights=[array(data="x" * 24), LAST]),
        r"data of weights\[0\] must be bytes",
    ),
    "a huge shape": (record(weights=[array(shape=[2**40, 2**40]), LAST]), r"weights\[0\] .* must have"),
    "a negative shape": (record(weights=[array(shape=[-2, -3]), LAST]), r"shape of weights\[0\]"),
    "another shape": (record(weights=[array(shape=[3, 2]), LAST]), r"weights\[0\] has shape \(3, 2\)"),
    "another dtype": (
        record(weights=[array(dtype="float64", data=bytes(48)), LAST]),
        r"weights\[0\] is float64",
    ),
    "an array of objects": (record(weights=[array(dtype="object"), LAST]), r"dtype of weights\[0\]"),
    "wrong preprocessing": (record(preprocessing=[1]), "preprocessing must be a dict or None"),
}


@pytest.mark.parametrize("kind", WRONG)
def test_a_file_with_wrong_content_is_refused_by_name(kind: str, tmp_path: Path) -> None:
    content, text = WRONG[kind]
    path = write(tmp_path / "bad.pkl", content)
    with pytest.raises(ValueError, match=rf"bad\.pkl cannot be loaded as a model: .*{text}"):
        cr.load(path)


def test_the_helpers_of_these_tests_write_good_files_too(tmp_path: Path) -> None:
    assert same(cr.load(write(tmp_path / "good.pkl", record())), a_model())
    with pytest.raises(ValueError, match="checksum is wrong"):
        cr.load(write(tmp_path / "bad.pkl", record(), seed=8))


@pytest.fixture
def old_file(tmp_path: Path) -> Iterator[Path]:
    """A model file; whatever the test did, it is whole and alone afterwards."""
    path = tmp_path / "model.pkl"
    a_model().save(path)
    yield path
    assert os.listdir(tmp_path) == ["model.pkl"]
    assert same(cr.load(path), a_model())


def test_a_full_disk_leaves_the_old_file(old_file: Path) -> None:
    big = cr.MLP([500, 500])
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (65536, hard))
    try:
        with pytest.raises(OSError, match="File too large"):
            big.save(old_file)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("function", ["fsync", "replace", "chmod"])
@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt()])
def test_a_failure_or_an_interruption_leaves_the_old_file(
    old_file: Path, function: str, error: BaseException, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> None:
        raise error

    monkeypatch.setattr(os, function, fail)
    with pytest.raises(type(error)):
        a_model(seed=8).save(old_file)


def test_a_model_that_cannot_be_saved_leaves_the_old_file(old_file: Path) -> None:
    model = a_model(seed=8)
    model.weights[0] = np.zeros((3, 3), "float32")
    with pytest.raises(ValueError, match=r"weights\[0\] has shape"):
        model.save(old_file)


def test_a_link_is_followed_and_permissions_are_kept(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    real, link = tmp_path / "folder" / "real.pkl", tmp_path / "link.pkl"
    a_model().save(real)
    assert stat.S_IMODE(real.stat().st_mode) & 0o077 == 0o077 & ~umask() & 0o066
    real.chmod(0o640)
    link.symlink_to(real)
    a_model(seed=8).save(link)
    assert link.is_symlink()
    assert stat.S_IMODE(real.stat().st_mode) == 0o640
    assert cr.load(real).seed == 8


def umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def test_only_files_are_written(tmp_path: Path) -> None:
    with pytest.raises(IsADirectoryError):
        a_model().save(tmp_path)
    with pytest.raises(FileNotFoundError, match="no such folder"):
        a_model().save(tmp_path / "missing" / "model.pkl")
    with pytest.raises(OSError, match="not a regular file"):
        a_model().save("/dev/null")
    with pytest.raises(FileNotFoundError):
        cr.load(tmp_path / "missing.pkl")
    assert not os.listdir(tmp_path)


def test_a_long_name_and_a_bare_name_will_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    name = "m" * 255
    a_model().save(name)
    assert os.listdir() == [name]
    assert same(cr.load(name), a_model())

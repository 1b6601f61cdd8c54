"""Models as safetensors: what comes back, what others read, and what is refused."""

from __future__ import annotations

import json
import struct

import chainrule as cr
import numpy as np
import pytest
from chainrule import persistence
from chainrule._safetensors import decode, encode
from run_cases import CASES, entries, fit

SETTINGS = {"activation": "tanh", "dropout": 0.25, "input_dropout": 0.5, "input_noise": 0.1, "seed": 7}


def a_model(dtype="float32", bias="unit", **changes):
    model = cr.MLP([2, 3, 2], dtype=dtype, bias=bias, **{**SETTINGS, **changes})
    for array in model.biases:
        array += np.linspace(0.1, 0.7, array.size, dtype=dtype)
    return model


def same(one, other):
    arrays = [(*model.weights, *model.biases) for model in (one, other)]
    return (one.network, one.seed) == (other.network, other.seed) and all(
        a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()
        for a, b in zip(*arrays, strict=True)
    )


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.safetensors"


@pytest.mark.parametrize("bias", ["unit", "layer", None])
def test_a_model_comes_back_bit_by_bit(path, dtype, bias):
    model = a_model(dtype, bias)
    model.weights[0][0] = [np.nan, -0.0, np.inf]
    kept = {"names": ["a", "ß"], "scale": [0.1, 1e-300], "more": {"none": None, "yes": True}}
    persistence.save(model, path, preprocessing=kept)
    loaded, preprocessing = persistence.load_with_preprocessing(path)
    assert same(model, loaded)
    assert preprocessing == kept
    assert all(
        array.flags.writeable and array.flags.owndata and array.flags.c_contiguous for array in loaded.weights
    )
    first = path.read_bytes()
    loaded.save(path)
    persistence.save(model, path, preprocessing=kept)
    assert path.read_bytes() == first


@pytest.mark.parametrize("bias", ["unit", "layer", None])
def test_the_package_reads_the_arrays_and_pytorch_predicts_with_them(path, dtype, bias):
    safe_open = pytest.importorskip("safetensors").safe_open
    torch = pytest.importorskip("torch")
    from safetensors.torch import load_file

    model = a_model(dtype, bias)
    model.save(path)
    with safe_open(path, "numpy") as file:
        assert json.loads(file.metadata()["chainrule"])["network"]["layer_sizes"] == [2, 3, 2]
        for i, weights in enumerate(model.weights):
            assert file.get_tensor(f"layers.{i}.weight").tobytes() == weights.T.copy().tobytes()
    layers = torch.nn.ModuleList(
        [torch.nn.Linear(2, 3, bias is not None), torch.nn.Linear(3, 2, bias is not None)]
    )
    module = torch.nn.Module()
    module.layers = layers.to(getattr(torch, dtype))
    module.load_state_dict(load_file(path))
    X = np.linspace(-1, 1, 10).reshape(5, 2).astype(dtype)
    with torch.no_grad():
        predicted = module.layers[1](torch.tanh(module.layers[0](torch.tensor(X)))).numpy()
    np.testing.assert_allclose(
        model.predict(X), predicted, rtol=16 * np.finfo(dtype).eps, atol=16 * np.finfo(dtype).eps
    )


def test_what_the_package_writes_of_the_same_arrays_is_read(path, tmp_path):
    """The order of the header is free: the package writes it in another."""
    save_file = pytest.importorskip("safetensors.numpy").save_file
    model = a_model()
    model.save(path)
    with path.open("rb") as file:
        tensors, metadata = decode(file, path.stat().st_size)
    save_file({name: array.copy() for name, array in reversed(tensors.items())}, tmp_path / "other", metadata)
    assert same(cr.load(tmp_path / "other"), model)


def test_a_file_cut_short_anywhere_is_refused(path):
    a_model().save(path)
    data = path.read_bytes()
    for n in range(len(data)):
        path.write_bytes(data[:n])
        with pytest.raises(ValueError, match=r"model\.safetensors cannot be loaded as a model"):
            cr.load(path)
    path.write_bytes(data + b"\0")
    with pytest.raises(ValueError, match="come after the header"):
        cr.load(path)


@pytest.mark.parametrize("mask", [0x01, 0x20, 0x80])
def test_a_file_with_a_changed_byte_is_refused_or_says_the_same(path, mask):
    model = a_model()
    model.save(path)
    data = path.read_bytes()
    refused = 0
    for i in range(len(data)):
        path.write_bytes(data[:i] + bytes([data[i] ^ mask]) + data[i + 1 :])
        try:
            loaded = cr.load(path)
        except ValueError:
            refused += 1
        else:
            assert same(loaded, model)
    assert (
        refused > len(data) - 9
    )  # but for blanks at the end of the header, which may be blanks of another kind


def written(path, changes=None, header=None, data=None, metadata=None):
    """Write a model's file with something in it changed."""
    a_model().save(path)
    whole = path.read_bytes()
    n = struct.unpack("<Q", whole[:8])[0]
    content = json.loads(whole[8 : 8 + n])
    content.update(changes or {})
    content["__metadata__"] = {**content["__metadata__"], **(metadata or {})}
    text = json.dumps({name: value for name, value in content.items() if value is not ...}).encode()
    text = text if header is None else header
    path.write_bytes(struct.pack("<Q", len(text)) + text + (whole[8 + n :] if data is None else data))
    return path


def place(dtype="F32", shape=(3, 2), offsets=(0, 24), **more):
    return {"layers.0.weight": {"dtype": dtype, "shape": list(shape), "data_offsets": list(offsets), **more}}


HOSTILE = {
    "an empty header": ({"header": b""}, "it is not a pickle"),
    "a header that is a list": ({"header": b"{" + b"}" + b" " * 8 + b"[1]"}, "Extra data"),
    "a deep header": ({"header": b'{"a":' + b"[" * 100_000}, "nested too deep|recursion|Expecting"),
    "two entries of a name": ({"header": b'{"a":1,"a":2}'}, "has a key twice"),
    "a dtype of another kind": ({"changes": place("BF16")}, "must be F32 or F64"),
    "a dtype of objects": ({"changes": place("O")}, "must be F32 or F64"),
    "a huge shape": ({"changes": place(shape=[2**62, 2**62])}, "must have"),
    "a shape of floats": ({"changes": place(shape=[3.0, 2.0])}, "whole numbers"),
    "a shape of bools": ({"changes": place(shape=[True, 6])}, "whole numbers"),
    "a negative shape": ({"changes": place(shape=[-3, -2])}, "whole numbers"),
    "many dimensions": ({"changes": place(shape=[1] * 70 + [6])}, "at most 8 dimensions"),
    "offsets outside": ({"changes": place(offsets=[10**9, 10**9 + 24])}, "begin at"),
    "offsets that overlap": ({"changes": place(offsets=[4, 28])}, "begin at"),
    "offsets the wrong way round": ({"changes": place(offsets=[24, 0])}, "must have"),
    "one offset": ({"changes": place(offsets=[24])}, "data_offsets"),
    "an unknown field": ({"changes": place(colour=1)}, "must be a dict of dtype, shape and data_offsets"),
    "an array too few": ({"changes": {"layers.1.bias": ...}}, "begin at|come after|lacks|checksum"),
    "no data": ({"data": b""}, "come after the header"),
    "another checksum": ({"metadata": {"sha256": "0" * 64}}, "checksum is wrong"),
    "another checksum that is none": ({"metadata": {"sha256": 1}}, "must be texts by name"),
    "no description": ({"metadata": {"chainrule": "{}"}}, "is expected"),
    "a description that is none": ({"metadata": {"chainrule": "x"}}, "Expecting value"),
    "a description with huge numbers": ({"metadata": {"chainrule": '{"seed": ' + "9" * 5000 + "}"}}, "digits"),
}  # fmt: skip


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_file_is_refused(path, kind):
    changes, text = HOSTILE[kind]
    written(path, **changes)
    with pytest.raises(ValueError, match=rf"model\.safetensors cannot be loaded as a model: .*({text})"):
        cr.load(path)


def test_a_header_that_is_too_long_is_not_read(path):
    path.write_bytes(struct.pack("<Q", 3 << 20) + b"{" + b" " * (3 << 20))
    with pytest.raises(ValueError, match="more than 2097152 are not read"):
        cr.load(path)
    with pytest.raises(ValueError, match="a pickle has no such limit"):
        persistence.save(a_model(), path, preprocessing={"names": ["x" * 100] * 50_000})
    assert path.stat().st_size == (3 << 20) + 9  # what was there is as it was


def signed(path, **changes):
    """Write a file whose description says something else, with a checksum that is right."""
    from chainrule._model_tensors import model_tensors
    from chainrule._model_tensors import signed as with_checksum

    record = {**a_model().__getstate__(), "preprocessing": None}
    tensors = model_tensors(record)
    text = {name: value for name, value in {**record, **changes}.items() if name not in ("weights", "biases")}
    path.write_bytes(with_checksum(tensors, json.dumps({k: v for k, v in text.items() if v is not ...})))


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"version": 2, "chainrule": "9.9"}, "written by chainrule 9.9"),
        ({"colour": "red"}, "unknown field colour"),
        ({"seed": ...}, "lacks seed"),
        ({"network": [1]}, "network must be a dict"),
        ({"network": {"layer_sizes": 3}}, "layer_sizes must be a list"),
        (
            {"network": {**a_model().__getstate__()["network"], "layer_sizes": [2, 3, 2, 4]}},
            "lacks the array",
        ),
        ({"network": {**a_model().__getstate__()["network"], "layer_sizes": [2, 2]}}, "unknown array"),
        (
            {"network": {**a_model().__getstate__()["network"], "bias": "layer"}},
            "must be the same for all units",
        ),
        ({"network": {**a_model().__getstate__()["network"], "bias": None}}, "unknown array layers.0.bias"),
        (
            {"network": {**a_model().__getstate__()["network"], "dtype": "float64"}},
            r"weights\[0\] is float32",
        ),
        (
            {"network": {**a_model().__getstate__()["network"], "layer_sizes": [3, 2, 2]}},
            r"weights\[0\] has shape",
        ),
        ({"preprocessing": [1]}, "preprocessing must be a dict"),
    ],
)
def test_wrong_content_is_refused_by_name(path, changes, text):
    signed(path, **changes)
    with pytest.raises(ValueError, match=text):
        cr.load(path)


def test_the_helper_of_these_tests_writes_good_files_too(path):
    signed(path)
    assert same(cr.load(path), a_model())
    written(path)
    assert same(cr.load(path), a_model())


def test_files_of_others_and_things_json_cannot_hold_say_what_they_are(path):
    path.write_bytes(encode({"layers.0.weight": np.zeros((2, 2), "f4")}, {"format": "pt"}))
    with pytest.raises(ValueError, match="another program wrote it"):
        cr.load(path)
    with pytest.raises(TypeError, match="bytes"):
        persistence.save(a_model(), path, preprocessing={"x": b"1"})


@pytest.mark.parametrize("name", CASES)
def test_a_run_has_the_same_content_as_safetensors(tmp_path, name):
    safe_open = pytest.importorskip("safetensors").safe_open
    fit(name, str(tmp_path / "some.run"), epochs=5)
    with cr.Checkpoints(tmp_path / "some.run") as run:
        run.to_safetensors(tmp_path / "run.safetensors")
    arrays = 0
    with safe_open(tmp_path / "run.safetensors", "numpy") as file:
        found = json.loads(file.metadata()["chainrule"])
        whole = list(entries(tmp_path / "some.run"))
        for number, (_, head, body) in enumerate(whole):
            said = found["entries"][number]
            plain = said.pop("body")
            assert json.dumps(
                {**{k: found[k] for k in ("format", "version", "chainrule")}, **said}
            ) == json.dumps(head)
            assert (plain is None) == (body is None)
            if body is None:
                continue
            for place, field in (("layers.{}.weight", "weights"), ("layers.{}.bias", "biases")):
                for i, array in enumerate(body["model"].pop(field)):
                    held = file.get_tensor(f"entries.{number}.{place.format(i)}")
                    assert np.ascontiguousarray(held.T).tobytes()[: len(array["data"])] == array["data"]
                    arrays += 1
            for field in ("weight_velocity", "bias_velocity", "weight_square", "bias_square"):
                for i, array in enumerate(body.pop(field)):
                    held = file.get_tensor(f"entries.{number}.{field}.{i}")
                    assert list(held.T.shape) == array["shape"]
                    assert np.ascontiguousarray(held.T).tobytes() == array["data"]
                    arrays += 1
            assert json.dumps(plain) == json.dumps(body)
        assert len(found["entries"]) == len(whole)
        assert len(list(file.keys())) == arrays
    with pytest.raises(
        ValueError, match=r"it holds a 'chainrule\.run', but a 'chainrule\.model' is expected"
    ):
        cr.load(tmp_path / "run.safetensors")

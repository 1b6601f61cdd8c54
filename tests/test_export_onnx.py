"""Networks as ONNX graphs: ONNX Runtime predicts what the library does, within the derived bound."""

from __future__ import annotations

import json
import sys

import chainrule as cr
import numpy as np
import pytest
from chainrule._network import ACTIVATIONS
from chainrule.export import _onnx, to_onnx
from chainrule.export._onnx import write_onnx
from export_cases import (
    ALL_ACTIVATIONS,
    SCALERS,
    SPECIAL,
    assert_right,
    assert_right_at_the_ends,
    fitted,
    network,
    overflowing,
    parts_of,
    rows_for,
    single,
)

ONE_INSTRUCTION_SET_WILL_DO = True
onnx = pytest.importorskip("onnx", reason="onnx is not installed")


@pytest.fixture
def runtime(tmp_path):
    """Write the parts, and return a function that predicts with ONNX Runtime, the model, and what was measured."""
    onnxruntime = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")

    def load(parts):
        path = tmp_path / "network.onnx"
        done = write_onnx(parts, str(path))
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        return lambda X: session.run(["Y"], {"X": X})[0], onnx.load(path), done

    return load


def properties(model):
    found = {entry.key: entry.value for entry in model.metadata_props}
    return {key: value if key.startswith("chainrule") else json.loads(value) for key, value in found.items()}


def own_error(predict, model, parts):
    """The largest error on the test vectors of the file, as a user would measure it."""
    found = properties(model)
    expected = np.array(found["test_outputs"], parts.output_dtype)
    outputs = predict(np.array(found["test_inputs"], parts.input_dtype))
    with np.errstate(invalid="ignore"):
        difference = np.abs(outputs.astype(float) - expected.astype(float))
    return np.where((outputs == expected) | (np.isnan(outputs) & np.isnan(expected)), 0, difference).max()


@pytest.mark.parametrize(("activation", "bias", "dtype"), ALL_ACTIVATIONS)
def test_onnx_runtime_predicts_within_the_bound(runtime, backend, activation, bias, dtype):
    parts = parts_of(network(activation, dtype, bias))
    predict, model, done = runtime(parts)
    for rows in (1, 2, 7, 64, 0):
        X = rows_for(parts, rows, seed=rows)
        assert_right(parts, X, predict(X), activation)
    assert own_error(predict, model, parts) <= done.bound
    assert done.error <= done.bound
    found = properties(model)
    assert (found["measured_error"], found["error_bound"]) == (done.error, done.bound)
    assert found["chainrule_core"] == backend


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("activation", [name for name in ACTIVATIONS if name != "softmax"])
def test_nan_infinities_and_the_ends_are_those_of_the_library(runtime, activation, dtype):
    parts = parts_of(single(activation, dtype))
    X = np.array(SPECIAL, dtype)[:, None]
    assert_right_at_the_ends(parts, X, runtime(parts)[0](X))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_gelu_has_correct_digits_where_one_plus_erf_has_none(runtime, dtype):
    parts = parts_of(single("gelu", dtype))
    X = np.linspace(-12, 12, 4801).astype(dtype)[:, None]
    found, expected = runtime(parts)[0](X), cr.reference.activation("gelu", X)
    bound = 20 * (1 + np.minimum(X, 0) ** 2 / 2) * np.finfo(dtype).eps * np.abs(expected)
    assert (np.abs(found.astype(float) - expected) <= bound + 12 * np.finfo(dtype).tiny).all()


@pytest.mark.parametrize("kind", SCALERS)
def test_scalers_are_part_of_the_graph(runtime, dtype, kind):
    parts = parts_of(network("relu", dtype), fitted(kind, 5), fitted(kind, 3))
    predict, model, done = runtime(parts)
    X = rows_for(parts, 50)
    assert X.dtype == np.float64
    assert_right(parts, X, predict(X))
    assert own_error(predict, model, parts) <= done.bound < np.inf
    for value in (model.graph.input[0], model.graph.output[0]):
        assert value.type.tensor_type.elem_type == onnx.TensorProto.DOUBLE


@pytest.mark.parametrize(("scaler", "target_scaler"), [("standard", None), (None, "minmax")])
def test_one_scaler_alone_will_do(runtime, dtype, scaler, target_scaler):
    scalers = scaler and fitted(scaler, 5), target_scaler and fitted(target_scaler, 3)
    parts = parts_of(network("tanh", dtype), *scalers)
    X = rows_for(parts, 20)
    assert_right(parts, X, runtime(parts)[0](X))


def test_infinite_and_nan_predictions_are_kept_as_such(runtime, dtype):
    parts = parts_of(overflowing(dtype))
    predict, model, done = runtime(parts)
    assert done.error == 0
    assert own_error(predict, model, parts) <= done.bound < np.inf
    assert np.isinf(properties(model)["test_outputs"]).any()


def test_versions_names_and_shapes_are_pinned(runtime):
    _, model, _ = runtime(parts_of(network(), input_names=list("abcde"), output_names=["x", 'y"', "ü"]))
    assert model.ir_version == 8
    assert [(entry.domain, entry.version) for entry in model.opset_import] == [("", 17)]
    assert (model.producer_name, model.producer_version) == ("chainrule", cr.__version__)
    (X,), (Y,) = model.graph.input, model.graph.output
    assert (X.name, Y.name) == ("X", "Y")
    for value, width in (X, 5), (Y, 3):
        rows, columns = value.type.tensor_type.shape.dim
        assert (rows.dim_param, columns.dim_value) == ("rows", width)
        assert value.type.tensor_type.elem_type == onnx.TensorProto.FLOAT
    found = properties(model)
    assert (found["input_names"], found["output_names"]) == (list("abcde"), ["x", 'y"', "ü"])


def test_the_weights_are_in_the_file_exactly(runtime, dtype):
    parts = parts_of(network("relu", dtype))
    _, model, _ = runtime(parts)
    stored = {entry.name: onnx.numpy_helper.to_array(entry) for entry in model.graph.initializer}
    for layer, W in enumerate(parts.weights):
        assert stored[f"weights_{layer}"].tobytes() == W.tobytes()
        assert stored[f"biases_{layer}"].tobytes() == parts.biases[layer].tobytes()


def test_a_changed_weight_is_found_by_the_test_vectors(tmp_path, dtype):
    onnxruntime = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
    parts = parts_of(network("tanh", dtype))
    done = write_onnx(parts, str(tmp_path / "a.onnx"))
    model = onnx.load(tmp_path / "a.onnx")
    (entry,) = [entry for entry in model.graph.initializer if entry.name == "weights_1"]
    changed = onnx.numpy_helper.to_array(entry).copy()
    changed[0, 0] *= 1.01
    entry.CopyFrom(onnx.numpy_helper.from_array(changed, "weights_1"))
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    assert own_error(lambda X: session.run(None, {"X": X})[0], model, parts) > done.bound


def test_the_same_model_gives_the_same_bytes(tmp_path):
    for name in ("a.onnx", "b.onnx"):
        to_onnx(network("gelu"), tmp_path / name)
    assert (tmp_path / "a.onnx").read_bytes() == (tmp_path / "b.onnx").read_bytes()


def test_a_missing_onnx_is_an_error_that_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(ImportError, match=r'to_onnx needs the package onnx: pip install "chainrule\[onnx\]"'):
        to_onnx(network(), tmp_path / "a.onnx")
    assert not (tmp_path / "a.onnx").exists()


def test_a_model_that_is_too_large_for_the_format_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(_onnx, "LARGEST", 1000)
    with pytest.raises(ValueError, match=r"model has 1,\d+ bytes of parameters, but an ONNX file holds less"):
        to_onnx(network(), tmp_path / "a.onnx")
    assert not (tmp_path / "a.onnx").exists()

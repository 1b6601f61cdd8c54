"""Networks as one Python file: they predict as the library does, and need NumPy alone."""

from __future__ import annotations

import runpy
import subprocess
import sys

import chainrule as cr
import numpy as np
import pytest
from chainrule._network import ACTIVATIONS
from chainrule.export import to_numpy
from chainrule.export._numpy import write_numpy
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
from hypothesis import given, settings
from hypothesis import strategies as st

ONE_INSTRUCTION_SET_WILL_DO = True
ALONE = "import sys; sys.modules['chainrule'] = None; import runpy; runpy.run_path(sys.argv[1], run_name='__main__')"


def written(parts, folder):
    """Write a file, run it, and return what it defines and what was measured."""
    path = folder / "network.py"
    done = write_numpy(parts, str(path))
    names = runpy.run_path(str(path))
    assert names["MEASURED_ERROR"] == done.error
    assert names["ERROR_BOUND"] == done.bound
    return names, done


def alone(path, code=0):
    """Run the file where chainrule cannot be imported; return what it prints."""
    done = subprocess.run(
        [sys.executable, "-I", "-W", "error", "-c", ALONE, path],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize(("activation", "bias", "dtype"), ALL_ACTIVATIONS)
def test_every_activation_predicts_within_the_bound(backend, tmp_path, activation, bias, dtype):
    parts = parts_of(network(activation, dtype, bias))
    names, done = written(parts, tmp_path)
    assert names["self_test"]() == done.error <= done.bound
    X = rows_for(parts, 100)
    assert_right(parts, X, names["predict"](X))
    np.testing.assert_array_equal(names["predict"](X[:1]).shape, (1, 3))
    assert names["predict"](X[:0]).shape == (0, 3)
    assert f"{backend} core" in names["__doc__"]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_nan_infinities_and_the_ends_are_those_of_the_library(tmp_path, activation, dtype):
    parts = parts_of(single(activation, dtype))
    names, _ = written(parts, tmp_path)
    X = np.array(SPECIAL, dtype)[:, None]
    assert_right_at_the_ends(parts, X, names["predict"](X))


@pytest.mark.parametrize("kind", SCALERS)
def test_scalers_are_those_of_the_library(tmp_path, dtype, kind):
    model = network("tanh", dtype)
    parts = parts_of(model, fitted(kind, 5), fitted(kind, 3))
    names, done = written(parts, tmp_path)
    assert names["self_test"]() <= done.bound < np.inf
    X = rows_for(parts, 50)
    assert X.dtype == np.float64
    found = names["predict"](X)
    assert_right(parts, X, found)
    scaled = parts.scaler.transform(X).astype(dtype)
    expected = parts.target_scaler.inverse_transform(model.predict(scaled).astype(np.float64))
    np.testing.assert_allclose(found, expected, rtol=1e-3 if dtype == "float32" else 1e-10)


def test_float32_columns_that_float32_cannot_tell_apart_are_scaled_first(tmp_path):
    """1e9 + 1 and 1e9 + 2 are the same float32, so that the file takes float64 where it scales."""
    scaler = cr.preprocessing.MinMaxScaler().fit(1e9 + np.arange(11.0)[:, None])
    model = cr.MLP([1, 1], seed=0)
    names, _ = written(parts_of(model, scaler), tmp_path)
    np.testing.assert_allclose(
        names["predict"](1e9 + np.arange(11.0)[:, None]),
        model.predict(np.linspace(0, 1, 11, dtype="f4")[:, None]), rtol=1e-6, atol=1e-7,
    )  # fmt: skip


def test_the_file_runs_where_there_is_no_chainrule_and_tests_itself(tmp_path, dtype):
    path = tmp_path / "network.py"
    to_numpy(network("gelu", dtype), path, scaler=fitted("standard", 5), target_scaler=fitted("minmax", 3))
    text = alone(path)
    assert text.startswith("largest error ")
    assert "bound" in text


def test_a_changed_weight_is_found_by_the_self_test(tmp_path, dtype):
    path = tmp_path / "network.py"
    model = network("tanh", dtype)
    to_numpy(model, path)
    text = path.read_text(encoding="ascii")
    before = text.replace("def predict", "LAYERS[0][1][0, 0] *= 1.01\n\n\ndef predict")
    assert before != text
    path.write_text(before, encoding="ascii")
    assert "largest error" in alone(path, code=1)


def test_the_weights_are_in_the_file_exactly(tmp_path, dtype):
    model = network("relu", dtype, sizes=(16, 31, 33))
    model.weights[0][0, :3] = np.finfo(dtype).max, np.finfo(dtype).tiny / 4, -0.0
    names, _ = written(parts_of(model), tmp_path)
    for layer, (_, W, b) in enumerate(names["LAYERS"]):
        assert W.dtype == dtype
        assert W.tobytes() == model.weights[layer].tobytes()
        assert b.tobytes() == model.biases[layer].tobytes()


def test_infinite_and_nan_predictions_are_kept_as_such(tmp_path, dtype):
    names, done = written(parts_of(overflowing(dtype)), tmp_path)
    assert np.isinf(names["TEST_OUTPUTS"]).any()
    assert np.isnan(names["TEST_OUTPUTS"]).any()
    assert names["self_test"]() == done.error == 0


@given(
    sizes=st.lists(st.integers(1, 20), min_size=2, max_size=5),
    activation=st.sampled_from(ACTIVATIONS[:-1]),
    bias=st.sampled_from(["unit", "layer", None]),
    dtype=st.sampled_from(["float32", "float64"]),
    kind=st.sampled_from([None, *SCALERS]),
)
@settings(max_examples=40)
def test_any_network_predicts_within_the_bound(tmp_path_factory, sizes, activation, bias, dtype, kind):
    model = network(activation, dtype, bias, sizes)
    scalers = (None, None) if kind is None else (fitted(kind, sizes[0]), fitted(kind, sizes[-1]))
    parts = parts_of(model, *scalers)
    names, done = written(parts, tmp_path_factory.mktemp("any"))
    assert done.error <= done.bound
    X = rows_for(parts, 5)
    assert_right(parts, X, names["predict"](X))


def test_wrong_inputs_are_refused_by_the_file(tmp_path):
    names, _ = written(parts_of(network()), tmp_path)
    for wrong in (np.ones(5), np.ones((2, 4)), np.ones((1, 2, 5))):
        with pytest.raises(ValueError, match=r"X must have the shape \(rows, 5\)"):
            names["predict"](wrong)
    with pytest.raises(TypeError, match="X must hold real numbers"):
        names["predict"](np.full((1, 5), "a"))


def test_the_same_model_gives_the_same_bytes(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        to_numpy(network(), tmp_path / name / "network.py")
    first, second = ((tmp_path / name / "network.py").read_bytes() for name in ("a", "b"))
    assert first == second

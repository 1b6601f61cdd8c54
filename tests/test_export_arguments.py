"""What every exporter refuses, and that nothing is written then."""

from __future__ import annotations

import dataclasses
import importlib.util
import subprocess
import sys

import chainrule as cr
import numpy as np
import pytest
from chainrule.export import _carried, to_numpy
from chainrule.export._bound import row_bounds
from chainrule.export._vectors import make_vectors, predict
from chainrule.preprocessing import MinMaxScaler, StandardScaler
from export_cases import fitted, network, parts_of, rows_for

HAS_ONNX = importlib.util.find_spec("onnx") is not None
EXPORTERS = [
    pytest.param(
        name, marks=pytest.mark.skipif(name == "to_onnx" and not HAS_ONNX, reason="onnx is not installed")
    )
    for name in cr.export.__all__
]


class OtherScaler(MinMaxScaler):
    """Another that would compute differently."""


@pytest.fixture(params=EXPORTERS)
def export(request, tmp_path):
    """Each exporter as a function of all but the path, which must not be there afterwards if it fails."""
    path = tmp_path / "network.out"

    def call(*arguments, **options):
        try:
            getattr(cr.export, request.param)(
                *arguments[:1], arguments[1] if arguments[1:] else path, **options
            )
        except BaseException:
            assert not list(tmp_path.iterdir())
            raise
        return path

    return call


def test_a_file_is_written(export):
    assert export(network()).stat().st_size > 1000


@pytest.mark.parametrize("name", ["scaler", "target_scaler"])
@pytest.mark.parametrize(
    ("wrong", "error", "text"),
    [
        ("standard", TypeError, r"must be None, a MinMaxScaler or a StandardScaler of .*, but it is 'standard' \(str\)"),
        (OtherScaler().fit([[1.0] * 5, [2.0] * 5]), TypeError, "must be None, a MinMaxScaler or a StandardScaler"),
        (StandardScaler(), ValueError, "must be fitted, but this StandardScaler is not; call fit first"),
        (MinMaxScaler().fit([[1.0], [2.0]]), ValueError, r"is fitted to 1 column, but this MLP has \d (feature|output)s"),
    ],
)  # fmt: skip
def test_a_scaler_that_does_not_fit_is_refused(export, name, wrong, error, text):
    with pytest.raises(error, match=f"^{name} {text}"):
        export(network(), **{name: wrong})


def test_other_objects_than_models_are_refused(export):
    for wrong, what in (None, "None"), (cr.Trainer(network(), loss="mean_squared_error"), "Trainer"):
        with pytest.raises(TypeError, match=f"model must be an MLP, but it is .*{what}"):
            export(wrong)


def test_a_path_that_is_none_is_refused(export, tmp_path):
    with pytest.raises(TypeError, match="path must be a str or a path, but it is 3"):
        export(network(), 3)
    with pytest.raises(FileNotFoundError, match="there is no such folder"):
        export(network(), tmp_path / "no" / "network.out")


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_parameters_that_are_not_finite_are_refused_by_their_place(export, value):
    model = network()
    model.weights[1][3, 2] = value
    with pytest.raises(
        ValueError, match=rf"finite parameters to be exported, but weights\[1\]\[3, 2\] is {value}"
    ):
        export(model)
    model = network()
    model.biases[2][1] = value
    with pytest.raises(
        ValueError, match=rf"finite parameters to be exported, but biases\[2\]\[1\] is {value}"
    ):
        export(model)


def test_arrays_that_do_not_fit_the_model_any_more_are_refused(export):
    model = network()
    model.weights[0] = np.ones((2, 2), "f4")
    with pytest.raises(ValueError, match=r"weights\[0\]"):
        export(model)


def test_a_file_that_was_there_stays_when_an_export_fails(tmp_path):
    path = tmp_path / "network.py"
    path.write_text("mine", encoding="ascii")
    with pytest.raises(ValueError, match="must be fitted"):
        cr.export.to_numpy(network(), path, scaler=StandardScaler())
    assert path.read_text(encoding="ascii") == "mine"
    cr.export.to_numpy(network(), path)
    assert "def predict" in path.read_text(encoding="ascii")


def test_the_export_reads_the_model_and_changes_nothing(export):
    model, scaler = network(), fitted("minmax", 5)
    before = model.copy()
    export(model, scaler=scaler)
    for now, then in zip(model.weights + model.biases, before.weights + before.biases, strict=True):
        np.testing.assert_array_equal(now, then)


def test_test_vectors_depend_on_the_number_of_inputs_alone_and_lie_in_the_range_of_the_scaler(backend):
    first, second = make_vectors(parts_of(network("relu"))), make_vectors(parts_of(network("tanh")))
    np.testing.assert_array_equal(first.inputs, second.inputs)
    assert (np.abs(first.inputs) <= 1).all()
    assert (first.inputs[1:] < 0).any(axis=0).all()
    assert (first.inputs[1:] > 0).any(axis=0).all()
    scaler = fitted("minmax", 5)
    inputs = make_vectors(parts_of(network(), scaler)).inputs
    assert (inputs >= scaler.data_min_ - 1e-9).all()
    assert (inputs <= scaler.data_max_ + 1e-9).all()
    assert first.core == backend


def test_a_weight_that_is_off_by_a_thousandth_is_beyond_the_bound(dtype):
    """The bound would be of no use if it let that pass; a sum of K products is bounded by K roundings."""
    parts = parts_of(network("tanh", dtype, sizes=(50, 60, 3)))
    vectors = make_vectors(parts)
    parts.weights[1][:, 0] *= np.asarray(1.001, dtype)
    assert np.abs(make_vectors(parts).outputs - vectors.outputs).max() > vectors.bound


def test_the_bound_of_a_deep_network_tells_one_gelu_from_the_other():
    """They are 5e-4 apart at most; the worst case of all roundings is a thousand times as much here."""
    parts = parts_of(network("gelu", sizes=(40, *[100] * 4, 1)))
    other = parts_of(network("gelu_tanh", sizes=(40, *[100] * 4, 1)))
    vectors = make_vectors(parts)
    assert np.abs(make_vectors(other).outputs - vectors.outputs).max() > vectors.bound


def test_errors_that_have_all_the_same_sign_of_weight_stay_within_the_bound(dtype, monkeypatch):
    """All units of a layer inherit the same errors then, which squares of single layers would miss."""
    model = network("relu", dtype, sizes=(30, 100, 100, 100, 1))
    model.weights = [np.abs(w) for w in model.weights]
    parts = parts_of(model)
    X = rows_for(parts, 200)
    exact = dataclasses.replace(
        parts,
        network=dataclasses.replace(parts.network, dtype="float64"),
        weights=[w.astype(np.float64) for w in parts.weights],
        biases=[b.astype(np.float64) for b in parts.biases],
    )
    error = np.abs(predict(parts, X).astype(float) - predict(exact, X.astype(np.float64)))
    bounds = row_bounds(parts, X)
    assert (error <= bounds).all()
    monkeypatch.setattr(_carried, "MOST_WORK", -1)
    assert (bounds < row_bounds(parts, X)).all()  # which is the worst case


def test_the_bound_grows_with_the_number_of_inputs_and_knows_exact_sums(dtype):
    sizes = {n: parts_of(network("identity", dtype, sizes=(n, 1))) for n in (1, 10, 100)}
    bounds = [row_bounds(parts, np.ones((1, n)))[0, 0] for n, parts in sizes.items()]
    assert bounds == sorted(bounds)
    assert 50 < bounds[2] / bounds[0] < 5000
    few, many = (
        row_bounds(sizes[n], np.ones((1, n)))[0, 0] / np.abs(sizes[n].weights[0]).sum() for n in (10, 100)
    )
    assert 2 < many / few < 5  # the square root of 10, relative to the absolute sum
    zero = parts_of(network("step", dtype, None, sizes=(2, 1)))
    assert row_bounds(zero, np.zeros((1, 2))) == 0


def test_sums_that_may_overflow_in_another_order_have_no_bound(tmp_path):
    largest = np.finfo("f4").max
    model = cr.MLP([4, 4, 2], activation="identity", seed=0)
    model.weights[0][:] = [
        [0, largest, 0, 0],
        [0, -largest, 0, 0],
        [0, 0, 1e16, 1],
        [1e8, 0.1, -1 / 3, largest],
    ]
    model.biases[0][:] = [largest, -largest, 0, 0]
    assert make_vectors(parts_of(model)).bound == np.inf
    to_numpy(model, tmp_path / "large.py")
    subprocess.run([sys.executable, tmp_path / "large.py"], check=True, capture_output=True)  # its own test


def test_importing_chainrule_does_not_import_the_exporters():
    program = "import chainrule, sys; print([m for m in sys.modules if 'export' in m or m == 'onnx'])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"

"""The model: parameters, prediction, what it takes as inputs, copies."""

from __future__ import annotations

import copy
import pickle
import threading
import weakref
from pathlib import Path
from typing import Any

import chainrule as cr
import numpy as np
import pytest
from chainrule import inputs
from chainrule.inputs import as_dtype
from conftest import load_core

INPUTS = np.random.default_rng(0).standard_normal((6, 4))


def a_model(dtype: str = "float32", **changes: Any) -> cr.MLP:
    arguments = {"activation": "tanh", "output_activation": "sigmoid", "dtype": dtype, "seed": 3, **changes}
    return cr.MLP([4, 5, 3], **arguments)


def rows(dtype: str = "float32") -> np.ndarray:
    return INPUTS.astype(dtype)


def parameters(model: cr.MLP) -> list[np.ndarray]:
    return [*model.weights, *model.biases]


def test_prediction_is_the_formula(backend: str, dtype: str) -> None:
    model = a_model(dtype)
    model.biases[0][:] = [0.1, -0.2, 0.3, 0.0, 1.0]
    hidden = np.tanh(INPUTS @ model.weights[0].astype(float) + model.biases[0])
    expected = 1 / (1 + np.exp(-(hidden @ model.weights[1].astype(float) + model.biases[1])))
    prediction = model.predict(rows(dtype))
    assert prediction.dtype == dtype
    np.testing.assert_allclose(prediction, expected, rtol=1e-5 if dtype == "float32" else 1e-13)


def test_dropout_does_nothing_in_prediction(backend: str) -> None:
    assert np.array_equal(a_model(dropout=0.9).predict(rows()), a_model().predict(rows()))


@pytest.mark.parametrize(("bias", "shapes"), [("unit", [(5,), (3,)]), ("layer", [(1,), (1,)]), (None, [])])
def test_biases_have_the_shape_of_their_kind_and_begin_at_zero(bias: str | None, shapes: Any) -> None:
    model = a_model(bias=bias)
    assert [b.shape for b in model.biases] == shapes
    assert all(not b.any() for b in model.biases)
    assert [w.shape for w in model.weights] == [(4, 5), (5, 3)]
    assert model.n_parameters == sum(p.size for p in parameters(model))


def test_the_seed_decides_the_weights_and_none_draws_one_that_is_kept() -> None:
    drawn, other = a_model(seed=None), a_model(seed=None)
    assert drawn.seed != other.seed
    again = a_model(seed=drawn.seed)
    assert all(np.array_equal(a, b) for a, b in zip(drawn.weights, again.weights, strict=True))


def test_activation_and_dropout_are_one_value_or_one_per_hidden_layer() -> None:
    model = cr.MLP([2, 3, 4, 1], activation=["relu", "tanh"], dropout=[0.1, 0.2])
    assert model.network.activations == ("relu", "tanh", "identity")
    assert model.network.dropout == (0.1, 0.2)
    assert cr.MLP([2, 3, 4, 1], dropout=0.5).network.dropout == (0.5, 0.5)
    assert cr.MLP([2, 1], activation="tanh", dropout=0.5).network.activations == ("identity",)


class Table:
    """Anything with __array__, as a pandas DataFrame."""

    def __init__(self, values: Any) -> None:
        self.values = np.asarray(values)

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
        return self.values if dtype is None else self.values.astype(dtype)


def read_only(array: np.ndarray) -> np.ndarray:
    array = array.copy()
    array.flags.writeable = False
    return array


def misaligned(array: np.ndarray) -> np.ndarray:
    memory = np.zeros(array.nbytes + 1, np.uint8)
    view = memory[1:].view(array.dtype).reshape(array.shape)
    view[:] = array
    return view


LAYOUTS = {
    "list": lambda X: X.tolist(),
    "tuple of tuples": lambda X: tuple(map(tuple, X.tolist())),
    "list of arrays": list,
    "Fortran": np.asfortranarray,
    "big-endian": lambda X: X.astype(X.dtype.newbyteorder(">")),
    "every second column": lambda X: np.repeat(X, 2, axis=1)[:, ::2],
    "every second row": lambda X: np.repeat(X, 2, axis=0)[::2],
    "rows backwards": lambda X: X[::-1].copy()[::-1],
    "offset": lambda X: np.pad(X, 1)[1:-1, 1:-1],
    "read-only": read_only,
    "misaligned": misaligned,
    "table": Table,
    "matrix subclass": lambda X: X.view(type("Sub", (np.ndarray,), {})),
    "masked without a mask": np.ma.array,
    "one row broadcast": lambda X: np.broadcast_to(X[:1], X.shape),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_inputs_may_have_any_layout(backend: str, dtype: str, layout: str) -> None:
    X = np.broadcast_to(rows(dtype)[:1], (6, 4)) if "broadcast" in layout else rows(dtype)
    expected = a_model(dtype).predict(X.copy())
    assert np.array_equal(a_model(dtype).predict(LAYOUTS[layout](X)), expected)


@pytest.mark.parametrize("kind", ["bool", "int8", "uint16", "int64", "uint64", ">i4", "float16"])
def test_inputs_may_be_integers_bools_and_half_floats(backend: str, dtype: str, kind: str) -> None:
    X = (np.abs(INPUTS) * 2).astype(kind)
    assert np.array_equal(a_model(dtype).predict(X), a_model(dtype).predict(X.astype(dtype)))


def test_a_memory_mapped_file_is_read_in_place(backend: str, tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", rows())
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    assert np.shares_memory(as_dtype(mapped, "X", "float32"), mapped)
    assert np.array_equal(a_model().predict(mapped), a_model().predict(rows()))


def test_an_array_of_the_models_dtype_is_not_copied(dtype: str) -> None:
    X = rows(dtype)
    assert as_dtype(X, "X", dtype) is X
    strided = np.pad(X, 1)[1:-1, 1:-1]
    assert as_dtype(strided, "X", dtype) is strided


@pytest.mark.parametrize("kind", ["float64", "longdouble"])
def test_wider_floats_are_rounded_with_a_warning_that_points_at_the_caller(backend: str, kind: str) -> None:
    X = INPUTS.astype(kind)
    text = r"^X is .* rounded to float32.*convert X beforehand or choose"
    with pytest.warns(cr.DtypeConversionWarning, match=text) as caught:
        prediction = a_model().predict(X)
    assert [warning.filename for warning in caught] == [__file__]
    assert np.array_equal(prediction, a_model().predict(X.astype("float32")))


def test_a_number_too_large_for_the_dtype_is_an_error_not_infinity(backend: str) -> None:
    X = INPUTS.copy()
    X[2, 1] = 1e300
    with (
        pytest.warns(cr.DtypeConversionWarning),
        pytest.raises(ValueError, match=r"^X\[2, 1\] is 1e\+300, which is too large for float32"),
    ):
        a_model().predict(X)
    with pytest.raises(ValueError, match=r"X\[2, 1\]"):
        a_model().predict(X.tolist())


class Sparse:
    def toarray(self) -> np.ndarray:
        return INPUTS


class Elsewhere:
    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
        raise RuntimeError("copy it to the host first")


@pytest.mark.parametrize(
    ("X", "text"),
    [
        (rows()[0], r"^X must have 2 dimensions .*X\.reshape\(1, -1\)"),
        (rows()[0].tolist(), r"^X must have 2 dimensions .*X\.reshape\(1, -1\)"),
        (rows()[:, :3], r"^X has 3 features, but this MLP expects 4"),
        (rows()[:, :1], r"^X has 1 feature, but this MLP expects 4"),
        (Sparse(), r"^X is sparse \(Sparse\); use X\.toarray\(\)"),
        (Elsewhere(), r"^X cannot be made an array: copy it to the host first"),
        (np.ma.array(INPUTS, mask=INPUTS > 1), r"^X is a masked array with masked entries"),
        (INPUTS * 1j, r"^X must hold real numbers, but its dtype is complex128"),
    ],
)
def test_errors_say_what_to_do(backend: str, X: Any, text: str) -> None:
    with pytest.raises((ValueError, TypeError), match=text):
        a_model().predict(X)


@pytest.mark.parametrize("position", [(0, 0), (99, 3), (50, 1)])
@pytest.mark.parametrize("block", [1, 7, 399, 400, 10**6])
def test_one_number_that_is_not_finite_is_found_wherever_it_is(
    monkeypatch: pytest.MonkeyPatch, position: tuple[int, int], block: int
) -> None:
    monkeypatch.setattr(inputs, "BLOCK", block)
    X = np.ones((100, 4))
    assert inputs.all_finite(X)
    X[position] = -np.inf
    assert not inputs.all_finite(X)
    with pytest.raises(ValueError, match=rf"^X\[{position[0]}, {position[1]}\] is -inf"):
        inputs.check_finite(X, "X")


def test_nan_and_infinity_flow_through_prediction(backend: str, dtype: str) -> None:
    X = rows(dtype)
    X[0, 0], X[1, 1], X[2, 2] = np.nan, np.inf, -np.inf
    prediction = a_model(dtype).predict(X)
    assert np.isnan(prediction[0]).all()
    assert np.isfinite(prediction[1:]).all()


def test_no_rows_give_no_predictions(backend: str, dtype: str) -> None:
    prediction = a_model(dtype).predict(np.empty((0, 4), dtype))
    assert prediction.shape == (0, 3)
    assert prediction.dtype == dtype


def test_the_result_goes_to_out(backend: str, dtype: str) -> None:
    model, out = a_model(dtype), np.full((6, 3), 7, dtype)
    expected = model.predict(rows(dtype))
    assert model.predict(rows(dtype), out) is out
    assert np.array_equal(out, expected)
    assert model.predict(rows(dtype), out=out, n_threads=1) is out


@pytest.mark.parametrize("width", [1, 7, 16, 33])
def test_a_row_has_the_same_bits_in_any_batch(dtype: str, width: int) -> None:
    load_core("native")
    X = np.random.default_rng(1).standard_normal((67, width)).astype(dtype)
    with cr.backend("native"):
        model = cr.MLP([width, 19, 5], activation="sigmoid", output_activation="softmax", dtype=dtype, seed=0)
        whole = model.predict(X)
        for n in (1, 2, 3, 8, 17, 64):
            parts = np.concatenate([model.predict(X[i : i + n]) for i in range(0, len(X), n)])
            assert np.array_equal(parts, whole)


def test_what_is_written_into_the_parameters_or_put_in_their_place_counts(backend: str) -> None:
    model = a_model(output_activation="identity")
    model.weights[1][:] = 0
    assert not model.predict(rows()).any()
    model.biases = [np.zeros(5, "f4"), np.array([1, 2, 3], "f4")]
    assert np.array_equal(model.predict(rows()), np.tile(np.array([1, 2, 3], "f4"), (6, 1)))
    model.weights[1] = read_only(model.weights[1])
    model.predict(rows())


def test_prediction_changes_nothing(backend: str) -> None:
    model, X = a_model(), rows()
    before = pickle.dumps(model)
    model.predict(X)
    assert pickle.dumps(model) == before
    assert np.array_equal(X, rows())


@pytest.mark.parametrize(
    "duplicate",
    [
        cr.MLP.copy,
        copy.copy,
        copy.deepcopy,
        *(lambda m, p=p: pickle.loads(pickle.dumps(m, p)) for p in range(6)),
    ],
)
def test_a_copy_is_equal_and_apart(backend: str, dtype: str, duplicate: Any) -> None:
    model = a_model(dtype, dropout=0.25, bias="layer", input_dropout=0.5, input_noise=0.125)
    twin = duplicate(model)
    assert twin.network == model.network
    assert twin.seed == model.seed
    assert np.array_equal(twin.predict(rows(dtype)), model.predict(rows(dtype)))
    for mine, its in zip(parameters(model), parameters(twin), strict=True):
        assert np.array_equal(mine, its)
        assert its.flags.writeable
        assert not np.shares_memory(mine, its)


def test_a_model_is_shown_as_what_makes_it() -> None:
    model = a_model(dropout=0.5, bias=None, input_dropout=0.25, input_noise=1e-7)
    twin = eval(repr(model), {"MLP": cr.MLP})
    assert twin.network == model.network
    assert twin.seed == model.seed
    text = model.summary()
    assert "tanh" in text
    assert str(model.n_parameters) in text
    assert "no biases, input dropout 0.25, input noise 1e-07\n" in text
    assert "input" not in a_model().summary().splitlines()[0]


def test_a_misspelt_attribute_is_refused() -> None:
    with pytest.raises(AttributeError):
        a_model().weight = []  # type: ignore[attr-defined]
    with pytest.raises(AttributeError):
        a_model().network = None  # type: ignore[assignment, misc]
    model = a_model()
    assert weakref.ref(model)() is model


def test_threads_may_predict_on_one_model(backend: str) -> None:
    model, found, X = a_model(), [], rows()
    expected = model.predict(X)

    def work() -> None:
        with cr.backend(backend):
            found.extend(np.array_equal(model.predict(X), expected) for _ in range(50))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [True] * 200

"""Lists of arrays as Keras models give and take them. Keras itself is not needed: these are arrays in a known order."""

from __future__ import annotations

import subprocess
import sys
from itertools import pairwise

import chainrule as cr
import numpy as np
import pytest
from chainrule.interchange import from_keras_weights, to_keras_weights
from export_cases import assert_right, network, parts_of, rows_for


def weights_of(sizes, dtype="float32", bias=True, seed=0):
    """Kernels and biases in the order in which Keras gives those of Dense layers."""
    rng = np.random.default_rng(seed)
    arrays = []
    for n_in, n_out in pairwise(sizes):
        arrays.append(rng.normal(size=(n_in, n_out)).astype(dtype))
        if bias:
            arrays.append(rng.normal(size=n_out).astype(dtype))
    return arrays


def dense(weights, X, last=lambda z: z):
    """What Dense layers with tanh compute, with a bias each: dot(input, kernel) + bias, by the manual of Keras."""
    A = X
    for i in range(0, len(weights), 2):
        Z = A @ weights[i] + weights[i + 1]
        A = last(Z) if i + 2 == len(weights) else np.tanh(Z)
    return A


@pytest.mark.parametrize("hidden", [0, 1, 2, 5])
def test_outputs_are_those_of_dense_layers(backend, dtype, hidden):
    weights = weights_of([*[4, 7, 3, 8, 5, 6][: hidden + 1], 2], dtype)
    model = from_keras_weights(weights, activation="tanh", output_activation="sigmoid")
    parts = parts_of(model)
    X = rows_for(parts, 20)
    expected = dense(
        [w.astype(np.float64) for w in weights], X.astype(np.float64), lambda z: 1 / (1 + np.exp(-z))
    )
    assert_right(parts, X, expected.astype(dtype))
    assert model.dtype == dtype


@pytest.mark.parametrize("bias", ["unit", None])
@pytest.mark.parametrize("hidden", [0, 1, 5])
def test_a_way_out_and_back_has_the_same_bits(dtype, bias, hidden):
    model = network("elu", dtype, bias, (5, *[9, 8, 17, 1, 33][:hidden], 3))
    weights = to_keras_weights(model)
    back = from_keras_weights(weights, activation=["elu"] * hidden, output_activation="elu")
    assert back.network == model.network
    for ours, theirs in (model.weights, back.weights), (model.biases, back.biases):
        assert [a.tobytes() for a in ours] == [a.tobytes() for a in theirs]
    assert len(weights) == (hidden + 1) * (1 if bias is None else 2)


def test_a_single_bias_of_a_layer_is_repeated_for_its_units(backend):
    model = network("tanh", "float32", "layer")
    weights = to_keras_weights(model)
    assert [w.shape for w in weights] == [(5, 9), (9,), (9, 17), (17,), (17, 3), (3,)]
    assert weights[1].tolist() == [float(model.biases[0][0])] * 9
    X = rows_for(parts_of(model), 5)
    back = from_keras_weights(weights, activation="tanh", output_activation="tanh")
    assert_right(parts_of(model), X, back.predict(X))


def test_nothing_is_shared():
    weights = weights_of([3, 4, 2])
    model = from_keras_weights(weights, activation="relu", output_activation="identity")
    given = to_keras_weights(model)
    for array in given:
        assert array.flags.owndata
        assert array.flags.writeable
        for other in (*weights, *model.weights, *model.biases):
            assert not np.shares_memory(array, other)
    for array in weights:
        for other in (*model.weights, *model.biases):
            assert not np.shares_memory(array, other)


def test_activations_may_be_one_each_and_the_seed_is_0():
    weights = weights_of([3, 4, 2, 5])
    model = from_keras_weights(weights, activation=["relu", "silu"], output_activation="softmax")
    assert model.network.activations == ("relu", "silu", "softmax")
    assert model.seed == 0


@pytest.mark.parametrize(
    "layout", ["fortran", "reversed", "big-endian", "read-only", "subclass", "unaligned"]
)
def test_any_layout_of_memory_is_taken(layout):
    weights = weights_of([3, 4])
    expected = [w.tobytes() for w in weights]
    if layout == "fortran":
        weights = [np.asfortranarray(w) for w in weights]
    elif layout == "reversed":
        weights = [w[::-1].copy()[::-1] for w in weights]
    elif layout == "big-endian":
        weights = [w.astype(">f4") for w in weights]
    elif layout == "subclass":
        weights = [w.view(type("Named", (np.ndarray,), {})) for w in weights]
    elif layout == "unaligned":
        weights = [np.frombuffer(b" " + w.tobytes(), np.float32, offset=1).reshape(w.shape) for w in weights]
    for array in weights:
        array.flags.writeable = False
    model = from_keras_weights(weights, output_activation="identity")
    assert [a.tobytes() for a in (*model.weights, *model.biases)] == expected
    assert all(type(a) is np.ndarray and a.flags.carray for a in (*model.weights, *model.biases))


def test_the_dtype_is_the_widest_or_what_was_asked_for():
    weights = weights_of([3, 4], "float64")
    assert from_keras_weights(weights, output_activation="identity").dtype == "float64"
    mixed = [weights[0].astype("float16"), weights[1]]
    assert from_keras_weights(mixed, output_activation="identity").dtype == "float64"
    narrow = from_keras_weights(weights, output_activation="identity", dtype=np.float32)
    assert narrow.dtype == "float32"
    assert narrow.weights[0].tobytes() == weights[0].astype("float32").tobytes()
    half = [w.astype("float16") for w in weights]
    model = from_keras_weights(half, output_activation="identity")
    assert model.dtype == "float32"
    assert (model.weights[0] == half[0].astype(float)).all()


def test_bfloat16_becomes_float32_exactly():
    ml_dtypes = pytest.importorskip("ml_dtypes", reason="NumPy has no bfloat16 without ml_dtypes")
    weights = [w.astype(ml_dtypes.bfloat16) for w in weights_of([3, 4])]
    model = from_keras_weights(weights, output_activation="identity")
    assert model.dtype == "float32"
    assert (model.weights[0] == weights[0].astype(np.float64)).all()


def replaced(i, array):
    weights = weights_of([3, 4, 2])
    weights[i] = array
    return weights


f = np.float32
REFUSED = [
    ({"kernel": 1}, TypeError, r"weights must be a list or a tuple, but it is \{'kernel': 1\} \(dict\)"),
    (np.zeros((2, 2, 2), f), TypeError, "weights must be a list or a tuple"),
    ([], ValueError, "weights must have at least one array"),
    ([[[1.0]]], TypeError, r"weights\[0\] must be a NumPy array, but it is"),
    (replaced(0, np.zeros((3, 4), int)), TypeError, r"weights\[0\] must be float16, bfloat16, float32 or float64, but it is int64"),
    (replaced(1, np.zeros(4, complex)), TypeError, r"weights\[1\] must be .*, but it is complex128"),
    (replaced(0, np.zeros((3, 4), object)), TypeError, r"weights\[0\] must be .*, but it is object"),
    (replaced(0, np.ma.masked_all((3, 4), f)), TypeError, r"weights\[0\] must be a NumPy array"),
    (replaced(1, np.array([0, np.nan, 0, 0], f)), ValueError, r"weights\[1\]\[1\] is nan, but every number must be finite"),
    (replaced(2, np.array([[0, np.inf]] * 4, f)), ValueError, r"weights\[2\]\[0, 1\] is inf"),
    (replaced(0, np.zeros((4, 4, 3), f)), ValueError, r"weights\[0\] has shape \(4, 4, 3\), but 2 dimensions \(n_in, n_out\) are"),
    (replaced(2, np.zeros((2, 4), f)), ValueError, r"weights\[2\] has shape \(2, 4\), for 2 inputs, but the layer before it has 4 outputs; \(n_in, n_out\) is expected, and transposed it would fit"),
    (replaced(2, np.zeros((5, 2), f)), ValueError, r"weights\[2\] has shape \(5, 2\), for 5 inputs, but the layer before it has 4 outputs$"),
    (replaced(1, np.zeros(3, f)), ValueError, r"weights\[1\] has shape \(3,\), but weights\[0\] of shape \(3, 4\) has 4 outputs"),
    (weights_of([3, 4]) + [np.ones(4, f)] * 4, ValueError, r"weights\[2\] has shape \(4,\), but 2 dimensions"),
    (weights_of([3, 4, 2])[:-1], ValueError, r"a bias after weights\[2\] is missing, but weights\[1\] is there"),
    (weights_of([3, 4, 2])[:1] + weights_of([3, 4, 2])[2:], ValueError, r"a bias after weights\[0\] is missing, but weights\[2\] is there"),
    ([np.zeros((0, 2), f)], ValueError, r"layer_sizes\[0\] must be at least 1"),
]  # fmt: skip


@pytest.mark.parametrize(("weights", "error", "text"), REFUSED)
def test_what_does_not_fit_is_refused_by_name(weights, error, text):
    with pytest.raises(error, match=text):
        from_keras_weights(weights, activation="relu", output_activation="identity")


def test_a_number_that_is_too_large_for_the_dtype_is_refused():
    weights = [np.full((2, 1), 1e200)]
    with pytest.raises(ValueError, match=r"weights\[0\] has a number that is too large for float32"):
        from_keras_weights(weights, output_activation="identity", dtype="float32")
    assert from_keras_weights(weights, output_activation="identity").weights[0][0, 0] == 1e200


def test_activations_must_be_given_and_known():
    weights = weights_of([3, 4, 2])
    with pytest.raises(ValueError, match="activation must be given, as a list of arrays does not tell"):
        from_keras_weights(weights, output_activation="identity")
    with pytest.raises(
        ValueError, match="output_activation must be given, as a list of arrays does not tell"
    ):
        from_keras_weights(weights, activation="relu")
    with pytest.raises(ValueError, match=r"activation must be one of identity, .* but it is 'swish'"):
        from_keras_weights(weights, activation="swish", output_activation="identity")
    with pytest.raises(ValueError, match="activation has 2 entries, but there are 1 hidden layer"):
        from_keras_weights(weights, activation=["relu", "relu"], output_activation="identity")
    with pytest.raises(ValueError, match="dtype must be float32 or float64, but it is 'float16'"):
        from_keras_weights(weights, activation="relu", output_activation="identity", dtype="float16")


def test_only_a_model_with_finite_parameters_goes_out():
    with pytest.raises(TypeError, match="model must be an MLP, but it is None"):
        to_keras_weights(None)
    model = network()
    model.biases[1][2] = np.nan
    with pytest.raises(ValueError, match=r"biases\[1\]\[2\] is nan"):
        to_keras_weights(model)


def test_no_other_library_is_imported():
    code = (
        "import sys, numpy as np, chainrule as cr; cr.interchange.from_torch({'weight': np.ones((2, 3))}, output_activation='relu')\n"
        "cr.interchange.from_keras_weights(cr.interchange.to_keras_weights(cr.MLP([2, 1])), output_activation='identity')\n"
        "assert not {'torch', 'sklearn', 'scipy', 'keras', 'tensorflow'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    subprocess.run(
        [sys.executable, "-c", "import sys, chainrule; assert 'chainrule.interchange' not in sys.modules"],
        check=True,
    )


def test_what_came_in_trains_on(backend):
    model = from_keras_weights(weights_of([3, 4, 2]), activation="relu", output_activation="identity")
    X = np.random.default_rng(1).normal(size=(32, 3)).astype("float32")
    trainer = cr.Trainer(model, loss="mean_squared_error", optimizer=cr.SGD(0.05), batch_size=8)
    history = trainer.fit(X, X[:, :2], epochs=10)
    assert history.loss[-1] < history.loss[0]

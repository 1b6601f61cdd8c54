"""Predictors: single rows through a frozen model, by both cores."""

from __future__ import annotations

import pickle
import threading
import tracemalloc
from itertools import product

import chainrule as cr
import numpy as np
import pytest
from array_cases import SPECIAL, WIDTHS
from chainrule._network import ACTIVATIONS, BIASES, Network
from chainrule.predictor import freeze
from processes import run_python
from training_cases import WIDEST, make_case


def numbers(shape, dtype, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(dtype)


def frozen(sizes, activations, dtype="float32", bias="unit"):
    """A network with random parameters, as (network, weights, biases), and its predictor."""
    network = Network(tuple(sizes), tuple(activations), bias, (0.0,) * (len(sizes) - 2), dtype)
    weights = [numbers(shape, dtype, i) / np.sqrt(shape[0]) for i, shape in enumerate(network.weight_shapes)]
    weights = [w.astype(dtype) for w in weights]
    biases = [numbers(shape, dtype, 99 + i) for i, shape in enumerate(network.bias_shapes)]
    return (network, weights, biases), freeze(network, weights, biases)


def model_of(backend, dtype="float32", **options):
    return cr.MLP([4, 8, 3], dtype=dtype, seed=0, **options)


# What it computes


@pytest.mark.parametrize("rows", [1, 2, 3, 4, 5, 6, 7, 9])
def test_every_row_has_the_bits_of_forward(native, dtype, rows):
    for K, N in product(WIDTHS, repeat=2):
        parts, predictor = frozen((K, N, 3, N), ("relu", "tanh", "identity"), dtype)
        X = numbers((rows, K), dtype)
        expected = native.forward(*parts, X, n_threads=1)
        np.testing.assert_array_equal(predictor(X), expected, err_msg=f"{K} {N}")
        np.testing.assert_array_equal(predictor(X[-1]), expected[-1], err_msg=f"{K} {N}")


@pytest.mark.parametrize("name", ACTIVATIONS)
@pytest.mark.parametrize("bias", [*BIASES, None])
def test_every_activation_has_the_bits_of_forward(native, dtype, name, bias):
    for width in WIDTHS:
        hidden = "relu" if name == "softmax" else name
        parts, predictor = frozen((7, width, width), (hidden, name), dtype, bias)
        X = 3 * numbers((6, 7), dtype)
        X[1:3] = np.resize(np.array(SPECIAL, dtype), (2, 7))
        X[3] *= np.finfo(dtype).tiny  # subnormal sums count as zero in every native call
        expected = native.forward(*parts, X)
        np.testing.assert_array_equal(predictor(X), expected)
        for row, right in zip(X, expected, strict=True):
            np.testing.assert_array_equal(predictor(row), right)


@pytest.mark.parametrize("kind", WIDEST)
def test_random_networks_have_the_bits_of_forward(native, dtype, kind):
    for seed in range(20):
        case = make_case(seed, dtype, kind)
        predictor = freeze(case.network, case.state.weights, case.state.biases)
        expected = case.forward(native)
        np.testing.assert_array_equal(predictor(case.X), expected)
        np.testing.assert_array_equal(np.array([predictor(row) for row in case.X]), expected)


@pytest.mark.parametrize("sizes", [(600, 700, 33), (3, 9000, 2), (2100, 400, 5)], ids=str)
def test_large_networks_read_in_either_direction_have_the_bits_of_forward(native, dtype, sizes):
    parts, predictor = frozen(sizes, ("relu", "identity"), dtype)
    X = numbers((6, sizes[0]), dtype)
    expected = native.forward(*parts, X)
    for start in (0, 1, 2, 3, 5, 0):  # each call goes the other way than the one before
        np.testing.assert_array_equal(predictor(X[start:]), expected[start:])
        np.testing.assert_array_equal(predictor(X[start]), expected[start])


def test_one_row_has_the_bits_of_predict(backend, dtype):
    model = model_of(backend, dtype, output_activation="softmax")
    predictor, X = model.predictor(), numbers((5, 4), dtype)
    for row in X:
        np.testing.assert_array_equal(predictor(row), model.predict(row.reshape(1, -1))[0])
    np.testing.assert_array_equal(predictor(X), model.predict(X))
    assert predictor(X[:0]).shape == (0, 3)


def test_the_result_goes_where_it_is_told(backend, dtype):
    predictor, X = model_of(backend, dtype).predictor(), numbers((5, 4), dtype)
    whole = np.full((7, 3), 99, dtype)
    assert predictor(X, whole[1:-1]).base is whole
    np.testing.assert_array_equal(whole[1:-1], predictor(X))
    assert (whole[[0, -1]] == 99).all()
    one = np.full(5, 99, dtype)
    predictor(X[2], out=one[1:-1])
    np.testing.assert_array_equal(one[1:-1], predictor(X[2]))
    assert (one[[0, -1]] == 99).all()


def test_read_only_rows_and_mapped_rows_are_read_where_they_lie(backend, tmp_path):
    predictor, X = model_of(backend).predictor(), numbers((2, 4), "float32")
    expected = predictor(X)
    X.flags.writeable = False
    np.testing.assert_array_equal(predictor(X), expected)
    X.tofile(tmp_path / "rows")
    mapped = np.memmap(tmp_path / "rows", np.float32, "r", shape=(2, 4))
    np.testing.assert_array_equal(predictor(mapped), expected)
    out = np.memmap(tmp_path / "out", np.float32, "w+", shape=(2, 3))
    assert predictor(mapped, out) is out
    np.testing.assert_array_equal(out, expected)


# That it is frozen, and whose it is


def test_a_model_trained_further_does_not_change_its_predictor(backend):
    model, x = model_of(backend), numbers(4, "float32")
    predictor = model.predictor()
    before = predictor(x)
    trainer = cr.Trainer(model, loss="mean_squared_error", optimizer=cr.SGD(0.1))
    trainer.fit(numbers((20, 4), "float32"), numbers((20, 3), "float32"), epochs=2)
    model.biases[0][:] = 7
    np.testing.assert_array_equal(predictor(x), before)
    assert not (model.predictor()(x) == before).any()


def test_it_says_what_it_is_and_cannot_be_changed(backend, dtype):
    model = model_of(backend, dtype)
    predictor = model.predictor()
    assert isinstance(predictor, cr.Predictor)
    assert (predictor.n_inputs, predictor.n_outputs, predictor.dtype) == (4, 3, dtype)
    assert predictor.network == model.network
    text = "Predictor([4, 8, 3], activation=['relu'], output_activation='identity', "
    assert repr(predictor) == f"{text}dtype={dtype!r}, backend={backend!r})"
    for name in ("network", "n_inputs", "n_outputs", "dtype", "anything"):
        with pytest.raises(AttributeError):
            setattr(predictor, name, 1)


def test_it_keeps_the_core_it_was_made_with(backend):
    predictor = model_of(backend).predictor()
    for other in ("native", "reference"):
        with cr.backend(other):
            predictor(numbers(4, "float32"))
            assert f"backend={backend!r}" in repr(predictor)


@pytest.mark.parametrize("bias", [*BIASES, None])
def test_a_pickled_predictor_gives_the_same_bits(backend, dtype, bias):
    model = model_of(backend, dtype, bias=bias, activation="tanh")
    for array in model.biases:
        array[:] = numbers(array.shape, dtype)
    predictor, x = model.predictor(), numbers(4, dtype)
    data = pickle.dumps(predictor)
    again = pickle.loads(data)
    assert repr(again) == repr(predictor)
    np.testing.assert_array_equal(again(x), predictor(x))
    with cr.backend("reference"):
        np.testing.assert_array_equal(pickle.loads(data)(x), model.predict(x.reshape(1, -1))[0])


def test_parameters_that_do_not_fit_are_refused(backend):
    model = model_of(backend)
    model.weights[1] = model.weights[1].T
    with pytest.raises(ValueError, match=r"weights\[1\]"):
        model.predictor()


def test_the_reference_needs_no_compiled_module():
    program = (
        "import sys\n"
        "for name in ('_core', '_predictor', 'cython_api'): sys.modules[f'chainrule.{name}'] = None\n"
        "import numpy, chainrule as cr\n"
        "print(cr.MLP([2, 1], seed=0).predictor()(numpy.ones(2, 'f4')).shape)"
    )
    assert run_python(program, CHAINRULE_BACKEND="reference").strip() == "(1,)"


# Wrong arguments


def x_and_out(memory=None):
    memory = numbers(7, "float32") if memory is None else memory
    return memory[:4], memory[3:6]


BAD_X = {
    "a list": ([1.0] * 4, TypeError, "x must be a NumPy array, but it is [1.0, 1.0, 1.0, 1.0] (list)"),
    "nothing": (None, TypeError, "x must be a NumPy array, but it is None"),
    "float64": (
        np.ones(4), TypeError,
        'x is float64, but this predictor is float32 and converts nothing; use x.astype("float32")',
    ),
    "int": (np.ones(4, int), TypeError, "x must be float32 or float64, but its dtype is int64"),
    "other byte order": (np.ones(4, ">f4"), TypeError, "x must be in this machine's byte order, but its dtype is >f4"),
    "masked": (np.ma.ones(4, "f4"), TypeError, "x must be a NumPy array"),
    "too short": (np.ones(3, "f4"), ValueError, "x must have shape (4,) or (rows, 4), but its shape is (3,)"),
    "too wide": (np.ones((2, 5), "f4"), ValueError, "x must have shape (4,) or (rows, 4), but its shape is (2, 5)"),
    "a number": (np.array(1, "f4"), ValueError, "x must have shape (4,) or (rows, 4), but its shape is ()"),
    "3-D": (np.ones((1, 1, 4), "f4"), ValueError, "(4,) or (rows, 4), but its shape is (1, 1, 4)"),
    "strided": (np.ones(8, "f4")[::2], ValueError, "x must be C-contiguous; use numpy.ascontiguousarray(x)"),
    "transposed": (np.ones((4, 2), "f4").T, ValueError, "x must be C-contiguous; use numpy.ascontiguousarray(x)"),
    "unaligned": (np.zeros(17, "u1")[1:].view("f4"), ValueError, "x must lie aligned in memory; use x.copy()"),
}  # fmt: skip
READ_ONLY = np.ones(3, "f4")
READ_ONLY.flags.writeable = False
BAD_OUT = {
    "a list": ([0.0] * 3, TypeError, "out must be a NumPy array, but it is [0.0, 0.0, 0.0] (list)"),
    "float64": (np.ones(3), TypeError, "out must be float32 as the inputs are, but it is float64"),
    "too long": (np.ones(4, "f4"), ValueError, "out must have shape (3,), but its shape is (4,)"),
    "2-D": (np.ones((1, 3), "f4"), ValueError, "out must have shape (3,), but its shape is (1, 3)"),
    "strided": (np.ones(6, "f4")[::2], ValueError, "out must be C-contiguous; use numpy.ascontiguousarray(out)"),
    "read-only": (READ_ONLY, ValueError, "out must be writable, but it is read-only"),
    "unaligned": (np.zeros(13, "u1")[1:].view("f4"), ValueError, "out must lie aligned in memory; use out.copy()"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD_X)
def test_a_bad_row_is_refused_in_the_same_words_by_both_cores(backend, case):
    x, kind, text = BAD_X[case]
    predictor = model_of(backend).predictor()
    for arguments in ((x,), (x, np.zeros(3, "f4"))):
        with pytest.raises(kind) as refused:
            predictor(*arguments)
        assert text in str(refused.value)


@pytest.mark.parametrize("case", BAD_OUT)
def test_a_bad_out_is_refused_in_the_same_words_by_both_cores_and_not_written(backend, case):
    out, kind, text = BAD_OUT[case]
    before = np.array(out)
    with pytest.raises(kind) as refused:
        model_of(backend).predictor()(numbers(4, "float32"), out)
    assert text == str(refused.value)
    np.testing.assert_array_equal(np.array(out), before)


def test_an_out_of_fewer_rows_is_refused(backend):
    with pytest.raises(ValueError, match=r"out must have shape \(5, 3\), but its shape is \(4, 3\)"):
        model_of(backend).predictor()(numbers((5, 4), "float32"), np.zeros((4, 3), "f4"))


def test_an_out_that_overlaps_x_is_refused_and_a_neighbour_is_not(backend):
    predictor = model_of(backend).predictor()
    x, out = x_and_out()
    with pytest.raises(ValueError, match=r"^out must not overlap x$"):
        predictor(x, out)
    memory = numbers(10, "float32")
    expected = predictor(memory[3:7].copy())
    np.testing.assert_array_equal(predictor(memory[3:7], memory[:3]), expected)
    np.testing.assert_array_equal(predictor(memory[3:7], memory[7:]), expected)


@pytest.mark.parametrize("arguments", [(), (1, 2, 3)])
def test_a_wrong_number_of_arguments_is_a_type_error(backend, arguments):
    with pytest.raises(TypeError):
        model_of(backend).predictor()(*arguments)
    with pytest.raises(TypeError, match="other"):
        model_of(backend).predictor()(numbers(4, "float32"), other=1)


# A guest in the process


def test_threads_may_use_one_predictor_at_once(backend, dtype):
    sizes = (600, 700, 33) if backend == "native" else (60, 70, 33)  # large enough to release the lock
    _, predictor = frozen(sizes, ("tanh", "softmax"), dtype)
    X = numbers((8, sizes[0]), dtype)
    expected = [predictor(x).tobytes() for x in X]
    found: list[set[bytes]] = [set() for _ in X]
    begin = threading.Barrier(len(X))

    def call(i):
        out = np.empty(33, dtype)
        begin.wait()
        for _ in range(50):
            found[i].add(predictor(X[i], out).tobytes())

    threads = [threading.Thread(target=call, args=(i,)) for i in range(len(X))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(300)
    assert found == [{right} for right in expected]


def test_a_call_with_out_keeps_and_takes_no_memory(native):
    predictor = cr.MLP([8, 16, 1], seed=0).predictor()
    x, out = numbers(8, "float32"), np.empty(1, "float32")
    tracemalloc.start()
    try:
        predictor(x, out)
        tracemalloc.reset_peak()
        before = tracemalloc.get_traced_memory()[0]
        for _ in range(100):
            predictor(x, out)
        after, peak = tracemalloc.get_traced_memory()
        without = predictor(x)  # an array, which this does see
        assert tracemalloc.get_traced_memory()[0] >= after + without.nbytes
    finally:
        tracemalloc.stop()
    assert peak - before < 200  # the tuple of arguments
    assert after - before < 200


def test_a_plan_of_another_network_is_refused():
    float64, float32 = (cr.MLP([4, 1], dtype=dtype, seed=0).predictor() for dtype in ("float64", "float32"))
    if cr.get_backend() != "native":
        pytest.skip("the reference core has no plans")
    for network in (float64.network, cr.MLP([5, 1]).network, cr.MLP([4, 2]).network):
        with pytest.raises(ValueError, match=r"^network must be that of the plan"):
            type(float32)(network, float32.plan)

"""A forward pass that is kept, and the ways back from it: gradients of parameters and of inputs, in both cores."""

from __future__ import annotations

import threading

import chainrule as cr
import numpy as np
import pytest
from chainrule import reference
from chainrule._network import HIDDEN_ACTIVATIONS, Network
from hypothesis import given
from hypothesis import strategies as st
from tolerances import GRADIENT, assert_within

SMOOTH = tuple(name for name in HIDDEN_ACTIVATIONS if name not in ("step", "exponential"))
RANDOM = {"dropout": 0.3, "input_dropout": 0.25, "input_noise": 0.1}
SIZES = {"tiny": (3, 4, 2), "odd": (5, 37, 18, 3), "one layer": (7, 5), "large": (1100, 1000, 2)}


def a_network(
    sizes=(5, 37, 18, 3), dtype="float64", hidden="tanh", output="softmax", bias="unit", random=True
):
    rates = RANDOM if random else {"dropout": 0.0}
    layers = len(sizes) - 2
    names = ((hidden,) * layers if isinstance(hidden, str) else hidden) + (output,)
    return Network(sizes, names, bias, (rates["dropout"],) * layers, dtype, *tuple(rates.values())[1:])


def parameters(network, seed=0):
    rng = np.random.default_rng(seed)
    weights = [(rng.normal(size=s) / np.sqrt(s[0])).astype(network.dtype) for s in network.weight_shapes]
    return weights, [(rng.normal(size=s) * 0.1).astype(network.dtype) for s in network.bias_shapes]


def rows(network, n=11, seed=1):
    rng = np.random.default_rng(seed)
    X, d = rng.normal(size=(n, network.n_in)), rng.normal(size=(n, network.n_out))
    return X.astype(network.dtype), d.astype(network.dtype)


@pytest.mark.parametrize("random", [False, True])
@pytest.mark.parametrize("bias", ["unit", "layer", None])
@pytest.mark.parametrize("sizes", SIZES.values(), ids=SIZES)
def test_back_from_the_losses_own_derivative_comes_what_gradients_gives_to_the_bit(
    core, dtype, sizes, bias, random
):
    network = a_network(sizes, dtype, bias=bias, random=random)
    X, _ = rows(network)
    labels = np.arange(11) % network.n_out
    kept = core.forward_pass(network, *parameters(network), X, seed=3, step=5)
    _, dZ = core.loss_and_gradient("cross_entropy", kept.sums, labels, output_activation="softmax")
    found = kept.backward(d_sums=dZ)
    how = {"loss": "cross_entropy", "seed": 3, "step": 5}
    _, dWs, dbs = core.gradients(network, *parameters(network), X, labels, **how)
    assert len(found.biases) == len(dbs)
    assert [a.tobytes() for a in found.weights + found.biases] == [a.tobytes() for a in dWs + dbs]
    assert np.isnan(found.loss)


@pytest.mark.parametrize("output", ["identity", "softmax", "sigmoid", "gelu", "relu"])
@pytest.mark.parametrize("hidden", SMOOTH)
def test_the_native_pass_is_that_of_the_reference(native, dtype, hidden, output):
    network = a_network(dtype=dtype, hidden=hidden, output=output)
    X, d = rows(network, 40)
    mine, twin = (
        core.forward_pass(network, *parameters(network), X, seed=1, step=2) for core in (native, reference)
    )
    pairs = [
        (mine.output, twin.output), (mine.sums, twin.sums), *zip(mine.hidden, twin.hidden, strict=True),
        (mine.input_gradients(d), twin.input_gradients(d)),
    ]  # fmt: skip
    found, expected = mine.backward(d), twin.backward(d)
    pairs += zip(found.weights + found.biases, expected.weights + expected.biases, strict=True)
    for found, expected in pairs:
        assert_within(found, expected, GRADIENT[dtype] * max(abs(expected).max(), 1e-3), (hidden, output))


@given(
    st.lists(st.integers(1, 35), min_size=2, max_size=5),
    st.integers(1, 40),
    st.sampled_from(SMOOTH),
    st.booleans(),
)
def test_any_shape_goes_back_as_in_the_reference(native, sizes, n, hidden, random):
    network = a_network(tuple(sizes), "float64", hidden, "identity", random=random)
    X, d = rows(network, n)
    mine, twin = (
        core.forward_pass(network, *parameters(network), X, seed=1, step=2) for core in (native, reference)
    )
    for of_sums in ("d_output", "d_sums"):
        pairs = [(mine.input_gradients(**{of_sums: d}), twin.input_gradients(**{of_sums: d}))]
        found, expected = mine.backward(**{of_sums: d}), twin.backward(**{of_sums: d})
        pairs += zip(found.weights + found.biases, expected.weights + expected.biases, strict=True)
        for one, other in pairs:
            assert_within(one, other, GRADIENT["float64"] * max(abs(other).max(), 1e-3), sizes)


@pytest.mark.parametrize("output", ["identity", "softmax", "tanh", "softplus"])
def test_the_ways_back_are_the_finite_differences_of_the_way_forward(core, output):
    """Through dropout and noise too: with seed and step they are the same at every call."""
    network = a_network((4, 6, 5, 3), hidden="tanh", output=output)
    (weights, biases), (X, g) = parameters(network), rows(network)

    def value():
        return float((core.forward_pass(network, weights, biases, X, seed=4, step=9).output * g).sum())

    kept = core.forward_pass(network, weights, biases, X, seed=4, step=9)
    found = kept.backward(g)
    arrays = [*zip(weights + biases, found.weights + found.biases, strict=True), (X, kept.input_gradients(g))]
    for array, gradient in arrays:
        for i in np.random.default_rng(0).choice(array.size, min(array.size, 8), replace=False):
            before, differences = array.flat[i], []
            for step in (1e-5, -1e-5):
                array.flat[i] = before + step
                differences.append(value())
            array.flat[i] = before
            slope = (differences[0] - differences[1]) / 2e-5
            assert abs(slope - gradient.flat[i]) < 1e-8 + 1e-7 * abs(slope)


def test_a_pass_does_not_change_when_its_parameters_and_rows_do(core, dtype):
    network = a_network(dtype=dtype)
    (weights, biases), (X, d) = parameters(network), rows(network)
    kept = core.forward_pass(network, weights, biases, X)

    def results():
        back = kept.backward(d)
        arrays = (kept.output, kept.sums, *kept.hidden, *back.weights, *back.biases, kept.input_gradients(d))
        return [a.tobytes() for a in arrays]

    before = results()
    for array in (*weights, *biases, X, kept.output, kept.sums, *kept.hidden):
        array[...] = 7
    assert results() == before


@pytest.mark.usefixtures("oversubscribed")
@pytest.mark.parametrize("sizes", [(5, 37, 18, 3), (300, 200, 101, 4)])
def test_the_number_of_threads_changes_no_bit_of_a_pass(native, dtype, sizes):
    network = a_network(sizes, dtype, hidden="gelu")
    X, d = rows(network, 67)
    seen = set()
    for n_threads in (1, 2, 3, 7):
        kept = native.forward_pass(network, *parameters(network), X, seed=1, step=1, n_threads=n_threads)
        back = kept.backward(d)
        arrays = (kept.output, *kept.hidden, *back.weights, *back.biases, kept.input_gradients(d_sums=d))
        seen.add(b"".join(a.tobytes() for a in arrays))
    assert len(seen) == 1


def test_many_threads_go_back_on_one_pass_without_harm(core):
    network = a_network((5, 64, 64, 3))
    kept = core.forward_pass(network, *parameters(network), rows(network, 50)[0])
    gradients = [rows(network, 50, seed)[1] for seed in range(8)]
    alone = [(kept.backward(d).weights[0].tobytes(), kept.input_gradients(d).tobytes()) for d in gradients]
    wrong = []

    def work(i):
        for _ in range(20):
            found = (
                kept.backward(gradients[i]).weights[0].tobytes(),
                kept.input_gradients(gradients[i]).tobytes(),
            )
            if found != alone[i]:
                wrong.append(i)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


@pytest.mark.usefixtures("backend")
def test_a_jacobian_has_the_input_gradients_of_each_output_and_both_are_finite_differences(dtype):
    model = cr.MLP([4, 9, 3], activation="softplus", output_activation="softmax", dropout=0.5, input_noise=1.0,
                   dtype=dtype, seed=0)  # fmt: skip
    X = np.random.default_rng(0).normal(size=(5, 4)).astype(dtype)
    J = model.jacobian(X)
    assert J.shape == (5, 3, 4)
    assert J.dtype == dtype
    for output in range(3):
        assert np.array_equal(model.input_gradients(X, output=output), J[:, output])
    g = np.random.default_rng(1).normal(size=(5, 3)).astype(dtype)
    np.testing.assert_allclose(
        model.input_gradients(X, g),
        np.einsum("rj,rji->ri", g, J),
        rtol=0,
        atol=GRADIENT[dtype] * abs(J).max(),
    )
    if dtype == "float64":
        for i in range(4):
            step = np.zeros(4)
            step[i] = 1e-6
            slope = (model.predict(X + step) - model.predict(X - step)) / 2e-6
            np.testing.assert_allclose(J[:, :, i], slope, rtol=0, atol=1e-9)


@pytest.mark.usefixtures("backend")
def test_many_rows_have_the_input_gradients_of_each_alone(monkeypatch):
    model = cr.MLP([4, 9, 1], activation="tanh", dtype="float64", seed=0)
    X = np.random.default_rng(0).normal(size=(23, 4))
    together = model.input_gradients(X)
    monkeypatch.setattr("chainrule.passes.ROWS_AT_ONCE", 5)
    np.testing.assert_allclose(model.input_gradients(X), together, rtol=1e-14)
    assert model.input_gradients(X[:0]).shape == (0, 4)
    assert model.jacobian(X[:0]).shape == (0, 1, 4)
    assert model.input_gradients([[1, 2, 3, 4]]).shape == (1, 4)


@pytest.mark.usefixtures("backend")
def test_forward_of_a_model_is_its_prediction_and_keeps_the_hidden_activations():
    model = cr.MLP([4, 9, 5, 2], activation=["tanh", "relu"], dropout=0.5, dtype="float64", seed=0)
    X = np.random.default_rng(0).normal(size=(6, 4))
    kept = model.forward(X, keep=True)
    assert np.array_equal(model.forward(X), model.predict(X))
    np.testing.assert_allclose(kept.output, model.predict(X), rtol=1e-13)
    first = np.tanh(X @ model.weights[0] + model.biases[0])
    np.testing.assert_allclose(kept.hidden[0], first, rtol=1e-13)
    np.testing.assert_allclose(
        kept.hidden[1], np.maximum(first @ model.weights[1] + model.biases[1], 0), atol=1e-14
    )
    assert repr(kept) == "ForwardPass(6 rows through 4-9-5-2)"


@pytest.mark.usefixtures("backend")
def test_what_does_not_fit_a_pass_is_refused_by_name():
    model = cr.MLP([4, 9, 2], seed=0)
    kept = model.forward(np.ones((3, 4), "float32"), keep=True)
    good = np.ones((3, 2), "float32")
    for way in (kept.backward, kept.input_gradients):
        with pytest.raises(ValueError, match="d_output or d_sums must be given, one of the two, but none"):
            way()
        with pytest.raises(ValueError, match="one of the two, but both are"):
            way(good, d_sums=good)
        with pytest.raises(
            ValueError,
            match=r"d_output must have the shape of the outputs, \(3, 2\), but its shape is \(2, 2\)",
        ):
            way(good[:2])
        with pytest.raises(ValueError, match=r"d_sums must have 2 dimensions"):
            way(d_sums=good[0])
        with pytest.raises(TypeError, match="d_output must be an array of numbers"):
            way("x")
    with pytest.raises(ValueError, match="X has 3 features, but this MLP expects 4"):
        model.forward(np.ones((3, 3), "float32"), keep=True)
    with pytest.raises(ValueError, match="X must have at least one row"):
        model.forward(np.ones((0, 4), "float32"), keep=True)
    with pytest.raises(TypeError, match="keep must be True or False"):
        model.forward(np.ones((3, 4), "float32"), keep=1)
    with pytest.raises(ValueError, match="output or d_output must be given, as this MLP has 2 outputs"):
        model.input_gradients(np.ones((3, 4), "float32"))
    with pytest.raises(ValueError, match="output must be"):
        model.input_gradients(np.ones((3, 4), "float32"), output=2)
    with pytest.raises(ValueError, match="exclude each other"):
        model.input_gradients(np.ones((3, 4), "float32"), good, output=1)
    stepped = cr.MLP([4, 9, 2], activation="step", seed=0)
    with pytest.raises(ValueError, match=r"activations\[0\] is step"):
        stepped.forward(np.ones((3, 4), "float32"), keep=True)

"""Each native kernel gives what its twin in the reference gives, at every size, in every layout, with any threads."""

from __future__ import annotations

from itertools import cycle, product

import numpy as np
import pytest
from array_cases import LONG, WIDTHS, guarded, whole_numbers
from chainrule import reference
from chainrule._network import ACTIVATIONS, Network
from tolerances import SMALLEST, activated, assert_within, chain, changed_slope, eps, slope

EXACT = ("identity", "relu", "step")
TRAINABLE = tuple(name for name in ACTIVATIONS if name != "step")
LOSSES = [
    *((loss, name) for loss in ("half_squared_error", "mean_squared_error") for name in TRAINABLE),
    ("cross_entropy", "softmax"),
    ("binary_cross_entropy", "sigmoid"),
]


# Each K with each N, and with each a third of the numbers of rows; then the long ones.
SHAPES = [
    *(
        (rows, K, N)
        for (i, rows), (j, K), (k, N) in product(*[[*enumerate(WIDTHS)]] * 3)
        if (i + j + k) % 3 == 0
    ),
    *LONG,
]
THREADS = (1, 2, 1, 1, 3, 1, None)


@pytest.mark.usefixtures("oversubscribed")
def test_products_of_whole_numbers_are_exact_at_every_size(native, dtype):
    rng = np.random.default_rng(0)
    threads, names, biases = cycle(THREADS), cycle(EXACT), cycle(("unit", "layer", None, "unit", None))
    for rows, K, N in SHAPES:
        X, W = whole_numbers(rng, (rows, K), dtype), whole_numbers(rng, (K, N), dtype)
        width = {"unit": N, "layer": 1, None: 0}[next(biases)]
        b = whole_numbers(rng, (width,), dtype, 99) if width else None
        name, n_threads = next(names), next(threads)
        expected = reference.matmul_bias(X, W, b, activation=name)
        out, whole = guarded((rows, N), dtype)
        A = native.matmul_bias(X, W, b, activation=name, out=out, n_threads=n_threads)
        assert A is out
        np.testing.assert_array_equal(A, expected, err_msg=f"{(rows, K, N, name, width, n_threads)}")
        assert (whole[[0, -1]] == 99).all()


@pytest.mark.usefixtures("oversubscribed")
def test_gradients_of_whole_numbers_are_exact_at_every_size(native, dtype):
    rng = np.random.default_rng(1)
    threads = cycle(THREADS)
    for rows, K, N in SHAPES:
        X, W, dZ = (whole_numbers(rng, shape, dtype) for shape in ((rows, K), (K, N), (rows, N)))
        n_threads = next(threads)
        expected = reference.matmul_gradients(X, W, dZ)
        for array, other, what in zip(
            native.matmul_gradients(X, W, dZ, n_threads=n_threads), expected, ("dX", "dW", "db"), strict=True
        ):
            np.testing.assert_array_equal(array, other, err_msg=f"{what} of {(rows, K, N, n_threads)}")


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_a_layer_is_within_the_bound_of_its_roundings(native, dtype, activation):
    rng = np.random.default_rng(2)
    for rows, K, N in [(3, 5, 7), (16, 64, 16), (9, 33, 65), (40, 200, 33), *LONG]:
        X, W, b = (rng.normal(size=shape).astype(dtype) for shape in ((rows, K), (K, N), (N,)))
        Z, allowed = reference.matmul_bias(X, W, b), chain(dtype, K, abs(X) @ abs(W) + abs(b))
        A = reference.activation(activation, Z)
        actual = native.matmul_bias(X, W, b, activation=activation, n_threads=2)
        bound = activated(dtype, activation, Z, A, allowed)
        if activation == "step":  # a sum so near to 0 may fall on either side
            bound = bound + (abs(Z) <= allowed)
        assert_within(actual, A, bound, (activation, rows, K, N))


def test_products_are_within_the_bound_of_their_roundings(native, dtype):
    rng = np.random.default_rng(3)
    for rows, K, N in [(3, 5, 7), (16, 64, 16), (9, 33, 65), (40, 200, 33), *LONG]:
        X, W, dZ = (rng.normal(size=shape).astype(dtype) for shape in ((rows, K), (K, N), (rows, N)))
        actual, expected = native.matmul_gradients(X, W, dZ), reference.matmul_gradients(X, W, dZ)
        bounds = (
            chain(dtype, N, abs(dZ) @ abs(W.T)), chain(dtype, rows, abs(X.T) @ abs(dZ)),
            chain(dtype, rows, abs(dZ).sum(axis=0)),
        )  # fmt: skip
        for array, other, bound, what in zip(actual, expected, bounds, ("dX", "dW", "db"), strict=True):
            assert_within(array, other, bound, (what, rows, K, N))


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations_and_their_gradients_are_within_a_few_units(native, dtype, name):
    rng = np.random.default_rng(5)
    for rows, width in product((1, 2, 5), (*WIDTHS, 300)):
        Z = (6 * rng.normal(size=(rows, width))).astype(dtype)
        A = reference.activation(name, Z)
        bound = activated(dtype, name, Z, A)
        assert_within(native.activation(name, Z), A, bound, (name, rows, width))
        out, whole = guarded((rows, width), dtype)
        assert native.activation(name, Z, out=out) is out
        assert_within(out, A, bound, "out")
        assert (whole[[0, -1]] == 99).all()
        in_place = Z.copy()
        native.activation(name, in_place, out=in_place)
        np.testing.assert_array_equal(in_place, out)
        if name == "step":
            continue
        dA = rng.normal(size=(rows, width)).astype(dtype)
        dZ = reference.activation_gradient(name, A, dA, Z=Z)
        if name == "softmax":  # a (dA - sum a dA): the sum has `width` terms and their products
            dot = (abs(A) * abs(dA)).sum(axis=1, keepdims=True)
            bound = eps(dtype) * A * ((width + 2) * dot + 2 * abs(dA)) + SMALLEST[dtype]
        else:
            bound = slope(dtype, name, dA)
        actual = native.activation_gradient(name, A, dA, Z=Z)
        assert_within(actual, dZ, bound, ("gradient of", name, rows, width))
        for overwritten in (None, 0, 1, 2):  # out may be A, dA or Z itself
            given = A.copy(), dA.copy(), Z.copy()
            result = out if overwritten is None else given[overwritten]
            assert native.activation_gradient(name, *given[:2], Z=given[2], out=result) is result
            np.testing.assert_array_equal(result, actual)


@pytest.mark.parametrize(("loss", "name"), LOSSES)
@pytest.mark.parametrize("labelled", [False, True])
def test_losses_are_within_the_bound_of_their_roundings(native, dtype, loss, name, labelled):
    rng = np.random.default_rng(6)
    for rows, width in product((1, 2, 5), (*WIDTHS[labelled:], 300)):
        Z = (4 * rng.normal(size=(rows, width))).astype(dtype)
        Y = rng.uniform(size=(rows, width)).astype(dtype)
        if loss == "cross_entropy":
            Y /= Y.sum(axis=1, keepdims=True)
        target = rng.integers(0, width, rows) if labelled else Y
        if labelled:
            Y = np.eye(width, dtype=dtype)[target]
        A = reference.activation(name, Z)
        dA = activated(dtype, name, Z, A)  # how far the activations are apart
        E, unit = abs(A) + abs(Y), (width + 8) * eps(dtype)
        if loss == "cross_entropy":  # log S and z - m are rounded, and S is off by a unit for each term
            terms = (Y * (abs(np.log(A)) + abs(Z) + abs(Z).max(axis=1, keepdims=True) + 1)).sum() * unit
        elif loss == "binary_cross_entropy":
            terms = (abs(Z) + abs(Z * Y) + 1).sum() * 8 * eps(dtype)
        else:
            terms = ((E * E).sum() * unit + (2 * E * dA).sum()) / (
                2 if loss == "half_squared_error" else width
            )
        scale = 2 / (rows * width) if loss == "mean_squared_error" else 1 / rows
        bound = scale * (dA + 8 * eps(dtype) * E + 2 * E * dA + SMALLEST[dtype])
        if name == "softmax" and loss != "cross_entropy":
            bound = 4 * bound + unit * scale * A * (A * E).sum(axis=1, keepdims=True)
            bound = bound + 4 * A * bound.sum(axis=1, keepdims=True)
        elif loss.endswith("squared_error"):  # (a - y) f'
            steep = abs(reference.activation_gradient(name, A, np.ones_like(A), Z=Z))
            bound = bound * np.maximum(steep, 1) + scale * E * changed_slope(dtype, name, dA)
        value, gradient = native.loss_and_gradient(loss, Z, target, output_activation=name)
        expected, dZ = reference.loss_and_gradient(loss, Z, target, output_activation=name)
        assert type(value) is float
        assert_within(np.array(value), np.array(expected), terms / rows, (loss, name, rows, width))
        assert_within(gradient, dZ, bound, ("gradient of", loss, name, rows, width))


@pytest.mark.parametrize("nesterov", [False, True])
def test_updates_are_within_the_bound_of_their_roundings(native, dtype, nesterov):
    rng, decays = np.random.default_rng(7), cycle((0.0, 0.25))
    for n, momentum in product((*WIDTHS, 1000), (0.0, 0.9)):
        w, v, g = rng.normal(size=(3, n)).astype(dtype)
        numbers = {
            "learning_rate": 0.1, "momentum": momentum, "nesterov": nesterov, "weight_decay": next(decays)
        }  # fmt: skip
        terms = abs(w) + abs(v) + abs(g)  # each number of the update is a sum of these with factors below 1
        w2, v2 = w.copy(), v.copy()
        reference.sgd_momentum_step(w2, v2, g, **numbers)
        given = g.copy()
        native.sgd_momentum_step(w, v, g, **numbers)
        np.testing.assert_array_equal(g, given)
        assert_within(v, v2, 4 * eps(dtype) * terms, ("velocity", n, numbers))
        assert_within(w, w2, 6 * eps(dtype) * terms, ("parameter", n, numbers))


@pytest.mark.usefixtures("oversubscribed")
def test_a_network_of_whole_numbers_is_exact(native, dtype):
    rng = np.random.default_rng(8)
    threads, batches = cycle(THREADS), cycle((1, 2, 4, 16, 64, 128))
    for case in range(100):
        sizes = tuple(int(size) for size in rng.integers(1, 80, rng.integers(2, 5)))
        hidden = len(sizes) - 2
        bias, names = ("unit", "layer", None)[case % 3], rng.choice(["relu", "identity"], hidden + 1)
        network = Network(sizes, tuple(names), bias, (0.5,) * hidden if case % 2 else (0.0,) * hidden, dtype)
        weights = [rng.choice([-1, 0, 0, 0, 0, 1], shape).astype(dtype) for shape in network.weight_shapes]
        biases = [whole_numbers(rng, shape, dtype) for shape in network.bias_shapes]
        rows = next(batches)  # a power of 2, so that the mean over the rows is exact too
        X, Y = whole_numbers(rng, (rows, sizes[0]), dtype), whole_numbers(rng, (rows, sizes[-1]), dtype)
        given = (network, weights, biases, X)
        n_threads = next(threads)
        np.testing.assert_array_equal(native.forward(*given, n_threads=n_threads), reference.forward(*given))
        how = {"loss": "half_squared_error", "seed": case, "step": 7}
        value, *gradients = native.gradients(*given, Y, **how, n_threads=n_threads)
        expected, *others = reference.gradients(*given, Y, **how)
        assert value == pytest.approx(expected, rel=1e-6), network
        for arrays, twins in zip(gradients, others, strict=True):
            for array, twin in zip(arrays, twins, strict=True):
                np.testing.assert_array_equal(array, twin, err_msg=f"{network}")


def test_random_numbers_are_equal(native):
    for n, start in product((*WIDTHS, 1000), (0, 1, 63, 64, 65, 2**34 - 1000)):
        where = {"seed": 2**64 - n, "stream": n, "step": 2**40 + start, "start": start}
        np.testing.assert_array_equal(native.random_words(n, **where), reference.random_words(n, **where))
    for n in (0, *WIDTHS, 5000):
        np.testing.assert_array_equal(*(c.permutation(n, seed=n, epoch=3) for c in (native, reference)))
    for rows, width, rate in product((1, 3, 40), WIDTHS, (0.0, 0.2, 0.999)):
        for dtype in ("float32", "float64"):
            where = {"seed": 5, "step": 2**33, "layer": 1, "dtype": dtype}
            masks = [core.dropout_mask(rows, width, rate, **where) for core in (native, reference)]
            np.testing.assert_array_equal(*masks)
            where["layer"] = -1
            masks = [core.dropout_mask(rows, width, rate, **where) for core in (native, reference)]
            np.testing.assert_array_equal(*masks)


def test_normal_numbers_are_equal(native, dtype):
    for rows, width in (*product((1, 3, 40), WIDTHS), (700, 1003)):
        where = {"seed": rows, "step": 2**33 + width, "dtype": dtype}
        noises = [core.gaussian_noise(rows, width, **where) for core in (native, reference)]
        np.testing.assert_array_equal(*noises)
        assert noises[0].dtype == noises[1].dtype == dtype

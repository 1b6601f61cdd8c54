"""Infinities, NaN, zeros, the largest and the smallest numbers: the native kernels treat them as their twins do.

Native calls take numbers below the smallest normal one for zero, both given and found; so does the twin here, by what
it is given.
"""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from array_cases import SPECIAL, WIDTHS, whole_numbers
from chainrule import reference
from chainrule._network import ACTIVATIONS, SLOPE_NEEDS_INPUT
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from tolerances import SMALLEST, activated, assert_within, eps, slope

ELEMENTWISE = tuple(name for name in ACTIVATIONS if name != "softmax")
FROM_OUTPUT = tuple(name for name in ELEMENTWISE if name not in ("step", *SLOPE_NEEDS_INPUT))


def extremes(dtype):
    """Numbers at the edges of the type, and of the range of exp."""
    info = np.finfo(dtype)
    edges = [87.2, 88.7, 88.8, 103, 104.5] if dtype == "float32" else [707, 708.5, 709.5, 710, 745, 746.5]
    values = [info.max, info.tiny, info.tiny / 4, info.eps, 1e-30, 0.3, 9.9, 10.1, 19.9, 20.1, *edges]
    return np.array([*SPECIAL, *values, *(-np.array(values))], dtype)


def flushed(array):
    """Subnormal numbers replaced by zero. (What is only moved, by identity and relu, may keep them.)"""
    return np.where(abs(array) < np.finfo(array.dtype).tiny, np.zeros_like(array), array)


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_extreme_sums_are_activated_alike_in_every_lane(native, dtype, name):
    for width in WIDTHS:
        for value in extremes(dtype):
            Z = np.linspace(-3, 3, width, dtype=dtype).reshape(1, -1)
            Z = np.where(np.eye(width, dtype=bool), value, Z)  # row i has it in column i
            expected = reference.activation(name, flushed(Z))
            bound = activated(dtype, name, Z, expected) + SMALLEST[dtype]
            assert_within(native.activation(name, Z), expected, bound, (name, width, value))


@pytest.mark.parametrize("name", [*FROM_OUTPUT, "softmax"])
def test_gradients_of_extreme_outputs_are_alike(native, dtype, name):
    outputs = flushed(
        reference.activation(name if name in ELEMENTWISE else "sigmoid", extremes(dtype)[None])[0]
    )
    pairs = np.array([*product(outputs, flushed(extremes(dtype)))], dtype)
    A, dA = pairs.T[:, :, None].copy()
    expected = reference.activation_gradient(name, A, dA)
    with np.errstate(over="ignore", invalid="ignore"):
        bound = 4 * eps(dtype) * abs(dA) + SMALLEST[dtype]
    assert_within(native.activation_gradient(name, A, dA), expected, bound, name)


@pytest.mark.parametrize("name", SLOPE_NEEDS_INPUT)
def test_gradients_of_extreme_sums_are_alike(native, dtype, name):
    """Where the sums and not the outputs give the slope. One that is flushed to 0 makes NaN of an infinite dA."""
    sums, finite = flushed(extremes(dtype)), flushed(extremes(dtype))
    finite = finite[np.isfinite(finite)]
    finite = np.clip(
        finite, -np.finfo(dtype).max / 2, np.finfo(dtype).max / 2
    )  # times a slope of 1 and a rounding
    special = np.concatenate([np.array(SPECIAL, dtype), np.array([-60, -9, -1.5, 0.3, 9, 60], dtype)])
    pairs = np.array([*product(sums, finite), *product(special, [*finite, np.nan, np.inf, -np.inf])], dtype)
    Z, dA = pairs.T[:, :, None].copy()
    A = reference.activation(name, Z)
    expected = reference.activation_gradient(name, A, dA, Z=Z)
    with np.errstate(over="ignore", invalid="ignore"):
        bound = slope(dtype, name, dA)
    assert_within(native.activation_gradient(name, A, dA, Z=Z), expected, bound, name)


def rows_of_sums(dtype):
    """Rows that a softmax has trouble with."""
    huge = float(np.finfo(dtype).max)
    rows = [
        [np.inf, 0, 0], [-np.inf, 0, 1], [-np.inf] * 3, [np.nan, 0, 1], [0, np.nan, 1], [0, 1, np.nan],
        [np.inf, np.inf, 0], [-np.inf, np.inf, 0], [huge, -huge, 0], [huge] * 3, [-huge] * 3, [1e4, 0, -1e4],
        [np.inf, -np.inf, np.nan], [-0.0, 0.0, -0.0], [88.8, 0, -104], [1e-30, 0, -1e-30], [np.inf] * 3,
    ]  # fmt: skip
    for row, padding in product(rows, (0, 13, 14, 30)):
        yield np.array([row + [-1.0] * padding], dtype)
        yield np.array([[-1.0] * padding + row], dtype)


def test_softmax_of_extreme_rows_is_alike(native, dtype):
    for Z in rows_of_sums(dtype):
        expected = reference.activation("softmax", Z)
        assert_within(native.activation("softmax", Z), expected, activated(dtype, "softmax", Z, expected), Z)


def test_losses_of_extreme_rows_are_alike(native, dtype):
    pairs = [
        ("cross_entropy", "softmax"),
        ("half_squared_error", "softmax"),
        ("binary_cross_entropy", "sigmoid"),
    ]
    for Z, (loss, name) in product(rows_of_sums(dtype), pairs):
        n = Z.shape[1]
        for target in (np.array([0]), np.array([n - 1]), np.full((1, n), 1 / n, dtype)):
            value, dZ = native.loss_and_gradient(loss, Z, target, output_activation=name)
            expected, twin = reference.loss_and_gradient(loss, Z, target, output_activation=name)
            close = pytest.approx(expected, rel=(n + 8) * eps(dtype), nan_ok=True, abs=SMALLEST[dtype])
            if expected > float(np.finfo(dtype).max):  # the reference adds the terms of a row in float64
                close = pytest.approx(np.inf) if value == np.inf else close
            assert value == close, (loss, Z, target)
            assert_within(dZ, twin, 4 * (n + 8) * eps(dtype), (loss, Z, target))


def test_a_target_of_zero_costs_nothing_however_unlikely(core, dtype):
    """-y log a with y = 0 is 0, also where a is 0 and its logarithm -inf."""
    huge = np.finfo(dtype).max
    rows = {
        (-np.inf, 1, 1): np.log(2),
        (-huge, 1, huge): 0.0,
    }  # and the loss where the target is the last class
    for row, expected in rows.items():
        for last in (np.array([2]), np.array([[0, 0, 1]], dtype)):
            given = "cross_entropy", np.array([row], dtype), last
            value, dZ = core.loss_and_gradient(*given, output_activation="softmax")
            assert value == pytest.approx(expected, rel=4 * eps(dtype), abs=0)
            assert np.isfinite(dZ).all()
        first = "cross_entropy", np.array([row], dtype), np.array([0])
        assert core.loss_and_gradient(*first, output_activation="softmax")[0] == np.inf


def test_an_infinite_target_is_not_passed_over(core, dtype):
    """One that is NaN is: it is missing (test_loss_kernels.py)."""
    Z, target = np.zeros((2, 3), dtype), np.array([[1, 0, 0], [0, np.inf, 1]], dtype)
    for loss, name in (
        ("cross_entropy", "softmax"),
        ("binary_cross_entropy", "sigmoid"),
        ("mean_squared_error", "tanh"),
    ):
        value, dZ = core.loss_and_gradient(loss, Z, target, output_activation=name)
        assert not np.isfinite(value)
        assert not np.isfinite(dZ[1, 1])


def test_products_of_extreme_numbers_are_alike(native, dtype):
    rng = np.random.default_rng(0)
    for rows, K, N in [(1, 1, 1), (1, 9, 33), (5, 3, 17), (17, 40, 31), (40, 17, 9), (3, 300, 70)]:
        for share in (0.02, 0.3):  # of infinities and NaN; the rest are small whole numbers
            X, W, dZ = (whole_numbers(rng, shape, dtype) for shape in ((rows, K), (K, N), (rows, N)))
            for array in (X, W, dZ):
                special = rng.choice(np.array(SPECIAL, dtype), array.shape)
                np.copyto(array, special, where=rng.random(array.shape) < share)
            b = rng.choice(np.array(SPECIAL, dtype), N)
            for bias, name in product((None, b, b[:1]), ("identity", "relu", "step")):
                assert_within(
                    native.matmul_bias(X, W, bias, activation=name),
                    reference.matmul_bias(X, W, bias, activation=name),
                    0, (rows, K, N, name),
                )  # fmt: skip
            twins = zip(native.matmul_gradients(X, W, dZ), reference.matmul_gradients(X, W, dZ), strict=True)
            for actual, expected in twins:
                assert_within(actual, expected, 0, (rows, K, N))


def test_extreme_updates_are_alike(native, dtype):
    finite = [0.0, -0.0, 1.0, -1.0, np.finfo(dtype).max / 4, np.finfo(dtype).tiny, 1e-30]
    w, v, g = np.array(
        [*product(finite, [*finite, np.nan, np.inf, -np.inf], [*SPECIAL, 1e30])], dtype
    ).T.copy()
    for momentum, nesterov, decay in product((0.0, 0.5), (False, True), (0.0, 0.25)):
        how = {"learning_rate": 0.5, "momentum": momentum, "nesterov": nesterov, "weight_decay": decay}
        actual, expected = (w.copy(), v.copy()), (w.copy(), v.copy())
        native.sgd_momentum_step(*actual, g, **how)
        reference.sgd_momentum_step(*expected, g, **how)
        with np.errstate(over="ignore", invalid="ignore"):
            bound = 6 * eps(dtype) * (abs(w) + abs(v) + abs(g)) + SMALLEST[dtype]
        for array, twin in zip(actual, expected, strict=True):
            assert_within(array, twin, bound, how)


def test_subnormal_numbers_are_zero(native, dtype):
    tiny = np.finfo(dtype).tiny
    small = np.array([[tiny / 2, -tiny / 2, tiny, 0.5]], dtype)
    one = np.ones((1, 4), dtype)
    np.testing.assert_array_equal(native.activation_gradient("leaky_relu", one, small), [[0, 0, tiny, 0.5]])
    np.testing.assert_array_equal(native.activation("step", small), [[1, 1, 1, 1]])
    np.testing.assert_array_equal(native.activation_gradient("relu", small, one), [[0, 0, 1, 1]])
    np.testing.assert_array_equal(native.matmul_bias(one[:, :1], small), [[0, 0, tiny, 0.5]])
    halves = np.full((1, 1), tiny, dtype), np.full((1, 1), 0.5, dtype)
    assert native.matmul_bias(*halves) == 0  # found, not given


@pytest.mark.parametrize("name", ["sigmoid", "tanh"])
def test_activations_are_accurate_over_their_whole_range(native, dtype, name):
    """Within 2.5 units of the exact value: for float32 that of float64, for float64 that of long double."""
    far = {"float32": 120, "float64": 760}[dtype]
    z = np.concatenate([np.linspace(-far, far, 30011), *(s * np.logspace(-30, 2, 9001) for s in (-1, 1))])
    z = z.astype(dtype)
    exact = z.astype(np.float64 if dtype == "float32" else np.longdouble)
    exact = np.tanh(exact) if name == "tanh" else 1 / (1 + np.exp(-exact))
    error = abs(native.activation(name, z[None])[0] - exact)
    assert (error <= 2.5 * eps(dtype) * abs(exact) + SMALLEST[dtype]).all()


sums = hnp.arrays(
    np.float64,
    hnp.array_shapes(min_dims=2, max_dims=2, max_side=40),
    elements=st.floats(width=32, allow_nan=True),
)


@given(Z=sums)
@settings(max_examples=60)
def test_activations_of_any_numbers_are_alike(native, Z):
    for dtype in ("float32", "float64"):
        given_Z = flushed(Z.astype(dtype))
        for name in ACTIVATIONS:
            expected = reference.activation(name, given_Z)
            with np.errstate(all="ignore"):
                bound = activated(dtype, name, given_Z, expected) + SMALLEST[dtype]
            assert_within(native.activation(name, given_Z), expected, bound, (name, dtype))

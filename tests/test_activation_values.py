"""Activations and losses have their values at the edges too: zero, huge, infinite and not a number."""

from __future__ import annotations

import numpy as np
import pytest

UNITS = {"float32": 2e-7, "float64": 5e-16}
"""Relative errors of about two units in the last place."""


def apply(core, name, values, dtype):
    with np.errstate(all="raise"):
        return core.activation(name, np.array([values], dtype))[0]


def test_relu_keeps_nan_and_ends_minus_infinity_at_zero(core, dtype):
    values = apply(core, "relu", [-np.inf, -1, -0.0, 0, 2, np.inf, np.nan], dtype)
    np.testing.assert_array_equal(values, [0, 0, 0, 0, 2, np.inf, np.nan])


def test_leaky_relu_keeps_a_hundredth_below_zero(core, dtype):
    values = apply(core, "leaky_relu", [-np.inf, -100, -0.0, 0, 2, np.inf, np.nan], dtype)
    np.testing.assert_allclose(values, [-np.inf, -1, 0, 0, 2, np.inf, np.nan], rtol=UNITS[dtype])


def test_step_is_one_from_zero_on(core, dtype):
    values = apply(core, "step", [-np.inf, -1e-30, -0.0, 0, 1e-30, np.inf], dtype)
    np.testing.assert_array_equal(values, [0, 0, 1, 1, 1, 1])


def test_sigmoid_neither_overflows_nor_loses_its_ends(core, dtype):
    z = np.array([-80.0, -20.0, -1.0, 0.0, 1.0, 20.0, 80.0])
    np.testing.assert_allclose(apply(core, "sigmoid", z, dtype), 1 / (1 + np.exp(-z)), rtol=UNITS[dtype])
    largest = float(np.finfo(dtype).max)
    values = apply(core, "sigmoid", [-np.inf, -largest, -1e4, 1e4, largest, np.inf, np.nan], dtype)
    np.testing.assert_array_equal(values, [0, 0, 0, 1, 1, 1, np.nan])


def test_tanh_is_odd_and_ends_at_one(core, dtype):
    z = np.array([1e-5, 0.1, 0.5, 1.0, 5.0])
    values = apply(core, "tanh", [*z, *-z], dtype)
    exact = np.tanh(np.array([z], dtype)[0].astype(np.float64))
    np.testing.assert_allclose(values[:5], exact, rtol=UNITS[dtype])
    np.testing.assert_array_equal(values[5:], -values[:5])
    np.testing.assert_array_equal(
        apply(core, "tanh", [-np.inf, -1e4, 0, 1e4, np.inf, np.nan], dtype), [-1, -1, 0, 1, 1, np.nan]
    )


def test_softmax_is_the_same_for_sums_shifted_by_a_constant(core, dtype):
    values = apply(core, "softmax", [1, 2, 3], dtype)
    np.testing.assert_allclose(values, np.exp([1, 2, 3]) / np.exp([1, 2, 3]).sum(), rtol=2 * UNITS[dtype])
    np.testing.assert_array_equal(apply(core, "softmax", [1e4 + 1, 1e4 + 2, 1e4 + 3], dtype), values)
    np.testing.assert_array_equal(apply(core, "softmax", [-np.inf, 0, -1e9], dtype), [0, 1, 0])
    assert np.isnan(apply(core, "softmax", [0, np.nan, 1], dtype)).all()
    np.testing.assert_array_equal(apply(core, "softmax", [3], dtype), [1])


def test_rows_of_softmax_are_independent(core, dtype):
    Z = np.random.default_rng(0).normal(size=(9, 5)).astype(dtype)
    whole = core.activation("softmax", Z)
    np.testing.assert_allclose(whole.sum(axis=1), 1, rtol=4 * UNITS[dtype])
    for row in range(9):
        np.testing.assert_array_equal(core.activation("softmax", Z[row : row + 1])[0], whole[row])


def test_cross_entropy_of_a_sure_and_right_answer_is_zero(core, dtype):
    Z = np.array([[1e4, -1e4, 0]], dtype)
    with np.errstate(all="raise"):
        right, dZ = core.loss_and_gradient("cross_entropy", Z, np.array([0]), output_activation="softmax")
        wrong, _ = core.loss_and_gradient("cross_entropy", Z, np.array([1]), output_activation="softmax")
    assert right == 0
    assert np.signbit(right) == np.False_
    assert wrong == 2e4
    np.testing.assert_array_equal(dZ, [[0, 0, 0]])


def test_binary_cross_entropy_neither_overflows_nor_rounds_to_zero(core, dtype):
    Z, target = np.array([[30.0], [-30.0], [1e4], [-1e4]], dtype), np.array([[1], [0], [0], [1]], dtype)
    for row, exact in enumerate([np.log1p(np.exp(-30.0)), np.log1p(np.exp(-30.0)), 1e4, 1e4]):
        with np.errstate(all="raise"):
            loss, _ = core.loss_and_gradient(
                "binary_cross_entropy", Z[row : row + 1], target[row : row + 1], output_activation="sigmoid"
            )
        assert loss == pytest.approx(exact, rel=4 * UNITS[dtype], abs=0)


def test_a_slope_of_zero_does_not_hide_what_is_not_finite(core, dtype):
    A, dA = np.array([[0, 0, 2, 2]], dtype), np.array([[np.inf, np.nan, np.inf, 3]], dtype)
    with np.errstate(all="raise"):
        relu, leaky = (core.activation_gradient(name, A, dA) for name in ("relu", "leaky_relu"))
    np.testing.assert_array_equal(relu, [[np.nan, np.nan, np.inf, 3]])
    np.testing.assert_array_equal(leaky, [[np.inf, np.nan, np.inf, 3]])

"""Losses, weights and missing targets in both cores: gradients by finite differences, and the cores against each other."""

from __future__ import annotations

import numpy as np
import pytest
from array_cases import WIDTHS
from chainrule import reference
from chainrule._network import Network
from loss_cases import LOSS_CASES, N_OUT, allows_output_weights, make_target, with_missing
from test_reference_gradients import assert_slopes
from tolerances import eps

PARTS = [(weights, missing) for weights in (False, True) for missing in (False, True)]


def arguments(rng, case, rows, dtype, weights, missing, n_out=N_OUT):
    """Return target and keyword arguments of a loss."""
    target = make_target(rng, rows, case.targets, dtype, n_out)
    how = {}
    if weights:
        how["sample_weight"] = rng.uniform(0.2, 3, rows).astype(dtype)
        if allows_output_weights(case):
            how["output_weights"] = tuple(rng.uniform(0.2, 3, n_out))
    return (with_missing(target, case) if missing else target), how


@pytest.mark.parametrize(("weights", "missing"), PARTS)
@pytest.mark.parametrize("case", LOSS_CASES, ids=str)
def test_the_gradient_is_that_of_the_value(core, case, weights, missing):
    rng = np.random.default_rng(0)
    Z = rng.normal(size=(5, N_OUT))
    target, how = arguments(rng, case, 5, "float64", weights, missing)
    how["output_activation"] = case.output
    _, dZ = core.loss_and_gradient(case.loss, Z, target, **how)
    assert_slopes(dZ, lambda: core.loss_and_gradient(case.loss, Z, target, **how)[0], Z, "dZ")
    assert np.abs(dZ).max() > 0.01


@pytest.mark.parametrize("case", LOSS_CASES, ids=str)
def test_the_gradient_goes_back_through_the_layers(core, case):
    rng = np.random.default_rng(1)
    network = Network((4, 5, N_OUT), ("silu", case.output), "unit", (0.3,), "float64")
    weights, biases = (
        [rng.normal(size=s) / 2 for s in shapes] for shapes in (network.weight_shapes, network.bias_shapes)
    )
    X = rng.normal(size=(6, 4))
    target, how = arguments(rng, case, 6, "float64", True, True)

    def gradients():
        return core.gradients(network, weights, biases, X, target, loss=case.loss, seed=3, step=8, **how)

    _, dWs, dbs = gradients()
    for layer in (0, 1):
        assert_slopes(dWs[layer], lambda: gradients()[0], weights[layer], f"dW of layer {layer + 1}")
        assert_slopes(dbs[layer], lambda: gradients()[0], biases[layer], f"db of layer {layer + 1}")


@pytest.mark.parametrize(("weights", "missing"), PARTS)
@pytest.mark.parametrize(
    "case", [case for case in LOSS_CASES if len(getattr(case.loss, "levels", (1,))) == 1], ids=str
)
def test_native_losses_are_those_of_the_reference_at_every_width(native, dtype, case, weights, missing):
    """Some ten roundings for the activation, the loss and the slope of an entry, one more for each term of a sum.

    They are relative to the numbers that the loss is made of: activations and targets, up to about 5 here (10 in an
    exponential), of which differences are taken.
    """
    rng = np.random.default_rng(2)
    for rows, width in [(5, width) for width in WIDTHS] + [(200, 3)]:
        Z = rng.normal(size=(rows, width)).astype(dtype)
        target, how = arguments(rng, case, rows, dtype, weights, missing, width)
        how["output_activation"] = case.output
        given = Z.copy(), target.copy()
        value, dZ = native.loss_and_gradient(case.loss, Z, target, **how)
        expected, twin = reference.loss_and_gradient(case.loss, Z, target, **how)
        assert type(value) is float
        assert dZ.dtype == twin.dtype == dtype
        unit = (width + 16) * eps(dtype) * max(1, np.abs(reference.activation(case.output, Z)).max())
        unit, factor = (
            float(unit),
            max(how.get("output_weights", (1,))) * (width if case.output == "softmax" else 1),
        )
        assert value == pytest.approx(expected, rel=4 * unit * max(factor, 1), abs=4 * unit * factor), (
            rows,
            width,
        )
        scale = max(np.abs(twin).max(), factor / rows / width)
        np.testing.assert_allclose(dZ, twin, rtol=0, atol=unit * scale, err_msg=f"{rows} {width}")
        np.testing.assert_array_equal(Z, given[0])
        np.testing.assert_array_equal(target, given[1])


@pytest.mark.parametrize("case", LOSS_CASES, ids=str)
def test_entries_that_do_not_count_have_no_loss_and_no_gradient(core, dtype, case):
    rng = np.random.default_rng(3)
    Z = rng.normal(size=(6, N_OUT)).astype(dtype)
    target, how = arguments(rng, case, 6, dtype, True, True)
    how["sample_weight"][4] = 0
    if "output_weights" in how:
        how["output_weights"] = (1.5, 0.0, 0.5)
    value, dZ = core.loss_and_gradient(case.loss, Z, target, output_activation=case.output, **how)
    if case.output != "softmax":  # there each z moves all outputs of its row
        assert (dZ[np.isnan(target)] == 0).all()
        assert (dZ[:, 1] == 0).all()
    assert (dZ[4] == 0).all()
    assert (dZ[1] == 0).all()
    other = np.where(np.isnan(target), target, target + 0)
    other[4] = make_target(rng, 1, case.targets, dtype)
    again, same = core.loss_and_gradient(case.loss, Z, other, output_activation=case.output, **how)
    assert again == value
    np.testing.assert_array_equal(same, dZ)
    Z[4] = np.inf  # nor what is not finite
    if case.output != "softmax":
        Z[1] = -np.inf
    again, same = core.loss_and_gradient(case.loss, Z, target, output_activation=case.output, **how)
    assert again == value
    np.testing.assert_array_equal(same, dZ)


@pytest.mark.parametrize("case", LOSS_CASES, ids=str)
def test_a_weight_of_two_is_the_row_twice(core, case):
    rng = np.random.default_rng(4)
    Z = rng.normal(size=(5, N_OUT))
    target, how = arguments(rng, case, 5, "float64", True, True)
    how["output_activation"] = case.output
    del how["sample_weight"]
    twice = [0, 1, 2, 2, 3, 4, 4]
    value, dZ = core.loss_and_gradient(case.loss, Z, target, sample_weight=np.array([1.0, 1, 2, 1, 2]), **how)
    expected, dZ_twice = core.loss_and_gradient(case.loss, Z[twice], target[twice], **how)
    assert value == pytest.approx(expected, rel=1e-13)
    summed = np.array([dZ_twice[np.array(twice) == row].sum(axis=0) for row in range(5)])
    np.testing.assert_allclose(dZ, summed, rtol=1e-12, atol=1e-16)


def test_where_nothing_counts_the_loss_is_zero(core, dtype):
    Z, Y = np.ones((2, 3), dtype), np.zeros((2, 3), dtype)
    for how in ({"sample_weight": np.zeros(2, dtype)}, {}):
        target = Y if how else np.full_like(Y, np.nan)
        value, dZ = core.loss_and_gradient("huber", Z, target, **how)
        assert value == 0
        assert not dZ.any()


@pytest.mark.parametrize("case", LOSS_CASES, ids=str)
def test_what_is_not_finite_makes_the_loss_so(core, case):
    for z in (np.nan, np.inf):
        Z = np.zeros((2, N_OUT))
        Z[0, 0] = z
        target = make_target(np.random.default_rng(5), 2, case.targets)
        value = core.loss_and_gradient(case.loss, Z, target, output_activation=case.output)[0]
        if np.isnan(z):
            assert np.isnan(value)
        elif case.output in ("identity", "gelu", "softplus", "exponential") and case.loss != "hinge":
            assert value == np.inf or np.isnan(value)

"""L1 and L2 penalties, decoupled decay, clipping and limited norms: one update against the formula, by hand in float64."""

from __future__ import annotations

import chainrule as cr
import numpy as np
import pytest
from chainrule._network import Network, TrainingState
from chainrule._rules import HAS_SQUARE

RATE = 0.25


def start(dtype, bias="unit"):
    rng = np.random.default_rng(5)
    network = Network((6, 9, 4, 2), ("tanh", "sigmoid", "identity"), bias, (0.0, 0.0), dtype)
    weights = [rng.normal(size=shape).astype(dtype) for shape in network.weight_shapes]
    biases = [rng.normal(size=shape).astype(dtype) for shape in network.bias_shapes]
    weights[0][2] = 0  # where the penalty of absolute weights has no slope
    return (
        network,
        weights,
        biases,
        rng.normal(size=(20, 6)).astype(dtype),
        rng.normal(size=(20, 2)).astype(dtype),
    )


def update(core, dtype, optimizer, bias="unit"):
    """Parameters and gradients before one update, weights and biases each, and the parameters after it."""
    network, weights, biases, X, Y = start(dtype, bias)
    _, *gradients = core.gradients(network, weights, biases, X, Y, loss="half_squared_error")
    before = [[array.astype("float64") for array in arrays] for arrays in (weights, biases, *gradients)]
    state = TrainingState.start(weights, biases)
    state.restart(optimizer.kind, optimizer.kind in HAS_SQUARE)
    core.train_epochs(network, state, X, Y, loss="half_squared_error", optimizer=optimizer, batch_size=20,
                      shuffle=False, seed=0, epochs=1)  # fmt: skip
    return before, (state.weights, state.biases)


def assert_equal(found, expected):
    """Ten roundings of numbers up to 4 are allowed: each number is a few operations."""
    for arrays, others in zip(found, expected, strict=True):
        for array, other in zip(arrays, others, strict=True):
            assert np.abs(array - other).max() < 40 * np.finfo(array.dtype).eps


def plain(arrays, gradients):
    return [a - RATE * g for a, g in zip(arrays, gradients, strict=True)]


def test_l1_moves_weights_by_their_sign(core, dtype):
    (W, b, dW, db), after = update(core, dtype, cr.SGD(RATE, l1=0.1))
    assert_equal(after, (plain(W, [g + 0.1 * np.sign(w) for w, g in zip(W, dW, strict=True)]), plain(b, db)))


def test_l2_moves_weights_by_a_share_of_them(core, dtype):
    (W, b, dW, db), after = update(core, dtype, cr.SGD(RATE, weight_decay=0.1))
    assert_equal(after, (plain(W, [g + 0.1 * w for w, g in zip(W, dW, strict=True)]), plain(b, db)))


def test_decoupled_decay_is_no_part_of_the_gradient(core, dtype):
    """The first step of Adam is ``g / (|g| + epsilon)``, whatever the size of g: a penalty in g would hardly be seen."""
    (W, b, dW, db), after = update(core, dtype, cr.AdamW(RATE, weight_decay=0.1, epsilon=0.01))
    steps = [[g / (abs(g) + 0.01) for g in gradients] for gradients in (dW, db)]
    assert_equal(after, (plain([(1 - RATE * 0.1) * w for w in W], steps[0]), plain(b, steps[1])))


def test_clipped_values_are_those_of_weights_and_biases(core, dtype):
    (W, b, dW, db), after = update(core, dtype, cr.SGD(RATE, clip_value=0.05))
    assert all((abs(g) > 0.05).any() and (abs(g) < 0.05).any() for g in (dW[0], db[0]))
    clipped = [[np.clip(g, -0.05, 0.05) for g in gradients] for gradients in (dW, db)]
    assert_equal(after, (plain(W, clipped[0]), plain(b, clipped[1])))


def length(*lists):
    return sum((g**2).sum() for gradients in lists for g in gradients) ** 0.5


@pytest.mark.parametrize("bias", ["unit", "layer", None])
def test_a_clipped_norm_is_that_of_all_weights_and_biases_together(core, dtype, bias):
    (W, b, dW, db), after = update(core, dtype, cr.SGD(RATE, clip_norm=0.5), bias)
    factor = 0.5 / (length(dW, db) + 1e-6)
    assert factor < 0.9
    assert bias is None or length(dW, db) > 1.1 * length(dW)  # so that it is seen whether biases count
    assert_equal(after, (plain(W, [factor * g for g in dW]), plain(b, [factor * g for g in db])))


def test_values_are_clipped_before_the_norm_and_penalties_are_added_after_both(core, dtype):
    (W, b, dW, db), after = update(core, dtype, cr.SGD(RATE, clip_value=0.05, clip_norm=0.2, l1=0.3))
    clipped = [[np.clip(g, -0.05, 0.05) for g in gradients] for gradients in (dW, db)]
    factor = 0.2 / (length(*clipped) + 1e-6)
    assert factor < 0.9
    moved = [factor * g + 0.3 * np.sign(w) for w, g in zip(W, clipped[0], strict=True)]
    assert_equal(after, (plain(W, moved), plain(b, [factor * g for g in clipped[1]])))


@pytest.mark.parametrize("limits", [{"clip_norm": 1e3}, {"clip_value": 1e3}, {"max_norm": 1e3}])
def test_a_limit_that_is_not_reached_changes_nothing(core, dtype, limits):
    (W, b, dW, db), after = update(core, dtype, cr.SGD(RATE, **limits))
    assert_equal(after, (plain(W, dW), plain(b, db)))


def test_the_norm_of_each_units_new_weights_is_limited_and_biases_are_not(core, dtype):
    most = 2.055
    (W, b, dW, db), after = update(core, dtype, cr.SGD(RATE, max_norm=most))
    new = plain(W, dW)
    lengths = [np.linalg.norm(w, axis=0) for w in new]
    assert (lengths[0] > most).any()
    assert (lengths[0] < most).any()
    assert any((np.linalg.norm(w, axis=0) < most)[n > most].any() for w, n in zip(W, lengths, strict=True))
    assert length(b[:1]) > most
    assert_equal(
        after, ([w * np.minimum(1, most / n) for w, n in zip(new, lengths, strict=True)], plain(b, db))
    )

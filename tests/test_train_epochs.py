"""Training is the loop it is documented to be, stops where it should, and leaves a state to go on from."""

from __future__ import annotations

import copy
import re
from types import SimpleNamespace

import numpy as np
import pytest
from chainrule._network import Network, TrainingState

CLOSE = {"float32": {"rtol": 2e-5, "atol": 2e-6}, "float64": {"rtol": 1e-12, "atol": 1e-14}}
"""The loop and train_epochs may round differently: a few units in the last place in each of a dozen steps."""


def sgd(learning_rate=0.1, momentum=0.0, nesterov=False, weight_decay=0.0):
    return SimpleNamespace(
        learning_rate=learning_rate, momentum=momentum, nesterov=nesterov, weight_decay=weight_decay
    )


def problem(dtype, *, bias="unit", dropout=0.0, rows=11):
    rng = np.random.default_rng(0)
    network = Network((3, 5, 4, 2), ("tanh", "relu", "softmax"), bias, (dropout, dropout), dtype)
    weights = [rng.normal(size=shape).astype(dtype) for shape in network.weight_shapes]
    biases = [rng.normal(size=shape).astype(dtype) for shape in network.bias_shapes]
    X, labels = rng.normal(size=(rows, 3)).astype(dtype), rng.integers(0, 2, rows)
    return network, TrainingState.start(weights, biases), X, labels


def train(core, network, state, X, target, optimizer=None, **changes):
    settings = {"loss": "cross_entropy", "batch_size": 4, "shuffle": True, "seed": 7, "epochs": 1, **changes}
    core.train_epochs(network, state, X, target, optimizer=optimizer or sgd(), **settings)


def loop(core, network, state, X, target, optimizer, *, batch_size=4, shuffle=True, seed=7, steps=10**9):
    """One epoch, or its first steps, by the other core functions; gives the sum of the losses, and the rows."""
    order = core.permutation(len(X), seed=seed, epoch=state.epoch) if shuffle else np.arange(len(X))
    total, rows = 0.0, 0
    for start in range(0, len(X), batch_size)[:steps]:
        batch = order[start : start + batch_size]
        loss, dWs, dbs = core.gradients(
            network, state.weights, state.biases, X[batch], target[batch], loss="cross_entropy", seed=seed,
            step=state.step,
        )  # fmt: skip
        for w, v, g in zip(state.weights, state.weight_velocity, dWs, strict=True):
            core.sgd_momentum_step(w, v, g, **vars(optimizer))
        for b, v, g in zip(state.biases, state.bias_velocity, dbs, strict=True):
            core.sgd_momentum_step(b, v, g, **{**vars(optimizer), "weight_decay": 0.0})
        state.step += 1
        total, rows = total + loss * len(batch), rows + len(batch)
    if rows == len(X):
        state.epoch += 1
        state.losses.append(total / rows)
    return total, rows


def arrays(state):
    return [*state.weights, *state.biases, *state.weight_velocity, *state.bias_velocity]


def contents(state):
    return [array.tobytes() for array in arrays(state)], state.epoch, state.step, list(state.losses)


def assert_close(state, expected, dtype):
    assert (state.epoch, state.step) == (expected.epoch, expected.step)
    np.testing.assert_allclose(state.losses, expected.losses, **CLOSE[dtype])
    for array, other in zip(arrays(state), arrays(expected), strict=True):
        assert array.dtype == dtype
        np.testing.assert_allclose(array, other, **CLOSE[dtype])


@pytest.mark.parametrize("bias", ["unit", "layer", None])
@pytest.mark.parametrize("dropout", [0.0, 0.5])
@pytest.mark.parametrize(
    "optimizer", [sgd(), sgd(0.2, 0.9), sgd(0.2, 0.9, True), sgd(0.1, 0.5, True, 0.1)], ids=str
)
def test_training_is_the_loop_of_gradients_and_updates(core, dtype, bias, dropout, optimizer):
    network, state, X, labels = problem(dtype, bias=bias, dropout=dropout)
    expected = copy.deepcopy(state)
    train(core, network, state, X, labels, optimizer, epochs=4)
    for _ in range(4):
        loop(core, network, expected, X, labels, optimizer)
    assert (state.epoch, state.step, len(state.losses)) == (4, 12, 4)
    assert_close(state, expected, dtype)


@pytest.mark.parametrize("batch_size", [1, 2, 4, 11, 100])
@pytest.mark.parametrize("shuffle", [True, False])
def test_every_row_comes_once_in_an_epoch_the_last_batch_smaller(core, dtype, batch_size, shuffle):
    network, state, X, labels = problem(dtype)
    expected = copy.deepcopy(state)
    train(core, network, state, X, labels, sgd(0.05), batch_size=batch_size, shuffle=shuffle)
    loop(core, network, expected, X, labels, sgd(0.05), batch_size=batch_size, shuffle=shuffle)
    assert state.step == -(-11 // batch_size)
    assert_close(state, expected, dtype)


def test_the_arrays_are_updated_in_place(core, dtype):
    network, state, X, labels = problem(dtype)
    before = [(array, array.copy()) for array in arrays(state)]
    train(core, network, state, X, labels)
    for array, (same, old) in zip(arrays(state), before, strict=True):
        assert array is same
        assert not np.array_equal(array, old)


def test_two_and_three_epochs_are_five(core, dtype):
    network, state, X, labels = problem(dtype, dropout=0.3)
    whole = copy.deepcopy(state)
    for epochs in (2, 0, 3):
        train(core, network, state, X, labels, sgd(0.1, 0.9), epochs=epochs)
    train(core, network, whole, X, labels, sgd(0.1, 0.9), epochs=5)
    assert contents(state) == contents(whole)


def test_labels_train_as_their_one_hot_rows(core, dtype):
    network, state, X, labels = problem(dtype)
    other = copy.deepcopy(state)
    train(core, network, state, X, labels, epochs=3)
    train(core, network, other, X, np.eye(2, dtype=dtype)[labels], epochs=3)
    assert contents(state) == contents(other)


def test_weight_decay_spares_the_biases(core, dtype):
    network = Network((1, 1), ("identity",), "unit", (), dtype)
    state = TrainingState.start([np.ones((1, 1), dtype)], [np.ones(1, dtype)])
    X, target = np.zeros((1, 1), dtype), np.ones((1, 1), dtype)  # the prediction is the bias: no gradient
    train(core, network, state, X, target, sgd(0.5, weight_decay=0.25), loss="half_squared_error")
    assert state.weights[0] == 1 - 0.5 * 0.25
    assert state.biases[0] == 1


def test_the_update_is_the_documented_one(core, dtype):
    w, v, g = (np.array([value], dtype) for value in (4.0, 2.0, 1.0))
    core.sgd_momentum_step(w, v, g, learning_rate=0.5, momentum=0.25, weight_decay=0.5)
    assert (w[0], v[0], g[0]) == (4 - 1, 0.25 * 2 - 0.5 * (1 + 0.5 * 4), 1)
    w, v = np.array([4], dtype), np.array([4], dtype)
    core.sgd_momentum_step(w, v, g, learning_rate=0.5, momentum=0.25, nesterov=True)
    assert (w[0], v[0]) == (4 + 0.25 * 0.5 - 0.5, 0.25 * 4 - 0.5)


def test_training_uses_the_dropout_mask_of_its_step_and_prediction_none(core, dtype):
    network = Network((4, 4, 4, 4), ("identity",) * 3, None, (0.5, 0.25), dtype)
    weights, X = [np.eye(4, dtype=dtype)] * 3, np.ones((3, 4), dtype)
    first = core.dropout_mask(3, 4, 0.5, seed=5, step=9, layer=0, dtype=dtype)
    second = core.dropout_mask(3, 4, 0.25, seed=5, step=9, layer=1, dtype=dtype)
    mask = first * second
    assert 0 < np.count_nonzero(mask) < min(np.count_nonzero(first), np.count_nonzero(second))
    loss, (dW, _, _), _ = core.gradients(
        network, weights, [], X, np.zeros_like(X), loss="half_squared_error", seed=5, step=9
    )
    assert loss == pytest.approx(np.sum(mask**2) / 2 / 3, rel=1e-6)
    np.testing.assert_allclose(dW, np.broadcast_to((mask**2).sum(axis=0) / 3, (4, 4)), rtol=1e-6)
    assert np.array_equal(core.forward(network, weights, [], X), X)


def test_poll_hears_of_the_progress(core, dtype):
    network, state, X, labels = problem(dtype)
    expected = {}  # the mean loss of the rows so far, by epoch and number of batches done
    for epoch in range(2):
        for done in range(1, 4):
            copied = copy.deepcopy(state)
            for _ in range(epoch):
                loop(core, network, copied, X, labels, sgd())
            total, rows = loop(core, network, copied, X, labels, sgd(), steps=done)
            expected[epoch, done] = total / rows
    heard = []
    train(core, network, state, X, labels, epochs=2, poll=lambda *told: heard.append(told))
    assert sorted(heard) == heard
    assert {(0, 3), (1, 3)} <= {(epoch, done) for epoch, done, _, _ in heard}
    for epoch, done, steps, mean_loss in heard:
        assert steps == 3
        assert mean_loss == pytest.approx(expected[epoch, done], rel=CLOSE[dtype]["rtol"])


@pytest.mark.parametrize("exception", [KeyboardInterrupt, RuntimeError])
def test_a_poll_that_raises_stops_training_between_steps(core, dtype, exception):
    network, state, X, labels = problem(dtype)
    expected = copy.deepcopy(state)

    def poll(epoch, done, steps, mean_loss):
        if epoch == 1:
            raise exception("enough")

    with pytest.raises(exception, match="enough"):
        train(core, network, state, X, labels, epochs=5, poll=poll)
    assert state.epoch == 1
    assert len(state.losses) == 1
    assert 4 <= state.step <= 6
    loop(core, network, expected, X, labels, sgd())
    loop(core, network, expected, X, labels, sgd(), steps=state.step - 3)
    expected.epoch, expected.losses = 1, expected.losses[:1]
    assert_close(state, expected, dtype)


def assert_stops(core, network, state, X, target, optimizer, where, **changes):
    before = contents(state)
    text = f"training stopped in {where} is not finite; the parameters are those before this step. "
    with pytest.raises(FloatingPointError, match=re.escape(text)):
        train(core, network, state, X, target, optimizer, shuffle=False, **changes)
    return before


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_loss_that_is_not_finite_stops_training(core, dtype, value):
    network, state, X, labels = problem(dtype)
    X[9, 1] = value
    expected = copy.deepcopy(state)
    train(core, network, expected, X[:8], labels[:8], shuffle=False)
    if np.isinf(value):  # tanh(inf) is 1: only its gradient is not finite, 0 * inf
        where = "epoch 0, step 2: the gradient of the weights of layer 1"
    else:
        where = "epoch 0, step 2: the loss"
    assert_stops(core, network, state, X, labels, None, where)
    assert state.step == 2
    assert (state.epoch, state.losses) == (0, [])
    assert [a.tobytes() for a in arrays(state)] == [a.tobytes() for a in arrays(expected)]


def test_a_weight_gradient_that_is_not_finite_stops_training(core):
    network = Network((1, 1), ("identity",), "unit", (), "float32")
    state = TrainingState.start([np.full((1, 1), 1e-30, "f4")], [np.zeros(1, "f4")])
    X, target = np.full((2, 1), 1e30, "f4"), np.full((2, 1), 1e10, "f4")  # loss 1e20, gradient 1e40
    before = assert_stops(
        core, network, state, X, target, None, "epoch 0, step 0: the gradient of the weights of layer 1",
        loss="mean_squared_error",
    )  # fmt: skip
    assert contents(state) == before


def test_a_bias_gradient_that_is_not_finite_stops_training(core):
    network = Network((1, 4, 1), ("identity", "identity"), "layer", (0.0,), "float32")
    weights, biases = [np.zeros((1, 4), "f4"), np.full((4, 1), 3e38, "f4")], [np.zeros(1, "f4")] * 2
    state = TrainingState.start(weights, [b.copy() for b in biases])
    X, target = np.zeros((1, 1), "f4"), np.ones((1, 1), "f4")
    before = assert_stops(
        core, network, state, X, target, None, "epoch 0, step 0: the gradient of the biases of layer 1",
        loss="half_squared_error",
    )  # fmt: skip
    assert contents(state) == before


@pytest.mark.parametrize("x", [0, 1])  # 0: only a bias grows beyond all bounds
def test_an_update_that_is_not_finite_stops_training(core, x):
    network = Network((1, 1, 1), ("identity", "identity"), "unit", (0.0,), "float32")
    state = TrainingState.start([np.ones((1, 1), "f4")] * 2, [np.zeros(1, "f4")] * 2)
    for arrays_of in (state.weights, state.biases, state.weight_velocity, state.bias_velocity):
        arrays_of[:] = [array.copy() for array in arrays_of]
    X, target = np.full((1, 1), x, "f4"), np.full((1, 1), 10, "f4")
    train(core, network, state, X, target, sgd(1e-3, 0.9), loss="half_squared_error", epochs=3)
    before = assert_stops(
        core, network, state, X, target, sgd(2e38, 0.9), "epoch 3, step 0: an updated parameter of layer 2",
        loss="half_squared_error", epochs=2,
    )  # fmt: skip
    assert contents(state) == before


def test_nothing_warns_whatever_the_numbers_and_the_error_state(core, dtype):
    network, state, X, labels = problem(dtype)
    huge = X * (np.finfo(dtype).max / 8)
    with np.errstate(all="raise"):
        core.forward(network, state.weights, state.biases, huge)
        core.gradients(network, state.weights, state.biases, huge, labels, loss="cross_entropy")
        with pytest.raises(FloatingPointError, match="training stopped in epoch"):
            train(core, network, state, huge, labels, sgd(1e4), epochs=50)

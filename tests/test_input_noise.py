"""Noise and dropout of inputs: what is drawn, where it goes in training, and that nothing else sees it."""

from __future__ import annotations

import math
import pickle
from dataclasses import replace
from itertools import product
from statistics import NormalDist

import chainrule as cr
import numpy as np
import pytest
from chainrule._network import Network, TrainingState
from training_cases import sgd

NOISE_STREAM, INPUT_MASK_STREAM = 5 << 24, 4 << 24
ON_INPUTS = [(0.25, 0.0), (0.0, 0.3), (0.25, 0.3)]


def test_a_normal_number_is_the_quantile_of_its_word(core):
    words = core.random_words(3000, seed=4, stream=NOISE_STREAM, step=2**33)
    expected = [NormalDist().inv_cdf((int(word) + 0.5) / 2**32) for word in words]
    noise = core.gaussian_noise(50, 60, seed=4, step=2**33, dtype="float64")
    np.testing.assert_allclose(noise.ravel(), expected, rtol=2e-14)  # some roundings of a polynomial each
    rounded = core.gaussian_noise(50, 60, seed=4, step=2**33)
    assert np.array_equal(rounded, noise.astype("float32"))


def test_normal_numbers_have_mean_0_variance_1_and_the_normal_distribution(core, dtype):
    noise = core.gaussian_noise(250, 400, seed=1, step=7, dtype=dtype)
    assert noise.dtype == dtype
    z, n = noise.astype("float64").ravel(), noise.size
    assert abs(z.mean()) < 4 / n**0.5
    assert abs(z.var() - 1) < 4 * (2 / n) ** 0.5
    assert abs((z**4).mean() - 3) < 4 * (96 / n) ** 0.5
    below = np.array([0.5 * math.erfc(-x / 2**0.5) for x in np.sort(z)])
    ranks = np.arange(n + 1) / n
    distance = max((below - ranks[:-1]).max(), (ranks[1:] - below).max())
    assert distance < 1.95 / n**0.5  # Kolmogorov and Smirnov, the 0.999 quantile


def test_normal_numbers_of_neighbours_steps_and_seeds_have_nothing_in_common(core):
    def draw(**changes):
        return core.gaussian_noise(300, 300, **{"seed": 1, "step": 2, "dtype": "float64", **changes})

    z = draw()
    others = {"step": draw(step=3), "high step": draw(step=2 + 2**32), "seed": draw(seed=2),
              "row": np.roll(z, 1, axis=0), "column": np.roll(z, 1, axis=1)}  # fmt: skip
    for name, other in others.items():
        assert abs((z * other).mean()) < 4 / z.size**0.5, name


def test_a_row_has_the_same_noise_and_mask_whatever_the_number_of_rows(core, dtype):
    where = {"seed": 1, "step": 2, "dtype": dtype}
    whole, part = (core.gaussian_noise(rows, 37, **where) for rows in (50, 3))
    assert np.array_equal(whole[:3], part)
    whole, part = (core.dropout_mask(rows, 37, 0.5, layer=-1, **where) for rows in (50, 3))
    assert np.array_equal(whole[:3], part)


@pytest.mark.parametrize("shape", [(0, 4), (4, 0), (1, 1)])
def test_noise_may_be_empty_or_single(core, dtype, shape):
    noise = core.gaussian_noise(*shape, seed=0, step=0, dtype=dtype)
    assert noise.shape == shape
    assert noise.dtype == dtype


@pytest.mark.parametrize("rate", [0.1, 0.5])
def test_the_mask_of_the_inputs_has_words_of_its_own(core, dtype, rate):
    mask = core.dropout_mask(200, 300, rate, seed=5, step=6, layer=-1, dtype=dtype)
    assert set(np.unique(mask)) == {0, np.dtype(dtype).type(1 / (1 - rate))}
    assert abs(np.mean(mask == 0) - rate) < 4 * (rate * (1 - rate) / mask.size) ** 0.5
    words = core.random_words(mask.size, seed=5, stream=INPUT_MASK_STREAM, step=6).reshape(mask.shape)
    assert np.array_equal(mask != 0, words >= np.uint32(int(rate * 2**32)))
    hidden = core.dropout_mask(200, 300, rate, seed=5, step=6, layer=0, dtype=dtype)
    assert abs(np.corrcoef(mask.ravel(), hidden.ravel())[0, 1]) < 4 / mask.size**0.5


def disturbed(core, network, X, seed, step):
    """What a network is given instead of X, by the public functions."""
    where = {"seed": seed, "step": step, "dtype": network.dtype}
    noise = core.gaussian_noise(*X.shape, **where)
    mask = core.dropout_mask(*X.shape, network.input_dropout, layer=-1, **where)
    return (X + X.dtype.type(network.input_noise) * noise) * mask


def problem(dtype, on_inputs, sizes=(5, 7, 3), rows=40, dropout=0.0):
    rng = np.random.default_rng(0)
    network = Network(sizes, ("tanh", "softmax"), "unit", (dropout,), dtype, *on_inputs)
    weights = [rng.normal(size=shape).astype(dtype) for shape in network.weight_shapes]
    biases = [rng.normal(size=shape).astype(dtype) for shape in network.bias_shapes]
    X = rng.normal(size=(rows, sizes[0])).astype(dtype)
    return network, weights, biases, X, rng.integers(0, sizes[-1], rows)


def plain(network):
    return replace(network, input_dropout=0.0, input_noise=0.0)


def parts(found):
    value, dWs, dbs = found
    return [value, *(array.tobytes() for array in (*dWs, *dbs))]


@pytest.mark.usefixtures("oversubscribed")
@pytest.mark.parametrize("on_inputs", ON_INPUTS)
@pytest.mark.parametrize(("sizes", "rows"), [((5, 7, 3), 40), ((65, 7, 3), 4001), ((130, 300, 3), 8)])
def test_gradients_are_those_of_the_noisy_inputs_with_some_left_out(core, dtype, on_inputs, sizes, rows):
    """To the last bit: in blocks of rows that pass one after the other, and where threads own columns."""
    network, weights, biases, X, labels = problem(dtype, on_inputs, sizes, rows, dropout=0.25)
    kept = X.copy()
    for threads, step in product((1, 3), (0, 2**32 + 5)):
        how = {"loss": "cross_entropy", "seed": 3, "step": step, "n_threads": threads}
        found = core.gradients(network, weights, biases, X, labels, **how)
        given = disturbed(core, network, X, 3, step)
        expected = core.gradients(plain(network), weights, biases, given, labels, **how)
        assert parts(found) == parts(expected)
    assert np.array_equal(X, kept)


@pytest.mark.parametrize("on_inputs", ON_INPUTS)
@pytest.mark.parametrize("batch_size", [1, 7, 40])
def test_each_update_has_noise_and_a_mask_of_its_own(core, dtype, on_inputs, batch_size):
    """Also in batches of one row, for which a network so small has a way of its own where nothing disturbs it."""
    network, weights, biases, X, labels = problem(dtype, on_inputs)
    state, twin = (TrainingState.start([w.copy() for w in weights], [b.copy() for b in biases]) for _ in "ab")
    how = {"loss": "cross_entropy", "optimizer": sgd(0.1), "batch_size": batch_size, "seed": 9}
    core.train_epochs(network, state, X, labels, shuffle=True, epochs=2, **how)
    for epoch in range(2):
        order = core.permutation(len(X), seed=9, epoch=epoch)
        for start in range(0, len(X), batch_size):
            batch = order[start : start + batch_size]
            given = disturbed(core, network, X[batch], 9, twin.step)
            core.train_epochs(plain(network), twin, given, labels[batch], shuffle=False, epochs=1, **how)
    assert state.step == twin.step
    for array, other in zip([*state.weights, *state.biases], [*twin.weights, *twin.biases], strict=True):
        assert np.array_equal(array, other)


def test_noise_adds_a_penalty_of_squared_slopes_and_dropout_one_of_squared_terms(core):
    """Bishop 1995, exact for a linear network; 2000 draws of 40 rows each."""
    s, rate = 0.3, 0.25
    rng = np.random.default_rng(1)
    W, X, Y = rng.normal(size=(5, 1)), rng.normal(size=(40, 5)), rng.normal(size=(40, 1))
    bare = core.gradients(Network((5, 1), ("identity",), None, (), "float64"), [W], [], X, Y,
                          loss="half_squared_error")[0]  # fmt: skip
    penalties = {
        (0.0, s): s**2 / 2 * (W**2).sum(),
        (rate, 0.0): rate / (1 - rate) / 2 * ((X**2).mean(axis=0) * W[:, 0] ** 2).sum(),
    }
    for on_inputs, penalty in penalties.items():
        network = Network((5, 1), ("identity",), None, (), "float64", *on_inputs)
        losses = [
            core.gradients(network, [W], [], X, Y, loss="half_squared_error", step=step)[0]
            for step in range(2000)
        ]
        error = np.std(losses) / 2000**0.5
        assert abs(np.mean(losses) - bare - penalty) < 4 * error
        assert penalty > 20 * error


def a_trainer(**on_inputs):
    model = cr.MLP([4, 6, 3], output_activation="softmax", seed=1, **on_inputs)
    return cr.Trainer(model, loss="cross_entropy", optimizer=cr.SGD(0.1), batch_size=8)


def rows(n=30):
    rng = np.random.default_rng(2)
    return rng.normal(size=(n, 4)).astype("float32"), rng.integers(0, 3, n)


@pytest.mark.parametrize("on_inputs", [{"input_dropout": 0.5}, {"input_noise": 1.0}])
def test_predictions_evaluations_and_validation_are_undisturbed(backend, on_inputs):
    (X, y), one, other = rows(), a_trainer(**on_inputs), a_trainer()
    assert np.array_equal(one.model.predict(X), other.model.predict(X))
    assert np.array_equal(one.model.predictor()(X[:1]), other.model.predictor()(X[:1]))
    assert one.evaluate(X, y, ["accuracy"]) == other.evaluate(X, y, ["accuracy"])
    assert one.gradients(X, y).loss != other.gradients(X, y).loss
    still = [trainer.fit(X, y, epochs=1, validation_data=(X, y)) for trainer in (one, other)]
    assert still[0].validation_loss[0] == one.evaluate(X, y)["loss"]
    assert still[0].loss != still[1].loss


@pytest.mark.parametrize("on_inputs", [{"input_dropout": 0.5}, {"input_noise": 1.0}])
def test_a_pickled_trainer_and_a_saved_model_go_on_to_the_same_bits(backend, tmp_path, on_inputs):
    (X, y), one = rows(), a_trainer(**on_inputs, dropout=0.1)
    one.fit(X, y, epochs=2)
    again = pickle.loads(pickle.dumps(one))
    one.model.save(tmp_path / "model.pkl")
    loaded = cr.load(tmp_path / "model.pkl")
    assert loaded.network == one.model.copy().network == one.model.network
    assert one.fit(X, y, epochs=2).loss == again.fit(X, y, epochs=2).loss
    assert all(np.array_equal(a, b) for a, b in zip(one.model.weights, again.model.weights, strict=True))
    assert not np.array_equal(loaded.weights[0], one.model.weights[0])


def test_noise_beyond_the_largest_number_stops_training_as_other_numbers_do(core, dtype):
    network, weights, biases, X, labels = problem(dtype, (0.0, 1e308))
    state = TrainingState.start(weights, biases)
    kept = [w.copy() for w in weights]
    with pytest.raises(FloatingPointError, match=r"epoch 0, step 0: .* is not finite"):
        core.train_epochs(network, state, X, labels, loss="cross_entropy", optimizer=sgd(), batch_size=8,
                          shuffle=False, seed=0, epochs=1)  # fmt: skip
    assert state.step == 0
    assert all(np.array_equal(a, b) for a, b in zip(state.weights, kept, strict=True))

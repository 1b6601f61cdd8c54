"""Numbers that grow beyond all bounds stop training before the step that would have spoiled the parameters.

The native core notices after the update, or after some hundred of a tiny network, goes back to a copy some steps or epochs old, and trains again up to there.
"""

from __future__ import annotations

import re

import numpy as np
import pytest
from chainrule import reference
from chainrule._network import Network, TrainingState
from training_cases import Case, sgd

STOPS = re.compile(
    r"training stopped in epoch (\d+), step (\d+): (.*) is not finite; the parameters are those before this step\. "
    r"A smaller learning_rate, or scaled inputs and targets, may help\."
)


def stopped(case, core, **changes):
    """Train, which must stop; give epoch, step and what is not finite."""
    with pytest.raises(FloatingPointError) as caught:
        case.train(core, **changes)
    found = STOPS.fullmatch(str(caught.value))
    assert found, str(caught.value)
    epoch, step, quantity = found.groups()
    return int(epoch), int(step), quantity


EVERY, STEPS_PER_EPOCH = 3, 7
LIMIT = {"float32": 64, "float64": 512}
"""2 to this power is finite, and its square is not."""


def doubling(dtype, doublings, sizes, batch, threes=STEPS_PER_EPOCH):
    """One weight doubles in every third step, exactly, until its square, the loss, overflows after so many doublings.

    A step with input 1, target 0 and learning rate 3 makes w of w - 3 w = -2 w.
    """
    network = Network(sizes, ("identity",), None, (), dtype)
    W = np.random.default_rng(0).integers(-9, 10, sizes).astype(dtype)
    W[0] = 0
    W[0, -1] = 2.0 ** (LIMIT[dtype] - doublings)
    rows = threes * EVERY * batch
    X = np.zeros((rows, sizes[0]), dtype)
    X[:, 0] = np.arange(rows) // batch % EVERY == EVERY - 1
    how = {
        "loss": "half_squared_error", "optimizer": sgd(3.0), "batch_size": batch, "shuffle": False, "seed": 0,
        "epochs": 10**4,
    }  # fmt: skip
    return Case(network, TrainingState.start([W], []), X, np.zeros((rows, sizes[1]), dtype), how)


@pytest.mark.parametrize("doublings", [0, 1, 6, 7, 13, 21, 22, 64, 100, 180])
@pytest.mark.parametrize(
    ("sizes", "batch", "n_threads"),
    [((3, 2), 1, 1), ((16, 16), 1, 2), ((17, 2), 1, 1), ((40, 70), 4, 1), ((40, 70), 4, 2), ((40, 70), 4, 3)],
)
@pytest.mark.usefixtures("oversubscribed")
def test_training_stops_in_the_very_step(core, dtype, doublings, sizes, batch, n_threads):
    case = doubling(dtype, doublings, sizes, batch)
    W = case.state.weights[0].copy()
    heard = []
    stop = stopped(case, core, n_threads=n_threads, poll=lambda *told: heard.append(told))
    step = doublings * EVERY + EVERY - 1
    epochs, left = divmod(step, STEPS_PER_EPOCH * EVERY)
    assert stop == (epochs, left, "the loss")
    assert (case.state.step, case.state.epoch) == (step, epochs)
    assert len(case.state.losses) == epochs
    assert np.isfinite(case.state.losses).all()
    W[0, -1] = (-1) ** doublings * 2.0 ** LIMIT[dtype]
    np.testing.assert_array_equal(case.state.weights[0], W)
    assert all((epoch, done) <= (epochs, left) and np.isfinite(loss) for epoch, done, _, loss in heard)


@pytest.mark.parametrize("threes", [1, 180, 1000])
@pytest.mark.parametrize("doublings", [0, 20, 21, 22, 170, 171, 179])
def test_row_by_row_the_very_step_is_found_in_epochs_of_any_length(core, dtype, doublings, threes):
    """The native core looks at some hundred steps of a tiny network together, and before it copies parameters."""
    case = doubling(dtype, doublings, (3, 2), 1, threes)
    W = case.state.weights[0].copy()
    step = doublings * EVERY + EVERY - 1
    assert stopped(case, core) == (*divmod(step, threes * EVERY), "the loss")
    W[0, -1] = (-1) ** doublings * 2.0 ** LIMIT[dtype]
    np.testing.assert_array_equal(case.state.weights[0], W)


def test_row_by_row_a_weight_is_missed_by_no_loss(core, dtype):
    """Also in the last step of all, after which no loss could show it."""
    network = Network((2, 1), ("identity",), None, (), dtype)
    largest = float(np.finfo(dtype).max)
    for rows, at in ((3, 1), (100, 99), (2000, 700), (2000, 1999)):
        X = np.zeros((rows, 2), dtype)
        X[at, 1] = largest**0.5
        state = TrainingState.start([np.zeros((2, 1), dtype)], [])
        target = np.full((rows, 1), 0.25, dtype)
        target[at] = largest**0.25
        how = {"loss": "half_squared_error", "optimizer": sgd(largest**0.3), "batch_size": 1, "shuffle": False, "seed": 0,
               "epochs": 1}  # fmt: skip
        case = Case(network, state, X, target, how)
        assert stopped(case, core) == (0, at, "an updated parameter of layer 1"), rows
        np.testing.assert_array_equal(case.state.weights[0], 0)
        assert case.state.step == at


def exploding(seed, dtype):
    """A random network without an activation that would hold it back, and a learning rate far too large.

    One output, so that the loss of a row is one square: cores that sum several may overflow one before the other.
    """
    rng = np.random.default_rng(seed)
    depth, widest, batch = 1 + seed % 3, (16, 40)[seed % 2], (1, 1, 5, 16)[seed // 2 % 4]
    sizes = (*(int(size) for size in rng.integers(2, widest + 1, depth)), 1)
    names = tuple(str(name) for name in rng.choice(["identity", "relu", "leaky_relu"], depth - 1))
    dropout = ((0.0, 0.3)[seed // 2 % 2],) * (depth - 1)
    network = Network(sizes, (*names, "identity"), (None, "unit", "layer")[seed // 3 % 3], dropout, dtype)
    weights = [(rng.normal(size=s) / np.sqrt(s[0])).astype(dtype) for s in network.weight_shapes]
    biases = [rng.normal(size=s).astype(dtype) for s in network.bias_shapes]
    largest = float(np.finfo(dtype).max) ** 0.5
    rows = 6 * batch - batch // 2
    X, target = rng.normal(size=(rows, sizes[0])).astype(dtype), rng.normal(size=(rows, 1)).astype(dtype)
    rate, scale = [(0.7, 1), (5.0, 1), (0.1 * largest, 1), (30.0, 0.1 * largest), (largest, 0.5 * largest)][
        seed % 5
    ]
    how = {
        "loss": "half_squared_error", "optimizer": sgd(rate, (0.0, 0.9)[seed % 2], nesterov=seed % 4 == 3),
        "batch_size": batch, "shuffle": True, "seed": seed, "epochs": 300,
    }  # fmt: skip
    return Case(network, TrainingState.start(weights, biases), X, target * scale, how)


HOW = {
    "loss": "half_squared_error", "optimizer": sgd(1e-3, 0.9), "batch_size": 1, "shuffle": True, "seed": 0, "epochs": 3
}  # fmt: skip
SEEDS = [seed for seed in range(60) if seed not in (5, 20, 30)]  # these die (relu) or creep instead


@pytest.mark.usefixtures("oversubscribed")
def test_both_cores_stop_in_the_same_step_for_the_same_reason(native, dtype):
    reasons = []
    for seed in SEEDS:
        cases = [exploding(seed, dtype) for _ in range(2)]
        twins = zip(cases, (native, reference), strict=True)
        stops = [stopped(case, core, n_threads=1 + seed % 3) for case, core in twins]
        assert stops[0] == stops[1], (seed, cases[0])
        assert cases[0].state.step == cases[1].state.step
        reasons.append(stops[0])
    assert {quantity.rstrip("123") for _, _, quantity in reasons} >= {
        "the loss",
        "an updated parameter of layer ",
    }
    assert max(epoch for epoch, _, _ in reasons) > 5


@pytest.mark.usefixtures("oversubscribed")
def test_a_gradient_that_overflows_is_named(core, dtype):
    """The loss is 1/2; but an input of 2 times a weight above, or the sum over a layer of such weights, is too much."""
    largest = float(np.finfo(dtype).max)
    for sizes, n_threads in (((2, 3, 1), 1), ((20, 30, 1), 2)):
        for x, quantity in (
            (2, "the gradient of the weights of layer 1"),
            (0, "the gradient of the biases of layer 1"),
        ):
            network = Network(sizes, ("identity", "identity"), "layer", (0.0,), dtype)
            weights = [np.zeros(shape, dtype) for shape in network.weight_shapes]
            weights[1][:] = 0.6 * largest
            biases = [np.zeros(shape, dtype) for shape in network.bias_shapes]
            X, target = np.full((1, sizes[0]), x, dtype), np.ones((1, 1), dtype)
            case = Case(network, TrainingState.start(weights, biases), X, target, HOW)
            before = case.contents()
            assert stopped(case, core, n_threads=n_threads) == (0, 0, quantity)
            assert case.contents() == before


@pytest.mark.usefixtures("oversubscribed")
def test_a_velocity_may_be_what_the_update_overflows_by(core, dtype):
    for sizes in ((2, 1), (20, 1)):
        network = Network(sizes, ("identity",), "unit", (), dtype)
        largest = np.finfo(dtype).max
        state = TrainingState.start([np.full((sizes[0], 1), largest, dtype)], [np.zeros(1, dtype)])
        state.weight_velocity[0][1] = largest / 2
        case = Case(network, state, np.zeros((4, sizes[0]), dtype), np.zeros((4, 1), dtype), HOW)
        before = case.contents()
        assert stopped(case, core, n_threads=2) == (0, 0, "an updated parameter of layer 1")
        assert case.contents() == before


@pytest.mark.usefixtures("oversubscribed")
def test_the_state_is_that_of_a_run_stopped_one_step_earlier(core, dtype):
    for seed in SEEDS:
        case, before = exploding(seed, dtype), exploding(seed, dtype)
        stopped(case, core, n_threads=1 + seed % 3)
        before.train_steps(core, case.state.step)
        assert case.contents() == before.contents(), seed

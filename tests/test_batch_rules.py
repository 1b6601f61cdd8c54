"""Weight decay that is divided by the weight of the batch, and Adam with its epsilon as it is: what scikit-learn does."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from chainrule import reference
from chainrule._network import Network, TrainingState
from chainrule._rules import HAS_SQUARE
from optimizer_cases import NETWORKS
from tolerances import TRAINED

pytestmark = pytest.mark.usefixtures("oversubscribed")
COMMON = {"learning_rate": 0.02, "weight_decay": 0.5}
RULES = {
    "sgd": {**COMMON, "kind": "sgd", "momentum": 0.9, "nesterov": True},
    "sgd with a clipped norm": {**COMMON, "kind": "sgd", "momentum": 0.0, "nesterov": False, "clip_norm": 0.5},
    "adam": {**COMMON, "kind": "adam", "beta1": 0.9, "beta2": 0.99, "epsilon": 1e-3, "decoupled": False},
    "rmsprop": {**COMMON, "kind": "rmsprop", "beta2": 0.9, "epsilon": 1e-3, "momentum": 0.5},
    "adagrad": {**COMMON, "kind": "adagrad", "epsilon": 1e-3},
}  # fmt: skip
ROWS = 40


def an_optimizer(name, **changes):
    return SimpleNamespace(**{**RULES[name], **changes})


def start(optimizer, sizes, dtype, rows=ROWS):
    """A network, its state before training, and data."""
    network = Network(
        sizes, ("tanh",) * (len(sizes) - 2) + ("identity",), "unit", (0.0,) * (len(sizes) - 2), dtype
    )
    rng = np.random.default_rng(0)
    weights = [(rng.normal(size=s) / np.sqrt(s[0])).astype(dtype) for s in network.weight_shapes]
    biases = [rng.normal(size=s).astype(dtype) for s in network.bias_shapes]
    state = TrainingState.start(weights, biases)
    state.restart(optimizer.kind, optimizer.kind in HAS_SQUARE)
    X, Y = (rng.normal(size=(rows, n)).astype(dtype) for n in (sizes[0], sizes[-1]))
    return network, state, X, Y


def train(core, optimizer, sizes, dtype, batch_size, **how):
    """The state after two epochs."""
    network, state, X, Y = start(optimizer, sizes, dtype)
    settings = {"loss": "half_squared_error", "shuffle": True, "seed": 1, "epochs": 2, **how}
    core.train_epochs(network, state, X, Y, optimizer=optimizer, batch_size=batch_size, **settings)
    return state


def contents(state):
    return [array.tobytes() for array in state.arrays], state.losses


@pytest.mark.parametrize("kind", NETWORKS)
@pytest.mark.parametrize("name", RULES)
def test_in_batches_of_one_size_it_is_a_smaller_weight_decay(core, dtype, name, kind):
    sizes, batch = NETWORKS[kind]
    if kind == "large" and core is reference:
        sizes = (300, 200, 2)
    batch = {1: 1, 16: 8}.get(batch, batch)  # divides the rows
    divided = train(core, an_optimizer(name, decay_per_batch=True), sizes, dtype, batch)
    smaller = train(core, an_optimizer(name, weight_decay=0.5 / batch), sizes, dtype, batch)
    assert contents(divided) == contents(smaller)
    assert batch == 1 or contents(divided) != contents(train(core, an_optimizer(name), sizes, dtype, batch))


@pytest.mark.parametrize("name", RULES)
def test_each_batch_divides_by_its_own_weight(core, dtype, name):
    """Batches of 16, 16 and 8 rows, with weights whose sums differ: one step after the other with its own decay."""
    sizes, weight = (5, 9, 3), np.random.default_rng(4).integers(0, 4, ROWS).astype(dtype)
    weight[16:32] = 0
    for weights in (None, weight):
        whole = train(
            core, an_optimizer(name, decay_per_batch=True), sizes, dtype, 16, epochs=1, shuffle=False,
            sample_weight=weights,
        )  # fmt: skip
        network, state, X, Y = start(an_optimizer(name), sizes, dtype)
        for rows in (slice(16), slice(16, 32), slice(32, ROWS)):
            total = len(X[rows]) if weights is None else float(weights[rows].sum())
            one = an_optimizer(name, weight_decay=0.5 / total if total else 0.0)
            core.train_epochs(
                network, state, X[rows], Y[rows], loss="half_squared_error", optimizer=one, batch_size=16,
                sample_weight=None if weights is None else weights[rows], shuffle=False, seed=1, epochs=1,
            )  # fmt: skip
        assert contents(whole)[0] == contents(state)[0]


@pytest.mark.parametrize("kind", ["tiny", "narrow"])
def test_a_raw_epsilon_is_another_epsilon_in_each_step(core, dtype, kind):
    sizes, _ = NETWORKS[kind]
    raw = train(core, an_optimizer("adam", raw_epsilon=True), sizes, dtype, ROWS, epochs=6)
    network, state, X, Y = start(an_optimizer("adam"), sizes, dtype)
    for t in range(1, 7):
        one = an_optimizer("adam", epsilon=1e-3 / (1 - 0.99**t) ** 0.5)
        core.train_epochs(network, state, X, Y, loss="half_squared_error", optimizer=one, batch_size=ROWS,
                          shuffle=True, seed=1, epochs=1)  # fmt: skip
    for array, other in zip(raw.arrays, state.arrays, strict=True):
        np.testing.assert_allclose(array, other, rtol=64 * np.finfo(dtype).eps, atol=8 * np.finfo(dtype).eps)
    unlike = train(core, an_optimizer("adam"), sizes, dtype, ROWS, epochs=6)
    assert np.abs(unlike.weights[0] - raw.weights[0]).max() > 1e-3


def test_both_cores_agree_and_threads_do_not_matter(native, dtype):
    for name in RULES:
        how = {"decay_per_batch": True, **({"raw_epsilon": True} if name == "adam" else {})}
        weight = np.random.default_rng(4).integers(0, 4, ROWS).astype(dtype)
        states = [
            train(core, an_optimizer(name, **how), (5, 37, 70, 3), dtype, 16, sample_weight=weight, n_threads=threads)
            for core, threads in ((native, 1), (native, 2), (native, 3), (reference, 1))
        ]  # fmt: skip
        assert contents(states[0]) == contents(states[1]) == contents(states[2])
        for array, other in zip(states[0].weights, states[3].weights, strict=True):
            assert np.abs(array - other).max() <= TRAINED[dtype] * np.abs(other).max()


@pytest.mark.parametrize("weights", [False, True])
@pytest.mark.parametrize("name", ["adam", "sgd", "plain"])
def test_steps_are_those_of_scikit_learn(core, name, weights):
    """Its optimizers take gradients with ``alpha w / n``, n the rows of the batch or the sum of their weights."""
    theirs = pytest.importorskip("sklearn.neural_network._stochastic_optimizers")
    momentum = 0.0 if name == "plain" else 0.9
    ours = (
        an_optimizer("adam", epsilon=1e-8, beta2=0.999)
        if name == "adam"
        else an_optimizer("sgd", momentum=momentum)
    )
    ours.decay_per_batch = True
    ours.raw_epsilon = name == "adam"
    network, state, X, Y = start(ours, (5, 9, 4, 3), "float64")
    params = [array.copy() for array in (*state.weights, *state.biases)]
    if name == "adam":
        other = theirs.AdamOptimizer(params, 0.02, 0.9, 0.999, 1e-8)
    else:
        other = theirs.SGDOptimizer(params, 0.02, "constant", momentum, nesterov=True)
    weight = np.random.default_rng(4).uniform(0.5, 2, ROWS) if weights else None
    order = np.random.default_rng(5).permutation(ROWS)
    seen = []

    def look(*_):
        seen.append([array.copy() for array in (*state.weights, *state.biases)])

    core.train_epochs(
        network, state, X, Y, loss="half_squared_error", optimizer=ours, batch_size=16, shuffle=False, seed=0,
        epochs=4, order=order, sample_weight=weight, poll=look, poll_each_step=True,
    )  # fmt: skip
    for step, found in enumerate(seen):
        rows = order[step % 3 * 16 : (step % 3 + 1) * 16]
        part = None if weight is None else weight[rows]
        _, dWs, dbs = core.gradients(
            network, params[:3], params[3:], X[rows], Y[rows], loss="half_squared_error", sample_weight=part
        )
        total = len(rows) if part is None else part.sum()
        other.update_params(params, [g + 0.5 * w / total for g, w in zip(dWs, params[:3], strict=True)] + dbs)
        for array, expected in zip(found, params, strict=True):
            np.testing.assert_allclose(array, expected, rtol=1e-11, atol=1e-13)
    assert len(seen) == 12


@pytest.mark.parametrize(
    ("name", "changes", "error", "text"),
    [
        ("adam", {"decay_per_batch": True, "decoupled": True}, ValueError, "decay_per_batch must be False where decoupled"),
        ("sgd", {"raw_epsilon": True}, ValueError, "raw_epsilon is about adam, but optimizer.kind is 'sgd'"),
        ("sgd", {"decay_per_batch": 1}, TypeError, "decay_per_batch must be True or False"),
        ("adam", {"raw_epsilon": None}, TypeError, "raw_epsilon must be True or False"),
    ],
)  # fmt: skip
def test_switches_that_do_not_fit_are_refused_and_nothing_changes(core, name, changes, error, text):
    optimizer = an_optimizer(name, **changes)
    network, state, X, Y = start(optimizer, (5, 9, 3), "float32")
    before = contents(state)
    with pytest.raises(error, match=text):
        core.train_epochs(network, state, X, Y, loss="half_squared_error", optimizer=optimizer, batch_size=16,
                          shuffle=True, seed=0, epochs=1)  # fmt: skip
    assert contents(state) == before


def test_rprop_has_no_weight_decay_to_divide(core):
    rprop = SimpleNamespace(kind="rprop", learning_rate=0.1, eta_minus=0.5, eta_plus=1.2, smallest=1e-6, largest=50.0,
                            decay_per_batch=True)  # fmt: skip
    network, state, X, Y = start(rprop, (5, 9, 3), "float32")
    with pytest.raises(ValueError, match="decay_per_batch is about weight_decay, which rprop does not have"):
        core.train_epochs(network, state, X, Y, loss="half_squared_error", optimizer=rprop, batch_size=ROWS,
                          shuffle=True, seed=0, epochs=1)  # fmt: skip


def test_gradients_of_no_batch_are_not_divided(core):
    optimizer = an_optimizer("sgd", decay_per_batch=True)
    network, state, X, Y = start(optimizer, (5, 9, 3), "float32")
    _, dWs, dbs = core.gradients(network, state.weights, state.biases, X, Y, loss="half_squared_error")
    before = contents(state)
    with pytest.raises(ValueError, match="decay_per_batch must be False here"):
        core.apply_gradients(network, state, dWs, dbs, optimizer=optimizer)
    assert contents(state) == before


def test_an_epsilon_as_it_is_counts_in_given_gradients_too(core):
    made = []
    for by_hand in (False, True):
        optimizer = an_optimizer("adam", weight_decay=0.0, raw_epsilon=True)
        network, state, X, Y = start(optimizer, (5, 9, 3), "float64")
        for _ in range(3):
            if by_hand:
                _, dWs, dbs = core.gradients(
                    network, state.weights, state.biases, X, Y, loss="half_squared_error"
                )
                core.apply_gradients(network, state, dWs, dbs, optimizer=optimizer)
            else:
                core.train_epochs(network, state, X, Y, loss="half_squared_error", optimizer=optimizer,
                                  batch_size=ROWS, shuffle=False, seed=0, epochs=1)  # fmt: skip
        made.append(contents(state)[0])
    assert made[0] == made[1]

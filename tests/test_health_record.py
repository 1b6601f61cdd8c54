"""The health of the layers that training measures: by hand, in both cores, whatever the threads and instruction sets."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from chainrule import _network, reference
from chainrule._network import HealthRecord, Network, StepRecord, TrainingState
from core_arguments import read_only
from health_by_hand import COLUMNS, by_hand, contents, empty_health
from optimizer_cases import OPTIMIZERS, arrays, start
from test_order_and_record import eleven_rows, weighted
from tolerances import TRAINED
from training_cases import Case, make_case, make_large_case, sgd

KINDS = ("tiny", "narrow", "wide")
THREADS = (1, 2, 3)
pytestmark = pytest.mark.usefixtures("oversubscribed")

HAND = {  # layer sizes, activations, dropout, rows, batch size, epochs
    "row by row": ((3, 8, 2), ("sigmoid", "tanh"), (0.0,), 300, 1, 2),
    "three rows at once": ((3, 8, 2), ("relu", "identity"), (0.0,), 7, 3, 3),
    "dropout": ((6, 40, 17, 4), ("sigmoid", "relu", "softmax"), (0.25, 0.5), 130, 2, 2),
    "dropped tanh": ((6, 40, 5), ("tanh", "sigmoid"), (0.5,), 70, 16, 2),
    "more rows than are looked at": ((4, 20, 3), ("relu", "softmax"), (0.0,), 700, 300, 2),
    "all rows, and one layer": ((4, 3), ("softmax",), (), 40, 100, 3),
}  # fmt: skip


def hand_case(name, dtype, bias="unit"):
    """A training run whose numbers `by_hand` can compute; many activations are at the flat ends, some units are dead."""
    sizes, activations, dropout, rows, batch, epochs = HAND[name]
    rng = np.random.default_rng(len(name))
    network = Network(sizes, activations, bias, dropout, dtype)
    weights, biases = (
        [rng.normal(size=shape).astype(dtype) for shape in shapes]
        for shapes in (network.weight_shapes, network.bias_shapes)
    )
    if bias == "unit" and len(sizes) > 2:
        biases[0][1::4] -= 30
    X = rng.normal(size=(rows, sizes[0])).astype(dtype)
    target = rng.uniform(size=(rows, sizes[-1])).astype(dtype)
    if activations[-1] == "softmax":
        target = rng.integers(0, sizes[-1], rows)
    how = {
        "loss": "cross_entropy" if activations[-1] == "softmax" else "half_squared_error",
        "optimizer": sgd(0.01, 0.9, True, 1e-3), "batch_size": batch, "shuffle": True, "seed": 7, "epochs": epochs,
    }  # fmt: skip
    return Case(network, TrainingState.start(weights, biases), X, target, how)


def trained(core, make, **how):
    """What training has come to, and its record."""
    case = make()
    health = empty_health(case, **how)
    case.train(core, health=health, **how)
    return case, health


def assert_same(found, expected, dtype):
    """Fail unless two records are the same but for rounding."""
    bound = 10 * TRAINED[dtype]
    np.testing.assert_allclose(found.values, expected.values, rtol=bound, atol=bound * 1e-3)
    np.testing.assert_array_equal(found.quiet, expected.quiet)


def test_the_columns_have_their_names():
    assert _network.HEALTH_COLUMNS == COLUMNS


@pytest.mark.parametrize("weights", [False, True])
@pytest.mark.parametrize("name", HAND)
def test_the_numbers_are_those_computed_by_hand(core, dtype, name, weights):
    for bias in ("unit", None) if name == "dropout" else ("unit",):
        make = lambda bias=bias: hand_case(name, dtype, bias)
        weight = weighted(make()) if weights else None
        _, found = trained(core, make, sample_weight=weight)
        expected = by_hand(core, make(), weight)
        assert_same(found, expected, dtype)
        assert found.values[..., 3].any() or "relu" in HAND[name][1]
        if bias and len(HAND[name][0]) > 2 and HAND[name][1][0] == "relu":
            assert found.values[-1, 0, 2] > 0
            assert found.quiet.max() > 0


@pytest.mark.parametrize(
    ("width", "rows", "batch", "looked_at"),
    [(17, 1, 1, 1), (17, 64, 1, 1), (17, 65, 1, 2), (17, 512, 1, 8), (17, 513, 1, 8), (3, 3, 10, 3), (3, 11, 4, 4),
     (3, 300, 300, 64), (3, 1000, 300, 64), (3, 127, 127, 64), (3, 63, 63, 63), (3, 260, 4, 8), (16, 1024, 1, 1), (16, 1025, 1, 2), (3, 1, 1, 1),
     (3, 3000, 1, 3)],
)  # fmt: skip
def test_so_many_rows_are_looked_at(core, width, rows, batch, looked_at):
    network = Network((2, width, 1), ("relu", "identity"), "unit", (0.0,), "float32")
    weights = [np.ones(shape, np.float32) for shape in network.weight_shapes]
    biases = [np.where(np.arange(width) == 1, 1, -100).astype(np.float32), np.zeros(1, np.float32)]
    X, target = np.ones((rows, 2), np.float32), np.ones((rows, 1), np.float32)
    how = {
        "loss": "half_squared_error",
        "optimizer": sgd(0.0),
        "batch_size": batch,
        "shuffle": False,
        "seed": 0,
    }
    health = HealthRecord(np.empty((2, 2, 8)), np.array([5, 5] + [0] * (width - 2)))
    Case(network, TrainingState.start(weights, biases), X, target, {**how, "epochs": 2}).train(
        core, health=health
    )
    assert health.quiet.tolist() == [5 + 2 * looked_at, 0] + [2 * looked_at] * (width - 2)
    assert health.values[:, :, 2].tolist() == [[(width - 1) / width, 0]] * 2
    spread = health.values[:, :, 1]
    assert (np.isnan(spread) if min(rows, batch) == 1 else spread == 0).all()  # all rows are the same


def test_a_unit_is_quiet_from_the_last_row_on_in_which_it_was_not_0(core):
    network = Network((1, 2, 1), ("relu", "identity"), None, (0.0,), "float64")
    X = np.array([[0.5], [-1], [2], [-0.1], [-3]])
    case = Case(network, TrainingState.start([np.array([[1.0, -1]]), np.ones((2, 1))], []), X, np.ones((5, 1)),
                {**eleven_rows("float64").how, "optimizer": sgd(0.0), "batch_size": 5})  # fmt: skip
    health = empty_health(case)
    case.train(core, health=health)
    assert health.quiet.tolist() == [2, 0]
    np.testing.assert_allclose(health.values[0, :, 0], [np.sqrt(14.26 / 10), np.sqrt(14.26 / 5)])
    assert health.values[0, :, 2].tolist() == [0, 0]


@pytest.mark.parametrize("kind", KINDS)
def test_the_health_of_the_native_core_is_that_of_the_reference(native, dtype, kind):
    for seed in range(12 if kind != "wide" else 3):
        make = lambda seed=seed: make_case(seed, dtype, kind, steps=10)
        assert_same(trained(native, make)[1], trained(reference, make)[1], dtype)


@pytest.mark.parametrize("weights", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_health_costs_no_bit_and_does_not_depend_on_threads(native, dtype, kind, weights):
    for seed in range(12 if kind != "wide" else 4):
        make = lambda seed=seed: make_case(seed, dtype, kind, steps=50)
        how = {"sample_weight": weighted(make()) if weights else None}
        expected, made = make().train(native, **how).contents(), set()
        for n_threads in THREADS:
            case, health = trained(native, make, n_threads=n_threads, **how)
            assert case.contents() == expected
            made.add(contents(health))
        assert len(made) == 1


@pytest.mark.parametrize("name", ["half as large", "columns", "few rows"])
def test_nor_do_large_layers(native, name):
    make = lambda: make_large_case(name, "float32", steps=2)
    expected, made = make().train(native).contents(), set()
    for n_threads in THREADS:
        case, health = trained(native, make, n_threads=n_threads)
        assert case.contents() == expected
        made.add(contents(health))
    assert len(made) == 1
    assert_same(health, trained(reference, make)[1], "float32")


@pytest.mark.parametrize("frozen", [(), (0,), (1,)])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_nor_do_other_rules_limits_and_layers_that_stay(native, dtype, name, frozen):
    records, states = [], []
    how = {"loss": "mean_squared_error", "optimizer": OPTIMIZERS[name], "shuffle": True, "seed": 1, "epochs": 2,
           "batch_size": 50 if name == "rprop" else 8, "frozen": frozen}  # fmt: skip
    for core, n_threads in (native, 1), (native, 2), (native, 3), (reference, 1), (native, None):
        network, state, X, Y = start(OPTIMIZERS[name], (130, 200, 101, 4), "unit", dtype, 0.2)
        health = HealthRecord(np.empty((2, 3, 8)), np.zeros(301, np.int64)) if n_threads else None
        core.train_epochs(network, state, X, Y, n_threads=n_threads, health=health, **how)
        records.append(health)
        states.append([a.tobytes() for a in arrays(state)])
    assert states[0] == states[1] == states[2] == states[4]
    assert contents(records[0]) == contents(records[1]) == contents(records[2])
    if name != "rprop":  # whose steps have the sign of a gradient, which may be 0 but for rounding
        assert_same(records[0], records[3], dtype)
    values = records[0].values
    for layer in range(3):
        stays = layer in frozen
        assert (values[:, layer, [5, 7]] == 0).all() == stays
        assert (values[:, layer, 4] == 0).all() == (frozen == (0,) and layer == 0)
        assert (values[:, layer, 6] > 0).all()


def test_a_loss_of_the_users_is_called_once_a_step_and_sees_the_same(core, dtype):
    seen, made = [], []
    for with_health in (False, True):
        case, calls = eleven_rows(dtype), []

        def loss(prediction, target, calls=calls):
            calls.append(prediction.tobytes())
            return float(np.square(prediction - target).sum()) / 8, (prediction - target) / 4

        health = empty_health(case, epochs=2) if with_health else None
        case.train(core, loss=loss, epochs=2, health=health)
        seen.append(calls)
        made.append(case.contents())
    assert seen[0] == seen[1]
    assert len(seen[0]) == 6
    assert made[0] == made[1]
    step = np.frombuffer(seen[0][1], dtype).reshape(4, 2).astype(float)  # the measured one of the first epoch
    delta = np.sqrt(np.mean(np.square(step - case.target[4:8])))
    np.testing.assert_allclose(health.values[0, -1, [0, 4]], [np.sqrt(np.mean(step**2)), delta], rtol=1e-5)


RECORDS = """
import json, sys
sys.path.insert(0, {tests!r})
from chainrule import native
from health_by_hand import contents, empty_health
from training_cases import make_case
made = []
for dtype in ("float32", "float64"):
    for kind in ("tiny", "narrow"):
        for seed in range(8):
            case = make_case(seed, dtype, kind, steps=40)
            health = empty_health(case)
            case.train(native, health=health)
            made += [case.digest(), *(part.hex() for part in contents(health))]
print(json.dumps(made))
"""


def test_instruction_sets_with_fused_multiply_add_find_the_same_health(native):
    config, made = native._core.config(), set()
    sets = [name for name in ("avx2", "avx512") if name in config["available_instruction_sets"]]
    if len(sets) < 2:
        pytest.skip(f"this machine or build has no two of them, only {config['available_instruction_sets']}")
    for name in sets:
        code = RECORDS.format(tests=str(Path(__file__).parent))
        result = subprocess.run(
            [sys.executable, "-c", code], env={**os.environ, "CHAINRULE_FORCE_ISA": name}, capture_output=True,
            text=True, check=True,
        )  # fmt: skip
        assert len(json.loads(result.stdout)) == 96
        made.add(result.stdout)
    assert len(made) == 1


@pytest.mark.parametrize("kind", ["tiny", "narrow"])
def test_two_calls_of_an_epoch_are_one_of_two(core, dtype, kind):
    for seed in range(6):
        whole, health = trained(core, lambda seed=seed: make_case(seed, dtype, kind), epochs=2)
        parts, first = trained(core, lambda seed=seed: make_case(seed, dtype, kind), epochs=1)
        second = HealthRecord(np.empty_like(first.values), first.quiet)
        parts.train(core, epochs=1, health=second)
        assert parts.contents() == whole.contents()
        np.testing.assert_array_equal(np.concatenate([first.values, second.values]), health.values)
        np.testing.assert_array_equal(second.quiet, health.quiet)


def test_health_and_a_record_of_steps_are_both_kept(core, dtype):
    make = lambda: make_case(3, dtype, "tiny")
    case, health = trained(core, make)
    both, record = make(), StepRecord(np.empty(case.state.step), np.empty(case.state.step))
    again = empty_health(both)
    both.train(core, health=again, record=record)
    assert contents(again) == contents(health)
    assert np.isfinite(record.losses).all()


@pytest.mark.parametrize("each_step", [False, True])
@pytest.mark.parametrize("batch_size", [1, 4])
def test_epochs_that_are_not_finished_are_nan(core, dtype, batch_size, each_step):
    case, twin = eleven_rows(dtype), eleven_rows(dtype)
    health, seen = empty_health(case, epochs=500), []

    def stop(epoch, done, steps, _):
        if done == steps:
            seen.append(
                bool(np.isfinite(health.values[epoch, :, 0]).all() and (health.values[epoch] != -1).all())
            )
        if epoch >= 3 and (done == steps or (each_step and done == steps - 1)):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        case.train(
            core, epochs=500, batch_size=batch_size, health=health, poll=stop, poll_each_step=each_step
        )
    assert case.state.epoch == 3
    assert all(seen)
    assert len(seen) == 3 + (not each_step)
    assert np.isnan(health.values[3:]).all()
    expected = empty_health(twin, epochs=3)
    twin.train(core, epochs=3, batch_size=batch_size, health=expected)
    np.testing.assert_array_equal(health.values[:3], expected.values)


@pytest.mark.parametrize("batch_size", [1, 4])
@pytest.mark.parametrize("sizes", [(3, 5, 2), (40, 70, 2)])
def test_what_is_not_finite_ends_the_record_before_it_and_counts_no_row_twice(core, dtype, sizes, batch_size):
    rng = np.random.default_rng(1)
    network = Network(sizes, ("relu", "identity"), "unit", (0.0,), dtype)
    parameters = [
        [rng.normal(size=shape).astype(dtype) for shape in shapes]
        for shapes in (network.weight_shapes, network.bias_shapes)
    ]
    parameters[1][0][
        :
    ] = -1e3  # all is dead but the biases of the outputs, whose error grows from step to step
    rate = 2.05 if dtype == "float32" else 2.4
    how = {**eleven_rows(dtype).how, "optimizer": sgd(rate), "batch_size": batch_size, "epochs": 400}
    X, Y = rng.normal(size=(330, sizes[0])).astype(dtype), rng.normal(size=(330, 2)).astype(dtype)
    case = Case(network, TrainingState.start(*parameters), X, Y, how)
    health = empty_health(case)
    with pytest.raises(FloatingPointError, match="is not finite"):
        case.train(core, health=health)
    assert case.state.step < 400 * 330 // batch_size
    finished = case.state.epoch
    assert finished > 1
    assert np.isnan(health.values[finished:]).all()
    assert np.isfinite(health.values[:finished, :, 0]).all()
    steps = -(-330 // batch_size)
    k = min(8, -(-steps // (1024 if batch_size == 1 and max(sizes) <= 16 else 64)))
    at = [j * (330 // batch_size) // k - 1 for j in range(1, k + 1)]
    done = case.state.step - finished * steps
    assert health.quiet[-1] == batch_size * (finished * k + sum(step < done for step in at))


def test_a_loss_that_fails_leaves_the_epochs_before(core, dtype):
    case, calls = eleven_rows(dtype), []

    def loss(prediction, target):
        calls.append(len(prediction))
        if len(calls) == 6:
            raise RuntimeError("enough")
        return float(len(calls)), prediction - target

    health = empty_health(case, epochs=3)
    with pytest.raises(RuntimeError, match="enough"):
        case.train(core, loss=loss, health=health, epochs=3)
    assert np.isfinite(health.values[0]).all()
    assert np.isnan(health.values[1:]).all()


def good(**changes):
    """A record of two epochs of `eleven_rows` with an array that is not as it should be."""
    return HealthRecord(np.zeros((2, 2, 8)), np.zeros(5, np.int64))._replace(**changes)


@pytest.mark.parametrize(
    ("health", "error", "text"),
    [
        (tuple(good()), TypeError, "health must be a HealthRecord or None, but it is "),
        (good(values=[0.0]), TypeError, r"health\.values must be a NumPy array"),
        (good(values=np.zeros((2, 2, 8), "f4")), TypeError, r"health\.values must be float64, .* <f4"),
        (good(quiet=np.zeros(5, ">i8")), TypeError, r"health\.quiet must be int64, .* >i8"),
        (good(values=np.zeros((3, 2, 8))), ValueError, r"health\.values must have shape \(2, 2, 8\), .* \(3, 2, 8\)"),
        (good(quiet=np.zeros(7, np.int64)), ValueError, r"health\.quiet must have shape \(5,\), 5 hidden units, .* \(7,\)"),
        (good(values=np.zeros((2, 2, 16))[..., ::2]), ValueError, r"health\.values must be C-contiguous .*\(2, 2, 8\)"),
        (good(quiet=read_only(np.zeros(5, np.int64))), ValueError, r"health\.quiet must be writable"),
        (good(quiet=np.array([0, 0, -3, 0, 0])), ValueError, r"health\.quiet must have .* but health\.quiet\[2\] is -3"),
        (good(measured=[True, True]), TypeError, r"health\.measured must be a NumPy array"),
        (good(measured=np.ones(2, np.int8)), TypeError, r"health\.measured must be bool, but its dtype is \|i1"),
        (good(measured=np.ones(3, bool)), ValueError, r"health\.measured must have shape \(2,\), 2 epochs, .* \(3,\)"),
        (good(measured=np.ones(4, bool)[::2]), ValueError, r"health\.measured must be C-contiguous .*\(2, 'bool'\)"),
    ],
)  # fmt: skip
def test_what_is_no_health_record_is_refused_and_nothing_changes(core, health, error, text):
    case = eleven_rows("float32")
    before, kept = case.contents(), [np.array(array) for array in health]
    with pytest.raises(error, match=text):
        case.train(core, epochs=2, health=health)
    assert case.contents() == before
    for array, old in zip(health, kept, strict=True):
        np.testing.assert_array_equal(array, old)


def test_health_may_not_lie_in_what_is_trained_or_noted(core):
    case = eleven_rows("float64")
    memory = np.zeros(32)
    for others, health, text in (
        ({}, good(quiet=memory.view(np.int64)[:5], values=memory.reshape(2, 2, 8)), r"health\.values .* health\.quiet"),
        ({"record": StepRecord(memory[:6], np.zeros(6))}, good(values=memory.reshape(2, 2, 8)),
         r"record\.losses must not share memory with health\.values"),
        ({}, good(values=memory.reshape(2, 2, 8), measured=memory.view(bool)[:2]),
         r"health\.measured must not share memory with health\.values"),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=text):
            case.train(core, epochs=2, health=health, **others)
    case.X = memory.reshape(2, 16)[:, :3]
    case.target = case.target[:2]
    with pytest.raises(ValueError, match=r"X must not share memory with health\.values"):
        case.train(core, epochs=2, health=good(values=memory.reshape(2, 2, 8)))

"""Training in an order of the caller's, and what is noted of each step; with both switches of rules: `test_batch_rules.py`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from math import fsum
from pathlib import Path

import numpy as np
import pytest
from chainrule import _checks, reference
from chainrule._network import Network, StepRecord, TrainingState
from core_arguments import read_only
from tolerances import TRAINED
from training_cases import Case, make_case, make_large_case, sgd

KINDS = ("tiny", "narrow", "wide")
THREADS = (1, 2, 3)
pytestmark = pytest.mark.usefixtures("oversubscribed")


def steps_of(case, **changes):
    """How many steps training makes."""
    how = {**case.how, **changes}
    return how["epochs"] * -(-len(case.X) // how["batch_size"])


def empty_record(steps):
    """A record full of what no step leaves."""
    return StepRecord(np.full(steps, -1.0), np.full(steps, -1.0))


def draws(case):
    """Rows of a case in any order, some of them several times, some not at all."""
    return np.random.default_rng(0).integers(0, len(case.X), len(case.X))


def weighted(case):
    """A weight for each row, some of them 0."""
    return np.random.default_rng(0).integers(0, 4, len(case.X)).astype(case.X.dtype)


def squares_of(weights):
    """The sum of the squares of all numbers, with one rounding for each and one at the end."""
    return fsum(square for array in weights for square in np.square(array, dtype=np.float64).ravel().tolist())


def assert_order_is_rows(core, make, weights, **how):
    """Fail unless training in an order gives the bits of training on the rows that it names."""
    by_order, by_rows = make(), make()
    order, weight = draws(by_order), weighted(by_order) if weights else None
    by_order.train(core, shuffle=False, order=order, sample_weight=weight, **how)
    by_rows.X, by_rows.target = by_rows.X[order], by_rows.target[order]
    by_rows.train(core, shuffle=False, sample_weight=None if weight is None else weight[order], **how)
    assert by_order.contents() == by_rows.contents()


@pytest.mark.parametrize("weights", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_an_order_gives_the_bits_of_the_rows_it_names(core, dtype, kind, weights):
    for seed in range(12 if kind != "wide" else 3):
        for n_threads in THREADS if core is not reference else (1,):
            make = lambda seed=seed: make_case(seed, dtype, kind, steps=10)
            assert_order_is_rows(core, make, weights, n_threads=n_threads)


@pytest.mark.parametrize("name", ["half as large", "columns"])
@pytest.mark.parametrize("n_threads", THREADS)
def test_so_it_does_in_large_layers_with_dropout_and_noise(native, name, n_threads):
    make = lambda: make_large_case(name, "float32", steps=2)
    assert_order_is_rows(native, make, False, n_threads=n_threads)


def test_rows_that_are_not_drawn_may_lack_their_targets(core, dtype):
    for kind in ("tiny", "narrow"):
        by_order, by_rows = (make_case(4, dtype, kind) for _ in range(2))
        assert by_order.target.ndim == 2
        by_order.target[0] = by_rows.target[0] = np.nan
        order = np.maximum(draws(by_order), 1)
        by_order.train(core, shuffle=False, order=order)
        by_rows.X, by_rows.target = by_rows.X[order], by_rows.target[order]
        by_rows.train(core, shuffle=False)
        assert by_order.contents() == by_rows.contents()


@pytest.mark.parametrize("kind", KINDS)
def test_the_order_of_a_shuffled_epoch_is_that_epoch(core, dtype, kind):
    shuffled, ordered = (make_case(2, dtype, kind) for _ in range(2))
    shuffled.train(core, shuffle=True, seed=9)
    for epoch in range(ordered.how["epochs"]):
        order = core.permutation(len(ordered.X), seed=9, epoch=epoch)
        ordered.train(core, shuffle=False, seed=9, order=order, epochs=1)
    assert ordered.contents() == shuffled.contents()


def test_an_order_that_changes_in_the_middle_of_a_call_stays_as_it_was(core, dtype):
    changed, kept = (make_case(1, dtype, "narrow") for _ in range(2))
    order = draws(changed)
    kept.train(core, shuffle=False, order=order.copy())
    changed.train(core, shuffle=False, order=order, poll=lambda *_: order.fill(2**40), poll_each_step=True)
    assert changed.contents() == kept.contents()
    assert (order == 2**40).all()


def test_what_is_not_finite_is_named_by_the_rows_of_the_order(core, dtype):
    texts = []
    for ordered in (False, True):
        case = eleven_rows(dtype)
        case.target[7] = np.finfo(dtype).max
        order = np.array([0, 1, 2, 4, 3, 3, 5, 6, 7, 7, 7])
        if not ordered:
            case.X, case.target = case.X[order], case.target[order]
        with pytest.raises(FloatingPointError) as stopped:
            case.train(core, **({"order": order} if ordered else {}))
        texts.append(str(stopped.value))
        assert case.state.step == 2
    assert texts[0] == texts[1]
    assert "step 2: the loss is not finite" in texts[0]


@pytest.mark.parametrize("epochs", [0, 1])
@pytest.mark.parametrize(
    ("order", "error", "text"),
    [
        ([0] * 11, TypeError, r"order must be a NumPy array, but it is \[0, 0"),
        (np.zeros(11, np.int32), TypeError, "order must be int64, but its dtype is <i4"),
        (np.zeros(11), TypeError, "order must be int64, but its dtype is <f8"),
        (np.zeros(11, ">i8"), TypeError, "order must be int64, but its dtype is >i8"),
        (np.zeros(10, np.int64), ValueError, r"order must have shape \(11,\), .* but its shape is \(10,\)"),
        (np.zeros((11, 1), np.int64), ValueError, r"order must have shape \(11,\), .* its shape is \(11, 1\)"),
        (np.zeros(22, np.int64)[::2], ValueError, "order must be C-contiguous"),
        (np.arange(1, 12), ValueError, r"order must have entries from 0 to 10, but order\[10\] is 11"),
        (np.arange(-1, 10), ValueError, r"order must have entries from 0 to 10, but order\[0\] is -1"),
    ],
)  # fmt: skip
def test_what_is_no_order_is_refused_and_nothing_changes(core, dtype, order, error, text, epochs):
    case = eleven_rows(dtype)
    before, record = case.contents(), empty_record(3 * epochs)
    with pytest.raises(error, match=text):
        case.train(core, shuffle=False, order=order, record=record, epochs=epochs)
    assert case.contents() == before
    assert (np.array(record) == -1).all()


def eleven_rows(dtype):
    """Three batches an epoch."""
    network = Network((3, 5, 2), ("tanh", "identity"), "unit", (0.0,), dtype)
    rng = np.random.default_rng(0)
    parameters = [
        [rng.normal(size=shape).astype(dtype) for shape in shapes]
        for shapes in (network.weight_shapes, network.bias_shapes)
    ]
    how = {
        "loss": "half_squared_error", "optimizer": sgd(0.05), "batch_size": 4, "shuffle": False, "seed": 0,
        "epochs": 1,
    }  # fmt: skip
    X, Y = rng.normal(size=(11, 3)).astype(dtype), rng.normal(size=(11, 2)).astype(dtype)
    return Case(network, TrainingState.start(*parameters), X, Y, how)


def test_an_order_and_shuffle_exclude_each_other(core, dtype):
    case = eleven_rows(dtype)
    before = case.contents()
    with pytest.raises(ValueError, match="order must be None where shuffle is True, but both are given"):
        case.train(core, shuffle=True, order=np.arange(11))
    assert case.contents() == before


@pytest.mark.parametrize("wrong", [11, -1, 2**62, -(2**63)])
def test_the_compiled_core_itself_reads_no_row_that_is_not_there(native, wrong):
    case = eleven_rows("float32")
    how = {"sample_weight": None, "output_weights": None, **case.how, "n_threads": 1, "poll": None,
           "poll_each_step": False, "frozen": (), "order": np.arange(11)}  # fmt: skip
    given = _checks.check_train_epochs(case.network, case.state, case.X, case.target, **how)
    given.order[5] = wrong
    before = case.contents()
    with pytest.raises(ValueError, match="an entry of order is out of range"):
        native.train_checked(case.network, case.state, given)
    assert case.contents() == before


@pytest.mark.parametrize("kind", KINDS)
def test_a_record_holds_the_loss_of_each_batch_and_the_squares_of_the_weights_before_it(core, dtype, kind):
    for seed in range(12 if kind != "wide" else 3):
        case, twin = (make_case(seed, dtype, kind, steps=10) for _ in range(2))
        record, squares = empty_record(steps_of(case)), [squares_of(case.state.weights)]
        weight = weighted(case) if seed % 2 else None
        case.train(
            core, record=record, sample_weight=weight, poll_each_step=True,
            poll=lambda *_, case=case, squares=squares: squares.append(squares_of(case.state.weights)),
        )  # fmt: skip
        np.testing.assert_allclose(record.weight_squares, squares[:-1], rtol=1e-14)
        np.testing.assert_allclose(record.losses, losses_by_hand(core, twin, weight), rtol=1e-14)
        assert record.losses.tolist() != [0.0] * len(record.losses)


def losses_by_hand(core, case, weight):
    """The loss of each batch before its update, by the functions that training is made of."""
    how, size, losses = case.how, case.how["batch_size"], []
    for epoch in range(how["epochs"]):
        order = np.arange(len(case.X))
        if how["shuffle"]:
            order = core.permutation(len(case.X), seed=how["seed"], epoch=epoch)
        for start in range(0, len(case.X), size):
            rows = order[start : start + size]
            part = {} if weight is None else {"sample_weight": weight[rows]}
            losses.append(
                core.gradients(
                    case.network, case.state.weights, case.state.biases, case.X[rows], case.target[rows],
                    loss=how["loss"], seed=how["seed"], step=case.state.step, **part,
                )[0]
            )  # fmt: skip
            one = Case(case.network, case.state, case.X[rows], case.target[rows], how)
            one.train(core, shuffle=False, epochs=1, **part)
    return losses


@pytest.mark.parametrize("kind", KINDS)
def test_a_record_costs_no_bit_and_does_not_depend_on_threads(native, dtype, kind):
    for seed in range(12 if kind != "wide" else 6):
        expected = make_case(seed, dtype, kind, steps=10).train(native).contents()
        made = set()
        for n_threads in THREADS:
            case = make_case(seed, dtype, kind, steps=10)
            record = empty_record(steps_of(case))
            assert case.train(native, n_threads=n_threads, record=record).contents() == expected
            made.add((record.losses.tobytes(), record.weight_squares.tobytes()))
        assert len(made) == 1


@pytest.mark.parametrize("name", ["half as large", "columns"])
def test_large_layers_are_counted_whole_whatever_the_threads(native, name):
    made = set()
    for n_threads in THREADS:
        case = make_large_case(name, "float32")
        record, squares = empty_record(steps_of(case)), squares_of(case.state.weights)
        case.train(native, n_threads=n_threads, record=record)
        np.testing.assert_allclose(record.weight_squares[0], squares, rtol=1e-14)
        made.add((record.losses.tobytes(), record.weight_squares.tobytes()))
    assert len(made) == 1


RECORDS = """
import json, sys
sys.path.insert(0, {tests!r})
from chainrule import native
from test_order_and_record import empty_record, steps_of
from training_cases import make_case
made = []
for dtype in ("float32", "float64"):
    for seed in range(6):
        case = make_case(seed, dtype, "narrow", steps=10)
        record = empty_record(steps_of(case))
        case.train(native, record=record)
        made += [case.digest(), record.losses.tobytes().hex(), record.weight_squares.tobytes().hex()]
print(json.dumps(made))
"""


def test_instruction_sets_with_fused_multiply_add_have_one_record(native):
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
        assert len(json.loads(result.stdout)) == 36
        made.add(result.stdout)
    assert len(made) == 1


@pytest.mark.parametrize("kind", KINDS)
def test_the_record_of_the_native_core_is_that_of_the_reference(native, dtype, kind):
    for seed in range(8 if kind != "wide" else 2):
        records = []
        for core in (native, reference):
            case = make_case(seed, dtype, kind, steps=10)
            records.append(empty_record(steps_of(case)))
            case.train(core, order=draws(case), shuffle=False, record=records[-1])
        for one, other in zip(*records, strict=True):
            np.testing.assert_allclose(one, other, rtol=TRAINED[dtype], atol=TRAINED[dtype])


def test_layers_that_stay_and_layers_without_biases_are_counted(core, dtype):
    network = Network((9, 17, 33, 3), ("relu", "tanh", "identity"), None, (0.25, 0.0), dtype)
    rng = np.random.default_rng(3)
    weights = [rng.normal(size=shape).astype(dtype) for shape in network.weight_shapes]
    case = Case(network, TrainingState.start(weights, []), rng.normal(size=(20, 9)).astype(dtype),
                rng.normal(size=(20, 3)).astype(dtype), {**eleven_rows(dtype).how, "frozen": [0, 1]})  # fmt: skip
    record, squares = empty_record(5), squares_of(weights)
    case.train(core, record=record)
    np.testing.assert_allclose(record.weight_squares[0], squares, rtol=1e-14)
    assert len(set(record.weight_squares)) == 5


def test_the_losses_of_an_epoch_are_the_means_of_its_record(core, dtype):
    case = eleven_rows(dtype)
    record, weight = empty_record(6), np.array([1, 2, 0, 3, 0, 0, 0, 0, 1, 1, 5], dtype)
    case.train(core, record=record, epochs=2, sample_weight=weight)
    assert record.losses[1] == record.losses[4] == 0  # all weights of these batches are 0
    expected = (record.losses.reshape(2, 3) * [6, 0, 7]).sum(axis=1) / 13
    np.testing.assert_allclose(case.state.losses, expected, rtol=1e-14)


def assert_ends(record, step):
    """Fail unless there are numbers up to this step, and none from it on."""
    assert (np.isfinite(record) == (np.arange(len(record.losses)) < step)).all()


@pytest.mark.parametrize("each_step", [False, True])
def test_steps_that_are_not_done_are_nan(core, dtype, each_step):
    case = eleven_rows(dtype)
    record, seen = empty_record(1500), []

    def stop(epoch, done, *_):
        seen.append(np.isfinite(record).all(axis=0).sum())
        if 3 * epoch + done >= 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        case.train(core, epochs=500, record=record, poll=stop, poll_each_step=each_step)
    assert case.state.step == seen[-1] in ((5,) if each_step or core is reference else (5, 6))
    assert_ends(record, case.state.step)


@pytest.mark.parametrize("sizes", [(3, 2), (40, 70)])
@pytest.mark.parametrize("epochs", [3, 400])
def test_a_step_that_is_not_finite_has_no_entry(core, dtype, sizes, epochs):
    rng = np.random.default_rng(0)
    network = Network(sizes, ("identity",), "unit", (), dtype)
    state = TrainingState.start([rng.normal(size=sizes).astype(dtype)], [np.zeros(sizes[1], dtype)])
    how = {**eleven_rows(dtype).how, "optimizer": sgd(0.9 if epochs > 3 else 1e30), "batch_size": 1}
    X = rng.normal(size=(11, sizes[0])).astype(dtype)
    case = Case(network, state, X, rng.normal(size=(11, sizes[1])).astype(dtype), how)
    record = empty_record(11 * epochs)
    with pytest.raises(FloatingPointError, match="is not finite"):
        case.train(core, record=record, epochs=epochs)
    assert 0 < state.step < 11 * epochs
    assert_ends(record, state.step)


def test_a_loss_that_fails_leaves_the_record_of_the_steps_before(core, dtype):
    case, calls = eleven_rows(dtype), []

    def loss(prediction, target):
        calls.append(len(prediction))
        if len(calls) == 3:
            raise RuntimeError("enough")
        return float(len(calls)), prediction - target

    record = empty_record(6)
    with pytest.raises(RuntimeError, match="enough"):
        case.train(core, loss=loss, record=record, epochs=2)
    np.testing.assert_array_equal(record.losses, [1, 2, *[np.nan] * 4])
    np.testing.assert_array_equal(np.isnan(record.weight_squares), np.isnan(record.losses))


def good_and(name, array):
    """A record of six steps with one array that is not as it should be."""
    return empty_record(6)._replace(**{name: array})


@pytest.mark.parametrize(
    ("record", "error", "text"),
    [
        ((np.zeros(6), np.zeros(6)), TypeError, "record must be a StepRecord or None, but it is "),
        (good_and("losses", [0.0] * 6), TypeError, r"record\.losses must be a NumPy array"),
        (good_and("losses", np.zeros(6, np.float32)), TypeError, r"record\.losses must be float64, .* <f4"),
        (good_and("weight_squares", np.zeros(6, ">f8")), TypeError, r"record\.weight_squares must be float64, .* >f8"),
        (good_and("losses", np.zeros(5)), ValueError, r"record\.losses must have shape \(6,\), 6 steps, .* \(5,\)"),
        (good_and("losses", np.zeros((6, 1))), ValueError, r"record\.losses must have shape \(6,\), .* \(6, 1\)"),
        (good_and("losses", np.zeros(12)[::2]), ValueError, r"record\.losses must be C-contiguous"),
        (good_and("weight_squares", read_only(np.zeros(6))), ValueError, r"record\.weight_squares must be writable"),
        (StepRecord(*[np.zeros(6)] * 2), ValueError, r"record\.weight_squares must not share memory with record\.losses"),
    ],
)  # fmt: skip
def test_what_is_no_record_is_refused_and_nothing_changes(core, record, error, text):
    case = eleven_rows("float32")
    before, arrays = case.contents(), [np.array(array) for array in record]
    with pytest.raises(error, match=text):
        case.train(core, epochs=2, record=record)
    assert case.contents() == before
    for array, old in zip(record, arrays, strict=True):
        np.testing.assert_array_equal(array, old)


def test_a_record_may_not_lie_in_what_is_trained_or_trained_on(core):
    case = eleven_rows("float64")
    for name, array in ("X", case.X), (r"state\.weights\[0\]", case.state.weights[0]):
        record = StepRecord(array.reshape(-1)[:6], np.zeros(6))
        with pytest.raises(ValueError, match=rf"{name} must not share memory with record\.losses"):
            case.train(core, epochs=2, record=record)

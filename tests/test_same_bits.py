"""A result is a function of data, configuration, seed and dtype alone: the same bits, whatever else is different."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from digests import kernel_digests, training_digests
from training_cases import WIDEST, make_case

FORCED = os.environ.get("CHAINRULE_FORCE_ISA")  # the machine's own instruction set runs all of this
THREADS = (1, 2, 7) if FORCED else (1, 2, 3, 4, 7)
FUSED = ("avx2", "avx512")  # the instruction sets with fused multiply-add, which alone are in the promise
SEEDS = range(14)


def assert_equal(made, expected):
    assert made.keys() == expected.keys()
    assert [name for name in made if made[name] != expected[name]] == []


@pytest.fixture(scope="module")
def one_thread(native):
    """What one thread makes."""
    return {**kernel_digests(native, n_threads=1), **training_digests(native, n_threads=1)}


def test_runs_do_not_differ(native, one_thread):
    assert_equal({**kernel_digests(native), **training_digests(native)}, one_thread)


@pytest.mark.parametrize("n_threads", [*THREADS[1:], None])
@pytest.mark.usefixtures("oversubscribed")
def test_threads_do_not_matter(native, one_thread, n_threads):
    made = {**kernel_digests(native, n_threads=n_threads), **training_digests(native, n_threads=n_threads)}
    assert_equal(made, one_thread)


@pytest.mark.skipif(FORCED is not None, reason="the run without CHAINRULE_FORCE_ISA compares them all")
@pytest.mark.parametrize("instruction_set", FUSED)
def test_instruction_sets_do_not_matter(native, one_thread, instruction_set):
    config = native._core.config()
    for name in (instruction_set, config["instruction_set"]):
        if name not in config["available_instruction_sets"]:
            pytest.skip(f"this machine or build has no {name}, only {config['available_instruction_sets']}")
        if name not in FUSED:
            pytest.skip(f"{name} has no fused multiply-add and is outside the promise")
    made = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("digests.py"))],
        env={**os.environ, "CHAINRULE_FORCE_ISA": instruction_set}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert made.stderr == ""
    assert_equal(json.loads(made.stdout), one_thread)


@pytest.mark.parametrize("kind", WIDEST)
@pytest.mark.usefixtures("oversubscribed")
def test_a_row_is_predicted_the_same_alone_and_in_any_batch(native, dtype, kind):
    for seed in SEEDS:
        case = make_case(seed, dtype, kind)
        X = np.random.default_rng(seed).normal(size=(150, case.network.n_in)).astype(dtype)
        expected = case.forward(native, X)
        for start, stop in (
            (0, 1),
            (7, 8),
            (149, 150),
            (0, 31),
            (1, 33),
            (3, 35),
            (5, 36),
            (0, 149),
            (40, 150),
        ):
            actual = case.forward(native, X[start:stop], n_threads=2 if seed % 7 == 3 else 1)
            np.testing.assert_array_equal(
                actual, expected[start:stop], err_msg=f"{case.network} {start} {stop}"
            )
        rows = np.random.default_rng(seed).integers(0, 150, 60)
        np.testing.assert_array_equal(case.forward(native, X[rows]), expected[rows])


def by_hand(core, case):
    """Train as `train_epochs` does, by the functions it is made of."""
    state, how, update = case.state, case.how, vars(case.how["optimizer"])
    for _ in range(how["epochs"]):
        rows, total = len(case.X), 0.0
        order = (
            core.permutation(rows, seed=how["seed"], epoch=state.epoch) if how["shuffle"] else np.arange(rows)
        )
        for start in range(0, rows, how["batch_size"]):
            batch = order[start : start + how["batch_size"]]
            loss, dWs, dbs = core.gradients(
                case.network, state.weights, state.biases, case.X[batch], case.target[batch],
                loss=how["loss"], seed=how["seed"], step=state.step,
            )  # fmt: skip
            for w, v, g in zip(state.weights, state.weight_velocity, dWs, strict=True):
                core.sgd_momentum_step(w, v, g, **update)
            for b, v, g in zip(state.biases, state.bias_velocity, dbs, strict=True):
                core.sgd_momentum_step(b, v, g, **{**update, "weight_decay": 0.0})
            state.step += 1
            total += loss * len(batch)
        state.epoch += 1
        state.losses.append(total / rows)
    return case


@pytest.mark.parametrize("kind", WIDEST)
def test_training_is_its_parts_one_after_the_other(native, dtype, kind):
    """Also: the way of its own that tiny networks have gives the bits of the general one, which `gradients` goes."""
    for seed in SEEDS:
        case, parts = (make_case(seed, dtype, kind, steps=10) for _ in range(2))
        case.train(native)
        by_hand(native, parts)
        np.testing.assert_allclose(
            case.state.losses, parts.state.losses, rtol=1e-15
        )  # summed in another order
        parts.state.losses[:] = case.state.losses
        assert_equal(case.contents(), parts.contents())


@pytest.mark.parametrize("kind", WIDEST)
def test_epochs_may_be_trained_in_one_call_or_in_several(native, dtype, kind):
    for seed in SEEDS:
        whole, parts = (make_case(seed, dtype, kind, steps=15) for _ in range(2))
        whole.train(native, epochs=3)
        for epochs in (1, 0, 2):
            parts.train(native, epochs=epochs)
        assert_equal(parts.contents(), whole.contents())


@pytest.mark.parametrize("kind", WIDEST)
def test_batches_may_be_trained_in_one_call_or_one_by_one(native, dtype, kind):
    for seed in SEEDS:
        whole, parts = (make_case(seed, dtype, kind, steps=15) for _ in range(2))
        whole.train(native, shuffle=False, epochs=1)
        X, target, size = parts.X, parts.target, parts.how["batch_size"]
        for start in range(0, len(X), size):
            parts.X, parts.target = X[start : start + size], target[start : start + size]
            parts.train(native, shuffle=False, epochs=1)
        assert parts.state.step == whole.state.step
        for name, array in whole.arrays().items():
            np.testing.assert_array_equal(parts.arrays()[name], array, err_msg=f"{name} {whole.network}")


@pytest.mark.parametrize("kind", WIDEST)
def test_a_batch_larger_than_the_data_is_all_of_it(native, dtype, kind):
    for seed in SEEDS:
        cases = [make_case(seed, dtype, kind) for _ in range(2)]
        for case, size in zip(cases, (len(cases[0].X), 10**12), strict=True):
            case.train(native, batch_size=size, epochs=2)
        assert_equal(cases[0].contents(), cases[1].contents())

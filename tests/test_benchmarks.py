"""The benchmarks refuse to time what is wrong: their bounds hold for both cores, and for nothing else."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import chainrule as cr
import numpy as np
import pytest

BENCH = Path(__file__).resolve().parents[1] / "bench"
FAMILIES = ("_cases_product", "_cases_network", "_cases_elementwise", "_cases_random")
WRONG = 0.01
"""Relative to the largest element of an array: what one of many terms forgotten would be."""


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Import a module of the benchmarks by its name."""
    monkeypatch.syspath_prepend(str(BENCH))
    return importlib.import_module


def cases(bench, dtype):
    for family in FAMILIES:
        for case in bench(family).cases(short=True):
            yield case, case.make(dtype, 1)


def test_both_cores_are_within_the_bounds_of_the_kernel_benchmark(bench, core, dtype):
    check = bench("_case").largest_error
    for case, problem in cases(bench, dtype):
        error = check(problem.start(core)(), problem.expected())
        if core.__name__.endswith("native") or error.bound != 2.5:  # NumPy's exp and tanh may be off by more
            assert error.right, (case.name, error)


def test_one_wrong_element_of_any_result_is_refused(bench, dtype):
    reference, check = importlib.import_module("chainrule.reference"), bench("_case").largest_error
    for case, problem in cases(bench, dtype):
        results, expected = list(problem.start(reference)()), problem.expected()
        for i, result in enumerate(results):
            wrong = np.array(result)
            at = np.unravel_index(np.argmax(np.abs(wrong)), wrong.shape)
            wrong[at] += 1 if wrong.dtype.kind in "iu" else WRONG * (abs(wrong[at]) or 1)
            for spoiled in (
                wrong,
                np.where(wrong == wrong[at], np.nan, wrong) if wrong.dtype.kind == "f" else wrong,
            ):
                assert not check([*results[:i], spoiled, *results[i + 1 :]], expected).right, (case.name, i)
        assert not check(results[:-1], expected).right


def learn(trainer, work, dtype, forgotten=0, shuffle=True, **optimizer):
    """Make the steps that are checked, in one way or another; return weights and biases."""
    trainer.optimizer = cr.SGD(**{"learning_rate": work.learning_rate, "momentum": 0.9, **optimizer})
    X, y = work.data(dtype)
    rows = work.checked_steps * work.batch
    order = cr.reference.permutation(rows, seed=trainer.seed, epoch=0) if shuffle else np.arange(rows)
    with cr.backend("reference"):
        for batch in order.reshape(work.checked_steps, work.batch):
            used = batch[: work.batch - forgotten]
            trainer.train_on_batch(X[used], y[used])
    return trainer.model.weights + trainer.model.biases


@pytest.mark.parametrize(
    "spoiled",
    [
        {"momentum": 0.0}, {"nesterov": True}, {"learning_rate": 0.00101}, {"weight_decay": 0.5}, {"forgotten": 1},
        {"shuffle": False},
    ],
    ids=str,
)  # fmt: skip
def test_another_learning_step_is_refused(bench, dtype, spoiled):
    works, check = bench("_works").WORKS, bench("_epoch_check").largest_distance
    for work in (works[1].shortened(), works[2].shortened()):
        rival = bench("_epoch_rivals").Chainrule("reference", 1)
        before, after, undecided = rival.truth(work, dtype)
        for options in ({}, spoiled):
            answer = learn(rival.trainer(work, dtype), work, dtype, **options)
            assert check(answer, before, after, undecided, work, dtype).right == (not options)


def test_a_wrong_single_row_is_refused(bench, native, dtype):
    works = bench("_cases_network").PREDICTIONS
    for statement in ("predictor(x, out)", "predictor(x)", f"predictor(x, out).__imul__(1 + {WRONG})"):
        for work in works:
            rival = bench("_row_rivals").Chainrule(0)
            rival.statement = statement
            assert rival.load(work, dtype, 0).right == (str(WRONG) not in statement), work


def test_one_wrong_row_of_many_is_refused(bench, native, dtype):
    bulk = bench("_bulk_rivals")
    work = bulk.Work((37, 101, 53, 3), "tanh", 500)
    right = bulk.Chainrule(1)
    statement = right.statement
    assert right.load(work, dtype, 0)[0].right
    for row in (0, 250, 499):
        rival = bulk.Chainrule(1)
        rival.statement = f"{statement}[{row}].__imul__(1 + {WRONG})"
        assert not rival.load(work, dtype, 0)[0].right, row


def test_what_is_wrong_with_training_from_files_is_refused(bench):
    wrong = bench("larger_than_memory").wrong
    limited, free = {"digest": "a", "failed": True, "peak": 5000}, {"digest": "a"}
    assert wrong(limited, limited, free, "NpyStream", 4000) is None
    assert "other parameters" in wrong(limited, limited, {"digest": "b"}, "NpyStream", 4000)
    assert "the limit is none" in wrong({**limited, "failed": False}, limited, free, "NpyStream", 4000)
    assert "memory grows" in wrong({**limited, "peak": 6001}, limited, free, "NpyStream", 4000)
    assert wrong({**limited, "peak": 6001}, limited, free, "fit, mapped", 4000) is None


def test_the_rows_of_a_stream_in_memory_come_in_its_order(bench, tmp_path):
    rows = bench("_file_rows")
    for suffix in ("npy", "csv"):
        way = {"npy": "NpyStream", "csv": "CsvStream"}[suffix]
        n = rows.write(suffix, tmp_path / suffix, 300_000, "float32")
        work = rows.Work(way, str(tmp_path / suffix), n, 700, 1, "float32")
        X, y = work.load()
        assert X.shape == (n, rows.FEATURES)
        batches = list(work.stream()(0))
        assert np.array_equal(np.concatenate([batch[0] for batch in batches]), X[work.order()])
        assert np.array_equal(np.concatenate([batch[1] for batch in batches]), y[work.order()])

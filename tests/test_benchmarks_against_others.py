"""The benchmarks with other libraries: a wrong answer of any of them is refused, and a lost row is named."""

from __future__ import annotations

import importlib
import json
import os
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pytest

ONE_INSTRUCTION_SET_WILL_DO = True

BENCH = Path(__file__).resolve().parents[1] / "bench"
MODULES = {"NumPy": "numpy", "scikit-learn": "sklearn", "PyTorch": "torch", "JAX": "jax"}


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Import a module of the benchmarks by its name."""
    monkeypatch.syspath_prepend(str(BENCH))
    return importlib.import_module


class Spoiled:
    """The process of a rival, whose answers are spoiled on their way."""

    def __init__(self, worker, spoil):
        self.worker, self.spoil = worker, spoil

    def ask(self, method, *arguments):
        found = self.worker.ask(method, *arguments)
        return self.spoil(found) if method == "answer" else found


def last_bias_half_as_far(answer):
    return [*answer[:-1], answer[-1] / 2]


def without_the_last_bias(answer):
    return answer[:-1]


def not_a_number(answer):
    return [np.full_like(answer[0], np.nan), *answer[1:]]


@pytest.mark.parametrize("name", ["chainrule", *MODULES])
def test_a_rival_that_learns_something_else_is_refused(bench, native, name):
    pytest.importorskip(MODULES.get(name, "numpy"))
    team_module, works = bench("_epoch_team"), bench("_works").WORKS
    work = works[2].shortened()
    with ExitStack() as stack:
        team = team_module.Team(stack, [name], 1, "float32")
        worker = team.rivals[name]
        assert team.check(work, {})[name].right
        for spoil in (last_bias_half_as_far, without_the_last_bias, not_a_number):
            team.rivals[name] = Spoiled(worker, spoil)
            with pytest.raises(team_module.WrongAnswerError):
                team.check(work, {})


def test_scikit_learn_is_only_timed_where_it_has_no_such_loss_and_the_table_says_so(bench, native):
    pytest.importorskip("sklearn")
    team_module, works = bench("_epoch_team"), bench("_works").WORKS
    with ExitStack() as stack:
        team = team_module.Team(stack, ["scikit-learn"], 1, "float32")
        (reason,) = team.check(works[0].shortened(), {}).values()
    assert "cross-entropy" in reason
    assert team_module.described(reason) == {"error": None, "bound": None, "only_timed": reason}


@pytest.mark.parametrize(
    ("first", "last"), [(0.5, 0.5), (0.5, 0.6), (0.5, np.nan), (np.inf, 0.5), (np.nan, 0.5)]
)
def test_a_loss_that_does_not_fall_is_refused(bench, first, last):
    team = bench("_epoch_team")
    team.must_fall("someone", 0.5, 0.4)
    with pytest.raises(team.WrongAnswerError, match="someone"):
        team.must_fall("someone", first, last)


def test_a_wrong_prediction_of_a_compiled_network_is_refused(bench, native, dtype):
    pytest.importorskip("jax")
    workers, rivals = bench("_workers"), bench("_row_rivals_compiled")
    work = bench("_cases_network").PREDICTIONS[1]
    worker = workers.Worker("JAX", rivals.JAX, threads=1)
    try:
        error, bound, compiling = worker.ask("load_and_compile", work, dtype, 0)
        assert error <= bound
        assert compiling > 0
    finally:
        worker.close()


def test_a_process_may_use_as_many_processors_as_it_has_threads(bench):
    if not hasattr(os, "sched_getaffinity"):
        pytest.skip("this system does not tell the processors of a process")
    usable, workers = os.sched_getaffinity(0), bench("_workers")
    for n in range(1, len(usable) + 2):
        chosen = workers.processors(n)
        assert len(chosen) == min(n, len(usable))
        assert chosen <= usable
    with workers._affinity(1):
        assert len(os.sched_getaffinity(0)) == 1
    assert os.sched_getaffinity(0) == usable


def record(works, seconds):
    rows = [
        {"work": work, "who": who, "threads": threads, "seconds": times}
        for work in works
        for threads in (1, 2)
        for who, times in seconds.items()
    ]
    return {"benchmark": "epochs", "about": {"processor": "one", "mode": "full"}, "rows": rows}


def test_rows_where_another_is_ahead_come_first_in_the_document(bench, tmp_path):
    comparison = bench("_comparison")
    made = record(
        ["a", "b"], {"chainrule": [0.02, 0.01, 0.03], "NumPy": [0.04], "JAX": [0.01], "PyTorch": [0.0199]}
    )
    text = comparison.document({"epochs": made}, tmp_path, "float32", "")
    named, _, rest = text.partition("\n## Training")
    assert "NumPy" not in named
    lines = [line for line in named.splitlines() if line.startswith("- ")]
    assert len(lines) == 4, "PyTorch is within what is printed as 1.00"
    assert all("JAX 10 ms, chainrule 20: 0.50" in line for line in lines)
    assert rest.count("**JAX 0.50**") == 4
    assert "In no row" in comparison.document(
        {"epochs": record(["a"], {"chainrule": [1.0], "JAX": [2.0]})}, tmp_path, "float32", ""
    )


def test_a_record_is_read_back_as_it_was_saved(bench, tmp_path):
    made = record(["a"], {"chainrule": [0.5], "JAX": [1.0]})
    bench("_record").save(tmp_path, "epochs-float32", made, "text")
    assert bench("_comparison").read(tmp_path, "epochs", "float32") == made
    assert json.loads((tmp_path / "epochs-float32.json").read_text()) == made
    assert len((tmp_path / "epochs-float32.json").read_text().splitlines()) < 20, "a line for each row"


def test_the_plot_of_the_same_rows_is_the_same_file(bench, tmp_path):
    pytest.importorskip("matplotlib")
    comparison, plot = bench("_comparison"), bench("_plot")
    rows = comparison.rows_of(
        comparison.PARTS[0], record(["a", "b"], {"chainrule": [1.0], "JAX": [2.0], "New": [3.0]})
    )
    assert plot.draw(rows, tmp_path / "1.svg")
    assert plot.draw(rows, tmp_path / "2.svg")
    assert (tmp_path / "1.svg").read_bytes() == (tmp_path / "2.svg").read_bytes()


def test_an_import_that_fails_is_no_time(bench):
    footprint = bench("footprint")
    assert footprint.time_of_import("import json") > 0
    with pytest.raises(footprint.subprocess.CalledProcessError):
        footprint.time_of_import("import no_such_library")


def test_more_instructions_than_allowed_fail_and_fewer_ask_for_a_record(bench):
    judge = bench("_callgrind").judge
    for found, text, failed in (
        (1000, "as recorded", False), (1099, "as recorded", False), (1101, "MORE", True), (float("nan"), "MORE", True),
        (990, "as recorded", False), (970, "--update", False),
    ):  # fmt: skip
        verdict = judge("work", found, 1000)
        assert text in verdict.text, found
        assert verdict.failed == failed, found
    assert "--update" in judge("work", 1000, None).text


def test_counts_of_wrong_results_are_refused(bench):
    counts, right = bench("instruction_counts"), np.array([1.0, -2.0])
    counts.must_be_near("work", right * (1 + 1e-6), right)
    for wrong in (right * 1.001, np.array([1.0, np.nan]), np.zeros(2)):
        with pytest.raises(counts.WrongAnswerError):
            counts.must_be_near("work", wrong, right)
    counts.must_be_the_same("work", "abc", "abc")
    with pytest.raises(counts.WrongAnswerError):
        counts.must_be_the_same("work", "abd", "abc")


def test_what_is_counted_is_right_on_both_cores(bench, native):
    counts, works = bench("instruction_counts"), bench("_instruction_works")
    found = counts.right_digests()
    assert list(found) == [counted.name for counted in works.COUNTED]
    for compiler, recorded in json.loads(counts.RECORD.read_text()).items():
        assert list(recorded) == list(found), compiler

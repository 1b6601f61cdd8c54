"""The learning-quality benchmark: who learns something else is refused, folds are fair, and the record says what is claimed."""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[1]
RECORD = ROOT / "bench" / "results" / "learning_quality-float32.json"
ONE_INSTRUCTION_SET_WILL_DO = True


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Import a module of the benchmarks by its name."""
    pytest.importorskip("sklearn")
    monkeypatch.syspath_prepend(str(ROOT / "bench"))
    return importlib.import_module


def short(bench, **settings):
    return SimpleNamespace(**{"rounds": 1, "short": False, "dtype": "float32", **settings})


def some_tables(bench):
    """Return three classes, two classes and a quantity."""
    chosen = ("wine", "two moons", "California-like")
    return [table.shortened() for table in bench("_quality_data").tables() if table.name in chosen]


def test_from_the_same_start_both_learn_the_same_and_another_learner_is_refused(bench, backend):
    quality, learners = bench("learning_quality"), bench("_quality_learners")
    for data in some_tables(bench):
        fold = quality.folds(data, short(bench))[0]
        quality.must_be_the_same(data.name, learners.largest_difference(fold))
        with pytest.raises(quality.WrongAnswerError, match=data.name):
            quality.must_be_the_same(data.name, learners.largest_difference(fold, rate=1.001 * learners.RATE))
    with pytest.raises(quality.WrongAnswerError):
        quality.must_be_the_same("nothing", float("nan"))


def test_each_row_is_judged_once_a_round_by_who_has_not_seen_it(bench):
    quality = bench("learning_quality")
    for data in some_tables(bench):
        dealt = quality.folds(data, short(bench, rounds=2))
        assert len(dealt) == 10
        assert len({fold.seed for fold in dealt}) == 10
        for turn in (dealt[:5], dealt[5:]):
            assert sum(len(fold.X_test) for fold in turn) == len(data.X)
        for fold in dealt:
            assert len(fold.X) + len(fold.X_test) == len(data.X)
            np.testing.assert_allclose(fold.X.mean(axis=0), 0, atol=1e-9)
            np.testing.assert_allclose(fold.X.std(axis=0), 1, atol=1e-9)
            rows = np.vstack([fold.X, fold.X_test])
            assert len(np.unique(rows.round(9), axis=0)) == len(np.unique(data.X, axis=0))


def test_scores_are_those_of_scikit_learn(bench):
    metrics = pytest.importorskip("sklearn.metrics")
    quality, learners = bench("learning_quality"), bench("_quality_learners")
    for data in some_tables(bench):
        fold = quality.folds(data, short(bench, short=True))[0]
        answer = learners.with_its_defaults(fold)
        judge = metrics.accuracy_score if data.n_classes else metrics.r2_score
        assert quality.score(fold, answer) == pytest.approx(judge(fold.y_test, answer), abs=1e-12)


def test_the_error_of_a_difference_takes_into_account_that_folds_share_rows(bench):
    quality = bench("learning_quality")
    difference, error = quality.beyond([0.5, 0.6, 0.9], [0.4, 0.6, 0.7], n_folds=5)
    assert difference == pytest.approx(0.1)
    assert error == pytest.approx(np.sqrt(0.01 * (1 / 3 + 1 / 4)))  # 0.1, 0.0, 0.2: variance 0.01
    assert quality.signed(0.01, 0.002) == "+0.0100 ± 0.0020"
    assert quality.signed(-0.01, 0.002).startswith("BELOW -0.0100")


def test_a_lost_table_is_counted_as_lost(bench):
    quality = bench("learning_quality")
    scores = {"scikit-learn": (0.5, 0.5), "chainrule, same budget": (0.5, 0.4)}
    rows = [
        {"data": f"table {i}", "who": who, "scores": [scores.get(who, (0.6, 0.6))[i]]}
        for i in range(2)
        for who in quality.LEARNERS
    ]
    lines = {line[1]: line for line in quality.averages(rows)}
    assert lines["chainrule, same budget"][2:] == ["0.4500", "1 of 2", "1 of 2"]
    assert lines["scikit-learn"][2:] == ["0.5500".replace("55", "50"), "–", "–"]
    assert lines["chainrule, recommended"][3:] == ["2 of 2", "2 of 2"]


def test_a_short_run_compares_everybody_and_writes_the_record(bench, monkeypatch, tmp_path, capsys):
    quality = bench("learning_quality")
    arguments = ["learning_quality.py", "--short", "--only", "wine", "--output", str(tmp_path)]
    monkeypatch.setattr(sys, "argv", arguments)
    assert quality.main() == 0
    written = json.loads((tmp_path / "learning_quality-float32.json").read_text())
    assert [row["who"] for row in written["rows"]] == list(quality.LEARNERS)
    assert (tmp_path / "learning_quality-float32.md").read_text().strip() in capsys.readouterr().out
    monkeypatch.setattr(quality, "BOUND", -1.0)
    assert quality.main() == 1


def test_the_published_record_bears_out_what_is_claimed():
    rows = json.loads(RECORD.read_text(encoding="utf-8"))["rows"]
    five = [row for row in rows if row["group"] == "five"]
    means = {(row["data"], row["who"]): np.mean(row["scores"]) for row in five}
    names = {row["data"] for row in five}
    assert len(names) == 5
    assert all(len(row["scores"]) >= 15 for row in rows), "five folds, three seeds"
    reached = [name for name in names if means[name, "chainrule, same budget"] >= means[name, "scikit-learn"]]
    assert len(reached) == 5
    average = {who: np.mean([means[name, who] for name in names]) for who in {row["who"] for row in five}}
    assert average["chainrule, recommended"] > average["scikit-learn"]

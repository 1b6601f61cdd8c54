"""Reports of odd things: names that no file can hold, huge numbers, rows in which nothing counts, very many classes."""

from __future__ import annotations

import json
import re
import tracemalloc
from pathlib import Path
from typing import Any

import chainrule as cr
import numpy as np
import pytest
from page_cases import Page, check_sound
from report_cases import XOR, xor_trainer

rng = np.random.default_rng(0)
X = rng.normal(size=(20, 2))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "report.html"


def quantity_trainer(**settings: Any) -> cr.Trainer:
    model = cr.MLP([2, 3, 1], activation="tanh", dtype="float64", seed=0)
    return cr.Trainer(model, loss="mean_squared_error", **settings)


def test_what_no_page_can_hold_is_replaced_wherever_it_stands(path: Path) -> None:
    def odd(y: Any, p: Any) -> float:
        return 0.0

    odd.__name__ = "m\ud800\x00"
    trainer = quantity_trainer()
    trainer.fit(X, X[:, 0], metrics=[odd], epochs=2)
    trainer.report(path, X, X[:, 0], title="\udcff title \x0c \x85 \ufffe")
    page = Page(path)
    check_sound(page)
    assert page.all("title")[0][1] == "\ufffd title \ufffd \ufffd \ufffd"
    assert "m\ufffd\ufffd" in page.section("curves")
    assert not re.search("[\x00-\x08\x0b\x0c\x0e-\x1f]", path.read_text(encoding="utf-8"))


def test_a_path_of_lone_surrogates_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="path must be the name of a file"):
        xor_trainer(epochs=1).report(str(tmp_path / "\ud800.html"))


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("y", [
    np.full(20, 1e308), np.where(np.arange(20) % 2, 1.7e308, -1.7e308), np.where(np.arange(20) % 2, 1e200, -1e200),
    np.full(20, 1e-310), np.where(np.arange(20) % 2, 5e-324, 0.0), np.where(np.arange(20) % 2, -0.0, 0.0),
], ids=["equal", "of both signs", "squares overflow", "subnormal", "least", "zeros"])  # fmt: skip
def test_targets_may_be_of_any_size(path: Path, y: Any) -> None:
    quantity_trainer().report(path, X, y)
    page = Page(path)
    check_sound(page)
    assert "nan" not in re.sub("<script.*", "", path.read_text(encoding="utf-8"), flags=re.DOTALL).replace(
        "NaN", ""
    )
    error = page.table("Residuals: prediction less target")[0][1]
    assert float(error.replace("\N{MINUS SIGN}", "-")) == pytest.approx(
        np.abs(y).mean(dtype=np.longdouble), rel=1e-5, abs=2
    )


@pytest.mark.filterwarnings("error")
def test_losses_and_weights_may_be_of_any_size(path: Path) -> None:
    history = cr.history.History()
    for epoch, loss in enumerate((1.7e308, -1.7e308, 1.0)):
        history.append(cr.history.Measurements(epoch, loss))
    model = quantity_trainer().model
    model.weights[0][:] = 1.7e308
    history.report(path, model=model)
    check_sound(Page(path))
    assert not re.search(r'="[^"]*\b(inf|nan)\b', path.read_text(encoding="utf-8"))


def test_an_update_in_which_nothing_counts_is_left_out_and_the_page_says_why(path: Path) -> None:
    y = np.where(np.arange(20) % 2, X[:, 0], np.nan)
    weight = np.where(np.arange(20) < 2, 0.0, 1.0)
    trainer = quantity_trainer()
    for more in ({"y": y}, {"y": y, "rows": [0, 2]}, {"y": X[:, 0], "sample_weight": weight}):
        trainer.report(path, X, **more)
        page = Page(path)
        assert page.data["step"] is None
        assert "nothing counts" in page.section("configuration")
    trainer.report(path, X, y, rows=[1])
    assert Page(path).data["step"] is not None


def test_rows_of_which_nothing_is_predicted_are_left_out_and_counted(path: Path) -> None:
    trainer = xor_trainer(epochs=1)
    trainer.model.weights[0][:] = np.nan
    trainer.report(path, *XOR)
    said = Page(path).section("judgement")
    assert "For 4 of them the network gives NaN" in said
    assert "accuracy" not in said


@pytest.mark.parametrize(
    ("difference", "words"), [({"activation": "relu"}, "activations"), ({"bias": None}, "biases")]
)
def test_a_trace_of_another_network_is_refused(path: Path, difference: Any, words: str) -> None:
    settings = {"activation": "tanh", "output_activation": "sigmoid", "dtype": "float64", **difference}
    trace = cr.MLP([2, 3, 1], **settings).explain(*XOR, loss="binary_cross_entropy")
    with pytest.raises(ValueError, match=f"trace is of {words}"):
        xor_trainer(epochs=1).report(path, trace=trace)
    assert not path.exists()


def test_memory_does_not_grow_with_the_square_of_the_classes(path: Path) -> None:
    n = 4000
    model = cr.MLP([1, 2, n], output_activation="softmax", seed=0)
    y = np.arange(30) * 100
    tracemalloc.start()
    try:
        cr.report.write_report(path, model, np.zeros((30, 1), np.float32), y, rows=[0])
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert most < 2 * 4 * n * n + 2e7  # the slopes of softmax, of the row that is shown, and a copy
    page = Page(path)
    confused = page.table("Confused most")
    assert len(confused) == 29
    assert json.dumps(page.data)


def test_memory_of_an_update_is_that_of_the_rows_that_are_shown(path: Path) -> None:
    n = 600
    model = cr.MLP([1, n], output_activation="softmax", seed=0)
    tracemalloc.start()
    try:
        cr.report.write_report(
            path, model, np.zeros((50, 1), np.float32), np.arange(50), rows=list(range(50))
        )
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert most < 3 * 4 * 4 * n * n  # the slopes of softmax, of four rows in float32
    step = Page(path).data["step"]
    assert (step["rows"], step["batch_rows"]) == ([0, 1, 2, 3], 50)


def test_a_history_without_the_beginning_of_its_fit_is_drawn_and_not_judged(path: Path) -> None:
    trainer = quantity_trainer()
    trainer.fit(X, X[:, 0], epochs=4, health=True)
    rest = trainer.history.since(1)
    rest.report(path, trainer=trainer)
    page = Page(path)
    check_sound(page)
    assert "There is no verdict" in page.section("health")
    assert "Norm of the gradient" in page.section("health")
    with pytest.raises(ValueError, match="but not of the first one of their fit"):
        cr.health.diagnose(rest, trainer.model)
    with pytest.raises(ValueError, match="of a network with 2 layers of weights, but the model has 1"):
        rest.report(path, model=cr.MLP([2, 1]))


@pytest.mark.parametrize("name", ["trainer", "model"])
def test_what_a_history_is_reported_with_is_named_as_it_was_given(path: Path, name: str) -> None:
    history = xor_trainer(epochs=1).history
    with pytest.raises(TypeError, match=f"{name} must be of (Trainer|MLP), but it is 'x'"):
        history.report(path, **{name: "x"})


def named(name: str, value: float) -> Any:
    def metric(y_true: Any, prediction: Any) -> float:
        return value

    metric.__name__ = name
    return metric


def test_metrics_whose_names_are_nearly_alike_are_told_apart(path: Path) -> None:
    names = ["Loss", "a b", "a-b", "A b", "x", "validation x"]
    trainer = quantity_trainer()
    metrics = [named(name, float(i)) for i, name in enumerate(names)]
    trainer.fit(X, X[:, 0], epochs=2, metrics=metrics, validation_data=(X, X[:, 0]))
    trainer.report(path)
    page = Page(path)
    check_sound(page)
    ids = re.findall(r'\bid="([^"]*)"', path.read_text(encoding="utf-8"))
    assert len(ids) == len(set(ids))
    assert [row[3:9] for row in page.table("What was measured")] == [["0", "1", "2", "3", "4", "5"]] * 2

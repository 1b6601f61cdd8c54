"""Pictures of histories and predictions: what the artists hold is what was measured; what does not fit is refused."""

from __future__ import annotations

import copy
import math
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import chainrule as cr
import numpy as np
import pytest
from chainrule.history import Ending, History, Measurements
from numpy.testing import assert_allclose, assert_array_equal
from picture_cases import assert_whole_numbers, drawn, labels, texts

matplotlib = pytest.importorskip("matplotlib", reason="the pictures are matplotlib's")
matplotlib.use("Agg")

from chainrule import plots
from matplotlib import pyplot


@pytest.fixture(autouse=True)
def closed_figures() -> Iterator[None]:
    """Leave no figure behind."""
    yield
    pyplot.close("all")


def a_history(epochs: int = 5, ending: Ending | None = None) -> History:
    return History(
        [Measurements(i + 2, 2.0 / (i + 1), 3.0 / (i + 1), {"accuracy": i / 9, "mse": 5.0}, {"accuracy": i / 10})
         for i in range(epochs)], ending
    )  # fmt: skip


def test_curves_hold_what_the_history_holds() -> None:
    history = a_history(ending=Ending("early_stopping", "validation_loss", 4, 0.1, True))
    ax = drawn(plots.curves(history))
    right = ax.figure.axes[-1]
    assert right is not ax
    lines = {line.get_label(): line for line in (*ax.lines, *right.lines)}
    expected = {
        "loss": history.loss, "validation loss": history.validation_loss, "accuracy": history.metrics["accuracy"],
        "mse": history.metrics["mse"], "validation accuracy": history.validation_metrics["accuracy"],
    }  # fmt: skip
    for name, values in expected.items():
        assert_array_equal(lines[name].get_xdata(), history.epochs)
        assert_array_equal(lines[name].get_ydata(), values)
    assert sorted(labels(ax)) == sorted(expected)
    assert (ax.get_xlabel(), ax.get_ylabel(), right.get_ylabel()) == ("epoch", "loss", "metrics")
    best = [line for line in ax.lines if line.get_label() not in expected]
    assert_array_equal(best[0].get_xdata(), [4, 4])
    ways = {
        (line.get_linestyle(), line.get_marker(), line.get_markerfacecolor())
        for line in (*ax.lines, *right.lines)
    }
    assert len(ways) == len(expected) + 1  # told apart without colour


def test_some_curves_are_drawn_on_axes_that_are_given() -> None:
    _, ax = pyplot.subplots()
    assert plots.curves(a_history(), ["loss"], ax=ax) is ax
    assert [line.get_label() for line in ax.lines] == ["loss"]
    assert ax.figure.axes == [ax]
    assert plots.curves(a_history(30), ["validation_accuracy"]).figure.axes[-1].get_ylabel() == "accuracy"


def test_a_single_epoch_is_marks_of_which_none_hides_another() -> None:
    measured = Measurements(0, 1.0, 1.0, {"accuracy": 0.5, "r2": 0.5}, {"accuracy": 0.5, "r2": 0.5})
    ax = drawn(plots.curves(History([measured])))
    lines = [line for axes in ax.figure.axes for line in axes.lines]
    assert len(lines) == 6
    assert "None" not in [line.get_marker() for line in lines]
    assert len({line.get_markersize() for line in lines}) == 6  # all may lie at one place: around each other
    assert all(line.get_markerfacecolor() == "none" for line in lines if line.get_markersize() > 6)
    ways = {(line.get_marker(), line.get_markersize()) for line in lines[:2]}
    assert len(ways) == 2
    ax = plots.curves(cr.History([Measurements(i, 1.0, 2.0) for i in range(2)]))
    assert [line.get_marker() for line in ax.get_lines()] == ["None", "None"]


@pytest.mark.parametrize("first", [0, 7, 1_000])
@pytest.mark.parametrize("length", [1, 2, 3, 40])
def test_epochs_are_marked_by_whole_numbers(first: int, length: int) -> None:
    entry = {"gradient_norm": [1.0, 2.0]}

    class Recorded(History):
        """A history as a fit with ``health=True`` returns it."""

        health = (entry,) * length

    history = Recorded([Measurements(first + i, 1.0, 2.0) for i in range(length)])
    for ax in (plots.curves(history), plots.gradient_norms(history)):
        assert_whole_numbers(ax, first, first + length - 1)
    with_layers = plots.gradients_by_depth(history)
    assert_whole_numbers(with_layers, 1, 2)
    Recorded.health = ({"gradient_norm": [1.0]},) * length
    assert_whole_numbers(plots.gradients_by_depth(history), 1, 1)


def test_weights_that_were_kept_of_a_single_epoch_are_seen(tmp_path: Path) -> None:
    trainer = cr.Trainer(cr.MLP([2, 3, 1], seed=0), loss="mean_squared_error")
    for keep, kept, markers in ((4, [0, 1, 2, 3], 0), (1, [3], 2)):
        path = tmp_path / f"{keep}.run"
        copy.deepcopy(trainer).fit([[0.0, 1.0]], [2.0], epochs=3, checkpoint=path, keep=keep)
        with cr.Checkpoints(path) as run:
            assert run.epochs == kept
            ax = run.plot()
        assert_whole_numbers(ax, kept[0], 3)
        assert len({line.get_marker() for line in ax.lines} - {"None"}) == markers


def test_a_fit_can_be_drawn_as_it_comes(backend: str) -> None:
    trainer = cr.Trainer(cr.MLP([1, 1], seed=0), loss="mean_squared_error")
    history = trainer.fit([[0.0], [1.0]], [0.0, 2.0], epochs=3)
    assert_array_equal(drawn(plots.curves(history)).lines[0].get_ydata(), history.loss)


@pytest.mark.parametrize("length", [1, 4, 40])
def test_gradient_norms_are_a_line_for_each_layer(length: int) -> None:
    health = [{"gradient_norm": [0.5**i, 2.0, 3.0 + i], "dead": [0.0, 0.5, 0.0]} for i in range(length)]
    ax = drawn(plots.gradient_norms(health))
    for layer, line in enumerate(ax.lines):
        assert_array_equal(line.get_xdata(), range(length))
        assert_array_equal(line.get_ydata(), [entry["gradient_norm"][layer] for entry in health])
    assert labels(ax) == ["layer 1", "layer 2", "layer 3"]
    assert ax.get_yscale() == "log"
    assert len({(line.get_linestyle(), line.get_marker()) for line in ax.lines}) == 3
    dead = drawn(plots.gradient_norms(tuple(health), "dead"))
    assert dead.get_yscale() == "linear"
    assert dead.get_ylabel() == "share of dead units"


def test_epochs_without_a_record_are_gaps() -> None:
    ax = plots.gradient_norms([None, {"gradient_norm": [1.0]}, None])
    assert_array_equal(ax.lines[0].get_ydata(), [math.nan, 1.0, math.nan])


def test_what_a_fit_records_of_health_is_drawn_over_its_epochs() -> None:
    class Recorded(History):
        """A history as a fit with ``health=True`` returns it."""

        health = ({"gradient_norm": [1.0]}, {"gradient_norm": [2.0]})

    history = Recorded([Measurements(7, 1.0), Measurements(8, 0.5)])
    line = plots.gradient_norms(history).lines[0]
    assert_array_equal(line.get_xdata(), [7, 8])
    assert_array_equal(line.get_ydata(), [1.0, 2.0])


def test_gradients_are_drawn_from_the_first_layer_to_the_last(backend: str) -> None:
    def history(activation: str) -> History:
        model = cr.MLP([2, 3, 3, 1], activation=activation, seed=0)
        trainer = cr.Trainer(model, loss="mean_squared_error")
        return trainer.fit([[0.0, 1.0], [1.0, 0.0]], [0.0, 2.0], epochs=2, health=True)

    found = {"tanh": history("tanh"), "sigmoid": history("sigmoid")}
    ax = drawn(plots.gradients_by_depth(found, epoch=-1))
    for line, one in zip(ax.lines, found.values(), strict=True):
        assert_array_equal(line.get_xdata(), [1, 2, 3])
        assert_array_equal(line.get_ydata(), one.health[1]["gradient_norm"])
    assert labels(ax) == ["tanh", "sigmoid"]
    assert ax.get_yscale() == "log"
    assert len({(line.get_linestyle(), line.get_marker()) for line in ax.lines}) == 2
    alone = drawn(plots.gradients_by_depth(found["tanh"]))
    assert_array_equal(alone.lines[0].get_ydata(), found["tanh"].health[0]["gradient_norm"])
    assert alone.get_legend() is None
    with pytest.raises(ValueError, match="epoch must be one that was recorded in each history, but it is 2"):
        plots.gradients_by_depth(found, epoch=2)


def test_learning_rates_are_drawn_with_the_suggestion() -> None:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(100, 3))
    trainer = cr.Trainer(cr.MLP([3, 4, 1], dtype="float64", seed=0), loss="mean_squared_error")
    found = cr.find_learning_rate(trainer, X, X[:, 0], highest=1e3)
    ax = drawn(plots.learning_rates(found))
    raw, smoothed, suggestion = ax.lines
    assert_array_equal(raw.get_data(), [found.rates, found.losses])
    assert_array_equal(smoothed.get_data(), [found.rates, found.smoothed])
    assert_array_equal(suggestion.get_xdata(), [found.suggestion] * 2)
    assert ax.get_xscale() == "log"
    assert labels(ax)[2] == f"suggestion {found.suggestion:.2g}"
    assert ax.get_ylim()[1] < found.losses.max()  # the explosion does not flatten the rest


def test_a_search_without_a_suggestion_is_drawn_without_one() -> None:
    model = cr.MLP([1, 1], bias=None, dtype="float64", initializer=cr.initializers.constant(2.0), seed=0)
    found = cr.find_learning_rate(cr.Trainer(model, loss="mean_squared_error"), [[1.0]], [2.0], steps=10)
    assert len(drawn(plots.learning_rates(found)).lines) == 2


def test_a_confusion_matrix_counts_rows_of_true_classes_and_columns_of_predicted_ones() -> None:
    prediction = np.eye(3)[[0, 0, 1, 2, 2, 2]]
    ax = drawn(plots.confusion_matrix(prediction, None, [0, 0, 0, 1, 2, 2], labels=["a", "b", "long name"]))
    assert_allclose(ax.images[0].get_array(), [[2 / 3, 1 / 3, 0], [0, 0, 1], [0, 0, 1]])
    assert texts(ax) == ["2", "1", "1", "2"]
    assert [text.get_position() for text in ax.texts] == [(0, 0), (1, 0), (2, 1), (2, 2)]
    assert [text.get_text() for text in ax.get_yticklabels()] == ["a", "b", "long name"]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("predicted", "true")
    shares = plots.confusion_matrix(prediction, None, [0, 0, 0, 1, 2, 2], shares=True)
    assert texts(shares) == ["0.67", "0.33", "1.00", "1.00"]


def test_a_confusion_matrix_of_one_output_has_two_classes(backend: str) -> None:
    model = cr.MLP([2, 1], output_activation="sigmoid", seed=0)
    X = np.random.default_rng(0).normal(size=(20, 2))
    y = np.arange(20) % 2
    ax = plots.confusion_matrix(model, X, y)
    predicted = model.predict(X.astype("float32"))[:, 0] >= 0.5
    counts = [[int(((y == i) & (predicted == j)).sum()) for j in (0, 1)] for i in (0, 1)]
    assert texts(ax) == [str(n) for row in counts for n in row if n]


def test_predictions_are_markers_over_the_targets(backend: str) -> None:
    model = cr.MLP([2, 4, 2], dtype="float64", seed=0)
    X, y = np.random.default_rng(0).normal(size=(2, 30, 2))
    ax = drawn(plots.predictions(model, X, y, names=["height", "width"]))
    diagonal, *outputs = ax.lines
    assert_array_equal(diagonal.get_xdata(), diagonal.get_ydata())
    for i, line in enumerate(outputs):
        assert_array_equal(line.get_xdata(), y[:, i])
        assert_array_equal(line.get_ydata(), model.predict(X)[:, i])
        r2 = cr.metrics.r2(y[:, [i]], model.predict(X)[:, [i]])
        assert labels(ax)[i + 1] == f"{('height', 'width')[i]}, R² {r2:.3f}"
    assert outputs[0].get_marker() != outputs[1].get_marker()


def test_missing_targets_are_left_out_of_predictions(backend: str) -> None:
    y = np.array([[0.0, np.nan], [1.0, 2.0], [np.nan, 3.0], [2.0, 5.0]])
    p = np.array([[0.1, 9.0], [0.9, 2.0], [9.0, 3.5], [2.2, 5.0]])
    ax = plots.predictions(p, None, y)
    for i, line in enumerate(ax.get_lines()[1:]):
        known = np.isfinite(y[:, i])
        assert_array_equal(line.get_xdata(), y[known, i])
        assert_array_equal(line.get_ydata(), p[known, i])
        assert line.get_label() == f"output {i}, R² {cr.metrics.r2(y[known][:, [i]], p[known][:, [i]]):.3f}"
    with pytest.raises(ValueError, match="y holds nothing but NaN"):
        plots.predictions(p, None, np.full((4, 2), np.nan))


def test_a_column_without_any_target_is_drawn_as_empty() -> None:
    ax = plots.predictions(np.ones((3, 2)), None, [[1.0, np.nan], [2.0, np.nan], [3.0, np.nan]])
    assert len(ax.get_lines()[2].get_xdata()) == 0
    assert ax.get_lines()[2].get_label() == "output 1"


def test_single_predictions_have_no_r2() -> None:
    assert labels(drawn(plots.predictions([[1.0]], None, [2.0]))) == ["as the target", "prediction"]


@pytest.mark.parametrize(
    ("draw", "error", "words"),
    [
        (lambda: plots.curves([1.0]), TypeError, "history must be a History, but it is"),
        (lambda: plots.curves(History()), ValueError, "history has no epoch yet"),
        (lambda: plots.curves(a_history(), ["loss", "r2"]), ValueError, "names must be of loss, .* but one is 'r2'"),
        (lambda: plots.curves(a_history(), []), ValueError, "names must have at least 1 entry"),
        (lambda: plots.curves(a_history(), ax=3), TypeError, "ax must be matplotlib Axes or None, but it is 3"),
        (lambda: plots.gradient_norms(a_history()), ValueError, r"no record of health; fit\(..., health=True\)"),
        (lambda: plots.gradient_norms([]), ValueError, "health has no epoch yet"),
        (lambda: plots.gradient_norms([1.0]), TypeError, r"health\[0\] must be a dict"),
        (lambda: plots.gradient_norms([{"a": [1.0]}], "b"), ValueError, "column must be one of a, but it is 'b'"),
        (lambda: plots.gradients_by_depth({}), ValueError, "histories is empty"),
        (lambda: plots.gradients_by_depth({"a": 1}), TypeError, "histories must be a History or a mapping to such"),
        (lambda: plots.gradients_by_depth(a_history()), ValueError, r"no record of health; fit\(..., health=True\)"),
        (lambda: plots.learning_rates(0.1), TypeError, "found must be LearningRates, but it is 0.1"),
        (lambda: plots.confusion_matrix(3, [[1.0]], [0]), TypeError, "model must be an MLP, or an array of pred"),
        (lambda: plots.confusion_matrix([[0.2, 0.8]], None, [2]), ValueError, "y has label 2|y\\[0\\]"),
        (lambda: plots.confusion_matrix([[0.2, np.nan]], None, [1]), ValueError, "has NaN in 1 row"),
        (lambda: plots.confusion_matrix([[0.2, 1.8]], None, [[0.5, 7.5]]), ValueError, r"y\[0, 1\] is 7.5, but the confusion matrix is of"),
        (lambda: plots.confusion_matrix([[0.2, 0.8]], None, [1], labels=["a"]), ValueError, "labels must have 2"),
        (lambda: plots.confusion_matrix([[0.2, 0.8]], None, [1], shares=1), TypeError, "shares must be True or"),
        (lambda: plots.confusion_matrix([1, 0, 1], None, [1, 0, 0]), ValueError, r"as model.predict returns it, but its shape is \(3,\); use"),
        (lambda: plots.predictions([[1.0]], None, [1.0, 2.0]), ValueError, "y has 2 rows"),
        (lambda: plots.predictions([[1.0]], None, [1.0], names=["a", "b"]), ValueError, "names must have 1"),
    ],
)  # fmt: skip
def test_what_cannot_be_drawn_is_refused_before_a_figure_is_made(draw: Any, error: Any, words: str) -> None:
    with pytest.raises(error, match=words):
        draw()
    assert pyplot.get_fignums() == []


def test_matplotlib_is_imported_only_to_draw_and_its_absence_is_said() -> None:
    code = """
import sys
import chainrule, chainrule.plots
assert "matplotlib" not in sys.modules
sys.modules["matplotlib"] = None
for draw in (lambda: chainrule.plots.network(chainrule.MLP([1, 1])), lambda: chainrule.plots.predictions([[1.0]], None, [1.0])):
    try:
        draw()
    except ImportError as error:
        print(error)
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.splitlines() == ['the pictures need matplotlib; pip install "chainrule[plot]"'] * 2

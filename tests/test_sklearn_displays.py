"""The course of a fit as a plot, in the manner of scikit-learn's displays."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from picture_cases import assert_whole_numbers
from sklearn_cases import BOTH, MLPClassifier, data, fitted, small

matplotlib = pytest.importorskip("matplotlib", reason="the plots are matplotlib's")
matplotlib.use("Agg")

from chainrule.sklearn import LossCurveDisplay
from matplotlib import pyplot
from sklearn.exceptions import NotFittedError
from sklearn.neural_network import MLPRegressor as TheirRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@pytest.fixture(autouse=True)
def closed_figures() -> Iterator[None]:
    """Leave no figure behind."""
    yield
    pyplot.close("all")


@BOTH
def test_the_training_loss_is_drawn_over_epochs(Estimator: Any) -> None:
    model = fitted(Estimator)
    display = LossCurveDisplay.from_estimator(model)
    (line,) = display.lines_
    assert_array_equal(line.get_xdata(), [1, 2, 3, 4, 5])
    assert_array_equal(line.get_ydata(), model.loss_curve_)
    assert line.get_label() == f"{Estimator.__name__}, training loss"
    assert display.figure_ is display.ax_.figure
    assert display.score_ax_ is None
    assert (display.ax_.get_xlabel(), display.ax_.get_ylabel()) == ("Epoch", "Loss")
    assert [text.get_text() for text in display.ax_.get_legend().get_texts()] == [line.get_label()]


@BOTH
def test_scores_of_early_stopping_have_an_axis_of_their_own(Estimator: Any) -> None:
    model = fitted(Estimator, early_stopping=True)
    display = LossCurveDisplay.from_estimator(model)
    _, loss, score = display.lines_
    assert_array_equal(loss.get_ydata(), model.validation_loss_curve_)
    assert loss.axes is display.ax_
    assert_array_equal(score.get_ydata(), model.validation_scores_)
    assert score.axes is display.score_ax_ is not display.ax_
    name = "Accuracy" if Estimator is MLPClassifier else "R²"
    assert display.score_ax_.get_ylabel() == name
    assert len(display.ax_.get_legend().get_texts()) == 3


def test_losses_on_held_out_rows_are_drawn_beside_those_of_training() -> None:
    display = LossCurveDisplay(loss_curve=[3.0, 2.0, 1.0], validation_loss_curve=[4.0, 3.0, 3.5]).plot()
    assert [line.get_label() for line in display.lines_] == ["training loss", "validation loss"]
    assert_array_equal(display.lines_[1].get_ydata(), [4.0, 3.0, 3.5])
    assert display.lines_[1].axes is display.ax_


@pytest.mark.parametrize("epochs", [1, 2, 3])
def test_epochs_are_whole_numbers_and_a_single_one_has_markers(epochs: int) -> None:
    curve = [0.5] * epochs
    shown = LossCurveDisplay(loss_curve=curve, validation_loss_curve=curve, validation_scores=curve)
    display = shown.plot(line_kw={"ls": "-", "lw": 2})
    assert_whole_numbers(display.ax_, 1, epochs)
    markers = {(line.get_marker(), line.get_markersize()) for line in display.lines_}
    assert len(markers) == (3 if epochs == 1 else 1)
    given = shown.plot(line_kw={"marker": "x", "ms": 4.0})
    assert {(line.get_marker(), line.get_markersize()) for line in given.lines_} == {("x", 4.0)}


def test_axes_name_and_style_may_be_given_and_a_display_drawn_again() -> None:
    _, ax = pyplot.subplots()
    display = LossCurveDisplay.from_estimator(
        fitted(MLPClassifier), ax=ax, name="mine", line_kw={"color": "red"}
    )
    assert display.ax_ is ax
    assert display.lines_[0].get_label() == "mine, training loss"
    assert display.lines_[0].get_color() == "red"
    assert display.plot(name="yours") is display
    assert display.ax_ is not ax
    assert [line.get_label() for line in display.lines_] == ["yours, training loss"]


def test_estimators_of_scikit_learn_and_pipelines_are_drawn_too() -> None:
    X, y = data(TheirRegressor)
    model = small(TheirRegressor).fit(X, y)
    display = LossCurveDisplay.from_estimator(model)
    assert_array_equal(display.lines_[0].get_ydata(), model.loss_curve_)
    steps = make_pipeline(StandardScaler(), small(MLPClassifier)).fit(*data(MLPClassifier))
    display = LossCurveDisplay.from_estimator(steps)
    assert display.lines_[0].get_label() == "MLPClassifier, training loss"


def test_what_has_no_course_is_refused_before_a_figure_is_made() -> None:
    with pytest.raises(NotFittedError, match="not fitted"):
        LossCurveDisplay.from_estimator(MLPClassifier())
    with pytest.raises(ValueError, match="this MLPClassifier has none because solver='lbfgs' has no epochs"):
        LossCurveDisplay.from_estimator(fitted(MLPClassifier, solver="lbfgs"))
    with pytest.raises(ValueError, match=r"this StandardScaler has none$"):
        LossCurveDisplay.from_estimator(StandardScaler().fit(np.eye(2)))
    assert pyplot.get_fignums() == []


def test_matplotlib_is_imported_only_to_draw_and_its_absence_is_said() -> None:
    code = """
import sys
sys.modules["matplotlib"] = None
from chainrule.sklearn import LossCurveDisplay
try:
    LossCurveDisplay(loss_curve=[1.0]).plot()
except ImportError as error:
    print(error)
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "LossCurveDisplay.plot requires matplotlib" in run.stdout

"""Losses and scores that chainrule.sklearn leaves are of scikit-learn's types, and its warnings come from scikit-learn's module."""

from __future__ import annotations

import subprocess
import sys
import warnings

import numpy as np
import pytest
from sklearn_pairs import data, pair, quiet, using

ONE_INSTRUCTION_SET_WILL_DO = True
NAMES = ["MLPClassifier", "MLPRegressor"]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("solver", ["sgd", "adam", "lbfgs"])
@pytest.mark.parametrize("stops", [False, True])
def test_losses_and_scores_are_numbers_of_numpy(core, name, solver, stops, dtype):
    """So that scripts with ``model.loss_.round(4)`` run."""
    with using(core), quiet():
        model = pair(name, solver=solver, early_stopping=stops, max_iter=4)[1].fit(*data(name, dtype=dtype))
    found = [model.loss_]
    if solver != "lbfgs":
        found += model.loss_curve_
        found += [*model.validation_scores_, model.best_validation_score_] if stops else [model.best_loss_]
    assert [type(number) for number in found] == [np.float64] * len(found)
    assert isinstance(model.loss_.round(4), np.float64)


CASES = {
    "adam": {},
    "lbfgs": {"solver": "lbfgs", "max_iter": 2},
    "batches": {"batch_size": 1000},
    "divergence": {"solver": "sgd", "learning_rate_init": 1e200, "early_stopping": True},
}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("case", CASES)
def test_a_filter_for_the_module_sklearn_silences_warnings(name, case):
    """It is what scripts have against ConvergenceWarning."""
    X, y = data(name)
    model = pair(name, **CASES[case])[1]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model.fit(X, y)
        assert caught
        caught.clear()
        warnings.filterwarnings("ignore", module="sklearn")
        model.fit(X, y)
        assert [str(one.message) for one in caught if "overflow" not in str(one.message)] == []


def test_warnings_are_shown_as_often_as_scikit_learns_are():
    """By default: a warning is shown once for each place that it comes from."""
    code = """
from {} import MLPRegressor
X, y = [[0.0], [1.0], [2.0]], [0.0, 1.0, 2.0]
for _ in range(3):
    MLPRegressor(max_iter=1).fit(X, y)
"""
    shown = []
    for module in ("sklearn.neural_network", "chainrule.sklearn"):
        command = [sys.executable, "-c", code.format(module)]
        found = subprocess.run(command, capture_output=True, text=True, check=True).stderr
        shown.append(found.count("Maximum iterations (1) reached"))
    assert shown[0] == shown[1] > 0


def test_an_interruption_is_told_by_the_module_sklearn():
    class Interrupt:
        def on_epoch_end(self, fit):
            raise KeyboardInterrupt

    model, (X, y) = pair("MLPRegressor")[1], data("MLPRegressor")
    with pytest.warns(UserWarning, match=r"Training interrupted by user\."):
        model.fit(X, y, callbacks=[Interrupt()])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", module="sklearn")
        model.fit(X, y, callbacks=[Interrupt()])

"""chainrule.sklearn says what scikit-learn says: warnings, errors, what is printed; and takes the same arguments."""

from __future__ import annotations

import inspect

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning
from sklearn_pairs import assert_same, classes, data, pair, refused, using, warned

ONE_INSTRUCTION_SET_WILL_DO = True
NAMES = ["MLPClassifier", "MLPRegressor"]
STOCHASTIC = ["sgd", "adam"]


@pytest.mark.parametrize("solver", STOCHASTIC)
def test_a_fit_without_progress_stops_at_the_same_epoch_with_the_same_words(core, solver, capsys):
    settings = {
        "tol": 0.02,
        "n_iter_no_change": 3,
        "max_iter": 200,
        "learning_rate_init": 0.01,
        "verbose": True,
    }
    one, other = pair("MLPClassifier", solver=solver, **settings)
    printed = []
    with using(core):
        for estimator in (one, other):
            estimator.fit(*classes())
            printed.append(capsys.readouterr().out)
    assert one.n_iter_ < 200
    assert printed[0] == printed[1]
    assert_same(one, other, factor=1000)


@pytest.mark.parametrize("name", NAMES)
def test_arguments_are_scikit_learns_with_their_defaults_and_in_their_order(name):
    found = [list(inspect.signature(type(estimator)).parameters.values()) for estimator in pair(name)]
    expected, own = found
    named = {parameter.name: parameter for parameter in own}
    assert all(
        named[parameter.name] == parameter.replace(annotation=named[parameter.name].annotation)
        for parameter in expected
    )
    by_place = [[p.name for p in part if p.kind is p.POSITIONAL_OR_KEYWORD] for part in found]
    assert by_place[0] == by_place[1]


WARNINGS = {
    "not converged": ({"max_iter": 2}, classes()),
    "not converged, lbfgs": ({"max_iter": 2, "solver": "lbfgs"}, classes()),
    "batch too large": ({"batch_size": 1000, "max_iter": 1}, classes()),
    "column of labels": ({"max_iter": 1}, (classes()[0], classes()[1].reshape(-1, 1))),
}


@pytest.mark.parametrize("case", WARNINGS)
def test_warnings_are_scikit_learns(case):
    settings, given = WARNINGS[case]
    one, other = pair("MLPClassifier", **settings)
    expected = warned(one.fit, *given)
    assert expected
    assert warned(other.fit, *given) == expected


def _fit(X, y, **settings):
    return lambda estimator: estimator.set_params(**settings).fit(X, y)


def _fit_then(call, **settings):
    return lambda estimator: call(estimator.set_params(**settings).fit(*classes()))


ERRORS = {
    "not fitted": lambda e: e.predict(classes()[0]),
    "no layers": _fit(*classes(), hidden_layer_sizes=(3, 0)),
    "NaN in X": _fit(np.full((9, 2), np.nan), np.arange(9) % 2),
    "infinity in X": _fit(np.full((9, 2), np.inf), np.arange(9) % 2),
    "text in X": _fit([["a"], ["b"]], [0, 1]),
    "rows missing": _fit(np.zeros((9, 2)), [0, 1]),
    "continuous labels": _fit(classes()[0], classes()[0][:, 0]),
    "NaN in y": _fit(classes()[0], np.full(120, np.nan)),
    "one dimension": _fit(np.zeros(9), np.zeros(9)),
    "negative alpha": _fit(*classes(), alpha=-1),
    "no such schedule": _fit(*classes(), learning_rate="often"),
    "momentum of 2": _fit(*classes(), momentum=2),
    "too few held out": _fit(classes()[0][:4], [0, 1, 0, 1], early_stopping=True),
    "huge X": _fit(np.full((9, 2), 1e300) * np.arange(1, 10)[:, None], np.arange(9) % 2, alpha=0, solver="sgd",
                   activation="identity", learning_rate_init=1e200, max_iter=20),
    "another number of features": _fit_then(lambda e: e.predict(np.zeros((2, 3)))),
    "NaN to predict": _fit_then(lambda e: e.predict(np.full((1, 6), np.nan))),
    "infinity to predict": _fit_then(lambda e: e.predict_proba(np.full((1, 6), -np.inf))),
    "no rows to predict": _fit_then(lambda e: e.predict(np.zeros((0, 6)))),
    "one row of one dimension": _fit_then(lambda e: e.predict(np.zeros(6))),
    "an unknown label": _fit_then(lambda e: e.partial_fit(classes()[0], classes()[1] + 1)),
    "other labels, warm": _fit_then(lambda e: e.fit(classes()[0], classes()[1] + 1), warm_start=True),
    "no classes given": lambda e: e.partial_fit(*classes()),
    "partial and early": lambda e: e.set_params(early_stopping=True).partial_fit(*classes(), classes=[0, 1, 2]),
    "partial and lbfgs": lambda e: e.set_params(solver="lbfgs").partial_fit,
}  # fmt: skip


@pytest.mark.parametrize("case", ERRORS)
def test_errors_are_scikit_learns(case):
    one, other = pair("MLPClassifier")
    expected = refused(ERRORS[case], one)
    assert refused(ERRORS[case], other) == expected


@pytest.mark.parametrize("name", NAMES)
def test_a_fit_that_diverges_ends_with_scikit_learns_error_unless_rows_are_held_out(core, name):
    X, y = data(name)
    settings = {
        "solver": "sgd",
        "activation": "relu",
        "learning_rate_init": 1e150,
        "alpha": 1e100,
        "max_iter": 30,
    }
    _, other = pair(name, **settings)
    with using(core):
        assert refused(other.fit, X, y)[1].startswith("Solver produced non-finite parameter weights.")
        assert all(np.isfinite(w).all() for w in other.coefs_)
        with pytest.warns(ConvergenceWarning, match="the loss is no longer finite in iteration"):
            other.set_params(early_stopping=True).fit(X, y)
        assert np.isnan(other.validation_scores_[-1])
        assert np.isnan(other.loss_curve_[-1])
        assert all(np.isfinite(w).all() for w in other.coefs_)


def test_ctrl_c_ends_a_fit_with_scikit_learns_warning():
    X, y = classes()
    _, other = pair("MLPClassifier", max_iter=10**6, tol=0)

    class Interrupt:
        def on_epoch_end(self, fit):
            if fit.epoch == 3:
                raise KeyboardInterrupt

    with pytest.warns(UserWarning, match=r"^Training interrupted by user\.$"):
        other.fit(X, y, callbacks=[Interrupt()])
    assert other.n_iter_ == 3

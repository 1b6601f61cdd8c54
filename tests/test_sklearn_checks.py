"""scikit-learn's own checks of estimators, over solvers and dtypes.

Nothing is expected to fail: scikit-learn declares no failures for its own two classes either.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn_cases import (
    BOTH,
    WEIGHTED,
    MLPClassifier,
    MLPRegressor,
    SingleClassifier,
    SingleRegressor,
    data,
    small,
)

sklearn_checks = pytest.importorskip("sklearn.utils.estimator_checks")

pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    pytest.mark.filterwarnings("ignore:Got `batch_size` less than 1 or larger"),
]

# The checks have targets of some hundreds, and want 83 % of three classes: the rates are for that. Without a penalty,
# lbfgs comes to probabilities of exactly 1, and the check of several labels wants less.
SETTINGS: dict[type, list[dict[str, Any]]] = {
    MLPClassifier: [
        {"solver": "sgd", "learning_rate_init": 0.01},
        {"solver": "adam"},
        {"solver": "lbfgs", "alpha": 0.1},
        {"early_stopping": True, "validation_fraction": 0.2},
    ],
    MLPRegressor: [
        {"solver": "sgd", "learning_rate_init": 0.001},
        {"solver": "adam"},
        {"solver": "lbfgs"},
        {"early_stopping": True, "validation_fraction": 0.2},
    ],
}
SINGLE = {MLPClassifier: SingleClassifier, MLPRegressor: SingleRegressor}
ESTIMATORS = [
    kind(**one, random_state=0)
    for Estimator, settings in SETTINGS.items()
    for kind in (Estimator, SINGLE[Estimator])
    for one in settings
]

PARTIAL_FIT = (
    "check_fit_score_takes_y",
    "check_n_features_in_after_fitting",
    "check_estimators_partial_fit_n_features",
)
"""Checks that call partial_fit, which refuses early stopping here as it does in scikit-learn."""
CLASS_WEIGHT = "check_class_weight_classifiers"
"""Wants nearly all rows in the class that weighs most, while early stopping goes by the accuracy, which no class weighs."""
WEIGHTS = (
    "check_sample_weight_equivalence_on_dense_data",
    "check_sample_weight_equivalence_on_sparse_data",
    "check_sample_weights_invariance",  # before 1.6
)
"""Checks of weights against repeated rows, at 1e-7. scikit-learn has settings of its own for them, which are used here too."""


def each_check() -> Any:
    """Return scikit-learn's decorator; in older ones it has a generator, which pytest takes no more."""
    mark = sklearn_checks.parametrize_with_checks(ESTIMATORS).mark
    return pytest.mark.parametrize(mark.args[0], list(mark.args[1]), **mark.kwargs)


@each_check()
def test_the_checks_of_scikit_learn_hold(estimator: Any, check: Any) -> None:
    name = check.func.__name__
    if name in WEIGHTS:
        if isinstance(estimator, (SingleClassifier, SingleRegressor)):
            pytest.skip("the check compares at 1e-7, float32 is tested below")
        if estimator.early_stopping:
            pytest.skip("which rows are held out depends on their number")
        if isinstance(estimator, MLPRegressor) and estimator.solver != "sgd":
            estimator = MLPRegressor(solver="sgd", tol=1e-2, random_state=42)
    if name in (*PARTIAL_FIT, CLASS_WEIGHT) and estimator.early_stopping:
        estimator = estimator.set_params(early_stopping=False)
    check(estimator)


@pytest.mark.skipif(not WEIGHTED, reason="fit takes no sample_weight with this scikit-learn")
@BOTH
@pytest.mark.parametrize("solver", ["sgd", "adam", "lbfgs"])
def test_whole_weights_are_repeated_rows_in_float32(Estimator: Any, solver: str) -> None:
    X, y = data(Estimator, "float32")
    times = np.random.default_rng(0).integers(0, 4, len(y))
    settings = {"solver": solver, "batch_size": len(y) * 4, "shuffle": False}
    weighted = small(Estimator, **settings).fit(X, y, sample_weight=times)
    repeated = small(Estimator, **settings).fit(X.repeat(times, axis=0), y.repeat(times))
    for ours, theirs in zip(weighted.coefs_, repeated.coefs_, strict=True):
        if solver != "lbfgs":  # SciPy works in float64
            assert ours.dtype == np.float32
        # Five steps of adam divide by the size of a gradient, so that a relative error of some roundings is one of the step.
        assert_allclose(ours, theirs, rtol=1e-3, atol=1e-4)

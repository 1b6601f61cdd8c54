"""scikit-learn's own checks of estimators, over solvers and dtypes, and its own tests of its two classes, run on ours.

Nothing is expected to fail: scikit-learn declares no failures for its own two classes either.
"""

from __future__ import annotations

from typing import Any

import pytest
from sklearn_cases import SOLVERS, MLPClassifier, MLPRegressor, SingleClassifier, SingleRegressor, sklearn

from sklearn.utils.estimator_checks import parametrize_with_checks

# isort: split
pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]

ESTIMATORS = [
    Estimator(**settings)
    for Estimator in (MLPClassifier, MLPRegressor, SingleClassifier, SingleRegressor)
    for settings in SOLVERS.values()
]


@parametrize_with_checks(ESTIMATORS)
def test_the_checks_of_scikit_learn_hold(estimator: Any, check: Any) -> None:
    check(estimator)

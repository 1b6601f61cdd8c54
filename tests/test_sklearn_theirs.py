"""The tests that scikit-learn has of its own two classes, run on ours: the file of the installed version, with our classes
under their names.
"""

from __future__ import annotations

import importlib.util
from types import ModuleType

import numpy as np
import pytest
from sklearn_cases import VERSION, MLPClassifier, MLPRegressor

neural_network = pytest.importorskip("sklearn.neural_network")

pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    pytest.mark.filterwarnings("ignore:Got `batch_size` less than 1 or larger"),
    pytest.mark.filterwarnings("ignore::RuntimeWarning"),  # of parameters that shall become infinite
]


def their_tests() -> ModuleType:
    """Run scikit-learn's file of tests, which imports our classes instead of its own."""
    spec = importlib.util.find_spec("sklearn.neural_network.tests.test_mlp")
    if spec is None or spec.origin is None:
        pytest.skip("scikit-learn was installed without its tests", allow_module_level=True)
    copy = importlib.util.spec_from_file_location("their_tests_of_ours", spec.origin)
    assert copy is not None
    assert copy.loader is not None
    module = importlib.util.module_from_spec(copy)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(neural_network, "MLPClassifier", MLPClassifier)
        patch.setattr(neural_network, "MLPRegressor", MLPRegressor)
        copy.loader.exec_module(module)
    assert module.MLPClassifier is MLPClassifier
    assert module.MLPRegressor is MLPRegressor
    return module


THEIRS = their_tests()
LEFT_OUT = {
    "test_gradient",  # of how scikit-learn's lbfgs packs parameters; tests of ours compare with finite differences
    *(
        ["test_mlp_regressor_dtypes_casting"] if VERSION < (1, 7) else []
    ),  # later ones allow 5 times the rounding
}
globals().update(
    {name: test for name, test in vars(THEIRS).items() if name.startswith("test_") and name not in LEFT_OUT}
)


@pytest.fixture
def global_random_seed() -> int:
    """What scikit-learn's own fixture of this name gives unless it is asked for others."""
    return 42


@pytest.fixture(autouse=True)
def same_random_numbers_for_each_test() -> None:
    """Some of the tests leave random_state away."""
    np.random.seed(0)  # noqa: NPY002 - the generator that scikit-learn takes then


def test_there_are_as_many_tests_as_the_oldest_version_has() -> None:
    assert sum(name.startswith("test_") for name in vars(THEIRS)) >= 38

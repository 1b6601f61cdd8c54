"""What is set on a fitted estimator of chainrule.sklearn, or past scikit-learn's validation, is judged before it is used."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import sklearn
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn_cases import BOTH, MLPClassifier, MLPRegressor, data, small

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
ONE_INSTRUCTION_SET_WILL_DO = True


def words(call: Callable[[], object]) -> tuple[type, str]:
    """Return the type and the text of the error of a call."""
    with pytest.raises((TypeError, ValueError)) as caught:
        call()
    return caught.type, str(caught.value)


@BOTH
@pytest.mark.parametrize("n", [0, -1, "a", 2.5, float("nan"), True, np.True_, [2]])
def test_threads_that_were_set_after_the_fit_are_refused_in_its_words(
    Estimator: Any, n: Any, backend: str
) -> None:
    X, y = data(Estimator)
    model = small(Estimator).fit(X, y)
    model.predict(X[:1])  # so that what is prepared for predictions is there
    model.set_params(n_threads=n)
    expected = words(lambda: model.fit(X, y))
    assert "n_threads" in expected[1]
    out = np.empty((1, model.n_outputs_))
    for call in (
        lambda: model.predict(X[:1]),
        lambda: model.predict(X.tolist()),
        lambda: model.predict(sparse.csr_matrix(X)),
        lambda: model.predict_into(X[:1], out),
        lambda: model.score(X, y),
    ):
        assert words(call) == expected
    with sklearn.config_context(skip_parameter_validation=True):
        assert words(lambda: model.predict(X[:1])) == words(lambda: model.fit(X, y))


@BOTH
def test_threads_of_any_whole_number_predict(Estimator: Any) -> None:
    X, y = data(Estimator)
    model = small(Estimator).fit(X, y)
    expected = model.predict(X)
    for n in (None, 1, 2, np.int64(2), 10**12):
        assert_array_equal(model.set_params(n_threads=n).predict(X), expected)


@BOTH
@pytest.mark.parametrize(
    ("name", "value", "error", "text"),
    [
        ("solver", "foo", ValueError, "solver must be 'lbfgs', 'sgd', 'adam' or one of .*, but it is 'foo'"),
        ("solver", 3, ValueError, "solver must be .*, but it is 3"),
        ("batch_size", 2.5, TypeError, r"batch_size must be an int, but it is 2.5 \(float\)"),
        ("batch_size", float("nan"), TypeError, "batch_size must be an int, but it is nan"),
        ("batch_size", "all", TypeError, "batch_size must be an int, but it is 'all'"),
        ("batch_size", None, TypeError, "batch_size must be an int, but it is None"),
    ],
)
def test_settings_that_scikit_learn_was_told_not_to_validate_are_refused_by_name(
    Estimator: Any, name: str, value: Any, error: type[Exception], text: str
) -> None:
    X, y = data(Estimator)
    model = small(Estimator).set_params(**{name: value})
    before = dict(vars(model))
    with sklearn.config_context(skip_parameter_validation=True), pytest.raises(error, match=text):
        model.fit(X, y)
    assert vars(model) == before


@BOTH
def test_parameters_in_an_array_of_arrays_predict_and_train(Estimator: Any, backend: str) -> None:
    X, y = data(Estimator)
    for n_hidden in ((8,), (5, 5)):
        model, listed = (small(Estimator, hidden_layer_sizes=n_hidden).fit(X, y) for _ in range(2))
        for name in ("coefs_", "intercepts_"):
            given = getattr(model, name)
            arrays = np.empty(len(given), object)
            arrays[:] = given
            setattr(model, name, arrays)
        for rows in (X, X[:1], sparse.csr_matrix(X)):
            assert_array_equal(model.predict(rows), listed.predict(rows))
        out = np.empty((len(X), model.n_outputs_))
        assert_array_equal(model.predict_into(X, out), listed.predict_into(X, out.copy()))
        for one in (model, listed):
            one.partial_fit(X, y)
        assert_array_equal(model.coefs_[0], listed.coefs_[0])
        assert_array_equal(model.predict(X), listed.predict(X))


def test_parameters_in_a_block_of_objects_predict(backend: str) -> None:
    """NumPy makes no array of arrays of those that all have one shape."""
    X, _ = data(MLPRegressor)
    X, y = X[:, :3], X[:, 3:6]
    model = small(MLPRegressor, hidden_layer_sizes=(3, 3)).fit(X, y)
    expected = model.predict(X)
    model.coefs_, model.intercepts_ = np.array(model.coefs_, object), np.array(model.intercepts_, object)
    assert model.coefs_.shape == (3, 3, 3)
    assert_allclose(model.predict(X), expected, rtol=1e-12)
    model.partial_fit(X, y)
    assert [w.dtype for w in model.coefs_] == [np.dtype("float64")] * 3


@BOTH
def test_parameters_without_the_layers_of_the_outputs_are_refused(Estimator: Any, backend: str) -> None:
    X, y = data(Estimator)
    model = small(Estimator, hidden_layer_sizes=(8, 7)).fit(X, y)
    whole = model.coefs_, model.intercepts_
    model.coefs_, model.intercepts_ = model.coefs_[:-1], model.intercepts_[:-1]
    text = f"coefs_ and intercepts_ end with 7 outputs, but n_outputs_ is {model.n_outputs_}"
    out = np.empty((len(X), model.n_outputs_))
    for call in (
        lambda: model.predict(X),
        lambda: model.predict(sparse.csr_matrix(X)),
        lambda: model.predict_into(X, out),
        lambda: model.partial_fit(X, y),
    ):
        assert words(call) == (ValueError, text)
    model.coefs_, model.intercepts_ = whole
    assert np.isfinite(model._forward_pass_fast(X)).all()


REFUSED: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "held out": ({"early_stopping": True, "validation_fraction": 0.001}, {}),
    "momentum": ({"solver": "sgd", "momentum": 1.0, "dropout": 0.5}, {}),
    "batch": ({"batch_size": 10, "solver": "rprop"}, {}),
}


@BOTH
@pytest.mark.parametrize("case", REFUSED)
def test_a_refused_fit_gives_back_what_it_drew(Estimator: Any, case: str) -> None:
    import chainrule as cr

    X, y = data(Estimator)
    settings, given = REFUSED[case]
    if settings.get("solver") == "rprop":
        settings = {**settings, "solver": cr.RPROP()}
    random_state = np.random.RandomState(5)
    model = small(Estimator, random_state=random_state).set_params(**settings)
    with pytest.raises(ValueError, match=r"validation|momentum|batch_size|test_size"):
        model.fit(X, y, **given)
    assert random_state.randint(2**31) == np.random.RandomState(5).randint(2**31)


def test_a_fit_that_was_not_refused_has_drawn() -> None:
    X, y = data(MLPClassifier)
    random_state = np.random.RandomState(5)
    one, other = (small(MLPClassifier, random_state=random_state).fit(X, y) for _ in range(2))
    assert not np.array_equal(one.coefs_[0], other.coefs_[0])

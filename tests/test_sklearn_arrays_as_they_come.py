"""Arrays that lie otherwise than the cores read them, and sparse matrices that are not to be made dense."""

from __future__ import annotations

import tracemalloc
from typing import Any

import numpy as np
import pytest

pytest.importorskip("sklearn")

import chainrule.sklearn as ours
import scipy.sparse
import sklearn.neural_network as theirs

SETTINGS: dict[str, Any] = {"hidden_layer_sizes": (5,), "max_iter": 3, "random_state": 0}
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def data(rows: int = 60, columns: int = 4) -> tuple[Any, Any]:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(rows, columns))
    return X, X @ rng.normal(size=columns)


def unaligned(array: Any) -> Any:
    """Return a copy that begins at an odd address, as a field of a structured file may."""
    found = np.empty(array.nbytes + 1, np.uint8)[1:].view(array.dtype).reshape(array.shape)
    found[...] = array
    assert not found.flags.aligned
    return found


def swapped(array: Any) -> Any:
    return array.astype(array.dtype.newbyteorder())


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_arrays_that_do_not_lie_aligned_are_fitted_and_predicted(solver: str) -> None:
    X, y = data()
    expected = ours.MLPRegressor(solver=solver, **SETTINGS).fit(X, y, sample_weight=np.abs(y))
    found = ours.MLPRegressor(solver=solver, **SETTINGS)
    found.fit(unaligned(X), unaligned(y), sample_weight=unaligned(np.abs(y)))
    np.testing.assert_array_equal(found.predict(unaligned(X)), expected.predict(X))
    found.coefs_ = [unaligned(w) for w in found.coefs_]
    found.intercepts_ = [unaligned(b) for b in found.intercepts_]
    np.testing.assert_array_equal(found.predict(X), expected.predict(X))
    np.testing.assert_array_equal(found.predict(unaligned(X[:1])), expected.predict(X[:1]))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_parameters_of_the_other_byte_order_predict(dtype: str) -> None:
    X, y = (array.astype(dtype) for array in data())
    model = ours.MLPRegressor(**SETTINGS).fit(X, y)
    expected = model.predict(X)
    model.coefs_ = [swapped(w) for w in model.coefs_]
    model.intercepts_ = [swapped(b) for b in model.intercepts_]
    found = model.predict(X)
    assert found.dtype == dtype
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(model.predict(swapped(X)), expected)


@pytest.mark.parametrize("activation", ["relu", "tanh", "gelu", ["elu"]])
def test_few_entries_of_a_sparse_matrix_are_predicted_as_the_dense_ones(activation: Any) -> None:
    X = scipy.sparse.random(50, 200, density=0.02, format="csr", random_state=0)
    y = np.arange(50) % 3
    model = ours.MLPClassifier(activation=activation, **SETTINGS).fit(X, y)
    for given in (X, X.tocsc(), X[:1], X.astype(np.float32)):
        np.testing.assert_allclose(
            model.predict_proba(given), model.predict_proba(given.toarray()), rtol=1e-6
        )
    linear = ours.MLPRegressor(**{**SETTINGS, "hidden_layer_sizes": ()}).fit(X, y)
    np.testing.assert_allclose(linear.predict(X), linear.predict(X.toarray()), rtol=1e-12)


@pytest.mark.parametrize("activation", ["relu", "gelu"])
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_memory_does_not_grow_with_what_is_zero(solver: str, activation: str) -> None:
    X = scipy.sparse.random(1000, 20_000, density=0.001, format="csr", random_state=0)
    y = np.arange(1000) % 2
    settings = {**SETTINGS, "hidden_layer_sizes": (2,), "max_iter": 1}
    tracemalloc.start()
    try:
        model = ours.MLPClassifier(solver=solver, activation=activation, **settings).fit(X, y)
        model.predict(X)
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert most < X.shape[0] * X.shape[1] * 8 / 2


@pytest.mark.parametrize("Estimator", ["MLPClassifier", "MLPRegressor"])
@pytest.mark.parametrize("density", [0.02, 0.3])
def test_lbfgs_of_a_sparse_matrix_goes_as_scikit_learn_s(Estimator: str, density: float) -> None:
    X = scipy.sparse.random(80, 50, density=density, format="csr", random_state=1)
    y = np.arange(80) % 3
    settings = {**SETTINGS, "solver": "lbfgs", "max_iter": 5}
    expected = getattr(theirs, Estimator)(**settings).fit(X, y)
    found = getattr(ours, Estimator)(**settings).fit(X, y)
    assert found.n_iter_ == expected.n_iter_
    np.testing.assert_allclose(found.coefs_[0], expected.coefs_[0], rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("weighted", [False, True])
def test_lbfgs_of_pieces_is_that_of_all_rows(weighted: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    X = scipy.sparse.random(90, 20, density=0.3, format="csr", random_state=1)
    y, weight = np.arange(90) % 3, np.linspace(0, 2, 90) if weighted else None
    for labels in (y, y % 2, np.c_[y, y % 2]):
        dense, pieces = (ours.MLPClassifier(solver="lbfgs", activation="gelu", **SETTINGS) for _ in range(2))
        dense.fit(X.toarray(), labels, sample_weight=weight)
        with monkeypatch.context() as patch:
            patch.setattr("chainrule.sklearn._pieces.DENSE_ELEMENTS", 400)
            pieces.fit(X, labels, sample_weight=weight)
        np.testing.assert_allclose(pieces.coefs_[0], dense.coefs_[0], rtol=1e-6, atol=1e-9)


def absolute(output: Any, target: Any) -> tuple[float, Any]:
    """Be a loss that has to see all rows: it is scaled by the largest error."""
    error = np.nan_to_num(output - target)
    largest = np.abs(error).max()
    value = float((error**2).mean() / largest)
    gradient = 2 * error / error.size / largest
    at = np.unravel_index(np.abs(error).argmax(), error.shape)
    gradient[at] -= value / largest * np.sign(error[at])
    return value, gradient


@pytest.mark.parametrize("n_outputs", [1, 2])
def test_lbfgs_of_pieces_asks_a_loss_of_ones_own_for_all_rows(
    n_outputs: int, backend: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    X = scipy.sparse.random(90, 20, density=0.3, format="csr", random_state=1)
    y = np.sin(np.arange(90.0 * n_outputs)).reshape(90, n_outputs)
    y[7] = np.nan
    settings = {**SETTINGS, "solver": "lbfgs", "loss": absolute, "missing_targets": True}
    dense, pieces = (ours.MLPRegressor(**settings) for _ in range(2))
    dense.fit(X.toarray(), y)
    monkeypatch.setattr("chainrule.sklearn._pieces.DENSE_ELEMENTS", 400)
    pieces.fit(X, y)
    assert pieces.n_iter_ == dense.n_iter_ == 3
    np.testing.assert_allclose(pieces.loss_, dense.loss_, rtol=1e-9)
    np.testing.assert_allclose(pieces.coefs_[0], dense.coefs_[0], rtol=1e-6, atol=1e-9)
    with pytest.raises(ValueError, match="sample_weight cannot be combined with a loss of your own"):
        pieces.fit(X, y, sample_weight=np.ones(90))


def test_memory_of_lbfgs_does_not_grow_with_rows_whatever_the_loss_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("chainrule.sklearn._pieces.DENSE_ELEMENTS", 2**16)
    X = scipy.sparse.random(1000, 2000, density=0.001, format="csr", random_state=0)
    settings = {**SETTINGS, "hidden_layer_sizes": (2,), "max_iter": 1}
    tracemalloc.start()
    try:
        ours.MLPRegressor(solver="lbfgs", loss=absolute, **settings).fit(X, np.arange(1000) % 2.0)
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert most < X.shape[0] * X.shape[1] * 8 / 2


def test_large_and_infinite_numbers_are_told_apart_in_large_arrays() -> None:
    X, y = data(3000)
    model = ours.MLPRegressor(**SETTINGS).fit(X, y)
    for value, text in ((np.inf, "infinity"), (-np.inf, "infinity"), (np.nan, "NaN")):
        wrong = X.copy()
        wrong[-1, -1] = value
        with pytest.raises(ValueError, match=text):
            model.predict(wrong)
    both = X.copy()
    both[0, 0], both[-1, -1] = np.inf, -np.inf
    with np.errstate(invalid="ignore"), pytest.raises(ValueError, match="infinity"):
        model.predict(both)
    large = np.full((3000, 4), 1e308)
    with np.errstate(all="raise"):
        assert model.predict(large).shape == (3000,)

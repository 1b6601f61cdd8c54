"""Data frames of pandas and polars: names of features are kept and checked, and columns that are no numbers are named."""

from __future__ import annotations

import datetime
import re
import warnings
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn_cases import BOTH, WEIGHTED, MLPClassifier, MLPRegressor, data, small

compose = pytest.importorskip("sklearn.compose")
from chainrule.sklearn._frames import refuse_unfit_columns
from sklearn import impute, pipeline, preprocessing

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
LIBRARIES = pytest.mark.parametrize("library", ["pandas", "polars"])
NAMES = [f"width {j}" for j in range(4)]


def frame(library: str, columns: Any) -> Any:
    """Return a frame of columns by their names."""
    return pytest.importorskip(library).DataFrame(columns)


def measured(library: str, X: Any) -> Any:
    return frame(library, {name: X[:, j] for j, name in enumerate(NAMES)})


@BOTH
@LIBRARIES
def test_a_frame_is_fitted_and_predicted_as_its_array_is(Estimator: Any, library: str) -> None:
    X, y = data(Estimator)
    X = X[:, :4]
    table = measured(library, X)
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message="X does not have|X has feature names")
        model = small(Estimator).fit(table, y)
        answers = model.predict(table)
        model.score(table, y)
        if Estimator is MLPClassifier:
            model.predict_proba(table)
            model.predict_log_proba(table)
    assert list(model.feature_names_in_) == NAMES
    alone = small(Estimator).fit(X, y)
    assert not hasattr(alone, "feature_names_in_")
    assert_array_equal(answers, alone.predict(X))
    assert_array_equal(model.coefs_[0], alone.coefs_[0])


@LIBRARIES
def test_early_stopping_and_partial_fit_take_frames_without_a_warning(library: str) -> None:
    X, y = data(MLPRegressor)
    table = measured(library, X)
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message="X does not have|X has feature names")
        models = [
            small(MLPRegressor, early_stopping=True).fit(table, y),
            small(MLPRegressor).partial_fit(table, y).partial_fit(table, y),
        ]
    assert [list(model.feature_names_in_) for model in models] == [NAMES, NAMES]


@BOTH
@LIBRARIES
def test_targets_and_weights_may_be_columns(Estimator: Any, library: str) -> None:
    X, y = data(Estimator)
    table, weights = measured(library, X), np.linspace(0.5, 1.5, len(y))
    columns = frame(library, {"y": y, "weight": weights})
    named = {"sample_weight": columns["weight"]} if WEIGHTED else {}
    model = small(Estimator).fit(table, columns["y"], **named)
    alone = small(Estimator).fit(X[:, :4], y, **({"sample_weight": weights} if WEIGHTED else {}))
    assert_array_equal(model.coefs_[0], alone.coefs_[0])


@BOTH
@LIBRARIES
def test_other_names_another_order_and_no_names_are_noticed(Estimator: Any, library: str) -> None:
    X, y = data(Estimator)
    table = measured(library, X)
    model = small(Estimator).fit(table, y)
    for method in (model.predict, lambda X: model.partial_fit(X, y)):
        with pytest.raises(ValueError, match="Feature names must be in the same order"):
            method(table[NAMES[::-1]])
        with pytest.raises(ValueError, match=r"Feature names unseen at fit time:\n- other"):
            method(frame(library, dict.fromkeys([*NAMES[:3], "other"], X[:, 0])))
    with pytest.warns(UserWarning, match="X does not have valid feature names"):
        model.predict(X[:, :4])
    with pytest.warns(UserWarning, match="X has feature names, but"):
        small(Estimator).fit(X[:, :4], y).predict(table)


def answers(model: Any, table: Any, y: Any) -> dict[str, Any]:
    """Return what may be called with a frame, by name."""
    calls = {
        "fit": lambda: model.fit(table, y),
        "partial_fit": lambda: model.partial_fit(table, y),
        "predict": lambda: model.predict(table),
        "score": lambda: model.score(table, y),
    }
    if isinstance(model, MLPClassifier):
        calls["predict_proba"] = lambda: model.predict_proba(table)
        calls["predict_log_proba"] = lambda: model.predict_log_proba(table)
    return calls


@BOTH
@LIBRARIES
def test_text_is_refused_by_the_name_of_its_column_and_the_model_stays(Estimator: Any, library: str) -> None:
    X, y = data(Estimator)
    table = measured(library, X)
    model = small(Estimator).fit(table, y)
    before = [coefs.copy() for coefs in model.coefs_]
    wrong = frame(
        library,
        {NAMES[0]: X[:, 0], NAMES[1]: ["red", "green", "blue"] * 50, **dict.fromkeys(NAMES[2:], X[:, 2])},
    )
    for name, call in answers(model, wrong, y).items():
        with pytest.raises(
            ValueError, match=r"'width 1' \('red' \(str\)\).*OneHotEncoder.*OrdinalEncoder"
        ) as error:
            call()
        assert "could not convert string to float: 'red'" in str(error.value), (
            name
        )  # scikit-learn's own words
        assert "width 0" not in str(error.value)
    for coefs, old in zip(model.coefs_, before, strict=True):
        assert_array_equal(coefs, old)


@BOTH
@LIBRARIES
def test_missing_values_are_counted_by_column(Estimator: Any, library: str) -> None:
    X, y = data(Estimator)
    model = small(Estimator).fit(measured(library, X), y)
    columns = {name: list(X[:, j]) for j, name in enumerate(NAMES)}
    columns[NAMES[2]][5] = None
    columns[NAMES[2]][7] = float("nan")
    columns[NAMES[3]][0] = None
    text = "Input X contains NaN.*'width 2' (2), 'width 3' (1): use sklearn.impute.SimpleImputer"
    text = re.escape(text).replace(r"\.\*", ".*")
    for call in answers(model, frame(library, columns), y).values():
        with pytest.raises(ValueError, match=text):
            call()


def pandas_columns() -> dict[str, tuple[Any, str]]:
    pandas = pytest.importorskip("pandas")
    day = pandas.Timestamp("2026-01-01")
    return {
        "categories": (pandas.Categorical(["a", "b", "a"]), r"'new' \('a' \(str\)\).*OneHotEncoder"),
        "objects": (np.array([1.5, "low", 2.0], dtype=object), r"'new' \('low' \(str\)\).*OneHotEncoder"),
        "dates": ([day, day, day], "dates or times: 'new': use a number"),
        "periods": (pandas.period_range("2026", periods=3, freq="D"), "dates or times: 'new'"),
        "durations": ([day - day] * 3, "dates or times: 'new'"),
        "intervals": (pandas.interval_range(0, 3), "several values in an entry: 'new'"),
        "lists": ([[1], [2], [3]], "several values in an entry: 'new': use a column for each"),
        "nullable": (pandas.array([1, None, 3], dtype="Int64"), r"contains NaN.*'new' \(1\)"),
        "nothing": ([None, None, None], r"contains NaN.*'new' \(3\)"),
    }


def polars_columns() -> dict[str, tuple[Any, str]]:
    polars = pytest.importorskip("polars")
    day = datetime.date(2026, 1, 1)
    return {
        "categories": (
            polars.Series(["a", "b", "a"]).cast(polars.Categorical),
            r"'new' \('a' .*OneHotEncoder",
        ),
        "enumerated": (
            polars.Series(["a", "b", "a"], dtype=polars.Enum(["a", "b"])),
            "'new'.*OrdinalEncoder",
        ),
        "dates": ([day] * 3, "dates or times: 'new': use a number"),
        "times": ([datetime.datetime(2026, 1, 1)] * 3, "dates or times: 'new'"),
        "durations": ([datetime.timedelta(1)] * 3, "dates or times: 'new'"),
        "lists": ([[1], [2], [3]], "several values in an entry: 'new'"),
        "structures": ([{"a": 1}] * 3, "several values in an entry: 'new'"),
        "integers": ([1, None, 3], r"contains NaN.*'new' \(1\)"),
        "nothing": ([None, None, None], r"contains NaN.*'new' \(3\)"),
    }


@LIBRARIES
def test_columns_of_each_kind_are_refused_with_advice(library: str) -> None:
    kinds = {"pandas": pandas_columns, "polars": polars_columns}[library]()
    for kind, (column, text) in kinds.items():
        table = frame(library, {"old": [1.0, 2.0, 3.0], "new": column})
        with pytest.raises(ValueError, match=text) as error:
            small(MLPRegressor).fit(table, [1.0, 2.0, 3.0])
        assert "'old'" not in str(error.value), kind


def test_several_faults_are_said_at_once_and_many_columns_are_counted() -> None:
    pandas = pytest.importorskip("pandas")
    table = pandas.DataFrame({j: ["a", "b"] for j in range(8)} | {"x": [1.0, None]})
    with pytest.raises(ValueError, match=r"4 .* and 3 more.*contains NaN.*'x'") as error:
        refuse_unfit_columns(table)
    assert " 5 " not in str(error.value)
    with pytest.raises(ValueError, match="validation_data has columns"):
        refuse_unfit_columns(table, "validation_data")


@LIBRARIES
def test_what_scikit_learn_takes_is_taken(library: str) -> None:
    """Whole numbers, switches, float32, and text that reads as numbers."""
    module = pytest.importorskip(library)
    columns = {"whole": [1, 2, 3], "switch": [True, False, True], "text": ["1", "2.5", "-3e1"]}
    table = module.DataFrame({**columns, "single": np.ones(3, "float32")})
    model = small(MLPRegressor).fit(table, [1.0, 2.0, 3.0])
    X = np.array([[1, 1, 1, 1], [2, 0, 2.5, 1], [3, 1, -30, 1.0]])
    assert_array_equal(model.coefs_[0], small(MLPRegressor).fit(X, [1.0, 2.0, 3.0]).coefs_[0])


def test_arrays_and_lists_are_left_alone() -> None:
    for X in (np.array([[np.nan]]), [["text"]], None, "text", np.array([["text"]], dtype=object)):
        refuse_unfit_columns(X)


@LIBRARIES
def test_what_the_messages_advise_works(library: str) -> None:
    X, y = data(MLPRegressor)
    columns = {"size": list(X[:, 0]), "colour": ["red", "green", "blue"] * 50}
    columns["size"][3] = float("nan")
    steps = pipeline.make_pipeline(
        compose.make_column_transformer(
            (preprocessing.OneHotEncoder(sparse_output=False), ["colour"]),
            (impute.SimpleImputer(add_indicator=True), ["size"]),
        ),
        small(MLPRegressor),
    )
    steps.fit(frame(library, columns), y)
    assert steps[-1].coefs_[0].shape[0] == 5

"""Scaling of columns, and the split into training and test rows."""

from __future__ import annotations

import pickle
import pickletools

import numpy as np
import pytest
from chainrule.datasets import load_digits, load_three_inputs
from chainrule.preprocessing import MinMaxScaler, StandardScaler, train_test_split
from hypothesis import given
from hypothesis import strategies as st

SCALERS = [MinMaxScaler, StandardScaler]
DTYPES = [np.float32, np.float64]


def some_columns(dtype=np.float64, rows=57):
    rng = np.random.default_rng(7)
    X = rng.normal(size=(rows, 5)) * [1, 100, 1e-3, 1e6, 1] + [0, 50, 1, -1e6, 3]
    X[:, 4] = 0.1  # constant, and not exact in binary
    return X.astype(dtype)


# Scaling


def test_min_max_gives_the_numbers_of_the_tutorial():
    scaled = MinMaxScaler().fit_transform(load_three_inputs().data)
    expected = [1, 0.888889, 0.777778, 0.666667, 0.555556, 0.444444, 0.333333, 0.222222, 0.111111, 0]
    np.testing.assert_allclose(scaled[:, 0], expected, atol=5e-7)


@pytest.mark.parametrize("dtype", DTYPES)
def test_min_max_takes_the_ends_of_each_column_to_0_and_1_exactly(dtype):
    scaled = MinMaxScaler().fit_transform(some_columns(dtype)[:, :4])
    assert (scaled.min(axis=0) == 0).all()
    assert (scaled.max(axis=0) == 1).all()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("feature_range", [(0, 1), (-1, 1), (2.5, 7)])
def test_min_max_is_scikit_learns(dtype, feature_range):
    theirs = pytest.importorskip("sklearn.preprocessing").MinMaxScaler(feature_range)
    ours = MinMaxScaler(feature_range)
    X = some_columns(np.float64)
    expected = theirs.fit_transform(X)
    eps = np.finfo(dtype).eps
    # The input is rounded to dtype, which moves a value by eps/2 of its size: up to 1000 ranges here (column 2).
    np.testing.assert_allclose(ours.fit_transform(X.astype(dtype)), expected, atol=5e3 * eps)
    ours.fit(X)
    for name in ("data_min_", "data_max_", "data_range_", "scale_", "min_"):
        np.testing.assert_allclose(getattr(ours, name), getattr(theirs, name), rtol=1e-14, err_msg=name)
    assert (ours.n_features_in_, ours.n_samples_seen_) == (theirs.n_features_in_, theirs.n_samples_seen_)


@pytest.mark.parametrize("with_mean", [True, False])
@pytest.mark.parametrize("with_std", [True, False])
def test_standard_scaling_is_scikit_learns(with_mean, with_std):
    theirs = pytest.importorskip("sklearn.preprocessing").StandardScaler(
        with_mean=with_mean, with_std=with_std
    )
    ours = StandardScaler(with_mean=with_mean, with_std=with_std)
    X = some_columns()
    expected = theirs.fit_transform(X)
    np.testing.assert_allclose(ours.fit_transform(X), expected, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(ours.mean_, X.mean(axis=0), rtol=1e-14)
    np.testing.assert_allclose(ours.var_, X.var(axis=0), rtol=1e-12, atol=1e-30)
    if with_std:
        np.testing.assert_allclose(ours.scale_, theirs.scale_, rtol=1e-13)
    else:
        assert ours.scale_ is None


def test_standard_scaling_gives_mean_0_and_variance_1():
    scaled = StandardScaler().fit_transform(some_columns()[:, :4])
    np.testing.assert_allclose(scaled.mean(axis=0), 0, atol=1e-9)
    np.testing.assert_allclose(scaled.std(axis=0), 1, rtol=1e-12)


def test_a_small_variance_far_from_zero_is_kept():
    X = 1.7e9 + np.array([[0.0], [0.25], [0.5], [0.75]])
    np.testing.assert_allclose(StandardScaler().fit_transform(X).std(), 1, rtol=1e-12)


@pytest.mark.parametrize("scaler", [MinMaxScaler(), MinMaxScaler((-1, 1)), StandardScaler()], ids=str)
@pytest.mark.parametrize("dtype", DTYPES)
def test_inverse_transform_gives_the_rows_back(scaler, dtype):
    X = some_columns(dtype)
    back = scaler.inverse_transform(scaler.fit_transform(X))
    assert back.dtype == dtype
    # One rounding to dtype of the scaled value, at most 10 in size, times the spread of the column; and one of the result.
    eps = np.finfo(dtype).eps
    assert (np.abs(back - X) <= 10 * eps * (np.ptp(X, axis=0) + np.abs(X).max(axis=0))).all()


@pytest.mark.parametrize("scaler_type", SCALERS)
def test_a_constant_column_becomes_zero_and_stays_finite_for_other_values(scaler_type):
    scaler = scaler_type()
    assert (scaler.fit_transform(some_columns())[:, 4] == 0).all()
    other = some_columns()
    other[:, 4] = 5.1
    np.testing.assert_allclose(scaler.transform(other)[:, 4], 5.0)


def test_a_column_that_is_constant_up_to_rounding_is_not_blown_up():
    X = np.array([[0.3], [0.1 + 0.2], [0.3]])
    assert np.abs(StandardScaler().fit_transform(X)).max() < 1e-15


@pytest.mark.parametrize("scaler_type", SCALERS)
@pytest.mark.parametrize(
    ("given_dtype", "expected"),
    [
        ("float32", "float32"),
        ("float64", "float64"),
        (">f4", "float32"),
        ("float16", "float16"),
        ("int64", "float64"),
        ("uint8", "float64"),
        ("bool", "float64"),
        ("longdouble", "float64"),
    ],
)
def test_floats_keep_their_dtype_and_integers_become_float64(scaler_type, given_dtype, expected):
    X = np.array([[0, 1], [1, 0], [1, 1]]).astype(given_dtype)
    scaler = scaler_type().fit(X)
    assert scaler.transform(X).dtype == np.dtype(expected)
    assert scaler.inverse_transform(X).dtype == np.dtype(expected)


@pytest.mark.parametrize("scaler_type", SCALERS)
def test_the_result_does_not_depend_on_the_memory_layout_and_the_input_is_left_alone(scaler_type):
    X = some_columns()
    kept = X.copy()
    expected = scaler_type().fit_transform(X)
    wide = np.zeros((57, 10))
    wide[:, ::2] = X
    read_only = X.copy()
    read_only.flags.writeable = False
    for other in (np.asfortranarray(X), wide[:, ::2], read_only, X.tolist()):
        result = scaler_type().fit_transform(other)
        assert result.flags.c_contiguous
        np.testing.assert_array_equal(result, expected)
    np.testing.assert_array_equal(X, kept)


@pytest.mark.parametrize("scaler_type", SCALERS)
@pytest.mark.parametrize(("value", "text"), [(np.nan, "nan"), (np.inf, "inf"), (-np.inf, "-inf")])
def test_a_value_that_is_not_finite_is_refused_with_its_row_and_column(scaler_type, value, text):
    X = some_columns()
    X[3, 2] = value
    with pytest.raises(ValueError, match=rf"X must be finite, but X\[3, 2\] is {text}"):
        scaler_type().fit(X)
    with pytest.raises(ValueError, match=rf"X\[3, 2\] is {text}"):
        scaler_type().fit(some_columns()).transform(X)


@pytest.mark.parametrize("scaler_type", SCALERS)
@pytest.mark.parametrize(
    ("X", "error", "text"),
    [
        ([1.0, 2.0], ValueError, r"2 dimensions.*shape is \(2,\); use X.reshape\(-1, 1\)"),
        (np.zeros((2, 2, 2)), ValueError, "2 dimensions"),
        (np.zeros((0, 3)), ValueError, r"at least one row.*\(0, 3\)"),
        (np.zeros((3, 0)), ValueError, "one column"),
        ([["a"]], TypeError, "real numbers, but its dtype is <U1"),
        ([[1j]], TypeError, "complex128"),
        ([[None]], TypeError, "object"),
        ([[1.0], [1.0, 2.0]], ValueError, "X cannot be made an array"),
        (np.ma.masked_equal([[1.0], [2.0]], 2.0), TypeError, "masked"),
        ([[1e308], [-1e308]], ValueError, "column 0 of X spreads too wide"),
    ],
)
def test_what_cannot_be_scaled_is_refused_and_what_was_learned_stays(scaler_type, X, error, text):
    scaler = scaler_type().fit(some_columns())
    before = scaler.__getstate__()
    with pytest.raises(error, match=text):
        scaler.fit(X)
    assert scaler.__getstate__() == before


@pytest.mark.parametrize("scaler_type", SCALERS)
def test_a_scaler_says_when_it_is_not_fitted_and_when_the_columns_differ(scaler_type):
    name = scaler_type.__name__
    with pytest.raises(ValueError, match=f"this {name} is not fitted; call fit first"):
        scaler_type().transform([[1.0]])
    with pytest.raises(ValueError, match=f"X has 1 feature, but this {name} expects 5"):
        scaler_type().fit(some_columns()).transform([[1.0]])


@pytest.mark.parametrize("scaler_type", SCALERS)
def test_zero_rows_are_transformed_to_zero_rows(scaler_type):
    assert scaler_type().fit(some_columns()).transform(np.zeros((0, 5))).shape == (0, 5)


def test_predictions_that_are_nan_pass_through_inverse_transform():
    back = MinMaxScaler().fit([[0.0], [2.0]]).inverse_transform([[np.nan], [0.5], [np.inf]])
    np.testing.assert_array_equal(back, [[np.nan], [1.0], [np.inf]])


@pytest.mark.parametrize("feature_range", [(1, 0), (0, 0), (0,), (0, 1, 2), (0, np.nan), "01", (0, "1"), 1])
def test_a_feature_range_that_is_none_is_refused(feature_range):
    with pytest.raises((ValueError, TypeError), match="feature_range"):
        MinMaxScaler(feature_range)


@pytest.mark.parametrize(
    "scaler", [MinMaxScaler((-1, 1)), StandardScaler(with_mean=False), MinMaxScaler().fit([[1.0]])], ids=str
)
def test_pickles_hold_the_class_and_plain_values_only(scaler):
    data = pickle.dumps(scaler)
    names = [argument for opcode, argument, _ in pickletools.genops(data) if opcode.name == "GLOBAL"]
    strings = [argument for _, argument, _ in pickletools.genops(data) if isinstance(argument, str)]
    assert not names
    assert not [text for text in strings if "numpy" in text or "_scaler" in text]
    assert pickle.loads(data).__getstate__() == scaler.__getstate__()


@pytest.mark.parametrize("scaler_type", SCALERS)
def test_a_pickled_scaler_scales_bit_for_bit_as_before(scaler_type):
    X = some_columns(np.float32)
    scaler = scaler_type().fit(X)
    again = pickle.loads(pickle.dumps(scaler))
    np.testing.assert_array_equal(again.transform(X), scaler.transform(X))


@pytest.mark.parametrize(
    "change",
    [
        {"version": 2},
        {"extra": 1},
        {"feature_range": (1.0, 0.0)},
        {"n_samples_seen_": 0},
        {"n_samples_seen_": True},
        {"data_min_": [0.0]},
        {"data_min_": [0.0, float("nan")]},
        {"data_min_": [0.0, "1"]},
        {"data_min_": "00"},
        {"data_min_": [3.0, 3.0]},
        {"data_max_": []},
    ],
    ids=str,
)
def test_a_state_that_is_malformed_is_refused(change):
    good = MinMaxScaler().fit([[0.0, 1.0], [1.0, 2.0]]).__getstate__()
    MinMaxScaler.__new__(MinMaxScaler).__setstate__(good)
    with pytest.raises(ValueError, match=r"MinMaxScaler|feature_range"):
        MinMaxScaler.__new__(MinMaxScaler).__setstate__({**good, **change})


def test_a_state_that_lacks_a_field_or_is_no_dict_is_refused():
    good = StandardScaler().fit([[0.0, 1.0], [1.0, 2.0]]).__getstate__()
    for bad in (
        None,
        [],
        {name: good[name] for name in good if name != "var_"},
        {**good, "var_": [-1.0, 1.0]},
    ):
        with pytest.raises(ValueError, match="StandardScaler"):
            StandardScaler.__new__(StandardScaler).__setstate__(bad)


# Training and test rows


@given(rows=st.integers(2, 300), test_size=st.floats(0.001, 0.999), seed=st.integers(0, 2**64 - 1))
def test_each_row_is_in_exactly_one_part(rows, test_size, seed):
    rows += int(np.ceil(1 / (1 - test_size)))  # so that a training row is left
    X = np.arange(2 * rows).reshape(rows, 2)
    y = np.arange(rows)
    X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=test_size, seed=seed)
    assert sorted([*y_train, *y_test]) == list(range(rows))
    np.testing.assert_array_equal(X_train, X[y_train])
    np.testing.assert_array_equal(X_test, X[y_test])


@pytest.mark.parametrize("test_size", [0.2, 0.25, 0.5, 0.07, 1 / 3, 0.999, 1, 17])
@pytest.mark.parametrize("rows", [18, 100, 1797])
def test_the_sizes_of_the_parts_are_scikit_learns(test_size, rows):
    theirs = pytest.importorskip("sklearn.model_selection").train_test_split
    y = np.arange(rows)
    if np.ceil(test_size * rows) == rows and test_size < 1:
        with pytest.raises(ValueError, match="leaves 0 rows to train on"):
            train_test_split(y, test_size=test_size)
        return
    expected = [len(part) for part in theirs(y, test_size=test_size, random_state=0)]
    assert [len(part) for part in train_test_split(y, test_size=test_size)] == expected


def test_a_numpy_number_is_a_test_size_too():
    assert len(train_test_split(np.arange(100), test_size=np.int64(3))[1]) == 3
    assert len(train_test_split(np.arange(100), test_size=np.float64(0.25))[1]) == 25


def test_eighty_to_twenty_is_the_default():
    train, test = train_test_split(load_three_inputs().data)
    assert (len(train), len(test)) == (8, 2)


def test_the_split_is_the_same_on_every_machine_and_another_with_another_seed():
    _, test = train_test_split(np.arange(20), seed=0)
    assert test.tolist() == [2, 12, 14, 3]
    _, other = train_test_split(np.arange(20), seed=1)
    assert other.tolist() != test.tolist()


def test_without_shuffling_the_last_rows_are_the_test_rows():
    train, test = train_test_split(np.arange(10), test_size=0.3, shuffle=False)
    assert (train.tolist(), test.tolist()) == (list(range(7)), [7, 8, 9])


def test_a_stratified_split_gives_each_class_its_share():
    X, y = load_digits(return_X_y=True)
    X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.2, seed=3, stratify=y)
    assert (len(y_train), len(y_test)) == (1437, 360)
    share = np.bincount(y_test) / np.bincount(y)
    # Each class is off by less than one row of the 174 or more that it has.
    assert np.abs(share - 360 / 1797).max() < 1 / 174
    assert len(X_train) == len(y_train)
    assert len(X_test) == len(y_test)


@given(
    counts=st.lists(st.integers(2, 40), min_size=1, max_size=6),
    test_size=st.floats(0.1, 0.9),
    seed=st.integers(0, 100),
)
def test_a_stratified_share_is_off_by_less_than_a_row(counts, test_size, seed):
    y = np.repeat([f"class {i}" for i in range(len(counts))], counts)
    n_test = int(np.ceil(test_size * len(y)))
    if n_test < len(counts) or len(y) - n_test < len(counts):
        with pytest.raises(ValueError, match=rf"{len(counts)} classes, but there are only|leaves 0 rows"):
            train_test_split(y, test_size=test_size, stratify=y)
        return
    train, test = train_test_split(y, test_size=test_size, seed=seed, stratify=y)
    assert (len(train), len(test)) == (len(y) - n_test, n_test)
    for name, count in zip(*np.unique(y, return_counts=True), strict=True):
        assert abs((test == name).sum() - count * n_test / len(y)) < 1


def test_a_stratified_order_is_random_too():
    y = np.repeat([0, 1], 50)
    train, _ = train_test_split(y, stratify=y)
    assert 10 < (train[:-1] != train[1:]).sum() < 70


def test_the_parts_keep_their_dtypes_and_are_copies():
    X, y = np.zeros((10, 2), np.float32), np.array(list("aabbaabbab"))
    X_train, _, y_train, _ = train_test_split(X, y)
    assert (X_train.dtype, y_train.dtype) == (X.dtype, y.dtype)
    X_train[:] = 1
    assert not X.any()


@pytest.mark.parametrize(
    ("arrays", "options", "error", "text"),
    [
        ([], {}, ValueError, "at least one array"),
        ([[1, 2, 3], [1, 2]], {}, ValueError, "array 2 has 2 rows, but array 1 has 3"),
        ([3], {}, TypeError, "array 1 must be an array with rows"),
        ([[1]], {}, ValueError, "leaves 0 rows to train on and 1 to test on"),
        ([[1, 2]], {"test_size": 0.0}, ValueError, "test_size must be between 0 and 1"),
        ([[1, 2]], {"test_size": 1.0}, ValueError, "test_size must be between 0 and 1"),
        ([[1, 2]], {"test_size": float("nan")}, ValueError, "test_size"),
        ([[1, 2]], {"test_size": 2}, ValueError, "leaves 0 rows to train on"),
        ([[1, 2]], {"test_size": 0}, ValueError, "0 to test on"),
        ([[1, 2]], {"test_size": -1}, ValueError, "test_size=-1"),
        ([[1, 2]], {"test_size": True}, TypeError, "test_size"),
        ([[1, 2]], {"test_size": "0.2"}, TypeError, "test_size"),
        ([[1, 2]], {"seed": -1}, ValueError, "seed"),
        ([[1, 2]], {"seed": 0.5}, TypeError, "seed"),
        ([[1, 2]], {"shuffle": 1}, TypeError, "shuffle"),
        ([[1, 2]], {"shuffle": False, "stratify": [1, 1]}, ValueError, "stratify needs shuffle=True"),
        ([[1, 2], [[1], [1, 2]]], {}, ValueError, "array 2 cannot be made an array"),
        ([[1, 2]], {"stratify": [[1], [1, 2]]}, ValueError, "stratify cannot be made an array"),
        ([[1, 2, 3, 4]], {"stratify": [0, 0, 1]}, ValueError, r"stratify must have shape \(4,\).*\(3,\)"),
        ([[1, 2, 3, 4]], {"stratify": list("aaab")}, ValueError, "class b in one row only"),
        ([[1, 2, 3, 4]], {"stratify": list("aabb")}, ValueError, "2 classes, but there are only 1 test rows"),
    ],
    ids=str,
)
def test_a_split_that_cannot_be_made_is_refused(arrays, options, error, text):
    with pytest.raises(error, match=text):
        train_test_split(*arrays, **options)

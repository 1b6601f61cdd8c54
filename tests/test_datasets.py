"""The data sets that come with the package."""

from __future__ import annotations

import numpy as np
import pytest
from chainrule.datasets import Dataset, load_digits, load_three_inputs


def test_digits_are_1797_images_of_64_pixels_from_0_to_16():
    digits = load_digits()
    assert isinstance(digits, Dataset)
    assert digits.data.shape == (1797, 64)
    assert digits.data.dtype == np.float32
    assert (digits.data.min(), digits.data.max()) == (0, 16)
    assert digits.target.shape == (1797,)
    assert digits.target.dtype == np.int64
    assert np.bincount(digits.target).tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]


def test_digits_name_their_pixels_and_classes_and_their_licence():
    digits = load_digits()
    assert len(digits.feature_names) == len(set(digits.feature_names)) == 64
    assert digits.feature_names[9] == "pixel_1_1"
    assert digits.target_names == tuple("0123456789")
    assert "CC BY 4.0" in digits.description
    assert "10.24432/C50P49" in digits.description


def test_digits_are_those_of_scikit_learn_in_the_same_order():
    sklearn_datasets = pytest.importorskip("sklearn.datasets")
    theirs = sklearn_datasets.load_digits()
    ours = load_digits()
    np.testing.assert_array_equal(ours.data, theirs.data)
    np.testing.assert_array_equal(ours.target, theirs.target)
    assert list(ours.feature_names) == theirs.feature_names


def test_the_first_digit_is_a_zero_with_the_published_pixels():
    data, target = load_digits(return_X_y=True)
    assert target[0] == 0
    assert data[0, :16].tolist() == [0, 0, 5, 13, 9, 1, 0, 0, 0, 0, 13, 15, 10, 15, 5, 0]


def test_three_inputs_are_the_ten_rows_of_the_tutorial():
    rows = load_three_inputs()
    expected = [100, 90, 80, 70, 60, 50, 40, 30, 20, 10]
    assert rows.target.tolist() == expected
    assert rows.data.shape == (10, 3)
    for column in rows.data.T:
        assert column.tolist() == expected
    assert rows.feature_names == ("A", "B", "C")
    assert rows.target_names == ("target",)
    assert rows.data.dtype == rows.target.dtype == np.float32


@pytest.mark.parametrize("load", [load_digits, load_three_inputs])
def test_return_X_y_gives_the_same_arrays_as_a_pair(load):  # noqa: N802
    X, y = load(return_X_y=True)
    whole = load()
    np.testing.assert_array_equal(X, whole.data)
    np.testing.assert_array_equal(y, whole.target)
    with pytest.raises(TypeError, match="return_X_y must be True or False"):
        load(return_X_y="no")


@pytest.mark.parametrize("load", [load_digits, load_three_inputs])
def test_a_caller_may_write_into_what_it_got_without_changing_the_next_load(load):
    first = load()
    first.data[:] = -1
    first.target[:] = -1
    second = load()
    assert (second.data >= 0).all()
    assert (second.target >= 0).all()

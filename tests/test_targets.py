"""What may be given as targets, and what becomes of it."""

from __future__ import annotations

from typing import Any

import chainrule as cr
import numpy as np
import pytest
from chainrule.targets import as_target, one_hot

LABEL_KINDS = ["bool", "int8", "uint8", ">i2", "int32", "uint32", "int64", "uint64", ">u8"]


@pytest.mark.parametrize("kind", LABEL_KINDS)
def test_class_labels_of_any_integer_type_become_int64(kind: str) -> None:
    labels = np.array([0, 1, 1, 0]).astype(kind)
    target = as_target(labels, 3, "float32")
    assert target.dtype == np.int64
    assert target.tolist() == [0, 1, 1, 0]


@pytest.mark.parametrize("y", [[0, 2, 1], (0, 2, 1), np.array([0, 9, 2, 9, 1])[::2], range(3)])
def test_class_labels_may_be_any_sequence(y: Any) -> None:
    target = as_target(y, 3, "float32")
    assert target.dtype == np.int64
    assert target.flags.c_contiguous
    assert target.tolist() == list(y)


def test_int64_labels_and_numbers_of_the_models_dtype_are_not_copied(dtype: str) -> None:
    labels, numbers = np.array([0, 1, 2]), np.ones((4, 3), dtype)
    assert np.shares_memory(as_target(labels, 3, dtype), labels)
    assert np.shares_memory(as_target(numbers, 3, dtype), numbers)
    column = np.ones(4, dtype)
    assert np.shares_memory(as_target(column, 1, dtype), column)


@pytest.mark.parametrize(
    "y", [[1, 2, 3], [[1], [2], [3]], np.array([1.0, 2.0, 3.0], ">f4"), [True, False, True]]
)
def test_the_numbers_of_one_output_become_a_column(dtype: str, y: Any) -> None:
    target = as_target(y, 1, dtype)
    assert target.shape == (3, 1)
    assert target.dtype == dtype
    assert target[:, 0].tolist() == np.asarray(y, float).ravel().tolist()


@pytest.mark.parametrize(
    "y", [[[1, 2], [3, 4]], np.array([[1, 2], [3, 4]], "uint8"), np.asfortranarray([[1, 2], [3, 4.0]])]
)
def test_the_numbers_of_several_outputs_are_converted(y: Any) -> None:
    target = as_target(y, 2, "float64")
    assert target.flags.c_contiguous
    assert target.tolist() == [[1, 2], [3, 4]]


def test_float64_targets_of_a_float32_model_are_rounded_with_a_warning() -> None:
    with pytest.warns(cr.DtypeConversionWarning, match=r"^y is float64"):
        as_target(np.array([0.1, 0.2]), 1, "float32")
    as_target([0.1, 0.2], 1, "float32")


WRONG = [
    # y, outputs, loss, the error, what it says
    ([0.0, 1.0], 3, "", TypeError, r"^y must hold class labels as integers.*float64.*y\.astype\(int\)"),
    (["a", "b"], 3, "", TypeError, r"<U1; for class labels use np\.unique\(y, return_inverse=True\)\[1\]$"),
    (
        np.array(["a", "b"], object),
        3,
        "",
        TypeError,
        r"^y must hold real numbers.* object; for class labels use",
    ),
    ([1j, 2j], 1, "", TypeError, r"^y must hold real numbers, but its dtype is complex"),
    (None, 1, "", TypeError, r"^y must be an array of numbers, but it is None"),
    ("ab", 1, "", TypeError, r"^y must be an array of numbers, but it is 'ab'"),
    ([2**70, 1], 3, "", TypeError, r"^y must hold real numbers, but its dtype is object$"),
    ([[1], [1, 2]], 2, "", ValueError, r"^y cannot be made an array"),
    ([0, 3], 3, "", ValueError, r"^y must hold labels from 0 to 2, but y\[1\] is 3"),
    ([0, -1], 3, "", ValueError, r"^y must hold labels from 0 to 2, but y\[1\] is -1"),
    (
        np.array([0, 2**64 - 1], "uint64"),
        3,
        "",
        ValueError,
        r"^y must hold labels from 0 to 2, but y\[1\] is 9223",
    ),
    ([0, 1, 2], 3, "", ValueError, r"^y has 3 rows, but the inputs have 2"),
    (1, 3, "", ValueError, r"^y must have shape \(rows,\) or \(rows, 3\), but its shape is \(\)"),
    (1.0, 1, "", ValueError, r"^y must have shape \(rows,\) or \(rows, 1\), but its shape is \(\)"),
    (np.zeros((2, 3, 1)), 3, "", ValueError, r"^y must have shape .* but its shape is \(2, 3, 1\)"),
    (
        [[0], [1]],
        3,
        "",
        ValueError,
        r"^y has 1 column, but this MLP has 3 outputs; for class labels use y\.ravel\(\)",
    ),
    ([[0, 1], [1, 0]], 3, "", ValueError, r"^y has 2 columns, but this MLP has 3 outputs$"),
    ([[0, 1], [1, 0]], 1, "", ValueError, r"^y has 2 columns, but this MLP has 1 output$"),
    ([np.nan, 1], 1, "", ValueError, r"^y\[0, 0\] is nan|^y\[0\] is nan"),
    ([[0, 1], [np.inf, 0]], 2, "", ValueError, r"^y\[1, 0\] is inf"),
    (
        [[0.5, 0.5], [1.5, -0.5]],
        2,
        "cross_entropy",
        ValueError,
        r"^y\[1, 1\] is -0\.5, but cross_entropy needs",
    ),
    (
        [[0.5, 0.5], [0.5, 0.4]],
        2,
        "cross_entropy",
        ValueError,
        r"^y\[1\] sums to 0\.9, but cross_entropy needs",
    ),
    (
        [[0.5, 0.5], [1.5, 0]],
        2,
        "binary_cross_entropy",
        ValueError,
        r"^y\[1, 0\] is 1\.5, but binary_cross_entropy",
    ),
    ([0, -1], 1, "binary_cross_entropy", ValueError, r"^y\[1, 0\] is -1\.0, but binary_cross_entropy needs"),
    (np.ma.array([1.0, 2.0], mask=[0, 1]), 1, "", TypeError, r"^y is a masked array with masked entries"),
]


@pytest.mark.parametrize(("y", "n_out", "loss", "error", "text"), WRONG)
def test_other_targets_are_refused_by_name(
    y: Any, n_out: int, loss: str, error: type[Exception], text: str
) -> None:
    with pytest.raises(error, match=text):
        as_target(y, n_out, "float64", loss, "y", 2)


@pytest.mark.parametrize(("y", "n_out", "loss", "error", "_"), WRONG)
def test_every_error_calls_the_target_what_its_user_does(
    y: Any, n_out: int, loss: str, error: type[Exception], _: str
) -> None:
    with pytest.raises(error) as caught:
        as_target(y, n_out, "float64", loss, "validation_data[1]", 2)
    assert str(caught.value).startswith("validation_data[1]")


def test_targets_may_miss_the_sum_of_one_by_rounding() -> None:
    thirds = np.full((2, 3), 1 / 3, "float32")
    as_target(thirds, 3, "float32", "cross_entropy")
    with pytest.raises(ValueError, match="sums to"):
        as_target(thirds * np.float32(1.0001), 3, "float32", "cross_entropy")


def test_other_losses_take_any_finite_target() -> None:
    for loss in ("half_squared_error", "mean_squared_error"):
        as_target([[-5.0, 7.0]], 2, "float64", loss)


def test_labels_stand_for_columns_of_zeros_and_ones(backend: str, dtype: str) -> None:
    labels = np.array([2, 0, 1, 1])
    assert one_hot(labels, 3, dtype).tolist() == [[0, 0, 1], [1, 0, 0], [0, 1, 0], [0, 1, 0]]
    X = np.random.default_rng(0).standard_normal((4, 2)).astype(dtype)
    for output, loss in [
        ("softmax", "cross_entropy"),
        ("sigmoid", "binary_cross_entropy"),
        ("tanh", "half_squared_error"),
    ]:
        trainer = cr.Trainer(cr.MLP([2, 3], output_activation=output, dtype=dtype, seed=0), loss=loss)
        from_labels, from_columns = (
            trainer.gradients(X, labels),
            trainer.gradients(X, one_hot(labels, 3, dtype)),
        )
        assert from_labels.loss == pytest.approx(from_columns.loss, rel=1e-6)
        np.testing.assert_allclose(from_labels.weights[0], from_columns.weights[0], rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("row", [0, 6, 7, 19])
@pytest.mark.parametrize("loss", ["cross_entropy", "binary_cross_entropy"])
def test_a_wrong_target_is_named_by_its_row_in_whatever_block_of_rows_it_is(monkeypatch, row, loss):
    monkeypatch.setattr("chainrule.targets.BLOCK", 14)  # 7 rows of 2
    wrong = np.tile([0.25, 0.75], (20, 1))
    as_target(wrong, 2, "float64", loss)
    wrong[row] = [-0.5, 1.5]
    with pytest.raises(ValueError, match=rf"y\[{row}, 0\] is -0.5"):
        as_target(wrong, 2, "float64", loss)
    if loss == "cross_entropy":
        wrong[row] = [0.5, 0.75]
        with pytest.raises(ValueError, match=rf"y\[{row}\] sums to 1.25"):
            as_target(wrong, 2, "float64", loss)
        wrong[row] = [0.5, np.nan]
        with pytest.raises(ValueError, match=rf"y\[{row}\] is partly NaN"):
            as_target(wrong, 2, "float64", loss, missing=True)

"""What is saved beside a network so that prediction prepares a table as training did."""

from __future__ import annotations

import re

import chainrule as cr
import numpy as np
import pytest
from chainrule.persistence import load_with_preprocessing, save
from chainrule.preprocessing import MinMaxScaler, StandardScaler
from chainrule.tabular import TablePreprocessing

X = np.array([[1.0, 200.0], [3.0, 100.0], [2.0, 500.0]])
PRICE = np.array([10.0, 30.0, 20.0])


def classifier(names=("a", "b", "c")):
    return TablePreprocessing(("x", "y"), StandardScaler().fit(X), "kind", names)


def regressor():
    return TablePreprocessing(
        ("x", "y"), MinMaxScaler().fit(X), "price", None, MinMaxScaler().fit(PRICE[:, None])
    )


@pytest.mark.parametrize(
    ("preprocessing", "n_out"),
    [
        (classifier(), 3),
        (regressor(), 1),
        (TablePreprocessing(("x", "y"), None, "price", None), 1),
    ],
)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_file_gives_it_back_and_it_prepares_bit_for_bit_as_before(preprocessing, n_out, dtype, tmp_path):
    model = cr.MLP([2, n_out], seed=0, dtype=dtype)
    save(model, tmp_path / "m.pkl", preprocessing=preprocessing.to_record())
    again = TablePreprocessing.from_record(load_with_preprocessing(tmp_path / "m.pkl")[1], model.network)
    assert again.to_record() == preprocessing.to_record()
    inputs = again.inputs(X, dtype)
    assert inputs.dtype == dtype
    np.testing.assert_array_equal(inputs, preprocessing.inputs(X, dtype))


def test_labels_go_to_one_output_each_and_come_back_from_the_largest():
    labels = np.array([2, 0, 1])
    network = cr.MLP([2, 3], output_activation="softmax").network
    assert classifier().targets(labels, network) is labels
    assert classifier().labels(np.eye(3, dtype=np.float32)[labels]).tolist() == [2, 0, 1]


def test_two_classes_may_share_one_sigmoid_output():
    network = cr.MLP([2, 1], output_activation="sigmoid").network
    two = classifier(("no", "yes"))
    target = two.targets(np.array([1, 0]), network)
    assert target.dtype == np.float32
    assert target.tolist() == [[1], [0]]
    assert two.labels(np.array([[0.7], [0.5], [0.49]])).tolist() == [1, 1, 0]
    TablePreprocessing.from_record(two.to_record(), network)
    for names, output in ((("a", "b", "c"), "sigmoid"), (("a", "b"), "tanh")):
        with pytest.raises(ValueError, match=f"{len(names)} class_names do not fit one {output} output"):
            TablePreprocessing.from_record(
                classifier(names).to_record(), cr.MLP([2, 1], output_activation=output).network
            )


def test_a_quantity_is_scaled_for_the_network_and_back_in_float64():
    network = cr.MLP([2, 1]).network
    target = regressor().targets(PRICE, network)
    assert target.dtype == np.float32
    assert target.tolist() == [[0], [1], [0.5]]
    back = regressor().quantities(target)
    assert back.dtype == np.float64
    assert back.tolist() == PRICE.tolist()


def test_a_value_far_beyond_what_was_learned_is_named_instead_of_becoming_infinite():
    tiny = TablePreprocessing(("x",), MinMaxScaler().fit([[0.0], [1e-30]]), "price", None)
    with pytest.raises(
        ValueError, match=re.escape("x of row 1 is 1e+20, too far from the rows that were learned")
    ):
        tiny.inputs(np.array([[0.0], [1e20]]), "float32")


def test_scalers_that_are_not_fitted_or_of_other_columns_are_refused():
    network = cr.MLP([2, 3]).network
    record = classifier().to_record()
    for scaler, text in (
        ({"kind": "minmax", **MinMaxScaler().__getstate__()}, "scaler must be fitted to 2 columns"),
        (
            {"kind": "minmax", **MinMaxScaler().fit([[1.0]]).__getstate__()},
            "scaler must be fitted to 2 columns",
        ),
        ({"kind": []}, "scaler must be None or a dict whose kind"),
        ([], "scaler must be None or a dict whose kind"),
    ):
        with pytest.raises(ValueError, match=text):
            TablePreprocessing.from_record({**record, "scaler": scaler}, network)
    fitted = {"kind": "minmax", **MinMaxScaler().fit([[1.0]]).__getstate__()}
    with pytest.raises(ValueError, match="target_scaler must be None where there are class_names"):
        TablePreprocessing.from_record({**record, "target_scaler": fitted}, network)

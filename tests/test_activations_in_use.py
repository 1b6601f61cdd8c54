"""Whole models with every activation: they learn, are saved and loaded; and several labels at a time with sigmoid outputs."""

from __future__ import annotations

import chainrule as cr
import numpy as np
import pytest
from chainrule._network import ACTIVATIONS, HIDDEN_ACTIVATIONS
from chainrule.preprocessing import MinMaxScaler, train_test_split

LEARNING = [name for name in HIDDEN_ACTIVATIONS if name != "step"]


@pytest.fixture(scope="module")
def digits():
    data = cr.datasets.load_digits()
    X, X_test, y, y_test = train_test_split(data.data, data.target, test_size=0.2, seed=0)
    scaler = MinMaxScaler().fit(X)
    return scaler.transform(X).astype("float32"), scaler.transform(X_test).astype("float32"), y, y_test


@pytest.mark.parametrize("name", LEARNING)
def test_every_hidden_activation_learns_the_digits(backend, digits, name):
    X, X_test, y, y_test = digits
    model = cr.MLP([64, 32, 10], activation=name, output_activation="softmax", seed=0)
    trainer = cr.Trainer(model, loss="cross_entropy", optimizer=cr.Adam(0.01))
    trainer.fit(X, y, epochs=5)
    assert trainer.evaluate(X_test, y_test, metrics=["accuracy"])["accuracy"] > 0.9


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_every_activation_is_saved_and_loaded(backend, dtype, tmp_path, name):
    hidden = name if name in HIDDEN_ACTIVATIONS else "relu"
    model = cr.MLP([3, 7, 4], activation=hidden, output_activation=name, dtype=dtype, seed=0)
    X = np.random.default_rng(0).normal(size=(5, 3)).astype(dtype)
    model.save(tmp_path / "model.pkl")
    loaded = cr.load(tmp_path / "model.pkl")
    assert loaded.network.activations == (hidden, name)
    expected = model.predict(X)
    np.testing.assert_array_equal(loaded.predict(X), expected)
    np.testing.assert_array_equal(loaded.predictor()(X), expected)


def test_a_wrong_name_is_answered_with_all_that_are_right():
    with pytest.raises(ValueError, match="swish") as refused:
        cr.MLP([3, 4, 1], activation="swish")
    assert all(name in str(refused.value) for name in HIDDEN_ACTIVATIONS)


def test_an_exponential_that_overflows_stops_training_with_finite_parameters(backend):
    X = np.linspace(-1, 1, 40, dtype="float32")[:, None]
    model = cr.MLP([1, 1], output_activation="exponential", initializer=cr.initializers.constant(0.5))
    trainer = cr.Trainer(model, loss="mean_squared_error", optimizer=cr.SGD(1000.0), batch_size=40)
    with pytest.raises(FloatingPointError, match="epoch 1, step 0: the loss is not finite"):
        trainer.fit(X, 1 + X, epochs=5)
    assert np.isfinite(model.weights[0]).all()
    assert np.isinf(model.predict(np.sign(model.weights[0]) * 1e3)).all()


def labelled(rows, seed):
    """Rows of six numbers, and four questions to each, of which none or all may be true."""
    X = np.random.default_rng(seed).normal(size=(rows, 6))
    scores = X[:, 0] + X[:, 1], 2 * X[:, 2] - X[:, 3], X[:, 4] * X[:, 5], 0.5 - X[:, 0]
    return X, (np.stack(scores, axis=1) > 0).astype(int)


def test_several_labels_a_row_are_learned_with_sigmoid_outputs(backend, tmp_path):
    (X, Y), (X_test, Y_test) = labelled(2000, 0), labelled(500, 1)
    assert set(Y.sum(axis=1)) == {0, 1, 2, 3, 4}
    model = cr.MLP([6, 32, 4], activation="silu", output_activation="sigmoid", dtype="float64", seed=0)
    trainer = cr.Trainer(model, loss="binary_cross_entropy", optimizer=cr.Adam(0.01))

    def share_right(y_true, prediction):
        return float(((prediction >= 0.5) == y_true).mean())

    trainer.fit(X, Y, epochs=20, validation_data=(X_test, Y_test), metrics=[share_right])
    prediction = model.predict(X_test)
    right = (prediction >= 0.5) == Y_test
    assert (right.mean(axis=0) > 0.95).all()  # each question, the product of two inputs among them
    assert right.all(axis=1).mean() > 0.85  # all four of a row
    assert set((prediction >= 0.5).sum(axis=1)) == {0, 1, 2, 3, 4}  # no softmax: they do not share one
    assert trainer.history.validation_metrics["share_right"][-1] == pytest.approx(right.mean())
    loss = -np.log(np.where(Y_test == 1, prediction, 1 - prediction)).sum(axis=1).mean()
    assert trainer.evaluate(X_test, Y_test)["loss"] == pytest.approx(loss, rel=1e-9)
    model.save(tmp_path / "labels.pkl")
    np.testing.assert_array_equal(cr.load(tmp_path / "labels.pkl").predict(X_test), prediction)


def test_labels_of_a_row_are_independent_of_each_other(backend):
    """The gradient of an output is its error alone: that of a target of many ones is the sum of those of one at a time."""
    X, Y = labelled(8, 2)
    model = cr.MLP([6, 4], output_activation="sigmoid", dtype="float64", seed=0)
    trainer = cr.Trainer(model, loss="binary_cross_entropy", optimizer=cr.SGD())
    whole = trainer.gradients(X, Y)
    expected = X.T @ (model.predict(X) - Y) / len(X)
    np.testing.assert_allclose(whole.weights[0], expected, rtol=1e-12, atol=1e-14)

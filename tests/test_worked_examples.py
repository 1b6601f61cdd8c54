"""Four published tutorials come out number by number, on both cores.

The figures of the tutorials were rounded along the way: each quantity is compared with its exact value, and
the printed figure must lie within 2 percent of it.
"""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from chainrule._network import Network, TrainingState

EXACT = {"float32": 3e-7, "float64": 6e-10}
"""Absolute errors for values below 3: half a unit of the ninth decimal, or three roundings in float32."""


def sgd(learning_rate, momentum=0.0):
    return SimpleNamespace(learning_rate=learning_rate, momentum=momentum, nesterov=False, weight_decay=0.0)


def assert_value(actual, exact, dtype, printed=None):
    assert float(np.squeeze(actual)) == pytest.approx(exact, rel=0, abs=EXACT[dtype])
    if printed is not None:
        assert printed == pytest.approx(exact, rel=0.02)


def min_max(values):
    return (values - values.min(axis=0)) / (values.max(axis=0) - values.min(axis=0))


# 1. three-inputs: 3-4-1, all sigmoid, no bias


def three_inputs(dtype):
    network = Network((3, 4, 1), ("sigmoid", "sigmoid"), None, (0.0,), dtype)
    return network, [np.full(shape, 0.1, dtype) for shape in network.weight_shapes]


def test_three_inputs_gives_every_quantity_of_the_forward_pass(core, dtype):
    network, (W1, W2) = three_inputs(dtype)
    X, target = np.ones((1, 3), dtype), np.ones((1, 1), dtype)
    Z1 = core.matmul_bias(X, W1)
    A1 = core.activation("sigmoid", Z1)
    Z2 = core.matmul_bias(A1, W2)
    A2 = core.activation("sigmoid", Z2)
    assert_value(Z1[0, 0], 0.3, dtype)
    assert_value(A1[0, 0], 0.574442517, dtype, printed=0.57)
    assert_value(Z2, 0.229777007, dtype, printed=0.228)
    assert_value(A2, 0.557192836, dtype, printed=0.56)
    assert_value(core.forward(network, [W1, W2], [], X), 0.557192836, dtype)
    loss, _ = core.loss_and_gradient("half_squared_error", Z2, target, output_activation="sigmoid")
    assert_value(loss, 0.098039092, dtype, printed=0.0968)


def test_three_inputs_gives_every_derivative(core, dtype):
    network, weights = three_inputs(dtype)
    X, target = np.ones((1, 3), dtype), np.ones((1, 1), dtype)
    A2 = core.forward(network, weights, [], X)
    slope = core.activation_gradient("sigmoid", A2, np.ones_like(A2))
    loss, (dW1, dW2), dbs = core.gradients(network, weights, [], X, target, loss="half_squared_error")
    assert_value(loss, 0.098039092, dtype)
    assert_value(slope, 0.246728979, dtype)
    assert dbs == []
    assert dW2.shape == (4, 1)
    assert dW1.shape == (3, 4)
    for derivative in dW2.ravel():
        assert_value(derivative, -0.062759775, dtype)
    for derivative in dW1.ravel():
        assert_value(derivative, -0.002670789, dtype, printed=-0.00265)


def test_three_inputs_learns_its_normalised_data_row_by_row(core, dtype):
    raw = np.arange(100.0, 0.0, -10.0)
    values = min_max(raw)
    np.testing.assert_allclose(values[:3], [1, 0.888889, 0.777778], atol=5e-7)
    assert values[-1] == 0
    data = np.repeat(values[:, None], 3, axis=1).astype(dtype)
    target = values[:, None].astype(dtype)
    unseen = np.array([2, 6])  # an 80:20 split
    seen = np.setdiff1d(np.arange(10), unseen)
    network, _ = three_inputs(dtype)
    rng = np.random.default_rng(0)  # equal weights would stay equal, and such a network never exceeds 0.5
    state = TrainingState.start([rng.normal(size=shape).astype(dtype) for shape in network.weight_shapes], [])
    while len(state.losses) < 2 or abs(state.losses[-1] - state.losses[-2]) > 1e-7:
        core.train_epochs(
            network, state, data[seen], target[seen], loss="half_squared_error", optimizer=sgd(0.5, 0.9),
            batch_size=1, shuffle=False, seed=0, epochs=10,
        )  # fmt: skip
        assert state.epoch < 5000, "the weights did not settle"
    prediction = core.forward(network, state.weights, [], data[unseen])
    np.testing.assert_allclose(prediction, target[unseen], atol=0.05)


# 2. two-inputs: 2-3-1, sigmoid hidden layer, linear output, a bias per neuron


def two_inputs(dtype):
    """The known numbers, and free weights such that o11 = 0.89 and the output is 1.106."""
    network = Network((2, 3, 1), ("sigmoid", "identity"), "unit", (0.0,), dtype)
    h11 = np.log(0.89 / 0.11)
    W1 = np.array([[0.5, 0.1, -0.3], [(h11 - 1 - 0.5) / 2, -0.2, 0.4]])
    b1 = np.ones(3)
    hidden = 1 / (1 + np.exp(-(np.array([1.0, 2.0]) @ W1 + b1)))
    W2, b2 = np.array([[-0.23], [0.6], [0.7]]), np.zeros(1)
    b2[0] = 1.106 - hidden @ W2[:, 0]
    return network, [W1.astype(dtype), W2.astype(dtype)], [b1.astype(dtype), b2.astype(dtype)]


def test_two_inputs_gives_the_factors_of_the_chain_rule_one_by_one(core, dtype):
    network, (W1, W2), (b1, b2) = two_inputs(dtype)
    X, y = np.array([[1, 2]], dtype), np.array([[3]], dtype)
    O1 = core.matmul_bias(X, W1, b1, activation="sigmoid")
    output = core.matmul_bias(O1, W2, b2)
    loss, dO = core.loss_and_gradient("half_squared_error", output, y)
    dO1, dW2, _ = core.matmul_gradients(O1, W2, dO)
    slopes = core.activation_gradient("sigmoid", O1, np.ones_like(O1))
    dH1 = core.activation_gradient("sigmoid", O1, dO1)
    _, dW1, _ = core.matmul_gradients(X, W1, dH1)
    assert_value(O1[0, 0], 0.89, dtype)
    assert_value(output, 1.106, dtype)
    assert loss == pytest.approx(1.894**2 / 2, rel=1e-6)
    assert_value(dO, -1.894, dtype)  # dL/dO
    assert_value(dO1[0, 0] / dO[0, 0], -0.23, dtype)  # dO/do11 = w211
    assert_value(slopes[0, 0], 0.89 * 0.11, dtype)  # do11/dh11
    assert X[0, 0] == 1  # dh11/dw111
    assert_value(dW2[0, 0], -1.68566, dtype, printed=-1.686)
    assert_value(dW1[0, 0], -1.894 * -0.23 * 0.89 * 0.11 * 1, dtype, printed=0.0426472)
    whole = core.gradients(network, [W1, W2], [b1, b2], X, y, loss="half_squared_error")
    assert whole[0] == loss
    np.testing.assert_allclose(whole[1][0], dW1, rtol=1e-6)
    np.testing.assert_allclose(whole[1][1], dW2, rtol=1e-6)


def test_two_inputs_gives_the_updated_weights(core, dtype):
    network, weights, biases = two_inputs(dtype)
    state = TrainingState.start(weights, biases)
    core.train_epochs(
        network, state, np.array([[1, 2]], dtype), np.array([[3]], dtype), loss="half_squared_error",
        optimizer=sgd(0.01), batch_size=1, shuffle=False, seed=0, epochs=1,
    )  # fmt: skip
    assert_value(state.weights[1][0, 0], -0.2131434, dtype, printed=-0.213)
    assert_value(state.weights[0][0, 0], 0.5 - 0.01 * 0.042647198, dtype, printed=0.499)
    assert float(state.weights[0][0, 0]) == pytest.approx(0.4995735, abs=1e-7)


# 3. shared-bias: 2-3-1, all sigmoid, one bias per layer


def test_shared_bias_gives_its_quantities_in_order(core, dtype):
    network = Network((2, 3, 1), ("sigmoid", "sigmoid"), "layer", (0.0,), dtype)
    W1 = np.array([[0.1, -0.2, 0.3], [0.4, 0.5, -0.6]], dtype)
    W2 = np.array([[0.7], [-0.8], [0.9]], dtype)
    b1, b2 = np.array([0.25], dtype), np.array([-0.15], dtype)
    X, y = np.array([[0.5, -1.5]], dtype), np.array([[1]], dtype)

    # initialise, forward: plain numbers in float64 beside the core's
    z1 = np.array([0.5 * W1[0, j] - 1.5 * W1[1, j] + b1[0] for j in range(3)], np.float64)
    a1 = 1 / (1 + np.exp(-z1))
    z2 = sum(a1[j] * float(W2[j, 0]) for j in range(3)) + float(b2[0])
    a2 = 1 / (1 + np.exp(-z2))
    A1 = core.matmul_bias(X, W1, b1, activation="sigmoid")
    A2 = core.matmul_bias(A1, W2, b2, activation="sigmoid")
    np.testing.assert_allclose(A1[0], a1, rtol=0, atol=EXACT[dtype])
    assert_value(A2, a2, dtype)

    # loss and back-propagation: da2, dz2, dw2, db2, da1, dz1, dw1, db1
    da2 = a2 - 1
    dz2 = da2 * a2 * (1 - a2)
    dw2, db2 = a1 * dz2, dz2
    da1 = dz2 * W2[:, 0].astype(np.float64)
    dz1 = da1 * a1 * (1 - a1)
    dw1, db1 = np.outer([0.5, -1.5], dz1), dz1.sum()
    loss, dWs, dbs = core.gradients(network, [W1, W2], [b1, b2], X, y, loss="half_squared_error")
    assert_value(loss, (1 - a2) ** 2 / 2, dtype)
    np.testing.assert_allclose(dWs[1][:, 0], dw2, rtol=0, atol=EXACT[dtype])
    np.testing.assert_allclose(dWs[0], dw1, rtol=0, atol=EXACT[dtype])
    assert [db.shape for db in dbs] == [(1,), (1,)]
    assert_value(dbs[1], db2, dtype)
    assert_value(dbs[0], db1, dtype)

    # update
    state = TrainingState.start([W1.copy(), W2.copy()], [b1.copy(), b2.copy()])
    core.train_epochs(
        network, state, X, y, loss="half_squared_error", optimizer=sgd(0.5), batch_size=1, shuffle=False,
        seed=0, epochs=1,
    )  # fmt: skip
    np.testing.assert_allclose(state.weights[0], W1 - 0.5 * dw1, rtol=0, atol=EXACT[dtype])
    assert_value(state.biases[0], b1[0] - 0.5 * db1, dtype)
    assert_value(state.biases[1], b2[0] - 0.5 * db2, dtype)


# 4. perceptron: n inputs, one sigmoid output


def test_perceptron_gives_the_derivatives_of_its_cost(core, dtype):
    rng = np.random.default_rng(4)
    X, y = rng.normal(size=(20, 5)).astype(dtype), rng.integers(0, 2, (20, 1)).astype(dtype)
    w, b = rng.normal(size=(5, 1)).astype(dtype), np.array([0.3], dtype)
    network = Network((5, 1), ("sigmoid",), "unit", (), dtype)
    yhat = 1 / (1 + np.exp(-(X.astype(np.float64) @ w + b)))
    factor = 2 * (yhat - y) / 20 * yhat * (1 - yhat)  # dC/dyhat * dyhat/dz
    loss, (dw,), (db,) = core.gradients(network, [w], [b], X, y, loss="mean_squared_error")
    assert_value(loss, np.mean((y - yhat) ** 2), dtype)
    np.testing.assert_allclose(dw, X.T @ factor, rtol=0, atol=EXACT[dtype])  # dz/dw = x
    np.testing.assert_allclose(db, factor.sum(axis=0), rtol=0, atol=EXACT[dtype])  # dz/db = 1


def test_perceptron_converges_on_a_separable_problem(core, dtype):
    X = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], dtype)
    y = np.array([[0], [0], [0], [1]], dtype)
    state = TrainingState.start([np.zeros((2, 1), dtype)], [np.zeros(1, dtype)])
    network = Network((2, 1), ("sigmoid",), "unit", (), dtype)
    core.train_epochs(
        network, state, X, y, loss="mean_squared_error", optimizer=sgd(1.0, 0.9), batch_size=4, shuffle=False,
        seed=0, epochs=500,
    )  # fmt: skip
    assert state.losses[-1] < 0.01
    assert all(
        later < earlier for earlier, later in zip(state.losses[100::50], state.losses[150::50], strict=False)
    )
    binary = Network((2, 1), ("step",), "unit", (), dtype)
    assert core.forward(binary, state.weights, state.biases, X).tolist() == y.tolist()


def test_training_through_the_binary_step_is_refused(core, dtype):
    network = Network((2, 1), ("step",), "unit", (), dtype)
    X, y = np.ones((4, 2), dtype), np.ones((4, 1), dtype)
    with pytest.raises(ValueError, match="the derivative of step is zero"):
        core.gradients(
            network, [np.zeros((2, 1), dtype)], [np.zeros(1, dtype)], X, y, loss="mean_squared_error"
        )

"""Every gradient is the limit of finite differences, in float64, on both cores.

Central differences with step h = 1e-5 err by h^2/6 times the third derivative (1e-11) and by rounding, about
1e-16 / h (1e-11) times the value; the bound of 2e-9 leaves room for the factors before both. Like the rounding
it grows with the value where that is above 1. A wrong term is far larger: one part in a million is noticed.
"""

from __future__ import annotations

import numpy as np
import pytest
from chainrule._network import HIDDEN_ACTIVATIONS, Network

H, BOUND = 1e-5, 2e-9
HIDDEN = [name for name in HIDDEN_ACTIVATIONS if name != "step"]
PAIRS = [
    *((loss, name) for loss in ("half_squared_error", "mean_squared_error") for name in [*HIDDEN, "softmax"]),
    ("cross_entropy", "softmax"),
    ("binary_cross_entropy", "sigmoid"),
]


def differences(function, array):
    """Central differences of a scalar function with respect to each entry of an array, changed in place."""
    slopes = np.empty_like(array)
    for index in np.ndindex(array.shape):
        kept = array[index]
        array[index] = kept + H
        above = function()
        array[index] = kept - H
        below = function()
        array[index] = kept
        slopes[index] = (above - below) / (2 * H)
    return slopes


def assert_slopes(actual, function, array, name):
    """Compare a gradient with the differences, entry by entry."""
    wrong, bound = np.abs(actual - differences(function, array)), BOUND * max(1.0, abs(function()))
    assert wrong.max() < bound, f"{name} is off by {wrong.max():.3g} at {np.argmax(wrong)}"


def make(sizes, activations, *, bias="unit", dropout=0.0, on_inputs=(0.0, 0.0), rows=6, seed=0):
    rng = np.random.default_rng(seed)
    network = Network(sizes, activations, bias, (dropout,) * (len(sizes) - 2), "float64", *on_inputs)
    weights = [rng.normal(size=shape) for shape in network.weight_shapes]
    biases = [rng.normal(size=shape) for shape in network.bias_shapes]
    return network, weights, biases, rng.normal(size=(rows, sizes[0])), rng


def make_target(rng, rows, n_out, loss):
    if loss == "cross_entropy":
        return rng.dirichlet(np.ones(n_out), rows)
    if loss == "binary_cross_entropy":
        return rng.uniform(size=(rows, n_out))
    return rng.normal(size=(rows, n_out))


def assert_gradients(core, network, weights, biases, X, target, loss):
    def value():
        return core.gradients(network, weights, biases, X, target, loss=loss, seed=3, step=8)[0]

    _, dWs, dbs = core.gradients(network, weights, biases, X, target, loss=loss, seed=3, step=8)
    assert [dW.shape for dW in dWs] == list(network.weight_shapes)
    assert [db.shape for db in dbs] == list(network.bias_shapes)
    for layer, (dW, W) in enumerate(zip(dWs, weights, strict=True), 1):
        assert_slopes(dW, value, W, f"dW of layer {layer}")
    for layer, (db, b) in enumerate(zip(dbs, biases, strict=bool(biases)), 1):
        assert_slopes(db, value, b, f"db of layer {layer}")


@pytest.mark.parametrize("hidden", HIDDEN)
@pytest.mark.parametrize("dropout", [0.0, 0.4])
def test_every_hidden_activation_has_its_gradient(core, hidden, dropout):
    network, weights, biases, X, rng = make((4, 5, 6, 3), (hidden, hidden, "identity"), dropout=dropout)
    if hidden == "exponential":  # of an exponential: differences of these err by more than the bound
        weights, biases = [W / 8 for W in weights], [b / 8 for b in biases]
    target = make_target(rng, len(X), 3, "half_squared_error")
    assert_gradients(core, network, weights, biases, X, target, "half_squared_error")


@pytest.mark.parametrize("on_inputs", [(0.4, 0.0), (0.0, 0.7), (0.4, 0.7)])
@pytest.mark.parametrize("dropout", [0.0, 0.4])
def test_dropped_and_noisy_inputs_have_their_gradient(core, on_inputs, dropout):
    network, weights, biases, X, rng = make(
        (4, 5, 3), ("tanh", "softmax"), dropout=dropout, on_inputs=on_inputs
    )
    assert_gradients(
        core, network, weights, biases, X, make_target(rng, 6, 3, "cross_entropy"), "cross_entropy"
    )


@pytest.mark.parametrize(("loss", "output"), PAIRS)
def test_every_loss_has_its_gradient_through_every_output_activation(core, loss, output):
    network, weights, biases, X, rng = make((4, 5, 3), ("tanh", output))
    assert_gradients(core, network, weights, biases, X, make_target(rng, len(X), 3, loss), loss)


@pytest.mark.parametrize("bias", ["unit", "layer", None])
@pytest.mark.parametrize("dropout", [0.0, 0.4])
@pytest.mark.parametrize("sizes", [(4, 3), (1, 1, 1), (3, 7, 2), (2, 3, 4, 5, 2)])
def test_every_kind_of_bias_has_its_gradient(core, bias, dropout, sizes):
    activations = ("sigmoid",) * (len(sizes) - 2) + ("tanh",)
    network, weights, biases, X, rng = make(sizes, activations, bias=bias, dropout=dropout)
    target = make_target(rng, len(X), sizes[-1], "mean_squared_error")
    assert_gradients(core, network, weights, biases, X, target, "mean_squared_error")


@pytest.mark.parametrize(
    ("loss", "output"), [pair for pair in PAIRS if pair[1] in ("identity", "softmax", "sigmoid")]
)
def test_labels_have_the_gradient_of_their_one_hot_rows(core, dtype, loss, output):
    network, weights, biases, X, rng = make((4, 5, 3), ("tanh", output))
    labels = rng.integers(0, 3, len(X))
    assert_gradients(core, network, weights, biases, X, labels, loss)
    Z = rng.normal(size=(6, 3)).astype(dtype)
    by_label = core.loss_and_gradient(loss, Z, labels, output_activation=output)
    by_row = core.loss_and_gradient(loss, Z, np.eye(3, dtype=dtype)[labels], output_activation=output)
    assert by_label[0] == by_row[0]
    assert np.array_equal(by_label[1], by_row[1])


@pytest.mark.parametrize("name", [*HIDDEN, "softmax"])
def test_every_activation_has_its_gradient(core, name):
    rng = np.random.default_rng(1)
    Z, dA = rng.normal(size=(4, 5)), rng.normal(size=(4, 5))
    dZ = core.activation_gradient(name, core.activation(name, Z), dA, Z=Z)
    assert_slopes(dZ, lambda: float(np.sum(core.activation(name, Z) * dA)), Z, f"dZ of {name}")


@pytest.mark.parametrize(("loss", "output"), PAIRS)
def test_every_loss_has_its_gradient(core, loss, output):
    rng = np.random.default_rng(2)
    Z, target = rng.normal(size=(4, 3)), make_target(rng, 4, 3, loss)
    _, dZ = core.loss_and_gradient(loss, Z, target, output_activation=output)
    assert_slopes(dZ, lambda: core.loss_and_gradient(loss, Z, target, output_activation=output)[0], Z, "dZ")


def test_a_layer_has_its_gradients(core):
    rng = np.random.default_rng(3)
    X, W, b, dZ = (rng.normal(size=shape) for shape in ((6, 4), (4, 5), (5,), (6, 5)))
    dX, dW, db = core.matmul_gradients(X, W, dZ)
    for gradient, array, name in ((dX, X, "dX"), (dW, W, "dW"), (db, b, "db")):
        assert_slopes(gradient, lambda: float(np.sum(core.matmul_bias(X, W, b) * dZ)), array, name)


@pytest.mark.parametrize(
    ("slope", "name"), [(0.0, "relu"), (0.01, "leaky_relu"), (1.7580993408473766, "selu")]
)
def test_the_slope_at_the_kink_is_that_of_the_left(core, dtype, slope, name):
    zero, one = np.zeros((1, 1), dtype), np.ones((1, 1), dtype)
    assert core.activation_gradient(name, zero, one) == np.dtype(dtype).type(slope)


def test_losses_are_averaged_as_documented(core, dtype):
    Z, target = np.array([[1, 2], [3, 5]], dtype), np.array([[0, 0], [1, 1]], dtype)
    assert core.loss_and_gradient("half_squared_error", Z, target)[0] == (1 + 4 + 4 + 16) / 2 / 2
    assert core.loss_and_gradient("mean_squared_error", Z, target)[0] == (1 + 4 + 4 + 16) / 4
    zero = np.zeros((2, 2), dtype)
    entropy = core.loss_and_gradient("cross_entropy", zero, np.array([0, 1]), output_activation="softmax")[0]
    assert entropy == pytest.approx(np.log(2), rel=1e-6)
    half = np.full((2, 2), 0.5, dtype)
    entropy = core.loss_and_gradient("binary_cross_entropy", zero, half, output_activation="sigmoid")[0]
    assert entropy == pytest.approx(2 * np.log(2), rel=1e-6)


@pytest.mark.parametrize("factor", [0.999999, 1.000001, -1.0])
def test_a_wrong_gradient_is_noticed(core, factor):
    network, weights, biases, X, rng = make((4, 5, 3), ("tanh", "identity"))
    target = make_target(rng, len(X), 3, "half_squared_error")

    def value():
        return core.gradients(network, weights, biases, X, target, loss="half_squared_error")[0]

    _, dWs, _ = core.gradients(network, weights, biases, X, target, loss="half_squared_error")
    assert_slopes(dWs[0], value, weights[0], "dW")
    with pytest.raises(AssertionError, match="dW is off by"):
        assert_slopes(dWs[0] * factor, value, weights[0], "dW")

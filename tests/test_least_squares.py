"""The normal equations of a network and their damped solution: against finite differences, NumPy, and each other."""

from __future__ import annotations

from types import ModuleType

import chainrule as cr
import numpy as np
import pytest
from chainrule import reference

CASES = [
    ([3, 1], [], "identity", "unit"),
    ([2, 5, 3], ["tanh"], "identity", "layer"),
    ([4, 7, 17, 1], ["sigmoid", "leaky_relu"], "tanh", "unit"),
    ([3, 33, 2], ["tanh"], "sigmoid", None),
    ([3, 6, 5, 2], ["gelu", "softplus"], "silu", "unit"),
    ([2, 4, 9, 1], ["mish", "elu"], "gelu_tanh", "layer"),
]


def example(
    sizes: list[int], hidden: list[str], output: str, bias: str | None, rows: int, dtype: str = "float64"
):
    model = cr.MLP(
        sizes, activation=hidden or "relu", output_activation=output, bias=bias, dtype=dtype, seed=1
    )
    rng = np.random.default_rng(2)
    for b in model.biases:
        b[...] = rng.normal(size=b.shape)
    X = rng.standard_normal((rows, sizes[0])).astype(dtype)
    Y = rng.standard_normal((rows, sizes[-1])).astype(dtype)
    return model, X, Y


def parameters(model: cr.MLP) -> list[np.ndarray]:
    if not model.biases:
        return list(model.weights)
    return [array for pair in zip(model.weights, model.biases, strict=True) for array in pair]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_jacobian_is_that_of_finite_differences(core: ModuleType, case) -> None:
    model, X, Y = example(*case, rows=11)
    step, columns = 1e-6, []
    for array in parameters(model):
        for i in np.ndindex(array.shape):
            kept = array[i]
            sides = []
            for sign in (1, -1):
                array[i] = kept + sign * step
                sides.append(reference.forward(model.network, model.weights, model.biases, X))
            array[i] = kept
            columns.append(((sides[0] - sides[1]) / (2 * step)).ravel())
    J = np.stack(columns, axis=1)
    e = (reference.forward(model.network, model.weights, model.biases, X) - Y).ravel()
    squares, JTJ, JTe = core.normal_equations(model.network, model.weights, model.biases, X, Y)
    np.testing.assert_allclose(squares, e @ e, rtol=1e-13)
    np.testing.assert_allclose(JTJ, J.T @ J, rtol=1e-6, atol=1e-7)
    np.testing.assert_allclose(JTe, J.T @ e, rtol=1e-6, atol=1e-7)
    assert np.array_equal(JTJ, JTJ.T)


@pytest.mark.parametrize("rows", [1, 2, 255, 513, 1025])
@pytest.mark.parametrize("case", CASES, ids=str)
def test_native_normal_equations_match_the_reference(native: ModuleType, case, rows: int, dtype: str) -> None:
    model, X, Y = example(*case, rows=rows, dtype=dtype)
    arguments = (model.network, model.weights, model.biases, X, Y)
    expected, found = reference.normal_equations(*arguments), native.normal_equations(*arguments)
    tolerance = 2e-5 if dtype == "float32" else 1e-12
    for a, b in zip(expected, found, strict=True):
        np.testing.assert_allclose(b, a, rtol=tolerance, atol=tolerance * np.abs(a).max())
        assert np.asarray(b).dtype == np.asarray(a).dtype


def test_half_the_gradient_of_the_squares_is_the_right_side(core: ModuleType) -> None:
    model, X, Y = example(*CASES[2], rows=70)
    _, dWs, dbs = core.gradients(model.network, model.weights, model.biases, X, Y, loss="half_squared_error")
    gradient = np.concatenate([a.ravel() for pair in zip(dWs, dbs, strict=True) for a in pair])
    _, _, JTe = core.normal_equations(model.network, model.weights, model.biases, X, Y)
    np.testing.assert_allclose(JTe / 70, gradient, rtol=1e-11, atol=1e-13)


def test_labels_stand_for_ones_and_zeros(core: ModuleType) -> None:
    model, X, _ = example(*CASES[3], rows=20)
    labels = np.arange(20) % 2
    one_hot = np.eye(2)[labels]
    for a, b in zip(
        core.normal_equations(model.network, model.weights, model.biases, X, labels),
        core.normal_equations(model.network, model.weights, model.biases, X, one_hot),
        strict=True,
    ):
        np.testing.assert_array_equal(a, b)


@pytest.mark.usefixtures("oversubscribed")
def test_threads_do_not_change_least_squares(native: ModuleType, dtype: str) -> None:
    model, X, Y = example([5, 30, 9, 3], ["tanh", "relu"], "identity", "unit", rows=700, dtype=dtype)
    results = []
    for n_threads in (1, 2, 3, 7):
        squares, H, g = native.normal_equations(
            model.network, model.weights, model.biases, X, Y, n_threads=n_threads
        )
        results.append([np.float64(squares), H, g, native.damped_step(H, g, 0.1, n_threads=n_threads)])
    for other in results[1:]:
        for a, b in zip(results[0], other, strict=True):
            np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("n", [1, 2, 15, 63, 64, 65, 130, 257])
def test_a_damped_step_solves_its_equation(core: ModuleType, n: int, dtype: str) -> None:
    rng = np.random.default_rng(n)
    J = rng.standard_normal((2 * n, n)).astype(dtype)
    H, g = J.T @ J, rng.standard_normal(n).astype(dtype)
    kept = H.copy(), g.copy()
    step = core.damped_step(H, g, 0.5)
    assert step.dtype == H.dtype
    residual = (H.astype("f8") + 0.5 * np.eye(n)) @ step.astype("f8") + g
    bound = 50 * n * np.finfo(dtype).eps * (np.abs(H).max() * np.abs(step).max() + np.abs(g).max())
    assert np.abs(residual).max() < bound
    np.testing.assert_array_equal(H, kept[0])
    np.testing.assert_array_equal(g, kept[1])


def test_rows_of_a_wider_matrix_will_do(core: ModuleType) -> None:
    wide = np.diag(np.arange(1.0, 8.0))
    padded = np.zeros((7, 20))
    padded[:, :7] = wide
    g = np.ones(7)
    np.testing.assert_array_equal(core.damped_step(padded[:, :7], g, 0.0), core.damped_step(wide, g, 0.0))


@pytest.mark.parametrize(
    "H", [np.diag([1.0, -1.0]), np.zeros((2, 2)), np.full((2, 2), np.nan), np.diag([1.0, np.inf])]
)
def test_a_matrix_that_is_not_positive_definite_is_refused(core: ModuleType, H: np.ndarray) -> None:
    with pytest.raises(np.linalg.LinAlgError, match="H plus the damping is not positive definite"):
        core.damped_step(H, np.ones(2), 0.0)


def test_bad_arguments_are_refused(core: ModuleType) -> None:
    model, X, Y = example(*CASES[0], rows=5)
    with pytest.raises(
        ValueError, match=r"H must have shape \(3, 3\), as g has 3 entries, but it is \(2, 2\)"
    ):
        core.damped_step(np.eye(2), np.ones(3), 1.0)
    with pytest.raises(ValueError, match="damping"):
        core.damped_step(np.eye(2), np.ones(2), -1.0)
    with pytest.raises(TypeError, match="g"):
        core.damped_step(np.eye(2), np.ones(2, "f4"), 1.0)
    with pytest.raises(ValueError, match="X has 2 features"):
        core.normal_equations(model.network, model.weights, model.biases, X[:, :2], Y)
    for other, text in (
        (cr.MLP([3, 2], output_activation="softmax", dtype="float64"), "output_activation is softmax"),
        (cr.MLP([3, 4, 1], dropout=0.5, dtype="float64"), r"dropout is \(0.5,\)"),
        (
            cr.MLP([3, 4, 1], input_dropout=0.5, dtype="float64"),
            r"^input_dropout is 0.5, .*; use input_dropout=0$",
        ),
        (cr.MLP([3, 4, 1], input_noise=0.1, dtype="float64"), r"^input_noise is 0.1, .*; use input_noise=0$"),
        (cr.MLP([3, 4000, 1], dtype="float64"), "at most 8192 parameters, but this MLP has 20001"),
        (cr.MLP([3, 4, 1], activation="step", dtype="float64"), "step"),
    ):
        with pytest.raises(ValueError, match=text):
            core.normal_equations(other.network, other.weights, other.biases, X, Y[:, :1])

"""Values and gradients of every activation against PyTorch's."""

from __future__ import annotations

import numpy as np
import pytest
from chainrule._network import ACTIVATIONS as NAMES
from torch_activations import ACTIVATIONS, torch

# In units of eps, beside the value or, where that is smaller, z up to 1: PyTorch's gelu and gelu_tanh are z (1 + erf) / 2 and
# z (1 + tanh) / 2, which lose z times a rounding of 1 where they are small. Slopes beside 1: PyTorch's of gelu_tanh and mish
# are sums of terms with 1 - tanh^2, times up to z^3. Measured, the worst of all: values 2, slopes 17 (gelu_tanh).
VALUE_BOUND, SLOPE_BOUND = 8, 40


def numbers(dtype):
    """Sums near 0, moderate ones, and ones far out; no kink of relu or hard_sigmoid among them."""
    far = 85 if dtype == "float32" else 700
    z = np.concatenate(
        [np.linspace(-6.013, 6.017, 901), np.linspace(-30.1, 30.1, 400), np.linspace(-far, far, 100)]
    )
    return np.sort(z).astype(dtype)[None]


@pytest.mark.parametrize("name", [name for name in NAMES if name != "step"])
def test_values_and_gradients_are_those_of_pytorch(core, dtype, name):
    Z = numbers(dtype) if name != "softmax" else numbers(dtype).reshape(-1, 3)
    dA = np.random.default_rng(0).normal(size=Z.shape).astype(dtype)
    z = torch.tensor(Z, requires_grad=True)
    a = ACTIVATIONS[name](z)
    a.backward(torch.tensor(dA))
    A, eps = core.activation(name, Z), float(np.finfo(dtype).eps)
    expected, slope = a.detach().numpy(), z.grad.numpy()
    near = np.maximum(abs(expected), np.minimum(abs(Z), 1))  # a rounding of 1, times z
    assert (abs(A - expected) <= VALUE_BOUND * eps * near).all()
    dZ = core.activation_gradient(name, A, dA, Z=Z)
    size = abs(dA) if name != "softmax" else abs(dA).max(axis=1, keepdims=True)
    if name == "exponential":
        size = size * np.maximum(A, 1)
    assert (abs(dZ - slope) <= SLOPE_BOUND * eps * size).all()


def test_no_activation_passes_for_another(core):
    Z = numbers("float64")
    made = {name: core.activation(name, Z) for name in ACTIVATIONS if name != "softmax"}
    for name in made:
        expected = ACTIVATIONS[name](torch.tensor(Z)).numpy()
        size = np.maximum(abs(expected), 1)
        assert [other for other, A in made.items() if (abs(A - expected) < 1e-4 * size).all()] == [name]


def test_hard_sigmoid_is_what_pytorch_calls_hardsigmoid(core, dtype):
    z = torch.tensor(numbers(dtype), requires_grad=True)
    a = torch.nn.functional.hardsigmoid(z)
    a.sum().backward()
    A, eps = core.activation("hard_sigmoid", z.detach().numpy()), float(np.finfo(dtype).eps)
    np.testing.assert_allclose(A, a.detach().numpy(), rtol=2 * eps)
    np.testing.assert_allclose(
        core.activation_gradient("hard_sigmoid", A, np.ones_like(A)), z.grad.numpy(), rtol=1e-7
    )

"""Activations as PyTorch has them, by our names."""

from __future__ import annotations

from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="the comparison needs PyTorch")
_f = torch.nn.functional

ACTIVATIONS: dict[str, Any] = {
    "identity": lambda z: z,
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "relu": torch.relu,
    "leaky_relu": lambda z: _f.leaky_relu(z, 0.01),
    "elu": _f.elu,
    "selu": torch.selu,
    "gelu": _f.gelu,
    "gelu_tanh": lambda z: _f.gelu(z, approximate="tanh"),
    "silu": _f.silu,
    "mish": _f.mish,
    "softplus": lambda z: _f.softplus(z, threshold=100),  # from 20 on it would leave log(1 + e^z) for z
    "softsign": _f.softsign,
    "hard_sigmoid": lambda z: (
        _f.relu6(z + 3) / 6
    ),  # hardsigmoid takes 1/6 in float32 for the slope in float64 too
    "exponential": torch.exp,
    "softmax": lambda z: torch.softmax(z, dim=1),
}

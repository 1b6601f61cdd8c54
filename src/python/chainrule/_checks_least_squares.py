"""The argument checks of the core functions for least squares."""

from __future__ import annotations

from typing import Any

import numpy as np

from ._checks_arrays import check_data, check_parameter, check_same_dtype
from ._checks_network import check_gradients
from ._checks_values import check_n_threads, check_real
from ._network import Array, Network

NOT_POSITIVE_DEFINITE = "H plus the damping is not positive definite"

MOST_PARAMETERS = 8192
"""Of a network whose normal equations are formed: a matrix of that size squared takes 512 MB in float64."""


def check_least_squares(network: Network) -> None:
    """Refuse a network that has no normal equations, or too many parameters for them."""
    if network.output_activation == "softmax":
        raise ValueError(
            "output_activation is softmax, but least squares need outputs that do not depend on each other; "
            "use sigmoid or identity"
        )
    check_nothing_random(network, "least squares need the same network in each step; use {name}=0")
    sizes = [np.prod(shape, dtype=int) for shape in (*network.weight_shapes, *network.bias_shapes)]
    if sum(sizes) > MOST_PARAMETERS:
        raise ValueError(
            f"least squares are for small networks, of at most {MOST_PARAMETERS} parameters, but this MLP has "
            f"{sum(sizes)}; use another optimizer"
        )


def check_nothing_random(network: Network, why: str) -> None:
    """Refuse a network that chance makes another in each step of training; ``why`` may hold "{name}"."""
    for name in ("dropout", "input_dropout", "input_noise"):
        value = getattr(network, name)
        if np.any(value):
            raise ValueError(f"{name} is {value}, but {why.format(name=name)}")


def check_normal_equations(
    network: Any, weights: Any, biases: Any, X: Any, target: Any, n_threads: Any
) -> tuple[list[Array], list[Array], Array, Array]:
    """Return (weights, biases, X, target)."""
    if isinstance(network, Network):
        check_least_squares(network)
    given = check_gradients(
        network, weights, biases, X, target, "half_squared_error", None, None, 0, 0, n_threads
    )
    return given[:4]


def check_damped_step(H: Any, g: Any, damping: Any, n_threads: Any) -> tuple[Array, Array, float]:
    """Return (H, g, damping)."""
    check_n_threads(n_threads)
    H, g = check_data(H, "H", "(P, P)"), check_parameter(g, "g", 1, "(P,)")
    check_same_dtype(H, "H", (g, "g"))
    if H.shape != (len(g), len(g)):
        raise ValueError(
            f"H must have shape {(len(g), len(g))}, as g has {len(g)} entries, but it is {H.shape}"
        )
    return H, g, check_real(damping, "damping", 0.0)

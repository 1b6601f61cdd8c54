"""Initial weights: a function of (shape, seed, layer) alone, the same bits on every machine and with either core.

An initializer is a function ``f(shape, *, seed, layer, dtype)`` that returns the weights of one layer, shape
``(n_in, n_out)``; `MLP` takes one of the functions here, its name, or one of your own. Biases start at zero.

A weight comes from one 32-bit word r of the generator (see `chainrule.reference.random_words`), that of its
position ``row * n_out + column``, by ``u = (r + 0.5) / 2^32``, which is never 0 or 1. What is done with u uses
only operations that IEEE 754 rounds correctly, in float64, and is rounded to the dtype at the end.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Protocol

import numpy as np

from . import _checks
from ._checks_values import check_choice, check_dtype, check_int, check_real, check_sequence, describe
from ._network import Array
from ._normal import normal_quantile, unit_interval

INITIAL_WEIGHTS = 1 << 24
"""The random stream of the weights of layer 0; that of layer l is this plus l."""


class Initializer(Protocol):
    """What `MLP` takes as initializer: a function of the shape, the seed, the layer and the dtype."""

    def __call__(self, shape: tuple[int, int], *, seed: int, layer: int, dtype: str) -> Array:
        """Return the weights of one layer."""


def glorot_uniform(shape: tuple[int, int], *, seed: int, layer: int = 0, dtype: str = "float32") -> Array:
    """Return weights uniform in ``(-l, l)`` with ``l = sqrt(6 / (n_in + n_out))``: variance ``2 / (n_in + n_out)``.

    Keeps the variance of signals and gradients about equal from layer to layer; for tanh and sigmoid.

    References
    ----------
    Glorot and Bengio, "Understanding the difficulty of training deep feedforward neural networks", AISTATS 2010.
    """
    n_in, n_out = _check_shape(shape)
    return _uniform(shape, math.sqrt(6.0 / (n_in + n_out)), seed, layer, dtype)


def glorot_normal(shape: tuple[int, int], *, seed: int, layer: int = 0, dtype: str = "float32") -> Array:
    """Return normal weights of standard deviation ``sqrt(2 / (n_in + n_out))``, not truncated.

    References
    ----------
    Glorot and Bengio, 2010; see `glorot_uniform`.
    """
    n_in, n_out = _check_shape(shape)
    return _normal(shape, math.sqrt(2.0 / (n_in + n_out)), seed, layer, dtype)


def he_uniform(shape: tuple[int, int], *, seed: int, layer: int = 0, dtype: str = "float32") -> Array:
    """Return weights uniform in ``(-l, l)`` with ``l = sqrt(6 / n_in)``: variance ``2 / n_in``.

    Keeps the variance of the signals through layers of relu, which halves it.

    References
    ----------
    He, Zhang, Ren and Sun, "Delving deep into rectifiers: surpassing human-level performance on ImageNet
    classification", ICCV 2015.
    """
    return _uniform(shape, math.sqrt(6.0 / _check_shape(shape)[0]), seed, layer, dtype)


def he_normal(shape: tuple[int, int], *, seed: int, layer: int = 0, dtype: str = "float32") -> Array:
    """Return normal weights of standard deviation ``sqrt(2 / n_in)``, not truncated.

    References
    ----------
    He, Zhang, Ren and Sun, 2015; see `he_uniform`.
    """
    return _normal(shape, math.sqrt(2.0 / _check_shape(shape)[0]), seed, layer, dtype)


def lecun_uniform(shape: tuple[int, int], *, seed: int, layer: int = 0, dtype: str = "float32") -> Array:
    """Return weights uniform in ``(-l, l)`` with ``l = sqrt(3 / n_in)``: variance ``1 / n_in``.

    References
    ----------
    LeCun, Bottou, Orr and Müller, "Efficient BackProp", in Neural Networks: Tricks of the Trade, 1998.
    """
    return _uniform(shape, math.sqrt(3.0 / _check_shape(shape)[0]), seed, layer, dtype)


def lecun_normal(shape: tuple[int, int], *, seed: int, layer: int = 0, dtype: str = "float32") -> Array:
    """Return normal weights of standard deviation ``sqrt(1 / n_in)``, not truncated.

    References
    ----------
    LeCun, Bottou, Orr and Müller, 1998; see `lecun_uniform`.
    """
    return _normal(shape, math.sqrt(1.0 / _check_shape(shape)[0]), seed, layer, dtype)


def zeros(shape: tuple[int, int], *, seed: int = 0, layer: int = 0, dtype: str = "float32") -> Array:
    """Return weights of zero. Hidden units that start equal stay equal: of use for a single layer of weights."""
    return np.zeros(_check_shape(shape), check_dtype(dtype))


def constant(value: float) -> Initializer:
    """Return an initializer that gives every weight the same value.

    Parameters
    ----------
    value : float
        Finite.
    """
    number = check_real(value, "value", -math.inf)

    def constant_weights(
        shape: tuple[int, int], *, seed: int = 0, layer: int = 0, dtype: str = "float32"
    ) -> Array:
        """Return weights that all have the one value given to `constant`."""
        return np.full(_check_shape(shape), number, check_dtype(dtype))

    return constant_weights


INITIALIZERS: dict[str, Initializer] = {
    function.__name__: function
    for function in (glorot_uniform, glorot_normal, he_uniform, he_normal, lecun_uniform, lecun_normal, zeros)
}


def find_initializer(initializer: Any) -> Callable[..., Any]:
    """Return the initializer of that name, or the function itself."""
    if callable(initializer):
        return initializer  # type: ignore[no-any-return]
    if not isinstance(initializer, str):
        raise TypeError(f"initializer must be a name or a function, but it is {describe(initializer)}")
    return INITIALIZERS[check_choice(initializer, "initializer", tuple(INITIALIZERS))]


def _check_shape(shape: Any) -> tuple[int, int]:
    sizes = check_sequence(shape, "shape")
    if len(sizes) != 2:
        raise ValueError(f"shape must be (n_in, n_out), but it is {shape}")
    return check_int(sizes[0], "shape[0]", 1), check_int(sizes[1], "shape[1]", 1)


def _unit_interval(shape: tuple[int, int], seed: int, layer: int) -> Array:
    """Return numbers strictly between 0 and 1, float64, in the order of the rows."""
    from .reference import random_words

    layer = check_int(layer, "layer", 0, INITIAL_WEIGHTS - 1)
    words = random_words(shape[0] * shape[1], seed=_checks.check_seed(seed), stream=INITIAL_WEIGHTS + layer)
    return unit_interval(words).reshape(shape)


def _uniform(shape: tuple[int, int], limit: float, seed: int, layer: int, dtype: str) -> Array:
    u = _unit_interval(shape, seed, layer)
    return ((2.0 * u - 1.0) * limit).astype(check_dtype(dtype))


def _normal(shape: tuple[int, int], deviation: float, seed: int, layer: int, dtype: str) -> Array:
    return (normal_quantile(_unit_interval(shape, seed, layer)) * deviation).astype(check_dtype(dtype))

"""The argument checks of the core functions on numbers and single layers: one a function, for both cores."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np

from ._checks_arrays import (
    check_apart,
    check_data,
    check_float_array,
    check_labels,
    check_ndarray,
    check_out,
    check_parameter,
    check_same_dtype,
    check_same_shape,
)
from ._checks_values import (
    check_bool,
    check_choice,
    check_dtype,
    check_int,
    check_n_threads,
    check_real,
    count,
    describe,
)
from ._losses import STEP_HAS_NO_GRADIENT, LossRule, check_loss, check_output_weights
from ._network import ACTIVATIONS, SLOPE_NEEDS_INPUT, Array
from ._rules import Rule, check_optimizer

MAX_64 = 2**64 - 1
MAX_WORDS = 2**34
"""Words in one stream and step: 4 for each of the 2^32 values of the counter's index."""


# Random numbers


def check_random_words(
    n: Any, seed: Any, stream: Any, step: Any, start: Any
) -> tuple[int, int, int, int, int]:
    """Return (n, seed, stream, step, start)."""
    n, start = check_int(n, "n", 0, MAX_WORDS), check_int(start, "start", 0, MAX_WORDS)
    if start + n > MAX_WORDS:
        raise ValueError(f"start + n must be at most {MAX_WORDS}, but it is {start + n}")
    return (
        n,
        check_seed(seed),
        check_int(stream, "stream", 0, 2**32 - 1),
        check_int(step, "step", 0, MAX_64),
        start,
    )


def check_seed(seed: Any) -> int:
    """Return the seed, an int of 64 bits without sign."""
    return check_int(seed, "seed", 0, MAX_64)


def check_permutation(n: Any, seed: Any, epoch: Any) -> tuple[int, int, int]:
    """Return (n, seed, epoch)."""
    return check_int(n, "n", 0, MAX_WORDS), check_seed(seed), check_int(epoch, "epoch", 0, MAX_64)


def check_dropout_mask(
    rows: Any, width: Any, rate: Any, seed: Any, step: Any, layer: Any, dtype: Any
) -> tuple[int, int, float, int, int, int, str]:
    """Return (rows, width, rate, seed, step, layer, dtype)."""
    rows, width = check_int(rows, "rows", 0), check_int(width, "width", 0)
    check_mask_size(rows, width)
    rate, step = check_real(rate, "rate", 0.0, 1.0), check_int(step, "step", 0, MAX_64)
    return (
        rows,
        width,
        rate,
        check_seed(seed),
        step,
        check_int(layer, "layer", -1, 2**24 - 1),
        check_dtype(dtype),
    )


def check_gaussian_noise(
    rows: Any, width: Any, seed: Any, step: Any, dtype: Any
) -> tuple[int, int, int, int, str]:
    """Return (rows, width, seed, step, dtype)."""
    rows, width = check_int(rows, "rows", 0), check_int(width, "width", 0)
    check_mask_size(rows, width, "noise")
    return rows, width, check_seed(seed), check_int(step, "step", 0, MAX_64), check_dtype(dtype)


def check_mask_size(rows: int, width: int, what: str = "a dropout mask") -> None:
    """Refuse a dropout mask, or noise, that needs more random words than one stream and step have."""
    if rows * width > MAX_WORDS:
        raise ValueError(f"rows * width of {what} must be at most {MAX_WORDS}, but it is {rows * width}")


# One layer


def check_activation(name: Any, Z: Any, out: Any) -> tuple[Array, Array]:
    """Return (Z, out)."""
    check_choice(name, "name", ACTIVATIONS)
    Z = check_data(Z, "Z")
    return Z, check_out(out, Z.shape, Z.dtype, [(Z, "Z")], in_place=True)


def check_activation_gradient(
    name: Any, A: Any, dA: Any, Z: Any, out: Any
) -> tuple[Array, Array, Array | None, Array]:
    """Return (A, dA, Z, out)."""
    if check_choice(name, "name", ACTIVATIONS) == "step":
        raise ValueError(f"name is step, but {STEP_HAS_NO_GRADIENT}")
    A, dA = check_data(A, "A"), check_data(dA, "dA")
    check_same_dtype(A, "A", (dA, "dA"))
    check_same_shape(A, "A", dA, "dA")
    inputs = [(A, "A"), (dA, "dA")]
    if Z is not None:
        Z = check_data(Z, "Z")
        check_same_dtype(A, "A", (Z, "Z"))
        check_same_shape(A, "A", Z, "Z")
        inputs.append((Z, "Z"))
    elif name in SLOPE_NEEDS_INPUT:
        raise ValueError(f"Z must be given for {name}, whose derivative is no function of A")
    return A, dA, Z, check_out(out, A.shape, A.dtype, inputs, in_place=True)


def check_matmul_bias(
    X: Any, W: Any, b: Any, activation: Any, out: Any, n_threads: Any
) -> tuple[Array, Array, Array | None, Array]:
    """Return (X, W, b, out)."""
    check_choice(activation, "activation", ACTIVATIONS)
    check_n_threads(n_threads)
    X, W = _check_layer(X, W)
    n_out = W.shape[1]
    if b is not None:
        b = check_parameter(b, "b", 1, "(n_out,) or (1,)")
        check_same_dtype(X, "X", (b, "b"))
        if b.shape[0] not in (1, n_out):
            entries = count(b.shape[0], "entry")
            raise ValueError(f"b has {entries}, but W has {count(n_out, 'column')}; expected {n_out} or 1")
    return X, W, b, check_out(out, (X.shape[0], n_out), X.dtype, [(X, "X"), (W, "W"), (b, "b")])


def check_matmul_gradients(X: Any, W: Any, dZ: Any, n_threads: Any) -> tuple[Array, Array, Array]:
    """Return (X, W, dZ)."""
    check_n_threads(n_threads)
    X, W = _check_layer(X, W)
    dZ = check_data(dZ, "dZ", "(rows, n_out)")
    check_same_dtype(X, "X", (dZ, "dZ"))
    if dZ.shape != (X.shape[0], W.shape[1]):
        raise ValueError(f"dZ must have shape {(X.shape[0], W.shape[1])}, but its shape is {dZ.shape}")
    return X, W, dZ


def _check_layer(X: Any, W: Any) -> tuple[Array, Array]:
    X, W = check_data(X, "X", "(rows, n_in)"), check_parameter(W, "W", 2, "(n_in, n_out)")
    check_same_dtype(X, "X", (W, "W"))
    if X.shape[1] != W.shape[0]:
        raise ValueError(f"X has {count(X.shape[1], 'column')}, but W has {count(W.shape[0], 'row')}")
    if W.shape[1] == 0:
        raise ValueError(f"W must have at least one column, but its shape is {W.shape}")
    return X, W


# Loss and update


def check_target(target: Any, like: Array, name: str, n_out: int) -> Array:
    """Return the target for the array ``like`` (called ``name``), of the same dtype and number of rows.

    It holds numbers of shape (rows, n_out), or int64 class labels of shape (rows,).
    """
    array = check_ndarray(target, "target")
    if array.ndim == 1 and array.dtype.kind != "f":
        array = check_labels(array, n_out)
    else:
        array = check_data(array, "target", "(rows, n_out), or be int64 class labels (rows,)")
        check_same_dtype(like, name, (array, "target"))
        if array.shape[1] != n_out:
            columns = count(array.shape[1], "column")
            raise ValueError(f"target has {columns}, but the number of outputs is {n_out}")
    if array.shape[0] != like.shape[0]:
        raise ValueError(f"target has {count(array.shape[0], 'row')}, but {name} has {like.shape[0]}")
    return array


def check_sample_weight(sample_weight: Any, like: Array, name: str) -> Array | None:
    """Return the weights of the rows of the array ``like`` (called ``name``), of its dtype: contiguous, (rows,)."""
    if sample_weight is None:
        return None
    weight = check_float_array(sample_weight, "sample_weight", 1, "(rows,)")
    check_same_dtype(like, name, (weight, "sample_weight"))
    if len(weight) != len(like):
        raise ValueError(
            f"sample_weight has {count(len(weight), 'entry')}, but {name} has {count(len(like), 'row')}"
        )
    wrong = ~((weight >= 0) & (weight < np.inf))
    if wrong.any():
        i = int(np.argmax(wrong))
        raise ValueError(
            f"sample_weight must be finite and at least 0, but sample_weight[{i}] is {weight[i]}"
        )
    return np.ascontiguousarray(weight)


def check_weights(
    loss: LossRule, sample_weight: Any, output_weights: Any, like: Array, name: str, n_out: int
) -> tuple[Array | None, tuple[float, ...] | None]:
    """Return the weights of the rows of the array ``like`` and those of the outputs."""
    if sample_weight is not None and loss.function is not None:
        raise ValueError("sample_weight cannot be combined with a loss of your own; weigh the rows in it")
    return check_sample_weight(sample_weight, like, name), check_output_weights(output_weights, loss, n_out)


def check_loss_and_gradient(
    loss: Any, Z: Any, target: Any, output_activation: Any, sample_weight: Any, output_weights: Any
) -> tuple[Array, Array, LossRule, Array | None, tuple[float, ...] | None]:
    """Return (Z, target, the loss, the weights of the rows and of the outputs)."""
    check_loss(loss, output_activation)
    Z = check_data(Z, "Z", "(rows, n_out)")
    check_rows(Z, "Z")
    rule = check_loss(loss, output_activation, Z.shape[1])
    target = check_target(target, Z, "Z", Z.shape[1])
    return Z, target, rule, *check_weights(rule, sample_weight, output_weights, Z, "Z", Z.shape[1])


def check_rows(array: Array, name: str) -> None:
    """Refuse an array without rows."""
    if array.shape[0] == 0:
        raise ValueError(f"{name} must have at least one row, but its shape is {array.shape}")


class Update(NamedTuple):
    """The numbers of an update by gradient descent with momentum."""

    learning_rate: float
    momentum: float
    nesterov: bool
    weight_decay: float


def check_update(learning_rate: Any, momentum: Any, nesterov: Any, weight_decay: Any) -> Update:
    """Return the numbers of an update, as Python numbers (a NumPy scalar would turn float32 into float64)."""
    return Update(
        check_real(learning_rate, "learning_rate", 0.0),
        check_real(momentum, "momentum", 0.0, 1.0),
        check_bool(nesterov, "nesterov"),
        check_real(weight_decay, "weight_decay", 0.0),
    )


def check_sgd_momentum_step(
    w: Any, v: Any, g: Any, learning_rate: Any, momentum: Any, nesterov: Any, weight_decay: Any
) -> tuple[Array, Array, Array, Update]:
    """Return (w, v, g, update)."""
    w, v = check_parameter(w, "w", writable=True), check_parameter(v, "v", writable=True)
    g = check_float_array(g, "g")
    check_same_dtype(w, "w", (v, "v"), (g, "g"))
    check_same_shape(w, "w", v, "v")
    check_same_shape(w, "w", g, "g")
    check_apart([(w, "w"), (v, "v")], [(g, "g")])
    return w, v, g, check_update(learning_rate, momentum, nesterov, weight_decay)


def check_rule_step(
    kind: str, arrays: dict[str, Any], g: Any, numbers: dict[str, Any], t: Any = 1
) -> tuple[list[Array], Array, Rule, int]:
    """Return (the parameter and what is remembered of it, g, the rule, t)."""
    checked = {name: check_parameter(array, name, writable=True) for name, array in arrays.items()}
    (first, w), *others = checked.items()
    g = check_float_array(g, "g")
    check_same_dtype(w, first, *((array, name) for name, array in others), (g, "g"))
    for name, array in (*others, ("g", g)):
        check_same_shape(w, first, array, name)
    check_apart([(array, name) for name, array in checked.items()], [(g, "g")])
    rule = check_optimizer(SimpleNamespace(kind=kind, **numbers))
    if rule.rates is not None:
        raise TypeError(
            f"learning_rate must be a real number, but it is {describe(numbers['learning_rate'])}"
        )
    return list(checked.values()), g, rule, check_int(t, "t", 1, MAX_64)

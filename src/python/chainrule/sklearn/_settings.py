"""From the arguments of an estimator to what the cores take: names of activations, a network, a loss."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from numbers import Integral, Real
from typing import Any

import numpy as np

from chainrule._checks_values import check_n_threads, check_real, count
from chainrule._losses import LOSSES
from chainrule._network import HIDDEN_ACTIVATIONS, Network
from chainrule._parametric_losses import BinaryCrossEntropy, CrossEntropy, Huber, Quantile
from chainrule.optimizers import RPROP, SGD, Adagrad, Adam, RMSprop

from ._several import columns_of
from ._theirs import Interval, StrOptions, validate_setting

SAME = {"logistic": "sigmoid", "exp": "exponential"}
"""Activations that scikit-learn has by another name."""
ACTIVATIONS = ("logistic", *(name for name in HIDDEN_ACTIVATIONS if name != "step"))
OF_SCIKIT_LEARN = ("identity", "logistic", "tanh", "relu")
STOCHASTIC = ("sgd", "adam")
REGRESSION_LOSSES = ("squared_error", *(name for name in LOSSES if name not in ("cross_entropy", "binary_cross_entropy", "hinge")))  # fmt: skip

CONSTRAINTS: dict[str, list[Any]] = {
    "activation": [StrOptions(set(ACTIVATIONS)), "array-like"],
    "solver": [StrOptions({"lbfgs", *STOCHASTIC}), SGD, Adam, RMSprop, Adagrad, RPROP],
    "warm_start": ["boolean", StrOptions({"optimizer"})],
    "dropout": [Interval(Real, 0, 1, closed="left"), "array-like"],
    "n_threads": [Interval(Integral, 1, None, closed="left"), None],
    "time_budget": [Interval(Real, 0, np.inf, closed="right"), None],
}
"""What the arguments that both estimators have more than scikit-learn's may be."""
CLASSIFIER_CONSTRAINTS: dict[str, list[Any]] = {
    **CONSTRAINTS,
    "loss": [StrOptions({"log_loss", "hinge"}), CrossEntropy, BinaryCrossEntropy],
    "class_weight": [StrOptions({"balanced"}), dict, None],
}
REGRESSOR_CONSTRAINTS: dict[str, list[Any]] = {
    **CONSTRAINTS,
    "loss": [StrOptions(set(REGRESSION_LOSSES)), Huber, Quantile, callable],
    "missing_targets": ["boolean"],
}


def check_threads(estimator: Any) -> None:
    """Refuse a number of threads in the words of `fit`; it may have been set since."""
    n = estimator.n_threads
    if n is None or (type(n) is int and n > 0):  # a prediction of one row has no time for more
        return
    validate_setting(estimator, "n_threads", CONSTRAINTS["n_threads"])
    check_n_threads(n)


def check_solver(solver: Any) -> None:
    """Refuse what is no solver, where scikit-learn was told to validate no arguments: its own `fit` then trains nothing."""
    if isinstance(solver, str):
        is_known = solver in ("lbfgs", *STOCHASTIC)
    else:
        is_known = isinstance(solver, (SGD, Adam, RMSprop, Adagrad, RPROP))
    if not is_known:
        raise ValueError(
            f"solver must be 'lbfgs', 'sgd', 'adam' or one of chainrule's optimizers, but it is {solver!r}"
        )


def can_fit_partially(estimator: Any) -> bool:
    """Return whether there is `partial_fit`; scikit-learn's error says why not."""
    return not isinstance(estimator.solver, str) or bool(estimator._check_solver())


def has_margins(estimator: Any) -> bool:
    """Return whether outputs are margins, and no probabilities."""
    return bool(estimator.loss == "hinge")


def has_probabilities(estimator: Any) -> bool:
    """Return whether there are probabilities of classes."""
    return not has_margins(estimator)


def core_activation(name: str) -> str:
    """Return what the cores call an activation."""
    return SAME.get(name, name)


def is_stochastic(solver: Any) -> bool:
    """Return whether a solver takes batches: all but lbfgs."""
    return not (isinstance(solver, str) and solver == "lbfgs")


def hidden_activations(activation: Any, n_hidden: int) -> tuple[str, ...]:
    """Return the name of each hidden layer's activation, as scikit-learn or chainrule calls it."""
    if isinstance(activation, str):
        return (activation,) * n_hidden
    names = tuple(str(name) for name in activation)
    if len(names) != n_hidden:
        raise ValueError(
            f"activation has {count(len(names), 'entry')}, but the number of hidden layers is {n_hidden}"
        )
    for i, name in enumerate(names):
        if name not in ACTIVATIONS:
            raise ValueError(f"activation[{i}] must be one of {', '.join(ACTIVATIONS)}, but it is {name!r}")
    return names


def dropout_rates(dropout: Any, n_hidden: int) -> tuple[float, ...]:
    """Return the rate of each hidden layer."""
    if isinstance(dropout, Real):
        return (float(dropout),) * n_hidden
    rates = tuple(dropout)
    if len(rates) != n_hidden:
        raise ValueError(
            f"dropout has {count(len(rates), 'entry')}, but the number of hidden layers is {n_hidden}"
        )
    return tuple(check_real(rate, f"dropout[{i}]", 0.0, 1.0) for i, rate in enumerate(rates))


@lru_cache(maxsize=256)
def _network(
    sizes: tuple[int, ...], names: tuple[str, ...], dtype: str, dropout: tuple[float, ...]
) -> Network:
    names = tuple(core_activation(name) for name in names)
    return Network(sizes, names, dropout=dropout or (0.0,) * (len(names) - 1), dtype=dtype)


def network_of(estimator: Any, dtype: Any, dropout: tuple[float, ...] = ()) -> Network:
    """Return the network that the fitted attributes describe, for numbers of a dtype."""
    coefs, n_outputs = estimator.coefs_, len(estimator.intercepts_[-1])
    if n_outputs != estimator.n_outputs_:
        raise ValueError(
            f"coefs_ and intercepts_ end with {count(n_outputs, 'output')}, but n_outputs_ is {estimator.n_outputs_}"
        )
    sizes = (*(len(w) for w in coefs), n_outputs)
    activation = estimator.activation
    if type(activation) is not str:
        activation = hidden_activations(activation, len(coefs) - 1)
    else:
        activation = (activation,) * (len(coefs) - 1)
    return _network(sizes, (*activation, estimator.out_activation_), np.dtype(dtype).name, dropout)


@lru_cache(maxsize=64)
def without_first_layer(network: Network) -> Network:
    """Return the network of all layers but the first."""
    rates = network.dropout[1:]
    return Network(network.layer_sizes[1:], network.activations[1:], dropout=rates, dtype=network.dtype)


def working_dtype(*arrays: Any) -> np.dtype[Any]:
    """Return float32 if all arrays are, and else float64: what NumPy computes in, as far as the cores have it."""
    for array in arrays:
        if array.dtype.char != "f":  # of either byte order
            return np.dtype(np.float64)
    return np.dtype(np.float32)


def as_parameters(arrays: Sequence[Any], dtype: np.dtype[Any]) -> list[Any]:
    """Return arrays that the cores can read: of the dtype, in C order; those that are so are not copied."""
    return [
        a
        if type(a) is np.ndarray and a.dtype == dtype and a.flags.c_contiguous and a.flags.aligned
        else in_c_order(a, dtype)
        for a in arrays
    ]


def in_c_order(array: Any, dtype: Any) -> Any:
    """Return an array of the dtype that lies as the cores read it: in C order, and aligned, as a field of a file need not."""
    found = np.ascontiguousarray(array, dtype)
    return found if found.flags.aligned else found.copy()


@dataclass(frozen=True)
class LogLoss(CrossEntropy):
    """The cross-entropy of classes whose value is cut off as scikit-learn's: its stopping rules and line searches go by it."""

    margin: float = 0.0


@dataclass(frozen=True)
class BinaryLogLoss(BinaryCrossEntropy):
    """The same of logistic outputs."""

    margin: float = 0.0


@lru_cache(maxsize=8)
def _log_loss(out_activation: str, dtype: np.dtype[Any]) -> LogLoss | BinaryLogLoss:
    kind = LogLoss if out_activation == "softmax" else BinaryLogLoss
    return kind(margin=float(np.finfo(dtype).eps))


def is_function(loss: Any) -> bool:
    """Return whether a loss is a function of the user's."""
    return callable(loss) and not isinstance(loss, (CrossEntropy, BinaryCrossEntropy, Huber, Quantile))


def core_loss(estimator: Any, dtype: np.dtype[Any]) -> Any:
    """Return the loss that the cores take for what the estimator is to minimise, with outputs of a dtype."""
    loss = estimator.loss
    several = columns_of(estimator)
    if several is not None:
        return several
    if loss == "log_loss":
        return _log_loss(estimator.out_activation_, dtype)
    if loss == "squared_error":
        return "half_squared_error"
    return loss

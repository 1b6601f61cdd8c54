"""Outputs of a fitted estimator: the core's forward pass, and checks of X that cost little where there is little to check."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.utils.extmath import safe_sparse_dot

from chainrule._network import without_output_activation
from chainrule.backend import core

from . import _settings
from ._frames import numbers_of, refuse_unfit_columns
from ._prepared import prepared
from ._theirs import validated_inputs

SPARSE_SHARE = 0.05
"""Where fewer entries of a sparse X are stored, training with sparse products takes less time than ours of dense batches."""
SMALL = 2**12
"""So many numbers are sooner looked at one by one than summed without a warning."""


def outputs(estimator: Any, X: Any, check_input: bool, is_activated: bool = True) -> Any:
    """Return the activations of the output layer, (rows, n_out), from the fitted attributes as they are now.

    Without ``is_activated`` they are the sums before the activation, which losses are computed from.
    """
    if estimator.n_threads is not None:
        _settings.check_threads(estimator)
    if check_input and not is_plain(estimator, X):
        X = _checked(estimator, X)
    if hasattr(X, "toarray"):
        return _of_sparse(estimator, X, is_activated)
    ready = prepared(estimator)
    if ready is not None and X.shape[1] == ready.n_in and X.dtype == ready.dtype:
        if not (X.flags.c_contiguous and X.flags.aligned):
            X = _settings.in_c_order(X, ready.dtype)
        out = np.empty((len(X), ready.n_out), ready.dtype)
        network = ready.network if is_activated else without_output_activation(ready.network)
        return core().forward_checked(network, ready.weights, ready.biases, X, out, estimator.n_threads)
    dtype = _settings.working_dtype(X, *estimator.coefs_)
    network = _settings.network_of(estimator, dtype)
    return core().forward(
        network if is_activated else without_output_activation(network),
        _settings.as_parameters(estimator.coefs_, dtype),
        _settings.as_parameters(estimator.intercepts_, dtype),
        _settings.in_c_order(X, dtype),
        n_threads=estimator.n_threads,
    )


def _checked(estimator: Any, X: Any) -> Any:
    """Return X as an array or a sparse matrix, with scikit-learn's errors and warnings where these are due."""
    if type(X) is not np.ndarray and "feature_names_in_" in estimator.__dict__:
        values = numbers_of(X)
        if values is not None and list(X.columns) == estimator.feature_names_in_.tolist():
            values = values if values.dtype.kind == "f" else values.astype(np.float64)
            if is_finite(values):
                return values
    refuse_unfit_columns(X)
    return validated_inputs(estimator, X)


def is_plain(estimator: Any, X: Any) -> bool:
    """Return whether X is so that scikit-learn's checks would let it pass without a word, found out in few microseconds.

    A "no" says nothing: these checks are then to be made.
    """
    return (
        type(X) is np.ndarray
        and X.ndim == 2
        and X.shape[1] == estimator.__dict__.get("n_features_in_")
        and "feature_names_in_" not in estimator.__dict__
        and is_finite(X)
    )


def is_finite(X: Any) -> bool:
    """Return whether there are numbers of this machine's float32 or float64, and surely finite ones."""
    if X.dtype.char not in "df" or not X.dtype.isnative or X.size == 0:
        return False
    if X.size <= SMALL:
        return bool(np.isfinite(X).all())
    with np.errstate(over="ignore", invalid="ignore"):
        return bool(np.isfinite(X.sum()))


def is_mostly_zero(X: Any) -> bool:
    """Return whether X is sparse, and so few of its entries are stored that sparse products pay."""
    return hasattr(X, "toarray") and X.nnz < SPARSE_SHARE * X.shape[0] * X.shape[1]


def _of_sparse(estimator: Any, X: Any, is_activated: bool) -> Any:
    """Return the outputs of a sparse X: rows that are made dense take longer than SciPy's product, however many entries there are."""
    coefs, intercepts = estimator.coefs_, estimator.intercepts_
    sums = safe_sparse_dot(X, coefs[0])
    sums += intercepts[0]
    dtype = _settings.working_dtype(sums, *coefs[1:])
    sums = _settings.in_c_order(sums, dtype)
    network = _settings.network_of(estimator, dtype)
    if not is_activated:
        network = without_output_activation(network)
    first = core().activation(network.activations[0], sums, out=sums)
    if network.n_layers == 1:
        return first
    return core().forward(
        _settings.without_first_layer(network), _settings.as_parameters(coefs[1:], dtype),
        _settings.as_parameters(intercepts[1:], dtype), first, n_threads=estimator.n_threads
    )  # fmt: skip

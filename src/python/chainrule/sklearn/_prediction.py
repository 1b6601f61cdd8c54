"""Outputs of a fitted estimator: the core's forward pass, and checks of X that cost little where there is little to check."""

from __future__ import annotations

from typing import Any

import numpy as np

from chainrule.backend import core

from . import _settings
from ._frames import refuse_unfit_columns
from ._prepared import prepared
from ._theirs import validated_inputs

DENSE_ELEMENTS = 2**20
"""How many numbers of a sparse X are made dense together."""
SMALL = 2**12
"""So many numbers at most are looked at here; with more, scikit-learn's checks take no time that counts."""


def outputs(estimator: Any, X: Any, check_input: bool) -> Any:
    """Return the activations of the output layer, (rows, n_out), from the fitted attributes as they are now."""
    if check_input and not is_plain(estimator, X):
        refuse_unfit_columns(X)
        X = validated_inputs(estimator, X)
    if hasattr(X, "toarray"):
        return _of_sparse(estimator, X)
    ready = prepared(estimator)
    if ready is not None and X.shape[1] == ready.n_in and X.dtype == ready.dtype and X.flags.c_contiguous:
        out = np.empty((len(X), ready.n_out), ready.dtype)
        return core().forward_checked(ready.network, ready.weights, ready.biases, X, out, estimator.n_threads)
    dtype = _settings.working_dtype(X, *estimator.coefs_)
    return core().forward(
        _settings.network_of(estimator, dtype), _settings.as_parameters(estimator.coefs_, dtype),
        _settings.as_parameters(estimator.intercepts_, dtype), np.ascontiguousarray(X, dtype),
        n_threads=estimator.n_threads
    )  # fmt: skip


def is_plain(estimator: Any, X: Any) -> bool:
    """Return whether X is so that scikit-learn's checks would let it pass without a word, found out in a microsecond or two.

    A "no" says nothing: these checks are then to be made.
    """
    return (
        type(X) is np.ndarray
        and X.ndim == 2
        and X.dtype.char in "df"
        and X.dtype.isnative
        and X.shape[1] == estimator.__dict__.get("n_features_in_")
        and 0 < X.size <= SMALL
        and "feature_names_in_" not in estimator.__dict__
        and bool(np.isfinite(X).all())
    )


def _of_sparse(estimator: Any, X: Any) -> Any:
    """Return the outputs of a sparse X, of which some rows at once are made dense."""
    X = X.tocsr()
    rows = max(1, DENSE_ELEMENTS // max(1, X.shape[1]))
    parts = [outputs(estimator, X[i : i + rows].toarray(), False) for i in range(0, X.shape[0], rows)]
    return parts[0] if len(parts) == 1 else np.concatenate(parts)

"""Losses and gradients of all rows of a sparse X that is too large to be made dense at once: sums over pieces of it."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from chainrule._network import Network
from chainrule.backend import core

from . import _settings

DENSE_ELEMENTS = 2**22
"""How many numbers of a sparse X are made dense together."""


class Pieces:
    """Rows, of which some at once are given to the core.

    Parameters
    ----------
    X : ndarray or sparse matrix of shape (rows, features)
    target : ndarray
        As the core takes it.
    weight : ndarray of shape (rows,), optional
    totals : ndarray of shape (rows,), optional
        The share of each row in a mean, where ``weight`` is in the target.
    dtype : dtype
    is_whole : bool
        Whether the loss is a function that has to see all rows at once: their outputs, of which there are few.
    """

    def __init__(self, X: Any, target: Any, weight: Any, totals: Any, dtype: Any, is_whole: bool) -> None:
        self._target, self._weight, self._dtype, self._is_whole = target, weight, dtype, is_whole
        rows = len(target)
        each = max(1, DENSE_ELEMENTS // max(1, X.shape[1]))
        if not hasattr(X, "toarray") or each >= rows:
            X = _settings.in_c_order(X.toarray() if hasattr(X, "toarray") else X, dtype)
            each = rows
        else:
            X = X.tocsr()
        self._X, self._rows = X, [slice(i, i + each) for i in range(0, rows, each)]
        shares = weight if totals is None else totals
        self._shares = [
            float(len(target[rows]) if shares is None else shares[rows].sum()) for rows in self._rows
        ]

    def gradients(
        self, network: Network, coefs: Any, intercepts: Any, **settings: Any
    ) -> tuple[float, list[Any], list[Any]]:
        """Return the mean loss over rows, and its gradient."""
        if len(self._rows) == 1:
            return self._of(0, network, coefs, intercepts, settings)
        if self._is_whole:
            return self._of_whole(network, coefs, intercepts, **settings)
        total = sum(self._shares)
        loss, *gradients = 0.0, *(np.zeros_like(a) for a in (*coefs, *intercepts))
        for i, share in enumerate(self._shares):
            if share:
                value, dWs, dbs = self._of(i, network, coefs, intercepts, settings)
                loss += value * (share / total)
                for found, gradient in zip(gradients, (*dWs, *dbs), strict=True):
                    found += np.multiply(gradient, share / total, out=gradient)
        return loss, gradients[: len(coefs)], gradients[len(coefs) :]

    def _of_whole(
        self,
        network: Network,
        coefs: Any,
        intercepts: Any,
        *,
        loss: Any,
        n_threads: int | None,
        **settings: Any,
    ) -> tuple[float, list[Any], list[Any]]:
        """Return the same of a function's loss: from its derivative by all outputs go the gradients of pieces, whose sum it is."""
        output = self.outputs(network, coefs, intercepts, n_threads)
        value, derivative = core().loss_and_gradient(loss, output, self._target, sample_weight=self._weight)
        found = [np.zeros_like(a) for a in (*coefs, *intercepts)]
        for i, rows in enumerate(self._rows):
            settings["loss"] = partial(_known, derivative[rows])
            _, dWs, dbs = self._of(i, network, coefs, intercepts, {**settings, "n_threads": n_threads})
            for total, gradient in zip(found, (*dWs, *dbs), strict=True):
                total += gradient
        return value, found[: len(coefs)], found[len(coefs) :]

    def outputs(self, network: Network, coefs: Any, intercepts: Any, n_threads: int | None) -> Any:
        """Return the outputs of all rows."""
        parts = [
            core().forward(network, coefs, intercepts, self._dense(i), n_threads=n_threads)
            for i in range(len(self._rows))
        ]
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def _of(
        self, i: int, network: Network, coefs: Any, intercepts: Any, settings: dict[str, Any]
    ) -> tuple[float, list[Any], list[Any]]:
        rows = self._rows[i]
        weight = None if self._weight is None else self._weight[rows]
        target = self._target[rows]
        found: tuple[float, list[Any], list[Any]] = core().gradients(
            network, coefs, intercepts, self._dense(i), target, sample_weight=weight, **settings
        )
        return found

    def _dense(self, i: int) -> Any:
        X = self._X if len(self._rows) == 1 else self._X[self._rows[i]]
        return _settings.in_c_order(X.toarray(), self._dtype) if hasattr(X, "toarray") else X


def _known(derivative: Any, output: Any, target: Any) -> tuple[float, Any]:
    """Be a loss of rows whose derivative is known."""
    return 0.0, derivative

"""What is done to the numbers before a network sees them: scaling, and the split into training and test rows.

The names and their meaning are scikit-learn's. All is computed in float64 and rounded once to the dtype of the input.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ._checks_values import check_bool, check_real, check_sequence
from ._network import Array
from ._scaler import Scaler, check_spread
from ._split import train_test_split

__all__ = ["MinMaxScaler", "StandardScaler", "train_test_split"]


class MinMaxScaler(Scaler):
    """Scale each column to a range: ``(x - min) / (max - min) * (high - low) + low``.

    Parameters
    ----------
    feature_range : (low, high)
        Where the smallest and the largest value of each fitted column go. A constant column goes to ``low``.

    Attributes
    ----------
    data_min_, data_max_, data_range_ : ndarray of float64, shape (features,)
        Smallest and largest value of each column, and their difference.
    scale_, min_ : ndarray of float64, shape (features,)
        The same scaling as ``x * scale_ + min_``.
    n_samples_seen_, n_features_in_ : int
        Rows and columns of the fitted data.
    """

    data_min_: Array
    data_max_: Array

    _OPTIONS = ("feature_range",)
    _COLUMNS = ("data_min_", "data_max_")

    def __init__(self, feature_range: Sequence[float] = (0.0, 1.0)) -> None:
        self.feature_range = feature_range
        self._check_options()

    def _check_options(self) -> None:
        ends = check_sequence(self.feature_range, "feature_range")
        if len(ends) != 2:
            raise ValueError(f"feature_range must have 2 entries, low and high, but it has {len(ends)}")
        low, high = (check_real(end, "feature_range", -np.inf) for end in ends)
        if not low < high:
            raise ValueError(f"feature_range must have low < high, but it is ({low}, {high})")
        self.feature_range = (low, high)

    def _check_columns(self) -> bool:
        with np.errstate(over="ignore"):
            return bool((self.data_min_ <= self.data_max_).all() and np.isfinite(self.data_range_).all())

    def _learn(self, X: Array) -> None:
        low, high = X.min(axis=0), X.max(axis=0)
        check_spread(high - low)
        self.data_min_, self.data_max_ = low, high

    @property
    def data_range_(self) -> Array:
        """``data_max_ - data_min_``."""
        return self.data_max_ - self.data_min_

    @property
    def scale_(self) -> Array:
        """``(high - low) / data_range_``; ``high - low`` for a constant column."""
        low, high = self.feature_range
        return (high - low) / self._divisor()

    @property
    def min_(self) -> Array:
        """``low - data_min_ * scale_``."""
        return self.feature_range[0] - self.data_min_ * self.scale_

    def _divisor(self) -> Array:
        spread = self.data_range_
        return np.where(spread == 0, 1.0, spread)

    def _forward(self, X: Array) -> None:
        low, high = self.feature_range
        X -= self.data_min_
        X /= self._divisor()  # divided, so that the largest value comes out as 1 exactly
        X *= high - low
        X += low

    def _backward(self, X: Array) -> None:
        low, high = self.feature_range
        X -= low
        X /= high - low
        X *= self._divisor()
        X += self.data_min_


class StandardScaler(Scaler):
    """Scale each column to mean 0 and variance 1: ``(x - mean) / sqrt(variance)``.

    The variance is the mean of ``(x - mean)^2`` (divided by the rows, not the rows minus 1).

    Parameters
    ----------
    with_mean, with_std : bool
        Whether to subtract the mean, and whether to divide by the standard deviation.

    Attributes
    ----------
    mean_, var_ : ndarray of float64, shape (features,)
        Mean and variance of each column.
    scale_ : ndarray of float64, shape (features,), or None
        What is divided by: the standard deviation, or 1 for a column that is constant up to rounding.
    n_samples_seen_, n_features_in_ : int
        Rows and columns of the fitted data.
    """

    mean_: Array
    var_: Array

    _OPTIONS = ("with_mean", "with_std")
    _COLUMNS = ("mean_", "var_")

    def __init__(self, *, with_mean: bool = True, with_std: bool = True) -> None:
        self.with_mean, self.with_std = with_mean, with_std
        self._check_options()

    def _check_options(self) -> None:
        self.with_mean = check_bool(self.with_mean, "with_mean")
        self.with_std = check_bool(self.with_std, "with_std")

    def _check_columns(self) -> bool:
        return bool((self.var_ >= 0).all())

    def _learn(self, X: Array) -> None:
        mean = np.where(X.min(axis=0) == X.max(axis=0), X[0], X.mean(axis=0))  # exact where constant
        X -= mean
        rest = X.mean(axis=0)  # what rounding left in the mean
        X *= X
        var = np.maximum(X.mean(axis=0) - rest * rest, 0.0)
        check_spread(var)
        self.mean_, self.var_ = mean + rest, var

    @property
    def scale_(self) -> Array | None:
        """The standard deviation, or 1 where it is no larger than a few roundings of the mean."""
        if not self.with_std:
            return None
        std: Array = np.sqrt(self.var_)
        return np.where(std <= 8 * np.finfo(np.float64).eps * np.abs(self.mean_), 1.0, std)

    def _forward(self, X: Array) -> None:
        if self.with_mean:
            X -= self.mean_
        if (scale := self.scale_) is not None:
            X /= scale

    def _backward(self, X: Array) -> None:
        if (scale := self.scale_) is not None:
            X *= scale
        if self.with_mean:
            X += self.mean_

"""The targets of training as the cores take them, and what scikit-learn's losses add to the cores'."""

from __future__ import annotations

from numbers import Real
from typing import Any

import numpy as np

from ._settings import in_c_order
from ._several import columns_of


def core_target(estimator: Any, y: Any, dtype: np.dtype[Any]) -> Any:
    """Return class labels (rows,) for softmax outputs, else numbers (rows, n_out) of the dtype."""
    if estimator.out_activation_ == "softmax":  # y is one-hot
        return y.argmax(axis=1).astype(np.int64, copy=False)
    return in_c_order(y, dtype)


def with_weights(estimator: Any, target: Any, weight: Any) -> tuple[Any, Any]:
    """Return target and weights of rows: for several columns of classes, whose loss is called without weights, these are in the target."""
    if weight is None or columns_of(estimator) is None:
        return target, weight
    return target * weight[:, None], None


def loss_divisor(estimator: Any) -> float:
    """Return by what the core's loss is divided to be scikit-learn's.

    ``squared_error`` is reported as a mean over outputs there, while its gradient is that of their sum.
    """
    return float(estimator.n_outputs_) if estimator.loss == "squared_error" else 1.0


def output_weights(estimator: Any) -> tuple[float, ...] | None:
    """Return factors of the outputs: Poisson losses of several outputs are summed by scikit-learn, averaged by the cores."""
    n = estimator.n_outputs_
    return (float(n),) * n if estimator.loss == "poisson" and n > 1 else None


def log_loss_of_rounded(output: Any, target: Any, weight: Any) -> float:
    """Return the log loss of logistic outputs as scikit-learn computes it: from rounded probabilities.

    Where one is near to 1, what it lacks has few digits left, and the logarithm of that shows it; the cores' losses do not.

    Parameters
    ----------
    output, target : ndarray of shape (rows, n_out)
    weight : ndarray of shape (rows,) or None
    """
    eps = np.finfo(output.dtype).eps
    p = np.clip(output, eps, 1 - eps)
    losses = -(target * np.log(p) + (1 - target) * np.log1p(-p)).sum(axis=1)
    return float(np.average(losses, weights=weight))


def constants(estimator: Any, y: Any) -> Any:
    """Return what scikit-learn's loss of each row has more than the core's and no parameter changes, (rows,); or None."""
    if estimator.loss != "poisson":
        return None
    from scipy.special import xlogy  # type: ignore[import-untyped]

    numbers = np.where(np.isnan(y), 0, y).astype(np.float64)
    return (xlogy(numbers, numbers) - numbers).sum(axis=1)


def check_class_weight(estimator: Any, incremental: bool) -> None:
    """Refuse weights of classes that are no weights, or need labels that are not there."""
    class_weight = getattr(estimator, "class_weight", None)
    for label, weight in class_weight.items() if isinstance(class_weight, dict) else ():
        if not isinstance(weight, Real) or not 0 <= float(weight) < np.inf:
            raise ValueError(
                f"class_weight[{label!r}] must be a finite number of at least 0, but it is {weight!r}"
            )
    if incremental and class_weight == "balanced":
        raise ValueError(
            "class_weight='balanced' needs all of y and so is not for partial_fit; compute the weights with "
            "sklearn.utils.class_weight.compute_class_weight and pass them as a dict"
        )


def balanced(estimator: Any, y: Any) -> Any:
    """Return the weight of each row by its class, as ``class_weight`` says; None if it says nothing. y is validated."""
    class_weight = getattr(estimator, "class_weight", None)
    if class_weight is None:
        return None
    from sklearn.utils.class_weight import compute_sample_weight

    return compute_sample_weight(class_weight, y)

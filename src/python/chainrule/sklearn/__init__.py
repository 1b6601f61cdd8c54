"""scikit-learn's `MLPClassifier` and `MLPRegressor`, trained and asked in chainrule's core.

>>> from chainrule.sklearn import MLPClassifier, MLPRegressor

instead of ``from sklearn.neural_network import ...``: the classes are subclasses of scikit-learn's, with its arguments, fitted
attributes, methods, warnings and messages. The same ``random_state`` gives the same first weights, rows held out and orders of
rows, so that the same steps lead to the same coefficients, but for rounding. They also have what scikit-learn's lack: dropout, an
activation for each layer, other losses (quantiles and hinge among them) and optimizers with schedules, several columns of classes,
`class_weight`, rows of yours to validate on, callbacks, targets that are missing, a budget of time.

What differs from scikit-learn:

- A fit that is refused leaves the estimator as it was, where scikit-learn's may have labels of the refused call, or no fit at all.
- Parameters, or a loss, that are no longer finite end a fit at once, with scikit-learn's error; with early stopping, with a warning
  and the best parameters.
- Rounding is not the same, and where training at a high rate makes any disturbance grow, so does this one.
- Losses of logistic outputs are computed from the sums before the activation, scikit-learn's from rounded probabilities: they differ
  for rows whose output is within 1e-9 of the wrong end (float32: 1e-2), but with "lbfgs", whose line search goes by them.
- Poisson losses are computed by logarithms, and stay finite where scikit-learn divides by 0.
- Several columns of whole numbers other than 0 and 1 are classes of each column, where scikit-learn takes two numbers, whatever they
  are, for the absence and presence of a label.
- Arrays of `coefs_` that share memory, as tied weights do, predict, but are refused by further training.
- scikit-learn's private methods for losses, gradients and stopping are not called: a subclass that changes them changes nothing.
- A batch whose weights are all 0 counts nothing, where scikit-learn raises ZeroDivisionError; weights below 0 are refused.
- ``momentum=1``, and X of which less than a twentieth is stored, run scikit-learn's own loop; with ``momentum=1`` what that lacks
  (callbacks, rows to validate on, missing targets, ...) is refused.
- With scikit-learn 1.5 and 1.6, whose own have none, there is `sample_weight` here, and `classes` of `partial_fit` is given by name.

This module needs scikit-learn 1.5 or later (``pip install "chainrule[sklearn]"``); ``import chainrule`` does not import it.
"""

from __future__ import annotations

from ._events import EstimatorFit
from .classifier import MLPClassifier
from .displays import LossCurveDisplay
from .regressor import MLPRegressor

__all__ = ["EstimatorFit", "LossCurveDisplay", "MLPClassifier", "MLPRegressor"]

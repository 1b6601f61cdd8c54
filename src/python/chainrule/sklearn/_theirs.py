"""What of scikit-learn's own multilayer perceptrons is used here: their classes, and the private names that are leaned on.

All of it is imported in this place, and looked at once: where a version of scikit-learn lacks something, importing
`chainrule.sklearn` says so, and no fit fails half-way.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from inspect import signature
from itertools import pairwise
from types import FunctionType
from typing import Any, TypeVar

import numpy as np

try:
    import scipy  # type: ignore[import-untyped]
    import sklearn
    from sklearn.neural_network import MLPClassifier, MLPRegressor
    from sklearn.neural_network import _multilayer_perceptron as _module
    from sklearn.neural_network import _stochastic_optimizers as _optimizers
    from sklearn.utils import fixes as _fixes
    from sklearn.utils import validation as _validation
    from sklearn.utils._param_validation import Interval, StrOptions
    from sklearn.utils._param_validation import (
        validate_parameter_constraints as _validate_parameter_constraints,
    )
    from sklearn.utils.metaestimators import available_if as _available_if
    from sklearn.utils.validation import _check_sample_weight as check_sample_weight
except ImportError as error:
    raise ImportError(
        f"chainrule.sklearn needs scikit-learn 1.5 or later ({error}); install it with pip install 'chainrule[sklearn]'"
    ) from error

try:
    from sklearn.callback import CallbackSupportMixin as CallbackSupport
except ImportError:  # before 1.9

    class CallbackSupport:  # type: ignore[no-redef]
        """Nothing: scikit-learn has no callbacks yet."""


F = TypeVar("F", bound=Callable[..., Any])

_HOOKS = (
    "_fit", "_fit_lbfgs", "_fit_stochastic", "_forward_pass_fast", "_init_coef", "_initialize", "_predict", "_validate_input"
)  # fmt: skip
"""The private methods that the classes here replace or call."""
_NAMES = (
    "AdamOptimizer", "LabelBinarizer", "SGDOptimizer", "_check_optimize_result", "_check_partial_fit_first_call",
    "_fit_context", "type_of_target"
)  # fmt: skip
"""What else is used of the module."""

for _name in _NAMES:
    if not hasattr(_module, _name):
        raise ImportError(
            f"chainrule.sklearn does not know scikit-learn {sklearn.__version__}, which lacks {_name}"
        )
for _class in (MLPClassifier, MLPRegressor):
    for _name in _HOOKS:
        if not hasattr(_class, _name):
            raise ImportError(
                f"chainrule.sklearn does not know scikit-learn {sklearn.__version__}, whose {_class.__name__} lacks {_name}"
            )

BaseOptimizer: Any = _optimizers.BaseOptimizer
AdamOptimizer: Any = _module.AdamOptimizer
SGDOptimizer: Any = _module.SGDOptimizer
_check_optimize_result: Any = _module._check_optimize_result
check_partial_fit_first_call: Any = _module._check_partial_fit_first_call
LabelBinarizer: Any = _module.LabelBinarizer
type_of_target: Any = _module.type_of_target


def validates(method: F) -> F:
    """Check the arguments of the constructor before a method runs, as scikit-learn does."""
    checked: F = _module._fit_context(prefer_skip_nested_validation=True)(method)
    return checked


HAS_WEIGHTS = "sample_weight" in signature(MLPClassifier.fit).parameters
"""Whether `fit` takes sample weights: from 1.7 on."""
HAS_LOSS = "loss" in signature(MLPRegressor).parameters
"""Whether the regressor has a loss, which then is its first argument: from 1.7 on."""


def _said_by_scikit_learn(function: F) -> F:
    """Return a function whose warnings are of scikit-learn's module: scripts silence them by ``module="sklearn"``.

    Whose a warning is, `warnings` finds out from the names that the code sees: here those of that module, which has
    `warnings` and ``_check_optimize_result``, too.
    """
    theirs: Any = FunctionType(
        function.__code__, vars(_module), function.__name__, function.__defaults__
    )  # fmt: skip
    found: F = theirs
    return found


@_said_by_scikit_learn
def warn(message: str, category: type[Warning] = UserWarning) -> None:
    """Warn of what scikit-learn warns of."""
    warnings.warn(message, category, stacklevel=1)


@_said_by_scikit_learn
def check_optimize_result(found: Any, max_iter: int) -> Any:
    """Return the number of iterations of L-BFGS; warn where it has not converged."""
    return _check_optimize_result("lbfgs", found, max_iter)


def validated_inputs(estimator: Any, X: Any, **settings: Any) -> Any:
    """Return the inputs as scikit-learn checks them, with its errors and warnings."""
    settings = {"accept_sparse": ["csr", "csc"], "reset": False, **settings}
    if hasattr(_validation, "validate_data"):  # from 1.6 on
        return _validation.validate_data(estimator, X, **settings)
    return estimator._validate_data(X, **settings)


def validate_setting(estimator: Any, name: str, constraints: list[Any]) -> None:
    """Validate one argument of an estimator as scikit-learn does before a fit, if it does."""
    if not sklearn.get_config()["skip_parameter_validation"]:
        _validate_parameter_constraints(
            {name: constraints}, {name: getattr(estimator, name)}, caller_name=type(estimator).__name__
        )


def available_if(check: Callable[[Any], bool]) -> Callable[[F], F]:
    """Return a decorator: the method exists only where the check of its estimator does not refuse it."""
    decorator: Callable[[F], F] = _available_if(check)
    return decorator


def own_stochastic_fit(
    parent: Any, X: Any, y: Any, sample_weight: Any, layer_units: list[int], incremental: bool
) -> None:
    """Run scikit-learn's own loop of `sgd` and `adam`."""
    parent._fit_stochastic(*_arguments(X, y, sample_weight, layer_units), incremental)


def own_lbfgs_fit(parent: Any, X: Any, y: Any, sample_weight: Any, layer_units: list[int]) -> None:
    """Run scikit-learn's own `lbfgs`."""
    parent._fit_lbfgs(*_arguments(X, y, sample_weight, layer_units))


def _arguments(X: Any, y: Any, sample_weight: Any, layer_units: list[int]) -> list[Any]:
    """Return what scikit-learn's own solvers are given."""
    n = len(layer_units)
    shapes = list(pairwise(layer_units))
    coef_grads = [np.empty(shape, X.dtype) for shape in shapes]
    intercept_grads = [np.empty(shape[1], X.dtype) for shape in shapes]
    weights = [sample_weight] if HAS_WEIGHTS else []
    lists = [[X] + [None] * (n - 1), [None] * (n - 1), coef_grads, intercept_grads]
    return [X, y, *weights, *lists, layer_units]


def lbfgs_options(iprint: int) -> dict[str, int]:
    """Return the option of SciPy's L-BFGS that scikit-learn gives it to print, where SciPy still has it."""
    found = getattr(_fixes, "_get_additional_lbfgs_options_dict", None)
    if found is None:
        return {"iprint": iprint} if tuple(map(int, scipy.__version__.split(".")[:2])) < (1, 15) else {}
    options: dict[str, int] = found("iprint", iprint)
    return options


__all__ = [
    "HAS_LOSS",
    "HAS_WEIGHTS",
    "AdamOptimizer",
    "BaseOptimizer",
    "CallbackSupport",
    "Interval",
    "LabelBinarizer",
    "MLPClassifier",
    "MLPRegressor",
    "SGDOptimizer",
    "StrOptions",
    "available_if",
    "check_optimize_result",
    "check_partial_fit_first_call",
    "check_sample_weight",
    "lbfgs_options",
    "own_lbfgs_fit",
    "own_stochastic_fit",
    "type_of_target",
    "validate_setting",
    "validated_inputs",
    "validates",
    "warn",
]

"""Multilayer perceptrons on the CPU: native speed, readable mathematics, the same bits everywhere.

>>> import chainrule as cr
>>> model = cr.MLP([64, 128, 10], output_activation="softmax", dropout=0.2, seed=0)
>>> trainer = cr.Trainer(model, loss="cross_entropy", optimizer=cr.SGD(0.05, momentum=0.9), batch_size=64)

Conventions, for all of it: rows are samples; weights are (n_in, n_out) and ``Z = X W + b``; losses are averaged over
the rows of a batch; dropout is inverted; random numbers depend on seed, epoch, step and position alone.
`chainrule.reference` is the whole mathematics in NumPy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ._version import __version__
from .backend import (  # not when asked for: the module has the name of the function
    backend,
    get_backend,
    set_backend,
)

if TYPE_CHECKING:
    from . import initializers, losses, metrics, schedules
    from ._fitted_recipe import FittedRecipe
    from ._lbfgs import LBFGS
    from ._levenberg_marquardt import LevenbergMarquardt
    from ._run_file import TornEntryWarning
    from .callbacks import Callback
    from .checkpoints import Checkpoints
    from .config import show_config
    from .history import Ending, History
    from .inputs import DtypeConversionWarning
    from .learning_rate_finder import LearningRates, find_learning_rate
    from .many import each, fit_many
    from .model import MLP
    from .optimizers import RPROP, SGD, Adagrad, Adam, AdamW, RMSprop
    from .passes import ForwardPass, Gradients
    from .persistence import load
    from .predictor import Predictor
    from .recipe import Recipe, recommended
    from .stopping import EarlyStopping
    from .trainer import Trainer

_MODULES = (
    "datasets", "export", "health", "initializers", "interchange", "losses", "metrics", "native", "plots", "preprocessing",
    "progress", "reference", "report", "schedules", "streams", "targets", "trace",
)  # fmt: skip
_NAMES = {
    "_fitted_recipe": ("FittedRecipe",),
    "_lbfgs": ("LBFGS",),
    "_levenberg_marquardt": ("LevenbergMarquardt",),
    "_run_file": ("TornEntryWarning",),
    "callbacks": ("Callback",),
    "checkpoints": ("Checkpoints",),
    "config": ("show_config",),
    "history": ("Ending", "History"),
    "inputs": ("DtypeConversionWarning",),
    "learning_rate_finder": ("LearningRates", "find_learning_rate"),
    "many": ("each", "fit_many"),
    "model": ("MLP",),
    "optimizers": ("RPROP", "SGD", "Adagrad", "Adam", "AdamW", "RMSprop"),
    "passes": ("ForwardPass", "Gradients"),
    "persistence": ("load",),
    "predictor": ("Predictor",),
    "recipe": ("Recipe", "recommended"),
    "stopping": ("EarlyStopping",),
    "trainer": ("Trainer",),
}
"""What is imported when it is first asked for, and from where: `import chainrule` alone takes a millisecond. A new name stands here,
above for type checkers, and in `__all__`."""
_MODULE_OF = {name: module for module, names in _NAMES.items() for name in names}

__all__ = [
    "LBFGS",
    "MLP",
    "RPROP",
    "SGD",
    "Adagrad",
    "Adam",
    "AdamW",
    "Callback",
    "Checkpoints",
    "DtypeConversionWarning",
    "EarlyStopping",
    "Ending",
    "FittedRecipe",
    "ForwardPass",
    "Gradients",
    "History",
    "LearningRates",
    "LevenbergMarquardt",
    "Predictor",
    "RMSprop",
    "Recipe",
    "TornEntryWarning",
    "Trainer",
    "__version__",
    "backend",
    "datasets",
    "each",
    "export",
    "find_learning_rate",
    "fit_many",
    "get_backend",
    "health",
    "initializers",
    "interchange",
    "load",
    "losses",
    "metrics",
    "native",
    "plots",
    "preprocessing",
    "recommended",
    "reference",
    "report",
    "schedules",
    "set_backend",
    "show_config",
    "streams",
    "trace",
]


def __getattr__(name: str) -> Any:
    is_module = name in _MODULES or name in _NAMES
    if not is_module and name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    if is_module:
        return import_module(f"{__name__}.{name}")
    globals()[name] = found = getattr(import_module(f"{__name__}.{_MODULE_OF[name]}"), name)
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})

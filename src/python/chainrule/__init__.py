"""Multilayer perceptrons on the CPU: native speed, readable mathematics, the same bits everywhere.

>>> import chainrule as cr
>>> model = cr.MLP([64, 128, 10], output_activation="softmax", dropout=0.2, seed=0)
>>> trainer = cr.Trainer(model, loss="cross_entropy", optimizer=cr.SGD(0.05, momentum=0.9), batch_size=64)

Conventions, for all of it: rows are samples; weights are (n_in, n_out) and ``Z = X W + b``; losses are averaged over
the rows of a batch; dropout is inverted; random numbers depend on seed, epoch, step and position alone.
`chainrule.reference` is the whole mathematics in NumPy.
"""

from __future__ import annotations

from typing import Any

from . import initializers, losses, metrics, schedules
from ._fitted_recipe import FittedRecipe
from ._lbfgs import LBFGS
from ._levenberg_marquardt import LevenbergMarquardt
from ._run_file import TornEntryWarning
from ._version import __version__
from .backend import backend, get_backend, set_backend
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
    "datasets",
    "export",
    "health",
    "interchange",
    "native",
    "plots",
    "preprocessing",
    "reference",
    "report",
    "streams",
    "trace",
)  # imported when they are first asked for

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
    if name in _MODULES:
        from importlib import import_module

        return import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})

"""The settings of a trainer, each with its check."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from . import _checks
from ._checks_values import check_bool, check_int, check_n_threads
from ._rules import check_optimizer
from ._whole_batch import takes_all_rows
from .losses import find_loss


def _check_batch_size(batch_size: Any) -> int | str:
    if isinstance(batch_size, str):
        if batch_size != "full":
            raise ValueError(f"batch_size must be an int or 'full', but it is {batch_size!r}")
        return batch_size
    return check_int(batch_size, "batch_size", 1)


def _check_optimizer(optimizer: Any) -> Any:
    if not takes_all_rows(optimizer):
        check_optimizer(optimizer)
    return optimizer


SETTINGS: dict[str, Callable[[Any], Any]] = {
    "loss": find_loss,
    "output_weights": lambda weights: weights,  # checked with the loss and the network: by the trainer
    "optimizer": _check_optimizer,
    "batch_size": _check_batch_size,
    "shuffle": lambda shuffle: check_bool(shuffle, "shuffle"),
    "seed": _checks.check_seed,
    "n_threads": check_n_threads,
    "frozen": lambda frozen: frozen,  # checked with the network: by the trainer
}
LATER: dict[str, Any] = {"frozen": ()}
"""Settings that came later, with their defaults. A record has them only where they are something else, so that one
without them is read by any version."""


def settings_of(trainer: Any) -> dict[str, Any]:
    """Return the settings of a trainer that its record has."""
    settings = {name: getattr(trainer, name) for name in SETTINGS}
    return {name: value for name, value in settings.items() if name not in LATER or value != LATER[name]}

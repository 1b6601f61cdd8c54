"""The options of `train` that say how weights change, and the optimizer they make."""

from __future__ import annotations

import argparse
from dataclasses import fields
from typing import Any

from chainrule._lbfgs import LBFGS
from chainrule._levenberg_marquardt import LevenbergMarquardt
from chainrule._whole_batch import takes_all_rows
from chainrule.optimizers import RPROP, SGD, Adagrad, Adam, AdamW, RMSprop
from chainrule.schedules import Cosine, OneCycle

from ._options import real

OPTIMIZERS: dict[str, type[Any]] = {
    "sgd": SGD, "adam": Adam, "adamw": AdamW, "rmsprop": RMSprop, "adagrad": Adagrad, "rprop": RPROP,
    "lbfgs": LBFGS, "levenberg-marquardt": LevenbergMarquardt,
}  # fmt: skip
SCHEDULES = ("constant", "cosine", "one-cycle")

_OPTIONS = ("learning_rate", "momentum", "nesterov", "weight_decay", "l1", "clip_norm", "max_norm")
_SGD_DEFAULTS = {"learning_rate": 0.05, "momentum": 0.9}
"""Other than those of the class: what suits most tables."""


def add_optimizer(group: argparse._ArgumentGroup) -> None:
    """Add the options."""
    group.add_argument("--optimizer", choices=tuple(OPTIMIZERS), default="sgd", help="default sgd")
    group.add_argument(
        "--learning-rate", type=real(0), metavar="X", help="default 0.05 for sgd, else the optimizer's own"
    )
    group.add_argument(
        "--schedule",
        choices=SCHEDULES,
        default="constant",
        help="of the learning rate, over all epochs (default constant)",
    )
    group.add_argument("--momentum", type=real(0, 1), metavar="X", help="default 0.9 for sgd")
    group.add_argument("--nesterov", action="store_true", default=None, help="Nesterov's momentum")
    group.add_argument("--weight-decay", type=real(0), metavar="X", help="default 0; 0.01 for adamw")
    group.add_argument("--l1", type=real(0), metavar="X", help="penalty of absolute weights (default 0)")
    group.add_argument("--clip-norm", type=real(0), metavar="X", help="limit of the length of the gradient")
    group.add_argument(
        "--max-norm", type=real(0), metavar="X", help="limit of the length of a unit's weights"
    )


def check_optimizer_usage(args: argparse.Namespace) -> None:
    """Refuse options that the optimizer has no use for, as argparse does."""
    kind = OPTIMIZERS[args.optimizer]
    known = {each.name for each in fields(kind)}
    for name in _OPTIONS:
        option = "--" + name.replace("_", "-")
        if getattr(args, name) is not None and name not in known:
            args.parser.error(f"{option} is not for --optimizer {args.optimizer}")
        if name in ("clip_norm", "max_norm") and getattr(args, name) == 0:
            args.parser.error(f"{option} must be greater than 0")
    if args.schedule != "constant" and ("learning_rate" not in known or kind is RPROP):
        args.parser.error(f"--schedule is not for --optimizer {args.optimizer}, which chooses its own steps")
    if takes_all(args) and args.batch_size is not None:
        args.parser.error(
            f"--batch-size is not for --optimizer {args.optimizer}, which takes all rows at once"
        )


def takes_all(args: argparse.Namespace) -> bool:
    """Return whether the optimizer takes all rows at once."""
    kind = OPTIMIZERS[args.optimizer]
    return kind is RPROP or takes_all_rows(kind())


def make_optimizer(args: argparse.Namespace, rows: int) -> Any:
    """Return the optimizer for a training with so many rows."""
    given = {name: getattr(args, name) for name in _OPTIONS if getattr(args, name) is not None}
    if args.optimizer == "sgd":
        given = {**_SGD_DEFAULTS, **given}
    kind = OPTIMIZERS[args.optimizer]
    if args.schedule != "constant":
        rate = given.get("learning_rate", kind.learning_rate)
        steps = args.epochs * -(-rows // (args.batch_size or DEFAULT_BATCH))
        given["learning_rate"] = (Cosine if args.schedule == "cosine" else OneCycle)(rate, steps)
    return kind(**given)


DEFAULT_BATCH = 32

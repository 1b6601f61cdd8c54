"""The options of `train` that say what is minimised, and which output fits it."""

from __future__ import annotations

import argparse
from typing import Any

from chainrule._checks import check_loss
from chainrule._losses import LOSSES, NEEDS_OUTPUT
from chainrule.losses import BinaryCrossEntropy, CrossEntropy

from ._options import CommandError, real

_SMOOTHED = {"cross_entropy": CrossEntropy, "binary_cross_entropy": BinaryCrossEntropy}
_OF_CLASSES = (*_SMOOTHED, "hinge")
_CLASSES_FIT = {"softmax": "cross_entropy", "sigmoid": "binary_cross_entropy"}


def add_loss(group: Any) -> None:
    """Add the options to a group of an argument parser."""
    group.add_argument("--loss", choices=LOSSES, help="default: what fits the output activation")
    group.add_argument(
        "--label-smoothing",
        type=real(0, 1),
        metavar="SHARE",
        help="share of each target that is spread over all classes; for the cross-entropies",
    )
    group.add_argument(
        "--class-weight", choices=("balanced",), help="let all classes count the same, however rare they are"
    )


def choose_output(output: str | None, loss: str | None, classes: bool) -> tuple[str, str]:
    """Return the output activation and the loss, where one or both may be left open (None).

    Raises
    ------
    CommandError
        If they do not fit each other, or not the task.
    """
    output = output or NEEDS_OUTPUT.get(loss or "", (None,))[0] or ("softmax" if classes else "identity")
    loss = loss or (_CLASSES_FIT.get(output) if classes else None)
    loss = loss or ("poisson" if output == "exponential" else "mean_squared_error")
    if not classes and (output == "softmax" or loss in _OF_CLASSES):
        wrong = "the output activation softmax" if output == "softmax" else f"the loss {loss}"
        raise CommandError(f"{wrong} is for classes, but the target is a quantity")
    try:
        check_loss(loss, output)
    except ValueError as error:
        raise CommandError(str(error)) from None
    return output, loss


def make_loss(args: argparse.Namespace, name: str) -> Any:
    """Return the loss as a trainer takes it.

    Raises
    ------
    CommandError
        If the options do not fit the loss.
    """
    if args.class_weight is not None and name not in _OF_CLASSES:
        raise CommandError(f"--class-weight is for losses of classes, but the loss is {name}")
    if args.label_smoothing is None:
        return name
    if name not in _SMOOTHED:
        raise CommandError(f"--label-smoothing is for {' and '.join(_SMOOTHED)}, but the loss is {name}")
    return _SMOOTHED[name](args.label_smoothing)

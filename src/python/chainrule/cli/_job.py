"""What `train` decides and does, step by step, once the rows are there."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import TypeVar

import numpy as np

from chainrule import metrics
from chainrule._checks import check_loss
from chainrule._network import ACTIVATIONS, Array
from chainrule.model import MLP
from chainrule.preprocessing import MinMaxScaler
from chainrule.tabular import SCALERS, Scaler, TablePreprocessing
from chainrule.trainer import Trainer

from ._data import Rows
from ._optimizer import DEFAULT_BATCH, make_optimizer, takes_all
from ._options import CommandError

_LOSS_NEEDS = {"cross_entropy": "softmax", "binary_cross_entropy": "sigmoid"}
_CLASSES_FIT = {"softmax": "cross_entropy", "sigmoid": "binary_cross_entropy"}
_RANGES = {
    name: (-1.0 if name in ("tanh", "softsign") else 0.0, 1.0)
    for name in ACTIVATIONS
    if name not in ("identity", "softmax")
}
"""Where an output activation reaches, and is steep: a quantity is scaled to this range, whatever scales the inputs."""

_T = TypeVar("_T")


def choose_output(output: str | None, loss: str | None, classes: bool) -> tuple[str, str]:
    """Return the output activation and the loss, where one or both may be left open (None).

    Raises
    ------
    CommandError
        If they do not fit each other, or not the task.
    """
    output = output or _LOSS_NEEDS.get(loss or "") or ("softmax" if classes else "identity")
    loss = loss or (_CLASSES_FIT.get(output) if classes else None) or "mean_squared_error"
    if not classes and (output == "softmax" or loss in _LOSS_NEEDS):
        wrong = "the output activation softmax" if output == "softmax" else f"the loss {loss}"
        raise CommandError(f"{wrong} is for classes, but the target is a quantity")
    try:
        check_loss(loss, output)
    except ValueError as error:
        raise CommandError(str(error)) from None
    return output, loss


def prepare(args: argparse.Namespace, rows: Rows, X: Array, y: Array, output: str) -> TablePreprocessing:
    """Return the preprocessing, its scalers fitted to the training rows X and y."""
    if args.scale == "none":
        return TablePreprocessing(rows.feature_names, None, rows.target_name, rows.target.class_names)
    target_scaler: Scaler | None = None
    if rows.target.class_names is None:
        target_scaler = MinMaxScaler(_RANGES[output]) if output in _RANGES else SCALERS[args.scale]()
        target_scaler.fit(y[:, np.newaxis])
    scaler = SCALERS[args.scale]().fit(X)
    return TablePreprocessing(
        rows.feature_names, scaler, rows.target_name, rows.target.class_names, target_scaler
    )


def make_trainer(args: argparse.Namespace, rows: Rows, output: str, loss: str, n_rows: int) -> Trainer:
    """Return a trainer with a new model, for so many rows to learn from."""
    classes = rows.target.class_names
    one = classes is None or (len(classes) == 2 and output == "sigmoid")
    drops = args.dataset == "digits" and not takes_all(args)
    dropout = args.dropout or ([0.2] if drops else [0.0])
    model = MLP(
        [len(rows.feature_names), *args.layers, 1 if one or classes is None else len(classes)],
        activation=_one_or_each(args.activation),
        output_activation=output,
        dropout=_one_or_each(dropout),
        seed=args.seed,
    )
    if args.validation_split is not None:
        n_rows -= round(args.validation_split * n_rows)
    return Trainer(
        model,
        loss=loss,
        optimizer=make_optimizer(args, n_rows),
        batch_size="full" if takes_all(args) else args.batch_size or DEFAULT_BATCH,
        seed=args.seed,
        n_threads=args.threads,
    )


def judge(model: MLP, preprocessing: TablePreprocessing, X: Array, y: Array, n_threads: int | None) -> str:
    """Say how good the model is on rows that it was not trained on."""
    outputs = model.predict(preprocessing.inputs(X, model.dtype), n_threads=n_threads)
    held_out = f"on {len(y)} held-out row{'s' * (len(y) != 1)}"
    if preprocessing.class_names is not None:
        right = int((preprocessing.labels(outputs) == y).sum())
        return f"accuracy {right / len(y):.4f} {held_out} ({right} right)"
    prediction = preprocessing.quantities(outputs)[:, np.newaxis]
    r2, error = metrics.r2(y, prediction), metrics.mean_absolute_error(y, prediction)
    return f"R2 {r2:.4f}, mean absolute error {error:.6g} {held_out}"


def _one_or_each(values: Sequence[_T]) -> _T | Sequence[_T]:
    return values[0] if len(values) == 1 else values

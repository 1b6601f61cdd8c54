"""What `train` decides and does, step by step, once the rows are there."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import TypeVar

import numpy as np

from chainrule import metrics
from chainrule._network import ACTIVATIONS, Array
from chainrule.model import MLP
from chainrule.preprocessing import MinMaxScaler
from chainrule.tabular import SCALERS, Scaler, TablePreprocessing
from chainrule.trainer import Trainer

from ._data import Rows
from ._loss import make_loss
from ._optimizer import DEFAULT_BATCH, make_optimizer, takes_all

_RANGES = {
    name: (-1.0 if name in ("tanh", "softsign") else 0.0, 1.0)
    for name in ACTIVATIONS
    if name not in ("identity", "exponential", "softmax")
}
"""Where an output activation reaches, and is steep: a quantity is scaled to this range, whatever scales the inputs.

Not for exponential: counts and rates are what they are."""

_T = TypeVar("_T")


def prepare(args: argparse.Namespace, rows: Rows, X: Array, y: Array, output: str) -> TablePreprocessing:
    """Return the preprocessing, its scalers fitted to the training rows X and y."""
    if args.scale == "none":
        return TablePreprocessing(rows.feature_names, None, rows.target_name, rows.target.class_names)
    target_scaler: Scaler | None = None
    if rows.target.class_names is None and output != "exponential":
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
        input_dropout=args.input_dropout,
        input_noise=args.input_noise,
        seed=args.seed,
    )
    if args.validation_split is not None:
        n_rows -= round(args.validation_split * n_rows)
    return Trainer(
        model,
        loss=make_loss(args, loss),
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

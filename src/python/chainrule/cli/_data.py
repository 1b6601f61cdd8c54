"""The rows to train on: a CSV file, or a data set that comes with the package."""

from __future__ import annotations

import argparse
from dataclasses import dataclass

import numpy as np

from chainrule._network import Array
from chainrule.datasets import load_digits, load_three_inputs
from chainrule.preprocessing import train_test_split

from ._csv import read_table
from ._options import CommandError
from ._target import Target, read_target

DATASETS = {"digits": load_digits, "three-inputs": load_three_inputs}


@dataclass
class Rows:
    """Unscaled rows, shape (rows, features), each with what is to be predicted."""

    feature_names: tuple[str, ...]
    X: Array
    target_name: str
    target: Target


def load_rows(args: argparse.Namespace) -> Rows:
    """Load what the options of `train` name."""
    if args.dataset is None:
        table = read_table(args.data, target=args.target, ignore=args.ignore, delimiter=args.delimiter)
        return Rows(
            tuple(table.feature_names), table.X, args.target, read_target(table, args.target, args.task)
        )
    data = DATASETS[args.dataset]()
    if np.issubdtype(data.target.dtype, np.integer):
        return Rows(data.feature_names, data.data, "digit", Target(data.target, data.target_names))
    return Rows(data.feature_names, data.data, data.target_names[0], Target(data.target, None))


def split(rows: Rows, test_size: float, seed: int) -> tuple[Array, Array, Array, Array]:
    """Return X_train, X_test, y_train, y_test; classes have equal shares of both where there are rows enough.

    With ``test_size=0`` the test parts have no rows.
    """
    X, y = rows.X, rows.target.values
    if test_size == 0:
        return X, X[:0], y, y[:0]
    try:
        stratify = None
        if rows.target.class_names is not None and np.bincount(y).min() >= 2:
            n_test = len(train_test_split(y, test_size=test_size)[1])
            if min(n_test, len(y) - n_test) >= len(rows.target.class_names):
                stratify = y
        X_train, X_test, y_train, y_test = train_test_split(
            X, y, test_size=test_size, seed=seed, stratify=stratify
        )
    except ValueError as error:
        raise CommandError(str(error).replace("test_size=", "--test-size ")) from None
    return X_train, X_test, y_train, y_test

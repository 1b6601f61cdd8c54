"""The rows that a saved network is judged by: inputs and targets as the network takes them."""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np

from chainrule._checks_values import count
from chainrule._network import Array
from chainrule.model import MLP
from chainrule.tabular import TablePreprocessing

from ._csv import CsvError, Table, parse_number, read_table, shorten
from ._data import DATASETS
from ._options import CommandError


def judged_rows(
    args: argparse.Namespace, model: MLP, preprocessing: TablePreprocessing | None
) -> tuple[Any, Any]:
    """Return X and y by the options --data, --target, --delimiter and --dataset; None and None without them.

    Raises
    ------
    CommandError, CsvError, OSError
        If there are no such rows, or they do not fit the network.
    """
    network = model.network
    if args.dataset is not None:
        data = DATASETS[args.dataset]()
        X, values = data.data, data.target
        if X.shape[1] != network.n_in:
            raise CommandError(
                f"{args.dataset} has {count(X.shape[1], 'column')}, but the network has {count(network.n_in, 'input')}"
            )
    elif args.data is not None:
        X, values = _table(args, model, preprocessing)
    else:
        return None, None
    if preprocessing is not None:
        return preprocessing.inputs(X, model.dtype), preprocessing.targets(values, network)
    return X.astype(model.dtype), values if network.n_out > 1 else values.astype(model.dtype)


def _table(
    args: argparse.Namespace, model: MLP, preprocessing: TablePreprocessing | None
) -> tuple[Array, Array]:
    network = model.network
    target = args.target if args.target is not None or preprocessing is None else preprocessing.target_name
    if target is None:
        raise CommandError("--target is needed: which column of the file does the network predict?")
    features = None if preprocessing is None else preprocessing.feature_names
    table = read_table(args.data, features=features, target=target, delimiter=args.delimiter)
    if table.X.shape[1] != network.n_in:
        raise CsvError(
            args.data,
            f"{count(table.X.shape[1], 'column')} beside the target, but the network has {count(network.n_in, 'input')}",
        )
    classes = None if preprocessing is None else preprocessing.class_names
    if classes is not None:
        return table.X, _labels(table, target, classes)
    if network.n_out == 1:
        return table.X, np.array(_numbers(table, target))
    if network.output_activation != "softmax":
        raise CommandError(f"the network has {network.n_out} outputs, but --target names one column")
    return table.X, _labels(table, target, tuple(map(str, range(network.n_out))))


def _labels(table: Table, column: str, classes: tuple[str, ...]) -> Array:
    """Return the place of each row's class among those of the network."""
    place = {name: i for i, name in enumerate(classes)}
    for line, text in zip(table.lines, table.target, strict=True):
        if text not in place:
            known = ", ".join(map(shorten, classes[:10])) + (", ..." if len(classes) > 10 else "")
            why = f'"{shorten(text)}" is none of the classes of the network, which are {known}'
            raise CsvError(table.path, why, line=line, column=column)
    return np.array([place[text] for text in table.target], dtype=np.int64)


def _numbers(table: Table, column: str) -> list[float]:
    numbers = []
    for line, text in zip(table.lines, table.target, strict=True):
        try:
            numbers.append(parse_number(text))
        except ValueError as error:
            raise CsvError(table.path, str(error), line=line, column=column) from None
    return numbers

"""`predict`: what a saved network says about the rows of a CSV file."""

from __future__ import annotations

import argparse
import csv
import io
import sys
from collections.abc import Iterator, Sequence

import numpy as np

from chainrule._checks_values import count
from chainrule._files import write_whole
from chainrule._network import Array
from chainrule.model import MLP
from chainrule.tabular import TablePreprocessing

from ._csv import CsvError, read_table
from ._model import load_model
from ._options import add_delimiter, check_destination, choose_backend, common


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser(
        "predict",
        parents=[common()],
        help="predict the rows of a CSV file with a saved network",
        description="Predict each row of a CSV file. The columns that `train` used are found by their names; others "
        "are not looked at. Prints CSV: the prediction, and for classes the output for each. A network that was not "
        "saved by `train` takes all columns in order, unscaled, and its outputs are printed.",
    )
    parser.set_defaults(run=run)
    parser.add_argument("model", metavar="FILE", help="a network saved by `train` or by MLP.save")
    parser.add_argument("data", metavar="data.csv", help="a CSV file (UTF-8) with a header")
    add_delimiter(parser)
    parser.add_argument("--output", metavar="out.csv", help="write there instead of printing")


def run(args: argparse.Namespace) -> int:
    """Carry out the subcommand."""
    if args.output is not None:
        check_destination(args.output, [args.model, args.data])
    choose_backend(args.backend)
    model, preprocessing = load_model(args.model)
    features = None if preprocessing is None else preprocessing.feature_names
    table = read_table(args.data, features=features, delimiter=args.delimiter)
    if preprocessing is None and table.X.shape[1] != model.layer_sizes[0]:
        why = f"{count(table.X.shape[1], 'column')}, but the network has {model.layer_sizes[0]} inputs"
        raise CsvError(args.data, why)
    X = table.X if preprocessing is None else preprocessing.inputs(table.X, model.dtype)
    outputs = model.predict(X.astype(model.dtype, copy=False), n_threads=args.threads)
    if not (finite := np.isfinite(outputs).all(axis=1)).all():
        line = table.lines[int(np.argmin(finite))]
        raise CsvError(args.data, "the output of the network for this row is not finite", line=line)
    text = io.StringIO()
    csv.writer(text, delimiter=args.delimiter, lineterminator="\n").writerows(
        _lines(model, preprocessing, outputs)
    )
    if args.output is not None:
        write_whole(args.output, text.getvalue().encode())
    else:
        _print(text.getvalue().encode())
    return 0


def _print(data: bytes) -> None:
    """Write to standard output: UTF-8 whatever the terminal, as in a file, and all of it."""
    left = memoryview(data)
    while left:  # without a buffer (python -u) a write may take a part only
        left = left[sys.stdout.buffer.write(left) :]
    sys.stdout.buffer.flush()


def _lines(model: MLP, preprocessing: TablePreprocessing | None, outputs: Array) -> Iterator[Sequence[str]]:
    """Yield the header and a line for each row of outputs."""
    if preprocessing is None:
        yield [f"output_{i}" for i in range(outputs.shape[1])]
        yield from (_texts(row) for row in outputs)
    elif preprocessing.class_names is None:
        yield [preprocessing.target_name]
        scaled = preprocessing.target_scaler is not None
        quantities = preprocessing.quantities(outputs)
        yield from (
            ([f"{number:.9g}"] for number in quantities) if scaled else (_texts(row) for row in outputs)
        )
    else:
        names = preprocessing.class_names
        word = "probability" if model.network.output_activation in ("softmax", "sigmoid") else "output"
        yield [preprocessing.target_name, *(f"{word}_{name}" for name in names[-outputs.shape[1] :])]
        for label, row in zip(preprocessing.labels(outputs), outputs, strict=True):
            yield [names[label], *_texts(row)]


def _texts(row: Array) -> list[str]:
    """Return the shortest decimals that give the same floats again."""
    return [str(number) for number in row]

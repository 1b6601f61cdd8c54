"""`report`: a page of a saved network or a run, which opens in a browser."""

from __future__ import annotations

import argparse
import os
import sys
import warnings
from typing import Any

from chainrule._run_file import is_run
from chainrule.losses import find_loss
from chainrule.model import MLP
from chainrule.tabular import TablePreprocessing
from chainrule.trainer import Trainer

from ._data import DATASETS
from ._judged import judged_rows
from ._model import load_model
from ._options import add_delimiter, check_destination, choose_backend, common, listed, whole

_LEARNED = "the column that the network predicts; default: the one that `train` was given"


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser(
        "report",
        parents=[common()],
        help="write a page of a saved network or a run, for a browser",
        description="Write one HTML file that opens from the disk and loads nothing: configuration, curves, health, predictions, "
        "a diagram, and an update to step through, number by number. A saved network has no curves; a run of "
        "Trainer.fit(checkpoint=) has them. Predictions and the update need rows: --data or --dataset.",
    )
    parser.set_defaults(run=run, parser=parser)
    parser.add_argument(
        "model",
        metavar="FILE",
        help="a network saved by `train` or by MLP.save, or a run of Trainer.fit(checkpoint=)",
    )
    parser.add_argument(
        "--data", metavar="data.csv", help="rows to predict: a CSV file (UTF-8) with a header"
    )
    parser.add_argument("--target", metavar="COLUMN", help=_LEARNED)
    parser.add_argument(
        "--dataset", choices=tuple(DATASETS), help="rows of a data set of the package instead of a file"
    )
    add_delimiter(parser)
    parser.add_argument(
        "--rows",
        type=listed(whole(0)),
        default=[0],
        metavar="N,N",
        help="the rows of the update that is shown, from 0 on (default 0)",
    )
    parser.add_argument(
        "--loss", metavar="NAME", help="of that update; default: the run's, or what fits the output"
    )
    parser.add_argument("--title", metavar="TEXT", help="of the page")
    parser.add_argument(
        "--output",
        metavar="report.html",
        default="report.html",
        help="the file to write (default report.html)",
    )


def run(args: argparse.Namespace) -> int:
    """Carry out the subcommand."""
    # Here, as the page takes modules with it that no other command needs.
    from chainrule.report import write_report

    if args.data is not None and args.dataset is not None:
        args.parser.error("--data and --dataset exclude each other")
    if args.data is None and (args.target is not None or args.delimiter != ","):
        args.parser.error("--target and --delimiter are for --data")
    if args.data is None and args.dataset is None and args.rows != [0]:
        args.parser.error("--rows needs --data or --dataset")
    if args.loss is not None:
        find_loss(args.loss)
    check_destination(args.output, [args.model, args.data])
    choose_backend(args.backend)
    what, preprocessing, loss = _loaded(args)
    model: MLP = what if isinstance(what, MLP) else what.model
    X, y = judged_rows(args, model, preprocessing)
    title = args.title if args.title is not None else f"Report of {os.path.basename(args.model)}"
    write_report(
        args.output,
        what,
        X,
        y,
        loss=loss,
        rows=args.rows,
        title=title,
        preprocessing=preprocessing,
        n_threads=args.threads,
    )
    print(f"wrote {args.output}")
    return 0


def _loaded(args: argparse.Namespace) -> tuple[Any, TablePreprocessing | None, str | None]:
    """Return the trainer of a run, or a network and how its table was prepared; and the loss to give with it."""
    if not is_run(args.model):
        return *load_model(args.model), args.loss
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        trainer = Trainer.resume(args.model, loss=args.loss)
    for warning in caught:
        print("chainrule:", warning.message, file=sys.stderr)
    return trainer, None, None

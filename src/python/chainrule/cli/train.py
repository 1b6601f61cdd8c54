"""`train`: learn a table, judge the network on rows held out, save it."""

from __future__ import annotations

import argparse
import time

from chainrule._checks_values import count
from chainrule._network import ACTIVATIONS, HIDDEN_ACTIVATIONS, Array
from chainrule.losses import loss_name
from chainrule.persistence import save
from chainrule.stopping import EarlyStopping
from chainrule.tabular import SCALERS, TablePreprocessing
from chainrule.trainer import Trainer

from ._data import DATASETS, Rows, load_rows, split
from ._job import judge, make_trainer, prepare
from ._loss import add_loss, choose_output
from ._model import load_model
from ._optimizer import add_optimizer, check_optimizer_usage, takes_all
from ._options import (
    CommandError,
    add_delimiter,
    check_destination,
    choose_backend,
    common,
    layers,
    listed,
    named,
    real,
    share,
    test_size,
    whole,
)

_LEARNING = tuple(name for name in ACTIVATIONS if name != "step")
_ENDED = {"early_stopping": "the validation loss got no better", "time_budget": "the time was up"}
_HIDDEN = tuple(name for name in HIDDEN_ACTIVATIONS if name != "step")


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser(
        "train",
        parents=[common()],
        help="train a network on a CSV file or a data set",
        description="Train a network on all columns of a CSV file but the target, print how good it is on rows that "
        "were held out, and save it.",
        epilog="Exit codes: 0 done, 1 error, 2 wrong usage, 130 interrupted by Ctrl-C (nothing is saved then).",
    )
    parser.set_defaults(run=run, parser=parser)
    data = parser.add_argument_group("data")
    data.add_argument("data", nargs="?", metavar="data.csv", help="a CSV file (UTF-8) with a header")
    data.add_argument("--target", metavar="COLUMN", help="the column to predict")
    data.add_argument(
        "--dataset", choices=tuple(DATASETS), help="a data set of the package instead of a file"
    )
    data.add_argument(
        "--ignore", action="append", default=[], metavar="COLUMN", help="leave a column out; repeatable"
    )
    add_delimiter(data)
    data.add_argument(
        "--task",
        choices=("auto", "classification", "regression"),
        default="auto",
        help="auto: text and few different integers are classes, other numbers are a quantity",
    )
    data.add_argument(
        "--test-size",
        type=test_size,
        default=0.2,
        metavar="SIZE",
        help="rows held out: fraction or number (default 0.2)",
    )
    data.add_argument(
        "--scale",
        choices=(*SCALERS, "none"),
        default="minmax",
        help="scaling of inputs and quantities (default minmax)",
    )
    net = parser.add_argument_group("network")
    net.add_argument(
        "--layers", type=layers, default=[128], metavar="N,N", help="hidden layers, or none (default 128)"
    )
    net.add_argument(
        "--activation",
        type=listed(named(_HIDDEN)),
        default=["relu"],
        metavar="NAME",
        help=f"of the hidden layers, one or one each: {', '.join(_HIDDEN)} (default relu)",
    )
    net.add_argument(
        "--output-activation", choices=_LEARNING, help="default: softmax, or identity for a quantity"
    )
    net.add_argument(
        "--dropout",
        type=listed(real(0, 1)),
        metavar="RATE",
        help="of the hidden layers, one or one each (default 0.2 for digits in batches, else 0)",
    )
    net.add_argument(
        "--input-dropout", type=real(0, 1), default=0.0, metavar="RATE", help="of the inputs (default 0)"
    )
    net.add_argument(
        "--input-noise",
        type=real(0),
        default=0.0,
        metavar="X",
        help="standard deviation of the noise on scaled inputs in training (default 0)",
    )
    fit = parser.add_argument_group("training")
    add_loss(fit)
    fit.add_argument("--epochs", type=whole(1), default=50, metavar="N", help="default 50")
    fit.add_argument(
        "--batch-size", type=whole(1), metavar="N", help="default 32, or all rows where they must be"
    )
    add_optimizer(fit)
    fit.add_argument(
        "--validation-split",
        type=share,
        metavar="SHARE",
        help="share of the rows left to train on that is only measured, after each epoch",
    )
    fit.add_argument(
        "--early-stopping",
        type=whole(1),
        metavar="PATIENCE",
        help="stop after so many epochs without a better validation loss, and take the best network; needs "
        "--validation-split",
    )
    fit.add_argument("--time-budget", type=real(0), metavar="SECONDS", help="train no longer than this")
    fit.add_argument(
        "--health",
        action="store_true",
        help="say at the end what is wrong with the training, if anything is: vanishing gradients, dead units, ...",
    )
    fit.add_argument(
        "--seed",
        type=whole(0, 2**64 - 1),
        default=0,
        metavar="N",
        help="of weights, split, shuffling, dropout, noise (default 0)",
    )
    result = parser.add_argument_group("result")
    result.add_argument("--save", metavar="FILE", help="save the network and how its data were prepared")
    result.add_argument("--quiet", action="store_true", help="print the result only, no progress")


def run(args: argparse.Namespace) -> int:
    """Carry out the subcommand."""
    _check_usage(args)
    if args.save is not None:
        check_destination(args.save, [args.data])
    choose_backend(args.backend)
    rows = load_rows(args)
    output, loss = choose_output(args.output_activation, args.loss, rows.target.class_names is not None)
    X, X_test, y, y_test = split(rows, args.test_size, args.seed)
    preprocessing = prepare(args, rows, X, y, output)
    trainer = make_trainer(args, rows, output, loss, len(X))
    model = trainer.model
    if not args.quiet:
        print(_describe(rows, trainer, len(X_test)), flush=True)
    start = time.perf_counter()
    try:
        _fit(args, trainer, preprocessing, (X, X_test), (y, y_test))
    except FloatingPointError:
        if args.health:
            print(trainer.health())
        raise
    if not args.quiet:
        print(_tell(trainer, len(X), time.perf_counter() - start))
    if args.health:
        print(trainer.health())
    if args.save is not None:
        save(model, args.save, preprocessing=preprocessing.to_record())
        model = load_model(args.save)[0]
    if len(X_test):
        print(judge(model, preprocessing, X_test, y_test, args.threads))
    if args.save is not None and not args.quiet:
        print(f"saved {args.save} and loaded it again")
    return 0


def _check_usage(args: argparse.Namespace) -> None:
    """Refuse options that contradict each other, as argparse does."""
    if (args.data is None) == (args.dataset is None):
        args.parser.error("give either a CSV file or --dataset")
    if args.data is not None and args.target is None:
        args.parser.error("--target is needed: which column of the file is to be predicted?")
    if args.dataset is not None and (args.target is not None or args.ignore or args.task != "auto"):
        args.parser.error("--target, --ignore and --task are for CSV files, not for --dataset")
    if args.target in args.ignore:
        args.parser.error("--ignore names the target")
    for option in ("activation", "dropout"):
        given = getattr(args, option)
        if given is not None and len(given) not in (1, len(args.layers)):
            args.parser.error(
                f"--{option} has {len(given)} values, but there are {len(args.layers)} hidden layers"
            )
    check_optimizer_usage(args)
    if args.health and takes_all(args) and args.optimizer != "rprop":
        args.parser.error(
            f"--health is not for --optimizer {args.optimizer}, which makes no updates batch by batch"
        )
    if args.early_stopping is not None and args.validation_split is None:
        args.parser.error("--early-stopping needs --validation-split: rows to judge the network by meanwhile")
    if args.output_activation is not None and args.loss is not None:
        try:
            choose_output(args.output_activation, args.loss, classes=True)
        except CommandError as error:
            args.parser.error(str(error))


def _describe(rows: Rows, trainer: Trainer, held_out: int) -> str:
    classes = rows.target.class_names
    kind = "a quantity" if classes is None else f"{len(classes)} classes"
    sizes = "-".join(map(str, trainer.model.layer_sizes))
    output = trainer.model.network.output_activation
    return (
        f"{len(rows.X)} rows, {held_out} of them held out; {len(rows.feature_names)} inputs; target "
        f'"{rows.target_name}": {kind}\n{sizes} network, {output} output, loss {loss_name(trainer.loss)}'
    )


def _tell(trainer: Trainer, rows: int, seconds: float) -> str:
    """Say how many epochs were trained, why no more, and which one was taken."""
    history = trainer.history
    text = f"trained {count(trainer.epoch, 'epoch')} of {count(rows, 'row')} in {seconds:.2f} s"
    if history.stopped_because in _ENDED:
        text += f"; ended as {_ENDED[history.stopped_because]}"
    if history.best_epoch is not None:
        text += f"; took the best, epoch {history.best_epoch + 1}"
    return text


def _fit(
    args: argparse.Namespace,
    trainer: Trainer,
    preprocessing: TablePreprocessing,
    X: tuple[Array, Array],
    y: tuple[Array, Array],
) -> None:
    """Train on the first of each pair; measure the second after each epoch, if progress is shown and nothing else is."""
    dtype, network = trainer.model.dtype, trainer.model.network
    data = [(preprocessing.inputs(X[i], dtype), preprocessing.targets(y[i], network)) for i in range(2)]
    split = args.validation_split
    validation = data[1] if split is None and len(y[1]) and not args.quiet else None
    stopping = None if args.early_stopping is None else EarlyStopping(patience=args.early_stopping)
    metrics = ["accuracy"] if preprocessing.class_names is not None and not args.quiet else []
    try:
        trainer.fit(
            *data[0],
            class_weight=args.class_weight,
            epochs=args.epochs,
            validation_data=validation,
            validation_split=split,
            metrics=metrics,
            progress=not args.quiet,
            early_stopping=stopping,
            time_budget=args.time_budget,
            health=args.health,
        )
    except ValueError as error:
        if not str(error).startswith("validation_split="):
            raise
        raise CommandError(str(error).replace("validation_split=", "--validation-split ")) from None
    except KeyboardInterrupt:
        done = f"interrupted after {trainer.epoch} of {args.epochs} epochs"
        raise KeyboardInterrupt(done + ("; nothing was saved" if args.save else "")) from None

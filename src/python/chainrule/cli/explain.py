"""`explain`: the mathematics of a step, number by number, of an example that tutorials print or of a saved network."""

from __future__ import annotations

import argparse
import html
import json
import os
import sys

import numpy as np

from chainrule._losses import LOSSES, NEEDS_OUTPUT
from chainrule._network import Array
from chainrule.model import MLP
from chainrule.optimizers import SGD
from chainrule.tabular import TablePreprocessing
from chainrule.trace import EXAMPLES, Derivation, Trace, WorkedExample, worked_example
from chainrule.trace._derivation import _code, _latex_text

from ._csv import CsvError, Table, parse_number, read_table, shorten
from ._loss import choose_output
from ._model import load_model
from ._options import CommandError, add_backend, add_delimiter, choose_backend, real, whole

FORMATS = ("text", "markdown", "latex", "html", "json")
_OF_A_MODEL = ("row", "parameter", "target", "loss", "learning_rate")
_LEARNING_RATE = 0.01


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser(
        "explain",
        help="show how a step of training computes: an example, or a saved network and a row",
        description="Show the chain rule with numbers. The name of an example prints its derivations; a saved network and a row "
        "of a CSV file print one step of gradient descent with that row: all of its quantities, or the derivation of "
        "each parameter that is asked for.",
        epilog=f"examples: {', '.join(EXAMPLES)}",
    )
    parser.set_defaults(run=run)
    parser.add_argument(
        "what",
        metavar="NAME|FILE",
        help="an example (see below), or a network saved by `train` or by MLP.save",
    )
    group = parser.add_argument_group("of a saved network")
    group.add_argument(
        "--row",
        metavar="data.csv:LINE",
        help="the row to learn from: a CSV file with a header, which is line 1, and a line of it",
    )
    group.add_argument(
        "--parameter", action="append", metavar="NAME",
        help='derive it: "W1[0,2]" is the weight of layer 1 from input 0 to unit 2, "b2[0]" a bias; may be given several times'
    )  # fmt: skip
    group.add_argument(
        "--target", metavar="COLUMN", help="the column that is learned (default: that of `train`)"
    )
    group.add_argument("--loss", choices=LOSSES, help="default: what fits the output activation")
    group.add_argument(
        "--learning-rate", type=real(0), metavar="X", help=f"of the update (default {_LEARNING_RATE:g})"
    )
    add_delimiter(group)
    group = parser.add_argument_group("what is printed")
    group.add_argument("--format", choices=FORMATS, default="text", help="default text")
    group.add_argument(
        "--digits", type=whole(1, 17), metavar="N", help="significant digits (default 9 for examples, else 7)"
    )
    group.add_argument(
        "--check",
        action="store_true",
        help="recompute every number with the reference core, and say how far they are apart",
    )
    add_backend(parser.add_argument_group("how to compute"))


def run(args: argparse.Namespace) -> int:
    """Carry out the subcommand."""
    choose_backend(args.backend)
    if args.what in EXAMPLES:
        return _example(args)
    if not os.path.exists(args.what) and os.path.basename(args.what) == args.what and "." not in args.what:
        raise CommandError(
            f"there is no file {args.what}, and no such example; examples are {', '.join(EXAMPLES)}"
        )
    if args.row is None:
        raise CommandError("--row is needed: the row to learn from, as data.csv:17")
    trace, said = _trace_of_row(args)
    written = _of_row(args, trace, said)
    _print(args, written, _checked(trace) if args.check else "")
    return 0


def _example(args: argparse.Namespace) -> int:
    given = [f"--{name.replace('_', '-')}" for name in _OF_A_MODEL if getattr(args, name) is not None]
    if given:
        raise CommandError(f"{given[0]} is for a saved network, but {args.what} is an example")
    example = worked_example(args.what)
    written, checked = _written(args, example, args.digits or 9), ""
    if args.check:
        checked = f"nothing to check: {args.what} is about whole runs, and has no single step\n"
        checked = checked if example.model is None else _checked(example.trace())
    _print(args, written, checked)
    return 0


def _of_row(args: argparse.Namespace, trace: Trace, said: str) -> str:
    """Return what was asked for of a row, after what its variables stand for."""
    found: list[Trace | Derivation] = [trace.of(name) for name in args.parameter or ()] or [trace]
    if args.format == "json":
        records = [{"about": said, **one.to_dict()} for one in found]
        return json.dumps(records if args.parameter else records[0], indent=1, allow_nan=False) + "\n"
    heads = {
        "text": said,
        "markdown": _code(said, False),
        "latex": r"\noindent " + _latex_text(said),
        "html": f"<p>{html.escape(said)}</p>",
    }
    return "\n".join([heads[args.format] + "\n", *(_written(args, one, args.digits or 7) for one in found)])


def _written(args: argparse.Namespace, one: WorkedExample | Trace | Derivation, digits: int) -> str:
    """Return it in the format that was asked for."""
    if args.format == "json":
        return json.dumps(one.to_dict(), indent=1, allow_nan=False) + "\n"
    write = {"text": one.to_text, "markdown": one.to_markdown, "latex": one.to_latex, "html": one.to_html}
    return write[args.format](digits).rstrip("\n") + "\n"


def _print(args: argparse.Namespace, written: str, checked: str) -> None:
    """Print all at once, after all that may fail; what was checked beside what another program reads, not in it."""
    print(written + (checked if args.format == "text" else ""), end="")
    if args.format != "text":
        print(checked, end="", file=sys.stderr)


def _checked(trace: Trace) -> str:
    try:
        found = trace.check()
    except ArithmeticError as error:
        raise CommandError(str(error)) from None
    shares = ", ".join(f"{name} {share:.2g}" for name, share in found.items())
    return f"checked against the reference core; largest deviations, as shares of their bounds:\n  {shares}\n"


def _trace_of_row(args: argparse.Namespace) -> tuple[Trace, str]:
    """Return the step of the saved network with the row of the file, and what its variables stand for."""
    path, _, line = args.row.rpartition(":")
    if not path or not line.isdecimal() or len(line) > 18:
        raise CommandError(f'--row must be a file and a line, as data.csv:17, not "{shorten(args.row)}"')
    model, preprocessing = load_model(args.what)
    target = args.target or (None if preprocessing is None else preprocessing.target_name)
    if target is None:
        raise CommandError(
            "--target is needed: the network was saved without a table, so that no column is known to be learned"
        )
    features = None if preprocessing is None else preprocessing.feature_names
    table = read_table(path, features=features, target=target, delimiter=args.delimiter)
    if int(line) not in table.lines:
        lines = f"lines {table.lines[0]} to {table.lines[-1]}"
        raise CsvError(path, f"no row begins on line {line}; there are {len(table.lines)} rows, on {lines}")
    place = list(table.lines).index(int(line))
    X = _inputs(path, model, preprocessing, table, place)
    classes = None if preprocessing is None else preprocessing.class_names
    loss = _loss(args.loss, model, classes)
    y = _target(table, place, target, model, preprocessing, loss)
    rate = _LEARNING_RATE if args.learning_rate is None else args.learning_rate
    columns = ", ".join(f"x[{i}] is {shorten(name)}" for i, name in enumerate(table.feature_names[:12]))
    columns += ", ..." if len(table.feature_names) > 12 else ""
    scaling = "" if preprocessing is None or preprocessing.scaler is None else ", scaled as `train` did"
    said = f"{path}, line {line}: {columns}{scaling}; y is {shorten(target)}: {shorten(table.target[place])}"
    return model.explain(X, y, loss=loss, optimizer=SGD(rate)), " ".join(said.split())


def _inputs(
    path: str, model: MLP, preprocessing: TablePreprocessing | None, table: Table, place: int
) -> Array:
    X = table.X[place : place + 1]
    if preprocessing is not None:
        return preprocessing.inputs(X, model.dtype)
    n = model.layer_sizes[0]
    if X.shape[1] != n:
        raise CsvError(path, f"{X.shape[1]} columns beside the target, but the network has {n} inputs")
    return np.ascontiguousarray(X, model.dtype)


def _loss(loss: str | None, model: MLP, classes: tuple[str, ...] | None) -> str:
    """Return the loss, which may be left open."""
    output = model.network.output_activation
    if classes is not None:
        return choose_output(output, loss, True)[1]
    if loss is not None:
        return loss
    fits = {
        outputs[0]: name for name, outputs in NEEDS_OUTPUT.items() if name in ("cross_entropy", "poisson")
    }
    return fits.get(output, "mean_squared_error")


def _target(
    table: Table, place: int, column: str, model: MLP, preprocessing: TablePreprocessing | None, loss: str
) -> Array:
    """Return what the row should come to, as the network learns it."""
    text, line = table.target[place], table.lines[place]
    classes = None if preprocessing is None else preprocessing.class_names
    if classes is not None:
        if text not in classes:
            known = ", ".join(map(shorten, classes[:12])) + (", ..." if len(classes) > 12 else "")
            raise CsvError(
                table.path,
                f'"{shorten(text)}" is no class of this network; it knows {known}',
                line=line,
                column=column,
            )
        values = np.array([classes.index(text)], np.int64)
    else:
        try:
            number = parse_number(text)
        except ValueError as error:
            raise CsvError(table.path, str(error), line=line, column=column) from None
        values = np.array([number])
        if loss == "cross_entropy" and number.is_integer():
            values = values.astype(np.int64)
    if preprocessing is not None:
        return preprocessing.targets(values, model.network)
    if model.network.n_out > 1 and values.dtype.kind != "i":
        raise CommandError(
            f"the network has {model.network.n_out} outputs, but one column is learned; only classes fit that"
        )
    return values if values.dtype.kind == "i" else values[:, np.newaxis].astype(model.dtype)

"""`info`: what a saved network is, or a run."""

from __future__ import annotations

import argparse
import math
import sys
import warnings
from collections.abc import Sequence

from chainrule._run_entries import FORMAT, VERSION
from chainrule._run_file import is_run
from chainrule.checkpoints import Checkpoints
from chainrule.persistence import load_with_preprocessing
from chainrule.tabular import FORMAT as TABLE
from chainrule.tabular import Scaler

from ._model import table_preprocessing
from .verify import ended


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser(
        "info",
        help="describe a saved network or a run",
        description="Describe a saved network and its data, or the epochs that Trainer.fit kept in a file.",
    )
    parser.set_defaults(run=run)
    parser.add_argument(
        "model",
        metavar="FILE",
        help="a network saved by `train` or by MLP.save, or a run of Trainer.fit(checkpoint=)",
    )


def run(args: argparse.Namespace) -> int:
    """Carry out the subcommand."""
    if is_run(args.model):
        return _describe_run(args.model)
    model, record = load_with_preprocessing(args.model)
    print(model.summary())
    print(f"seed          {model.seed}")
    if record is None:
        print("preprocessing none: the inputs are columns of numbers without names")
        return 0
    if record.get("format") != TABLE:
        print(f"preprocessing of another program, with {_some(sorted(map(str, record)))}")
        return 0
    preprocessing = table_preprocessing(args.model, model, record)
    assert preprocessing is not None, "of a record"
    print(f"task          {preprocessing.task}")
    print(f"target        {_some([preprocessing.target_name])}" + _scaling(preprocessing.target_scaler))
    if preprocessing.class_names is not None:
        print(f"classes       {_some(preprocessing.class_names)}")
    print(f"inputs        {_some(preprocessing.feature_names)}")
    print(f"scaling       {preprocessing.scaler or 'none'}")
    return 0


def _describe_run(path: str) -> int:
    """Print what is in the file of a run."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        run = Checkpoints(path)
    for warning in caught:
        print("chainrule:", warning.message, file=sys.stderr)
    with run:
        trainer_said = run.settings
        print(run.model().summary())
        history = run.history
        print(f"run           version {VERSION} of {FORMAT}, {ended(run)}")
        for name in ("loss", "optimizer"):
            print(f"{name:<14}{trainer_said[name]}")
        print(f"epochs done   {len(history)}")
        best = run.best_epoch
        kept = [f"{epoch} (best)" if epoch == best else str(epoch) for epoch in run.epochs]
        print(f"epochs kept   {_some(kept)}")
        if best is not None:
            print(f"best epoch    {best}")
        measured = {"loss": history.loss, "validation": history.validation_loss, **history.metrics}
        measured |= {f"validation {name}": values for name, values in history.validation_metrics.items()}
        for name, values in measured.items():
            if values and not math.isnan(values[-1]):
                print(f"last {name + '  ':<9}{values[-1]:.6g}")
    return 0


def _some(names: Sequence[str]) -> str:
    """Return the names, or the first of them where they are many, on one line."""
    shown = ", ".join(names if len(names) <= 12 else names[:10])
    shown = "".join(
        c if c.isprintable() else c.encode("unicode_escape").decode() for c in " ".join(shown.split())
    )
    return shown + (f", ... ({len(names)} in all)" if len(names) > 12 else "")


def _scaling(scaler: Scaler | None) -> str:
    return "" if scaler is None else f", scaled by {scaler}"

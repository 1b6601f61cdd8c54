"""`info`: what a saved network is."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from chainrule.tabular import Scaler

from ._model import load_model


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser(
        "info", help="describe a saved network", description="Describe a saved network and its data."
    )
    parser.set_defaults(run=run)
    parser.add_argument("model", metavar="FILE", help="a network saved by `train` or by MLP.save")


def run(args: argparse.Namespace) -> int:
    """Carry out the subcommand."""
    model, preprocessing = load_model(args.model)
    print(model.summary())
    print(f"seed          {model.seed}")
    if preprocessing is None:
        print("preprocessing none: the inputs are columns of numbers without names")
        return 0
    print(f"task          {preprocessing.task}")
    print(f"target        {preprocessing.target_name}" + _scaling(preprocessing.target_scaler))
    if preprocessing.class_names is not None:
        print(f"classes       {_some(preprocessing.class_names)}")
    print(f"inputs        {_some(preprocessing.feature_names)}")
    print(f"scaling       {preprocessing.scaler or 'none'}")
    return 0


def _some(names: Sequence[str]) -> str:
    """Return the names, or the first of them where they are many, on one line."""
    shown = ", ".join(names if len(names) <= 12 else names[:10])
    return " ".join(shown.split()) + (f", ... ({len(names)} in all)" if len(names) > 12 else "")


def _scaling(scaler: Scaler | None) -> str:
    return "" if scaler is None else f", scaled by {scaler}"

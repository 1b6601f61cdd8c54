"""`verify`: whether a file is whole, and what it says is sound."""

from __future__ import annotations

import argparse
import warnings

from chainrule._checks_values import count
from chainrule._run_file import TornEntryWarning, is_run
from chainrule.checkpoints import Checkpoints

from ._model import load_model


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser(
        "verify",
        help="check that files are whole",
        description="Read files of networks and of runs to the last byte, with every checksum. Exit code 0: all are sound.",
    )
    parser.set_defaults(run=run)
    parser.add_argument(
        "files",
        metavar="FILE",
        nargs="+",
        help="a network (.pkl or .safetensors), or a run of Trainer.fit(checkpoint=)",
    )


def run(args: argparse.Namespace) -> int:
    """Carry out the subcommand: a line for each sound file, an error for the first that is not."""
    for file in args.files:
        print(f"{file}: {verified(file)}")
    return 0


def verified(path: str) -> str:
    """Return what a file is, all of it having been read.

    Raises
    ------
    ValueError, OSError
        If it is damaged, or none of ours, or cannot be read.
    """
    if not is_run(path):
        model, _ = load_model(path)
        return f"a sound network of {count(model.n_parameters, 'parameter')}"
    with warnings.catch_warnings():
        warnings.simplefilter("error", TornEntryWarning)
        try:
            with Checkpoints(path) as run:
                run.verify()
                state = "finished" if run.is_finished else "not finished"
                return f"a sound run, {state}, with {count(len(run), 'epoch')} kept"
        except TornEntryWarning as torn:
            raise ValueError(str(torn)) from torn

"""`verify`: whether a file is whole, and what it says is sound."""

from __future__ import annotations

import argparse
import sys
import warnings

from chainrule._checks_values import count
from chainrule._files import open_regular
from chainrule._model_tensors import check_signed, described
from chainrule._run_entries import FORMAT
from chainrule._run_file import TornEntryWarning, is_run
from chainrule._run_tensors import LONGEST_HEADER
from chainrule.checkpoints import Checkpoints
from chainrule.persistence import is_safetensors

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
    """Carry out the subcommand: a line for each file, those that are not sound as errors."""
    code = 0
    for file in args.files:
        try:
            print(f"{file}: {verified(file)}", flush=True)
        except (ValueError, TypeError, OSError) as error:
            words = (
                f"{file}: {error.strerror}" if isinstance(error, OSError) and error.strerror else str(error)
            )
            print("chainrule:", " ".join(words.splitlines()), file=sys.stderr, flush=True)
            code = 1
    return code


def verified(path: str) -> str:
    """Return what a file is, all of it having been read.

    Raises
    ------
    ValueError, OSError
        If it is damaged, or none of ours, or cannot be read.
    """
    if not is_run(path):
        if (entries := entries_in_safetensors(path)) is not None:
            return f"a sound copy of a run as safetensors, with {count(entries, 'entry')}"
        model, _ = load_model(path)
        return f"a sound network of {count(model.n_parameters, 'parameter')}"
    with warnings.catch_warnings():
        warnings.simplefilter("error", TornEntryWarning)
        try:
            with Checkpoints(path) as run:
                run.verify()
                return f"a sound run, {ended(run)}, with {count(len(run), 'state')} kept"
        except TornEntryWarning as torn:
            raise ValueError(f"{torn}; what is before is sound, and Trainer.resume goes on from it") from torn


def ended(run: Checkpoints) -> str:
    """Return how a run ended."""
    if not run.is_finished:
        return "not finished"
    return f"ended by {run.history.stopped_because}"


def entries_in_safetensors(path: str) -> int | None:
    """Return how many entries a file has that `Checkpoints.to_safetensors` wrote; None for any other file.

    Raises
    ------
    ValueError
        If it is one and damaged.
    """
    file, size = open_regular(path)
    with file:
        beginning = file.read(9)
        file.seek(0)
        if not is_safetensors(beginning):
            return None
        try:
            tensors, metadata, told = described(file, size, LONGEST_HEADER)
            check_signed(tensors, metadata)
        except (ValueError, RecursionError) as error:
            raise ValueError(f"{path}: {error}") from error
    entries = told.get("entries")
    return len(entries) if told.get("format") == FORMAT and isinstance(entries, list) else None

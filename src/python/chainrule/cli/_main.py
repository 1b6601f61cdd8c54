"""The parser, and what becomes of errors: exit codes 0 (done), 1 (error), 2 (wrong usage), 130 (Ctrl-C)."""

from __future__ import annotations

import argparse
import io
import os
import sys
from collections.abc import Sequence
from typing import NoReturn

from chainrule._version import __version__

from . import explain, export, health, info, predict, report, show_config, train, verify
from ._options import CommandError

INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code; errors are one line on stderr."""
    # A name that the terminal cannot show must not end a training.
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        args = _parser().parse_args(arguments)
        code: int = args.run(args)
        sys.stdout.flush()
    except (CommandError, ValueError, OSError, ImportError, FloatingPointError, MemoryError) as error:
        if isinstance(error, BrokenPipeError):  # as with `| head`: nobody reads on
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 1
        return _fail(_describe(error), 1)
    except KeyboardInterrupt as interrupt:
        return _fail(str(interrupt) or "interrupted", INTERRUPTED)
    return code


class _Parser(argparse.ArgumentParser):
    """Says in one line what is wrong, as all errors are said; argparse puts all of the options before it."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"chainrule: {message} (see {self.prog} --help)\n")


def _parser() -> argparse.ArgumentParser:
    as_module = os.path.basename(sys.argv[0]) == "__main__.py"
    parser = _Parser(
        prog="python -m chainrule" if as_module else None,
        description="Train multilayer perceptrons on tables, and use them.",
    )
    parser.add_argument("--version", action="version", version=f"chainrule {__version__}")
    subparsers = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for command in (train, predict, report, explain, export, info, health, verify, show_config):
        command.add_parser(subparsers)
    return parser


def _describe(error: BaseException) -> str:
    if isinstance(error, OSError) and error.strerror and error.filename is not None:
        return f"{error.filename}: {error.strerror}"
    if isinstance(error, MemoryError):
        return f"out of memory ({error})" if str(error) else "out of memory"
    return str(error) or type(error).__name__


def _fail(text: str, code: int) -> int:
    print("chainrule:", " ".join(text.splitlines()), file=sys.stderr)
    return code

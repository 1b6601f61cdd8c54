"""What the options of several subcommands have in common, and the types of their values."""

from __future__ import annotations

import argparse
import math
import os
from collections.abc import Callable, Sequence

from chainrule.backend import BACKENDS, core, set_backend


class CommandError(Exception):
    """A command cannot be carried out; the text says why, on one line."""


def common() -> argparse.ArgumentParser:
    """Return the options of every subcommand that computes."""
    parser = argparse.ArgumentParser(add_help=False)
    group = parser.add_argument_group("how to compute")
    group.add_argument(
        "--threads", type=whole(1), metavar="N", help="threads to use (default: what the machine allows)"
    )
    add_backend(group)
    return parser


def add_backend(parser: argparse._ActionsContainer) -> None:
    """Add the option --backend."""
    parser.add_argument(
        "--backend",
        choices=BACKENDS,
        help="the compiled core or the readable one (default: $CHAINRULE_BACKEND, native)",
    )


def choose_backend(name: str | None) -> None:
    """Choose the core, by the option --backend if it was given, and see that it is there before any work is done."""
    if name is not None:
        set_backend(name)
    core()


def add_delimiter(parser: argparse._ActionsContainer) -> None:
    """Add the option --delimiter."""
    parser.add_argument(
        "--delimiter",
        type=_delimiter,
        default=",",
        metavar="C",
        help='what separates columns (default ","; "tab")',
    )


def whole(low: int, high: int | None = None) -> Callable[[str], int]:
    """Return the type of a whole number in ``low <= n <= high``."""

    def parse(text: str) -> int:
        wanted = f"at least {low}" if high is None else f"from {low} to {high}"
        try:
            number = int(text)
        except ValueError:
            number = None
        if number is None or number < low or (high is not None and number > high):
            raise argparse.ArgumentTypeError(f'expected a whole number {wanted}, not "{text}"')
        return number

    return parse


def real(low: float, below: float = math.inf) -> Callable[[str], float]:
    """Return the type of a finite number in ``low <= x < below``."""

    def parse(text: str) -> float:
        wanted = f"at least {low:g}" + ("" if below == math.inf else f" and less than {below:g}")
        try:
            number = float(text)
        except ValueError:
            number = math.nan
        if not (math.isfinite(number) and low <= number < below):
            raise argparse.ArgumentTypeError(f'expected a number {wanted}, not "{text}"')
        return number

    return parse


def listed(parse: Callable[[str], object]) -> Callable[[str], list[object]]:
    """Return the type of several values separated by commas."""
    return lambda text: [parse(part.strip()) for part in text.split(",")]


def layers(text: str) -> list[int]:
    """Read the sizes of the hidden layers, ``128,64``; ``none`` for none."""
    return [] if text == "none" else [whole(1)(part.strip()) for part in text.split(",")]


def named(known: Sequence[str]) -> Callable[[str], str]:
    """Return the type of a name out of several."""

    def parse(text: str) -> str:
        if text not in known:
            raise argparse.ArgumentTypeError(f'expected one of {", ".join(known)}, not "{text}"')
        return text

    return parse


def test_size(text: str) -> float:
    """Read a fraction of the rows (with a decimal point) or a number of rows; 0 holds out none."""
    try:
        size: float = int(text)
    except ValueError:
        size = real(0, 1)(text)
    if size < 0:
        raise argparse.ArgumentTypeError(f'expected a fraction below 1 or a number of rows, not "{text}"')
    return size


def share(text: str) -> float:
    """Read a fraction of the rows, more than 0 and less than 1."""
    size = real(0, 1)(text)
    if size == 0:
        raise argparse.ArgumentTypeError("expected a number greater than 0; leave the option away for none")
    return size


def _delimiter(text: str) -> str:
    text = {"tab": "\t", "\\t": "\t"}.get(text, text)
    if len(text) != 1 or text in '"\r\n':
        raise argparse.ArgumentTypeError(f'expected one character, not "{text}"')
    return text


def check_destination(path: str, inputs: Sequence[str | None]) -> None:
    """Refuse a file that cannot be written, or that is one of the inputs, before any work is done."""
    if os.path.isdir(path):
        raise CommandError(f"{path} is a folder; a file name is needed")
    folder = os.path.dirname(os.path.abspath(path))
    if not os.path.isdir(folder):
        raise CommandError(f"cannot write {path}: there is no folder {folder}")
    if not os.access(folder, os.W_OK):
        raise CommandError(f"cannot write {path}: the folder {folder} is not writable")
    for other in inputs:
        if (
            other is not None
            and os.path.exists(path)
            and os.path.exists(other)
            and os.path.samefile(path, other)
        ):
            raise CommandError(f"{path} is read by this command; it will not be overwritten")

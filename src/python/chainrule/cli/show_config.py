"""`show-config`: what this installation is and what it runs on."""

from __future__ import annotations

import argparse

from chainrule.config import show_config


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand."""
    text = "show version, compiler, instruction set, threads and OpenMP runtime"
    subparsers.add_parser("show-config", help=text, description=text).set_defaults(run=run)


def run(_args: argparse.Namespace) -> int:
    """Carry out the subcommand."""
    print(show_config())
    return 0

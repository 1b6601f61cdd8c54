"""`health`: what is wrong with the training of a run, in plain words; or a demonstration of gradients that vanish."""

from __future__ import annotations

import argparse

from chainrule._run_file import is_run
from chainrule.checkpoints import Checkpoints
from chainrule.health import diagnose

from ._health_demo import demonstrate
from ._options import CommandError, choose_backend, common, whole


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser(
        "health",
        parents=[common()],
        help="say what is wrong with a training",
        description="Say in plain words what is wrong with the training of a run, with evidence and a remedy: vanishing or exploding "
        "gradients, dead or saturated units, a learning rate too high or too low, overfitting, inputs or targets that are not scaled, a constant output.",
    )
    parser.set_defaults(run=run, parser=parser)
    parser.add_argument(
        "file", nargs="?", metavar="RUN", help="a run of Trainer.fit(checkpoint=, health=True)"
    )
    parser.add_argument(
        "--demo",
        action="store_true",
        help="instead: train a deep network of sigmoids and one of relus on the digits, and show the gradient norm of each layer",
    )
    parser.add_argument(
        "--plot", metavar="FILE", help="draw these norms into a picture (.png, .svg, .pdf; needs matplotlib)"
    )
    parser.add_argument(
        "--hidden", type=whole(1, 100), default=8, metavar="N", help="hidden layers of --demo (default 8)"
    )
    parser.add_argument(
        "--epochs", type=whole(1, 1000), default=5, metavar="N", help="epochs of --demo (default 5)"
    )


def run(args: argparse.Namespace) -> int:
    """Carry out the subcommand."""
    if args.demo == (args.file is not None):
        args.parser.error("give either a run or --demo")
    if args.demo:
        choose_backend(args.backend)
        try:
            print(demonstrate(args.hidden, args.epochs, args.threads, args.plot))
        except ImportError as error:
            raise CommandError(f"--plot: {error}") from None
        except (OSError, ValueError) as error:
            raise CommandError(f"--plot {args.plot}: {error}") from None
        return 0
    if args.plot is not None:
        args.parser.error("--plot is for --demo")
    if not is_run(args.file):
        raise CommandError(
            f"{args.file} is no run: a network holds no record of its training. Give the file of Trainer.fit(checkpoint=..., health=True)"
        )
    with Checkpoints(args.file) as found:
        history = found.history
        if history.health is None:
            raise CommandError(
                f"{args.file} holds no record of the health of its fits; it is written by Trainer.fit(checkpoint=..., health=True)"
            )
        print(diagnose(history, found.model()))
    return 0

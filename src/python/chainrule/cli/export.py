"""`export`: a saved network as a file that predicts without chainrule."""

from __future__ import annotations

import argparse
import os

from chainrule._checks_values import count
from chainrule.export._c import write_c
from chainrule.export._network_parts import Parts, Writer, parts_of
from chainrule.export._numpy import write_numpy
from chainrule.export._onnx import write_onnx
from chainrule.model import MLP
from chainrule.persistence import load_with_preprocessing, save
from chainrule.tabular import TablePreprocessing

from ._model import load_model
from ._options import CommandError, add_backend, check_destination, choose_backend

WRITERS: dict[str, tuple[Writer, str]] = {
    ".onnx": (write_onnx, "an ONNX graph, for ONNX Runtime and others"),
    ".h": (write_c, "a C99 header that needs nothing else"),
    ".py": (write_numpy, "a Python file that needs NumPy alone"),
}
"""What writes a file with that ending, and what it is."""

MODELS = {
    ".pkl": "the network itself, for chainrule",
    ".safetensors": "the same, for what reads safetensors too",
}
"""Files that hold the network, and what was saved with it, rather than predict."""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser(
        "export",
        help="write a saved network as a file that predicts without chainrule",
        description="Write a saved network, with the scaling of its inputs and of a quantity, as a file that predicts "
        "without chainrule. The ending of its name says what it is: "
        + "; ".join(f"{suffix}, {what}" for suffix, (_, what) in WRITERS.items())
        + ". Test vectors are in it, and the error that was measured on them. Or write it as a file of another format: "
        + "; ".join(f"{suffix}, {what}" for suffix, what in MODELS.items())
        + ".",
    )
    parser.set_defaults(run=run)
    parser.add_argument("model", metavar="MODEL", help="a network saved by `train` or by MLP.save")
    parser.add_argument(
        "out", metavar="OUT", help=f"the file to write: NAME{', NAME'.join((*WRITERS, *MODELS))}"
    )
    add_backend(parser)


def run(args: argparse.Namespace) -> int:
    """Carry out the subcommand."""
    suffix = os.path.splitext(args.out)[1].lower()
    if suffix not in WRITERS and suffix not in MODELS:
        known = ", ".join((*WRITERS, *MODELS))
        raise CommandError(f"{args.out}: the name must end with one of {known}, which says what to write")
    check_destination(args.out, [args.model])
    if suffix in MODELS:
        model, record = load_with_preprocessing(args.model)
        save(model, args.out, preprocessing=record)
        print(f"wrote {args.out}: {count(model.n_parameters, 'parameter')}")
        return 0
    choose_backend(args.backend)
    parts = _parts(*load_model(args.model))
    write, _ = WRITERS[suffix]
    done = write(parts, args.out)
    inputs, outputs = count(parts.network.n_in, "input"), count(parts.network.n_out, "output")
    print(f"wrote {args.out}: {inputs} ({parts.input_dtype}), {outputs} ({parts.output_dtype})")
    print(f"largest error on its test vectors {done.error:.2g} (rounding may cause up to {done.bound:.2g})")
    return 0


def _parts(model: MLP, preprocessing: TablePreprocessing | None) -> Parts:
    """Return the network with the scaling that was saved with it, and the names of its columns."""
    if preprocessing is None:
        return parts_of(model)
    outputs = preprocessing.class_names
    if outputs is None:
        outputs = (preprocessing.target_name,)
    return parts_of(
        model,
        preprocessing.scaler,
        preprocessing.target_scaler,
        input_names=preprocessing.feature_names,
        output_names=outputs[-model.network.n_out :],  # one sigmoid output is the second class
    )

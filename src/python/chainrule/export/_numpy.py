"""`to_numpy`: a network as one Python file."""

from __future__ import annotations

import base64
import inspect
import os
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from chainrule._files import check_path, write_whole
from chainrule._network import Array
from chainrule._version import __version__

from . import _numpy_template
from ._network_parts import Exported, Parts, parts_of
from ._scaling import Step
from ._vectors import Vectors, make_vectors

_LINE = "# " + "-" * 107 + "\n"  # as in the template
_WIDTH = 100

_DOCSTRING = '''"""A neural network as one file that needs NumPy alone, written by chainrule {version}.

    from {module} import predict
    Y = predict(X)                # X (rows, {n_in}) -> Y (rows, {n_out})

{scaling}
`self_test()` predicts the stored test vectors and returns the largest error; run as a program, the file does that and
ends with code 1 if the error is above ERROR_BOUND. The stored predictions are those of the {core} core of chainrule.
"""

'''


def to_numpy(
    model: Any, path: str | os.PathLike[str], *, scaler: Any = None, target_scaler: Any = None
) -> None:
    """Write a Python file that predicts with NumPy alone: ``predict(X)`` and ``self_test()``; run, it tests itself.

    The weights are in it exactly, as bytes in base64. The operations are those of `chainrule.reference`.

    Parameters
    ----------
    model : MLP
    path : str or path
        A file of that name is replaced, when the new one is safely on the disk.
    scaler : MinMaxScaler or StandardScaler, optional
        Of the inputs: the file then takes unscaled ones, as float64, and scales them as the library does.
    target_scaler : MinMaxScaler or StandardScaler, optional
        Of the targets: the file then gives them in their own units, as float64.

    Raises
    ------
    ValueError, TypeError
        If an argument does not fit the description above, a scaler is not fitted or to another number of columns, or
        a parameter of the model is not finite. Nothing is written then.
    OSError
        If the file cannot be written; one that was there is as before.

    Notes
    -----
    The error against `MLP.predict` is bounded as `chainrule.export` says. It is rounding alone: sums in the order of
    NumPy's library of products, and NumPy's exponentials. What is measured at the export is the file itself, run with the
    NumPy that is there.
    """
    path = check_path(path)
    write_numpy(parts_of(model, scaler, target_scaler), path)


def write_numpy(parts: Parts, path: str) -> Exported:
    """Write the file, and return what was measured."""
    vectors = make_vectors(parts)
    found = _run(_source(parts, vectors, path, 0.0))["predict"](vectors.inputs)
    error = _numpy_template.largest_error(found, vectors.outputs)
    write_whole(path, _source(parts, vectors, path, error).encode("ascii"))
    return Exported(error, vectors.bound)


def _run(source: str) -> dict[str, Any]:
    """Return the names that the file defines."""
    names: dict[str, Any] = {"__name__": "exported"}
    exec(compile(source, "<exported>", "exec"), names)  # noqa: S102 - written by the line before the call
    return names


def _source(parts: Parts, vectors: Vectors, path: str, error: float) -> str:
    """Return the text of the file: ASCII, whatever the names of columns are."""
    template = inspect.getsource(_numpy_template)
    _, start, _, program = template.split(_LINE)
    stem = os.path.splitext(os.path.basename(path))[0]
    docstring = _DOCSTRING.format(
        version=__version__,
        module=stem if stem.isascii() and stem.isidentifier() else "this_file",
        n_in=parts.network.n_in,
        n_out=parts.network.n_out,
        scaling=_scaling(parts),
        core=vectors.core,
    )
    data = "\n".join(_data(parts, vectors, error))
    return f"{docstring}{start}{_LINE}{data}\n{_LINE}{program}"


def _scaling(parts: Parts) -> str:
    inputs = "scaled in here, as in training" if parts.before else "used as they come"
    outputs = ", outputs are in the units of the target" if parts.after else ""
    return f"Inputs are {parts.input_dtype} and {inputs}{outputs}."


def _data(parts: Parts, vectors: Vectors, error: float) -> Iterator[str]:
    network = parts.network
    yield f"DTYPE = {network.dtype!r}"
    yield f"INPUT_DTYPE = {parts.input_dtype!r}"
    yield f"OUTPUT_DTYPE = {parts.output_dtype!r}"
    yield f"N_INPUTS = {network.n_in}"
    yield f"N_OUTPUTS = {network.n_out}"
    yield f"INPUT_NAMES = {parts.input_names!a}"
    yield f"OUTPUT_NAMES = {parts.output_names!a}"
    yield f"BEFORE = {_steps(parts.before)}"
    layers = "".join(
        f"    ({activation!r}, {_literal(W)}, {'None' if (b := parts.bias(i)) is None else _literal(b)}),\n"
        for i, (activation, W) in enumerate(zip(network.activations, parts.weights, strict=True))
    )
    yield f"LAYERS = (\n{layers})"
    yield f"AFTER = {_steps(parts.after)}"
    yield f"TEST_INPUTS = {_literal(vectors.inputs)}"
    yield f"TEST_OUTPUTS = {_literal(vectors.outputs)}"
    yield f"MEASURED_ERROR = {_number(error)}"
    yield f"ERROR_BOUND = {_number(vectors.bound)}"


def _steps(steps: Sequence[Step]) -> str:
    return "".join(
        ["(", *(f"\n    ({op!r}, {_literal(column)})," for op, column in steps), "\n" * bool(steps), ")"]
    )


def _literal(array: Array) -> str:
    """Return the call of _array that gives the array again."""
    stored = np.ascontiguousarray(array, array.dtype.newbyteorder("<")).tobytes()
    text = base64.b64encode(stored).decode("ascii")
    lines = [text[i : i + _WIDTH] for i in range(0, len(text), _WIDTH)]
    quoted = f'"{text}"' if len(lines) < 2 else '"""\n' + "\n".join(lines) + '\n"""'
    return f'_array("{array.dtype.name}", {array.shape}, {quoted})'


def _number(value: float) -> str:
    return repr(value) if np.isfinite(value) else f'float("{value}")'

"""`to_c`: a network as a C99 header."""

from __future__ import annotations

import math
import os
import re
import string
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from chainrule._checks_values import describe
from chainrule._files import check_path, write_whole
from chainrule._network import LEAKY_SLOPE, SELU_ALPHA, SELU_SCALE, Array
from chainrule._version import __version__

from . import _c_templates as templates
from ._chained import chained_prediction
from ._network_parts import Exported, Parts, parts_of
from ._numpy_template import largest_error
from ._scaling import Step
from ._vectors import Vectors, make_vectors

_LONGEST_NAME = 40  # C99 tells names apart by their first 63 letters
_TYPES = {"float32": "float", "float64": "double"}
_CONSTANTS = {
    "leaky_slope": LEAKY_SLOPE,
    "selu_scale": SELU_SCALE,
    "selu_below": SELU_SCALE * SELU_ALPHA,
    "huge": 1e30,
    "minus_root_half": -math.sqrt(0.5),
    "twice": 2 * math.sqrt(2 / math.pi),
    "cubic": 0.044715,
}


def to_c(
    model: Any,
    path: str | os.PathLike[str],
    *,
    name: str | None = None,
    scaler: Any = None,
    target_scaler: Any = None,
) -> None:
    """Write a C99 header that predicts: ``NAME_predict``, ``NAME_predict_rows`` and ``NAME_self_test``.

    It needs the standard headers alone, takes no memory from the heap and writes to nothing but the outputs, so that any
    number of threads may call it. It compiles as C++11 too. Its arrays are decimals that are the shortest to give the
    same floats again.

    Parameters
    ----------
    model : MLP
    path : str or path
        A file of that name is replaced, when the new one is safely on the disk.
    name : str, optional
        What all names of the header begin with: ASCII letters, digits and single underscores; made from the name of the file
        if it is not given.
    scaler : MinMaxScaler or StandardScaler, optional
        Of the inputs: the functions then take unscaled ones, as double, and scale them as the library does.
    target_scaler : MinMaxScaler or StandardScaler, optional
        Of the targets: the functions then give them in their own units, as double.

    Raises
    ------
    ValueError, TypeError
        If an argument does not fit the description above, a scaler is not fitted or to another number of columns, or
        a parameter of the model is not finite. Nothing is written then.
    OSError
        If the file cannot be written; one that was there is as before.

    Notes
    -----
    The error against `MLP.predict` is bounded as `chainrule.export` says, with a C library whose exp, expm1, log1p, tanh
    and erfc are right to 8 eps (glibc's are to 5). Each output is one chain of products in
    the order of the inputs, started from the bias, as in the native core: with ``NAME_FMA`` defined the weighted sums are
    its very bits. The error in the file was measured with NumPy, by the same operations in the same order and types;
    ``NAME_self_test`` measures it on the target.
    """
    path = check_path(path)
    prefix = None if name is None else _check_name(name)
    write_c(parts_of(model, scaler, target_scaler), path, prefix)


def write_c(parts: Parts, path: str, name: str | None = None) -> Exported:
    """Write the file, and return what was measured."""
    vectors = make_vectors(parts)
    error = largest_error(chained_prediction(parts, vectors.inputs), vectors.outputs)
    text = _header(parts, vectors, name or _name_of(path), error)
    write_whole(path, text.encode("ascii"))
    return Exported(error, vectors.bound)


def _check_name(name: Any) -> str:
    if not isinstance(name, str):
        raise TypeError(f"name must be a str, but it is {describe(name)}")
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9]*(_[A-Za-z0-9]+)*", name) or len(name) > _LONGEST_NAME:
        raise ValueError(
            f"name must be at most {_LONGEST_NAME} ASCII letters, digits and single underscores, with a letter at the "
            f"beginning and no underscore at the end, but it is {name!r}"
        )
    return name


def _name_of(path: str) -> str:
    """Return a prefix made from the name of a file, ``model`` where nothing of it will do."""
    stem = re.sub(r"[^A-Za-z0-9]+", "_", os.path.splitext(os.path.basename(path))[0])
    stem = stem if re.match("_*[A-Za-z]", stem) else f"model_{stem}"
    return re.sub("_+", "_", stem)[: _LONGEST_NAME + 1].strip("_")[:_LONGEST_NAME].strip("_")


def _header(parts: Parts, vectors: Vectors, name: str, error: float) -> str:
    network = parts.network
    width = max(network.layer_sizes)
    values = {
        "version": __version__,
        "stack": 2 * width * network.numpy_dtype.itemsize,
        "n_rows": len(vectors.inputs),
        "core": vectors.core,
        "scaling": _scaling(parts),
        "n_in": network.n_in,
        "n_out": network.n_out,
        "width": width,
        "error": _number(error, "float64"),
        "bound": _number(vectors.bound, "float64"),
        "name": name,
        "NAME": name.upper(),
        "IN": _TYPES[parts.input_dtype],
        "OUT": _TYPES[parts.output_dtype],
        "REAL": _TYPES[network.dtype],
        "f": "f" if network.dtype == "float32" else "",
        **{key: _number(value, network.dtype) for key, value in _CONSTANTS.items()},
    }
    predict = templates.PREDICT
    for key, lines in (
        ("constants", _constants(parts)),
        ("body", _body(parts)),
        ("vectors", _vectors(vectors)),
    ):
        predict = predict.replace(f"@{key}@", "\n".join(lines))
    text = "".join([templates.HEAD, *_names(parts), *_activations(network.activations), predict])
    return re.sub(r"@(\w+)@", lambda found: str(values[found[1]]), text)


def _scaling(parts: Parts) -> str:
    inputs = "Inputs are scaled in here, as in training" if parts.before else "Inputs are used as they come"
    return inputs + ("; outputs are in the units of the target." if parts.after else ".")


def _activations(names: Iterable[str]) -> Iterator[str]:
    """Yield the functions that these activations need, each once, what is called before what calls it."""
    needed = [inner for name in names for inner in (*templates.NEEDS.get(name, ()), name)]
    for name in dict.fromkeys(needed):
        if name == "softmax":
            yield templates.SOFTMAX
        elif name != "identity":
            yield templates.SCALAR.format(activation=name, body=templates.ACTIVATIONS[name])


def _names(parts: Parts) -> Iterator[str]:
    for what, names in ("input", parts.input_names), ("output", parts.output_names):
        if names is not None:
            quoted = ",\n".join(f"        {_quoted(name)}" for name in names)
            yield templates.NAME_FUNCTION.replace("@what@", what).replace("@names@", quoted)


def _quoted(text: str) -> str:
    """Return a string literal; octal escapes keep all that is not a letter, digit or space out of the compiler's way."""
    kept = text.encode("utf-8", "replace")[:1000]  # C99 promises no more than 4095 in a literal
    plain = string.ascii_letters + string.digits + " "
    return '"' + "".join(chr(b) if chr(b) in plain else f"\\{b:03o}" for b in kept) + '"'


def _constants(parts: Parts) -> Iterator[str]:
    real = parts.network.dtype
    for where, steps in ("before", parts.before), ("after", parts.after):
        for k, step in enumerate(steps):
            yield from _array(f"{where}_{k}", step.column, "float64")
    for layer, W in enumerate(parts.weights):
        bias = parts.bias(layer)
        yield from _array(f"weights_{layer}", W, real)
        yield from _array(f"biases_{layer}", np.zeros(1) if bias is None else bias, real)


def _body(parts: Parts) -> Iterator[str]:
    """Yield the statements of predict: inputs to a, each layer from a to z and back to a, a to outputs."""
    yield f"    for (size_t j = 0; j < {parts.network.n_in}; ++j) {{"
    yield from _copy("inputs[j]", "a[j]", parts.input_dtype, parts.network.dtype, "before", parts.before)
    yield "    }"
    x, z = "a", "z"
    for layer, (activation, (n_in, n_out)) in enumerate(
        zip(parts.network.activations, parts.network.weight_shapes, strict=True)
    ):
        bias = parts.bias(layer)
        stride = int(bias is not None and len(bias) == n_out)
        yield f"    @name@_layer({x}, weights_{layer}, biases_{layer}, {stride}, {n_in}, {n_out}, {z});"
        if activation == "softmax":
            yield f"    @name@_softmax({z}, {n_out});"
        elif activation != "identity":
            yield f"    for (size_t j = 0; j < {n_out}; ++j) {z}[j] = @name@_{activation}({z}[j]);"
        x, z = z, x
    yield f"    for (size_t j = 0; j < {parts.network.n_out}; ++j) {{"
    yield from _copy(f"{x}[j]", "outputs[j]", parts.network.dtype, parts.output_dtype, "after", parts.after)
    yield "    }"


def _copy(source: str, target: str, from_: str, to: str, where: str, steps: Iterable[Step]) -> Iterator[str]:
    kind = "double" if steps else _TYPES[from_]
    yield f"        {kind} x = {'(double)' if steps and from_ == 'float32' else ''}{source};"
    for k, step in enumerate(steps):
        yield f"        x {step.operation}= {where}_{k}[j];"
    yield f"        {target} = {'(float)' if steps and to == 'float32' else ''}x;"


def _vectors(vectors: Vectors) -> Iterator[str]:
    for name, array in ("test_inputs", vectors.inputs), ("test_outputs", vectors.outputs):
        yield from _array(name, array, array.dtype.name)


def _array(name: str, array: Array, dtype: str) -> Iterator[str]:
    """Yield the lines of a constant array, filled up to a width."""
    yield f"    static const {_TYPES[dtype]} {name}[] = {{"
    line = ""
    for value in array.ravel():
        text = _number(value, dtype) + ","
        if line and len(line) + 1 + len(text) > 100:
            yield f"        {line}"
            line = ""
        line = f"{line} {text}" if line else text
    yield f"        {line}"
    yield "    };"


def _number(value: Any, dtype: str) -> str:
    """Return the shortest decimal that gives the same float again, as a constant of that type."""
    number = np.dtype(dtype).type(value)
    if not np.isfinite(number):
        text = "NAN" if np.isnan(number) else "INFINITY" if number > 0 else "-INFINITY"
        return f"({_TYPES[dtype]}){text}"
    return str(number) + ("f" if dtype == "float32" else "")

"""`to_onnx`: a network as an ONNX graph."""

from __future__ import annotations

import importlib
import json
import os
from typing import Any

import numpy as np

from chainrule._files import check_path, write_whole
from chainrule._version import __version__

from ._network_parts import Exported, Parts, parts_of
from ._numpy_template import largest_error
from ._onnx_activations import Graph, add_activation
from ._vectors import Vectors, make_vectors

OPSET, IR_VERSION = 17, 8
"""Read by ONNX Runtime 1.12 (2022) and later; what onnx writes without being told would shut older ones out."""

LARGEST = 2**31 - 2**20
"""Bytes of numbers in one file: protobuf ends at 2 GB, and names and nodes need some of it."""

_OPERATORS = {"-": "Sub", "+": "Add", "*": "Mul", "/": "Div"}


def to_onnx(
    model: Any, path: str | os.PathLike[str], *, scaler: Any = None, target_scaler: Any = None
) -> None:
    """Write an ONNX graph with the input ``X``, (rows, features), and the output ``Y``, (rows, outputs), any number of rows.

    Opset 17 and IR version 8, checked by ``onnx.checker``. All operators have kernels in ONNX Runtime, in float32 and
    float64. ``metadata_props`` hold the test vectors and errors as JSON: ``test_inputs``, ``test_outputs``,
    ``measured_error``, ``error_bound``; and ``chainrule_core``, the core that predicted.

    Parameters
    ----------
    model : MLP
    path : str or path
        A file of that name is replaced, when the new one is safely on the disk.
    scaler : MinMaxScaler or StandardScaler, optional
        Of the inputs: ``X`` is then unscaled, float64 (tensor(double)), and scaled in the graph as the library does.
    target_scaler : MinMaxScaler or StandardScaler, optional
        Of the targets: ``Y`` is then in their own units, float64.

    Raises
    ------
    ImportError
        If the package onnx is not installed: ``pip install "chainrule[onnx]"``.
    ValueError, TypeError
        If an argument does not fit the description above, a scaler is not fitted or to another number of columns, a
        parameter of the model is not finite, or the file would have more than 2 GB. Nothing is written then.
    OSError
        If the file cannot be written; one that was there is as before.

    Notes
    -----
    The error against `MLP.predict` is bounded as `chainrule.export` says, whatever the order in which a runtime sums.
    sigmoid, gelu and others are put together from exponentials, as some kernels of ONNX Runtime are missing in float64,
    or less exact. What is measured at the export is the graph, evaluated by onnx's own reference evaluator.
    """
    path = check_path(path)
    write_onnx(parts_of(model, scaler, target_scaler), path)


def write_onnx(parts: Parts, path: str) -> Exported:
    """Write the file, and return what was measured."""
    onnx = _import_onnx()
    size = sum(array.nbytes for array in (*parts.weights, *parts.biases))
    if size > LARGEST:
        raise ValueError(
            f"model has {size:,} bytes of parameters, but an ONNX file holds less than 2 GB; to_numpy has no such limit"
        )
    vectors = make_vectors(parts)
    model = _model(onnx, parts)
    onnx.checker.check_model(model, full_check=True)
    evaluator = onnx.reference.ReferenceEvaluator(model)
    with np.errstate(all="ignore"):
        (found,) = evaluator.run(None, {"X": vectors.inputs})
    error = largest_error(found, vectors.outputs)
    onnx.helper.set_model_props(model, _properties(parts, vectors, error))
    write_whole(path, model.SerializeToString(deterministic=True))
    return Exported(error, vectors.bound)


def _import_onnx() -> Any:
    try:
        onnx = importlib.import_module("onnx")
        importlib.import_module("onnx.reference")
    except ImportError as error:
        raise ImportError('to_onnx needs the package onnx: pip install "chainrule[onnx]"') from error
    return onnx


def _model(onnx: Any, parts: Parts) -> Any:
    network, helper = parts.network, onnx.helper
    graph = Graph(onnx, network.dtype)
    types = {"float32": onnx.TensorProto.FLOAT, "float64": onnx.TensorProto.DOUBLE}
    A = _add_steps(graph, "before", parts.before, "X")
    if parts.input_dtype != network.dtype:
        A = graph.add("Cast", A, to=types[network.dtype])
    for layer, W in enumerate(parts.weights):
        bias = parts.bias(layer)
        inputs = [A, graph.constant(f"weights_{layer}", W)]
        if bias is not None:
            inputs.append(graph.constant(f"biases_{layer}", bias))
        A = add_activation(graph, network.activations[layer], graph.add("Gemm", *inputs))
    if parts.output_dtype != network.dtype:
        A = graph.add("Cast", A, to=types[parts.output_dtype])
    graph.add("Identity", _add_steps(graph, "after", parts.after, A), output="Y")
    X = helper.make_tensor_value_info("X", types[parts.input_dtype], ["rows", network.n_in])
    Y = helper.make_tensor_value_info("Y", types[parts.output_dtype], ["rows", network.n_out])
    made = helper.make_graph(graph.nodes, "chainrule", [X], [Y], list(graph.initializers.values()))
    return helper.make_model(
        made,
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="chainrule",
        producer_version=__version__,
    )


def _add_steps(graph: Graph, where: str, steps: Any, name: str) -> str:
    for k, (operation, column) in enumerate(steps):
        name = graph.add(_OPERATORS[operation], name, graph.constant(f"{where}_{k}", column))
    return name


def _properties(parts: Parts, vectors: Vectors, error: float) -> dict[str, str]:
    found = {
        "chainrule_version": __version__,
        "chainrule_core": vectors.core,
        "test_inputs": _json(vectors.inputs.tolist()),
        "test_outputs": _json(vectors.outputs.tolist()),
        "measured_error": _json(error),
        "error_bound": _json(vectors.bound),
    }
    for name, names in ("input_names", parts.input_names), ("output_names", parts.output_names):
        if names is not None:
            found[name] = _json(names)
    return found


def _json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))

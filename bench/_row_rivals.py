"""Who predicts a single row: chainrule in three ways, NumPy, PyTorch, ONNX Runtime and scikit-learn, a process each.

Those that compile first are in _row_rivals_compiled.py.

All have the same parameters and the same row. Each names the statement that is timed, as its user would write it.
"""

from __future__ import annotations

import gc
import importlib
import statistics
from timeit import Timer
from typing import Any

import chainrule as cr
import numpy as np
from _case import Array, Error, Expected, largest_error, random_array, rounding
from _cases_network import DEVIATIONS, forward_pass, network
from _record import describe_chainrule, describe_numpy
from _workers import Unavailable
from chainrule._network import Network

Work = tuple[tuple[int, ...], str]  # layer sizes, activation of the hidden layers


def library(name: str) -> Any:
    """Import a library; a missing one leaves the rival out."""
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise Unavailable(f"{name} is not installed ({error})") from None


class Rival:
    """What all rivals do: load a work, check its answer, and be timed, call by call and back to back."""

    statement = ""
    compile_seconds: float | None = None
    """What compiling the loaded work took, apart from the timings; None where nothing is compiled."""

    def describe(self) -> str:
        """Return versions and settings."""
        raise NotImplementedError

    def start(self, net: Network, weights: list[Array], biases: list[Array], x: Array, out: Array) -> Any:
        """Return the names that the statement uses; its result goes to out, or is returned."""
        raise NotImplementedError

    def load(self, work: Work, dtype: str, seconds: float) -> Error:
        """Return the error of the first answer, and find how many calls fill the time."""
        net, weights, biases = network(*work, dtype)
        x = random_array(9, (1, net.n_in), dtype)
        out = np.full((1, net.n_out), np.nan, dtype)
        names = self.start(net, weights, biases, x[0], out[0])
        answer = eval(self.statement, names)
        if np.isnan(out).any():
            out[...] = np.reshape(np.asarray(answer), out.shape)
        right = forward_pass(net, weights, biases, x, rounding(dtype))
        expected = Expected(right.Z[-1], np.sqrt(right.Z_variance[-1]), DEVIATIONS)
        self.timer, self.calls = Timer(self.statement, globals=names), 10
        while (spent := self.timer.timeit(self.calls)) < seconds:  # warms up too
            self.calls = max(2 * self.calls, min(10 * self.calls, int(self.calls * seconds / spent)))
        return largest_error([out], [expected])

    def load_and_compile(self, work: Work, dtype: str, seconds: float) -> tuple[float, float, float | None]:
        """Load; return error, bound and what compiling took."""
        return (*self.load(work, dtype, seconds), self.compile_seconds)

    def time(self) -> tuple[float, float, float]:
        """Return seconds of a call: mean of calls back to back; median and 99th percentile of calls timed one by one.

        Of the latter, reading the clock (the median of an empty statement) is taken off.
        """
        gc.collect()
        mean = self.timer.timeit(self.calls) / self.calls
        count = min(self.calls, 20_000)
        clock = statistics.median(Timer("pass").repeat(1000, 1))
        single = np.array(self.timer.repeat(count, 1)) - clock
        return mean, float(np.median(single)), float(np.quantile(single, 0.99))


class Chainrule(Rival):
    """`Predictor` with an array for the result, `Predictor` without, or `MLP.predict`."""

    statements = ("predictor(x, out)", "predictor(x)", "model.predict(X, n_threads=1)")

    def __init__(self, way: int) -> None:
        self.statement = self.statements[way]

    def describe(self) -> str:
        """Return versions and settings."""
        return describe_chainrule()

    def start(self, net: Network, weights: list[Array], biases: list[Array], x: Array, out: Array) -> Any:
        """Return predictor and model."""
        model = cr.MLP(list(net.layer_sizes), activation=list(net.activations[:-1]), dtype=net.dtype, seed=0)
        model.weights, model.biases = weights, biases
        return {"predictor": model.predictor(), "model": model, "x": x, "X": x.reshape(1, -1), "out": out}


def activate(name: str, z: Array) -> None:
    """Apply an activation in place, with NumPy."""
    if name == "relu":
        np.maximum(z, 0, out=z)
    elif name == "tanh":
        np.tanh(z, out=z)
    elif name == "sigmoid":
        np.negative(z, out=z)
        np.exp(z, out=z)
        np.add(z, 1, out=z)
        np.reciprocal(z, out=z)


class NumPy(Rival):
    """The same by hand, without new arrays: what one writes who has nothing but NumPy."""

    statement = "forward(x)"

    def describe(self) -> str:
        """Return versions and settings."""
        return describe_numpy()

    def start(self, net: Network, weights: list[Array], biases: list[Array], x: Array, out: Array) -> Any:
        """Return a function with its arrays."""
        dot, add, last = np.dot, np.add, len(weights) - 1
        buffers = [np.empty(len(b), net.dtype) for b in biases[:-1]] + [out]
        layers = list(zip(weights, biases, buffers, net.activations, strict=True))

        def forward(a: Array) -> Array:
            for W, b, z, name in layers:
                add(dot(a, W, out=z), b, out=z)
                activate(name, z)
                a = z
            return a

        assert layers[last][2] is out
        return {"forward": forward, "x": x}


class PyTorch(Rival):
    """Eager PyTorch in inference mode."""

    statement = "model(x)"

    def __init__(self, threads: int = 1) -> None:
        self.torch = library("torch")
        self.torch.set_num_threads(threads)
        self.torch.set_flush_denormal(True)
        self.mode = self.torch.inference_mode()
        self.mode.__enter__()  # for the life of the process

    def describe(self) -> str:
        """Return versions and settings."""
        return str(self.torch.__version__)

    def start(self, net: Network, weights: list[Array], biases: list[Array], x: Array, out: Array) -> Any:
        """Return a Sequential and a tensor."""
        torch, layers = self.torch, []
        activations = {"relu": torch.nn.ReLU, "tanh": torch.nn.Tanh, "sigmoid": torch.nn.Sigmoid}
        for W, b, name in zip(weights, biases, net.activations, strict=True):
            layer = torch.nn.Linear(*W.shape, dtype=getattr(torch, net.dtype))
            with torch.no_grad():
                layer.weight.copy_(torch.from_numpy(W.T.copy()))
                layer.bias.copy_(torch.from_numpy(b))
            layers += [layer, *([activations[name]()] if name in activations else [])]
        return {"model": torch.nn.Sequential(*layers).eval(), "x": torch.from_numpy(x)}


class OnnxRuntime(Rival):
    """ONNX Runtime with input and output bound to the arrays, one Gemm a layer."""

    statement = "session.run_with_iobinding(binding)"

    def __init__(self, threads: int = 1) -> None:
        self.onnx, self.ort, self.threads = library("onnx"), library("onnxruntime"), threads

    def describe(self) -> str:
        """Return versions and settings."""
        return f"{self.ort.__version__}, {self.ort.get_device()}"

    def start(self, net: Network, weights: list[Array], biases: list[Array], x: Array, out: Array) -> Any:
        """Return a session, and a binding of x and out."""
        onnx, ort, helper = self.onnx, self.ort, self.onnx.helper
        kind = helper.np_dtype_to_tensor_dtype(np.dtype(net.dtype))
        nodes, constants, name, rows = [], [], "x", x.size // net.n_in
        for i, (W, b, activation) in enumerate(zip(weights, biases, net.activations, strict=True)):
            constants += [onnx.numpy_helper.from_array(W, f"W{i}"), onnx.numpy_helper.from_array(b, f"b{i}")]
            nodes.append(helper.make_node("Gemm", [name, f"W{i}", f"b{i}"], [f"z{i}"]))
            name = f"z{i}"
            if activation != "identity":
                nodes.append(helper.make_node(activation.capitalize(), [name], [f"a{i}"]))
                name = f"a{i}"
        ends = [
            helper.make_tensor_value_info(end, kind, [rows, n])
            for end, n in (("x", net.n_in), (name, net.n_out))
        ]
        graph = helper.make_graph(nodes, "mlp", ends[:1], ends[1:], constants)
        model = helper.make_model(graph, ir_version=8, opset_imports=[helper.make_opsetid("", 13)])
        options = ort.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = self.threads
        options.add_session_config_entry("session.set_denormal_as_zero", "1")
        session = ort.InferenceSession(model.SerializeToString(), options, ["CPUExecutionProvider"])
        binding = session.io_binding()
        binding.bind_input("x", "cpu", 0, net.numpy_dtype.type, (rows, net.n_in), x.ctypes.data)
        binding.bind_output(name, "cpu", 0, net.numpy_dtype.type, (rows, net.n_out), out.ctypes.data)
        return {"session": session, "binding": binding, "x": x, "out": out}


class ScikitLearn(Rival):
    """`MLPRegressor.predict`, its parameters replaced."""

    statement = "model.predict(X)"

    def __init__(self) -> None:
        self.network = library("sklearn.neural_network")

    def describe(self) -> str:
        """Return versions and settings."""
        return str(library("sklearn").__version__)

    def start(self, net: Network, weights: list[Array], biases: list[Array], x: Array, out: Array) -> Any:
        """Return a model, made by a step of training on one row."""
        activation = {"sigmoid": "logistic"}.get(net.activations[0], net.activations[0])
        model = self.network.MLPRegressor(
            hidden_layer_sizes=net.layer_sizes[1:-1], activation=activation, random_state=0
        )
        X, y = x.reshape(-1, net.n_in), np.zeros((1, net.n_out), net.dtype)
        model.partial_fit(X[:1], y[0] if net.n_out == 1 else y)
        model.coefs_, model.intercepts_ = weights, biases
        return {"model": model, "X": X}

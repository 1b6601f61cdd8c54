"""Activations as ONNX operators that ONNX Runtime has in float32 and in float64.

Of its float64 kernels Erf, Softplus, Softsign, Elu, Selu and HardSigmoid are missing; Sigmoid is cut off at 18 and is off
by 1.6e-7 from there, where its value goes to 0; LeakyRelu has a slope in float32. So all but Relu, Tanh and Softmax are
put together from sums, products, quotients, exponentials and choices, by formulas in which no digits are lost.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from chainrule._network import LEAKY_SLOPE, SELU_ALPHA, SELU_SCALE

# Mills' ratio of the normal distribution, P(-x) / p(x) = t q(2 t - 1) with t = k / (k + x) for x >= 0: k, and the
# polynomial q from the constant term up. From src/cpp/kernels/constants.hpp, with errors of 2^-30.00 and 2^-59.31.
# M. M. Shepherd and J. G. Laframboise, Math. Comp. 36 (1981), have it for (x - k) / (x + k).
MILLS = {
    "float32": (
        3.0,
        (0.609180598, 0.425568657, 0.192189623, 0.0394899963, -0.00874188313, -0.00582314998, 0.00085625092,
         0.000862717898, -0.000204502976, -0.000109668092, 4.549948e-5),
    ),
    "float64": (
        4.0,
        (0.47330476582712134, 0.38094272770499573, 0.24260238871689705, 0.11688524074959691, 0.037847940578111984,
         0.0047251127149874138, -0.0021805738185475466, -0.0010219639137656539, 8.3561153268434376e-5,
         0.00014481727186014539, -1.1958057968001259e-6, -2.2023654486655197e-5, 4.4902889819591524e-7,
         3.7098935438003089e-6, -3.9439960711804404e-7, -6.4014643816417482e-7, 1.6996944439855652e-7,
         9.7150331295262574e-8, -5.3128159666748733e-8, -8.4312562576555187e-9, 1.2049545031155443e-8,
         -1.1012173340398878e-9, -1.5142535701342197e-9, 4.2042728935983294e-10),
    ),
}  # fmt: skip


class Graph:
    """Nodes and constants in the order in which they were added.

    Parameters
    ----------
    onnx : module
    dtype : "float32" or "float64"
        Of the constants that are Python numbers.
    """

    def __init__(self, onnx: Any, dtype: str) -> None:
        self.onnx, self.dtype = onnx, dtype
        self.nodes: list[Any] = []
        self.initializers: dict[str, Any] = {}

    def add(self, operator: str, *inputs: str | float, output: str | None = None, **attributes: Any) -> str:
        """Add a node, and return the name of its output; numbers become constants."""
        names = [name if isinstance(name, str) else self.number(name) for name in inputs]
        output = output or f"{operator.lower()}_{len(self.nodes)}"
        self.nodes.append(self.onnx.helper.make_node(operator, names, [output], name=output, **attributes))
        return output

    def constant(self, name: str, array: Any) -> str:
        """Add an array, and return its name."""
        if name not in self.initializers:
            self.initializers[name] = self.onnx.numpy_helper.from_array(np.ascontiguousarray(array), name)
        return name

    def number(self, value: float) -> str:
        """Add a number of the network's dtype, once, and return its name."""
        return self.constant(f"number {value!r}", np.array(value, self.dtype))


def add_activation(graph: Graph, name: str, z: str) -> str:
    """Add an activation of the tensor z, and return the name of its output."""
    return str(globals()[f"_{name}"](graph, z))


def _identity(graph: Graph, z: str) -> str:
    return z


def _relu(graph: Graph, z: str) -> str:
    return graph.add("Relu", z)


def _tanh(graph: Graph, z: str) -> str:
    return graph.add("Tanh", z)


def _softmax(graph: Graph, z: str) -> str:
    return graph.add("Softmax", z, axis=1)


def _exponential(graph: Graph, z: str) -> str:
    return graph.add("Exp", z)


def _step(graph: Graph, z: str) -> str:
    return graph.add("Where", graph.add("GreaterOrEqual", z, 0.0), 1.0, 0.0)


def _leaky_relu(graph: Graph, z: str) -> str:
    return graph.add("Max", z, graph.add("Mul", z, LEAKY_SLOPE))


def _hard_sigmoid(graph: Graph, z: str) -> str:
    return graph.add("Div", graph.add("Min", graph.add("Max", graph.add("Add", z, 3.0), 0.0), 6.0), 6.0)


def _softsign(graph: Graph, z: str) -> str:
    size = graph.add("Abs", z)
    value = graph.add("Div", z, graph.add("Add", size, 1.0))
    return graph.add("Where", graph.add("Greater", size, 1e30), graph.add("Sign", z), value)  # infinity too


def _decay(graph: Graph, z: str) -> str:
    """Return exp(-|z|), which is never above 1."""
    return graph.add("Exp", graph.add("Neg", graph.add("Abs", z)))


def _sigmoid(graph: Graph, z: str) -> str:
    e = _decay(graph, z)
    above = graph.add("Where", graph.add("Less", z, 0.0), e, 1.0)
    return graph.add("Div", above, graph.add("Add", e, 1.0))


def _softplus(graph: Graph, z: str) -> str:
    # log(1 + e) is log(w) e / (w - 1) for the rounded w = 1 + e, whose error cancels, or e where w is 1 (W. Kahan).
    e = _decay(graph, z)
    w = graph.add("Add", e, 1.0)
    log = graph.add("Mul", graph.add("Log", w), graph.add("Div", e, graph.add("Sub", w, 1.0)))
    log = graph.add("Where", graph.add("Equal", w, 1.0), e, log)
    return graph.add("Add", graph.add("Max", z, 0.0), log)


def _expm1(graph: Graph, z: str) -> str:
    """Return exp(z) - 1 for z <= 0, by t = tanh(z / 2): 2 t / (1 - t), in which nothing cancels."""
    t = graph.add("Tanh", graph.add("Mul", z, 0.5))
    return graph.add("Div", graph.add("Mul", t, 2.0), graph.add("Sub", 1.0, t))


def _elu(graph: Graph, z: str) -> str:
    below = _expm1(graph, graph.add("Min", z, 0.0))
    return graph.add("Where", graph.add("Less", z, 0.0), below, z)


def _selu(graph: Graph, z: str) -> str:
    below = graph.add("Mul", _expm1(graph, graph.add("Min", z, 0.0)), SELU_SCALE * SELU_ALPHA)
    return graph.add("Where", graph.add("Less", z, 0.0), below, graph.add("Mul", z, SELU_SCALE))


def _gated(graph: Graph, z: str, g: str) -> str:
    # The gate is 0 below, and minus infinity times 0 is 0 here. (It is not 0 everywhere: in ONNX Runtime 1.19 exp ends at
    # 5e-309, which would let infinity through.)
    lowest = -200.0 if graph.dtype == "float32" else -800.0
    return graph.add("Mul", graph.add("Max", z, lowest), g)


def _silu(graph: Graph, z: str) -> str:
    return _gated(graph, z, _sigmoid(graph, z))


def _gelu_tanh(graph: Graph, z: str) -> str:
    cube = graph.add("Mul", graph.add("Mul", graph.add("Mul", z, 0.044715), z), z)
    return _gated(
        graph, z, _sigmoid(graph, graph.add("Mul", graph.add("Add", z, cube), 2 * (2 / np.pi) ** 0.5))
    )


def _mish(graph: Graph, z: str) -> str:
    # tanh(log(1 + e^z)) = n / (n + 2) for n = e^z (e^z + 2), by u = e^-|z|
    u = _decay(graph, z)
    below = graph.add("Less", z, 0.0)
    n_below = graph.add("Mul", u, graph.add("Add", u, 2.0))
    n = graph.add("Where", below, n_below, graph.add("Add", graph.add("Mul", u, 2.0), 1.0))
    rest = graph.add("Where", below, 2.0, graph.add("Mul", graph.add("Mul", u, u), 2.0))
    return _gated(graph, z, graph.add("Div", n, graph.add("Add", n, rest)))


def _gelu(graph: Graph, z: str) -> str:
    # Not (1 + Erf) / 2, which has no float64 kernel, and no correct digit left where z < -6.
    k, coefficients = MILLS[graph.dtype]
    x = graph.add("Abs", z)
    density = graph.add("Exp", graph.add("Mul", graph.add("Mul", x, x), -0.5))
    density = graph.add("Mul", density, 1 / (2 * np.pi) ** 0.5)
    t = graph.add("Div", k, graph.add("Add", x, k))
    tail = graph.add("Mul", graph.add("Mul", density, t), _polynomial(graph, t, coefficients))
    cumulated = graph.add("Where", graph.add("Less", z, 0.0), tail, graph.add("Sub", 1.0, tail))
    return _gated(graph, z, cumulated)


def _polynomial(graph: Graph, t: str, coefficients: Sequence[float]) -> str:
    """Return q(2 t - 1) by Horner's rule."""
    s = graph.add("Sub", graph.add("Add", t, t), 1.0)
    value: str | float = coefficients[-1]
    for c in reversed(coefficients[:-1]):
        value = graph.add("Add", graph.add("Mul", value, s), c)
    return str(value)

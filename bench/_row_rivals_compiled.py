"""Who compiles the network before it predicts a single row: `torch.compile`, and JAX ahead of time."""

from __future__ import annotations

import os
import time
from typing import Any

from _case import Array
from _compiled_torch import must_compile, without_cache
from _row_rivals import PyTorch, Rival, library
from chainrule._network import Network


class CompiledPyTorch(PyTorch):
    """`torch.compile` of the network in inference mode."""

    def __init__(self) -> None:
        self.cache = without_cache()
        super().__init__()
        must_compile(self.torch)

    def start(self, net: Network, weights: list[Array], biases: list[Array], x: Array, out: Array) -> Any:
        """Return the compiled model and a tensor; the first call compiles."""
        names = super().start(net, weights, biases, x, out)
        self.torch.compiler.reset()  # of the works before only a few would be kept
        model = self.torch.compile(names["model"], dynamic=False, fullgraph=True)
        seconds = []
        for _ in range(2):
            started = time.perf_counter()
            model(names["x"])
            seconds.append(time.perf_counter() - started)
        self.compile_seconds = max(0.0, seconds[0] - seconds[1])
        return {**names, "model": model}


class JAX(Rival):
    """A program compiled ahead of time with the parameters as constants in it; the row is on the device."""

    statement = "predict(x).block_until_ready()"

    def __init__(self) -> None:
        os.environ |= {
            "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1",
            "JAX_PLATFORMS": "cpu",
        }
        self.jax = library("jax")
        self.jax.config.update("jax_enable_x64", True)  # allows float64; float32 stays float32

    def describe(self) -> str:
        """Return versions and settings."""
        return f"{self.jax.__version__}, {os.environ['XLA_FLAGS']}"

    def start(self, net: Network, weights: list[Array], biases: list[Array], x: Array, out: Array) -> Any:
        """Return the program and the row."""
        jax, jnp = self.jax, self.jax.numpy
        activations = {
            "relu": lambda z: jnp.maximum(z, 0), "tanh": jnp.tanh, "sigmoid": jax.nn.sigmoid, "identity": lambda z: z
        }  # fmt: skip
        layers = [
            (jnp.asarray(W), jnp.asarray(b), activations[name])
            for W, b, name in zip(weights, biases, net.activations, strict=True)
        ]

        def forward(a: Any) -> Any:
            for W, b, activate in layers:
                a = activate(a @ W + b)
            return a

        row, started = jnp.asarray(x), time.perf_counter()
        predict = jax.jit(forward).lower(row).compile()
        self.compile_seconds = time.perf_counter() - started
        return {"predict": predict, "x": row}

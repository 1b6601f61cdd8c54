"""JAX in the epoch benchmark: a whole epoch is one compiled program, a `lax.scan` over the batches.

That is its fastest way on small networks, where a call from Python for each batch would cost more than the batch.
The program is compiled ahead of time, so that its time is known apart. The scan is not unrolled: with 2 to 16 steps
unrolled 2-3-1 took five times as long, and 8-64-64-1 as long as before (JAX 0.10.2). The order of the rows comes from
NumPy: JAX's own permutation sorts random words, which takes several times as long.
"""

from __future__ import annotations

import os
import time
from typing import Any

import chainrule as cr
import numpy as np
from _epoch_rivals import Rival, checked_order, start_of
from _workers import Unavailable
from _works import MOMENTUM, SEED, Array, Work


class JAX(Rival):
    """Plain functions on lists of arrays, parameters and velocities donated, so that they are updated in place."""

    def __init__(self, threads: int) -> None:
        # XLA has no other switch; the processors that this process may use limit its pool as well (_workers.py).
        os.environ["XLA_FLAGS"] = (
            f"--xla_cpu_multi_thread_eigen={str(threads > 1).lower()} intra_op_parallelism_threads={threads}"
        )
        os.environ["JAX_PLATFORMS"] = "cpu"
        try:
            import jax
        except ImportError as error:
            raise Unavailable(f"JAX is not installed ({error})") from None
        jax.config.update("jax_enable_x64", True)  # allows float64; float32 stays float32
        cr.set_backend("reference")
        self.jax: Any = jax
        self.rng = np.random.default_rng(SEED)

    def describe(self) -> str:
        """Return versions and settings."""
        return f"{self.jax.__version__}, {os.environ['XLA_FLAGS']}"

    def loss(self, work: Work) -> Any:
        """Return the loss of a batch as a function of the parameters."""
        jax, jnp = self.jax, self.jax.numpy

        def outputs(parameters: Any, A: Any) -> Any:
            for W, b in parameters[:-1]:
                A = A @ W + b
                A = {"relu": jax.nn.relu, "sigmoid": jax.nn.sigmoid, "tanh": jnp.tanh}[work.activation](A)
            W, b = parameters[-1]
            return A @ W + b

        def cross_entropy(parameters: Any, X: Any, y: Any) -> Any:
            log = jax.nn.log_softmax(outputs(parameters, X))
            return -jnp.take_along_axis(log, y[:, None], axis=1).mean()

        def squared_error(parameters: Any, X: Any, y: Any) -> Any:
            A = outputs(parameters, X)
            if work.output_activation == "sigmoid":
                A = jax.nn.sigmoid(A)
            half = work.loss == "half_squared_error"
            return ((A - y) ** 2).mean() * (0.5 * work.layer_sizes[-1] if half else 1.0)

        return cross_entropy if work.loss == "cross_entropy" else squared_error

    def compiled(self, work: Work, *arguments: Any) -> Any:
        """Return the program of an epoch, compiled for arguments of these shapes, and note how long that took."""
        jax, gradient = self.jax, self.jax.grad(self.loss(work))
        change, rate = jax.tree_util.tree_map, work.learning_rate

        def epoch(parameters: Any, velocities: Any, X: Any, y: Any, order: Any) -> Any:
            def step(state: Any, batch: Any) -> Any:
                w, v = state
                v = change(lambda v, g: MOMENTUM * v - rate * g, v, gradient(w, X[batch], y[batch]))
                return (change(lambda w, v: w + v, w, v), v), None

            full = len(order) // work.batch * work.batch
            state, _ = jax.lax.scan(step, (parameters, velocities), order[:full].reshape(-1, work.batch))
            return step(state, order[full:])[0] if full < len(order) else state

        started = time.perf_counter()
        program = jax.jit(epoch, donate_argnums=(0, 1)).lower(*arguments).compile()
        self.compile_seconds = time.perf_counter() - started
        return program

    def begin(self, work: Work, dtype: str) -> tuple[Any, Any]:
        """Return the initial weights and velocities."""
        ours, jnp = start_of(work, dtype), self.jax.numpy
        pairs = list(zip(ours.weights, ours.biases, strict=True))
        return (
            [(jnp.array(W), jnp.array(b)) for W, b in pairs],
            [(jnp.zeros_like(W), jnp.zeros_like(b)) for W, b in pairs],
        )

    def start(self) -> None:
        """Make arrays and program."""
        self.state = self.begin(self.work, self.dtype)
        self.arrays = [self.jax.numpy.asarray(array) for array in (self.X, self.y)]
        self.program = self.compiled(self.work, *self.state, *self.arrays, self.order())

    def order(self) -> Array:
        """Return the rows in another order each time."""
        return self.rng.permutation(self.work.rows).astype(np.int32)

    def train(self, epochs: int) -> None:
        """Train for so many epochs, and wait for the last."""
        for _ in range(epochs):
            self.state = self.program(*self.state, *self.arrays, self.order())
        self.jax.block_until_ready(self.state)

    def answer(self, work: Work, dtype: str) -> list[Array]:
        """Return weights, then biases, after the steps that are checked, in chainrule's order of the rows."""
        order = checked_order(work).astype(np.int32)
        arguments = (*self.begin(work, dtype), *(self.jax.numpy.asarray(array) for array in work.data(dtype)))
        parameters, _ = self.compiled(work, *arguments, order)(*arguments, order)
        return [np.asarray(W) for W, _ in parameters] + [np.asarray(b) for _, b in parameters]

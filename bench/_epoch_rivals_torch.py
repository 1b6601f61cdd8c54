"""PyTorch in the epoch benchmark: eager, and compiled by `torch.compile`."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import chainrule as cr
import numpy as np
from _compiled_torch import must_compile, without_cache
from _epoch_rivals import Rival, checked_order, start_of
from _workers import Unavailable
from _works import MOMENTUM, Array, Work

Loss = Callable[[Any, Any, Any], Any]  # of inputs, targets and the rows of a batch


class PyTorch(Rival):
    """Eager PyTorch: `torch.nn.Linear` layers, the fused `torch.optim.SGD`, the rows of a batch by one indexing."""

    def __init__(self, threads: int) -> None:
        try:
            import torch
        except ImportError as error:
            raise Unavailable(f"PyTorch is not installed ({error})") from None
        cr.set_backend("reference")  # the initial weights need no second team of threads in this process
        torch.set_num_threads(threads)
        torch.set_flush_denormal(True)
        self.torch: Any = torch
        self.made: tuple[Work, str] | None = None

    def describe(self) -> str:
        """Return versions and settings."""
        mkl = "MKL" if self.torch.backends.mkl.is_available() else "no MKL"
        return f"{self.torch.__version__}, {mkl}"

    def model(self, work: Work, dtype: str) -> tuple[Any, Any]:
        """Return model and loss function."""
        nn = self.torch.nn
        layers: list[Any] = []
        for sizes in zip(work.layer_sizes[:-1], work.layer_sizes[1:], strict=True):
            layer = nn.Linear(*sizes, dtype=getattr(self.torch, dtype))
            layers += [layer, {"relu": nn.ReLU, "sigmoid": nn.Sigmoid, "tanh": nn.Tanh}[work.activation]()]
        layers.pop()
        if work.output_activation == "sigmoid":
            layers.append(nn.Sigmoid())
        losses = {
            "cross_entropy": nn.functional.cross_entropy,
            "mean_squared_error": nn.functional.mse_loss,
            "half_squared_error": lambda a, y: 0.5 * work.layer_sizes[-1] * nn.functional.mse_loss(a, y),
        }
        return nn.Sequential(*layers), losses[work.loss]

    def loss_of_batch(self, model: Any, loss: Any) -> Loss:
        """Return the function whose gradient is taken."""
        return lambda X, y, rows: loss(model(X[rows]), y[rows])

    def begin(self, work: Work, dtype: str) -> None:
        """Set the parameters to the initial weights, and make a new optimizer; the model only if it is another one."""
        torch = self.torch
        if self.made != (work, dtype):
            self.net, loss = self.model(work, dtype)
            self.layers = [layer for layer in self.net if hasattr(layer, "weight")]
            self.tensors = tuple(torch.from_numpy(array) for array in work.data(dtype))
            self.loss = self.loss_of_batch(self.net, loss)
            self.made = work, dtype
            self.compile(work)
        ours = start_of(work, dtype)
        with torch.no_grad():
            for layer, W, b in zip(self.layers, ours.weights, ours.biases, strict=True):
                layer.weight.copy_(torch.from_numpy(W.T.copy()))
                layer.bias.copy_(torch.from_numpy(b))
        self.optimizer = torch.optim.SGD(
            self.net.parameters(), lr=work.learning_rate, momentum=MOMENTUM, fused=True
        )

    def compile(self, work: Work) -> None:
        """Make ready what can be made ready before the first step; nothing where nothing is compiled."""

    def start(self) -> None:
        """Begin anew."""
        self.begin(self.work, self.dtype)

    def train(self, epochs: int) -> None:
        """Train for so many epochs."""
        for _ in range(epochs):
            self.epoch(self.torch.randperm(self.work.rows), self.work.batch)

    def epoch(self, order: Any, batch: int) -> None:
        """Make one epoch in the given order. The loss is not summed up, which spares it an operation a step."""
        for rows in order.split(batch):
            self.optimizer.zero_grad()
            self.loss(*self.tensors, rows).backward()
            self.optimizer.step()

    def answer(self, work: Work, dtype: str) -> list[Array]:
        """Return weights, then biases, after the steps that are checked, in chainrule's order of the rows."""
        self.begin(work, dtype)
        self.epoch(self.torch.from_numpy(checked_order(work)), work.batch)
        weights = [np.ascontiguousarray(layer.weight.detach().numpy().T) for layer in self.layers]
        return weights + [layer.bias.detach().numpy() for layer in self.layers]


class CompiledPyTorch(PyTorch):
    """The same with gather, forward, loss and backward in one function that `torch.compile` has compiled.

    The optimizer stays the fused one, which is one call already.
    """

    def __init__(self, threads: int) -> None:
        self.cache = without_cache()
        super().__init__(threads)
        must_compile(self.torch)

    def loss_of_batch(self, model: Any, loss: Any) -> Loss:
        """Return the compiled function; that of the work before is forgotten, of which only a few are kept."""
        self.torch.compiler.reset()
        made: Loss = self.torch.compile(super().loss_of_batch(model, loss), dynamic=False, fullgraph=True)
        return made

    def compile(self, work: Work) -> None:
        """Take one gradient, which compiles; what the second one takes is not compiling."""
        rows, seconds = self.torch.arange(work.batch), []
        for _ in range(2):
            started = time.perf_counter()
            self.loss(*self.tensors, rows).backward()
            seconds.append(time.perf_counter() - started)
        self.compile_seconds = max(0.0, seconds[0] - seconds[1])

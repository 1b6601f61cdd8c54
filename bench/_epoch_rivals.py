"""Who trains: chainrule's native core, its reference core in NumPy, and PyTorch, each in a process of its own.

All start from the same weights, take the same batches in the check, and as many of the same size in the timing.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import chainrule as cr
import numpy as np
from _record import describe_chainrule, describe_numpy
from _workers import Unavailable
from _works import MOMENTUM, SEED, Array, Work


def start_of(work: Work, dtype: str) -> cr.MLP:
    """Return the untrained model; float64 starts from the float32 numbers, so that all start alike."""
    options: dict[str, Any] = {
        "activation": work.activation,
        "output_activation": work.output_activation,
        "seed": SEED,
    }
    model = cr.MLP(list(work.layer_sizes), dtype="float32", **options)
    if dtype == "float64":
        wide = cr.MLP(list(work.layer_sizes), dtype=dtype, **options)
        for new, old in zip(wide.weights + wide.biases, model.weights + model.biases, strict=True):
            new[...] = old
        return wide
    return model


class Rival:
    """What all rivals do: load a work, train a few steps to be checked, and be timed."""

    def load(self, work: Work, dtype: str, seconds: float) -> None:
        """Make data and model, warm up, and find how many epochs fill the time."""
        self.work, self.dtype = work, dtype
        self.X, self.y = work.data(dtype)
        self.start()
        self.epochs = 1
        while (spent := self.time() * self.epochs) < seconds:
            self.epochs = max(self.epochs + 1, min(10 * self.epochs, int(self.epochs * seconds / spent)))

    def time(self) -> float:
        """Return the seconds of one epoch, averaged over the epochs of this timing; training goes on."""
        started = time.perf_counter()
        self.train(self.epochs)
        return (time.perf_counter() - started) / self.epochs

    def start(self) -> None:
        """Make what is trained from the initial weights."""
        raise NotImplementedError

    def train(self, epochs: int) -> None:
        """Train for so many epochs."""
        raise NotImplementedError


class Chainrule(Rival):
    """`Trainer.fit`, on one of the two cores."""

    def __init__(self, core: str, threads: int) -> None:
        self.core, self.threads = core, threads

    def describe(self) -> str:
        """Return versions and settings."""
        return describe_chainrule() if self.core == "native" else describe_numpy()

    def trainer(self, work: Work, dtype: str) -> cr.Trainer:
        """Return a trainer of the untrained model, whose weights both cores draw alike."""
        optimizer = cr.SGD(learning_rate=work.learning_rate, momentum=MOMENTUM)
        return cr.Trainer(
            start_of(work, dtype), loss=work.loss, optimizer=optimizer, batch_size=work.batch, seed=SEED,
            n_threads=self.threads,
        )  # fmt: skip

    def start(self) -> None:
        """Make the trainer."""
        self.made = self.trainer(self.work, self.dtype)

    def train(self, epochs: int) -> None:
        """Train for so many epochs."""
        with cr.backend(self.core):
            self.made.fit(self.X, self.y, epochs=epochs)

    def answer(self, work: Work, dtype: str) -> list[Array]:
        """Return weights, then biases, after the steps that are checked."""
        X, y = work.data(dtype)
        rows = work.checked_steps * work.batch
        trainer = self.trainer(work, dtype)
        with cr.backend(self.core):
            trainer.fit(X[:rows], y[:rows])
        return trainer.model.weights + trainer.model.biases

    def truth(self, work: Work, dtype: str) -> tuple[list[Array], list[Array], int]:
        """Return parameters before and after the steps in float64, and how often a relu may fall either way.

        That is where the weighted sum is within its rounding error of 0: sqrt(n) roundings, times the root of the
        sum of the squared terms, for ``dtype``, and for the errors of the layers before twice as much again.
        """
        trainer, u = self.trainer(work, "float64"), float(np.finfo(dtype).eps) / 2
        model = trainer.model
        before = [array.copy() for array in model.weights + model.biases]
        X, y = work.data(dtype)
        rows, undecided = work.checked_steps * work.batch, 0
        order = cr.reference.permutation(rows, seed=SEED, epoch=0)
        target = y if y.ndim == 1 else y.astype(np.float64)
        for step in range(work.checked_steps):
            batch = order[step * work.batch : (step + 1) * work.batch]
            A = given = X[batch].astype(np.float64)
            for W, b in (
                zip(model.weights[:-1], model.biases[:-1], strict=True) if work.activation == "relu" else ()
            ):
                Z, size = A @ W + b, np.sqrt(A**2 @ W**2 + b**2)
                undecided += int((np.abs(Z) <= 4 * u * np.sqrt(len(W)) * size).sum())
                A = np.maximum(Z, 0)
            with cr.backend("reference"):
                trainer.train_on_batch(given, target[batch])
        return before, model.weights + model.biases, undecided


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
        self.torch = torch

    def describe(self) -> str:
        """Return versions and settings."""
        torch: Any = self.torch
        mkl = "MKL" if torch.backends.mkl.is_available() else "no MKL"
        return f"{torch.__version__}, {mkl}"

    def model(self, work: Work, dtype: str) -> tuple[Any, Any, Callable[[Any, Any], Any]]:
        """Return model, optimizer and loss function, from the same initial weights."""
        nn, torch = self.torch.nn, self.torch
        ours, layers = start_of(work, dtype), []
        for W, b in zip(ours.weights, ours.biases, strict=True):
            layer = nn.Linear(*W.shape, dtype=getattr(torch, dtype))
            with torch.no_grad():
                layer.weight.copy_(torch.from_numpy(W.T.copy()))
                layer.bias.copy_(torch.from_numpy(b))
            layers += [layer, nn.ReLU() if work.activation == "relu" else nn.Sigmoid()]
        layers.pop()
        if work.output_activation == "sigmoid":
            layers.append(nn.Sigmoid())
        model = nn.Sequential(*layers)
        optimizer = torch.optim.SGD(model.parameters(), lr=work.learning_rate, momentum=MOMENTUM, fused=True)
        losses = {
            "cross_entropy": nn.functional.cross_entropy,
            "mean_squared_error": nn.functional.mse_loss,
            "half_squared_error": lambda a, y: 0.5 * work.layer_sizes[-1] * nn.functional.mse_loss(a, y),
        }
        return model, optimizer, losses[work.loss]

    def start(self) -> None:
        """Make model, optimizer and tensors."""
        self.made = self.model(self.work, self.dtype)
        self.tensors = self.torch.from_numpy(self.X), self.torch.from_numpy(self.y)

    def train(self, epochs: int) -> None:
        """Train for so many epochs."""
        for _ in range(epochs):
            self.epoch(*self.made, *self.tensors, self.torch.randperm(self.work.rows), self.work.batch)

    def epoch(self, model: Any, optimizer: Any, loss: Any, X: Any, y: Any, order: Any, batch: int) -> None:
        """Make one epoch in the given order. The loss is not summed up, which spares it an operation a step."""
        for rows in order.split(batch):
            optimizer.zero_grad()
            loss(model(X[rows]), y[rows]).backward()
            optimizer.step()

    def answer(self, work: Work, dtype: str) -> list[Array]:
        """Return weights, then biases, after the steps that are checked, in chainrule's order of the rows."""
        X, y = work.data(dtype)
        rows = work.checked_steps * work.batch
        order = cr.reference.permutation(rows, seed=SEED, epoch=0)
        made, from_numpy = self.model(work, dtype), self.torch.from_numpy
        self.epoch(*made, from_numpy(X[:rows]), from_numpy(y[:rows]), from_numpy(order), work.batch)
        layers = [layer for layer in made[0] if hasattr(layer, "weight")]
        weights = [np.ascontiguousarray(layer.weight.detach().numpy().T) for layer in layers]
        return weights + [layer.bias.detach().numpy() for layer in layers]

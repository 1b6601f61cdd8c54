"""Random networks with data and settings to train them, the same at every call."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np
from chainrule._network import HIDDEN_ACTIVATIONS, Network, TrainingState

LEARNING = tuple(name for name in HIDDEN_ACTIVATIONS if name != "step")
HIDDEN = tuple(name for name in LEARNING if name != "exponential")
"""Of random networks, whose layers follow each other without restraint: exponential of exponential of exponential would
overflow. `make_activation_case` has it."""
LOSSES = ("half_squared_error", "mean_squared_error", "cross_entropy", "binary_cross_entropy")
OUTPUT_OF = {"cross_entropy": "softmax", "binary_cross_entropy": "sigmoid"}
WIDEST = {"tiny": 16, "narrow": 40, "wide": 300}
"""Tiny: at most 16 wide, one row at a time, no dropout or noise; the native core has a way of its own for these."""


def sgd(learning_rate=0.01, momentum=0.0, nesterov=False, weight_decay=0.0):
    return SimpleNamespace(
        learning_rate=learning_rate, momentum=momentum, nesterov=nesterov, weight_decay=weight_decay
    )


@dataclass
class Case:
    """A training run: what is trained, on what, and how."""

    network: Network
    state: TrainingState
    X: np.ndarray
    target: np.ndarray
    how: dict[str, Any]

    def train(self, core, **changes):
        """Train; the settings may be changed by name."""
        core.train_epochs(self.network, self.state, self.X, self.target, **{**self.how, **changes})
        return self

    def train_steps(self, core, steps, **changes):
        """Train so many steps in whole epochs and a part of one that is not counted, as after an interruption."""
        how = {**self.how, **changes}
        size, rows = min(how["batch_size"], len(self.X)), len(self.X)
        epochs, left = divmod(steps, -(-rows // size))
        self.train(core, **{**changes, "epochs": epochs})
        if left:
            order = np.arange(rows)
            if how["shuffle"]:
                order = core.permutation(rows, seed=how["seed"], epoch=self.state.epoch)
            part = order[: left * size]
            part = Case(self.network, self.state, self.X[part], self.target[part], self.how)
            part.train(core, **{**changes, "shuffle": False, "epochs": 1})
            self.state.epoch -= 1
            self.state.losses.pop()
        return self

    def arrays(self):
        """All that is trained, by name."""
        names = ("weights", "biases", "weight_velocity", "bias_velocity")
        return {f"{name}[{i}]": a for name in names for i, a in enumerate(getattr(self.state, name))}

    def contents(self):
        """Arrays as bytes, losses and counters, for comparison."""
        arrays = {name: array.tobytes() for name, array in self.arrays().items()}
        return {**arrays, "counters": (self.state.epoch, self.state.step), "losses": list(self.state.losses)}

    def digest(self):
        """SHA-256 of arrays, losses and counters."""
        return hashlib.sha256(repr(sorted(self.contents().items())).encode()).hexdigest()

    def forward(self, core, X=None, **how):
        return core.forward(
            self.network, self.state.weights, self.state.biases, self.X if X is None else X, **how
        )


def make_case(seed: int, dtype: str, kind: str = "narrow", *, steps: int = 50) -> Case:
    """Return case number `seed`: one of every kind of layer, loss, batch size and update comes up early."""
    rng = np.random.default_rng([seed, list(WIDEST).index(kind)])
    tiny, depth = kind == "tiny", 1 + seed % 6
    sizes = tuple(int(size) for size in rng.integers(1, WIDEST[kind] + 1, depth + 1))
    loss = LOSSES[seed % 4]
    output = OUTPUT_OF.get(loss) or str(rng.choice([*HIDDEN, "softmax"]))
    names = (*(str(name) for name in rng.choice(HIDDEN, depth - 1)), output)
    dropped = not tiny and seed % 3 == 1
    rates = tuple(
        float(rate) for rate in (rng.choice([0.0, 0.25, 0.5], depth - 1) if dropped else [0.0] * (depth - 1))
    )
    on_inputs = ((0.0, 0.25)[seed // 3 % 2], (0.0, 0.1)[seed // 6 % 2]) if dropped else (0.0, 0.0)
    network = Network(sizes, names, ("unit", "layer", None)[seed % 5 % 3], rates, dtype, *on_inputs)
    batch = 1 if tiny else (1, 2, 7, 32, 50, "full")[seed % 7 % 6]
    epochs = 5 if batch != "full" else steps
    rows = 60 if batch == "full" else batch * (steps // epochs) - (batch // 3)  # the last batch is smaller

    def parameters(shapes):
        return [(rng.normal(size=shape) / np.sqrt(shape[0])).astype(dtype) for shape in shapes]

    state = TrainingState.start(parameters(network.weight_shapes), parameters(network.bias_shapes))
    X = rng.normal(size=(rows, sizes[0])).astype(dtype)
    target = rng.random((rows, sizes[-1])).astype(dtype)
    if loss == "cross_entropy":
        target /= target.sum(axis=1, keepdims=True)
    if seed % 3 == 0 and sizes[-1] > 1:
        target = rng.integers(0, sizes[-1], rows)
    update = sgd(min(0.02, 0.1 / max(sizes)), (0.0, 0.9)[seed % 2], seed % 4 == 1, (0.0, 1e-3)[seed // 2 % 2])
    how = {
        "loss": loss, "optimizer": update, "batch_size": rows if batch == "full" else batch,
        "shuffle": seed % 5 != 0, "seed": seed, "epochs": epochs,
    }  # fmt: skip
    return Case(network, state, X, target, how)


LARGE = {
    "tall batch": (1029, 1024, 1030, 530),
    "few rows": (1024, 1031, 1055, 19),
    "one row": (1024, 1024, 1040, 1),
    "half as large": (740, 711, 520, 515),
    "columns": (200, 150, 97, 23),
}
"""Widths and batch sizes of networks whose layers take the native core's way for large weights (2**20 and more):
just at that size and beside it, batches of more rows than a block of dW (512), of one tile and a bit, and of one row;
layers half that size, which count as large in a tall batch. And a network in which two threads own columns of the hidden
layers."""


def make_large_case(name: str, dtype: str, *, activation: str = "relu", steps: int = 3) -> Case:
    """Return a network of two of these layers and a narrow one, with dropout after one of them, and on noisy inputs."""
    *sizes, batch = LARGE[name]
    rng = np.random.default_rng(len(name))
    network = Network((*sizes, 3), (activation, "tanh", "identity"), "unit", (0.0, 0.25), dtype, 0.1, 0.2)
    weights, biases = (
        [(rng.normal(size=shape) / np.sqrt(shape[0])).astype(dtype) for shape in shapes]
        for shapes in (network.weight_shapes, network.bias_shapes)
    )
    rows = batch * steps - batch // 3
    X, target = (rng.normal(size=(rows, n)).astype(dtype) for n in (sizes[0], 3))
    how = {
        "loss": "half_squared_error", "optimizer": sgd(1e-3, 0.9, True, 1e-3), "batch_size": batch,
        "shuffle": True, "seed": 1, "epochs": 1,
    }  # fmt: skip
    return Case(network, TrainingState.start(weights, biases), X, target, how)


ONE_ACTIVATION = {
    "row by row": ((5, 12, 9, 2), 1),
    "narrow": ((20, 37, 33, 3), 16),
    "columns": ((200, 150, 97, 3), 23),
}
"""Layer sizes and batch sizes of networks with one activation everywhere: for each of the native core's ways, all layers in
registers (which gelu, gelu_tanh, silu and mish do not go), rows of a thread, columns of a thread."""


def make_activation_case(activation: str, dtype: str, kind: str, *, steps: int = 6) -> Case:
    """Return a network of this activation in every layer, the outputs included; with dropout, but row by row."""
    sizes, batch = ONE_ACTIVATION[kind]
    rng = np.random.default_rng(len(sizes) + batch)
    network = Network(sizes, (activation,) * 3, "unit", (0.0, 0.0 if batch == 1 else 0.25), dtype)
    power = 1.0 if activation == "exponential" else 0.5  # sums that stay small
    weights, biases = (
        [(rng.normal(size=shape) / (2 * shape[0]) ** power).astype(dtype) for shape in shapes]
        for shapes in (network.weight_shapes, network.bias_shapes)
    )
    X, target = rng.normal(size=(batch * steps, sizes[0])), rng.uniform(size=(batch * steps, sizes[-1]))
    how = {
        "loss": "half_squared_error", "optimizer": sgd(1e-3, 0.9, True, 1e-3), "batch_size": batch,
        "shuffle": True, "seed": 2, "epochs": 1,
    }  # fmt: skip
    return Case(network, TrainingState.start(weights, biases), X.astype(dtype), target.astype(dtype), how)

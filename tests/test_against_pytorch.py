"""Every update of a training run against PyTorch's, parameter by parameter."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import chainrule as cr
import numpy as np
import pytest
from chainrule.backend import core
from torch_activations import ACTIVATIONS, torch
from training_cases import HIDDEN

STEPS, ROWS = 50, 12

# Relative to the largest parameter of a layer. Measured on an AVX-512 machine, the worst of all cases: 1.2e-6 and
# 2.1e-15 (native), 4.9e-7 and 8.9e-16 (reference): some ten units of rounding, the margin is for other machines.
TOLERANCE = {"float32": 2e-5, "float64": 1e-13}

LOSSES = {
    "half_squared_error": [*HIDDEN, "softmax"],
    "mean_squared_error": ["identity", "sigmoid", "tanh", "relu", "leaky_relu", "softmax"],
    "cross_entropy": ["softmax"],
    "binary_cross_entropy": ["sigmoid"],
}


def loss_of(name: str, z: Any, output: str, target: Any) -> Any:
    if name == "cross_entropy":
        return torch.nn.functional.cross_entropy(z, target)
    if name == "binary_cross_entropy":
        return (
            torch.nn.functional.binary_cross_entropy_with_logits(z, target, reduction="none")
            .sum(dim=1)
            .mean()
        )
    square = (ACTIVATIONS[output](z) - target) ** 2
    return square.mean() if name == "mean_squared_error" else square.sum(dim=1).mean() / 2


class Twin:
    """The same network in PyTorch: the same parameters, dropout by the same masks."""

    def __init__(self, trainer: cr.Trainer) -> None:
        model, sgd = trainer.model, trainer.optimizer
        self.network, self.loss, self.seed = model.network, trainer.loss, trainer.seed
        self.weights = [torch.tensor(w, requires_grad=True) for w in model.weights]
        self.biases = [torch.tensor(b, requires_grad=True) for b in model.biases]
        groups = [{"params": self.weights, "weight_decay": sgd.weight_decay}]
        if self.biases:
            groups.append({"params": self.biases, "weight_decay": 0.0})
        # PyTorch's velocity is ours divided by -learning_rate: the same updates while the learning rate is constant.
        self.optimizer = torch.optim.SGD(
            groups, lr=sgd.learning_rate, momentum=sgd.momentum, nesterov=sgd.nesterov
        )

    def step(self, X: np.ndarray, y: np.ndarray, step: int) -> float:
        A, target = torch.tensor(X), torch.tensor(y)
        for layer, W in enumerate(self.weights):
            Z = A @ W + (self.biases[layer] if self.biases else 0)
            if layer == len(self.weights) - 1:
                break
            A = ACTIVATIONS[self.network.activations[layer]](Z)
            if rate := self.network.dropout[layer]:
                mask = core().dropout_mask(
                    *A.shape, rate, seed=self.seed, step=step, layer=layer, dtype=self.network.dtype
                )
                A = A * torch.tensor(mask)
        loss = loss_of(self.loss, Z, self.network.output_activation, target)
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        return float(loss.detach())


def random_case(
    seed: int, loss: str, output: str, dtype: str, widest: int = 19, deepest: int = 4
) -> tuple[cr.Trainer, np.random.Generator]:
    rng = np.random.default_rng(seed)
    hidden = [int(n) for n in rng.integers(1, widest + 1, rng.integers(0, deepest))]
    names = [str(name) for name in rng.choice(HIDDEN, len(hidden))]
    bias = [None, "unit", "layer"][seed % 3]
    rates = [float(rate) for rate in rng.choice([0.0, 0.3], len(hidden))]
    most_in, most_out = (9, 5) if widest < 20 else (widest, widest)
    n_out = int(rng.integers(2, most_out + 1))
    model = cr.MLP(
        [int(rng.integers(1, most_in + 1)), *hidden, n_out],
        activation=names, output_activation=output, bias=bias, dropout=rates, dtype=dtype, seed=seed,
    )  # fmt: skip
    momentum = [0.0, 0.5, 0.9][seed % 3]
    rate = 0.05 if widest < 20 else 0.1 / widest  # wide layers diverge sooner
    sgd = cr.SGD(
        rate, momentum=momentum, nesterov=momentum > 0 and seed % 2 == 0, weight_decay=[0.0, 0.01][seed % 2]
    )
    return cr.Trainer(model, loss=loss, optimizer=sgd, seed=seed + 100), rng


def batch(trainer: cr.Trainer, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    n_in, n_out = trainer.model.layer_sizes[0], trainer.model.layer_sizes[-1]
    X = rng.standard_normal((ROWS, n_in)).astype(trainer.model.dtype)
    if trainer.loss == "cross_entropy":
        return X, rng.integers(0, n_out, ROWS)
    return X, rng.uniform(0, 1, (ROWS, n_out)).astype(trainer.model.dtype)


def distance(model: cr.MLP, twin: Twin) -> float:
    """The largest difference, relative to the largest parameter of its layer.

    Not of its array: the gradient of a bias may vanish exactly (one bias for a layer of softmax), and what is left of
    it is the rounding of sums that cancel.
    """
    worst = 0.0
    for layer, W in enumerate(model.weights):
        pairs = [(W, twin.weights[layer].detach().numpy())]
        if model.biases:
            pairs.append((model.biases[layer], twin.biases[layer].detach().numpy()))
        difference = max(float(np.abs(a - b).max()) for a, b in pairs)
        worst = max(worst, difference / max(float(np.abs(b).max()) for _, b in pairs))
    return worst


CASES = [(loss, output) for loss, outputs in LOSSES.items() for output in outputs]


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """Two libraries that each spin their own threads slow each other down a hundred times."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("loss", "output"), CASES)
def test_fifty_updates_are_those_of_pytorch(
    backend: str, dtype: str, loss: str, output: str, seed: int
) -> None:
    trainer, rng = random_case(10 * CASES.index((loss, output)) + seed, loss, output, dtype)
    twin = Twin(trainer)
    for step in range(STEPS):
        X, y = batch(trainer, rng)
        value = trainer.train_on_batch(X, y)
        assert value == pytest.approx(twin.step(X, y, step), rel=TOLERANCE[dtype], abs=TOLERANCE[dtype])
        assert distance(trainer.model, twin) < TOLERANCE[dtype], f"at step {step}"


@pytest.mark.parametrize(
    ("name", "factor"), [("learning_rate", 1.001), ("momentum", 0.999), ("weight_decay", 1.01)]
)
def test_the_comparison_notices_a_slightly_wrong_optimizer(backend: str, name: str, factor: float) -> None:
    settings = {"learning_rate": 0.05, "momentum": 0.9, "weight_decay": 0.01}
    trainer, rng = random_case(1, "half_squared_error", "tanh", "float64")
    trainer.optimizer = cr.SGD(**settings)
    twin = Twin(trainer)
    trainer.optimizer = cr.SGD(**{**settings, name: settings[name] * factor})
    for step in range(STEPS):
        X, y = batch(trainer, rng)
        trainer.train_on_batch(X, y)
        twin.step(X, y, step)
    assert distance(trainer.model, twin) > 100 * TOLERANCE["float64"]

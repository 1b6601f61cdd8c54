"""Optimizers, schedules and clipping against PyTorch's, update by update."""

from __future__ import annotations

import chainrule as cr
import numpy as np
import pytest
from chainrule import schedules
from conftest import load_core

torch = pytest.importorskip("torch", reason="the comparison needs PyTorch")

STEPS = 40
TOLERANCE = {"float64": 1e-11, "float32": 3e-4}
"""Relative to the largest parameter. Single parameters whose gradient passes through 0 amplify roundings."""

PAIRS = {
    "adam": (cr.Adam(0.01, weight_decay=0.1), lambda p, d: torch.optim.Adam(p, lr=0.01), 0.1),
    "adamw": (cr.AdamW(0.01, weight_decay=0.1), lambda p, d: torch.optim.AdamW(p, lr=0.01), 0.1),
    "rmsprop": (
        cr.RMSprop(0.005, momentum=0.5, weight_decay=0.05),
        lambda p, d: torch.optim.RMSprop(p, lr=0.005, alpha=0.99, momentum=0.5),
        0.05,
    ),
    "adagrad": (cr.Adagrad(0.05, weight_decay=0.05), lambda p, d: torch.optim.Adagrad(p, lr=0.05), 0.05),
    "rprop": (cr.RPROP(0.01), lambda p, d: torch.optim.Rprop(p, lr=0.01), 0.0),
    "sgd": (cr.SGD(0.1, 0.9, weight_decay=0.05), lambda p, d: torch.optim.SGD(p, lr=0.1, momentum=0.9), 0.05),
}


@pytest.fixture(autouse=True, params=["native", "reference"])
def backend(request: pytest.FixtureRequest):
    load_core(request.param)
    with cr.backend(request.param):
        yield request.param


def data(dtype: str) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(3)
    X = rng.normal(size=(30, 5)).astype(dtype)
    return X, np.stack([np.sin(X[:, 0]) + X[:, 1] * X[:, 2], X[:, 3] - X[:, 4]], axis=1)


class Twin:
    """The same network in PyTorch."""

    def __init__(self, model: cr.MLP, make, decay: float) -> None:
        self.weights = [torch.tensor(w.copy(), requires_grad=True) for w in model.weights]
        self.biases = [torch.tensor(b.copy(), requires_grad=True) for b in model.biases]
        groups = [{"params": self.weights}, {"params": self.biases}]
        if decay:
            groups[0]["weight_decay"], groups[1]["weight_decay"] = decay, 0.0
        elif "AdamW" in str(make):
            groups[1]["weight_decay"] = 0.0
        self.optimizer = make(groups, decay)

    def step(self, X: np.ndarray, Y: np.ndarray, clip=None) -> float:
        A = torch.tensor(X)
        for i, (W, b) in enumerate(zip(self.weights, self.biases, strict=True)):
            A = A @ W + b
            A = torch.tanh(A) if i + 1 < len(self.weights) else A
        loss = ((A - torch.tensor(Y)) ** 2).mean()
        self.optimizer.zero_grad()
        loss.backward()
        if clip is not None:
            clip([*self.weights, *self.biases])
        self.optimizer.step()
        return float(loss.detach())

    def compare(self, model: cr.MLP, bound: float) -> None:
        theirs = [*self.weights, *self.biases]
        for mine, their in zip([*model.weights, *model.biases], theirs, strict=True):
            other = their.detach().numpy()
            assert abs(mine - other).max() <= bound * max(abs(other).max(), 1)


def trainer(optimizer, dtype: str) -> cr.Trainer:
    model = cr.MLP([5, 12, 9, 2], activation="tanh", dtype=dtype, seed=4)
    return cr.Trainer(model, loss="mean_squared_error", optimizer=optimizer)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", PAIRS)
def test_every_update_is_pytorchs(name: str, dtype: str) -> None:
    optimizer, make, decay = PAIRS[name]
    one, (X, Y) = trainer(optimizer, dtype), data(dtype)
    twin = Twin(one.model, make, decay)
    for _ in range(STEPS):
        assert one.train_on_batch(X, Y) == pytest.approx(twin.step(X, Y), rel=10 * TOLERANCE[dtype])
        twin.compare(one.model, TOLERANCE[dtype])


@pytest.mark.parametrize(
    "limits", [{"clip_value": 0.02}, {"clip_norm": 0.1}, {"clip_value": 0.05, "clip_norm": 0.2}]
)
def test_clipping_is_pytorchs(limits: dict[str, float]) -> None:
    def clip(parameters) -> None:
        if "clip_value" in limits:
            torch.nn.utils.clip_grad_value_(parameters, limits["clip_value"])
        if "clip_norm" in limits:
            torch.nn.utils.clip_grad_norm_(parameters, limits["clip_norm"])

    one, (X, Y) = trainer(cr.SGD(0.5, momentum=0.5, **limits), "float64"), data("float64")
    twin = Twin(one.model, lambda p, d: torch.optim.SGD(p, lr=0.5, momentum=0.5), 0.0)
    plain = trainer(cr.SGD(0.5, momentum=0.5), "float64")
    for _ in range(STEPS):
        one.train_on_batch(X, Y)
        plain.train_on_batch(X, Y)
        twin.step(X, Y, clip)
        twin.compare(one.model, 1e-12)
    assert not np.allclose(plain.model.weights[0], one.model.weights[0], atol=1e-3)


SCHEDULES = {
    "step": (schedules.StepDecay(0.1, 7, 0.5), lambda o: torch.optim.lr_scheduler.StepLR(o, 7, 0.5)),
    "exponential": (
        schedules.Exponential(0.1, 0.9),
        lambda o: torch.optim.lr_scheduler.ExponentialLR(o, 0.9),
    ),
    "cosine": (
        schedules.Cosine(0.1, STEPS, lowest=0.01),
        lambda o: torch.optim.lr_scheduler.CosineAnnealingLR(o, STEPS, 0.01),
    ),
    "warm restarts": (
        schedules.Cosine(0.1, 5, restarts=True, growth=2),
        lambda o: torch.optim.lr_scheduler.CosineAnnealingWarmRestarts(o, 5, 2),
    ),
    "one cycle": (
        schedules.OneCycle(0.1, STEPS + 1),
        lambda o: torch.optim.lr_scheduler.OneCycleLR(o, 0.1, STEPS + 1, cycle_momentum=False),
    ),
    "inverse": (
        schedules.InverseScaling(0.1, 0.6),
        lambda o: torch.optim.lr_scheduler.LambdaLR(o, lambda step: (step + 1) ** -0.6),
    ),
    "warm-up": (
        schedules.LinearWarmup(0.1, 6),
        lambda o: torch.optim.lr_scheduler.LinearLR(o, 1 / 6, 1.0, 5),
    ),
}


@pytest.mark.parametrize("name", SCHEDULES)
def test_rates_and_updates_are_those_of_pytorchs_schedules(name: str) -> None:
    schedule, make = SCHEDULES[name]
    one, (X, Y) = trainer(cr.SGD(schedule, momentum=0.0), "float64"), data("float64")
    twin = Twin(one.model, lambda p, d: torch.optim.SGD(p, lr=0.1), 0.0)
    theirs = make(twin.optimizer)
    for _ in range(STEPS):
        assert one.learning_rate == pytest.approx(twin.optimizer.param_groups[0]["lr"], rel=1e-9)
        one.train_on_batch(X, Y)
        twin.step(X, Y)
        theirs.step()
        twin.compare(one.model, 1e-11)


def test_a_plateau_is_pytorchs() -> None:
    schedule = schedules.ReduceOnPlateau(0.5, factor=0.5, patience=2, min_delta=0.02, lowest=0.05)
    one, (X, Y) = trainer(cr.SGD(schedule), "float64"), data("float64")
    one.batch_size, one.shuffle = "full", False
    twin = Twin(one.model, lambda p, d: torch.optim.SGD(p, lr=0.5), 0.0)
    theirs = torch.optim.lr_scheduler.ReduceLROnPlateau(
        twin.optimizer, factor=0.5, patience=2, threshold=0.02, threshold_mode="abs", min_lr=0.05, eps=0
    )
    rates = []
    for _ in range(60):
        rates.append(one.learning_rate)
        assert rates[-1] == pytest.approx(twin.optimizer.param_groups[0]["lr"])
        loss = one.fit(X, Y, epochs=1).loss[0]
        assert loss == pytest.approx(twin.step(X, Y), rel=1e-9)
        theirs.step(loss)
    assert len(set(rates)) > 2

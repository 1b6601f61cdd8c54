"""The losses beside PyTorch's and scikit-learn's: values, and gradients by automatic differentiation."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from chainrule.losses import BinaryCrossEntropy, CrossEntropy, Huber, Quantile
from loss_cases import make_target

ROWS, N_OUT = 9, 4
RELATIVE = {"float32": 2e-5, "float64": 1e-11}
"""Some ten roundings of each side, of numbers up to 10 of which differences are taken."""


def sums(loss: Any) -> Any:
    return loss.sum(dim=1).mean()


def pinball(torch: Any, a: Any, y: Any, level: float) -> Any:
    return torch.maximum(level * (y - a), (level - 1) * (y - a)).mean()


TORCH: list[tuple[Any, str, str, Any]] = [
    # our loss, output activation, targets, PyTorch's function of (torch, z, y)
    ("mean_absolute_error", "identity", "numbers", lambda t, z, y: t.nn.L1Loss()(z, y)),
    ("huber", "identity", "numbers", lambda t, z, y: t.nn.HuberLoss()(z, y)),
    (Huber(0.4), "tanh", "numbers", lambda t, z, y: t.nn.HuberLoss(delta=0.4)(t.tanh(z), y)),
    ("log_cosh", "identity", "numbers", lambda t, z, y: t.log(t.cosh(z - y)).mean()),
    ("quantile", "identity", "numbers", lambda t, z, y: pinball(t, z, y, 0.5)),
    (Quantile(0.9), "identity", "numbers", lambda t, z, y: pinball(t, z, y, 0.9)),
    ("poisson", "exponential", "counts", lambda t, z, y: t.nn.PoissonNLLLoss()(z, y)),
    ("cross_entropy", "softmax", "distributions", lambda t, z, y: t.nn.CrossEntropyLoss()(z, y)),
    (CrossEntropy(0.2), "softmax", "distributions", lambda t, z, y: t.nn.CrossEntropyLoss(label_smoothing=0.2)(z, y)),
    (
        BinaryCrossEntropy(0.2), "sigmoid", "choices",
        lambda t, z, y: sums(t.nn.BCEWithLogitsLoss(reduction="none")(z, 0.8 * y + 0.1)),
    ),
    ("hinge", "identity", "choices", lambda t, z, y: sums(t.clamp(1 - (2 * y - 1) * z, min=0))),
    ("hinge", "tanh", "choices", lambda t, z, y: sums(t.clamp(1 - (2 * y - 1) * t.tanh(z), min=0))),
]  # fmt: skip


@pytest.mark.parametrize(
    ("loss", "output", "targets", "theirs"), TORCH, ids=[f"{row[0]}-{row[1]}" for row in TORCH]
)
def test_values_and_gradients_are_those_of_pytorch(
    core: Any, dtype: str, loss: Any, output: str, targets: str, theirs: Any
) -> None:
    torch = pytest.importorskip("torch", reason="the comparison needs PyTorch")
    rng = np.random.default_rng(0)
    Z, y = (2 * rng.normal(size=(ROWS, N_OUT))).astype(dtype), make_target(rng, ROWS, targets, dtype, N_OUT)
    z = torch.tensor(Z, requires_grad=True)
    expected = theirs(torch, z, torch.tensor(y))
    expected.backward()
    value, dZ = core.loss_and_gradient(loss, Z, y, output_activation=output)
    assert value == pytest.approx(float(expected.detach()), rel=RELATIVE[dtype])
    gradient = z.grad.numpy()
    np.testing.assert_allclose(dZ, gradient, rtol=0, atol=RELATIVE[dtype] * np.abs(gradient).max())


def test_labels_are_smoothed_as_by_pytorch(core: Any) -> None:
    torch = pytest.importorskip("torch", reason="the comparison needs PyTorch")
    rng = np.random.default_rng(1)
    Z, labels = rng.normal(size=(ROWS, N_OUT)), rng.integers(0, N_OUT, ROWS)
    z = torch.tensor(Z, requires_grad=True)
    expected = torch.nn.CrossEntropyLoss(label_smoothing=0.1)(z, torch.tensor(labels))
    expected.backward()
    value, dZ = core.loss_and_gradient(CrossEntropy(0.1), Z, labels, output_activation="softmax")
    assert value == pytest.approx(float(expected.detach()), rel=1e-12)
    np.testing.assert_allclose(dZ, z.grad.numpy(), rtol=1e-9, atol=1e-14)


def test_class_weights_are_pytorchs_too(core: Any) -> None:
    """PyTorch's `weight` of classes divides by the sum of the weights of the rows, as ours do."""
    torch = pytest.importorskip("torch", reason="the comparison needs PyTorch")
    rng = np.random.default_rng(2)
    Z, labels, weights = (
        rng.normal(size=(ROWS, N_OUT)),
        rng.integers(0, N_OUT, ROWS),
        rng.uniform(0.5, 2, N_OUT),
    )
    z = torch.tensor(Z, requires_grad=True)
    expected = torch.nn.CrossEntropyLoss(weight=torch.tensor(weights))(z, torch.tensor(labels))
    expected.backward()
    value, dZ = core.loss_and_gradient(
        "cross_entropy", Z, labels, output_activation="softmax", sample_weight=weights[labels]
    )
    assert value == pytest.approx(float(expected.detach()), rel=1e-12)
    np.testing.assert_allclose(dZ, z.grad.numpy(), rtol=1e-9, atol=1e-14)


def test_weighted_values_are_those_of_scikit_learn(core: Any) -> None:
    metrics = pytest.importorskip("sklearn.metrics", reason="the comparison needs scikit-learn")
    rng = np.random.default_rng(3)
    Z, weight = rng.normal(size=(ROWS, 2)), rng.uniform(0, 3, ROWS)
    y, labels = rng.normal(size=(ROWS, 2)), rng.integers(0, 2, ROWS)
    how = {"sample_weight": weight}

    def ours(loss: Any, target: Any, output: str = "identity", Z: Any = Z) -> float:
        return float(core.loss_and_gradient(loss, Z, target, output_activation=output, **how)[0])

    assert ours("mean_squared_error", y) == pytest.approx(metrics.mean_squared_error(y, Z, **how))
    assert ours("mean_absolute_error", y) == pytest.approx(metrics.mean_absolute_error(y, Z, **how))
    assert ours(Quantile(0.8), y) == pytest.approx(metrics.mean_pinball_loss(y, Z, alpha=0.8, **how))
    A = core.activation("softmax", Z)
    assert ours("cross_entropy", labels, "softmax") == pytest.approx(metrics.log_loss(labels, A, **how))
    one, yes = Z[:, :1].copy(), labels[:, None].astype(float)
    assert ours("hinge", yes, Z=one) == pytest.approx(metrics.hinge_loss(labels, one[:, 0], **how))
    a, counts = np.exp(one), rng.poisson(2, (ROWS, 1)).astype(float)
    best = np.average(
        np.where(counts > 0, counts - counts * np.log(np.maximum(counts, 1)), 0)[:, 0], weights=weight
    )
    deviance = metrics.mean_poisson_deviance(
        counts, a, **how
    )  # twice the distance from the best there could be
    assert ours("poisson", counts, "exponential", one) == pytest.approx(deviance / 2 + best)

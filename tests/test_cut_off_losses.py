"""Cross-entropies whose probabilities are kept away from 0 and 1 in the value, as scikit-learn's log loss has it."""

from __future__ import annotations

from dataclasses import dataclass
from types import ModuleType
from typing import Any, ClassVar

import chainrule as cr
import numpy as np
import pytest
from chainrule._network import StepRecord, TrainingState
from chainrule.losses import BinaryCrossEntropy, CrossEntropy

RNG = np.random.default_rng(0)


@dataclass(frozen=True)
class CutOff(CrossEntropy):
    """Of classes."""

    margin: ClassVar[float] = 1e-3


@dataclass(frozen=True)
class BinaryCutOff(BinaryCrossEntropy):
    """Of several outputs."""

    margin: ClassVar[float] = 1e-3


def probabilities(Z: Any, name: str) -> Any:
    Z = Z.astype(np.float64)
    if name == "sigmoid":
        return 1 / (1 + np.exp(-Z))
    e = np.exp(Z - Z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def by_hand(Z: Any, Y: Any, name: str, weight: Any) -> float:
    """The value as scikit-learn computes it: from probabilities that are clipped."""
    p = np.clip(probabilities(Z, name), 1e-3, 1 - 1e-3)
    rows = -(Y * np.log(p)).sum(axis=1)
    if name == "sigmoid":
        rows -= ((1 - Y) * np.log(1 - p)).sum(axis=1)
    return float(np.average(rows, weights=weight))


@pytest.mark.kernels
@pytest.mark.parametrize("n_out", [1, 3, 16, 21])
@pytest.mark.parametrize("is_weighted", [False, True])
@pytest.mark.parametrize("kind", [CutOff, BinaryCutOff])
def test_the_value_is_cut_off_and_the_gradient_is_not(
    core: ModuleType, dtype: str, n_out: int, is_weighted: bool, kind: Any
) -> None:
    name = "softmax" if kind is CutOff else "sigmoid"
    n_out = max(n_out, 2) if kind is CutOff else n_out
    Z = (30 * RNG.standard_normal((40, n_out))).astype(dtype)
    Y = np.eye(n_out, dtype=dtype)[np.arange(40) % n_out]
    if kind is BinaryCutOff:
        Y = (RNG.random((40, n_out)) < 0.5).astype(dtype)
    weight = RNG.random(40).astype(dtype) if is_weighted else None
    value, dZ = core.loss_and_gradient(kind(), Z.copy(), Y, output_activation=name, sample_weight=weight)
    plain, expected = core.loss_and_gradient(
        kind.__mro__[1](), Z.copy(), Y, output_activation=name, sample_weight=weight
    )
    assert value == pytest.approx(by_hand(Z, Y, name, weight), rel=1e-5 if dtype == "float32" else 1e-12)
    assert plain > 1.2 * value
    np.testing.assert_array_equal(dZ, expected)


@pytest.mark.kernels
def test_what_is_not_a_number_is_not_hidden(core: ModuleType, dtype: str) -> None:
    Z, Y = np.full((2, 3), np.nan, dtype), np.eye(2, 3, dtype=dtype)
    assert np.isnan(core.loss_and_gradient(CutOff(), Z.copy(), Y, output_activation="softmax")[0])
    assert np.isnan(core.loss_and_gradient(BinaryCutOff(), Z, Y, output_activation="sigmoid")[0])


@pytest.mark.kernels
@pytest.mark.parametrize("batch_size", [1, 7, 40])
def test_training_has_the_same_bits_and_notes_the_values(
    core: ModuleType, dtype: str, batch_size: int
) -> None:
    """Networks that a kernel of their own trains where nothing is cut off, too."""
    model = cr.MLP([3, 4, 2], output_activation="softmax", dtype=dtype, seed=0)
    X, y = (20 * RNG.standard_normal((40, 3))).astype(dtype), np.arange(40) % 2
    steps = 2 * -(-40 // batch_size)
    states, records = [], []
    for loss in (CutOff(), "cross_entropy"):
        state = TrainingState.start([w.copy() for w in model.weights], [b.copy() for b in model.biases])
        record = StepRecord(np.empty(steps), np.empty(steps))
        core.train_epochs(
            model.network, state, X, y, loss=loss, optimizer=cr.SGD(1e-3),
            batch_size=batch_size, shuffle=False, seed=0, epochs=2, record=record
        )  # fmt: skip
        states.append(state)
        records.append(record)
    for one, other in zip(states[0].weights, states[1].weights, strict=True):
        np.testing.assert_array_equal(one, other)
    assert (records[0].losses <= np.log(1e3) * (1 + 1e-6)).all()
    assert (records[0].losses <= records[1].losses * (1 + 1e-6) + 2e-3).all()
    assert records[1].losses.max() > records[0].losses.max()


@pytest.mark.parametrize("margin", [-0.1, 0.5, "a", np.nan])
def test_a_margin_that_leaves_nothing_is_refused(core: ModuleType, margin: Any) -> None:
    class Wrong:
        kind = "cross_entropy"

    Wrong.margin = margin  # type: ignore[attr-defined]
    with pytest.raises((ValueError, TypeError), match=r"^margin must be"):
        core.loss_and_gradient(Wrong(), np.ones((2, 2)), np.eye(2), output_activation="softmax")

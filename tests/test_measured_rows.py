"""The accuracy that the cores measure after each epoch of a fit is that of the metric, and so is what is left to the metric."""

from __future__ import annotations

from typing import Any

import chainrule as cr
import numpy as np
import pytest
from chainrule import _repeated, metrics
from many_cases import contents

RNG = np.random.default_rng(0)
X = RNG.standard_normal((90, 3))
LABELS, YES = RNG.integers(0, 4, 90), RNG.integers(0, 2, 90)
SEVERAL = RNG.integers(0, 2, (90, 4)).astype(float)
SOFT = RNG.dirichlet(np.ones(4), 90)
MISSING = np.where(RNG.random((90, 1)) < 0.2, np.nan, np.eye(4)[LABELS])

CASES: dict[str, tuple[str, str, np.ndarray, bool]] = {  # output, loss, targets, whether the core measures it
    "labels": ("softmax", "cross_entropy", LABELS, True),
    "columns": ("softmax", "half_squared_error", np.eye(4)[LABELS], True),
    "soft labels": ("softmax", "cross_entropy", SOFT, True),
    "yes or no": ("sigmoid", "binary_cross_entropy", YES, True),
    "yes or no, of an identity": ("identity", "mean_squared_error", YES, True),
    "several labels": ("sigmoid", "binary_cross_entropy", SEVERAL, False),
    "missing targets": ("softmax", "cross_entropy", MISSING, False),
    "hinge": ("identity", "hinge", YES, False),
}


class Nothing(cr.Callback):
    """Does nothing, but could: the metric measures."""

    def on_epoch_end(self, fit: Any) -> None:
        pass


def a_trainer(output: str, loss: str, y: np.ndarray, dtype: str, **options: Any) -> cr.Trainer:
    n_out = 1 if y is YES else 4
    model = cr.MLP([3, 8, n_out], output_activation=output, dtype=dtype, seed=0, dropout=0.2)
    return cr.Trainer(model, loss=loss, **{"optimizer": cr.SGD(0.2), "batch_size": 16, **options})


@pytest.fixture
def measured_by_core(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """What each fit found out about itself."""
    real, found = _repeated.Repeated._is_measured_by_core, []

    def spying(self: Any) -> bool:
        found.append(real(self))
        return found[-1]

    monkeypatch.setattr(_repeated.Repeated, "_is_measured_by_core", spying)
    return found


@pytest.mark.parametrize("held_out", [False, True])
@pytest.mark.parametrize("case", CASES)
def test_the_accuracy_of_each_epoch_is_that_of_the_metric(
    backend: str, dtype: str, case: str, held_out: bool, measured_by_core: list[bool]
) -> None:
    output, loss, y, by_core = CASES[case]
    rows, targets = X.astype(dtype), y.astype(dtype) if y.dtype == float else y
    options: dict[str, Any] = {"epochs": 4, "metrics": ["accuracy"]}
    if held_out:
        options["validation_data"] = rows[60:], targets[60:]
    one, other = (a_trainer(output, loss, y, dtype) for _ in range(2))
    found = one.fit(rows[:60], targets[:60], **options)
    expected = other.fit(rows[:60], targets[:60], **options, callbacks=[Nothing()])
    assert measured_by_core[0] == by_core
    assert found.entries() == expected.entries()
    assert contents(one) == contents(other)
    assert len(set(found.metrics["accuracy"])) > 1
    now = one.evaluate(rows[:60], targets[:60], metrics=["accuracy"])
    assert found.metrics["accuracy"][-1] == now["accuracy"]
    assert len(found.validation_loss) == (4 if held_out else 0)
    assert ("accuracy" in found.validation_metrics) == held_out


@pytest.mark.parametrize("n_out", [1, 4])
def test_outputs_that_are_equal_or_not_a_number(
    backend: str, n_out: int, measured_by_core: list[bool]
) -> None:
    y = YES if n_out == 1 else LABELS
    output, loss = ("identity", "mean_squared_error") if n_out == 1 else ("softmax", "cross_entropy")
    rows = X.astype("float32")
    far = rows[:9].copy()
    far[::2] = 3e38
    found = []
    for callbacks in ([], [Nothing()]):
        trainer = a_trainer(output, loss, y, "float32", optimizer=cr.SGD(0.0))
        for weights in trainer.model.weights:
            weights[:] = 1
        trainer.model.weights[-1][::2] = -1
        held_out = far, np.zeros(9, int)
        found.append(
            trainer.fit(rows, y, metrics=["accuracy"], validation_data=held_out, callbacks=callbacks)
        )
    assert measured_by_core == [True]
    mine, theirs = (repr(one.entries()) for one in found)
    assert mine == theirs
    assert "nan" in mine
    if n_out == 4:
        assert found[0].metrics["accuracy"] == [float((LABELS == 0).mean())]
        assert found[0].validation_metrics["accuracy"] == [4 / 9]


def test_an_output_of_exactly_one_half_says_yes(backend: str, measured_by_core: list[bool]) -> None:
    trainer = a_trainer("sigmoid", "binary_cross_entropy", YES, "float64", optimizer=cr.SGD(0.0))
    for weights in trainer.model.weights:
        weights[:] = 0
    assert trainer.fit(X, 0 * YES + 1, metrics=["accuracy"]).metrics["accuracy"] == [1.0]
    assert measured_by_core == [True]


@pytest.mark.parametrize(
    ("given", "by_core"),
    [
        (["accuracy"], True),
        ([metrics.accuracy], True),
        (["accuracy", "f1_macro"], False),
        (["f1_macro"], False),
    ],
)
def test_other_metrics_are_measured_by_themselves(
    backend: str, given: list[Any], by_core: bool, measured_by_core: list[bool]
) -> None:
    one, other = (a_trainer("softmax", "cross_entropy", LABELS, "float64") for _ in range(2))
    found = one.fit(X, LABELS, epochs=3, metrics=given)
    assert found.entries() == other.fit(X, LABELS, epochs=3, metrics=given, callbacks=[Nothing()]).entries()
    assert measured_by_core == [by_core]


def test_targets_that_the_metric_refuses_are_refused_with_its_words(backend: str) -> None:
    trainer = a_trainer("identity", "mean_squared_error", YES, "float64")
    with pytest.raises(ValueError, match=r"must hold 0 or 1 for the accuracy of one output"):
        trainer.fit(X, X[:, 0], metrics=["accuracy"])
    beyond = a_trainer("identity", "mean_squared_error", SOFT, "float64")
    with pytest.raises(ValueError, match=r"the accuracy is of classes, each a number from 0 to 1"):
        beyond.fit(X, 3 * SOFT, metrics=["accuracy"])


def test_fits_with_health_and_side_by_side_have_it_too(backend: str) -> None:
    trainers = [a_trainer("softmax", "cross_entropy", LABELS, "float64", seed=seed) for seed in range(5)]
    alone = [a_trainer("softmax", "cross_entropy", LABELS, "float64", seed=seed) for seed in range(5)]
    options: dict[str, Any] = {"epochs": 5, "metrics": ["accuracy"], "validation_data": (X[:9], LABELS[:9])}
    together = cr.fit_many(trainers, X, LABELS, **options, health=True, n_workers=2)
    for history, trainer in zip(together, alone, strict=True):
        expected = trainer.fit(X, LABELS, **options, health=True)
        assert history.entries() == expected.entries()
        assert history.health is not None
        assert len(history.health) == 5

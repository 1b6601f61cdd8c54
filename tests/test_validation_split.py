"""Rows held out by fit itself: which they are, and that training does not see them."""

from __future__ import annotations

import io
import itertools
import pickle
from typing import Any

import chainrule as cr
import numpy as np
import pytest
from chainrule.preprocessing import train_test_split

ROWS = 53
RNG = np.random.default_rng(4)
X64, LABELS = RNG.standard_normal((ROWS, 4)), np.repeat([0, 1, 2], [30, 15, 8])


def a_trainer(dtype: str = "float32", **changes: Any) -> cr.Trainer:
    model = cr.MLP([4, 6, 3], output_activation="softmax", dropout=0.2, dtype=dtype, seed=1)
    settings = {"loss": "cross_entropy", "optimizer": cr.SGD(0.1, momentum=0.8), "batch_size": 8, "seed": 2}
    return cr.Trainer(model, **{**settings, **changes})


def same(one: cr.Trainer, other: cr.Trainer) -> None:
    for name in ("weights", "biases", "weight_velocity", "bias_velocity"):
        for a, b in zip(getattr(one.state, name), getattr(other.state, name), strict=True):
            np.testing.assert_array_equal(a, b)
    for name in ("loss", "validation_loss", "metrics", "validation_metrics"):
        assert getattr(one.history, name) == getattr(other.history, name), name


@pytest.mark.parametrize("stratify", [False, True])
@pytest.mark.parametrize("share", [0.2, 0.5, 0.07])
@pytest.mark.parametrize("one_hot", [False, True])
def test_they_are_the_rows_of_train_test_split_with_the_seed_of_the_trainer(
    backend: str, dtype: str, stratify: bool, share: float, one_hot: bool
) -> None:
    X, y = X64.astype(dtype), np.eye(3, dtype=dtype)[LABELS] if one_hot else LABELS
    X_train, X_held, y_train, y_held = train_test_split(
        X, y, test_size=share, seed=2, stratify=LABELS if stratify else None
    )
    split, by_hand = a_trainer(dtype), a_trainer(dtype)
    for epochs in (3, 2):  # the second fit holds out the same rows
        split.fit(X, y, epochs=epochs, validation_split=share, stratify=stratify, metrics=["accuracy", "mse"])
        by_hand.fit(
            X_train, y_train, epochs=epochs, validation_data=(X_held, y_held), metrics=["accuracy", "mse"]
        )
    same(split, by_hand)
    assert len(split.history.validation_loss) == len(split.history.metrics["mse"]) == 5
    assert split.step == 5 * -(-len(X_train) // 8)
    assert split.evaluate(X_held, y_held)["loss"] == split.history.validation_loss[-1]
    if stratify:
        np.testing.assert_allclose(np.bincount(LABELS), np.bincount(y_held.argmax(1) if one_hot else y_held) / share,
                                   atol=1.5 / share)  # fmt: skip


def test_without_shuffling_they_are_the_last_rows(backend: str) -> None:
    X = X64.astype("float32")
    split, by_hand = a_trainer(shuffle=False), a_trainer(shuffle=False)
    split.fit(X, LABELS, epochs=3, validation_split=0.2)
    by_hand.fit(X[:42], LABELS[:42], epochs=3, validation_data=(X[42:], LABELS[42:]))
    same(split, by_hand)


def test_another_seed_holds_out_other_rows(backend: str) -> None:
    X, seen = X64.astype("float32"), []

    def first(y_true: Any, prediction: Any) -> float:
        seen.append(len(y_true))
        return float(y_true[0])

    held = []
    for seed in (0, 1, 0):
        trainer = a_trainer(seed=seed)
        trainer.optimizer = cr.SGD(0.0)
        held.append(trainer.fit(X, LABELS, validation_split=0.3).validation_loss[0])
    assert held[0] == held[2] != held[1]
    a_trainer().fit(X, LABELS, validation_split=0.3, metrics=[first])
    assert seen == [37, 16] * 2  # before the first epoch and after it


def test_nothing_of_the_rows_held_out_is_learned(backend: str) -> None:
    """They may be anything: the parameters are the same."""
    X = X64.astype("float32")
    index = train_test_split(np.arange(ROWS), test_size=0.25, seed=2)[1]
    other = X.copy()
    other[index] = 100
    trainers = a_trainer(), a_trainer()
    for trainer, inputs in zip(trainers, (X, other), strict=True):
        trainer.fit(inputs, LABELS, epochs=3, validation_split=0.25)
    for a, b in zip(trainers[0].model.weights, trainers[1].model.weights, strict=True):
        np.testing.assert_array_equal(a, b)
    assert trainers[0].history.loss == trainers[1].history.loss
    assert trainers[0].history.validation_loss != trainers[1].history.validation_loss


def test_two_classes_of_one_output_can_be_stratified(backend: str) -> None:
    model = cr.MLP([4, 1], output_activation="sigmoid", seed=0)
    trainer = cr.Trainer(model, loss="binary_cross_entropy", seed=5)
    y, counts = (LABELS == 2).astype(int), []

    def ones(y_true: Any, prediction: Any) -> float:
        counts.append(int(y_true.sum()))
        return 0.0

    trainer.fit(X64.astype("float32"), y, validation_split=0.25, stratify=True, metrics=[ones])
    assert counts == [6, 2] * 2


def test_progress_counts_the_rows_that_are_trained_on(backend: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from chainrule import progress

    clock = itertools.chain([0.0], itertools.repeat(1.0))
    monkeypatch.setattr(progress, "perf_counter", lambda: next(clock))
    out = io.StringIO()
    a_trainer().fit(X64.astype("float32"), LABELS, validation_split=0.5, progress=out)
    assert "  26 rows/s" in out.getvalue()


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"validation_split": 0.2, "validation_data": (X64, LABELS)},
         "validation_data and validation_split exclude each other; give one of them"),
        ({"stratify": True}, "stratify is about validation_split, which is not given"),
        ({"stratify": True, "validation_data": (X64, LABELS)}, "stratify is about validation_split"),
        ({"validation_split": 1.0}, "validation_split must be at least 0 and less than 1, but it is 1.0"),
        ({"validation_split": 0}, "validation_split must be greater than 0; leave it away for no validation rows"),
        ({"validation_split": 0.999}, "validation_split=0.999 of 53 rows leaves 0 rows to train on and 53 to test on"),
        ({"validation_split": 0.02, "stratify": True}, "y has 3 classes, but there are only 2 test rows"),
    ],
)  # fmt: skip
def test_what_cannot_be_split_is_refused(backend: str, arguments: dict[str, Any], text: str) -> None:
    trainer = a_trainer("float64")
    before = pickle.dumps(trainer)
    with pytest.raises(ValueError, match=f"^{text}"):
        trainer.fit(X64, LABELS, **arguments)
    assert pickle.dumps(trainer) == before


def test_quantities_and_rows_in_order_cannot_be_stratified() -> None:
    with pytest.raises(
        ValueError, match=r"^stratify draws rows at random, but the trainer has shuffle=False$"
    ):
        a_trainer("float64", shuffle=False).fit(X64, LABELS, validation_split=0.2, stratify=True)
    trainer = cr.Trainer(cr.MLP([4, 1], dtype="float64", seed=0), loss="mean_squared_error")
    with pytest.raises(ValueError, match=r"^stratify needs classes, but y holds other numbers than 0 and 1$"):
        trainer.fit(X64, X64[:, 0], validation_split=0.2, stratify=True)
    with pytest.raises(ValueError, match=r"^y has the class 1 in one row only; each class needs at least 2$"):
        a_trainer("float64").fit(X64[:4], [0, 0, 1, 0], validation_split=0.5, stratify=True)

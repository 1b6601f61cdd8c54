"""The metrics of classifiers: against counting by hand, and against scikit-learn's functions of the same meaning."""

from __future__ import annotations

import pickle
import sys
from typing import Any

import chainrule as cr
import numpy as np
import pytest
from chainrule import metrics
from chainrule.metrics import METRICS, direction, find_metrics

BY_SKLEARN = ["balanced_accuracy", "precision", "recall", "f1", "precision_macro", "recall_macro", "f1_macro",
              "roc_auc"]  # fmt: skip


@pytest.fixture
def sk() -> Any:
    return pytest.importorskip("sklearn.metrics", reason="scikit-learn computes these metrics")


def some(n_out: int, seed: int, rows: int = 60) -> tuple[np.ndarray, np.ndarray]:
    """Labels and probabilities that know something about them; some outputs are equal."""
    rng = np.random.default_rng(seed)
    labels = np.arange(rows) % max(n_out, 2)
    rng.shuffle(labels)
    if n_out == 1:
        return labels, np.clip(rng.normal(0.4 + 0.2 * labels, 0.3), 0, 1).round(1)[:, np.newaxis]
    Z = rng.normal(size=(rows, n_out)).round() + 0.8 * np.eye(n_out)[labels]
    return labels, np.exp(Z) / np.exp(Z).sum(axis=1, keepdims=True)


def counts(labels: np.ndarray, predicted: np.ndarray, k: int) -> tuple[int, int, int]:
    """Rows predicted as k that are, rows predicted as k, rows that are."""
    return (
        int(((labels == k) & (predicted == k)).sum()),
        int((predicted == k).sum()),
        int((labels == k).sum()),
    )


@pytest.mark.parametrize("n_out", [1, 2])
def test_precision_recall_and_f1_are_those_of_class_1(sk: Any, n_out: int) -> None:
    labels, p = some(n_out, 0)
    predicted = (p[:, 0] >= 0.5) if n_out == 1 else p.argmax(axis=1)
    both, said, are = counts(labels, predicted, 1)
    assert 0 < both < min(said, are)
    assert metrics.precision(labels, p) == pytest.approx(both / said, rel=1e-14)
    assert metrics.recall(labels, p) == pytest.approx(both / are, rel=1e-14)
    assert metrics.f1(labels, p) == pytest.approx(2 * both / (said + are), rel=1e-14)


@pytest.mark.parametrize("n_out", [1, 2, 3, 7])
def test_the_means_over_classes_are_counted_by_hand(sk: Any, n_out: int) -> None:
    labels, p = some(n_out, n_out)
    predicted = (p[:, 0] >= 0.5).astype(int) if n_out == 1 else p.argmax(axis=1)
    found = [counts(labels, predicted, k) for k in range(max(n_out, 2))]
    assert all(said for _, said, _ in found)
    for name, each in (
        ("precision_macro", [both / said for both, said, are in found]),
        ("recall_macro", [both / are for both, said, are in found]),
        ("balanced_accuracy", [both / are for both, said, are in found]),
        ("f1_macro", [2 * both / (said + are) for both, said, are in found]),
    ):
        assert METRICS[name](labels, p) == pytest.approx(np.mean(each), rel=1e-14), name
        if n_out > 1:
            assert METRICS[name](np.eye(n_out)[labels], p) == METRICS[name](labels, p)


def test_a_class_that_does_not_occur_is_left_out_or_counts_zero_as_in_scikit_learn(sk: Any) -> None:
    p = np.eye(3)[[0, 0, 1, 2, 2]]
    labels = np.array([0, 0, 1, 1, 1])
    assert metrics.balanced_accuracy(labels, p) == pytest.approx((1 + 1 / 3) / 2)
    assert metrics.recall_macro(labels, p) == pytest.approx((1 + 1 / 3 + 0) / 3)
    assert metrics.f1_macro(labels, p) == sk.f1_score(
        labels, p.argmax(axis=1), average="macro", zero_division=0
    )
    nothing = np.zeros((4, 1))
    assert metrics.precision([0, 1, 1, 0], nothing) == metrics.f1([0, 1, 1, 0], nothing) == 0
    assert metrics.recall([0, 0, 0, 0], nothing) == metrics.recall([0, 0, 0, 0], nothing + 1) == 0


@pytest.mark.parametrize("n_out", [1, 2, 4])
def test_roc_auc_is_the_share_of_pairs_in_the_right_order(sk: Any, n_out: int) -> None:
    labels, p = some(n_out, 5)
    p = p.round(1)
    columns = [(labels == 1, p[:, -1])] if n_out < 3 else [(labels == k, p[:, k]) for k in range(n_out)]
    shares = []
    for is_one, score in columns:
        above = score[is_one][:, np.newaxis] - score[~is_one]
        assert (above == 0).any()
        shares.append(((above > 0) + 0.5 * (above == 0)).mean())
    assert metrics.roc_auc(labels, p) == pytest.approx(np.mean(shares), rel=1e-13)
    if n_out == 4:
        p /= p.sum(axis=1, keepdims=True)
        assert metrics.roc_auc(labels, p) == pytest.approx(sk.roc_auc_score(labels, p, multi_class="ovr"))
        assert metrics.roc_auc(np.eye(4)[labels], p) == metrics.roc_auc(labels, p)


@pytest.mark.parametrize(
    ("y_true", "prediction", "text"),
    [
        ([1, 1], [[0.5], [0.7]], "roc_auc needs rows of both classes in y_true, but all are the same"),
        ([0, 0], [[0.5, 0.5], [0.7, 0.3]], "roc_auc needs rows of both classes"),
        ([0, 1], np.full((2, 3), 0.3), "roc_auc needs rows of class 2 and of others"),
        ([0.5, 1], [[0.5], [0.7]], "y_true must hold classes, or columns of 0 and 1, for roc_auc"),
    ],
)
def test_roc_auc_needs_rows_of_each_class(y_true: Any, prediction: Any, text: str) -> None:
    with pytest.raises(ValueError, match=f"^{text}"):
        metrics.roc_auc(y_true, prediction)


@pytest.mark.parametrize("name", ["precision", "recall", "f1"])
def test_metrics_of_two_classes_say_what_to_use_for_more(name: str) -> None:
    with pytest.raises(ValueError, match=f"^{name} is for two classes, .* 3 outputs; use {name}_macro$"):
        METRICS[name](*some(3, 0))
    with pytest.raises(ValueError, match=f"^y_true must hold 0 or 1 for the {name} of one output"):
        METRICS[name]([0, 2], [[0.1], [0.2]])


@pytest.mark.parametrize("k", [1, 2, 4])
def test_top_k_accuracy(sk: Any, k: int) -> None:
    labels, p = some(5, 3)
    metric = metrics.top_k_accuracy(k)
    p += 1e-9 * np.random.default_rng(0).normal(
        size=p.shape
    )  # no ties: scikit-learn takes the last of equals
    assert metric(labels, p) == pytest.approx(sk.top_k_accuracy_score(labels, p, k=k))
    assert metric(np.eye(5)[labels], p) == metric(labels, p)


def test_the_first_of_equal_outputs_is_the_larger() -> None:
    labels, p = some(5, 3)
    assert metrics.top_k_accuracy(1)(labels, p) == metrics.accuracy(labels, p)
    equal = np.zeros((4, 4))
    assert metrics.top_k_accuracy(3)([0, 1, 2, 3], equal) == 0.75
    equal[0, 3] = np.nan
    assert metrics.top_k_accuracy(3)([0, 1, 2, 3], equal) == 0.5


def test_top_k_has_a_name_and_pickles() -> None:
    metric = metrics.top_k_accuracy(3)
    assert list(find_metrics([metric, "top_2_accuracy"])) == ["top_3_accuracy", "top_2_accuracy"]
    assert pickle.loads(pickle.dumps(metric)) == metric == find_metrics(["top_3_accuracy"])["top_3_accuracy"]
    for bad in ("top_0_accuracy", "top_k_accuracy", "top_-1_accuracy", "top_5"):
        with pytest.raises(
            ValueError, match=r"^metrics\[0\] must be one of accuracy, .* top_5_accuracy with"
        ):
            find_metrics([bad])
    with pytest.raises(ValueError, match=r"^k must be at least 1"):
        metrics.top_k_accuracy(0)
    with pytest.raises(ValueError, match=r"^top_3_accuracy needs more than 3 outputs, .* has 3"):
        metric(*some(3, 0))


@pytest.mark.parametrize("n_out", [1, 2, 5])
@pytest.mark.parametrize("kind", ["float32", "float64"])
def test_log_loss_is_scikit_learns_and_the_cross_entropy(sk: Any, n_out: int, kind: str) -> None:
    labels, p = some(n_out, 9)
    p = p.astype(kind)
    if n_out == 1:
        assert (p == 0).any()
        assert (p == 1).any()
    scores = p[:, 0] if n_out == 1 else p / p.astype("float64").sum(axis=1, keepdims=True)
    assert metrics.log_loss(labels, p) == pytest.approx(sk.log_loss(labels, scores), rel=1e-5)
    if n_out > 1:
        by_hand = -np.log(p[np.arange(60), labels].astype("float64")).mean()
        assert metrics.log_loss(labels, p) == pytest.approx(by_hand, rel=1e-14)
        assert metrics.log_loss(p.astype("float64") / p.sum(axis=1, keepdims=True), p) > 0


@pytest.mark.parametrize(
    ("y_true", "prediction", "text"),
    [
        ([0, 1], [[0.5], [1.5]], "prediction must hold probabilities from 0 to 1 for log_loss"),
        ([0, 2], [[0.5], [0.5]], "y_true must hold probabilities from 0 to 1 for log_loss"),
        ([0, 1], [[0.5, 0.4], [0.5, 0.5]], "prediction must hold probabilities that sum to 1 in each row"),
    ],
)
def test_log_loss_needs_probabilities(y_true: Any, prediction: Any, text: str) -> None:
    with pytest.raises(ValueError, match=f"^{text}"):
        metrics.log_loss(y_true, prediction)


@pytest.mark.parametrize("name", [*BY_SKLEARN, "log_loss"])
def test_a_prediction_with_nan_has_no_value(sk: Any, name: str) -> None:
    assert np.isnan(METRICS[name]([0, 1, 1], [[0.2], [np.nan], [0.7]]))


def test_root_mean_squared_error_and_the_short_names() -> None:
    y, p = [[1, 2], [3, 4]], [[1, 0], [0, 4]]
    assert metrics.root_mean_squared_error(y, p) == (13 / 4) ** 0.5
    found = find_metrics(["mse", "mae", "rmse", "mean_squared_error"])
    assert list(found) == ["mse", "mae", "rmse", "mean_squared_error"]
    assert [metric(y, p) for metric in found.values()] == [13 / 4, 5 / 4, (13 / 4) ** 0.5, 13 / 4]


def test_every_metric_knows_which_direction_is_better(sk: Any) -> None:
    labels, good = some(2, 0)
    exact = np.eye(2)[labels]
    for name, metric in METRICS.items():
        better, worse = metric(labels, exact), metric(labels, good)
        assert direction(metric) == ("max" if better > worse else "min"), name
        assert better != worse
    assert direction(metrics.top_k_accuracy(2)) == "max"
    assert direction(lambda y, p: 0.0) is None


@pytest.mark.parametrize("name", BY_SKLEARN)
def test_without_scikit_learn_the_error_names_the_extra(
    name: str, backend: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("sklearn", "sklearn.metrics"):
        monkeypatch.setitem(sys.modules, module, None)
    trainer = cr.Trainer(cr.MLP([2, 1], output_activation="sigmoid", seed=0), loss="binary_cross_entropy")
    before = pickle.dumps(trainer)
    text = rf"^the metric {name} is computed by scikit-learn, .* pip install chainrule\[sklearn\]$"
    with pytest.raises(ImportError, match=text):
        trainer.fit(np.eye(2, dtype="float32"), [0, 1], metrics=[name])
    assert pickle.dumps(trainer) == before


@pytest.mark.parametrize("name", BY_SKLEARN)
def test_they_measure_a_fit(sk: Any, name: str, backend: str, dtype: str) -> None:
    labels, X = some(2, 1)
    X = X.astype(dtype)
    model = cr.MLP([2, 2], output_activation="softmax", dtype=dtype, seed=0)
    history = cr.Trainer(model, loss="cross_entropy").fit(X, labels, epochs=2, metrics=[name])
    assert history.metrics[name][-1] == METRICS[name](labels, model.predict(X))


def test_the_examples_of_their_docstrings_are_right(sk: Any) -> None:
    import doctest

    from chainrule import _class_metrics

    failed, tried = doctest.testmod(_class_metrics)
    assert tried >= 5
    assert not failed


def test_several_labels_in_a_row_are_judged_output_by_output():
    scores = pytest.importorskip("sklearn.metrics")
    rng = np.random.default_rng(3)
    y, p = (rng.uniform(size=(60, 4)) < [0.5, 0.2, 0.7, 0.4]).astype(float), rng.uniform(size=(60, 4))
    for name in ("precision", "recall", "f1"):
        expected = getattr(scores, f"{name}_score")(y == 1, p >= 0.5, average="macro", zero_division=0.0)
        metric = getattr(cr.metrics, f"{name}_macro")
        assert metric(y, p) == pytest.approx(expected, abs=1e-15)
        assert np.isnan(metric(y, np.where(np.arange(4) == 2, np.nan, p)))
    row = int((y.sum(axis=1) != 1).argmax())
    for metric in (cr.metrics.balanced_accuracy, cr.metrics.top_k_accuracy(2)):
        with pytest.raises(
            ValueError, match=rf"for one class in each row, but row {row} of y_true has {int(y[row].sum())}; "
        ):
            metric(y, p)

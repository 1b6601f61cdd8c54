"""Pictures of odd things: names that are formulas or hidden, numbers that are huge, very many classes, records with gaps."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import chainrule as cr
import numpy as np
import pytest

matplotlib = pytest.importorskip("matplotlib")
matplotlib.use("Agg")

from chainrule import plots
from matplotlib import pyplot

rng = np.random.default_rng(0)
X = rng.normal(size=(30, 2))
y = (X[:, 0] > 0).astype(int)
NAMES = ["a$1 b$2", r"$\frac{$", "_hidden", "\ud800\x00"]
SHOWN = [r"a\$1 b\$2", r"\$\frac{\$", " _hidden", "\ufffd\ufffd"]


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    yield
    pyplot.close("all")


def drawn(ax: Any) -> Any:
    ax.figure.savefig(io.BytesIO(), format="png")
    return ax


def model() -> cr.MLP:
    return cr.MLP([2, 3, 2], activation="tanh", output_activation="softmax", dtype="float64", seed=0)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(("name", "shown"), list(zip(NAMES, SHOWN, strict=True)))
def test_names_are_drawn_as_they_are(name: str, shown: str) -> None:
    def metric(y_true: Any, prediction: Any) -> float:
        return 0.5

    metric.__name__ = name
    trainer = cr.Trainer(model(), loss="cross_entropy")
    history = trainer.fit(X, y, epochs=2, metrics=[metric])
    axes = drawn(plots.confusion_matrix(model(), X, y, labels=[name, "b"]))
    assert axes.get_xticklabels()[0].get_text() == shown.strip()
    for ax in (plots.decision_boundary(model(), X, y, labels=[name, "b"]),
               plots.predictions(model(), X, np.eye(2)[y], names=[name, "b"]),
               plots.curves(history)):  # fmt: skip
        drawn(ax)
        texts = [text.get_text().replace("_", " ").strip() for text in ax.get_legend().get_texts()]
        assert any(text.startswith(shown.replace("_", " ").strip()) for text in texts), texts
    network = drawn(plots.network(model(), input_names=[name, "b"]))
    assert shown.strip() in [text.get_text() for text in network.texts]


def test_names_may_be_numbers() -> None:
    ax = drawn(plots.confusion_matrix(model(), X, y, labels=[3, 5]))
    assert [text.get_text() for text in ax.get_yticklabels()] == ["3", "5"]


def test_a_matrix_of_very_many_classes_stays_of_the_size_of_a_screen() -> None:
    ax = drawn(plots.confusion_matrix(np.eye(500), None, np.arange(500)))
    assert max(ax.figure.get_size_inches()) < 40
    assert not ax.texts
    assert len(ax.get_xticks()) <= 60
    assert ax.get_xticklabels()[-1].get_text() == str(ax.get_xticks()[-1])


@pytest.mark.filterwarnings("error")
def test_weights_that_are_huge_have_lines_and_infinite_ones_are_refused_by_their_layer() -> None:
    network = model()
    network.weights[0][:] = 1e308
    lines = plots.network(network).collections
    assert max(max(one.get_linewidths(), default=0.0) for one in lines) < 100
    network.weights[0][:] = np.inf
    with pytest.raises(ValueError, match="layer 1 has weights that are not finite"):
        plots.weight_histograms(network)


@pytest.mark.parametrize(("entries", "words"), [
    ([[1.0, 2.0], [1.0]], r"health\[1\]\['gradient_norm'\] must have 2 numbers, one for each layer, but it has 1"),
    ([[1.0], "a"], r"health\[1\]\['gradient_norm'\] must be a list or a tuple"),
    ([["a"]], r"health\[0\]\['gradient_norm'\] must be a float"),
], ids=["layers differ", "a text", "a list of texts"])  # fmt: skip
def test_a_record_that_does_not_fit_is_refused_by_its_place(entries: Any, words: str) -> None:
    with pytest.raises((ValueError, TypeError), match=words):
        plots.gradient_norms([{"gradient_norm": entry} for entry in entries])

"""Pictures of networks: diagrams, histograms and decision boundaries hold what the model holds."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import chainrule as cr
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from picture_cases import drawn, labels, texts

matplotlib = pytest.importorskip("matplotlib", reason="the pictures are matplotlib's")
matplotlib.use("Agg")

from chainrule import plots
from matplotlib import pyplot


@pytest.fixture(autouse=True)
def closed_figures() -> Iterator[None]:
    """Leave no figure behind."""
    yield
    pyplot.close("all")


def weights_drawn(ax: Any, layer: int) -> dict[tuple[float, float], tuple[float, bool]]:
    """Of each line of a layer: between which heights it is, how wide, and whether it is dashed."""
    found = {}
    for sign in ("positive", "negative"):
        (lines,) = [c for c in ax.collections if c.get_label() == f"layer {layer}, {sign}"]
        widths, dashes = lines.get_linewidths(), lines.get_linestyles()
        for i, ((x0, y0), (x1, y1)) in enumerate(lines.get_segments()):
            assert (x0, x1) == (layer - 1, layer)
            found[y0, y1] = float(widths[i]), dashes[i % len(dashes)][1] is not None
    return found


def test_lines_are_as_wide_as_weights_are_large_and_dashed_where_they_are_negative() -> None:
    model = cr.MLP([4, 3, 2], dtype="float64", seed=0)
    model.weights[1][2, 1] = -9.0
    ax = drawn(plots.network(model))
    heights = [line.get_ydata() for line in ax.lines if line.get_label().startswith("units")]
    assert [len(y) for y in heights] == [4, 3, 2]
    for layer, weights in enumerate(model.weights):
        found = weights_drawn(ax, layer + 1)
        assert len(found) == weights.size
        for (i, j), w in np.ndenumerate(weights):
            width, is_dashed = found[heights[layer][i], heights[layer + 1][j]]
            assert_allclose(width, 3.0 * abs(w) / 9.0, rtol=1e-12)
            assert is_dashed == (w < 0)


def test_of_many_units_the_first_and_the_last_are_drawn_and_all_are_counted() -> None:
    model = cr.MLP([1000, 7, 12, 2], activation=["relu", "tanh"], seed=0)
    ax = drawn(plots.network(model, most=6))
    heights = [line.get_ydata() for line in ax.lines if line.get_label().startswith("units")]
    assert [len(y) for y in heights] == [6, 6, 6, 2]
    found = weights_drawn(ax, 1)
    rows, columns = [0, 1, 2, 997, 998, 999], [0, 1, 2, 4, 5, 6]
    largest = max(np.abs(w).max() for w in model.weights)
    for i, row in enumerate(rows):
        for j, column in enumerate(columns):
            width, _ = found[heights[0][i], heights[1][j]]
            assert_allclose(width, 3.0 * abs(model.weights[0][row, column]) / largest, rtol=1e-6)
    assert texts(ax).count("⋮") == 3
    assert {"1,000 inputs", "7 units\nrelu", "12 units\ntanh", "2 outputs\nidentity"} <= set(texts(ax))
    low, high = ax.get_ylim()
    assert all(low < y.min() and y.max() < high for y in heights)


def test_small_networks_have_their_numbers_and_names() -> None:
    model = cr.MLP([2, 1, 2], dtype="float64", seed=3)
    model.biases[0][:], model.biases[1][:] = 0.25, [-1.5, 2.5]
    ax = drawn(plots.network(model, input_names=["width", "height"], output_names=["price", "age"]))
    written = texts(ax)
    for w in (*model.weights[0].ravel(), *model.weights[1].ravel(), 0.25, -1.5, 2.5):
        assert f"{w:.2f}" in written
    assert {"width", "height", "price", "age"} <= set(written)
    assert not set(texts(plots.network(model, numbers=False))) & {"0.25", "-1.50"}
    assert "0.00" not in texts(plots.network(cr.MLP([2, 1], bias=None, seed=0)))


LONG = ("a very long name of an input column, as tables have them (mm)", "W" * 60)
"""Names that no picture has room for."""


def unit_names(ax: Any, letters: tuple[str, ...] = ("a very", "WW")) -> list[Any]:
    """The texts that begin as the long names do."""
    return [text for text in ax.texts if text.get_text().startswith(letters)]


def assert_within(text: Any, box: Any) -> None:
    inside = text.get_window_extent()
    assert inside.x0 >= box.x0 - 0.5, text.get_text()
    assert inside.x1 <= box.x1 + 0.5, text.get_text()
    assert inside.y0 >= box.y0 - 0.5, text.get_text()
    assert inside.y1 <= box.y1 + 0.5, text.get_text()


def length_of_diagram(ax: Any) -> float:
    """Inches from the first column of units to the last one."""
    columns = [line.get_xdata()[0] for line in ax.lines if line.get_label().startswith("units")]
    ends = ax.transData.transform([(x, 0.0) for x in (columns[0], columns[-1])])
    return float(ends[1, 0] - ends[0, 0]) / ax.figure.dpi


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("sizes", [(2, 2), (2, 3, 2), (2, 3, 3, 3, 3, 2)])
@pytest.mark.parametrize("sides", [("input_names",), ("output_names",), ("input_names", "output_names")])
def test_long_names_are_shortened_and_neither_clipped_nor_do_they_squeeze_the_diagram(
    sizes: Any, sides: Any
) -> None:
    model = cr.MLP(list(sizes), activation="tanh", dtype="float64", seed=0)
    plain = length_of_diagram(drawn(plots.network(model)))
    ax = drawn(plots.network(model, **dict.fromkeys(sides, LONG)))
    assert [text.get_text() for text in unit_names(ax)] == ["a very long name of an…", f"{'W' * 23}…"] * len(
        sides
    )
    for text in (*ax.texts, *ax.get_legend().get_texts()):
        assert_within(text, ax.figure.bbox)
    assert length_of_diagram(ax) > 0.9 * plain


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("layout", [None, "constrained"])
@pytest.mark.parametrize("width", [5.0, 8.0, 12.0])
def test_long_names_stay_within_axes_that_are_given(layout: str | None, width: float) -> None:
    model = cr.MLP([2, 3, 2], activation="tanh", dtype="float64", seed=0)
    figure, axes = pyplot.subplots(1, 2, figsize=(width, 4.0), layout=layout)
    names = {"input_names": LONG, "output_names": LONG}
    for ax in axes:
        plots.network(model, **names, ax=ax)
    assert tuple(figure.get_size_inches()) == (width, 4.0)
    for ax in axes:
        drawn(ax)
        found = unit_names(ax, ("a", "W", "…"))
        assert len(found) == 4
        for text in found:
            assert_within(text, ax.bbox)
            assert text.get_text().endswith("…")
        for text in (*ax.texts, *ax.get_legend().get_texts()):
            assert_within(text, ax.bbox if layout is None else figure.bbox)
        assert length_of_diagram(ax) > 0.35 * ax.bbox.width / figure.dpi


def test_names_that_fit_change_nothing() -> None:
    model = cr.MLP([2, 3, 2], activation="tanh", dtype="float64", seed=0)
    short = plots.network(model, input_names=["x₁", "x₂"], output_names=["a", "b"])
    plain = plots.network(model)
    assert tuple(short.figure.get_size_inches()) == tuple(plain.figure.get_size_inches())
    assert short.get_xlim() == plain.get_xlim()
    whole = plots.network(model, input_names=["n" * 24, "m" * 25])
    assert {"n" * 24, "m" * 23 + "…"} <= set(texts(whole))


def test_one_bias_for_a_layer_stands_in_each_of_its_units() -> None:
    model = cr.MLP([1, 3], bias="layer", seed=0)
    model.biases[0][:] = 7.0
    assert texts(plots.network(model)).count("7.00") == 3


def test_a_network_of_zeros_can_be_drawn() -> None:
    model = cr.MLP([2, 2, 1], initializer="zeros", seed=0)
    ax = drawn(plots.network(model))
    assert {width for width, _ in weights_drawn(ax, 1).values()} == {0.0}


def steps(ax: Any) -> list[Any]:
    """The outlines of the histograms, with their names."""
    from matplotlib.patches import StepPatch

    return [p for p in ax.patches if isinstance(p, StepPatch) and not p.get_fill()]


def test_histograms_of_weights_are_those_of_numpy() -> None:
    model = cr.MLP([30, 20, 3], seed=0)
    ax = drawn(plots.weight_histograms(model, bins=17))
    for i, (weights, patch) in enumerate(zip(model.weights, steps(ax), strict=True)):
        counts, edges = np.histogram(weights.astype("float64"), 17)
        values, found, baseline = patch.get_data()
        assert_allclose(found, edges, rtol=1e-12)
        assert baseline == -i
        assert_allclose(values + i, 0.8 * counts / counts.max(), atol=1e-12)
    assert [text.get_text() for text in ax.get_yticklabels()] == ["layer 1", "layer 2"]
    assert (
        texts(ax)[0] == f"600 weights\nmean {model.weights[0].mean():.2g}, std {model.weights[0].std():.2g}"
    )


def test_histograms_of_activations_are_of_what_the_layers_give_without_zeros(backend: str) -> None:
    model = cr.MLP([3, 8, 2], output_activation="sigmoid", dropout=0.5, seed=0)
    X = np.random.default_rng(0).normal(size=(50, 3)).astype("float32")
    ax = drawn(plots.activation_histograms(model, X))
    hidden = model.forward(X, keep=True).hidden[0]
    for i, a in enumerate((hidden, model.predict(X))):
        counts, edges = np.histogram(a[a != 0].astype("float64"), 40)
        values, found, _ = steps(ax)[i].get_data()
        assert_allclose(found, edges, rtol=1e-12)
        assert_allclose(values + i, 0.8 * counts / counts.max(), atol=1e-12)
    assert texts(ax)[0].startswith(f"{np.mean(hidden == 0):.0%} zeros, not drawn\nmean {hidden.mean():.2g}")
    assert texts(ax)[1].startswith("no zeros")
    assert [text.get_text() for text in ax.get_yticklabels()] == ["layer 1\nrelu", "layer 2\nsigmoid"]


@pytest.mark.parametrize("scale", [1e-4, 0.003, 0.05, 1.0, 7.0, 2e4])
@pytest.mark.parametrize("width", [None, 2.2])
def test_the_ticks_of_histograms_do_not_run_together(scale: float, width: float | None) -> None:
    model = cr.MLP([3, 40, 40, 2], activation="tanh", dtype="float64", seed=0)
    for weights in model.weights:
        weights *= scale / np.abs(weights).max()
    X = np.random.default_rng(0).normal(size=(200, 3))
    for draw in (
        lambda ax: plots.activation_histograms(model, X, ax=ax),
        lambda ax: plots.weight_histograms(model, ax=ax),
    ):
        ax = None if width is None else pyplot.figure(figsize=(6, 3)).add_axes((0.2, 0.2, width / 6, 0.7))
        assert_apart(drawn(draw(ax)))


def test_the_ticks_of_activations_of_tanh_do_not_run_together() -> None:
    model = cr.MLP([3, 40, 40, 2], activation="tanh", output_activation="tanh", dtype="float64", seed=0)
    for weights in model.weights:
        weights *= 9.0
    assert_apart(drawn(plots.activation_histograms(model, np.random.default_rng(0).normal(size=(200, 3)))))


def assert_apart(ax: Any) -> None:
    """Between the numbers of the horizontal axis there is room for a letter at least, and there are two or more."""
    low, high = ax.get_xlim()
    ticks = zip(ax.get_xticks(), ax.get_xticklabels(), strict=True)
    boxes = [text.get_window_extent() for x, text in ticks if low <= x <= high]
    assert len(boxes) >= 2
    letter = boxes[0].height * 0.6
    assert all(right.x0 - left.x1 >= letter for left, right in pairwise(boxes))


def test_a_layer_that_gives_nothing_but_zeros_can_be_drawn() -> None:
    model = cr.MLP([1, 2, 1], initializer="zeros", seed=0)
    assert texts(drawn(plots.activation_histograms(model, [[1.0]])))[0].startswith("100% zeros")


def line_of(ax: Any, level: float) -> np.ndarray:
    """The places on the contour line of a level."""
    from matplotlib.contour import ContourSet

    for contours in (c for c in ax.collections if isinstance(c, ContourSet) and not c.filled):
        for value, path in zip(contours.levels, contours.get_paths(), strict=True):
            if value == level:
                return np.asarray(path.vertices)
    raise AssertionError(level)


def test_the_boundary_of_one_output_is_where_it_is_a_half(backend: str) -> None:
    model = cr.MLP([2, 1], output_activation="sigmoid", dtype="float64", seed=0)
    model.weights[0][:, 0], model.biases[0][0] = [1.0, -2.0], 0.3
    X = np.random.default_rng(0).uniform(-1, 1, (40, 2))
    y = np.arange(40) % 2
    ax = drawn(plots.decision_boundary(model, X, y))
    line = line_of(ax, 0.5)
    assert len(line) > 10
    assert_allclose(line @ [1.0, -2.0] + 0.3, 0.0, atol=1e-3)
    for k, points in enumerate(ax.lines):
        assert_array_equal(np.transpose(points.get_data()), X[y == k])
    assert len({line.get_marker() for line in ax.lines}) == 2
    assert ax.images[0].get_array().shape == (200, 200)
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("feature 0", "feature 1")


def test_areas_are_where_an_output_is_the_largest() -> None:
    model = cr.MLP([2, 3], output_activation="softmax", dtype="float64", seed=0)
    model.weights[0][:], model.biases[0][:] = [[0.0, 2.0, -1.0], [1.0, 0.0, -1.0]], [0.1, 0.0, -0.2]
    X = np.random.default_rng(0).uniform(-1, 1, (30, 2))
    y = model.predict(X).argmax(axis=1)
    ax = drawn(plots.decision_boundary(model, X, y, labels=["x", "y", "z"], resolution=100))
    filled = [c for c in ax.collections if getattr(c, "filled", False)]
    inside = np.array([c.get_paths()[0].contains_points(X) for c in filled])
    assert_array_equal(inside.argmax(axis=0), y)
    assert (inside.sum(axis=0) == 1).all()
    assert len({tuple(c.hatches) for c in filled}) == 3
    assert labels(ax) == ["x", "y", "z"]


def test_other_features_are_held_at_their_mean() -> None:
    model = cr.MLP([3, 1], output_activation="sigmoid", dtype="float64", seed=0)
    model.weights[0][:, 0], model.biases[0][0] = [1.0, 5.0, 2.0], 0.0
    X = np.random.default_rng(0).uniform(-1, 1, (40, 3)) + np.array([0.0, 0.1, 0.0])
    ax = drawn(plots.decision_boundary(model, X, np.arange(40) % 2, features=(2, 0)))
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("feature 2", "feature 0")
    line = line_of(ax, 0.5)
    assert_allclose(line @ [2.0, 1.0] + 5 * X[:, 1].mean(), 0.0, atol=1e-3)


@pytest.mark.parametrize("y", [[0, 1, 1], [[1, 0], [0, 1], [0, 1]]])
def test_classes_may_be_labels_or_columns(y: Any) -> None:
    model = cr.MLP([2, 2], output_activation="softmax", seed=0)
    ax = drawn(plots.decision_boundary(model, [[0.0, 0.0], [1.0, 1.0], [1.0, 2.0]], y, resolution=5))
    assert [len(line.get_xdata()) for line in ax.lines[:2]] == [1, 2]


def test_a_class_that_is_predicted_everywhere_has_no_line() -> None:
    model = cr.MLP([2, 2], initializer="zeros", output_activation="softmax", seed=0)
    model.biases[0][:] = [1.0, 0.0]
    ax = drawn(plots.decision_boundary(model, [[0.0, 0.0]], [1], resolution=5))
    assert len([c for c in ax.collections if getattr(c, "filled", False)]) == 1
    one = cr.MLP([2, 1], initializer="zeros", output_activation="sigmoid", seed=0)
    drawn(plots.decision_boundary(one, [[0.0, 0.0]], [1], resolution=5))


TWO = cr.MLP([2, 2], output_activation="softmax", seed=0)


@pytest.mark.parametrize(
    ("draw", "error", "words"),
    [
        (lambda: plots.network(3), TypeError, "model must be an MLP, but it is 3"),
        (lambda: plots.network(TWO, most=1), ValueError, "most must be at least 2, but it is 1"),
        (lambda: plots.network(TWO, numbers=1), TypeError, "numbers must be True or False"),
        (lambda: plots.network(TWO, input_names=["a"]), ValueError, "input_names must have 2 values"),
        (lambda: plots.weight_histograms(TWO, bins=0), ValueError, "bins must be at least 1"),
        (lambda: plots.activation_histograms(TWO, [[1.0]]), ValueError, "X has 1 feature"),
        (lambda: plots.decision_boundary(cr.MLP([1, 2]), [[1.0]], [0]), ValueError, "must have 2 inputs or more .*, but it has 1"),
        (lambda: plots.decision_boundary(cr.MLP([3, 2]), [[1.0] * 3], [0]), ValueError, "must have 2 inputs, but it has 3"),
        (lambda: plots.decision_boundary(TWO, [[1.0, 2.0]], [0], features=(0, 0)), ValueError, "two different ones"),
        (lambda: plots.decision_boundary(TWO, [[1.0, 2.0]], [0], features=(0, 2)), ValueError, "features must be from 0 to 1"),
        (lambda: plots.decision_boundary(TWO, [[1.0, 2.0]], [2]), ValueError, "y"),
        (lambda: plots.decision_boundary(TWO, [[1.0, 2.0]], [[1.0, 1.0]]), ValueError, "row 0 of y has 2"),
        (lambda: plots.decision_boundary(TWO, np.empty((0, 2)), []), ValueError, "X must have at least 1 row"),
        (lambda: plots.decision_boundary(TWO, [[1.0, 2.0]], [0], resolution=1), ValueError, "resolution must be at least 2"),
    ],
)  # fmt: skip
def test_what_cannot_be_drawn_is_refused_before_a_figure_is_made(draw: Any, error: Any, words: str) -> None:
    with pytest.raises(error, match=words):
        draw()
    assert pyplot.get_fignums() == []


def test_weights_that_are_not_finite_are_refused() -> None:
    model = cr.MLP([2, 2], seed=0)
    model.weights[0][0, 0] = np.nan
    with pytest.raises(ValueError, match="layer 1 has weights that are not finite"):
        plots.weight_histograms(model)
    with pytest.raises(ValueError, match="model gives outputs that are not finite"):
        plots.decision_boundary(model, [[1.0, 2.0]], [0])
    with pytest.raises(ValueError, match=r"X\[0, 1\] is inf, but every number must be finite"):
        plots.activation_histograms(model, [[1.0, 1e300]])
    with pytest.raises(ValueError, match=r"weights\[0\] has numbers that are not finite"):
        plots.network(model)
    assert pyplot.get_fignums() == []

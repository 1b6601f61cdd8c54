"""Many rows in one call: from some hundred rows on the native core packs, and threads take blocks of rows."""

from __future__ import annotations

import chainrule as cr
import numpy as np
import pytest
from array_cases import LAYOUTS, guarded, whole_numbers
from tolerances import eps

ROWS = (111, 112, 113, 223, 225, 447, 448, 449, 457, 1793)
"""Around the blocks of rows (112, 224), the number from which weights are packed (448), and no multiple of a tile."""

NETWORKS = [
    ((3, 5, 2), "relu", "softmax"), ((37, 101, 53, 3), "tanh", "identity"), ((16, 300, 32), "sigmoid", "relu"),
    ((300, 513, 17), "relu", "identity"), ((300, 513, 600, 33), "relu", "sigmoid")
]  # fmt: skip
"""Widths that are whole vectors and others; the last two have layers wide enough for their rows to be packed."""


def model_of(sizes, hidden, output, dtype, seed=0):
    """A model whose biases are not zero, so that a missing one is seen."""
    model = cr.MLP(list(sizes), activation=hidden, output_activation=output, dtype=dtype, seed=seed)
    rng = np.random.default_rng(seed)
    for b in model.biases:
        b[...] = rng.normal(size=b.shape)
    return model


def rows_of(count, model, seed=1):
    shape = (count, model.layer_sizes[0])
    return np.random.default_rng(seed).normal(size=shape).astype(model.dtype)


@pytest.mark.parametrize("network", NETWORKS, ids=str)
@pytest.mark.usefixtures("oversubscribed")
def test_rows_do_not_depend_on_their_block_nor_on_threads(native, dtype, network):
    """A call of few rows packs nothing: it is the judge of those that do."""
    with cr.backend("native"):
        model = model_of(*network, dtype)
        X = rows_of(max(ROWS), model)
        expected = np.concatenate([model.predict(X[i : i + 100], n_threads=1) for i in range(0, len(X), 100)])
        for count in ROWS:
            for n_threads in (1, 2, 7):
                first = len(X) - count
                out, whole = guarded((count, expected.shape[1]), dtype)
                assert model.predict(X[first:], out=out, n_threads=n_threads) is out
                np.testing.assert_array_equal(out, expected[first:], err_msg=f"{count} {n_threads}")
                assert (whole[[0, -1]] == 99).all()


@pytest.mark.parametrize("network", NETWORKS, ids=str)
def test_many_rows_are_those_of_the_reference(native, dtype, network):
    """Off by roundings that mostly cancel; a product left out of 600 would be off by 0.04 of a deviation."""
    for count in (447, 449, 900):
        model = model_of(*network, dtype, seed=count)
        X = rows_of(count, model, seed=count)
        with cr.backend("native"):
            actual = model.predict(X)
        with cr.backend("reference"):
            expected = model.predict(X)
        # Three layers, each a chain of at most 600 roundings that add up like a random walk: six deviations of it.
        np.testing.assert_allclose(actual, expected, rtol=0, atol=6 * 3 * 600**0.5 * eps(dtype))


@pytest.mark.parametrize("bias", ["unit", "layer", None])
@pytest.mark.usefixtures("oversubscribed")
def test_whole_numbers_are_exact_with_every_kind_of_bias(native, dtype, bias):
    rng = np.random.default_rng(3)
    model = cr.MLP([33, 520, 270, 7], activation="relu", bias=bias, dtype=dtype, seed=0)
    for array in (*model.weights, *model.biases):
        array[...] = whole_numbers(rng, array.shape, dtype, 1)
    X = whole_numbers(rng, (900, 33), dtype)
    with cr.backend("reference"):
        expected = model.predict(X)
    with cr.backend("native"):
        for n_threads in (1, 3):
            np.testing.assert_array_equal(model.predict(X, n_threads=n_threads), expected)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.usefixtures("oversubscribed")
def test_it_does_not_matter_how_many_rows_lie(native, dtype, layout):
    with cr.backend("native"):
        model = model_of(*NETWORKS[3], dtype)
        X = rows_of(460, model)
        before = X.copy()
        for n_threads in (1, 2):
            actual = model.predict(LAYOUTS[layout](X), n_threads=n_threads)
            np.testing.assert_array_equal(actual, model.predict(X, n_threads=1))
        np.testing.assert_array_equal(X, before)


@pytest.mark.usefixtures("oversubscribed")
def test_nan_and_infinity_stay_in_their_row(native, dtype):
    with cr.backend("native"):
        model = model_of(*NETWORKS[3], dtype)
        X = rows_of(500, model)
        expected = model.predict(X)
        X[123, 5], X[460, 299] = np.nan, np.inf
        actual = model.predict(X, n_threads=2)
    touched = np.isin(np.arange(500), (123, 460))
    assert np.isnan(actual[123]).all()
    assert not np.isfinite(actual[460]).any()
    np.testing.assert_array_equal(actual[~touched], expected[~touched])

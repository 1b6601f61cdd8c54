"""`recommended` looks at a table, and what it recommends learns the table, whatever its units and its labels are."""

from __future__ import annotations

import pickle
from dataclasses import FrozenInstanceError, replace
from typing import Any

import chainrule as cr
import numpy as np
import pytest
from chainrule.datasets import load_digits

RNG = np.random.default_rng(5)
X = RNG.normal(size=(120, 3)) * [1, 100, 1e-3] + [0, 5000, 7]
SIGNAL = X[:, 0] + (X[:, 1] - 5000) / 100
QUANTITY = 30 * np.tanh(SIGNAL) + 200.0
NAMES = np.array(["far", "middle", "near"])[np.digitize(SIGNAL, [-1, 1])]


def quick(y: Any, **changes: Any) -> cr.Recipe:
    """Return what is recommended for X, with few epochs."""
    return replace(cr.recommended(X, y, n_threads=1), **{"epochs": 3, **changes})


@pytest.mark.parametrize(
    ("y", "task", "output", "n_out", "classes"),
    [
        (NAMES, "classification", "softmax", 3, ("far", "middle", "near")),
        (NAMES.astype(object), "classification", "softmax", 3, ("far", "middle", "near")),
        (NAMES.tolist(), "classification", "softmax", 3, ("far", "middle", "near")),
        (SIGNAL > 0, "classification", "sigmoid", 1, (False, True)),
        (np.where(SIGNAL > 0, 7, -2), "classification", "sigmoid", 1, (-2, 7)),
        (np.arange(120) % 20, "classification", "softmax", 20, tuple(range(20))),
        (np.arange(120) % 21, "regression", "identity", 1, ()),
        (SIGNAL.round().astype(int)[:, np.newaxis], "regression", "identity", 1, ()),
        (QUANTITY, "regression", "identity", 1, ()),
        ((SIGNAL > 0).astype(float), "regression", "identity", 1, ()),
        (np.stack([QUANTITY, SIGNAL], axis=1), "regression", "identity", 2, ()),
    ],
    ids=str,
)
def test_it_is_seen_whether_classes_or_quantities_are_asked_for(y, task, output, n_out, classes):
    recipe = cr.recommended(X, y)
    assert (recipe.task, recipe.output_activation, recipe.classes) == (task, output, classes)
    assert (recipe.layer_sizes[0], recipe.layer_sizes[-1]) == (3, n_out)


def test_few_rows_for_each_integer_make_a_quantity_and_the_task_can_be_said():
    y = np.array([0, 1, 2, 0, 1])
    assert cr.recommended(X[:5], y).task == "regression"
    assert cr.recommended(X[:5], y, task="classification").classes == (0, 1, 2)
    assert cr.recommended(X[:5], y.astype(float), task="classification").classes == (0.0, 1.0, 2.0)
    assert cr.recommended(X, np.arange(120) % 2, task="regression").task == "regression"


@pytest.mark.parametrize(
    ("rows", "batch_size", "epochs"),
    [(2, 32, 100), (3200, 32, 100), (6400, 64, 78), (25_000, 250, 20), (60_000, 256, 20)],
)
def test_more_rows_make_larger_batches_and_fewer_epochs(rows, batch_size, epochs):
    recipe = cr.recommended(np.zeros((rows, 1)), np.zeros(rows))
    assert (recipe.batch_size, recipe.epochs) == (batch_size, epochs)


def test_a_recipe_says_why_and_cannot_be_changed_but_copied_with_changes():
    recipe = cr.recommended(X, NAMES)
    lines = str(replace(recipe, dropout=0.125, epochs=77)).splitlines()
    for words in ("dropout        0.125", "epochs         77", "3 classes: softmax", "AdamW", "cosine"):
        assert any(words in line for line in lines), words
    with pytest.raises(FrozenInstanceError):
        recipe.epochs = 3
    assert recipe == cr.recommended(X, NAMES)


def test_it_learns_digits(backend):
    digits = load_digits()
    data, target = digits.data[:600], digits.target[:600]
    fitted = replace(cr.recommended(data, target), epochs=50).fit(data, target)
    assert np.mean(fitted.predict(digits.data[600:900]) == digits.target[600:900]) > 0.9


def test_it_learns_a_quantity_and_names(backend):
    for y in (QUANTITY, NAMES):
        predicted = cr.recommended(X, y).fit(X[:90], y[:90]).predict(X[90:])
        if y is NAMES:
            assert np.mean(predicted == y[90:]) > 0.8
        else:
            assert cr.metrics.r2(y[90:], predicted[:, np.newaxis]) > 0.8


def test_both_cores_learn_the_same():
    for y in (QUANTITY, NAMES, SIGNAL > 0):
        found = []
        for name in ("native", "reference"):
            with cr.backend(name):
                fitted = quick(y, dtype="float64").fit(X, y)
                found.append(fitted.model.predict(fitted.inputs(X)))
        np.testing.assert_allclose(*found, rtol=1e-9, atol=1e-12)


def test_the_same_seed_gives_the_same_bits_on_any_number_of_threads_and_another_gives_others(backend):
    first = quick(QUANTITY).fit(X, QUANTITY).predict(X)
    assert np.array_equal(first, quick(QUANTITY, n_threads=2).fit(X, QUANTITY).predict(X))
    other = replace(cr.recommended(X, QUANTITY, seed=1), epochs=3)
    assert other.seed == 1
    assert not np.array_equal(first, other.fit(X, QUANTITY).predict(X))


@pytest.mark.parametrize("y", [NAMES, SIGNAL > 0, np.where(SIGNAL > 0, 7, -2)], ids=["names", "bool", "int"])
def test_classes_come_back_by_their_own_labels_and_the_most_probable_is_taken(y):
    fitted = quick(y, epochs=30).fit(X, y)
    predicted, probabilities = fitted.predict(X), fitted.predict_proba(X)
    assert predicted.dtype.kind == y.dtype.kind
    assert probabilities.shape == (120, len(fitted.recipe.classes))
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-6)
    assert np.array_equal(predicted, np.array(fitted.recipe.classes)[probabilities.argmax(axis=1)])
    assert np.mean(predicted == y) > 0.9, "columns and labels are not in the same order"


def test_quantities_come_back_in_their_shape_and_their_units():
    both = np.stack([QUANTITY, 1e-6 * SIGNAL], axis=1)
    flat, column, two = (quick(y, epochs=100).fit(X, y).predict(X) for y in (QUANTITY, both[:, :1], both))
    assert (flat.shape, column.shape, two.shape) == ((120,), (120, 1), (120, 2))
    assert flat.dtype == np.float64
    assert np.array_equal(flat, column[:, 0])
    for i in range(2):
        assert cr.metrics.r2(both[:, i], two[:, i : i + 1]) > 0.9


def test_other_units_change_nothing_but_rounding():
    plain = quick(QUANTITY, dtype="float64").fit(X, QUANTITY).predict(X)
    scaled = quick(QUANTITY, dtype="float64").fit(X * 3 - 5, QUANTITY * 10 + 3).predict(X * 3 - 5)
    np.testing.assert_allclose(scaled, plain * 10 + 3, rtol=1e-7)


def test_inputs_are_standardised_by_the_rows_learned_and_outliers_stay_near():
    fitted = quick(QUANTITY).fit(X[:60], QUANTITY[:60])
    z = (X - X[:60].mean(axis=0)) / X[:60].std(axis=0)
    np.testing.assert_allclose(fitted.inputs(X), z / np.sqrt(1 + (z / 3) ** 2), atol=1e-6)
    assert fitted.inputs(X).dtype == np.float32
    far = fitted.inputs([[1e300, -1e300, 1e10]])
    np.testing.assert_allclose(far, [[3, -3, 3]], atol=1e-6)
    assert np.isfinite(fitted.predict([[1e300, -1e300, 1e10]])).all()


def test_the_learning_rate_comes_to_its_end_with_the_epochs():
    fitted = quick(QUANTITY, batch_size=50).fit(X, QUANTITY)  # 3 batches, the last of 20 rows
    assert (fitted.trainer.epoch, fitted.trainer.step) == (3, 9)
    assert fitted.trainer.learning_rate == 0
    assert fitted.trainer.optimizer.learning_rate(0) == cr.recommended(X, QUANTITY).learning_rate


def test_every_part_of_a_recipe_reaches_the_trainer():
    recipe = replace(
        cr.recommended(X, NAMES),
        layer_sizes=(3, 8, 5, 3),
        dropout=0.25,
        weight_decay=0.5,
        batch_size=7,
        seed=3,
    )
    trainer = recipe.trainer(rows=20)
    assert trainer.model.layer_sizes == (3, 8, 5, 3)
    assert set(trainer.model.network.dropout) == {0.25}
    assert (trainer.optimizer.weight_decay, trainer.batch_size) == (0.5, 7)
    assert (trainer.seed, trainer.model.seed) == (3, 3)
    assert trainer.loss == cr.losses.CrossEntropy(label_smoothing=0.05)


def test_what_was_learned_can_be_pickled():
    for y in (QUANTITY, NAMES):
        fitted = quick(y).fit(X, y)
        again = pickle.loads(pickle.dumps(fitted))
        assert again.recipe == fitted.recipe
        assert np.array_equal(again.predict(X), fitted.predict(X))


def test_the_table_is_left_as_it_was():
    inputs, y = X.copy(), QUANTITY.copy()
    quick(y).fit(inputs, y).predict(inputs)
    assert np.array_equal(inputs, X)
    assert np.array_equal(y, QUANTITY)


NAN = float("nan")


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        ((X[:, 0], QUANTITY), ValueError, r"X must have 2 dimensions"),
        ((np.full((2, 1), NAN), [1.0, 2.0]), ValueError, r"X must be finite, but X\[0, 0\] is nan"),
        ((X, QUANTITY[:7]), ValueError, r"y has 7 rows, but X has 120"),
        ((X, 3), TypeError, r"y must be an array with rows, but it is 3 \(int\)"),
        ((X, np.full(120, NAN)), ValueError, r"y\[0\] is nan, but every number must be finite"),
        ((X, np.full(120, "a")), ValueError, r"y holds one class only, 'a'; there is nothing to learn"),
        ((X, np.array([None] * 120)), TypeError, r"y must hold classes as integers, bool or text"),
        ((X, NAMES[:, np.newaxis]), ValueError, r"one class a row, shape \(rows,\).*\(120, 1\); use y.ravel\(\)"),
        ((X, np.zeros((120, 2, 2))), ValueError, r"y must have shape \(rows,\) or \(rows, quantities\)"),
        ((X, np.zeros((120, 0))), ValueError, r"y must have shape"),
        ((X, np.zeros(120, complex)), TypeError, r"y must hold"),
    ],
)  # fmt: skip
def test_a_table_that_cannot_be_learned_is_refused(arguments, error, text):
    with pytest.raises(error, match=text):
        cr.recommended(*arguments)


@pytest.mark.parametrize(
    ("options", "error", "text"),
    [
        ({"task": "ranking"}, ValueError, "task must be one of auto, classification, regression, but it is 'ranking'"),
        ({"dtype": "float16"}, ValueError, "dtype must be float32 or float64"),
        ({"seed": -1}, ValueError, "seed must be"),
        ({"n_threads": 0}, ValueError, "n_threads must be at least 1, but it is 0"),
    ],
)  # fmt: skip
def test_wrong_options_are_named(options, error, text):
    with pytest.raises(error, match=text):
        cr.recommended(X, QUANTITY, **options)


def test_classes_that_are_no_finite_numbers_are_named():
    y = np.array([0.0, 1.0, NAN, 1.0])
    with pytest.raises(ValueError, match=r"y\[2\] is nan, but every class must be a finite number"):
        cr.recommended(X[:4], y, task="classification")


def test_rows_that_do_not_fit_the_recipe_are_refused():
    recipe, quantities = cr.recommended(X, NAMES), cr.recommended(X, QUANTITY)
    for fit, text in (
        (lambda: recipe.fit(X[:, :2], NAMES), "X has 2 features, but this recipe is for 3"),
        (lambda: recipe.fit(X, NAMES[:5]), "y has 5 rows, but X has 120"),
        (lambda: recipe.fit(X[:1], ["new"]), "y holds the class 'new', but this recipe is for 'far', 'middle', 'near'"),
        (lambda: quantities.fit(X, np.zeros((120, 2))), "y has 2 columns, but this recipe is for 1"),
        (lambda: quick(QUANTITY).fit(X, QUANTITY).predict(X[:, :2]), "X has 2 features, but .* expects 3"),
        (lambda: quick(QUANTITY).fit(X, QUANTITY).predict_proba(X), "predict_proba is for classes"),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=text):
            fit()


def test_rows_may_lack_a_class_that_the_recipe_knows():
    fitted = quick(NAMES).fit(X[NAMES != "middle"], NAMES[NAMES != "middle"])
    assert fitted.predict_proba(X).shape == (120, 3)

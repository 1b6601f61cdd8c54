"""Who learns in the learning-quality benchmark: scikit-learn's networks, and chainrule's on the same budget and by the recipe.

A budget is a network, a number of epochs and a size of batches: so many updates of so many parameters. Inputs come scaled
to mean 0 and variance 1, quantities too, which scikit-learn's networks need as much as others do.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from typing import Any

import chainrule as cr
import numpy as np
from _quality_data import Array

HIDDEN, BATCH, EPOCHS, RATE, ALPHA = (100,), 200, 200, 1e-3, 1e-4
"""scikit-learn's defaults: what it does unless it is told otherwise."""
LARGE, DROPOUT = 700, 0.2
RATE_AND_DECAY = {True: (1e-2, 0.1), False: (3e-3, 0.01)}
"""Of AdamW for the same budget, where there are at least so many rows to learn from, or fewer. Chosen on other tables."""
NEVER = 10**9


@dataclass(frozen=True)
class Fold:
    """Rows to learn from and rows to judge by; ``n_classes`` is 0 for a quantity, which is a column of float64."""

    X: Array
    y: Array
    X_test: Array
    y_test: Array
    n_classes: int
    seed: int
    dtype: str = "float32"
    short: bool = False

    def epochs(self, wanted: int) -> int:
        """Return how many epochs to make."""
        return min(wanted, 5) if self.short else wanted


def scikit_learn(fold: Fold, **options: Any) -> Any:
    """Return a fitted `MLPClassifier` or `MLPRegressor` with its defaults, which makes all its epochs."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.neural_network import MLPClassifier, MLPRegressor

    usual = {"max_iter": EPOCHS, "tol": 0.0, "n_iter_no_change": NEVER, "random_state": fold.seed}
    options = {**usual, **options}
    options["max_iter"] = fold.epochs(options["max_iter"])
    estimator = (MLPClassifier if fold.n_classes else MLPRegressor)(**options)
    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore", ConvergenceWarning
        )  # it is told how many epochs to make, and makes them
        return estimator.fit(fold.X, fold.y if fold.n_classes else fold.y.ravel())


def new_model(fold: Fold, **options: Any) -> cr.MLP:
    """Return a network of scikit-learn's shape: one logistic output for two classes."""
    outputs = fold.n_classes if fold.n_classes > 2 else 1
    output = "softmax" if outputs > 1 else "sigmoid" if fold.n_classes else "identity"
    sizes = [fold.X.shape[1], *HIDDEN, outputs]
    return cr.MLP(sizes, output_activation=output, seed=fold.seed, **{"dtype": fold.dtype, **options})


def new_trainer(model: cr.MLP, fold: Fold, optimizer: Any, **options: Any) -> cr.Trainer:
    """Return a trainer with scikit-learn's loss and batches."""
    losses = {"softmax": "cross_entropy", "sigmoid": "binary_cross_entropy", "identity": "half_squared_error"}
    loss = losses[model.network.output_activation]
    batch = min(BATCH, len(fold.X))
    return cr.Trainer(
        model, loss=loss, optimizer=optimizer, batch_size=batch, seed=fold.seed, n_threads=1, **options
    )


def train(trainer: cr.Trainer, fold: Fold, epochs: int) -> None:
    """Fit to the rows of the fold, in the dtype of the model."""
    dtype = trainer.model.dtype
    target = fold.y if trainer.model.network.n_out > 1 else fold.y.astype(dtype)
    trainer.fit(fold.X.astype(dtype), target, epochs=epochs)


def answer(model: cr.MLP, fold: Fold) -> Array:
    """Return the classes or the quantities that the network predicts for the rows to judge by."""
    outputs = model.predict(fold.X_test.astype(model.dtype), n_threads=1)
    if not fold.n_classes:
        return outputs[:, 0]
    return outputs.argmax(axis=1) if outputs.shape[1] > 1 else (outputs[:, 0] >= 0.5).astype(np.int64)


def with_its_defaults(fold: Fold) -> Array:
    """scikit-learn: one hidden layer of 100, Adam, 200 epochs in batches of 200."""
    return np.asarray(scikit_learn(fold).predict(fold.X_test))


def with_the_same_settings(fold: Fold) -> Array:
    """chainrule: the same network, distribution of the first weights and biases, optimizer, penalty, batches and epochs."""
    model = new_model(fold)
    for biases, weights in zip(model.biases, model.weights, strict=True):
        limit = np.sqrt(6 / sum(weights.shape))
        biases[:] = np.random.default_rng(fold.seed).uniform(-limit, limit, biases.shape)
    optimizer = cr.Adam(RATE, weight_decay=ALPHA / min(BATCH, len(fold.X)))
    train(new_trainer(model, fold, optimizer), fold, fold.epochs(EPOCHS))
    return answer(model, fold)


def with_the_same_budget(fold: Fold) -> Array:
    """chainrule: the same network, batches and epochs; dropout, AdamW and a learning rate that falls along a cosine."""
    model = new_model(fold, dropout=DROPOUT)
    epochs = fold.epochs(EPOCHS)
    first, decay = RATE_AND_DECAY[len(fold.X) >= LARGE]
    optimizer = cr.AdamW(cr.schedules.Cosine(first, epochs * -(-len(fold.X) // BATCH)), weight_decay=decay)
    train(new_trainer(model, fold, optimizer), fold, epochs)
    return answer(model, fold)


def recipe_for(fold: Fold) -> cr.Recipe:
    """Return what is recommended, with no more epochs than a short run makes."""
    task = "classification" if fold.n_classes else "regression"
    recipe = cr.recommended(fold.X, fold.y, task=task, dtype=fold.dtype, seed=fold.seed, n_threads=1)
    return replace(recipe, epochs=fold.epochs(recipe.epochs))


def by_the_recipe(fold: Fold) -> Array:
    """chainrule: `recommended`, which scales by itself."""
    return recipe_for(fold).fit(fold.X, fold.y).predict(fold.X_test).ravel()


def on_the_budget_of_the_recipe(fold: Fold) -> Array:
    """scikit-learn: the hidden layers, the batches and the epochs of the recipe, the rest its defaults."""
    recipe = recipe_for(fold)
    options = {
        "hidden_layer_sizes": recipe.layer_sizes[1:-1],
        "batch_size": min(recipe.batch_size, len(fold.X)),
    }
    return np.asarray(scikit_learn(fold, max_iter=recipe.epochs, **options).predict(fold.X_test))


LEARNERS = {
    "scikit-learn": with_its_defaults,
    "chainrule, same settings": with_the_same_settings,
    "chainrule, same budget": with_the_same_budget,
    "scikit-learn, recipe's budget": on_the_budget_of_the_recipe,
    "chainrule, recommended": by_the_recipe,
}
BUDGET_OF = {
    "chainrule, same settings": "scikit-learn",
    "chainrule, same budget": "scikit-learn",
    "chainrule, recommended": "scikit-learn, recipe's budget",
}
"""Whom to compare with at an equal budget."""


def largest_difference(fold: Fold, epochs: int = 20, rate: float = RATE) -> float:
    """Return how far the outputs of both are apart, after some epochs from the same start in the same order of rows.

    In float64, without penalty, and with an epsilon so small that it does not matter that scikit-learn adds it to the root
    of a running mean that is not yet corrected. For a probability or a quantity of variance 1.
    """
    options = {"epsilon": 1e-14, "alpha": 0.0, "shuffle": False}
    start = scikit_learn(fold, **options, max_iter=1, learning_rate_init=1e-300)
    theirs = scikit_learn(fold, **options, max_iter=fold.epochs(epochs))
    model = new_model(fold, dtype="float64")
    model.weights = [np.array(weights, order="C") for weights in start.coefs_]
    model.biases = [np.array(biases) for biases in start.intercepts_]
    trainer = new_trainer(model, fold, cr.Adam(rate, epsilon=1e-14), shuffle=False)
    train(trainer, fold, fold.epochs(epochs))
    ours = model.predict(fold.X_test)
    expected = theirs.predict_proba(fold.X_test) if fold.n_classes else theirs.predict(fold.X_test)[:, None]
    return float(np.abs(ours - expected[:, -ours.shape[1] :]).max())

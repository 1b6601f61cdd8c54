"""A grid of hyper-parameters with five folds, fitted side by side on the cores; beside scikit-learn's GridSearchCV."""

from __future__ import annotations

import itertools
from time import perf_counter
from typing import Any

import chainrule as cr
import numpy as np
from chainrule.datasets import load_digits

HIDDEN, RATES, EPOCHS, BATCH, N_FOLDS = (32, 64), (0.02, 0.05, 0.1), 10, 64, 5
GRID = [
    {"hidden_layer_sizes": (hidden,), "learning_rate_init": rate}
    for hidden, rate in itertools.product(HIDDEN, RATES)
]


def folds(rows: int) -> list[tuple[Any, Any]]:
    """Return which rows to train on and which to judge by, five times: each row is held out once."""
    parts = np.array_split(np.random.default_rng(0).permutation(rows), N_FOLDS)
    return [
        (np.concatenate([part for j, part in enumerate(parts) if j != i]), parts[i]) for i in range(N_FOLDS)
    ]


def a_trainer(parameters: dict[str, Any]) -> cr.Trainer:
    model = cr.MLP([64, *parameters["hidden_layer_sizes"], 10], output_activation="softmax", seed=0)
    optimizer = cr.SGD(parameters["learning_rate_init"], momentum=0.9)
    return cr.Trainer(model, loss="cross_entropy", optimizer=optimizer, batch_size=BATCH)


def show(name: str, scores: Any, started: float) -> float:
    """Print the best of the grid, by the mean over the folds, and the time all of it took, which is returned."""
    best, seconds = int(np.argmax(scores)), perf_counter() - started
    print(f"{name:24} {seconds:6.2f} s  best {scores[best]:.4f} with {GRID[best]}")
    return seconds


def scores_of(trainers: list[cr.Trainer], held_out: list[tuple[Any, Any]]) -> Any:
    """Return the mean accuracy on the held-out rows, for each point of the grid."""
    pairs = zip(trainers, held_out, strict=True)
    accuracy = [trainer.evaluate(*rows, metrics=["accuracy"])["accuracy"] for trainer, rows in pairs]
    return np.reshape(accuracy, (len(GRID), N_FOLDS)).mean(axis=1)


def main(epochs: int = EPOCHS) -> dict[str, float]:
    """Search the same grid in three ways; return the seconds of each."""
    seconds = {}
    digits = load_digits()
    X, y = (digits.data / 16).astype("float32"), digits.target
    split = folds(len(X))
    learn = [(X[train], y[train]) for train, _ in split] * len(GRID)  # the arrays of a fold are there once
    held_out = [(X[test], y[test]) for _, test in split] * len(GRID)
    points = [parameters for parameters in GRID for _ in range(N_FOLDS)]
    print(f"{len(GRID)} points of a grid, {N_FOLDS} folds: {len(points)} networks of {epochs} epochs each")

    started, trainers = perf_counter(), [a_trainer(parameters) for parameters in points]
    for trainer, rows in zip(trainers, learn, strict=True):
        trainer.fit(*rows, epochs=epochs)
    one_by_one = scores_of(trainers, held_out)
    seconds["one after the other"] = show("one after the other", one_by_one, started)

    started, trainers = perf_counter(), [a_trainer(parameters) for parameters in points]
    cr.fit_many(trainers, cr.each([X for X, _ in learn]), cr.each([y for _, y in learn]), epochs=epochs)
    scores = scores_of(trainers, held_out)
    seconds["fit_many"] = show("fit_many", scores, started)
    print("the same scores to the last bit:", bool((scores == one_by_one).all()))
    return seconds | search_with_scikit_learn(X, y, split, epochs)


def search_with_scikit_learn(X: Any, y: Any, split: list[tuple[Any, Any]], epochs: int) -> dict[str, float]:
    """Search the same grid on the same folds with MLPClassifier, in two processes."""
    try:
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.model_selection import GridSearchCV
        from sklearn.neural_network import MLPClassifier
    except ImportError:
        print("scikit-learn is not installed: no GridSearchCV to compare with")
        return {}
    import warnings

    class Quiet(MLPClassifier):  # type: ignore[misc]
        """Says nothing of having made all epochs, as it is asked to."""

        def fit(self, X: Any, y: Any) -> Any:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ConvergenceWarning)
                return super().fit(X, y)

    how = {"solver": "sgd", "momentum": 0.9, "nesterovs_momentum": False, "alpha": 0.0, "batch_size": BATCH}
    ends = {"max_iter": epochs, "n_iter_no_change": epochs, "tol": 0.0, "random_state": 0}
    grid = {"hidden_layer_sizes": [(hidden,) for hidden in HIDDEN], "learning_rate_init": list(RATES)}
    started = perf_counter()
    search = GridSearchCV(Quiet(**how, **ends), grid, cv=split, n_jobs=2, refit=False)
    search.fit(X, y)
    name = "GridSearchCV, n_jobs=2"
    return {name: show(name, search.cv_results_["mean_test_score"], started)}


if __name__ == "__main__":
    main()

"""scikit-learn's estimators and those of `chainrule.sklearn`, each in a process of its own, given the same things to do."""

from __future__ import annotations

import importlib
import os
import warnings
from collections.abc import Callable
from functools import cache
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from _workers import Unavailable
from _works import MOMENTUM, SEED, WORKS, Array, Work

MODULES = {"scikit-learn": "sklearn.neural_network", "chainrule": "chainrule.sklearn"}
TASKS = Path("/proc/self/task")
TABLES = ("iris", "wine", "breast_cancer", "digits", "diabetes")
"""What scikit-learn's package has in itself."""
NETWORKS = {"8-16-1": (8, 16, 1), "64-128-10": (64, 128, 10), "784-512-256-10": (784, 512, 256, 10)}
SEARCHES = ("cross_val_score", "GridSearchCV")


@cache
def real_table(name: str) -> tuple[Array, Array, bool]:
    """Return the standardised inputs, the targets, and whether they are classes."""
    datasets = importlib.import_module("sklearn.datasets")
    preprocessing = importlib.import_module("sklearn.preprocessing")
    X, y = getattr(datasets, f"load_{name}")(return_X_y=True)
    return preprocessing.StandardScaler().fit_transform(X), y, name != "diabetes"


def work_data(work: Work, dtype: str) -> tuple[Array, Array, bool]:
    """Return inputs, targets as scikit-learn wants them, and whether they are classes."""
    X, y = work.data(dtype)
    is_classes = work.output_activation != "identity"
    if y.ndim == 2 and y.shape[1] == 1:
        y = y.ravel()
    return X, y.astype(int) if is_classes else y, is_classes


def count_threads(estimator: Any, X: Any, y: Any) -> float:
    """Score an estimator by the threads of the process that has fitted it."""
    estimator.predict(X)
    return float(len(list(TASKS.iterdir())) if TASKS.exists() else np.nan)


class Estimators:
    """The two classes of one library."""

    def __init__(self, library: str, short: bool) -> None:
        self.epochs, self.most_epochs = (
            (5, 20) if short else (60, 200)
        )  # of searches, and of fits with the defaults
        try:
            self.module: Any = importlib.import_module(MODULES[library])
            selection = importlib.import_module("sklearn.model_selection")
        except ImportError as error:
            raise Unavailable(f"{library} cannot be imported ({error})") from None
        self.selection: Any = selection
        warnings.filterwarnings("ignore", message=".*(Maximum iterations|failed to converge).*")
        os.environ["PYTHONWARNINGS"] = "ignore"  # in the processes of a search

    def describe(self) -> str:
        """Return the versions."""
        words = importlib.import_module("sklearn").__version__
        return f"scikit-learn {words}"

    def end(self) -> None:
        """End the processes of searches, which would wait for more work, and this process for them."""
        loky = importlib.import_module("joblib.externals.loky")
        loky.get_reusable_executor().shutdown(wait=True)

    def make(self, is_classes: bool, **settings: Any) -> Any:
        """Return an estimator that is not fitted."""
        return (self.module.MLPClassifier if is_classes else self.module.MLPRegressor)(**settings)

    # Training ------------------------------------------------------------------------------------------------------

    def of_work(self, work: Work, epochs: int) -> Any:
        """Return the estimator of a row of the training table: SGD with momentum for so many epochs."""
        is_classes = work.output_activation != "identity"
        return self.make(
            is_classes, hidden_layer_sizes=work.layer_sizes[1:-1], solver="sgd", batch_size=work.batch,
            activation={"sigmoid": "logistic"}.get(work.activation, work.activation), momentum=MOMENTUM, max_iter=epochs,
            learning_rate_init=work.learning_rate * (1 if is_classes else 2 / work.layer_sizes[-1]),
            tol=0.0, n_iter_no_change=10**9, random_state=SEED,
        )  # fmt: skip

    def fit_work(self, work: Work, dtype: str, epochs: int) -> float:
        """Return the seconds of a fit of this work."""
        X, y, _ = work_data(work, dtype)
        return _timed(lambda: self.of_work(work, epochs).fit(X, y))

    def work_answer(self, work: Work, dtype: str) -> list[Array]:
        """Return the parameters and the losses after two epochs of a part of the rows."""
        X, y, _ = work_data(work, dtype)
        part = slice(0, max(2 * work.batch, 256))
        made = self.of_work(work, 2).fit(X[part], y[part])
        return [*made.coefs_, *made.intercepts_, np.array(made.loss_curve_)]

    def of_table(self, name: str, **settings: Any) -> Any:
        """Return the estimator with its defaults."""
        return self.make(real_table(name)[2], random_state=SEED, **settings)

    def fit_table(self, name: str, solver: str) -> float:
        """Return the seconds of a fit with the defaults."""
        X, y, _ = real_table(name)
        return _timed(lambda: self.of_table(name, solver=solver, max_iter=self.most_epochs).fit(X, y))

    def table_answer(self, name: str, solver: str) -> list[Array]:
        """Return the parameters and the losses after three epochs (lbfgs: steps)."""
        X, y, _ = real_table(name)
        made = self.of_table(name, solver=solver, max_iter=3).fit(X, y)
        losses = np.array(getattr(made, "loss_curve_", made.loss_))
        return [*made.coefs_, *made.intercepts_, losses]

    # Prediction ----------------------------------------------------------------------------------------------------

    @cache  # noqa: B019 - the object lives as long as its process
    def fitted(self, network: str, dtype: str) -> tuple[Any, Array]:
        """Return a network fitted a little, and some rows."""
        n_in, *hidden, n_out = NETWORKS[network]
        rng = np.random.default_rng(SEED)
        X = rng.standard_normal((2000, n_in)).astype(dtype)
        y = rng.integers(0, n_out, 2000) if n_out > 1 else X[:, 0]
        made = self.make(n_out > 1, hidden_layer_sizes=tuple(hidden), max_iter=1, random_state=SEED)
        return made.fit(X, y), X

    def predict(self, network: str, dtype: str, rows: int, calls: int) -> float:
        """Return the seconds of so many predictions."""
        made, X = self.fitted(network, dtype)
        part = X[:rows].copy()

        def run() -> None:
            for _ in range(calls):
                made.predict(part)

        return _timed(run)

    def prediction(self, network: str, dtype: str, rows: int) -> list[Array]:
        """Return a prediction, made with the parameters that this process has fitted, and the parameters."""
        made, X = self.fitted(network, dtype)
        way = getattr(made, "predict_proba", made.predict)
        return [np.asarray(way(X[:rows])), *made.coefs_, *made.intercepts_]

    def parts_of_a_prediction(self, network: str, dtype: str, calls: int) -> dict[str, float]:
        """Return the seconds of what scikit-learn's own `predict` of one row consists of, so often."""
        made, X = self.fitted(network, dtype)
        row, out = X[:1].copy(), {}
        validation = importlib.import_module("sklearn.utils.validation")

        def repeat(what: Callable[[], Any]) -> float:
            return _timed(lambda: [what() for _ in range(calls)])

        if hasattr(validation, "validate_data"):  # from 1.6 on
            out["checks of the input"] = repeat(
                lambda: validation.validate_data(made, row, accept_sparse=["csr", "csc"], reset=False)
            )
        out["layers"] = repeat(lambda: made._forward_pass_fast(row, check_input=False))
        if hasattr(made, "_label_binarizer"):
            A = made._forward_pass_fast(row, check_input=False)
            out["classes from outputs"] = repeat(lambda: made._label_binarizer.inverse_transform(A))
        return out

    # Searches ------------------------------------------------------------------------------------------------------

    def search(self, kind: str, table: str, jobs: int) -> float:
        """Return the seconds of a search in processes that joblib has started before."""
        X, y, _ = real_table(table)
        made = self.of_table(table, max_iter=self.epochs)
        if kind == "cross_val_score":
            return _timed(lambda: self.selection.cross_val_score(made, X, y, cv=5, n_jobs=jobs))
        grid = {"alpha": [1e-4, 1e-2], "hidden_layer_sizes": [(50,), (100,)]}
        return _timed(lambda: self.selection.GridSearchCV(made, grid, cv=3, n_jobs=jobs).fit(X, y))

    def scores(self, table: str, jobs: int) -> list[float]:
        """Return the scores of the folds."""
        X, y, _ = real_table(table)
        made = self.of_table(table, max_iter=self.epochs)
        return list(self.selection.cross_val_score(made, X, y, cv=5, n_jobs=jobs))

    def threads(self, table: str, jobs: int) -> list[float]:
        """Return how many threads the process of each fold has after fit and prediction."""
        X, y, _ = real_table(table)
        made = self.of_table(table, max_iter=self.epochs)
        return list(self.selection.cross_val_score(made, X, y, cv=5, n_jobs=jobs, scoring=count_threads))


def _timed(run: Callable[[], Any]) -> float:
    started = perf_counter()
    run()
    return perf_counter() - started


def works(short: bool) -> tuple[Work, ...]:
    """Return the rows of the training table."""
    return tuple(work.shortened() for work in WORKS) if short else WORKS

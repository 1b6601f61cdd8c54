"""A recipe for a table of numbers: scaling, network and training, chosen by looking at the data.

>>> import chainrule as cr
>>> from chainrule.datasets import load_digits
>>> digits = load_digits()
>>> recipe = cr.recommended(digits.data, digits.target)
>>> print(recipe)  # doctest: +SKIP
>>> fitted = recipe.fit(digits.data, digits.target)  # doctest: +SKIP
>>> fitted.predict(digits.data[:3])  # doctest: +SKIP
array([0, 1, 2])

A network holds its shape and parameters only, and a trainer what changes during training; so this is neither a method of
`MLP` nor an argument of `Trainer`, but makes both. How good it is, beside scikit-learn: bench/results/learning_quality.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ._answers import CLASSIFICATION, answers, classes_of, find_task, to_labels, to_quantities
from ._checks import check_seed
from ._checks_values import check_dtype, check_int, check_n_threads, count
from ._fitted_recipe import SOFT_LIMIT, FittedRecipe
from .losses import BinaryCrossEntropy, CrossEntropy
from .model import MLP
from .optimizers import AdamW
from .schedules import Cosine
from .trainer import Trainer

HIDDEN, DROPOUT = (128, 128), 0.5
LEARNING_RATE, WEIGHT_DECAY, LABEL_SMOOTHING = 3e-3, 0.3, 0.05
MOST_EPOCHS, FEWEST_EPOCHS, ROWS_IN_ALL = 100, 20, 500_000
SMALLEST_BATCH, LARGEST_BATCH, BATCHES = 32, 256, 100


@dataclass(frozen=True)
class Recipe:
    """What to do with a table; `recommended` makes one, `fit` carries it out, printed it says why.

    `dataclasses.replace` makes another one with some of it changed.

    Parameters
    ----------
    task : str
        ``"classification"`` or ``"regression"``.
    layer_sizes : tuple of int
        As of `MLP`, with relu in the hidden layers.
    output_activation : str
        As of `MLP`.
    loss : str, function or object
        As of `Trainer`.
    dropout : float
        Of the hidden layers.
    learning_rate, weight_decay : float
        Of `AdamW`; the rate falls along half a cosine (`schedules.Cosine`) to zero with the last update.
    batch_size, epochs : int
    classes : tuple, optional
        The labels in the order of the outputs; empty for quantities. Of two, one output is the probability of the second.
    dtype : "float32" or "float64", default "float32"
    seed : int, default 0
        Of the initial weights, the orders of the rows and the dropout masks.
    n_threads : int, optional
        As of `Trainer`.
    """

    task: str
    layer_sizes: tuple[int, ...]
    output_activation: str
    loss: Any
    dropout: float
    learning_rate: float
    weight_decay: float
    batch_size: int
    epochs: int
    classes: tuple[Any, ...] = ()
    dtype: str = "float32"
    seed: int = 0
    n_threads: int | None = None

    def trainer(self, rows: int) -> Trainer:
        """Return a new model with a trainer, for so many rows: the learning rate comes to its end with the epochs.

        Raises
        ------
        ValueError, TypeError
            If something in the recipe was changed to what `MLP`, `AdamW` or `Trainer` refuse.
        """
        model = MLP(
            list(self.layer_sizes),
            output_activation=self.output_activation,
            dropout=self.dropout,
            dtype=self.dtype,
            seed=self.seed,
        )
        updates = self.epochs * -(-rows // check_int(self.batch_size, "batch_size", 1))
        rate = Cosine(self.learning_rate, max(updates, 1))
        return Trainer(
            model,
            loss=self.loss,
            optimizer=AdamW(rate, weight_decay=self.weight_decay),
            batch_size=self.batch_size,
            seed=self.seed,
            n_threads=self.n_threads,
        )

    def fit(self, X: Any, y: Any, *, progress: Any = False) -> FittedRecipe:
        """Learn the scaling and the network from these rows.

        Parameters
        ----------
        X : array-like, shape (rows, features)
            As they are, not scaled.
        y : array-like
            Classes (rows,), or quantities (rows,) or (rows, quantities) in their own units.
        progress : bool or text stream, default False
            As of `Trainer.fit`.

        Returns
        -------
        FittedRecipe

        Raises
        ------
        ValueError, TypeError
            If X or y does not fit the recipe; the message says how.
        FloatingPointError
            As `Trainer.fit`.
        """
        from .preprocessing import StandardScaler

        scaler, target_scaler = StandardScaler().fit(X), None
        if scaler.n_features_in_ != self.layer_sizes[0]:
            features = count(scaler.n_features_in_, "feature")
            raise ValueError(f"X has {features}, but this recipe is for {self.layer_sizes[0]}")
        y = answers(y, scaler.n_samples_seen_)
        if self.task == CLASSIFICATION:
            target = to_labels(y, self.classes)
            if self.layer_sizes[-1] == 1:
                target = target.astype(self.dtype)
        else:
            quantities = to_quantities(y)
            if quantities.shape[1] != self.layer_sizes[-1]:
                columns = count(quantities.shape[1], "column")
                raise ValueError(f"y has {columns}, but this recipe is for {self.layer_sizes[-1]}")
            target_scaler = StandardScaler()
            target = target_scaler.fit_transform(quantities).astype(self.dtype)
        fitted = FittedRecipe(self, self.trainer(len(target)), scaler, target_scaler, y.ndim == 1)
        fitted.trainer.fit(fitted.inputs(X), target, epochs=self.epochs, progress=progress)
        return fitted

    def __str__(self) -> str:
        if self.task == CLASSIFICATION:
            answer = f"{len(self.classes)} classes: {self.output_activation} output, {self.loss}"
        else:
            answer = f"{count(self.layer_sizes[-1], 'output')} for standardised quantities: {self.output_activation}, {self.loss}"
        lines = [
            ("inputs", f"{self.layer_sizes[0]}, standardised to z, then z / sqrt(1 + (z / {SOFT_LIMIT:g})^2): outliers stay near"),
            ("hidden layers", f"{self.layer_sizes[1:-1]}, relu: wider ones were no better on small tables, and slower"),
            ("answers", answer),
            ("dropout", f"{self.dropout:g}, against learning rows by heart"),
            ("optimizer", f"AdamW with a weight decay of {self.weight_decay:g}: weights that nothing needs go away"),
            ("learning rate", f"{self.learning_rate:g}, along a cosine to 0: a quiet end, and no rows held out to find it"),
            ("batch size", f"{self.batch_size}: rows / {BATCHES}, within {SMALLEST_BATCH} and {LARGEST_BATCH}"),
            ("epochs", f"{self.epochs}: {ROWS_IN_ALL:,} / rows, within {FEWEST_EPOCHS} and {MOST_EPOCHS}"),
        ]  # fmt: skip
        return "\n".join(f"{name:<14} {text}" for name, text in lines)


def recommended(
    X: Any, y: Any, *, task: str = "auto", dtype: str = "float32", seed: int = 0, n_threads: int | None = None
) -> Recipe:
    """Return a recipe for this table; nothing is learned yet.

    Its numbers were chosen on other tables than those it is published with (bench/README.md).

    Parameters
    ----------
    X : array-like, shape (rows, features)
        Finite real numbers, not scaled: each class of a text column in a column of its own, as 0 and 1.
    y : array-like
        Classes, shape (rows,): text, bool, or integers; or quantities, shape (rows,) or (rows, quantities): floats.
    task : "auto", "classification" or "regression", default "auto"
        auto takes integers for classes where at most 20 are different, each in two rows on the average.
    dtype : "float32" or "float64", default "float32"
        In which the network computes.
    seed : int, default 0
        Of the initial weights, the orders of the rows and the dropout masks, ``0 <= seed < 2^64``.
    n_threads : int, optional
        At most so many threads; None leaves the choice to the core.

    Returns
    -------
    Recipe
        Printed, it says why.

    Raises
    ------
    ValueError, TypeError
        If an argument does not fit the description above; the message names it.
    """
    from .preprocessing import StandardScaler

    seen = StandardScaler().fit(X)
    rows, features = seen.n_samples_seen_, seen.n_features_in_
    y = answers(y, rows)
    classes: tuple[Any, ...] = ()
    loss: Any = "mean_squared_error"
    task = find_task(y, task)
    if task == CLASSIFICATION:
        classes = classes_of(y)
        two = len(classes) == 2
        outputs, output_activation = (1, "sigmoid") if two else (len(classes), "softmax")
        loss = (BinaryCrossEntropy if two else CrossEntropy)(LABEL_SMOOTHING)
    else:
        outputs, output_activation = to_quantities(y).shape[1], "identity"
    batch_size = min(max(SMALLEST_BATCH, rows // BATCHES), LARGEST_BATCH)
    return Recipe(
        task=task,
        layer_sizes=(features, *HIDDEN, outputs),
        output_activation=output_activation,
        loss=loss,
        dropout=DROPOUT,
        learning_rate=LEARNING_RATE,
        weight_decay=WEIGHT_DECAY,
        batch_size=batch_size,
        epochs=min(max(FEWEST_EPOCHS, ROWS_IN_ALL // rows), MOST_EPOCHS),
        classes=classes,
        dtype=check_dtype(dtype),
        seed=check_seed(seed),
        n_threads=check_n_threads(n_threads),
    )

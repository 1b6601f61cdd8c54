"""What a recipe has learned: a network with what prepares its inputs and reads its outputs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ._network import Array
from .model import MLP
from .trainer import Trainer

if TYPE_CHECKING:
    from .preprocessing import StandardScaler
    from .recipe import Recipe

SOFT_LIMIT = 3.0
"""How far from 0 the inputs of the network may be."""


@dataclass(frozen=True)
class FittedRecipe:
    """A network with what prepares its inputs and reads its outputs. It can be pickled.

    Parameters
    ----------
    recipe : Recipe
    trainer : Trainer
        With the model and the history.
    scaler, target_scaler : StandardScaler
        Of the inputs and of quantities; classes have none.
    one_column : bool
        Whether the quantity had the shape (rows,), and is predicted so.
    """

    recipe: Recipe
    trainer: Trainer
    scaler: StandardScaler
    target_scaler: StandardScaler | None
    one_column: bool

    @property
    def model(self) -> MLP:
        """The network; it takes `inputs` and gives scaled quantities or probabilities."""
        return self.trainer.model

    def inputs(self, X: Any) -> Array:
        """Return what the network sees of these rows, shape (rows, features): ``z / sqrt(1 + (z / 3)^2)``, z standardised.

        Raises
        ------
        ValueError, TypeError
            If X is no matrix of finite real numbers with as many features as were learned.

        References
        ----------
        Holzmüller, Grinsztajn and Steinwart, "Better by default: strong pre-tuned MLPs and boosted trees on tabular
        data", NeurIPS 2024 (the smooth limit).
        """
        scaled = self.scaler.transform(X).astype(np.float64, copy=False)
        scaled /= np.hypot(1.0, scaled / SOFT_LIMIT)
        return scaled.astype(self.recipe.dtype, copy=False)

    def predict(self, X: Any) -> Array:
        """Return the class of each row, shape (rows,), or its quantities in their own units, float64, shaped as y was.

        Raises
        ------
        ValueError, TypeError
            As `inputs`.
        """
        if self.target_scaler is None:
            labels: Array = np.array(self.recipe.classes)[self.predict_proba(X).argmax(axis=1)]
            return labels
        outputs = self.model.predict(self.inputs(X), n_threads=self.recipe.n_threads)
        quantities = self.target_scaler.inverse_transform(outputs.astype(np.float64))
        return quantities[:, 0] if self.one_column else quantities

    def predict_proba(self, X: Any) -> Array:
        """Return the probability of each class, shape (rows, classes), in the order of ``recipe.classes``.

        Raises
        ------
        ValueError, TypeError
            As `inputs`; and ValueError if quantities were learned.
        """
        if self.target_scaler is not None:
            raise ValueError(
                "predict_proba is for classes, but this recipe has learned quantities; use predict"
            )
        outputs = self.model.predict(self.inputs(X), n_threads=self.recipe.n_threads)
        if outputs.shape[1] > 1:
            return outputs
        both: Array = np.hstack([1 - outputs, outputs])
        return both

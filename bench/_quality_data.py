"""The tables of the learning-quality benchmark: those that scikit-learn has packaged, and generated ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
SHORT_ROWS = 150


@dataclass(frozen=True)
class Table:
    """Inputs, and classes as integers or a quantity as floats.

    Parameters
    ----------
    group : str
        ``"five"`` for those that are judged; ``"further"`` for some that show whether it is only those.
    """

    name: str
    group: str
    X: Array
    y: Array

    @property
    def n_classes(self) -> int:
        """How many classes there are; 0 for a quantity."""
        return int(self.y.max()) + 1 if self.y.dtype.kind in "iu" else 0

    def shortened(self) -> Table:
        """Return some of the rows, drawn once and for all."""
        chosen = np.random.default_rng(0).permutation(len(self.X))[:SHORT_ROWS]
        return Table(self.name, self.group, self.X[chosen], self.y[chosen])


def california_like(rows: int = 3000, seed: int = 0) -> tuple[Array, Array]:
    """Return districts along a coast and what a house is worth there, as the California housing data are made.

    The columns have the names, the units and about the spreads of the real ones: median income, age of the houses, rooms and
    bedrooms a household, population, people a household (all but the age with long tails and a few outliers), latitude,
    longitude. The value rises with the income and levels off, falls with the way to the coast and to the next of four
    towns, depends on rooms a person, and has noise of a seventh of its size; values above 5 are cut off, as in the census.
    """
    rng = np.random.default_rng(seed)
    towns = np.array(
        [[34.0, -118.2], [37.7, -122.3], [32.8, -117.1], [38.6, -121.4]]
    )  # the last one is inland
    size, spread = np.array([1.0, 1.2, 0.6, 0.3]), np.array([0.5, 0.4, 0.3, 0.4])
    town = rng.choice(len(towns), rows, p=[0.4, 0.25, 0.15, 0.2])
    place = towns[town] + rng.normal(size=(rows, 2)) * spread[town, None] * (
        1 + 2 * rng.random((rows, 1)) ** 4
    )
    latitude, longitude = place.T
    to_coast = np.maximum(longitude + 117.2 + 0.95 * (latitude - 32.5), 0)  # degrees east of a straight coast
    income = np.clip(rng.lognormal(1.25 - 0.1 * to_coast, 0.45), 0.5, 15)
    age = rng.integers(1, 53, rows).astype(float)
    rooms = rng.lognormal(1.6 + 0.03 * income, 0.25) * np.where(rng.random(rows) < 0.01, 5, 1)
    bedrooms = rooms / np.clip(rng.normal(4.8, 0.5, rows), 3, 7)
    population = rng.lognormal(7.0, 0.75, rows)
    people = rng.lognormal(1.05, 0.25, rows) * np.where(rng.random(rows) < 0.01, 8, 1)
    away = np.linalg.norm(place[:, None] - towns, axis=2)
    near = (size * np.exp(-((away / 0.35) ** 2))).sum(axis=1)
    value = (
        4.0 * income / (income + 4) + 1.2 * np.exp(-to_coast / 0.3) + near
        + 0.25 * np.log(rooms / people) + 0.15 * np.sin(age / 8) - 0.7
    )  # fmt: skip
    value *= np.exp(rng.normal(0, 0.15, rows))
    columns = (income, age, rooms, bedrooms, population, people, latitude, longitude)
    return np.stack(columns, axis=1), np.clip(value, 0.15, 5.0)


def tables() -> list[Table]:
    """Return all tables; no file is fetched for them."""
    from sklearn import datasets

    def packaged(load: Any) -> tuple[Array, Array]:
        X, y = load(return_X_y=True)
        return np.asarray(X, float), y

    five = {
        "digits": packaged(datasets.load_digits),
        "breast cancer": packaged(datasets.load_breast_cancer),
        "wine": packaged(datasets.load_wine),
        "diabetes": packaged(datasets.load_diabetes),
        "California-like": california_like(),
    }
    further = {
        "iris": packaged(datasets.load_iris),
        "two moons": datasets.make_moons(600, noise=0.3, random_state=0),
        "Gaussian quantiles": datasets.make_gaussian_quantiles(n_samples=1000, n_features=6, n_classes=4, random_state=0),
        "Friedman 2": datasets.make_friedman2(600, noise=60.0, random_state=0),
        "four of ten count": datasets.make_sparse_uncorrelated(500, random_state=0),
    }  # fmt: skip
    return [
        Table(name, group, X, y)
        for group, made in (("five", five), ("further", further))
        for name, (X, y) in made.items()
    ]

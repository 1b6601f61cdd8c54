"""Draw the pictures of docs/gallery.md: ``python docs/gallery.py [FOLDER]``. They show what is in `chainrule.plots`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import chainrule as cr
import matplotlib as mpl
import numpy as np
from chainrule import plots
from chainrule.datasets import load_digits
from chainrule.preprocessing import train_test_split
from matplotlib import pyplot

ROOT = Path(__file__).resolve().parents[1]
STYLE = {"svg.hashsalt": "chainrule", "font.size": 9, "figure.figsize": (5.2, 3.2)}


class Digits:
    """Digits, and a network that has learned them."""

    def __init__(self, epochs: int) -> None:
        data = load_digits()
        X = data.data.astype("float32") / 16
        self.X, self.X_test, self.y, self.y_test = train_test_split(X, data.target, test_size=0.25, seed=0)
        self.trainer = digits_trainer()
        self.history = self.trainer.fit(
            self.X, self.y, epochs=epochs, metrics=["accuracy"], validation_data=(self.X_test, self.y_test),
            early_stopping=cr.EarlyStopping(patience=epochs),
        )  # fmt: skip


def digits_trainer() -> cr.Trainer:
    """A network for the digits that has learned nothing yet."""
    model = cr.MLP([64, 32, 16, 10], output_activation="softmax", dropout=0.1, seed=0)
    return cr.Trainer(model, loss="cross_entropy", optimizer=cr.SGD(0.05, momentum=0.9))


def curves(digits: Digits) -> Any:
    """Losses and accuracies."""
    return plots.curves(digits.history)


def confusion(digits: Digits) -> Any:
    """What is taken for what, of rows that were held out."""
    return plots.confusion_matrix(digits.trainer.model, digits.X_test, digits.y_test)


def weights(digits: Digits) -> Any:
    """The weights of the digits network."""
    return plots.weight_histograms(digits.trainer.model)


def activations(digits: Digits) -> Any:
    """What its layers give."""
    return plots.activation_histograms(digits.trainer.model, digits.X_test)


def wide_network(digits: Digits) -> Any:
    """A network of which not all units are drawn."""
    return plots.network(digits.trainer.model, most=7)


def learning_rates(digits: Digits) -> Any:
    """Where to begin."""
    return plots.learning_rates(cr.find_learning_rate(digits_trainer(), digits.X, digits.y))


def small_network(digits: Digits) -> Any:
    """Exclusive or, with its numbers."""
    model = cr.MLP([2, 3, 1], activation="tanh", output_activation="sigmoid", dtype="float64", seed=1)
    trainer = cr.Trainer(
        model, loss="binary_cross_entropy", optimizer=cr.SGD(0.5, momentum=0.9), batch_size=4
    )
    trainer.fit([[0, 0], [0, 1], [1, 0], [1, 1]], [0, 1, 1, 0], epochs=200)
    return plots.network(model, input_names=["x₁", "x₂"], output_names=["either"])


def deep(digits: Digits, activation: str, initializer: str) -> Any:
    """Return the history of a deep network, with the health of its layers."""
    sizes = [64, 24, 24, 24, 10]
    model = cr.MLP(sizes, activation=activation, output_activation="softmax", initializer=initializer, seed=0)
    trainer = cr.Trainer(model, loss="cross_entropy", optimizer=cr.SGD(0.1))
    return trainer.fit(digits.X, digits.y, epochs=20, health=True)


def gradient_norms(digits: Digits) -> Any:
    """Gradients that vanish in sigmoid layers."""
    return plots.gradient_norms(deep(digits, "sigmoid", "glorot_uniform"))


def gradients_by_depth(digits: Digits) -> Any:
    """The same by layers, beside a network whose gradients do not vanish."""
    kinds = {"sigmoid": "glorot_uniform", "relu": "he_normal"}
    return plots.gradients_by_depth(
        {name: deep(digits, name, initializer) for name, initializer in kinds.items()}
    )


def two_moons(rows: int = 100) -> tuple[Any, Any]:
    """Rows of two classes around two half circles."""
    rng = np.random.default_rng(0)
    angle, y = rng.uniform(0, np.pi, rows), np.arange(rows) % 2
    X = np.stack([np.cos(angle) * (1 - 2 * y) + y, np.sin(angle) * (1 - 2 * y) + y / 2], axis=1)
    return X + rng.normal(scale=0.2, size=X.shape), y


def two_classes(digits: Digits) -> Any:
    """One output and its probability."""
    X, y = two_moons()
    model = cr.MLP([2, 16, 16, 1], activation="tanh", output_activation="sigmoid", dtype="float64", seed=0)
    cr.Trainer(model, loss="binary_cross_entropy", optimizer=cr.Adam(0.01)).fit(X, y, epochs=80)
    return plots.decision_boundary(model, X, y, resolution=60)


def three_classes(digits: Digits) -> Any:
    """Three outputs and where each is the largest."""
    rng = np.random.default_rng(1)
    y = np.arange(90) % 3
    X = np.array([[0.0, 1.2], [-1.2, -0.8], [1.2, -0.8]])[y] + rng.normal(scale=0.6, size=(90, 2))
    model = cr.MLP([2, 12, 3], activation="tanh", output_activation="softmax", dtype="float64", seed=0)
    cr.Trainer(model, loss="cross_entropy", optimizer=cr.Adam(0.01)).fit(X, y, epochs=60)
    return plots.decision_boundary(model, X, y, labels=["north", "west", "east"], resolution=60)


def predictions(digits: Digits) -> Any:
    """A quantity, predicted for rows that were held out."""
    rng = np.random.default_rng(0)
    X = rng.uniform(-1, 1, (400, 3))
    y = np.sin(3 * X[:, 0]) + X[:, 1] * X[:, 2] + rng.normal(scale=0.1, size=400)
    model = cr.MLP([3, 24, 1], activation="tanh", dtype="float64", seed=0)
    cr.Trainer(model, loss="mean_squared_error", optimizer=cr.Adam(0.01)).fit(X[:300], y[:300], epochs=60)
    return plots.predictions(model, X[300:], y[300:])


PICTURES = (
    curves, learning_rates, gradient_norms, gradients_by_depth, small_network, wide_network, weights, activations, two_classes, three_classes,
    confusion, predictions
)  # fmt: skip


def main(folder: Path, epochs: int = 25, pictures: Any = PICTURES, ending: str = "svg") -> None:
    """Draw them, the same bytes at each run."""
    folder.mkdir(parents=True, exist_ok=True)
    with mpl.rc_context(STYLE):
        digits = Digits(epochs)
        for draw in pictures:
            figure = draw(digits).figure
            metadata = {"Date": None} if ending == "svg" else {}
            figure.savefig(folder / f"{draw.__name__}.{ending}", bbox_inches="tight", metadata=metadata)
            pyplot.close(figure)


if __name__ == "__main__":
    mpl.use("svg")
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "docs" / "gallery")

"""Draw the figures of docs/mathematics/: ``python docs/mathematics.py [FOLDER]``. Their networks are those of the text."""

from __future__ import annotations

import sys
from collections.abc import Callable
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
STYLE = {"svg.hashsalt": "chainrule", "font.size": 9, "axes.spines.top": False, "axes.spines.right": False}
LINES = ("-", "--", "-.", ":")
MARKERS = ("o", "s", "^", "D")


def new_axes(width: float = 4.6, height: float = 2.8) -> Any:
    """Return axes of their own figure."""
    return pyplot.subplots(figsize=(width, height), layout="constrained")[1]


def exclusive_or() -> Any:
    """The network of chapter 2 whose weights were chosen by hand."""
    model = cr.MLP([2, 2, 1], activation="step", output_activation="step", dtype="float64")
    model.weights = [np.ones((2, 2)), np.array([[1.0], [-1.0]])]
    model.biases = [np.array([-0.5, -1.5]), np.array([-0.5])]
    return plots.network(model, input_names=["x₁", "x₂"], output_names=["either"]).figure


def two_inputs_network() -> cr.MLP:
    """The network of chapter 4 whose derivatives are computed one by one."""
    model = cr.MLP([2, 3, 1], activation="sigmoid", dtype="float64")
    w = (np.log(0.89 / 0.11) - 1.5) / 2
    model.weights = [np.array([[0.5, 0.1, -0.3], [w, -0.2, 0.4]]), np.array([[-0.23], [0.6], [0.7]])]
    model.biases = [np.ones(3), np.zeros(1)]
    model.biases[1] += 1.106 - model.predict([[1.0, 2.0]])[0]
    return model


def two_inputs() -> Any:
    """It, with its weights and biases."""
    names = {"input_names": ["x₁", "x₂"], "output_names": ["a"]}
    return plots.network(two_inputs_network(), **names).figure


def two_inputs_back() -> Any:
    """It, with derivatives in their place."""
    model = two_inputs_network()
    layers = model.explain([[1.0, 2.0]], [[3.0]]).steps[0].layers
    model.weights, model.biases = [layer.dL_dW for layer in layers], [layer.dL_db for layer in layers]
    ax = plots.network(model, input_names=["x₁", "x₂"], output_names=["a"])
    ax.get_legend().get_texts()[0].set_text("positive derivative")
    return ax.figure


def learning_rates() -> Any:
    """One weight, four learning rates."""
    ax = new_axes()
    for i, eta in enumerate((0.04, 0.4, 0.7, 0.9)):
        model = cr.MLP([1, 1], bias=None, dtype="float64")
        model.weights[0][:] = 0.0
        trainer = cr.Trainer(model, loss="half_squared_error", optimizer=cr.SGD(eta), batch_size="full")
        losses = trainer.fit([[1.0], [2.0]], [[2.0], [4.0]], epochs=16).loss
        shown = np.maximum(losses, 1e-4)  # 0 has no place on this axis: it stands at the lower edge
        ax.semilogy(
            shown, color="black", linestyle=LINES[i], marker=MARKERS[i], markersize=3, label=f"η = {eta}"
        )
    ax.set(xlabel="steps made before", ylabel="loss", ylim=(1e-4, None))
    ax.legend(frameon=False, fontsize=8, ncols=2)
    return ax.figure


def valley() -> Any:
    """The way of two weights, without and with momentum, over lines of equal loss."""
    X = np.random.default_rng(0).normal(size=(50, 2)) * [1.0, 0.1]
    y = X @ [[1.0], [1.0]]
    ax = new_axes(5.2, 2.8)
    w1, w2 = np.meshgrid(np.linspace(-0.3, 2.0, 231), np.linspace(-0.1, 1.5, 41))
    left = np.stack([w1.ravel() - 1, w2.ravel() - 1])
    losses = ((X @ left) ** 2).mean(axis=0) / 2
    levels = [0.0002, 0.001, 0.004, 0.015, 0.06, 0.2, 0.5]
    ax.contour(w1, w2, losses.reshape(w1.shape), levels=levels, colors="lightgray", linewidths=0.8)
    for momentum, line, color in ((0.0, "o-", "#d55e00"), (0.9, "s--", "black")):
        model = cr.MLP([2, 1], bias=None, dtype="float64")
        model.weights[0][:] = 0.0
        optimizer = cr.SGD(0.5, momentum=momentum)
        trainer = cr.Trainer(model, loss="half_squared_error", optimizer=optimizer, batch_size="full")
        with trainer.trace(steps=50) as trace:
            trainer.fit(X, y, epochs=50)
        way = np.array([step.layers[0].W.ravel() for step in trace.steps])
        ax.plot(*way.T, line, color=color, markersize=2.5, linewidth=0.8, label=f"momentum {momentum:g}")
    ax.plot(1, 1, "*", color="black", markersize=9, markerfacecolor="white", label="lowest loss")
    ax.set(xlabel="$w_1$", ylabel="$w_2$")
    ax.legend(frameon=False, fontsize=8, loc="center left", bbox_to_anchor=(1.0, 0.5))
    return ax.figure


def vanishing() -> Any:
    """Norms of the gradients before any learning, layer by layer."""
    digits = load_digits()
    X, y = digits.data[:300].astype("float64") / 16, digits.target[:300]
    ax = new_axes()
    kinds = (("sigmoid", "glorot_uniform"), ("tanh", "glorot_uniform"), ("relu", "he_uniform"))
    for i, (activation, initializer) in enumerate(kinds):
        sizes = [64, 32, 32, 32, 32, 32, 32, 10]
        model = cr.MLP(
            sizes, activation=activation, output_activation="softmax", initializer=initializer, dtype="float64", seed=0
        )  # fmt: skip
        layers = model.explain(X, y, loss="cross_entropy").steps[0].layers
        norms = [np.linalg.norm(layer.dL_dW) for layer in layers]
        numbers = [layer.number for layer in layers]
        ax.semilogy(numbers, norms, color="black", linestyle=LINES[i], marker=MARKERS[i], label=activation)
    ax.set(xlabel="layer, from the inputs on", ylabel="norm of dL/dW")
    ax.legend(frameon=False, fontsize=8, loc="lower right")
    return ax.figure


def overfitting(epochs: int = 40) -> Any:
    """Losses of 200 rows with wrong labels among them, and of rows held out."""
    digits, rng = load_digits(), np.random.default_rng(0)
    order = rng.permutation(len(digits.data))
    X, y = digits.data[order].astype("float64") / 16, digits.target[order]
    labels, careless = y[:200].copy(), rng.choice(200, 40, replace=False)
    labels[careless] = rng.integers(0, 10, 40)
    ax = new_axes()
    for dropout, color in ((0.0, "black"), (0.5, "#d55e00")):
        model = cr.MLP([64, 64, 10], output_activation="softmax", dropout=dropout, dtype="float64", seed=2)
        optimizer = cr.SGD(0.05, momentum=0.9)
        trainer = cr.Trainer(model, loss="cross_entropy", optimizer=optimizer, batch_size=20, seed=2)
        history = trainer.fit(X[:200], labels, epochs=epochs, validation_data=(X[200:400], y[200:400]))
        name, marker = f"dropout {dropout:g}", "s" if dropout else "o"
        style = {"color": color, "marker": marker, "markersize": 3, "markevery": 5}
        ax.plot(history.loss, "--", label=f"training, {name}", **style)
        ax.plot(history.validation_loss, "-", label=f"validation, {name}", **style)
    ax.set(xlabel="epoch", ylabel="loss", ylim=(0, 2.4))
    ax.legend(frameon=False, fontsize=8)
    return ax.figure


def trained_on_digits(epochs: int) -> tuple[cr.MLP, cr.History, Any, Any]:
    """The network of chapter 9, what its fit measured, and the rows held out."""
    digits = load_digits()
    X = digits.data.astype("float64") / 16
    X, X_test, y, y_test = train_test_split(X, digits.target, test_size=0.2, seed=0)
    model = cr.MLP([64, 32, 10], output_activation="softmax", dtype="float64", seed=0)
    optimizer = cr.SGD(0.05, momentum=0.9)
    trainer = cr.Trainer(model, loss="cross_entropy", optimizer=optimizer, batch_size=32, seed=0)
    history = trainer.fit(X, y, epochs=epochs, metrics=["accuracy"], validation_data=(X_test, y_test))
    return model, history, X_test, y_test


def digits_curves(epochs: int = 10) -> Any:
    """How the network for the digits learned."""
    return plots.curves(trained_on_digits(epochs)[1], ax=new_axes()).figure


def wrong(epochs: int = 10, most: int = 9) -> Any:
    """Digits that it takes for others."""
    model, _, X_test, y_test = trained_on_digits(epochs)
    said = model.predict(X_test).argmax(axis=1)
    mistakes = np.flatnonzero(said != y_test)[:most]
    figure, all_axes = pyplot.subplots(1, most, figsize=(0.95 * most, 1.5), layout="constrained")
    for ax, i in zip(all_axes, mistakes, strict=False):
        ax.imshow(X_test[i].reshape(8, 8), cmap="gray_r", vmin=0, vmax=1, interpolation="none")
        ax.set_title(f"is {y_test[i]}\ntaken for {said[i]}", fontsize=8)
    for ax in all_axes:
        ax.set(xticks=[], yticks=[])
        ax.spines[:].set_visible(True)
        ax.spines[:].set_color("lightgray")
    return figure


FIGURES: tuple[Callable[..., Any], ...] = (
    exclusive_or, two_inputs, two_inputs_back, learning_rates, valley, vanishing, overfitting, digits_curves, wrong
)  # fmt: skip


def main(folder: Path, ending: str = "svg") -> None:
    """Draw all of them, the same bytes at each run."""
    folder.mkdir(parents=True, exist_ok=True)
    with mpl.rc_context(STYLE):
        for draw in FIGURES:
            figure = draw()
            metadata = {"Date": None} if ending == "svg" else {}
            figure.savefig(folder / f"{draw.__name__}.{ending}", bbox_inches="tight", metadata=metadata)
            pyplot.close(figure)


if __name__ == "__main__":
    mpl.use("svg")
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "docs" / "mathematics" / "figures")

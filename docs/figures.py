"""Draw the figures of docs/examples.md: ``python docs/figures.py [FOLDER]``. They are of what the scripts in examples/ print."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "examples"))
STYLE = {"svg.hashsalt": "chainrule", "font.size": 9, "axes.spines.top": False, "axes.spines.right": False}


def save(figure: Any, folder: Path, name: str) -> None:
    """Write a figure, the same bytes at each run."""
    figure.savefig(folder / f"{name}.svg", bbox_inches="tight", metadata={"Date": None})
    plt.close(figure)


def cart_pole(folder: Path, rounds: int = 60) -> None:
    """How long poles stand, round by round."""
    import cart_pole

    stood = cart_pole.main(rounds)
    figure, axes = plt.subplots(figsize=(4.5, 2.5))
    axes.plot(range(1, len(stood) + 1), stood, color="black")
    axes.axhline(cart_pole.LONGEST, color="gray", linestyle=":")
    axes.set(xlabel="rounds of 20 episodes", ylabel="pushes until the end", ylim=(0, 210))
    save(figure, folder, "cart_pole")


def emulator(folder: Path, rows: int = 2000, epochs: int = 300) -> None:
    """Slopes of the network against those of the simulation."""
    import emulator

    found, expected = emulator.main(rows, epochs)
    figure, axes = plt.subplots(1, 4, figsize=(10, 2.4))
    for i, name in enumerate(("speed", "angle", "drag", "wind")):
        ends = [expected[:, i].min(), expected[:, i].max()]
        axes[i].plot(ends, ends, color="gray", linestyle=":")
        axes[i].plot(expected[:60, i], found[:60, i], "k.", markersize=2)
        axes[i].set(xlabel=f"simulation, metres by {name}")
    axes[0].set_ylabel("by the network")
    figure.tight_layout()
    save(figure, folder, "emulator")


def drift(folder: Path, rows: int = 6_300) -> None:
    """Right predictions along the stream."""
    import drift

    shares = drift.main(rows)
    figure, axes = plt.subplots(figsize=(4.5, 2.5))
    middles = (np.arange(9) + 0.5) * rows / 9
    for name, share, line in zip(drift.NAMES, shares.T, ("k:", "k--", "k-"), strict=True):
        axes.plot(middles, share, line, label=name)
    for edge in (rows / 3, rows * 2 / 3):
        axes.axvline(edge, color="lightgray")
    axes.set(xlabel="rows of the stream", ylabel="right predictions", ylim=(0.3, 1))
    axes.legend(frameon=False, fontsize=7, loc="lower left")
    save(figure, folder, "drift")


def tutorials(folder: Path) -> None:
    """The line of the perceptron."""
    import tutorials

    X, y, model = tutorials.perceptron()
    (w1, w2), b = model.weights[0][:, 0], model.biases[0][0]
    figure, axes = plt.subplots(figsize=(2.8, 2.8))
    axes.plot(*X[y == 1].T, "k+", markersize=4)
    axes.plot(*X[y == 0].T, "o", color="black", markerfacecolor="white", markersize=3)
    ends = np.array([0.0, 1.0])
    axes.plot(ends, -(b + w1 * ends) / w2, "k-")
    axes.set(xlabel="$x_1$", ylabel="$x_2$", xlim=(0, 1), ylim=(0, 1))
    save(figure, folder, "perceptron")


def grid_search(folder: Path, epochs: int = 10) -> None:
    """What the same grid takes in three ways."""
    import grid_search

    seconds = grid_search.main(epochs)
    figure, axes = plt.subplots(figsize=(4.5, 1.3))
    bars = axes.barh(
        list(seconds), list(seconds.values()), color=("gray", "black", "lightgray")[: len(seconds)]
    )
    axes.bar_label(bars, [f" {value:.2f} s" for value in seconds.values()])
    axes.invert_yaxis()
    axes.set(xlabel="seconds", xlim=(0, 1.15 * max(seconds.values())))
    save(figure, folder, "grid_search")


def main(folder: Path) -> None:
    """Draw all of them."""
    folder.mkdir(parents=True, exist_ok=True)
    with mpl.rc_context(STYLE):
        for draw in (cart_pole, emulator, drift, grid_search, tutorials):
            draw(folder)


if __name__ == "__main__":
    mpl.use("svg")
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "docs" / "figures")

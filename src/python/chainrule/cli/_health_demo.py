"""Gradients that vanish: a deep network of sigmoids beside the same one of relus."""

from __future__ import annotations

from chainrule.datasets import load_digits
from chainrule.history import History
from chainrule.model import MLP
from chainrule.optimizers import SGD
from chainrule.plots import gradients_by_depth
from chainrule.trainer import Trainer

WIDTH = 32
NETWORKS = {"sigmoid": "glorot_uniform", "relu": "he_normal"}
"""Each activation with the initial weights that are made for it."""


def demonstrate(hidden: int, epochs: int, n_threads: int | None = None, plot: str | None = None) -> str:
    """Return as text what becomes of the gradients of both networks on their way back to the input; draw it into a file."""
    found = {name: _trained(name, hidden, epochs, n_threads) for name in NETWORKS}
    norms = {name: _norms(trainer.history) for name, trainer in found.items()}
    if plot is not None:
        ax = gradients_by_depth({name: trainer.history for name, trainer in found.items()})
        ax.figure.savefig(plot)
    lines = [
        f"Digits, {hidden} hidden layers of {WIDTH} units, softmax, SGD with learning rate 0.05, {epochs} epochs.",
        "",
        "gradient norm of each layer, in the first epoch and as a share of that of the last layer:",
        "layer" + "".join(f"{name:>14}{'':>10}" for name in norms),
    ]
    for layer in range(hidden + 1):
        cells = (f"{each[layer]:>14.2e}{each[layer] / each[-1]:>10.1e}" for each in norms.values())
        lines.append(f"{layer + 1:>5}" + "".join(cells))
    for name, trainer in found.items():
        loss = trainer.history.loss
        lines += ["", f"{name}: loss {loss[0]:.3f} in the first epoch, {loss[-1]:.3f} in the last"]
        lines += str(trainer.health()).splitlines()
    return "\n".join(lines)


def _trained(name: str, hidden: int, epochs: int, n_threads: int | None) -> Trainer:
    digits = load_digits()
    sizes = [64, *[WIDTH] * hidden, 10]
    model = MLP(sizes, activation=name, output_activation="softmax", initializer=NETWORKS[name], seed=0)
    trainer = Trainer(model, loss="cross_entropy", optimizer=SGD(0.05), batch_size=32, n_threads=n_threads)
    trainer.fit(digits.data / 16, digits.target, epochs=epochs, health=True)
    return trainer


def _norms(history: History) -> list[float]:
    """Return the norm of the gradient of each layer's weights in the first epoch."""
    first = (history.health or [])[0]
    assert first is not None, "of a fit with health=True"
    return first["gradient_norm"]

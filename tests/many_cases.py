"""Fits to make side by side: networks, optimizers and arguments of every kind, each of which a trainer of its own is made for."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any, NamedTuple

import chainrule as cr
import numpy as np

ROWS = 90


class Fit(NamedTuple):
    """A trainer with the rows and the other arguments of its fit."""

    trainer: cr.Trainer
    X: Any
    y: Any
    arguments: dict[str, Any]


def own_loss(prediction: Any, target: Any) -> tuple[float, Any]:
    """Half the mean of the squares, as a function of the user's."""
    difference = prediction - target
    return float((difference**2).mean()) / 2, difference / difference.size


def rows(dtype: str, n_in: int = 8, n_out: int = 1) -> tuple[Any, Any]:
    """Return inputs and targets, the same each time."""
    rng = np.random.default_rng(n_in)
    return rng.normal(size=(ROWS, n_in)).astype(dtype), rng.normal(size=(ROWS, n_out)).astype(dtype)


def plain(seed: int = 0, sizes: tuple[int, ...] = (8, 5, 1), epochs: int = 3, **changes: Any) -> Fit:
    """Return a fit of nothing but epochs."""
    model = cr.MLP(list(sizes), activation="tanh", seed=seed)
    how = {
        "loss": "mean_squared_error",
        "optimizer": cr.SGD(0.02, momentum=0.9),
        "batch_size": 7,
        "seed": seed,
    }
    return Fit(
        cr.Trainer(model, **{**how, **changes}), *rows("float32", sizes[0], sizes[-1]), {"epochs": epochs}
    )


def fits(folder: Path) -> list[Fit]:
    """Return one of every kind; what they write goes into the folder."""
    X, _ = rows("float32")
    X64, y64 = rows("float64")
    labels = np.arange(ROWS) % 3
    classes = cr.MLP([8, 150, 3], output_activation="softmax", dropout=0.3, seed=1)
    one_row = plain(2, (8, 9, 1), batch_size=1)
    wide = cr.Trainer(
        classes,
        loss="cross_entropy",
        optimizer=cr.SGD(cr.schedules.Cosine(0.05, 30), momentum=0.9, nesterov=True),
        batch_size=16,
    )
    stopped = plain(3, epochs=40, optimizer=cr.Adam(0.05))
    double = cr.MLP([8, 20, 12, 1], input_noise=0.1, dropout=0.2, dtype="float64", seed=4)
    falling = plain(
        5, optimizer=cr.RMSprop(cr.schedules.ReduceOnPlateau(0.01, monitor="loss", patience=1)), epochs=9
    )
    found = [
        one_row,
        Fit(wide, X, labels, {"epochs": 4, "class_weight": "balanced", "metrics": ["accuracy"]}),
        stopped._replace(
            arguments={**stopped.arguments, "validation_split": 0.3, "early_stopping": cr.EarlyStopping(patience=3)}
        ),
        Fit(
            cr.Trainer(double, loss="mean_squared_error", optimizer=cr.AdamW(0.01), batch_size=16),
            X64,
            y64,
            {"epochs": 5, "checkpoint": folder / "some.run", "validation_data": (X64[:20], y64[:20])},
        ),
        falling,
        plain(6, loss=own_loss),
        plain(7, epochs=0),
        plain(8, (8, 12, 1), 30, optimizer=cr.Adagrad(0.05), batch_size="full"),
        Fit(
            cr.Trainer(
                cr.MLP([8, 3, 1], dtype="float64", seed=9), loss="mean_squared_error", batch_size="full",
                optimizer=cr.LevenbergMarquardt()
            ),
            X64,
            y64,
            {"epochs": 4},
        ),
    ]  # fmt: skip
    if importlib.util.find_spec("scipy"):
        found.append(plain(10, epochs=6, optimizer=cr.LBFGS(), batch_size="full"))
    return found


def alone(fit: Fit) -> cr.History:
    """Make a fit by itself."""
    return fit.trainer.fit(fit.X, fit.y, **fit.arguments)


def together(made: list[Fit], **how: Any) -> list[Any]:
    """Make all of them by `fit_many`, each with its own value of every argument."""
    names = {name for fit in made for name in fit.arguments}
    defaults = cr.Trainer.fit.__kwdefaults__
    arguments = {name: cr.each([fit.arguments.get(name, defaults[name]) for fit in made]) for name in names}
    X, y = cr.each([fit.X for fit in made]), cr.each([fit.y for fit in made])
    return cr.fit_many([fit.trainer for fit in made], X, y, **arguments, **how)


def contents(trainer: cr.Trainer) -> dict[str, Any]:
    """Return all that training changes, to the bit."""
    state = trainer.state
    names = ("weights", "biases", "weight_velocity", "bias_velocity", "weight_square", "bias_square")
    arrays = {name: [array.tobytes() for array in getattr(state, name)] for name in names}
    history = trainer.history.__getstate__()
    return {**arrays, "counters": (state.epoch, state.step, state.plateau), "losses": state.losses, **history}

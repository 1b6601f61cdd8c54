"""Stop when the validation loss gets no better, and go back to the best network.

A wide network learns a noisy quantity from 300 rows, of which fit holds a quarter out. Left alone it goes on to learn the
noise by heart: the training loss falls, the validation loss rises. With early stopping the fit ends, and the network
is that of the best epoch, which a test on new rows confirms. Run it with ``python examples/early_stopping.py``.
"""

from __future__ import annotations

import argparse
import sys

import chainrule as cr
import numpy as np

NOISE = 1.0


def some(rows: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Give rows of 20 inputs, and a quantity that depends on two of them and on noise."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((rows, 20))
    return X, X[:, 0] + np.tanh(3 * X[:, 1]) + NOISE * rng.standard_normal(rows)


def new_trainer() -> cr.Trainer:
    model = cr.MLP([20, 100, 1], activation="tanh", dtype="float64", seed=0)
    optimizer = cr.SGD(learning_rate=0.01, momentum=0.9)
    return cr.Trainer(model, loss="mean_squared_error", optimizer=optimizer, batch_size=10, seed=0)


def main(epochs: int, patience: int) -> int:
    X, y = some(300, seed=0)
    X_test, y_test = some(2000, seed=1)

    alone = new_trainer()
    history = alone.fit(X, y, epochs=epochs, validation_split=0.25)
    print(
        f"all {epochs} epochs: loss {history.loss[-1]:.3f}, validation loss {history.validation_loss[-1]:.3f}"
    )

    stopped = new_trainer()
    stopping = cr.EarlyStopping(monitor="validation_loss", patience=patience)
    history = stopped.fit(
        X, y, epochs=epochs, validation_split=0.25, metrics=["r2"], early_stopping=stopping, time_budget=60
    )
    best = history.best_epoch
    assert best is not None
    print(
        f"ended after {len(history)} epochs because of {history.stopped_because}; the best is number {best + 1}:"
    )
    print(
        f"  loss {history.loss[best]:.3f}, validation loss {history.validation_loss[best]:.3f}, "
        f"validation R2 {history.validation_metrics['r2'][best]:.3f}"
    )

    errors = [trainer.evaluate(X_test, y_test)["loss"] for trainer in (alone, stopped)]
    print(f"error on {len(X_test)} new rows: {errors[0]:.3f} after all epochs, {errors[1]:.3f} stopped early")
    print(f"(the noise alone makes {NOISE**2:.3f})")
    return 0 if history.stopped_because == "early_stopping" and errors[1] < errors[0] else 1


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=500, metavar="N", help="at most (default: 500)")
    parser.add_argument("--patience", type=int, default=20, metavar="N", help="in epochs (default: 20)")
    arguments = parser.parse_args()
    sys.exit(main(arguments.epochs, arguments.patience))

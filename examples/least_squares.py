"""Levenberg and Marquardt's method beside L-BFGS and gradient descent, on the progress of diabetes.

442 patients, ten measurements each, and how far the disease had gone a year later (Efron, Hastie, Johnstone and
Tibshirani, 2004; scikit-learn brings the data). A network with six hidden units has 73 parameters: few enough for second
derivatives. All three minimise the same penalised squared error from the same start. Run it with
``python examples/least_squares.py``; it needs scikit-learn, and with it SciPy.
"""

from __future__ import annotations

import argparse
import sys
from time import perf_counter

import chainrule as cr
import numpy as np
from chainrule.preprocessing import StandardScaler, train_test_split

DECAY = 0.02


def patients() -> list[np.ndarray]:
    """Give X_train, X_test, y_train, y_test, all scaled by what is known of the rows to learn from."""
    from sklearn.datasets import load_diabetes

    X, y = load_diabetes(return_X_y=True)
    X_train, X_test, y_train, y_test = train_test_split(X, y[:, None], test_size=0.2, seed=0)
    inputs, target = StandardScaler().fit(X_train), StandardScaler().fit(y_train)
    return [
        inputs.transform(X_train),
        inputs.transform(X_test),
        target.transform(y_train),
        target.transform(y_test),
    ]


def penalised(trainer: cr.Trainer, X: np.ndarray, y: np.ndarray) -> float:
    """Give what is minimised: the mean squared error and the penalty of the weights."""
    penalty = DECAY / 2 * sum(float(np.square(w).sum()) for w in trainer.model.weights)
    return trainer.evaluate(X, y)["loss"] + penalty


def main(epochs: int) -> int:
    try:
        import scipy.optimize  # noqa: F401  (before anything is timed)

        X, X_test, y, y_test = patients()
    except ImportError:
        print("this example needs scikit-learn: pip install chainrule[sklearn]")
        return 0
    optimizers = {
        "Levenberg-Marquardt": (cr.LevenbergMarquardt(weight_decay=DECAY, tolerance=1e-6), epochs),
        "L-BFGS": (cr.LBFGS(weight_decay=DECAY, tolerance=1e-6), epochs),
        "gradient descent": (cr.SGD(0.05, momentum=0.9, weight_decay=DECAY), 20 * epochs),
    }
    print(f"{'optimizer':<20}{'epochs':>8}{'ms':>8}{'minimised':>12}{'R2 learnt':>11}{'R2 new':>8}  ended")
    reached = {}
    for name, (optimizer, most) in optimizers.items():
        model = cr.MLP([10, 6, 1], activation="tanh", dtype="float64", seed=0)
        trainer = cr.Trainer(model, loss="mean_squared_error", optimizer=optimizer, batch_size="full")
        trainer.gradients(X, y)  # what is loaded at first use is not timed
        start = perf_counter()
        history = trainer.fit(X, y, epochs=most)
        milliseconds = 1000 * (perf_counter() - start)
        reached[name] = penalised(trainer, X, y)
        learnt, new = (trainer.evaluate(*data, metrics=["r2"])["r2"] for data in ((X, y), (X_test, y_test)))
        print(
            f"{name:<20}{len(history):>8}{milliseconds:>8.1f}{reached[name]:>12.6f}{learnt:>11.3f}{new:>8.3f}"
            f"  {history.stopped_because}"
        )
    return 0 if reached["Levenberg-Marquardt"] <= reached["gradient descent"] + 1e-3 else 1


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=100, metavar="N", help="at most (default: 100)")
    sys.exit(main(parser.parse_args().epochs))

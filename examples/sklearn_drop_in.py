"""A script for scikit-learn in which one import changes, and what can then be added to it."""

from __future__ import annotations

import warnings
from time import perf_counter
from typing import Any

import chainrule as cr
import numpy as np
from chainrule.datasets import load_digits


def script(library: Any, epochs: int) -> Any:
    """Do what a script for scikit-learn does; ``library`` is where its two classes come from."""
    from sklearn.model_selection import train_test_split
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    digits = load_digits()
    X, X_test, y, y_test = train_test_split(digits.data, digits.target, test_size=0.25, random_state=0)
    model = make_pipeline(
        StandardScaler(), library.MLPClassifier((200, 100), solver="sgd", max_iter=epochs, random_state=0)
    )
    started = perf_counter()
    model.fit(X.astype("float64"), y)
    seconds = perf_counter() - started
    print(f"{library.__name__:24} {seconds:6.2f} s  accuracy {model.score(X_test, y_test):.4f}")
    return model[-1]


def additions(epochs: int) -> Any:
    """Use what scikit-learn's class lacks."""
    from chainrule.sklearn import MLPClassifier, MLPRegressor

    digits = load_digits()
    X, y = (digits.data / 16).astype("float32"), digits.target

    class Watch(cr.Callback):
        """Says how every tenth epoch went."""

        def on_epoch_end(self, fit: Any) -> None:
            if fit.epoch % 10 == 0:
                print(f"epoch {fit.epoch}: loss {fit.loss:.4f}, accuracy {fit.validation_score:.4f}")

    model = MLPClassifier(
        (64, 32),
        ["relu", "tanh"],
        solver=cr.AdamW(cr.schedules.Cosine(0.01, steps=20 * epochs), weight_decay=0.01),
        dropout=[0.3, 0.0],
        class_weight="balanced",
        max_iter=epochs,
        random_state=0,
    )
    model.fit(X[:1200], y[:1200], validation_data=(X[1200:], y[1200:]), callbacks=[Watch()])

    hours = np.linspace(0, 24, 400)[:, None]
    load = np.sin(hours[:, 0] / 4) + np.random.default_rng(0).normal(scale=0.2 + hours[:, 0] / 60)
    loss = cr.losses.Quantile([0.05, 0.5, 0.95])
    levels = MLPRegressor(loss=loss, hidden_layer_sizes=(32,), max_iter=40 * epochs, random_state=0)
    found = levels.fit(hours / 24, load).predict(hours / 24)
    inside = np.mean((found[:, 0] < load) & (load < found[:, 2]))
    print(f"{inside:.0%} of the loads lie between the quantiles 0.05 and 0.95")
    return model


def main(epochs: int = 30) -> None:
    """Run the script with both libraries, compare what they have found, and add to it."""
    import chainrule.sklearn
    from sklearn import neural_network

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that all epochs were used is meant
        theirs, ours = script(neural_network, epochs), script(chainrule.sklearn, epochs)
        pairs = zip(theirs.coefs_, ours.coefs_, strict=True)
        print("largest difference of a coefficient:", max(float(np.abs(a - b).max()) for a, b in pairs))
        additions(epochs)


if __name__ == "__main__":
    main()

"""A page of a network and its training: curves, health, predictions, and an update to step through, number by number.

``python examples/report.py`` writes two pages into a temporary folder and says what is in them; with the name of a folder they
stay there: ``python examples/report.py .``, and a browser opens them from the disk.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import chainrule as cr
from chainrule.datasets import load_digits
from chainrule.preprocessing import train_test_split


def xor(folder: Path) -> Path:
    """A network small enough to follow each number of an update from the input to the new weight."""
    X, y = [[0, 0], [0, 1], [1, 0], [1, 1]], [0, 1, 1, 0]
    model = cr.MLP([2, 3, 1], activation="tanh", output_activation="sigmoid", dtype="float64", seed=1)
    trainer = cr.Trainer(
        model, loss="binary_cross_entropy", optimizer=cr.SGD(0.5, momentum=0.9), batch_size=4
    )
    trainer.fit(X, y, epochs=100, metrics=["accuracy"])
    trainer.report(folder / "xor.html", X, y, title="Exclusive or")
    return folder / "xor.html"


def digits(folder: Path) -> Path:
    """A network with more units than a page shows: those that matter most to the update are chosen."""
    data = load_digits()
    X, X_test, y, y_test = train_test_split(data.data / 16, data.target, test_size=0.2, seed=0)
    X, X_test = X.astype("float32"), X_test.astype("float32")
    model = cr.MLP([64, 64, 10], output_activation="softmax", dropout=0.2, seed=0)
    trainer = cr.Trainer(model, loss="cross_entropy", optimizer=cr.SGD(0.05, momentum=0.9), batch_size=64)
    history = trainer.fit(
        X, y, epochs=15, validation_data=(X_test, y_test), metrics=["accuracy"], health=True
    )
    print(trainer.health())
    history.report(folder / "digits.html", X_test, y_test, title="Digits")
    return folder / "digits.html"


def main(folder: Path) -> None:
    """Write both pages."""
    for path in (xor(folder), digits(folder)):
        print(
            f"{path.name}: {path.stat().st_size / 1000:.0f} kB in one file, which asks nothing of a network"
        )


if __name__ == "__main__":
    if len(sys.argv) > 1:
        main(Path(sys.argv[1]))
    else:
        with tempfile.TemporaryDirectory() as temporary:
            main(Path(temporary))

"""Learn handwritten digits, save the network, load it in a new process, and find the same bits again.

A 64-128-10 network (relu, softmax) with dropout, trained by SGD with momentum on four fifths of the data set that
comes with the package, and judged on the other fifth. Run it with ``python examples/digits.py``.
"""

from __future__ import annotations

import argparse
import hashlib
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import chainrule as cr
import numpy as np
from chainrule.datasets import load_digits
from chainrule.preprocessing import train_test_split

ENOUGH = 0.97  # of the held-out rows


def load() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Give training and test rows, 80:20, with the pixels scaled from 0..16 to 0..1."""
    digits = load_digits()
    X_train, X_test, y_train, y_test = train_test_split(
        digits.data / 16, digits.target, test_size=0.2, seed=0
    )
    return X_train, X_test, y_train, y_test


def predict_from_file(path: str) -> str:
    """Load the model at `path` and give the SHA-256 of what it predicts for the test rows."""
    _, X_test, _, _ = load()
    return hashlib.sha256(cr.load(path).predict(X_test).tobytes()).hexdigest()


def main(path: Path, epochs: int) -> int:
    X_train, X_test, y_train, y_test = load()
    model = cr.MLP([64, 128, 10], activation="relu", output_activation="softmax", dropout=0.2, seed=0)
    optimizer = cr.SGD(learning_rate=0.05, momentum=0.9)
    trainer = cr.Trainer(model, loss="cross_entropy", optimizer=optimizer, batch_size=64)

    started = time.perf_counter()
    trainer.fit(X_train, y_train, epochs=epochs, progress=True)
    seconds = time.perf_counter() - started

    probabilities = model.predict(X_test)
    accuracy = float(np.mean(probabilities.argmax(axis=1) == y_test))
    print(f"trained {epochs} epochs of {len(X_train)} rows in {seconds:.2f} s")
    print(f"accuracy on {len(X_test)} held-out rows: {accuracy:.2%}")

    model.save(path)
    here = hashlib.sha256(probabilities.tobytes()).hexdigest()
    there = subprocess.run(
        [sys.executable, __file__, "--predict", str(path)], check=True, capture_output=True, text=True
    ).stdout.strip()
    print(f"saved {path}, loaded it in a new process: {'the same bits' if here == there else 'OTHER BITS'}")
    return 0 if accuracy >= ENOUGH and here == there else 1


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--save", metavar="FILE", help="where to save the model (default: a temporary folder)"
    )
    parser.add_argument(
        "--epochs", type=int, default=40, metavar="N", help="passes over the data (default: 40)"
    )
    parser.add_argument(
        "--predict", metavar="FILE", help="only predict with this model and print the checksum"
    )
    arguments = parser.parse_args()
    if arguments.predict:
        print(predict_from_file(arguments.predict))
        sys.exit()
    with tempfile.TemporaryDirectory() as folder:
        sys.exit(main(Path(arguments.save or Path(folder, "digits.pkl")), arguments.epochs))

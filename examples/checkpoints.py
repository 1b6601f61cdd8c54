"""Every epoch in a file: a training that was ended goes on to the same bits, and earlier epochs can be looked at."""

from __future__ import annotations

import tempfile
from pathlib import Path

import chainrule as cr
import numpy as np
from chainrule.datasets import load_digits


def new_trainer() -> cr.Trainer:
    """Return a network for digits, with dropout and momentum: both must go on where they ended."""
    model = cr.MLP([64, 64, 10], output_activation="softmax", dropout=0.2, seed=0)
    return cr.Trainer(model, loss="cross_entropy", optimizer=cr.SGD(0.05, momentum=0.9), batch_size=64)


def main() -> None:
    """Train ten epochs in one go, and in two with a file between them."""
    digits = load_digits()
    X, y = digits.data / 16, digits.target
    whole = new_trainer()
    whole.fit(X, y, epochs=10)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "digits.run")
        new_trainer().fit(X, y, epochs=4, checkpoint=path)  # here the process may end, however suddenly
        trainer = cr.Trainer.resume(path)
        trainer.fit(X, y, epochs=10 - trainer.epoch, checkpoint=path)
        same = all(map(np.array_equal, trainer.model.weights, whole.model.weights))
        print("the same bits as in one go:", same)
        with cr.Checkpoints(path) as run:
            for epoch in run.epochs[::2]:
                right = np.mean(run.model(epoch).predict(X).argmax(axis=1) == y)
                print(f"after {epoch:2} epochs {right:.1%} are right")
            moved = run.compare(8, 10)["weights[0]"]
            print(f"the first weights moved by {moved['relative']:.1%} in the last two epochs")


if __name__ == "__main__":
    main()

"""Two examples that tutorials on neural networks begin with: the perceptron, and a table that is scaled, split and learned.

1. A perceptron, one sigmoid output, learns a rule that a line can draw. With its weights and the step as activation it is the
   classical perceptron of Rosenblatt, which answers 0 or 1 (and cannot be trained that way: the step has no slope).
2. Ten rows of three inputs, 100, 90, ... 10, whose target is the same number, are brought to 0 ... 1 by min-max normalisation, ``(v -
   min) / (max - min)``, split 80:20 into rows to learn from and rows to judge by, and learned row by row until the loss settles.
"""

from __future__ import annotations

import chainrule as cr
import numpy as np
from chainrule.datasets import load_three_inputs
from chainrule.preprocessing import MinMaxScaler, train_test_split


def perceptron() -> tuple[np.ndarray, np.ndarray, cr.MLP]:
    """Learn whether a point lies above the line x2 = 1 - x1; return points, answers and the perceptron."""
    X = np.random.default_rng(0).uniform(0, 1, (200, 2))
    y = (X[:, 1] > 1 - X[:, 0]).astype(float)
    model = cr.MLP([2, 1], output_activation="sigmoid", dtype="float64", seed=0)
    trainer = cr.Trainer(model, loss="mean_squared_error", optimizer=cr.SGD(5.0), batch_size="full")
    history = trainer.fit(X, y, epochs=20_000, tolerance=1e-5)
    (w1, w2), b = model.weights[0][:, 0], model.biases[0][0]
    print(
        f"perceptron: {len(history)} epochs until the loss settled at {history.loss[-1]:.4f} ({history.stopped_because})"
    )
    print(f"  its line is x2 = {-b / w2:.3f} - {w1 / w2:.3f} x1; the rule was x2 = 1 - x1")
    step = cr.MLP([2, 1], output_activation="step", dtype="float64", seed=0)
    step.weights, step.biases = model.weights, model.biases
    print(f"  with the step as activation {(step.predict(X)[:, 0] == y).mean():.1%} of the answers are right")
    try:
        cr.Trainer(step, loss="mean_squared_error")
    except ValueError as error:
        print(f"  training it is refused: {error}")
    return X, y, model


def ten_rows() -> None:
    """Scale, split, learn row by row, and predict rows that were not learned from."""
    table = load_three_inputs()
    X_train, X_test, y_train, y_test = train_test_split(table.data, table.target, test_size=0.2, seed=1)
    inputs, outputs = MinMaxScaler().fit(X_train), MinMaxScaler().fit(y_train.reshape(-1, 1))
    model = cr.MLP(
        [3, 4, 1], activation="sigmoid", output_activation="sigmoid", bias=None, dtype="float64", seed=0
    )
    trainer = cr.Trainer(model, loss="half_squared_error", optimizer=cr.SGD(0.5, momentum=0.5), batch_size=1)
    history = trainer.fit(
        inputs.transform(X_train), outputs.transform(y_train.reshape(-1, 1)), epochs=20_000, tolerance=1e-8
    )
    print(f"ten rows: {len(X_train)} to learn from, {len(X_test)} to judge by, min-max normalised")
    print(f"  {len(history)} epochs, row by row, until the loss settled at {history.loss[-1]:.6f}")
    found = outputs.inverse_transform(model.predict(inputs.transform(X_test)))
    for row, answer, target in zip(X_test, found[:, 0], y_test, strict=True):
        print(f"  inputs {row.tolist()}: {answer:.1f}, and should be {target:g}")


if __name__ == "__main__":
    perceptron()
    ten_rows()

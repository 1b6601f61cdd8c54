"""three-inputs: 3-4-1, all sigmoid, no bias, every weight 0.1; and its ten rows, normalised, split and learned."""

from __future__ import annotations

import numpy as np

from chainrule.datasets import load_three_inputs
from chainrule.model import MLP
from chainrule.optimizers import SGD
from chainrule.preprocessing import MinMaxScaler, train_test_split
from chainrule.trainer import Trainer

from ._example import WorkedExample


def three_inputs() -> WorkedExample:
    """Return the example."""
    model = MLP(
        [3, 4, 1], activation="sigmoid", output_activation="sigmoid", bias=None, dtype="float64", seed=0
    )
    for W in model.weights:
        W[:] = 0.1
    names = {"y[0]": "t", "a2[0]": "o", "z2[0]": "net_o", "L": "E"}
    names |= {f"x[{i}]": f"x{i + 1}" for i in range(3)}
    names |= {f"a1[{j}]": f"h{j + 1}" for j in range(4)} | {f"z1[{j}]": f"net_h{j + 1}" for j in range(4)}
    return WorkedExample(
        name="three-inputs",
        about="3 inputs, 4 hidden units, 1 output, all sigmoid, no bias, every weight 0.1. x = (1, 1, 1), target t = 1,\n"
        "error E = (t - o)^2 / 2. h are the hidden outputs, net_h and net_o the weighted sums, o is the output.",
        model=model,
        X=[[1.0, 1.0, 1.0]],
        y=[[1.0]],
        optimizer=SGD(0.5),
        parameters=("W2[0, 0]", "W1[0, 0]"),
        names=names,
        printed={
            "a1[0]": "0.57",
            "z2[0]": "0.228",
            "a2[0]": "0.56",
            "L": "0.0968",
            "dL/dW1[0, 0]": "-0.00265",
        },
        after=_ten_rows,
    )


def _ten_rows() -> str:
    """Normalise the ten rows, hold two out, learn row by row until the weights settle, and predict those two."""
    table = load_three_inputs()
    scaled = MinMaxScaler().fit(table.data).transform(table.data)[:, 0]
    X_train, X_test, y_train, y_test = train_test_split(table.data, table.target, test_size=0.2, seed=1)
    inputs, outputs = MinMaxScaler().fit(X_train), MinMaxScaler().fit(y_train.reshape(-1, 1))
    model = MLP(
        [3, 4, 1], activation="sigmoid", output_activation="sigmoid", bias=None, dtype="float64", seed=0
    )
    trainer = Trainer(model, loss="half_squared_error", optimizer=SGD(0.5, momentum=0.9), batch_size=1)
    history = trainer.fit(
        inputs.transform(X_train), outputs.transform(y_train.reshape(-1, 1)), epochs=2000, tolerance=1e-6
    )
    found = outputs.inverse_transform(model.predict(inputs.transform(X_test)))[:, 0]
    out = [
        "Its data",
        "  ten rows A = B = C = target = 100, 90, ... 10, by (v - min) / (max - min):",
        "  " + ", ".join(f"{value:.6g}" for value in scaled),
        f"  80:20 split: {len(X_train)} rows to learn from, {len(X_test)} to judge by; row by row (a batch of 1), from random weights",
        f"  (equal ones would stay equal): {len(history)} epochs until the loss settled at {history.loss[-1]:.6f}",
        *(
            f"  a row it was not trained on: inputs {row[0]:g}, predicted {answer:.1f}, target {np.ravel(target)[0]:g}"
            for row, answer, target in zip(X_test, found, y_test, strict=True)
        ),
    ]
    return "\n".join(out) + "\n"

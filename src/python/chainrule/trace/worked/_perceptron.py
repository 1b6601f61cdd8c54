"""perceptron: one sigmoid output; the derivatives of its cost, learning until it settles, and the binary step."""

from __future__ import annotations

import numpy as np

from chainrule.model import MLP
from chainrule.optimizers import SGD
from chainrule.trainer import Trainer

from ._example import WorkedExample

_X = [[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]
_Y = [[0.0], [0.0], [0.0], [1.0]]


def perceptron() -> WorkedExample:
    """Return the example."""
    model = _model("sigmoid")
    names = {"L": "C", "b1[0]": "b"} | {f"W1[{i}, 0]": f"w[{i}]" for i in range(2)}
    for r in (*range(4), "r"):
        names |= {f"z1[{r}, 0]": f"z[{r}]", f"a1[{r}, 0]": f"yhat[{r}]", f"y[{r}, 0]": f"y[{r}]"}
    return WorkedExample(
        name="perceptron",
        about="2 inputs, 1 sigmoid output: z = w . x + b, yhat = sigmoid(z). The cost C is the squared error (y - yhat)^2,\n"
        "averaged over the data set of n = 4 rows: 1 where both inputs are 1, else 0. dC/dw = dC/dyhat * dyhat/dz * dz/dw,\n"
        "and dC/db the same with 1 for x. The first index of x is that of the row, as is that of yhat, z and y.",
        model=model,
        X=_X,
        y=_Y,
        loss="mean_squared_error",
        optimizer=SGD(1.0),
        parameters=("W1[0, 0]", "b1[0]"),
        names=names,
        after=_repeated,
    )


def _model(output: str) -> MLP:
    model = MLP([2, 1], output_activation=output, dtype="float64", seed=0)
    model.weights, model.biases = [np.array([[0.5], [-0.25]])], [np.array([0.1])]
    return model


def _repeated() -> str:
    """Repeat the update until the cost settles; then put the binary step in the place of the sigmoid."""
    model = _model("sigmoid")
    trainer = Trainer(model, loss="mean_squared_error", optimizer=SGD(5.0, momentum=0.9), batch_size="full")
    history = trainer.fit(_X, _Y, epochs=5000, tolerance=1e-5)
    w, b = model.weights[0][:, 0], model.biases[0][0]
    step = _model("step")
    step.weights, step.biases = model.weights, model.biases
    answers = step.predict(_X)[:, 0]
    try:
        Trainer(step, loss="mean_squared_error")
        refusal = ""
    except ValueError as error:
        refusal = str(error)
    out = [
        "Repeated until it converges",
        f"  {len(history)} updates until the cost settled at {history.loss[-1]:.6f}: w = ({w[0]:.4f}, {w[1]:.4f}), b = {b:.4f}",
        f"  yhat = {', '.join(f'{p:.3f}' for p in model.predict(_X)[:, 0])}",
        "The classical perceptron answers by a binary step, 1 where z >= 0, with the same weights",
        f"  answers {', '.join(f'{answer:g}' for answer in answers)}; the targets are 0, 0, 0, 1",
        f"  training through it is refused: {refusal}",
    ]
    return "\n".join(out) + "\n"

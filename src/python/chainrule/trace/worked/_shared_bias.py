"""shared-bias: 2-3-1, all sigmoid, ONE bias for each layer, and the five steps of learning."""

from __future__ import annotations

import numpy as np

from chainrule._network import Array
from chainrule.model import MLP
from chainrule.optimizers import SGD

from ._example import WorkedExample


def shared_bias() -> WorkedExample:
    """Return the example."""
    model = MLP(
        [2, 3, 1], activation="sigmoid", output_activation="sigmoid", bias="layer", dtype="float64", seed=0
    )
    model.weights = [np.array([[0.1, -0.2, 0.3], [0.4, 0.5, -0.6]]), np.array([[0.7], [-0.8], [0.9]])]
    model.biases = [np.array([0.25]), np.array([-0.15])]
    example = WorkedExample(
        name="shared-bias",
        about="2 inputs, 3 hidden units, 1 output, all sigmoid, one bias for each layer: z1_j = x1 w1j + x2 w2j + b1, with\n"
        "the same b1 for j = 1, 2, 3. x = (0.5, -1.5), y = 1, learning rate 0.5 (it lies between 0 and 1).",
        model=model,
        X=[[0.5, -1.5]],
        y=[[1.0]],
        optimizer=SGD(0.5),
        parameters=("W2[0, 0]", "b2", "W1[0, 0]", "b1"),
        names={"x[0]": "x1", "x[1]": "x2", "y[0]": "y", "z2[0]": "z2", "a2[0]": "a2"}
        | {f"{letter}1[{j}]": f"{letter}1{j + 1}" for letter in "za" for j in range(3)},
        before=lambda: _five_steps(example),
    )
    return example


def _five_steps(example: WorkedExample) -> str:
    """Return the five steps with all of their quantities, in their order."""
    first, second = (layers := example.trace().steps[0].layers)
    loss = example.trace().steps[0].loss
    del layers
    out = ["1. initialise"]
    out += _lines([("w1", first.W), ("b1", first.b), ("w2", second.W), ("b2", second.b)])
    out += ["2. forward"]
    out += _lines([("z1", first.z), ("a1", first.a), ("z2", second.z), ("a2", second.a)])
    out += ["3. loss", f"     L = (y - a2)^2 / 2 = {loss:.9g}"]
    out += ["4. back-propagation (dq is the derivative of the loss with respect to q)"]
    out += _lines(
        [
            ("da2", second.dL_da), ("dz2", second.dL_dz), ("dw2", second.dL_dW), ("db2", second.dL_db),
            ("da1", first.dL_da), ("dz1", first.dL_dz), ("dw1", first.dL_dW), ("db1", first.dL_db),
        ]
    )  # fmt: skip
    out += ["     db1 is the sum of dz1 over the neurons of the layer"]
    out += ["5. update, by -0.5 times the derivative"]
    out += _lines([("w1", first.new_W), ("b1", first.new_b), ("w2", second.new_W), ("b2", second.new_b)])
    return "\n".join(out) + "\n"


def _lines(quantities: list[tuple[str, Array | None]]) -> list[str]:
    out = []
    for name, array in quantities:
        assert array is not None
        rows = np.atleast_2d(array)
        out += [f"{name if i == 0 else '':>6} {'=' if i == 0 else ' '} " + "  ".join(f"{x:.9g}" for x in row)
                for i, row in enumerate(rows)]  # fmt: skip
    return out

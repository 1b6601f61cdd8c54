"""two-inputs: 2-3-1, a sigmoid hidden layer, a linear output, and the factors of the chain rule one by one."""

from __future__ import annotations

import numpy as np

from chainrule.model import MLP
from chainrule.optimizers import SGD

from ._example import WorkedExample

_HIDDEN, _OUTPUT = 0.89, 1.106  # o11 and the output: the tutorial gives these, and not all of the weights


def two_inputs() -> WorkedExample:
    """Return the example. Weights that the tutorial leaves open are such that o11 is 0.89 and the output 1.106."""
    model = MLP([2, 3, 1], activation="sigmoid", dtype="float64", seed=0)
    h11 = np.log(_HIDDEN / (1 - _HIDDEN))
    W1 = np.array([[0.5, 0.1, -0.3], [(h11 - 1 - 0.5) / 2, -0.2, 0.4]])
    b1, W2 = np.ones(3), np.array([[-0.23], [0.6], [0.7]])
    hidden = 1 / (1 + np.exp(-(np.array([1.0, 2.0]) @ W1 + b1)))
    model.weights, model.biases = [W1, W2], [b1, np.array([_OUTPUT - hidden @ W2[:, 0]])]
    names = {"x[0]": "x1", "x[1]": "x2", "y[0]": "y", "a2[0]": "O", "z2[0]": "O", "b2[0]": "b21"}
    for j in range(3):
        names |= {f"z1[{j}]": f"h1{j + 1}", f"a1[{j}]": f"o1{j + 1}", f"b1[{j}]": f"b1{j + 1}"}
        names |= {f"W1[0, {j}]": f"w11{j + 1}", f"W1[1, {j}]": f"w12{j + 1}", f"W2[{j}, 0]": f"w2{j + 1}1"}
    return WorkedExample(
        name="two-inputs",
        about="2 inputs, 3 sigmoid units, 1 linear output, a bias for each neuron. x = (1, 2), y = 3, loss (y - O)^2 / 2,\n"
        "learning rate 0.01. w_lij goes from unit i to unit j; h is a sum, o an output of a hidden unit, O the output.",
        model=model,
        X=[[1.0, 2.0]],
        y=[[3.0]],
        optimizer=SGD(0.01),
        parameters=("W2[0, 0]", "W1[0, 0]"),
        names=names,
        printed={
            "dL/dW2[0, 0]": "-1.686",
            "new W2[0, 0]": "-0.213",
            "dL/dW1[0, 0]": "0.0426",
            "new W1[0, 0]": "0.499",
        },
    )

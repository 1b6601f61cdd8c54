"""One step of training, opened up: the chain rule with your own numbers.

1. `explain` derives how a weight of a hidden layer changes: symbols first, then the numbers, then the result.
2. `trace` looks into a training with dropout and momentum while it runs; the training comes to the same bits as without.
3. The same numbers as arrays: the gradient that reaches each layer, step by step.
"""

from __future__ import annotations

import chainrule as cr
import numpy as np
from chainrule.datasets import load_digits
from chainrule.trace import worked_example


def one_weight() -> None:
    """Derive a weight of a small network, and check every number against the reference core."""
    model = cr.MLP([2, 3, 1], activation="tanh", output_activation="sigmoid", dtype="float64", seed=0)
    trace = model.explain([[0.5, -1.0]], [[1.0]], loss="binary_cross_entropy", optimizer=cr.SGD(0.1))
    print(trace.of("W1[0, 2]"))
    shares = trace.check()
    print(f"largest deviation from the reference core: {max(shares.values()):.0%} of what rounding allows\n")


def a_training() -> None:
    """Trace three steps of a training on digits, and see that training does not notice."""
    digits = load_digits()
    X, y = digits.data[:640] / 16, digits.target[:640]

    def trainer() -> cr.Trainer:
        model = cr.MLP([64, 32, 16, 10], activation="relu", output_activation="softmax", dropout=0.2, seed=0)
        return cr.Trainer(model, loss="cross_entropy", optimizer=cr.SGD(0.05, momentum=0.9), batch_size=32)

    traced, plain = trainer(), trainer()
    with traced.trace(steps=[0, 19, 39], rows=range(640)) as trace:
        traced.fit(X, y, epochs=2)
    plain.fit(X, y, epochs=2)
    same = all(map(np.array_equal, traced.model.weights, plain.model.weights))
    print(f"the weights are the same to the bit as without a trace: {same}")
    for step in trace.steps:
        norms = ", ".join(f"{np.linalg.norm(layer.dL_dW):.3f}" for layer in step.layers)
        print(f"step {step.step:>2}: loss {step.loss:.3f}, gradients of the layers {norms}")
    layer = trace.steps[-1].layers[0]
    print(
        f"units of layer 1 that dropout left out, in its {len(layer.mask)} rows: {(layer.mask == 0).mean():.0%}"
    )
    print(trace.of("b3[4]", step=1).to_text(5))


if __name__ == "__main__":
    print(worked_example("two-inputs").derivations()[1].to_text())
    one_weight()
    a_training()

"""everything-stored: what a training run holds, epoch by epoch; and the vanishing gradient, in numbers."""

from __future__ import annotations

import math
import os
import tempfile

import numpy as np

from chainrule._network import Array
from chainrule.checkpoints import Checkpoints
from chainrule.datasets import load_digits
from chainrule.losses import half_squared_error
from chainrule.model import MLP
from chainrule.optimizers import SGD
from chainrule.trainer import Trainer

from ._example import WorkedExample

_RANGES = {
    "sigmoid": "from 0 to 1",
    "tanh": "from -1 to 1",
    "relu": "0 and above, against vanishing gradients",
}
_DEEP = [16] * 8


def everything_stored() -> WorkedExample:
    """Return the example."""
    return WorkedExample(
        name="everything-stored",
        about="What a training run holds: layers, activations, dropout, optimizer, loss, epochs, learning rate, momentum, metric,\n"
        "batch size, and the weights and biases of each epoch, in one file. Then the gradient norms of a deep network.",
        before=_run,
        after=_vanishing,
    )


def _run() -> str:
    """Train shortly with a checkpoint in a folder that is deleted then, and list what its file holds."""
    digits = load_digits()
    X, y = digits.data[:400] / 16, np.eye(10)[digits.target[:400]]
    model = MLP([64, 16, 12, 10], activation=["relu", "tanh"], output_activation="sigmoid", dropout=[0.2, 0.1],
                dtype="float64", seed=0)  # fmt: skip
    trainer = Trainer(
        model, loss=half_squared_error, optimizer=SGD(0.02, momentum=0.9), batch_size=10, seed=0
    )
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "digits.run")
        trainer.fit(X, y, epochs=20, metrics=["accuracy"], checkpoint=path)
        size = os.path.getsize(path)
        with Checkpoints(path) as run:
            out = [
                *_listed(run),
                f"  the file has {size:,} bytes; Trainer.resume goes on from it to the same bits",
            ]
    return "\n".join(out) + "\n"


def _listed(run: Checkpoints) -> list[str]:
    """Return what the file of a run says, line by line."""
    model, settings, history = run.model(), run.settings, run.history
    network, optimizer = model.network, settings["optimizer"]
    hidden = list(zip(network.layer_sizes[1:], network.activations, (*network.dropout, 0.0), strict=True))
    out = [
        "What the run holds",
        f"  architecture          {'-'.join(map(str, network.layer_sizes))}",
        f"  layers                {network.n_layers}, and {network.n_in} inputs",
        f"  perceptrons per layer {', '.join(str(size) for size, _, _ in hidden)}",
        *(
            f"  activation of layer {i + 1} {name} ({_RANGES[name]}), dropout {rate:g}"
            for i, (_, name, rate) in enumerate(hidden)
        ),
        f"  optimizer             {optimizer['kind']}",
        f"  learning rate         {optimizer['learning_rate']:g}",
        f"  momentum              {optimizer['momentum']:g}",
        f"  loss                  {settings['loss']}: half of the sum of squared errors over the outputs",
        f"  batch size            {settings['batch_size']}",
        f"  number of epochs      {len(history)}",
        "  metric                accuracy",
        "Of each epoch: loss, accuracy, and the weights and biases (their Frobenius norms)",
    ]
    for epoch in run.epochs:
        kept = run.model(epoch)
        norms = ", ".join(f"{_norm(array):.4f}" for array in (*kept.weights, *kept.biases))
        measured = "as they began"
        if epoch:
            accuracy = history.metrics["accuracy"][epoch - 1]
            measured = f"loss {history.loss[epoch - 1]:.4f}, accuracy {accuracy:.3f}"
        out.append(f"  after epoch {epoch}: {measured}; {norms}")
    shapes = ", ".join("x".join(map(str, array.shape)) for array in (*model.weights, *model.biases))
    return [
        *out,
        f"  their shapes: {shapes}; run.model(epoch).save(path) writes those of an epoch as a pickle",
    ]


def _vanishing() -> str:
    """Return the gradient norms of the layers of a deep network, with sigmoid units and with relu."""
    norms = {name: gradient_norms(name) for name in ("sigmoid", "relu")}
    out = [
        f"The vanishing gradient: Frobenius norms of dL/dW before any training, {len(_DEEP)} hidden layers of {_DEEP[0]} units",
        "  layer      sigmoid         relu",
    ]
    out += [
        f"  {i + 1:>5}  {norms['sigmoid'][i]:>11.3e}  {norms['relu'][i]:>11.3e}"
        for i in range(len(norms["relu"]))
    ]
    sigmoid, relu = norms["sigmoid"], norms["relu"]
    out += [
        f"  with sigmoid it is {sigmoid[-1] / sigmoid[0]:.3g} times smaller at the first layer than at the last: the slope of sigmoid is at most 1/4;",
        f"  with relu it is {relu[0] / relu[-1]:.3g} times as large there: the slope of relu is 1 where a unit is active",
    ]
    return "\n".join(out) + "\n"


def gradient_norms(activation: str) -> list[float]:
    """Return the norm of dL/dW of each layer of a deep network on digits, before any training."""
    digits = load_digits()
    X, y = digits.data[:64] / 16, digits.target[:64]
    initializer = "he_uniform" if activation == "relu" else "glorot_uniform"
    model = MLP([64, *_DEEP, 10], activation=activation, output_activation="softmax", initializer=initializer,
                dtype="float64", seed=0)  # fmt: skip
    found = Trainer(model, loss="cross_entropy").gradients(X, y)
    return [_norm(dW) for dW in found.weights]


def _norm(array: Array) -> float:
    return math.sqrt(float(np.square(array).sum()))

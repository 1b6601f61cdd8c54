"""Optimizers of every kind and with every limit, and training runs with them."""

from __future__ import annotations

import chainrule as cr
import numpy as np
from chainrule import schedules
from chainrule._network import Network, TrainingState
from chainrule._rules import HAS_SQUARE

OPTIMIZERS = {
    "adam": cr.Adam(0.01, weight_decay=0.01),
    "adamw": cr.AdamW(0.01, beta1=0.8),
    "rmsprop": cr.RMSprop(0.002, momentum=0.5, epsilon=1e-3),
    "adagrad": cr.Adagrad(0.05, epsilon=1e-3),
    "rprop": cr.RPROP(),
    "sgd with a schedule": cr.SGD(schedules.Cosine(0.02, 20, restarts=True), momentum=0.5),
    "sgd with penalties": cr.SGD(0.003, 0.9, True, weight_decay=0.01, l1=1e-3),
    "sgd with clipped values": cr.SGD(0.1, clip_value=0.01),
    "sgd with a clipped norm": cr.SGD(0.1, momentum=0.5, clip_norm=0.05),
    "sgd with short units": cr.SGD(0.1, max_norm=0.7),
    "adam with everything": cr.Adam(
        schedules.StepDecay(0.01, 7), l1=1e-4, clip_value=0.1, clip_norm=0.5, max_norm=1.2, weight_decay=1e-3
    ),
}
NETWORKS = {
    "tiny": ((3, 8, 1), 1),
    "narrow": ((5, 37, 70, 3), 16),
    "owned columns": ((130, 200, 101, 4), 8),
    "large": ((1100, 1000, 2), 16),
}


def start(optimizer, sizes, bias, dtype, dropout=0.0):
    """A network, its state before training, and data."""
    hidden = len(sizes) - 2
    network = Network(sizes, ("tanh",) * hidden + ("identity",), bias, (dropout,) * hidden, dtype)
    rng = np.random.default_rng(0)
    weights = [(rng.normal(size=s) / np.sqrt(s[0])).astype(dtype) for s in network.weight_shapes]
    biases = [rng.normal(size=s).astype(dtype) * 0.1 for s in network.bias_shapes]
    state = TrainingState.start(weights, biases)
    state.restart(optimizer.kind, optimizer.kind in HAS_SQUARE)
    X, Y = rng.normal(size=(50, sizes[0])).astype(dtype), rng.normal(size=(50, sizes[-1])).astype(dtype)
    return network, state, X, Y


def trained(core, name, kind, dtype, bias="unit", epochs=2, dropout=0.0, **how):
    """The state after some epochs with an optimizer of that name."""
    sizes, batch = NETWORKS[kind]
    optimizer = OPTIMIZERS[name]
    network, state, X, Y = start(optimizer, sizes, bias, dtype, dropout)
    settings = {
        "loss": "mean_squared_error", "optimizer": optimizer, "batch_size": 50 if name == "rprop" else batch,
        "shuffle": True, "seed": 1, "epochs": epochs,
    }  # fmt: skip
    core.train_epochs(network, state, X, Y, **{**settings, **how})
    return state


def arrays(state):
    """All arrays of a state."""
    lists = (
        state.weights, state.biases, state.weight_velocity, state.bias_velocity, state.weight_square,
        state.bias_square,
    )  # fmt: skip
    return [array for each in lists for array in each]

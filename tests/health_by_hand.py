"""What health records should hold: computed step by step in float64, with training done one batch at a time."""

from __future__ import annotations

import numpy as np
from chainrule._network import HealthRecord
from training_cases import Case

F = {
    "identity": (lambda z: z, lambda a: np.ones_like(a)),
    "relu": (lambda z: np.maximum(z, 0), lambda a: (a > 0) * 1.0),
    "tanh": (np.tanh, lambda a: 1 - a**2),
    "sigmoid": (lambda z: 1 / (1 + np.exp(-z)), lambda a: a * (1 - a)),
    "softmax": (lambda z: np.exp(z) / np.exp(z).sum(axis=1, keepdims=True), None),
}
COLUMNS = ("activation_rms", "activation_std", "dead", "saturated", "delta_rms", "gradient_norm", "weight_norm",
           "update_norm")  # fmt: skip


def empty_health(case, **changes):
    """A record full of what no epoch leaves, and units that were not quiet."""
    network, epochs = case.network, {**case.how, **changes}["epochs"]
    values = np.full((epochs, network.n_layers, len(COLUMNS)), -1.0)
    return HealthRecord(values, np.zeros(sum(network.layer_sizes[1:-1]), np.int64))


def contents(health):
    """The record as bytes."""
    return health.values.tobytes(), health.quiet.tobytes()


def measured(sizes, batch_size, steps, full):
    """The numbers of the measured steps of an epoch."""
    found = []
    each = 1024 if batch_size == 1 and all(size <= 16 for size in sizes) else 64
    k = min(8, int(np.ceil(steps / each)))
    for j in range(1, k + 1):
        found.append(int(np.floor(j * full / k)) - 1)
    return found


def passes(core, case, rows, weight):
    """What layers give on, their activations before dropout with what was left, dZ and dW: in float64."""
    network, state = case.network, case.state
    X, y = case.X[rows].astype(float), case.target[rows]
    if y.ndim == 1:
        y = np.eye(network.n_out)[y]
    given, clean, left = [X], [], []
    for i, W in enumerate(state.weights):
        z = given[-1] @ W.astype(float) + (state.biases[i].astype(float) if state.biases else 0)
        a = F[network.activations[i]][0](z)
        rate = network.dropout[i] if i < network.n_layers - 1 else 0
        mask = np.ones_like(a)
        if rate:
            mask = core.dropout_mask(
                *a.shape, rate, seed=case.how["seed"], step=state.step, layer=i, dtype=network.dtype
            )
        clean.append(a)
        left.append(mask)
        given.append(a * mask)
    factor = (np.ones(len(rows)) if weight is None else weight.astype(float))[:, None]
    dZ = (given[-1] - y) * factor / (factor.sum() or 1)
    if network.output_activation != "softmax":  # of half_squared_error; cross_entropy needs no slope
        dZ = dZ * F[network.output_activation][1](given[-1])
    dZs, dWs = [], []
    for i in range(network.n_layers - 1, -1, -1):
        dZs.insert(0, dZ)
        dWs.insert(0, given[i].T @ dZ)
        if i:
            dZ = (
                (dZ @ state.weights[i].astype(float).T)
                * left[i - 1]
                * F[network.activations[i - 1]][1](clean[i - 1])
            )
    return given[1:], clean, left, dZs, dWs


def saturated(name, a, left):
    """The share of the activations of units that are left at the flat ends."""
    flat = {
        "tanh": np.abs(a) > 0.99,
        "sigmoid": (a < 0.01) | (a > 0.99),
        "softmax": (a < 0.01) | (a > 0.99),
    }.get(name)
    return 0.0 if flat is None or not (left != 0).any() else flat[left != 0].mean()


def by_hand(core, case, weight=None, **how):
    """The record of a training run, which is done; with settings of training besides."""
    network, health = case.network, empty_health(case)
    batch = min(case.how["batch_size"], len(case.X))
    for epoch in range(case.how["epochs"]):
        order = np.arange(len(case.X))
        if case.how["shuffle"]:
            order = core.permutation(len(order), seed=case.how["seed"], epoch=epoch)
        starts = range(0, len(order), batch)
        steps, active = (
            measured(network.layer_sizes, batch, len(starts), max(1, len(order) // batch)),
            [[] for _ in network.activations],
        )
        values = np.zeros((len(steps), network.n_layers, len(COLUMNS)))
        for step, start in enumerate(starts):
            rows = order[start : start + batch]
            part = {} if weight is None else {"sample_weight": weight[rows]}
            before = [W.astype(float) for W in case.state.weights]
            looks = (
                passes(core, case, rows, None if weight is None else weight[rows]) if step in steps else None
            )
            Case(network, case.state, case.X[rows], case.target[rows], case.how).train(
                core, shuffle=False, epochs=1, **part, **how
            )
            if looks is None:
                continue
            for i, (A, clean, left, dZ, dW) in enumerate(zip(*looks, strict=True)):
                some = [j * (len(A) // min(len(A), 64)) for j in range(min(len(A), 64))]
                A, clean, left, change = A[some], clean[some], left[some], case.state.weights[i] - before[i]
                active[i].append(A != 0)
                values[steps.index(step), i] = (
                    np.sqrt(np.mean(A**2)),
                    np.sqrt(np.mean(np.var(A, axis=0))) if len(A) > 1 else np.nan,
                    0,
                    saturated(network.activations[i], clean, left),
                    np.sqrt(np.mean(dZ[some] ** 2)) * len(rows),
                    np.linalg.norm(dW),
                    np.linalg.norm(before[i]),
                    np.linalg.norm(change),
                )
        health.values[epoch] = values.mean(axis=0)
        health.values[epoch, :, 2] = [1 - np.concatenate(rows).any(axis=0).mean() for rows in active]
        at = 0
        for rows in active[:-1]:
            for row in np.concatenate(rows):
                units = slice(at, at + len(row))
                health.quiet[units] = np.where(row, 0, health.quiet[units] + 1)
            at += len(row)
    return health

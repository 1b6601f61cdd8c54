"""Results of the native core as SHA-256 sums: `python digests.py` prints them, for another process to compare with."""

from __future__ import annotations

import hashlib
import json
import sys

import numpy as np
from array_cases import LONG, WIDTHS
from chainrule._network import Network, TrainingState
from loss_cases import LOSS_CASES, N_OUT, allows_output_weights, make_target, with_missing
from optimizer_cases import OPTIMIZERS, arrays, trained
from training_cases import (
    LARGE,
    LEARNING,
    ONE_ACTIVATION,
    WIDEST,
    make_activation_case,
    make_case,
    make_large_case,
    sgd,
)

DTYPES = ("float32", "float64")


def digest(result) -> str:
    """SHA-256 of arrays and numbers, to the last bit."""
    parts = result if isinstance(result, (tuple, list)) else [result]
    return hashlib.sha256(b"|".join(np.ascontiguousarray(part).tobytes() for part in parts)).hexdigest()


def training_digests(core, *, seeds=range(12), **how):
    """Trained state and prediction of random networks."""
    made = {}
    for dtype in DTYPES:
        for kind in WIDEST:
            for seed in seeds:
                case = make_case(seed, dtype, kind, steps=10).train(core, **how)
                made[f"trained {dtype} {kind} {seed}"] = case.digest()
                made[f"predicted {dtype} {kind} {seed}"] = digest(case.forward(core, **how))
        for name in LARGE:
            case = make_large_case(name, dtype).train(core, **how)
            made[f"trained {dtype} {name}"] = case.digest()
            made[f"predicted {dtype} {name}"] = digest(case.forward(core, **how))
        for name in LEARNING:
            for kind in ONE_ACTIVATION:
                case = make_activation_case(name, dtype, kind).train(core, **how)
                made[f"trained {dtype} {kind} {name}"] = case.digest()
                made[f"predicted {dtype} {kind} {name}"] = digest(case.forward(core, **how))
        for name in OPTIMIZERS:
            made[f"{name} {dtype}"] = digest(arrays(trained(core, name, "narrow", dtype, dropout=0.2, **how)))
    return made


def loss_digests(core, **how):
    """Losses with weights and missing targets, and short training runs with them."""
    made = {}
    for dtype in DTYPES:
        rng = np.random.default_rng(2)
        for case in LOSS_CASES:
            Z, weight = (9 * rng.normal(size=(50, N_OUT))).astype(dtype), rng.uniform(size=50).astype(dtype)
            target = with_missing(make_target(rng, 50, case.targets, dtype), case)
            given = {"sample_weight": weight}
            if allows_output_weights(case):
                given["output_weights"] = (0.3, 1.7, 0.0)
            value = core.loss_and_gradient(case.loss, Z, target, output_activation=case.output, **given)
            made[f"{case} {dtype}"] = digest(value)
            network = Network((3, 40, N_OUT), ("tanh", case.output), "unit", (0.2,), dtype)
            parameters = [
                [(0.3 * rng.normal(size=s)).astype(dtype) for s in shapes]
                for shapes in (network.weight_shapes, network.bias_shapes)
            ]
            state = TrainingState.start(*parameters)
            core.train_epochs(
                network, state, Z[:, :3].copy(), target, loss=case.loss, **given, optimizer=sgd(0.01, 0.9), batch_size=21,
                shuffle=True, seed=4, epochs=2, **how
            )  # fmt: skip
            made[f"trained {case} {dtype}"] = digest([*state.weights, *state.biases, state.losses])
    return made


def bulk_digests(core, **how):
    """Predictions of so many rows that weights are packed, and rows where layers are wide."""
    made = {}
    for dtype in DTYPES:
        rng = np.random.default_rng(1)
        for sizes in ((37, 101, 53, 3), (300, 513, 600, 33)):
            network = Network(sizes, ("tanh",) * (len(sizes) - 1), "unit", (0.0,) * (len(sizes) - 2), dtype)
            weights = [(rng.normal(size=s) / s[0] ** 0.5).astype(dtype) for s in network.weight_shapes]
            biases = [rng.normal(size=s).astype(dtype) for s in network.bias_shapes]
            X = rng.normal(size=(460, sizes[0])).astype(dtype)
            made[f"bulk {dtype} {sizes}"] = digest(core.forward(network, weights, biases, X, **how))
    return made


def kernel_digests(core, **how):
    """Results of the functions of one layer."""
    made = {**bulk_digests(core, **how), **loss_digests(core, **how)}
    for dtype in DTYPES:
        rng = np.random.default_rng(0)
        for rows, K, N in [*zip(WIDTHS, WIDTHS[::-1], (5, *WIDTHS), strict=False), *LONG]:
            X, W, dZ, b = (
                rng.normal(size=shape).astype(dtype) for shape in ((rows, K), (K, N), (rows, N), (N,))
            )
            shape = f"{dtype} {rows} {K} {N}"
            made[f"sums {shape}"] = digest(core.matmul_bias(X, W, b, **how))
            made[f"gradients {shape}"] = digest(core.matmul_gradients(X, W, dZ, **how))
            target = abs(dZ) / abs(dZ).sum(axis=1, keepdims=True)
            for loss, name in (("cross_entropy", "softmax"), ("binary_cross_entropy", "sigmoid")):
                value = core.loss_and_gradient(loss, 9 * dZ, target, output_activation=name)
                made[f"{loss} {shape}"] = digest(value)
        far = np.linspace(-110, 110, 10007) if dtype == "float32" else np.linspace(-760, 760, 10007)
        Z = np.concatenate([far, rng.normal(size=5000), [np.nan, np.inf, -np.inf, -0.0]]).astype(dtype)[None]
        for name in (*LEARNING, "softmax", "step"):
            A = core.activation(name, sums := Z if name != "softmax" else Z[:, :-3])
            made[f"{name} {dtype}"] = digest(A)
            if name != "step":
                dA = np.cos(np.arange(A.size, dtype=dtype))[None]
                made[f"gradient of {name} {dtype}"] = digest(core.activation_gradient(name, A, dA, Z=sums))
    return made


if __name__ == "__main__":
    from chainrule import native

    json.dump({**kernel_digests(native), **training_digests(native)}, sys.stdout)

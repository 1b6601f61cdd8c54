"""Train many random networks: the native core, the reference and PyTorch end with the same parameters.

``python tests/random_networks.py 300`` trains 300 of each kind in both dtypes, some minutes; `test_native_training_matches_reference`
and `test_against_pytorch` do so with a few of them. Up to 6 layers, 1 to 300 wide, every activation and loss, all three bias
modes, batches of 1 row to all, dropout, 50 updates at rates that do not make them diverge: where they do, two runs of one core
from weights a rounding apart end far from each other too. The last line says how far the worst parameter was off, relative to the
largest one of its layer; the exit status is 1 where that is more than 1e-4 (float32) or 1e-10 (float64).
"""

from __future__ import annotations

import sys

import numpy as np
from chainrule import native, reference
from chainrule.backend import set_backend
from test_against_pytorch import CASES, STEPS, Twin, batch, distance, random_case
from test_native_training_matches_reference import vanishing
from torch_activations import torch
from training_cases import WIDEST, Case, make_case

BOUND = {"float32": 1e-4, "float64": 1e-10}


def apart(found: Case, expected: Case) -> float:
    """The largest difference, relative to the largest parameter of its layer, but for a bias that is rounding alone."""
    worst, last = 0.0, found.network.n_layers - 1
    for i in range(last + 1):
        layer = [
            (getattr(found.state, kind)[i], getattr(expected.state, kind)[i])
            for kind in ("weights", "biases")[: 2 if found.network.bias else 1]
        ]
        largest = max(float(np.abs(twin).max()) for _, twin in layer)
        for kind, (array, twin) in enumerate(layer):
            rounding = vanishing(found.network) if kind == 1 and i == last else 0.0
            worst = max(worst, (float(np.abs(array - twin).max()) - rounding) / largest)
    return worst


def from_reference(seed: int, dtype: str, kind: str) -> float:
    """How far the native core ends from the reference."""
    return apart(*(make_case(seed, dtype, kind).train(core) for core in (native, reference)))


def from_pytorch(seed: int, dtype: str) -> float:
    """How far the native core ends from PyTorch."""
    loss, output = CASES[seed % len(CASES)]
    trainer, rng = random_case(seed, loss, output, dtype, widest=300, deepest=6)
    twin = Twin(trainer)
    for step in range(STEPS):
        X, y = batch(trainer, rng)
        trainer.train_on_batch(X, y)
        twin.step(X, y, step)
    return distance(trainer.model, twin)


def main() -> int:
    set_backend("native")
    torch.set_num_threads(1)
    worst: dict[tuple[str, str], float] = {}
    number = int(sys.argv[1])
    for seed in range(number):
        for dtype, bound in BOUND.items():
            found = {f"reference, {kind}": from_reference(seed, dtype, kind) for kind in WIDEST}
            found["PyTorch"] = from_pytorch(seed, dtype)
            for twin, off in found.items():
                worst[twin, dtype] = max(worst.get((twin, dtype), 0.0), off)
                if not off <= bound:
                    print(f"network {seed}, {dtype}, {twin}: {off:.2g}")
    print(
        f"{number} networks of each kind:",
        *(f"{twin}, {dtype}: {off:.2g}" for (twin, dtype), off in worst.items()),
        sep="\n  ",
    )
    return int(not all(off <= BOUND[dtype] for (_, dtype), off in worst.items()))


if __name__ == "__main__":
    sys.exit(main())

"""CHAINRULE_FORCE_ISA chooses the kernels, or says why it cannot; each instruction set works."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

ONE_INSTRUCTION_SET_WILL_DO = True
KNOWN = ("baseline", "avx2", "avx512")

SMOKE = """
import numpy as np
from chainrule import native, reference
from chainrule._network import Network, TrainingState

assert native._core.config()["instruction_set"] == {name!r}, native._core.config()
for dtype, bound in (("float32", 1e-5), ("float64", 1e-13)):
    rng = np.random.default_rng(0)
    network = Network((19, 33, 5), ("tanh", "softmax"), "unit", (0.25,), dtype)
    X, labels = rng.normal(size=(50, 19)).astype(dtype), rng.integers(0, 5, 50)
    trained = []
    for core in (native, reference):
        rng = np.random.default_rng(1)
        parameters = [[rng.normal(size=s).astype(dtype) for s in shapes]
                      for shapes in (network.weight_shapes, network.bias_shapes)]
        state = TrainingState.start(*parameters)

        class Update:
            learning_rate, momentum, nesterov, weight_decay = 0.1, 0.9, True, 0.01

        core.train_epochs(network, state, X, labels, loss="cross_entropy", optimizer=Update(), batch_size=16,
                          shuffle=True, seed=0, epochs=2)
        trained.append(core.forward(network, state.weights, state.biases, X))
    np.testing.assert_allclose(*trained, rtol=bound, atol=bound)
print("fine")
"""


def run(code, **environment):
    """Run Python code in a process of its own, where the instruction set is chosen anew."""
    environment = {**os.environ, "CHAINRULE_BACKEND": "native", **environment}
    return subprocess.run(
        [sys.executable, "-c", code],
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def refusal(name):
    """What is said of it when the native core is imported."""
    result = run("import chainrule.native", CHAINRULE_FORCE_ISA=name)
    assert result.returncode == 1
    assert result.stdout == ""
    return result.stderr.strip().splitlines()[-1]


def available(native):
    return native._core.config()["available_instruction_sets"]


def test_what_is_available_is_known_and_the_best_comes_last(native):
    names = available(native)
    assert names == [name for name in KNOWN if name in names]
    assert "baseline" in names
    result = run(
        "from chainrule import native; print(native._core.config()['instruction_set'])",
        CHAINRULE_FORCE_ISA="",
    )
    assert (result.stdout.strip(), result.stderr) == (names[-1], "")


@pytest.mark.parametrize("name", KNOWN)
def test_each_instruction_set_agrees_with_the_reference(native, name):
    if name not in available(native):
        pytest.skip(f"this machine or build has no {name}, only {', '.join(available(native))}")
    result = run(SMOKE.format(name=name), CHAINRULE_FORCE_ISA=name)
    assert (result.stdout, result.stderr) == ("fine\n", "")


@pytest.mark.parametrize("name", ["sse9", "AVX2", "avx2 ", "native", "1"])
def test_an_unknown_instruction_set_is_refused_with_the_known_ones(native, name):
    text = refusal(name)
    assert text.startswith("ImportError: ")
    assert f"CHAINRULE_FORCE_ISA={name}: unknown instruction set; known are baseline, avx2, avx512" in text


@pytest.mark.parametrize("name", KNOWN)
def test_an_instruction_set_that_cannot_run_is_refused_with_the_reason(native, name):
    if name in available(native):
        pytest.skip(f"this machine and build have {name}")
    text = refusal(name)
    assert text.startswith("ImportError: ")
    assert f"CHAINRULE_FORCE_ISA={name}: " in text
    assert any(reason in text for reason in ("no such kernels", "does not support it"))
    assert ", ".join(available(native)) in text


def test_a_refusal_is_no_fall_back(native):
    code = "import chainrule; m = chainrule.MLP([2, 1], seed=0); m.predict([[1.0, 2.0]])"
    result = run(code, CHAINRULE_FORCE_ISA="sse9")
    assert result.returncode == 1
    assert "CHAINRULE_FORCE_ISA=sse9" in result.stderr.strip().splitlines()[-1]
    assert run(code, CHAINRULE_FORCE_ISA="sse9", CHAINRULE_BACKEND="reference").returncode == 0

"""Numbers beyond those of the machine: a limit that nobody reaches will do, in both cores."""

from __future__ import annotations

import pytest
from core_arguments import good


@pytest.mark.parametrize("n_threads", [2**31, 2**63, 2**64, 10**30])
def test_any_number_of_threads_may_be_allowed(core, n_threads):
    for function, first in {
        "matmul_bias": ("X", "W", "b"), "matmul_gradients": ("X", "W", "dZ"),
        "forward": ("network", "weights", "biases", "X"),
        "gradients": ("network", "weights", "biases", "X", "target"), "train_epochs": ("network", "state", "X", "target"),
    }.items():  # fmt: skip
        arguments = {**good(function), "n_threads": n_threads}
        positional = [arguments.pop(name) for name in first]
        getattr(core, function)(*positional, **arguments)

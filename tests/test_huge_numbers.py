"""Numbers beyond those of the machine: a limit nobody reaches is as good as any, in both cores."""

from __future__ import annotations

import numpy as np
import pytest
from core_arguments import good

HUGE = [2**31, 2**63, 2**64, 10**30]


@pytest.mark.parametrize("n_threads", HUGE)
def test_any_number_of_threads_may_be_allowed(core, n_threads):
    for function, first in {
        "matmul_bias": ("X", "W", "b"), "matmul_gradients": ("X", "W", "dZ"),
        "forward": ("network", "weights", "biases", "X"),
        "gradients": ("network", "weights", "biases", "X", "target"), "train_epochs": ("network", "state", "X", "target"),
    }.items():  # fmt: skip
        arguments = {**good(function), "n_threads": n_threads}
        positional = [arguments.pop(name) for name in first]
        getattr(core, function)(*positional, **arguments)


@pytest.mark.parametrize("epochs", HUGE)
def test_any_number_of_epochs_may_be_begun(core, epochs):
    def poll(epoch, step_in_epoch, steps_per_epoch, loss):
        if epoch == 3:
            raise InterruptedError

    arguments = {**good("train_epochs"), "epochs": epochs, "poll": poll}
    first = [arguments.pop(name) for name in ("network", "state", "X", "target")]
    with pytest.raises(InterruptedError):
        core.train_epochs(*first, **arguments)
    assert len(first[1].losses) == first[1].epoch == 3
    assert np.isfinite(first[1].weights[0]).all()

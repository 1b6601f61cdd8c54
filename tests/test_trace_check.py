"""A trace checked against the reference core: right numbers pass, and a wrong one is found by its name."""

from __future__ import annotations

from dataclasses import replace

import chainrule as cr
import numpy as np
import pytest
from trace_cases import OPTIMIZERS, OUTPUTS, data, model

WRONG = ("given", "z", "a", "da_dz", "dL_da", "dL_dz", "dL_dW", "dL_db", "velocity_W", "velocity_b", "square_W", "square_b",
         "new_W", "new_b")  # fmt: skip


def traced(loss="half_squared_error", output="identity", optimizer=None, dtype="float64", **more):
    X, y = data(dtype=dtype)
    shape = model(["silu", "tanh"], output, dtype=dtype, **more)
    trainer = cr.Trainer(
        shape, loss=loss, optimizer=optimizer or cr.Adam(0.01, weight_decay=0.1), batch_size="full"
    )
    with trainer.trace(steps=2) as trace:
        trainer.fit(X, y, epochs=2, sample_weight=np.linspace(0, 2, 11, dtype=dtype))
    return trace


@pytest.mark.parametrize(("loss", "output"), OUTPUTS)
def test_every_loss_is_within_its_bounds(backend, dtype, loss, output):
    for more in ({}, {"dropout": 0.3, "input_noise": 0.2, "bias": "layer"}):
        shares = traced(loss, output, dtype=dtype, **more).check()
        assert 0 <= max(shares.values()) <= 1
        assert {"given", "z", "dL_dW", "new_b"} <= set(shares)


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=repr)
def test_every_optimizer_is_within_its_bounds(backend, dtype, optimizer):
    shares = traced(optimizer=optimizer, dtype=dtype).check()
    assert ("velocity_W" in shares) == (optimizer.kind != "adagrad")
    assert ("square_b" in shares) == (optimizer.kind != "sgd")


@pytest.mark.parametrize("name", WRONG)
def test_a_number_that_is_off_by_a_millionth_is_found(backend, name):
    trace = traced()
    layer = trace.steps[1].layers[1]
    array = getattr(layer, name)
    place = np.unravel_index(int(np.argmax(np.abs(array))), array.shape)
    wrong = array.copy()
    wrong[place] *= 1 + 1e-6
    trace.steps[1].layers[1] = replace(layer, **{name: wrong})
    with pytest.raises(ArithmeticError, match=rf"^{name}\[.* of layer 2 in step 1 is .* reference core"):
        trace.check()


def test_a_wrong_loss_and_a_nan_are_found(backend):
    trace = traced()
    trace.steps[0] = replace(trace.steps[0], loss=trace.steps[0].loss * (1 + 1e-6))
    with pytest.raises(ArithmeticError, match=r"^loss of layer 3 in step 0"):
        trace.check()
    trace = traced()
    layer = trace.steps[0].layers[0]
    z = layer.z.copy()
    z[3, 1] = np.nan
    trace.steps[0].layers[0] = replace(layer, z=z)
    with pytest.raises(ArithmeticError, match=r"^z\[3, 1\] of layer 1 in step 0 is nan"):
        trace.check()


def test_a_loss_of_the_users_is_checked_from_its_derivative_on(backend):
    def mine(prediction, target):
        return float(((prediction - target) ** 2).sum()), 2 * (prediction - target)

    X, y = data()
    trace = model().explain(X, y, loss=mine)
    assert trace.loss == "custom"
    assert trace.check()["dL_dz"] <= 1
    assert "as the function that is the loss returns it" in trace.of("W3[0, 0]").to_text()


def test_rows_that_are_shown_in_part_are_checked_with_the_whole_batch(backend):
    X, y = data()
    trainer = cr.Trainer(model(dropout=0.2), loss="half_squared_error", batch_size=5)
    with trainer.trace(steps="all", rows=[3]) as trace:
        trainer.fit(X, y, epochs=2)
    assert [len(step.rows) for step in trace.steps] == [1, 1]
    assert max(trace.check().values()) <= 1

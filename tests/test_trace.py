"""Traces of training: the numbers are those of the kernels that train, and training does not notice."""

from __future__ import annotations

import chainrule as cr
import numpy as np
import pytest
from chainrule.backend import core
from trace_cases import OPTIMIZERS, OUTPUTS, TRAINABLE, assert_same_bits, data, model, trainer_of

DISTURBED = {"dropout": [0.3, 0.2], "input_dropout": 0.2, "input_noise": 0.1}


# What is traced


@pytest.mark.parametrize("more", [{}, DISTURBED, {"bias": "layer", **DISTURBED}, {"bias": None}])
def test_gradients_and_their_factors_are_the_bits_of_training(backend, dtype, more):
    trainer = trainer_of("cross_entropy", "softmax", activation=["gelu", "sigmoid"], dtype=dtype, **more)
    X, y = data(dtype=dtype)
    gradients = trainer.gradients(X[:4], y[:4])
    trainer.shuffle = False
    before = [w.copy() for w in trainer.model.weights]
    with trainer.trace() as trace:
        trainer.fit(X, y)
    (step,) = trace.steps
    assert step.loss == gradients.loss
    for i, layer in enumerate(step.layers):
        np.testing.assert_array_equal(layer.W, before[i])
        np.testing.assert_array_equal(layer.dL_dW, gradients.weights[i])
        _, dW, db = core().matmul_gradients(layer.given, layer.W, layer.dL_dz)
        np.testing.assert_array_equal(dW, layer.dL_dW)
        if more.get("bias", "unit") is None:
            assert layer.b is layer.dL_db is layer.new_b is None
        else:
            np.testing.assert_array_equal(layer.dL_db, gradients.biases[i])
        if layer.dL_db is not None and len(layer.dL_db) == layer.n_out > 1:
            np.testing.assert_array_equal(db, layer.dL_db)
        assert {array.dtype.name for array in (layer.given, layer.z, layer.a, layer.dL_da, layer.dL_dz)} == {
            dtype
        }


@pytest.mark.parametrize(("loss", "output"), OUTPUTS)
def test_the_factors_make_the_derivative_by_the_sums(backend, loss, output):
    X, y = data()
    for layer in model("softplus", output).explain(X, y, loss=loss).steps[0].layers:
        made = (
            layer.dL_da * layer.da_dz
            if layer.da_dz.ndim == 2
            else np.einsum("rk,rkj->rj", layer.dL_da, layer.da_dz)
        )
        np.testing.assert_allclose(layer.dL_dz, made, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=repr)
def test_training_is_the_same_with_a_trace_and_without(backend, optimizer):
    X, y = data()
    size = "full" if isinstance(optimizer, cr.RPROP) else 4
    with_trace, without = (trainer_of(optimizer=optimizer, batch_size=size, **DISTURBED) for _ in range(2))
    with with_trace.trace(steps="all", rows=[2, 5]) as trace:
        history = with_trace.fit(X, y, epochs=3, validation_data=(X, y))
    assert history.loss == without.fit(X, y, epochs=3, validation_data=(X, y)).loss
    assert_same_bits(with_trace, without)
    layers = trace.steps[-1].layers
    assert all(set(step.rows) <= {2, 5} for step in trace.steps)
    if optimizer.kind != "adagrad":
        assert layers[0].velocity_W is not None
    assert (layers[0].square_W is not None) == (optimizer.kind != "sgd")
    if trace.steps[-1].step == with_trace.step - 1:
        np.testing.assert_array_equal(layers[0].new_W, with_trace.model.weights[0])


def test_each_step_goes_on_where_the_last_one_ended(backend):
    X, y = data()
    trainer = trainer_of(optimizer=cr.Adam(0.01))
    with trainer.trace(steps="all") as trace:
        trainer.fit(X, y, epochs=2)
    assert [step.step for step in trace.steps] == list(range(6))
    assert [step.epoch for step in trace.steps] == [0, 0, 0, 1, 1, 1]
    assert [len(step.rows) for step in trace.steps] == [4, 4, 3] * 2
    for epoch in (0, 1):
        rows = [row for step in trace.steps[3 * epoch : 3 * epoch + 3] for row in step.rows]
        assert rows == core().permutation(11, seed=0, epoch=epoch).tolist()
    for before, after in zip(trace.steps[:-1], trace.steps[1:], strict=True):
        for a, b in zip(before.layers, after.layers, strict=True):
            np.testing.assert_array_equal(a.new_W, b.W)
            np.testing.assert_array_equal(a.velocity_b, b.previous_velocity_b)
            np.testing.assert_array_equal(a.square_W, b.previous_square_W)


def test_rows_are_shown_with_their_own_masks_targets_and_weights(backend):
    X, y = data()
    weight = np.linspace(0.5, 2, 11)
    all_rows, some = (trainer_of(**DISTURBED) for _ in range(2))
    with all_rows.trace(steps=3) as whole:
        all_rows.fit(X, y, sample_weight=weight)
    with some.trace(steps="all", rows=[9, 1]) as part:
        some.fit(X, y, sample_weight=weight)
    found = {}
    for step in whole.steps:
        for place, row in enumerate(step.rows):
            found[row] = step, place
            np.testing.assert_array_equal(step.target[place], y[row])
            assert step.weight[place] == weight[row]
    assert sorted(row for step in part.steps for row in step.rows) == [1, 9]
    for step in part.steps:
        for place, row in enumerate(step.rows):
            other, at = found[row]
            for mine, theirs in zip(step.layers, other.layers, strict=True):
                for name in ("given", "z", "a", "mask", "dL_da", "da_dz", "dL_dz"):
                    if getattr(mine, name) is not None:
                        np.testing.assert_array_equal(getattr(mine, name)[place], getattr(theirs, name)[at])


def test_steps_are_chosen_by_number_or_by_how_many(backend):
    X, y = data()
    trainer = trainer_of()
    with trainer.trace(steps=range(1, 20, 4)) as trace:
        trainer.fit(X, y, epochs=2)
        trainer.fit(X, y, epochs=2)
    assert [step.step for step in trace.steps] == [1, 5, 9]
    with trainer.trace() as trace:
        assert trace.steps == []
        trainer.fit(X, y)
        trainer.fit(X, y)
    assert [step.step for step in trace.steps] == [12]
    trainer.fit(X, y)
    assert len(trace.steps) == 1


def test_single_updates_and_batches_of_a_stream_are_traced(backend):
    X, y = data()
    by_hand, streamed, fitted = (trainer_of(**DISTURBED) for _ in range(3))
    fitted.shuffle = False
    with by_hand.trace(steps="all") as first:
        for start in (0, 4, 8):
            by_hand.train_on_batch(X[start : start + 4], y[start : start + 4])
    with streamed.trace(steps="all") as second:
        streamed.fit_batches([(X[start : start + 4], y[start : start + 4]) for start in (0, 4, 8)])
    with fitted.trace(steps="all") as third:
        fitted.fit(X, y)
    assert_same_bits(by_hand, fitted)
    assert_same_bits(streamed, fitted)
    assert [step.rows for step in third.steps] == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10]]
    for one, other, whole in zip(first.steps, second.steps, third.steps, strict=True):
        assert one.rows == other.rows == list(range(len(whole.rows)))
        assert one.loss == other.loss == whole.loss
        np.testing.assert_array_equal(one.layers[1].dL_dz, whole.layers[1].dL_dz)
        np.testing.assert_array_equal(other.layers[1].new_W, whole.layers[1].new_W)


def test_trainers_that_are_fitted_side_by_side_have_a_trace_each(backend):
    X, y = data()
    trainers, alone = ([trainer_of(optimizer=cr.SGD(rate)) for rate in (0.1, 0.2)] for _ in range(2))
    with trainers[0].trace(steps="all") as first, trainers[1].trace(steps=[3]) as second:
        cr.fit_many(trainers, X, y, epochs=2)
    for traced, plain in zip(trainers, alone, strict=True):
        plain.fit(X, y, epochs=2)
        assert_same_bits(traced, plain)
    assert [step.step for step in first.steps] == list(range(6))
    assert [(step.step, step.learning_rate) for step in second.steps] == [(3, 0.2)]
    np.testing.assert_array_equal(first.steps[-1].layers[0].new_W, trainers[0].model.weights[0])


def test_what_a_callback_writes_is_what_the_next_step_begins_with(backend):
    class Shrink(cr.Callback):
        def on_batch_end(self, fit):
            fit.trainer.model.weights[0][:] *= 0.5

    X, y = data()
    trainer = trainer_of()
    with trainer.trace(steps=2) as trace:
        trainer.fit(X, y, callbacks=[Shrink()])
    first, second = (step.layers[0] for step in trace.steps)
    np.testing.assert_array_equal(first.new_W * 0.5, second.W)


def test_a_schedule_and_frozen_layers_are_as_in_training(backend):
    X, y = data()
    trainer = trainer_of(optimizer=cr.SGD(lambda step: 0.1 / (1 + step)))
    trainer.freeze([1])
    with trainer.trace(steps="all") as trace:
        trainer.fit(X, y)
    assert [step.learning_rate for step in trace.steps] == [0.1, 0.05, 0.1 / 3]
    assert trace.steps[0].frozen == (2,)
    np.testing.assert_array_equal(trace.steps[0].layers[1].new_W, trace.steps[0].layers[1].W)
    assert np.any(trace.steps[0].layers[1].dL_dW)


def test_a_loss_of_the_users_and_a_missing_target_are_traced(backend):
    X, y = data()
    y[2, 1] = np.nan

    def mine(prediction, target):
        error = np.nan_to_num(prediction - target)
        return float((error**2).sum() / len(error)), 2 * error / len(error)

    for loss in ("mean_squared_error", mine):
        (step,) = model().explain(X, y, loss=loss).steps
        assert step.layers[-1].dL_dz[2, 1] == 0
        assert np.all(np.isfinite(step.layers[0].dL_dW))


def test_explaining_changes_nothing_and_has_no_dropout(backend):
    X, y = data()
    network = model(**DISTURBED)
    before = [array.copy() for array in (*network.weights, *network.biases)]
    trace = network.explain(X, y, optimizer=cr.SGD(0.5))
    for a, b in zip(before, (*network.weights, *network.biases), strict=True):
        np.testing.assert_array_equal(a, b)
    layers = trace.steps[0].layers
    assert all(layer.mask is None for layer in layers)
    np.testing.assert_array_equal(layers[0].given, X)
    np.testing.assert_allclose(layers[-1].a, network.predict(X), rtol=1e-14)
    np.testing.assert_array_equal(layers[0].new_W, layers[0].W + layers[0].velocity_W)


def test_row_by_row_training_is_the_same_with_a_trace_and_without(dtype):
    X, y = data(dtype=dtype)
    networks = [cr.MLP([4, 3, 3], activation="sigmoid", dtype=dtype, seed=1) for _ in range(2)]
    traced, plain = (
        cr.Trainer(one, loss="mean_squared_error", optimizer=cr.SGD(0.1), batch_size=1) for one in networks
    )
    with traced.trace(steps=[0, 7, 30]) as trace:
        traced.fit(X, y, epochs=4)
    plain.fit(X, y, epochs=4)
    assert_same_bits(traced, plain)
    assert len(trace.steps) == 3
    for step in trace.steps:
        for layer in step.layers:
            np.testing.assert_array_equal(layer.new_W, layer.W + layer.velocity_W)


def test_fits_that_look_at_the_clock_or_stop_early_are_traced(backend):
    X, y = data()
    ways = ({"time_budget": 60.0}, {"early_stopping": cr.EarlyStopping(patience=1), "validation_split": 0.3}, {"progress": True},
            {"target_loss": 1e9}, {"metrics": ["mean_squared_error"]})  # fmt: skip
    for how in ways:
        traced, plain = trainer_of(), trainer_of()
        with traced.trace(steps="all") as trace:
            traced.fit(X, y, epochs=2, **how)
        plain.fit(X, y, epochs=2, **how)
        assert_same_bits(traced, plain)
        assert len(trace.steps) == traced.step


@pytest.mark.parametrize("activation", TRAINABLE)
def test_every_activation_is_traced_and_checked(backend, dtype, activation):
    X, y = data(dtype=dtype)
    shares = model(activation, dtype=dtype).explain(X, y).check()
    assert shares["z"] <= 1
    assert {"a", "da_dz", "dL_da", "dL_dz", "dL_dW", "dL_db", "loss", "new_W", "velocity_W"} <= set(shares)


@pytest.mark.parametrize(
    ("output", "loss"), [("softmax", "cross_entropy"), ("sigmoid", "half_squared_error")]
)
def test_explain_takes_the_loss_that_goes_with_the_output(backend: str, output: str, loss: str) -> None:
    model = cr.MLP([2, 3, 2], output_activation=output, dtype="float64", seed=0)
    X, y = [[1.0, 2.0]], [[0.0, 1.0]]
    found, expected = model.explain(X, y), model.explain(X, y, loss=loss)
    assert found.to_dict() == expected.to_dict()
    assert found.to_dict() != model.explain(X, y, loss="mean_squared_error").to_dict()

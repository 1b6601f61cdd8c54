"""Updates that the user makes: single batches, gradients of one's own, gradients that are added up."""

from __future__ import annotations

import chainrule as cr
import numpy as np
import pytest
from chainrule._network import TrainingState
from optimizer_cases import NETWORKS, OPTIMIZERS, arrays, start
from tolerances import GRADIENT

pytestmark = pytest.mark.usefixtures("backend")


def a_trainer(optimizer=cr.SGD(0.05, momentum=0.9), dtype="float32", sizes=(5, 37, 20, 3), **settings):  # noqa: B008
    model = cr.MLP(list(sizes), activation="tanh", output_activation="softmax", dropout=0.2, input_noise=0.1,
                   dtype=dtype, seed=2)  # fmt: skip
    return cr.Trainer(
        model, loss="cross_entropy", optimizer=optimizer, **{"batch_size": 16, "seed": 3, **settings}
    )


def data(dtype="float32", n=50):
    rng = np.random.default_rng(0)
    return rng.normal(size=(n, 5)).astype(dtype), rng.integers(0, 3, n)


def bits(trainer):
    state = trainer.state
    return [a.tobytes() for a in arrays(state)], state.step, state.rule, state.started


@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize("name", [name for name in OPTIMIZERS if name != "rprop"])
def test_so_many_train_on_batch_give_the_bits_of_fit_over_the_same_batches(name, shuffle, dtype):
    X, y = data(dtype)
    fitted, by_hand = (a_trainer(OPTIMIZERS[name], dtype, shuffle=shuffle) for _ in range(2))
    history = fitted.fit(X, y, epochs=3)
    for epoch in range(3):
        order = cr.native.permutation(len(X), seed=3, epoch=epoch) if shuffle else np.arange(len(X))
        losses = []
        for start_row in range(0, len(X), 16):
            batch = order[start_row : start_row + 16]
            losses.append((by_hand.train_on_batch(X[batch], y[batch]), len(batch)))
        mean = sum(loss * n for loss, n in losses) / len(X)
        assert mean == pytest.approx(history.loss[epoch], rel=1e-6)
    assert bits(by_hand) == bits(fitted)
    assert (by_hand.epoch, fitted.epoch) == (0, 3)


def test_rows_one_by_one_give_the_bits_of_fit_row_by_row(dtype):
    """The native core has a way of its own for tiny networks and single rows."""
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(30, 2)).astype(dtype), rng.normal(size=(30, 1)).astype(dtype)
    fitted, by_hand, in_parts = (
        cr.Trainer(
            cr.MLP([2, 3, 1], activation="tanh", dtype=dtype, seed=1), loss="half_squared_error",
            optimizer=cr.SGD(0.1, momentum=0.9, weight_decay=0.01), batch_size=1, shuffle=False
        )
        for _ in range(3)
    )  # fmt: skip
    fitted.fit(X, y, epochs=1)
    for i in range(30):
        by_hand.train_on_batch(X[i : i + 1], y[i : i + 1])
        in_parts.apply_gradients(in_parts.gradients(X[i : i + 1], y[i : i + 1]))
    assert bits(by_hand) == bits(fitted) == bits(in_parts)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_gradients_then_apply_gradients_is_train_on_batch_to_the_bit(name, dtype):
    X, y = data(dtype)
    at_once, in_parts, passed = (a_trainer(OPTIMIZERS[name], dtype) for _ in range(3))
    from chainrule.backend import core

    for _ in range(4):
        at_once.train_on_batch(X, y)
        in_parts.apply_gradients(in_parts.gradients(X, y))
        kept = passed.forward(X, keep=True)
        _, dZ = core().loss_and_gradient("cross_entropy", kept.sums, y, output_activation="softmax")
        passed.apply_gradients(kept.backward(d_sums=dZ))
    assert bits(in_parts) == bits(at_once) == bits(passed)


@pytest.mark.parametrize("bias", ["unit", "layer", None])
@pytest.mark.parametrize("kind", NETWORKS)
@pytest.mark.parametrize("name", ["adam with everything", "sgd with penalties", "sgd with a clipped norm"])
def test_any_shape_is_updated_as_in_training(core, name, kind, bias, dtype):
    sizes, _ = NETWORKS[kind]
    optimizer = OPTIMIZERS[name]
    states = []
    for by_hand in (False, True):
        network, state, X, Y = start(optimizer, sizes, bias, dtype)
        how = {"loss": "mean_squared_error", "seed": 1}
        for _ in range(2):
            if by_hand:
                _, dWs, dbs = core.gradients(
                    network, state.weights, state.biases, X, Y, step=state.step, **how
                )
                core.apply_gradients(network, state, dWs, dbs, optimizer=optimizer)
            else:
                core.train_epochs(
                    network, state, X, Y, optimizer=optimizer, batch_size=50, shuffle=False, epochs=1, **how
                )
        states.append(state)
    trained, by_hand = states
    assert [a.tobytes() for a in arrays(by_hand)] == [a.tobytes() for a in arrays(trained)]
    assert (by_hand.step, by_hand.epoch) == (2, 0)


def test_accumulated_gradients_are_those_of_the_whole_batch(dtype):
    X, y = data(dtype)
    trainer = cr.Trainer(
        cr.MLP([5, 20, 3], output_activation="softmax", dtype=dtype, seed=0), loss="cross_entropy"
    )
    total = None
    for part in (slice(0, 20), slice(20, 27), slice(27, 50)):
        share = len(X[part]) / 50
        found = trainer.gradients(X[part], y[part]).times(share)
        total = found if total is None else total.plus(found)
    whole = trainer.gradients(X, y)
    assert total.loss == pytest.approx(whole.loss, rel=1e-6)
    for found, expected in zip(total.weights + total.biases, whole.weights + whole.biases, strict=True):
        assert found.dtype == dtype
        np.testing.assert_allclose(found, expected, rtol=0, atol=GRADIENT[dtype] * abs(expected).max())
    trainer.apply_gradients(total)
    assert trainer.step == 1
    with pytest.raises(ValueError, match="other must be of a network of the same shape and dtype"):
        total.plus(
            cr.Trainer(cr.MLP([5, 3], dtype=dtype), loss="mean_squared_error").gradients(
                X, np.ones((50, 3), dtype)
            )
        )
    with pytest.raises(TypeError, match="other must be Gradients"):
        total.plus(3)
    for wrong in ("2", None, True, [1.0]):
        with pytest.raises(TypeError, match="factor must be a number"):
            total.times(wrong)
    twice = sum([total, total])
    for same in (
        total.times(np.float32(2)),
        total.plus(total),
        total * 2,
        np.int64(2) * total,
        total + total,
    ):
        assert [a.tobytes() for a in same.weights] == [a.tobytes() for a in twice.weights]
        assert (len(same), same.loss) == (3, 2 * total.loss)


def test_a_pair_of_lists_in_any_layout_is_taken_as_gradients():
    one, other = (a_trainer() for _ in range(2))
    found = one.gradients(*data())
    one.apply_gradients(found)
    other.apply_gradients(([np.asfortranarray(w) for w in found.weights], tuple(found.biases)))
    assert bits(one) == bits(other)


@pytest.mark.parametrize("name", ["adam", "sgd with a clipped norm", "sgd with penalties"])
def test_gradients_that_are_not_finite_or_updates_that_overflow_are_refused_and_nothing_changes(name, dtype):
    trainer = a_trainer(OPTIMIZERS[name], dtype)
    X, y = data(dtype)
    trainer.fit(X, y, epochs=1)
    before = bits(trainer)
    for value, where in ((np.nan, "weights"), (np.inf, "biases"), (-np.inf, "weights")):
        found = trainer.gradients(X, y)
        getattr(found, where)[1].flat[0] = value
        with pytest.raises(
            FloatingPointError,
            match=f"no update was made: the gradient of the {where} of layer 2 is not finite",
        ):
            trainer.apply_gradients(found)
        assert bits(trainer) == before
    if name == "sgd with penalties":
        trainer.optimizer = cr.SGD(1e30, momentum=0.9)
        before = bits(trainer)
        huge = trainer.gradients(X, y).times(float(np.finfo(dtype).max) / 1e3)
        with pytest.raises(FloatingPointError, match=r"an updated parameter of layer \d is not finite"):
            trainer.apply_gradients(huge)
        assert bits(trainer) == before


def test_what_is_no_gradient_is_refused_by_name_and_nothing_changes():
    trainer = a_trainer()
    found, before = trainer.gradients(*data()), bits(trainer)
    wrong = [
        (None, TypeError, "gradients must be Gradients"),
        ([1], TypeError, "gradients must be Gradients"),
        ((found.weights[:2], found.biases), ValueError, "weight_gradients has 2 arrays, but this MLP expects 3"),
        ((found.weights, []), ValueError, "bias_gradients has 0 arrays"),
        ((found.weights[::-1], found.biases), ValueError, r"weight_gradients\[0\] has shape"),
        (([w.astype("float64") for w in found.weights], found.biases), TypeError, r"weight_gradients\[0\] is float64"),
        ((["x"] * 3, found.biases), TypeError, r"weight_gradients\[0\] must be a NumPy array"),
        ((trainer.model.weights, found.biases), ValueError, "must not share memory"),
    ]  # fmt: skip
    for gradients, kind, text in wrong:
        with pytest.raises(kind, match=text):
            trainer.apply_gradients(gradients)
        assert bits(trainer) == before
    trainer.optimizer = cr.LBFGS()
    with pytest.raises(TypeError, match="LBFGS minimises the loss of all rows"):
        trainer.apply_gradients(found)


def test_a_pass_in_training_has_the_dropout_and_the_noise_of_the_next_step():
    X, _ = data()
    trainer = a_trainer()
    first = trainer.forward(X)
    assert not np.array_equal(first, trainer.model.predict(X))
    assert np.array_equal(first, trainer.forward(X, keep=True).output)
    trainer.train_on_batch(*data())
    assert not np.array_equal(first, trainer.forward(X))


def test_the_number_of_threads_changes_no_bit_of_an_update(native, monkeypatch):
    monkeypatch.setenv("CHAINRULE_OVERSUBSCRIBE", "1")
    seen = set()
    for n_threads in (1, 2, 3, 7):
        network, state, X, Y = start(OPTIMIZERS["adam with everything"], (1100, 1000, 2), "unit", "float32")
        _, dWs, dbs = native.gradients(network, state.weights, state.biases, X, Y, loss="mean_squared_error")
        native.apply_gradients(
            network, state, dWs, dbs, optimizer=OPTIMIZERS["adam with everything"], n_threads=n_threads
        )
        seen.add(b"".join(a.tobytes() for a in arrays(state)))
    assert len(seen) == 1
    assert isinstance(state, TrainingState)

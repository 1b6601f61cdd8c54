"""Layers that do not learn: they stay to the bit, the others learn as if the frozen ones were given."""

from __future__ import annotations

import pickle

import chainrule as cr
import numpy as np
import pytest
from chainrule import reference
from optimizer_cases import NETWORKS, OPTIMIZERS, arrays, start
from tolerances import TRAINED, assert_within

FROZEN = [(0,), (1,), (0, 1), (2,), (0, 2)]


def trained(core, name, kind, dtype, frozen, bias="unit", epochs=2, **how):
    sizes, batch = NETWORKS[kind]
    optimizer = OPTIMIZERS[name]
    network, state, X, Y = start(optimizer, sizes, bias, dtype, 0.2 if kind != "tiny" else 0.0)
    before = [a.copy() for a in arrays(state)]
    settings = {"loss": "mean_squared_error", "optimizer": optimizer, "shuffle": True, "seed": 1, "epochs": epochs,
                "batch_size": 50 if name == "rprop" else batch}  # fmt: skip
    core.train_epochs(network, state, X, Y, frozen=frozen, **{**settings, **how})
    return network, state, before


def layer_of(network, i):
    """The layer of the i-th of the arrays of a state."""
    n = network.n_layers
    return i % n


@pytest.mark.parametrize("frozen", [f for f in FROZEN if f != (0, 1)])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_frozen_layers_stay_to_the_bit_and_the_others_learn_as_in_the_reference(native, name, frozen, dtype):
    network, state, before = trained(native, name, "narrow", dtype, frozen)
    _, twin, _ = trained(reference, name, "narrow", dtype, frozen)
    for i, (found, expected, old) in enumerate(zip(arrays(state), arrays(twin), before, strict=True)):
        if layer_of(network, i) in frozen:
            assert found.tobytes() == expected.tobytes() == old.tobytes()
        else:
            assert_within(found, expected, TRAINED[dtype] * max(abs(expected).max(), 1e-3), (name, i))
            if i < 2 * network.n_layers:  # a parameter, which some rules remember nothing of
                assert found.tobytes() != old.tobytes()
    assert state.losses == pytest.approx(twin.losses, rel=TRAINED[dtype])


@pytest.mark.parametrize("kind", ["tiny", "owned columns", "large"])
@pytest.mark.parametrize("bias", ["unit", "layer", None])
def test_any_shape_keeps_its_frozen_layers(core, kind, bias, dtype):
    epochs = 1 if kind == "large" else 2
    network, state, before = trained(core, "sgd with a clipped norm", kind, dtype, (0,), bias, epochs)
    for i, (found, old) in enumerate(zip(arrays(state), before, strict=True)):
        assert (found.tobytes() == old.tobytes()) == (layer_of(network, i) == 0)


@pytest.mark.parametrize("name", ["adam", "sgd with penalties"])
def test_the_first_step_of_what_learns_is_the_same_as_without_frozen_layers(core, name, dtype):
    how = {"batch_size": 50, "epochs": 1, "shuffle": False}
    network, free, _ = trained(core, name, "narrow", dtype, (), **how)
    for frozen in FROZEN:
        _, state, _ = trained(core, name, "narrow", dtype, frozen, **how)
        for i, (found, expected) in enumerate(zip(arrays(state), arrays(free), strict=True)):
            if layer_of(network, i) not in frozen:
                assert found.tobytes() == expected.tobytes()


def test_frozen_layers_are_in_no_norm_of_the_gradient(core):
    """With the first layer frozen, the limit is that of the norm of the rest."""
    optimizer = cr.SGD(1.0, clip_norm=1e-3)
    network, state, X, Y = start(optimizer, (5, 37, 70, 3), "unit", "float64")
    old = [w.copy() for w in (*state.weights, *state.biases)]
    core.train_epochs(network, state, X, Y, loss="mean_squared_error", optimizer=optimizer, batch_size=50,
                      shuffle=False, seed=0, epochs=1, frozen=(0,))  # fmt: skip
    change = [a - b for a, b in zip((*state.weights, *state.biases), old, strict=True)]
    norm = sum(float((c * c).sum()) for c in change) ** 0.5
    assert norm == pytest.approx(1e-3, rel=2e-3)  # 1e-6 is added to the norm of the gradient
    assert norm < 1e-3


@pytest.mark.usefixtures("oversubscribed")
@pytest.mark.parametrize("kind", ["narrow", "owned columns", "large"])
@pytest.mark.parametrize("frozen", [(0,), (1,)])
def test_the_number_of_threads_changes_no_bit_with_frozen_layers(native, kind, frozen):
    seen = set()
    for n_threads in (1, 2, 3, 7):
        _, state, _ = trained(
            native, "adam with everything", kind, "float32", frozen, epochs=1, n_threads=n_threads
        )
        seen.add(b"".join(a.tobytes() for a in arrays(state)))
    assert len(seen) == 1


def a_trainer(**settings):
    model = cr.MLP([5, 16, 8, 3], output_activation="softmax", seed=0)
    return cr.Trainer(
        model, loss="cross_entropy", **{"optimizer": cr.Adam(0.01), "batch_size": 10, **settings}
    )


def data(rows=40):
    rng = np.random.default_rng(0)
    return rng.normal(size=(rows, 5)).astype("float32"), rng.integers(0, 3, rows)


@pytest.mark.usefixtures("backend")
def test_freeze_and_unfreeze_say_what_learns():
    trainer = a_trainer(frozen=[0])
    trainer.freeze(1)
    assert trainer.frozen == (0, 1)
    first, last = trainer.model.weights[0].copy(), trainer.model.weights[2].copy()
    trainer.fit(*data(), epochs=2)
    assert np.array_equal(trainer.model.weights[0], first)
    assert not np.array_equal(trainer.model.weights[2], last)
    trainer.train_on_batch(*data())
    trainer.apply_gradients(trainer.gradients(*data()))
    assert np.array_equal(trainer.model.weights[0], first)
    assert trainer.gradients(*data()).weights[0].any()
    trainer.unfreeze(0)
    assert trainer.frozen == (1,)
    trainer.fit(*data(), epochs=1)
    assert not np.array_equal(trainer.model.weights[0], first)
    trainer.unfreeze()
    assert trainer.frozen == ()


@pytest.mark.usefixtures("backend")
def test_what_cannot_be_frozen_is_refused_and_nothing_changes():
    trainer = a_trainer()
    for layers, kind, text in (
        ([0, 1, 2], ValueError, "frozen has all 3 layers; at least one must be left to learn"),
        (3, ValueError, r"frozen\[0\] must be"),
        (-1, ValueError, r"frozen\[0\] must be"),
        ("0", TypeError, r"frozen\[0\] must be an int"),
        (True, TypeError, r"frozen\[0\] must be an int"),
        ([0.0], TypeError, r"frozen\[0\] must be an int"),
    ):
        with pytest.raises(kind, match=text):
            trainer.freeze(layers)
        assert trainer.frozen == ()
    with pytest.raises(ValueError, match="layers must be"):
        trainer.unfreeze(3)
    trainer.freeze(0)
    with pytest.raises(ValueError, match=r"frozen is \(0,\), but LBFGS trains all layers"):
        trainer.optimizer = cr.LBFGS()
    assert trainer.optimizer == cr.Adam(0.01)
    whole = a_trainer(optimizer=cr.LBFGS(), batch_size="full")
    with pytest.raises(ValueError, match="LBFGS trains all layers"):
        whole.freeze(1)
    assert whole.frozen == ()


@pytest.mark.usefixtures("backend")
def test_frozen_layers_are_kept_in_pickles_and_checkpoints_and_only_where_there_are_some(tmp_path):
    free, frozen = a_trainer(), a_trainer(frozen=[1])
    assert "frozen" not in free.__getstate__()
    assert pickle.loads(pickle.dumps(frozen)).frozen == (1,)
    assert pickle.loads(pickle.dumps(free)).frozen == ()
    whole = a_trainer(frozen=[1])
    whole.fit(*data(), epochs=4)
    path = tmp_path / "a.run"
    frozen.fit(*data(), epochs=2, checkpoint=path)
    resumed = cr.Trainer.resume(path)
    assert resumed.frozen == (1,)
    resumed.fit(*data(), epochs=2, checkpoint=path)
    assert [w.tobytes() for w in resumed.model.weights] == [w.tobytes() for w in whole.model.weights]
    with cr.Checkpoints(path) as run:
        assert run.settings["frozen"] == [1]
    free.fit(*data(), epochs=1, checkpoint=tmp_path / "b.run")
    with cr.Checkpoints(tmp_path / "b.run") as run:
        assert "frozen" not in run.settings


@pytest.mark.usefixtures("backend")
def test_an_error_names_the_layer_that_learns_and_is_not_finite():
    trainer = a_trainer(optimizer=cr.SGD(1e30), frozen=[0])
    with pytest.raises(FloatingPointError, match="training stopped in epoch 0, step"):
        trainer.fit(*data(), epochs=5)
    assert all(np.isfinite(w).all() for w in trainer.model.weights)


def test_the_plan_knows_that_frozen_layers_have_no_row_by_row_way(native):
    trainer = cr.Trainer(cr.MLP([2, 3, 1]), loss="mean_squared_error", batch_size=1)
    assert trainer.plan()["way"].startswith("row by row")
    trainer.freeze(0)
    assert not trainer.plan()["way"].startswith("row by row")
